"""Calling compiled functions: structures, sizes, conversions, refusals, updates, threads."""

from __future__ import annotations

import copy
import itertools
import pickle
import threading

import numpy as np
import pytest

import graphc as gc
from graphc.compiler import versions


def _line() -> gc.Function:
    x = gc.input("x", ("n", 3))
    w = gc.input("w", (3,))
    return gc.compile([x, w], {"product": x * w, "total": gc.sum(x)})


def test_results_have_the_structure_of_the_outputs() -> None:
    x = gc.input("x", (4,))
    data = np.arange(4, dtype=np.float32)
    for outputs in (x + 1, [x + 1], (x + 1, x * 2), {"a": x, "b": [x + 1, (x,)]}):
        found = gc.compile([x], outputs)(data)
        expected = gc.interpret(outputs, {x: data})
        assert str(found) == str(expected)


def test_a_new_size_of_a_named_dimension_just_works() -> None:
    f = _line()
    for n in (5, 2, 0, 5, 64):
        x, w = np.ones((n, 3), np.float32), np.arange(3, dtype=np.float32)
        found = f(x, w)
        np.testing.assert_array_equal(found["product"], x * w)
        assert found["total"] == 3 * n


@pytest.mark.parametrize(
    "strange",
    [
        np.ones((4, 6), np.float32)[:, ::2],
        np.ones((4, 3), np.float32)[::-1],
        np.ones((4, 3), ">f4"),
        np.ones((4, 3), np.float64),
        np.ones((4, 3), np.uint8),
        np.ones((4, 3), np.float32, order="F"),
        np.frombuffer(b"\0" + np.ones(12, np.float32).tobytes(), np.float32, 12, 1).reshape(4, 3),
        [[1, 1, 1]] * 4,
    ],
)
def test_unusual_arrays_are_converted(strange: object) -> None:
    found = _line()(strange, np.ones(3, np.float32))
    np.testing.assert_array_equal(found["product"], np.ones((4, 3), np.float32))


def test_read_only_inputs_are_fine_and_inputs_stay_as_they_are() -> None:
    x = np.ones((4, 3), np.float32)
    x.setflags(write=False)
    result = _line()(x, np.ones(3, np.float32))["product"]
    result[:] = 7
    assert x.min() == x.max() == 1


@pytest.mark.parametrize(
    ("args", "kwargs", "error", "says"),
    [
        ((np.ones((2, 3), np.float32),), {}, gc.GraphError, "'w'"),
        ((1, 2, 3), {}, gc.GraphError, "takes 2"),
        ((np.ones((2, 3), np.float32),), {"v": 1}, gc.GraphError, "no input 'v'"),
        ((np.ones((2, 3), np.float32), np.ones(3, np.float32)), {"w": 1}, gc.GraphError, "twice"),
        ((np.ones((2, 4), np.float32), np.ones(3, np.float32)), {}, gc.ShapeError, "size 3, not 4"),
        ((np.ones(3, np.float32), np.ones(3, np.float32)), {}, gc.ShapeError, "axes"),
        ((np.ones((2, 3), np.complex64), np.ones(3, np.float32)), {}, gc.DTypeError, "complex64"),
        ((object(), np.ones(3, np.float32)), {}, gc.DTypeError, "array"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_users_line(args, kwargs, error, says) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=says):
        _line()(*args, **kwargs)


def test_compile_refuses_bad_inputs_and_updates() -> None:
    x, w = gc.input("x", (3,)), gc.param("w", np.zeros(3, np.float32))
    for inputs, outputs, updates, says in [
        ([], x + 1, None, "not among the inputs"),
        ([x, x], x, None, "twice"),
        ([x + 1], x, None, "gc.input"),
        ([x], x, {x: x + 1}, "params"),
        ([x], x, [(w, x), (w, x + 1)], "updated twice"),
    ]:
        with pytest.raises(gc.GraphError, match=says):
            gc.compile(inputs, outputs, updates)
    with pytest.raises(gc.ShapeError):
        gc.compile([], w, {w: gc.sum(w)})
    with pytest.raises(gc.DTypeError):
        gc.compile([], w, {w: gc.astype(w, "float64")})


def test_inputs_that_share_a_name_are_told_apart_by_position() -> None:
    x, y = gc.input("x", ()), gc.input("x", ())
    f = gc.compile([x, y], x - y)
    assert f(5, 3) == 2
    with pytest.raises(gc.GraphError, match="tell apart"):
        f(5, x=3)


def test_updates_are_simultaneous() -> None:
    a = gc.param("a", np.array([1.0, 2.0], np.float32))
    b = gc.param("b", np.array([3.0, 4.0], np.float32))
    f = gc.compile([], [a, gc.reshape(b, (1, 2))], {a: b, b: a})
    old_a, old_b = f()
    assert old_a.tolist() == [1, 2] and old_b.tolist() == [[3, 4]]
    assert a.value.tolist() == [3, 4] and b.value.tolist() == [1, 2]
    g = gc.compile([], a, {a: a + gc.flip(b) if hasattr(gc, "flip") else a + b[::-1], b: a * 2})
    assert g().tolist() == [3, 4]
    assert a.value.tolist() == [5, 5] and b.value.tolist() == [6, 8]


@pytest.mark.parametrize("optimize", [0, 1, 2, 3])
def test_a_new_value_that_is_stored_in_the_params_shape_only(optimize: int) -> None:
    p, q = gc.param("p", np.ones(2)), gc.param("q", 3.0, "float64")
    x, b = gc.input("x", (4, 1, 1), "float64"), gc.input("b", (1, 1), "bool")
    new = {p: gc.reshape(x[::2], (2,)), q: gc.astype(gc.any(b | b), "float64")}
    gc.compile([x, b], [], new, optimize=optimize)(np.arange(4.0).reshape(4, 1, 1), [[True]])
    assert p.value.tolist() == [0, 2]
    assert q.value == 1


@pytest.mark.parametrize("optimize", [0, 1, 2, 3])
def test_outputs_of_the_same_bytes_in_any_order(optimize: int) -> None:
    x = gc.input("x", (1, 2), "float64")
    matrix = x[::2, :1]
    vector = gc.reshape(matrix, (1,))
    for outputs in itertools.product([matrix, vector], repeat=3):
        found = gc.compile([x], list(outputs), optimize=optimize)(np.array([[3.0, 4.0]]))
        assert [(a.shape, a.item()) for a in found] == [(e.shape, 3) for e in outputs]


def test_functions_are_not_pickled_and_copies_are_the_same() -> None:
    x = gc.input("x", (4,))
    f = gc.compile([x], x + 1, name="grow")
    with pytest.raises(gc.GraphError, match="grow: a compiled function is not pickled"):
        pickle.dumps(f)
    assert copy.deepcopy([f])[0] is copy.copy(f) is f


def test_out_takes_exact_arrays_only() -> None:
    x = gc.input("x", (4,))
    f = gc.compile([x], x + 1)
    data, out = np.arange(4, dtype=np.float32), np.empty(4, np.float32)
    assert f(data, out=out) is out and out.tolist() == [1, 2, 3, 4]
    for bad, error in [
        (np.empty(4), gc.DTypeError),
        (np.empty(5, np.float32), gc.ShapeError),
        (np.empty(8, np.float32)[::2], gc.ShapeError),
        (data, gc.GraphError),
    ]:
        with pytest.raises(error):
            f(data, out=bad)


def test_sixteen_threads_leave_what_some_serial_order_would() -> None:
    w = gc.param("w", np.zeros((64, 64), np.float32))
    x = gc.input("x", (64, 64))
    step = gc.compile([x], gc.sum(w), {w: w + x})
    one = np.ones((64, 64), np.float32)

    def work() -> None:
        for _ in range(50):
            step(one)

    threads = [threading.Thread(target=work) for _ in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert (w.value == 800).all()


def test_specializations_are_bounded() -> None:
    x = gc.input("x", (3, "n"))
    f = gc.compile([x], x * 2)
    for n in range(1, 40):
        assert f(np.ones((3, n), np.float32)).shape == (3, n)
    assert len(f._versions) == 32


def test_additions_to_one_constant_place_all_count() -> None:
    x = gc.param("x", np.array([1.0, 2.0], np.float32))
    same = gc.constant(np.zeros(3, np.int64))
    i = gc.broadcast_to(gc.constant(0), (3,))
    for index in (same, i):
        gradient = gc.grad(gc.sum(gc.take_along_axis(x, index, axis=0)), x)
        assert gc.compile([], gradient)().tolist() == [3, 0]
        assert gc.compile([], gradient, optimize=0)().tolist() == [3, 0]


def test_indices_out_of_range_are_clamped_and_their_gradient_dropped() -> None:
    x, i = gc.input("x", (2, 3)), gc.input("i", (2, 1), dtype="int64")
    taken = gc.take_along_axis(x, i, axis=1)
    f = gc.compile([x, i], [taken, gc.grad(gc.sum(taken), x)])
    data = np.arange(6, dtype=np.float32).reshape(2, 3)
    value, gradient = f(data, np.array([[-1], [99]]))
    assert value.tolist() == [[2], [5]]
    assert gradient.tolist() == [[0, 0, 1], [0, 0, 0]]


def test_arrays_for_results_go_by_key() -> None:
    x = gc.input("x", (2,))
    f = gc.compile([x], {"p": x * 2, "q": x * 3})
    out = {"q": np.empty(2, "float32"), "p": np.empty(2, "float32")}
    assert f(np.ones(2, "float32"), out=out) is out
    np.testing.assert_array_equal([out["p"], out["q"]], [[2, 2], [3, 3]])
    for other in ({"p": out["p"], "r": out["q"]}, list(out.values()), out["p"]):
        with pytest.raises(gc.GraphError, match="as a result does"):
            f(np.ones(2, "float32"), out=other)


def test_programs_for_other_sizes_give_their_arenas_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the latest, nor what is in use; and called again, they have another one."""
    monkeypatch.setattr(versions, "IDLE_BYTES", 100_000)
    x = gc.input("x", ("n",), dtype="float64")
    f = gc.compile([x], gc.sort(gc.sort(gc.exp(x)) + 1)[::-1] - gc.sort(x))

    def check(n: int) -> None:
        values = np.random.default_rng(n).normal(size=n)
        np.testing.assert_allclose(f(values), np.sort(np.exp(values))[::-1] + 1 - np.sort(values), rtol=1e-12)

    sizes = [3000, 5000, 7000, 9000]
    for n in (*sizes, *sizes, *reversed(sizes)):
        check(n)
        programs = {version.sizes["n"]: version.program for version in f._versions}
        held = {n: p.signature.arena_bytes for n, p in programs.items() if p._own.state[0]}
        assert n in held
        assert sum(held.values()) <= max(100_000, 2 * held[n])
    program = programs[n]
    program._own.state[1] = 1  # a call has it
    before = program._own.state[0]
    program.let_go()
    assert program._own.state[0] == before != 0
    program._own.state[1] = 0
    program.let_go()
    assert program._own.state[0] == 0
    check(n)
