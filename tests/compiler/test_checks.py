"""`check=True`: what is reported, what is not, in whose name, and what a failing call leaves behind."""

from __future__ import annotations

import itertools
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from strategies import GraphCase, graphs

import graphc as gc
from graphc.ir.expr import make, post_order
from graphc.ir.op import REGISTRY

FLOATS = ("float32", "float64")
VALUES = (0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 30.0, 1e30, -1e30, np.inf, -np.inf)
ELEMENTWISE = [
    op for op in REGISTRY.values()
    if op.kind == "elementwise" and "float" in op.dtypes and not op.params and not op.flags & {"comparison", "logical"}
]  # fmt: skip


def _here(below: int) -> str:
    """The line so many lines below the caller's, as errors name it."""
    return f"{Path(__file__)}:{sys._getframe(1).f_lineno + below}"


def _badness(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """0 for finite numbers, 1 for infinities, 2 for nan."""
    return np.where(np.isnan(x), 2, np.where(np.isinf(x), 1, 0))


@pytest.mark.parametrize("op", ELEMENTWISE, ids=lambda op: op.name)
def test_an_op_is_reported_when_its_result_is_worse_than_all_its_operands(op: Any) -> None:
    inputs = [gc.input(f"x{i}", ()) for i in range(op.arity)]
    try:
        out = make(op, tuple(inputs))
    except gc.DTypeError:
        pytest.skip("takes other dtypes too")
    if not out.dtype.is_float:
        pytest.skip("no float")
    f = gc.compile(inputs, out, check=True, optimize=0)
    plain = gc.compile(inputs, out, optimize=0)
    for values in itertools.product(VALUES, repeat=op.arity):
        arrays = [np.array(v, np.float32) for v in values]
        made = plain(*arrays)
        if _badness(made) > max(_badness(a) for a in arrays):
            with pytest.raises(gc.NotFiniteError, match=rf"{op.name} made {str(made).replace('+', '')}\n"):
                f(*arrays)
        else:
            np.testing.assert_array_equal(f(*arrays), made)


def test_the_message_names_the_op_and_the_users_line() -> None:
    x = gc.input("x", (5, 4))
    line = _here(1)
    y = gc.log(x)
    f = gc.compile([x], gc.sum(y * 2, axis=0), name="model", check=True)
    with pytest.raises(gc.NotFiniteError) as error:
        f(np.zeros((5, 4), np.float32))
    text = str(error.value)
    assert text.startswith("model: log made -inf")
    assert f"log of dtype float32 and shape (5, 4), built at {line}" in text
    assert isinstance(error.value, FloatingPointError) and isinstance(error.value, gc.CheckError)


def test_lines_are_known_behind_named_sizes_and_rewriting() -> None:
    x = gc.input("x", ("n", 3))
    line = _here(1)
    y = gc.log(x)
    f = gc.compile([x], gc.mean(y / 2 + 0.0), check=True)
    with pytest.raises(gc.NotFiniteError, match=f"built at {line}"):
        f(np.zeros((6, 3), np.float32))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("size", [1, 3, 16, 37, 64, 1000])
def test_every_element_is_seen_and_nothing_else(dtype: str, size: int) -> None:
    x = gc.input("x", (size,), dtype=dtype)
    f = gc.compile([x], gc.log(x) * 2 + 1, check=True)
    good = np.linspace(1, 2, size).astype(dtype)
    np.testing.assert_array_equal(f(good), gc.compile([x], gc.log(x) * 2 + 1)(good))
    for at in {0, size // 2, size - 1}:
        bad = good.copy()
        bad[at] = 0
        with pytest.raises(gc.NotFiniteError, match="log made -inf"):
            f(bad)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("name", ["sum", "prod", "cumulative_sum", "cumulative_prod"])
def test_sums_and_products_that_overflow(name: str, axis: int | None, dtype: str) -> None:
    if axis is None and name.startswith("cumulative"):
        axis = 0
    x = gc.input("x", (9, 21), dtype=dtype)
    function = getattr(gc, name)
    f = gc.compile([x], function(x, axis=axis), check=True)
    values = np.full((9, 21), 1.0, dtype)
    np.testing.assert_allclose(f(values), gc.interpret(function(x, axis=axis), {x: values}))
    values[3, 5] = values[4, 5] = values[3, 6] = np.finfo(dtype).max
    with pytest.raises(gc.NotFiniteError, match=f"{name} made inf"):
        f(values)
    values[:] = 1
    values[3, 5] = np.inf
    assert np.isinf(f(values)).any()
    values[4, 5] = values[3, 6] = -np.inf
    if name.endswith("sum"):
        with pytest.raises(gc.NotFiniteError, match=f"{name} made nan"):
            f(values)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("axis", [None, 0])
@pytest.mark.parametrize(("name", "shape"), [
    ("sum", (90_001,)), ("prod", (90_001,)), ("sum", (70_000, 3)), ("prod", (1100, 1000)), ("sum", (1100, 1000)),
])  # fmt: skip
def test_sums_and_products_in_pieces(name: str, shape: tuple[int, ...], axis: int | None, dtype: str) -> None:
    """The same bits as without checks; what overflows within a piece, or when they come together, is told."""
    x = gc.input("x", shape, dtype=dtype)
    result = getattr(gc, name)(x, axis=axis)
    f = gc.compile([x], result, check=True)
    assert "partial0" in f.dump("loops")
    values = np.random.default_rng(0).normal(size=shape).astype(dtype)
    if name == "prod":
        values = 1 + values * 1e-4
    np.testing.assert_array_equal(f(values), gc.compile([x], result)(values))
    largest = np.finfo(dtype).max
    for places in ([5, 6], [5, shape[0] - 2]):
        wrong = values.copy()
        wrong[places] = largest
        with pytest.raises(gc.NotFiniteError, match=f"{name} made inf"):
            f(wrong)
    wrong = values.copy()
    wrong[7] = np.inf
    assert np.isinf(f(wrong)).all()
    wrong[7] = np.nan
    with pytest.raises(gc.NotFiniteError, match="'x'"):
        f(wrong)


@pytest.mark.parametrize("dtype", FLOATS)
def test_columns_summed_on_the_way(dtype: str) -> None:
    """Gradients of a normalization, in one kernel with the rows: the same bits, and the columns' faults are told."""
    x, gain = gc.input("x", (2000, 128), dtype=dtype), gc.input("gain", (128,), dtype=dtype)
    normal = (x - gc.mean(x, axis=1, keepdims=True)) / gc.sqrt(gc.var(x, axis=1, keepdims=True) + 1e-3)
    outputs = [normal * gain, gc.sum(normal * x, axis=0), gc.prod(x, axis=0)]
    f = gc.compile([x, gain], outputs, check=True)
    plain = gc.compile([x, gain], outputs)
    assert any(len(k.outputs) == 3 for k in plain.kernels)
    rng = np.random.default_rng(0)
    values, ones = (1 + rng.normal(size=(2000, 128)) * 1e-3).astype(dtype), np.ones(128, dtype)
    for found, expected in zip(f(values, ones), plain(values, ones), strict=True):
        np.testing.assert_array_equal(found, expected)
    values[:, 7] = 8
    with pytest.raises(gc.NotFiniteError, match="prod made inf"):
        f(values, ones)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 7), (40, 300, 33), (130, 20, 70)])
def test_contractions(shape: tuple[int, int, int], dtype: str) -> None:
    m, k, n = shape
    a, b, c = gc.input("a", (m, k), dtype=dtype), gc.input("b", (k, n), dtype=dtype), gc.input("c", (n,), dtype=dtype)
    f = gc.compile([a, b, c], gc.relu(a @ b + c), check=True)
    x, y, z = np.ones((m, k), dtype), np.ones((k, n), dtype), np.zeros(n, dtype)
    np.testing.assert_array_equal(f(x, y, z), np.full((m, n), k, dtype))
    x[m - 1, k - 1] = y[k - 1, n - 1] = np.finfo(dtype).max
    with pytest.raises(gc.NotFiniteError, match="matmul made inf"):
        f(x, y, z)
    y[k - 1, n - 1] = np.nan
    with pytest.raises(gc.NotFiniteError, match="the input 'b' holds nan"):
        f(x, y, z)
    y[:], x[m - 1, k - 1] = 1, np.inf
    assert np.isinf(f(x, y, z)[m - 1]).all()
    y[k - 1, 0] = 0
    with pytest.raises(gc.NotFiniteError, match="matmul made nan"):
        f(x, y, z)
    y[:], x[:], z[n - 1] = 1, 1, np.nan
    with pytest.raises(gc.NotFiniteError, match="the input 'c' holds nan"):
        f(x, y, z)


def test_integers_have_nothing_to_report() -> None:
    a = gc.input("a", (4, 3), dtype="int32")
    f = gc.compile([a], [a @ gc.matrix_transpose(a), gc.prod(a), a / 1], check=True)
    x = np.full((4, 3), 2**31 - 1, np.int32)
    for found, expected in zip(f(x), gc.compile([a], [a @ gc.matrix_transpose(a), gc.prod(a), a / 1])(x), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_narrower_float_may_be_too_small() -> None:
    x = gc.input("x", (20,), dtype="float64")
    f = gc.compile([x], gc.astype(x, "float32"), check=True)
    data = np.linspace(0, 3e38, 20)
    data[0] = np.inf
    np.testing.assert_array_equal(f(data), data.astype(np.float32))
    data[19] = -1e39
    with pytest.raises(gc.NotFiniteError, match="astype made -inf"):
        f(data)


def test_masks_of_infinities_pass() -> None:
    x, mask = gc.input("x", (6, 21)), gc.input("mask", (6, 21), dtype="bool")
    f = gc.compile([x, mask], gc.softmax(gc.where(mask, x, -np.inf), axis=1), check=True)
    scores, visible = np.ones((6, 21), np.float32), np.tril(np.ones((6, 21), bool))
    np.testing.assert_allclose(f(scores, visible).sum(axis=1), 1, rtol=1e-6)
    visible[2] = False
    with pytest.raises(gc.NotFiniteError, match="made nan"):
        f(scores, visible)


def test_what_is_not_read_is_not_checked() -> None:
    """Outside its window a padded value is computed from nothing."""
    x, y = gc.input("x", (5,)), gc.input("y", (4,))
    f = gc.compile([x, y], [gc.pad(gc.log(x), ((3, 2),)), gc.concat([gc.log(x), gc.sqrt(y)])], check=True)
    found = f(np.ones(5, np.float32), np.zeros(4, np.float32))
    np.testing.assert_array_equal(found[0], np.zeros(10))
    np.testing.assert_array_equal(found[1], np.zeros(9))


def test_the_first_fault_is_told() -> None:
    """nan spreads over everything behind it, through several kernels; the log is what began it."""
    x = gc.input("x", (30, 8))
    w = gc.param("w", np.ones((8, 6), np.float32))
    z = gc.log(x) @ w
    loss = gc.mean(gc.square(gc.softmax(z, axis=1)))
    f = gc.compile([x], [loss, gc.grad(loss, w)], check=True)
    data = np.ones((30, 8), np.float32)
    data[29, 7] = -1
    with pytest.raises(gc.NotFiniteError, match="log made nan"):
        f(data)


# Indices -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8", "uint64"])
def test_indices_of_reads(dtype: str) -> None:
    table, at = gc.input("table", (10, 37)), gc.input("at", (3,), dtype=dtype)
    f = gc.compile([table, at], gc.take(table, at, axis=0), check=True)
    rows = np.arange(370, dtype=np.float32).reshape(10, 37)
    good = [0, 9, 5] if dtype.startswith("u") else [0, 9, -10]
    np.testing.assert_array_equal(f(rows, np.array(good, dtype)), rows[good])
    for bad in (10, 127) if dtype.startswith("u") else (10, -11, -128):
        with pytest.raises(IndexError, match=f"take was given the index {bad}, which is out of bounds for axis 0 of"):
            f(rows, np.array([0, bad, 1], dtype))


def test_indices_beyond_any_message() -> None:
    table, at = gc.input("table", (10,)), gc.input("at", (1,), dtype="int64")
    f = gc.compile([table, at], gc.take(table, at, axis=0), check=True)
    for bad in (2**63 - 1, -(2**63), 2**40):
        with pytest.raises(gc.IndexRangeError, match="an index that is out of bounds for axis 0 of size 10"):
            f(np.zeros(10, np.float32), np.array([bad]))


def test_indices_along_an_axis_and_of_windows() -> None:
    x, at, start = gc.input("x", (4, 6)), gc.input("at", (4, 2), dtype="int64"), gc.input("s", (), dtype="int64")
    data, places = np.ones((4, 6), np.float32), np.zeros((4, 2), np.int64)
    f = gc.compile([x, at], gc.take_along_axis(x, at, axis=1), check=True)
    f(data, places)
    with pytest.raises(gc.IndexRangeError, match="take_along_axis was given the index 6,"):
        f(data, places + 6)
    g = gc.compile([x, start], gc.dynamic_slice(x, (0, start), (4, 4)), check=True)
    g(data, np.array(2))
    with pytest.raises(gc.IndexRangeError, match="the index 3, which is out of bounds for a window of 4 for axis 1"):
        g(data, np.array(3))
    with pytest.raises(gc.IndexRangeError, match="the index -7, which is out of bounds for axis 1 of size 6"):
        g(data, np.array(-7))


@pytest.mark.parametrize("mode", ["set", "add", "multiply", "min", "max"])
def test_indices_of_writes(mode: str) -> None:
    x, at, new = gc.input("x", (8, 5)), gc.input("at", (3,), dtype="int32"), gc.input("new", (3, 5))
    f = gc.compile([x, at, new], getattr(x.at[at], mode)(new), check=True)
    data, rows = np.ones((8, 5), np.float32), np.ones((3, 5), np.float32)
    f(data, np.array([0, -8, 7], np.int32), rows)
    for bad in (8, -9):
        with pytest.raises(gc.IndexRangeError, match=f"scatter was given the index {bad},"):
            f(data, np.array([0, bad, 7], np.int32), rows)


def test_a_gradient_of_an_embedding() -> None:
    ids, table = gc.input("ids", (7,), dtype="int64"), gc.param("table", np.ones((11, 3), np.float32))
    loss = gc.sum(gc.square(gc.take(table, ids, axis=0)))
    f = gc.compile([ids], loss, updates={table: table - gc.grad(loss, table)}, check=True)
    before = table.value
    with pytest.raises(gc.IndexRangeError, match="the index 11, which is out of bounds for axis 0 of size 11"):
        f(np.array([0, 1, 2, 3, 4, 5, 11]))
    np.testing.assert_array_equal(table.value, before)
    f(np.arange(7))
    assert not np.array_equal(table.value, before)


# What a failing call leaves behind ------------------------------------------------------------------------------


def test_params_stay_as_they_were() -> None:
    x = gc.input("x", (40,))
    a, b = gc.param("a", np.ones(40, np.float32)), gc.param("b", np.full(40, 2, np.float32))
    f = gc.compile([x], gc.sum(x), updates={a: b + 0 * gc.sqrt(x), b: a}, check=True)
    with pytest.raises(gc.NotFiniteError, match="sqrt made nan"):
        f(np.full(40, -1, np.float32))
    assert (a.value == 1).all() and (b.value == 2).all()
    f(np.ones(40, np.float32))
    assert (a.value == 2).all() and (b.value == 1).all()


def test_arrays_given_for_results_stay_as_they_were() -> None:
    x = gc.input("x", (9,))
    f = gc.compile([x], gc.sqrt(x), check=True)
    out = np.full(9, 7, np.float32)
    with pytest.raises(gc.NotFiniteError):
        f(np.full(9, -1, np.float32), out=out)
    assert (out == 7).all()
    assert f(np.full(9, 4, np.float32), out=out) is out
    assert (out == 2).all()


def test_threads_hear_of_their_own_faults() -> None:
    x, at = gc.input("x", (50_000,)), gc.input("at", (), dtype="int64")
    f = gc.compile([x, at], gc.sum(gc.exp(x)) + gc.take(x, gc.reshape(at, (1,)), axis=0), check=True)
    wrong: list[object] = []

    def call(value: float, index: int, expected: type[Exception] | None) -> None:
        data = np.full(50_000, value, np.float32)
        for _ in range(30):
            try:
                f(data, np.array(index))
                found = None
            except gc.CheckError as error:
                found = type(error)
            if found is not expected:
                wrong.append((value, index, found))

    cases = [(0.0, 0, None), (1000.0, 0, gc.NotFiniteError), (0.0, 50_000, gc.IndexRangeError)]
    threads = [threading.Thread(target=call, args=case) for case in cases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("threads", [1, 2])
def test_loops_that_a_team_shares(threads: int) -> None:
    x, w = gc.input("x", (700, 300)), gc.input("w", (300, 400))
    out = gc.softmax(gc.exp(gc.sqrt(x)) @ w, axis=1)
    f = gc.compile([x, w], out, threads=threads, check=True)
    data, weights = np.ones((700, 300), np.float32), np.ones((300, 400), np.float32)
    np.testing.assert_array_equal(f(data, weights), gc.compile([x, w], out, threads=threads)(data, weights))
    for at in (0, 350, 699):
        data[at, 299] = -1
        with pytest.raises(gc.NotFiniteError, match="sqrt made nan"):
            f(data, weights)
        data[at, 299] = 1


# Everything ----------------------------------------------------------------------------------------------------


def test_many_kernels_in_a_table() -> None:
    xs = [gc.input(f"x{i}", ()) for i in range(3)]
    value, total = xs[0], xs[1]
    for i in range(1500):
        value = gc.tanh(value * xs[i % 3] + 0.5)
        total = total + value if i % 50 else gc.sqrt(total * total + xs[2])
    f = gc.compile(xs, total, check=True)
    good = [np.array(v, np.float32) for v in (0.5, 0.25, 0.125)]
    assert f(*good) == gc.compile(xs, total)(*good)
    with pytest.raises(gc.NotFiniteError, match="sqrt made nan"):
        f(good[0], good[1], np.array(-1e6, np.float32))


@settings(max_examples=80)
@given(graphs(dtype="float64"))
def test_random_graphs(case: GraphCase) -> None:
    """A checked function gives the same bits as an unchecked one, unless the oracle too meets something not finite."""
    plain = gc.compile(case.inputs, case.outputs, optimize=0)(*case.arrays)
    try:
        checked = gc.compile(case.inputs, case.outputs, optimize=0, check=True)(*case.arrays)
    except gc.NotFiniteError:
        nodes = [n for n in post_order(case.outputs) if n.dtype.is_float]
        values = gc.interpret(nodes, dict(zip(case.inputs, case.arrays, strict=True)))
        assert not all(np.isfinite(v).all() for v in values)
    except gc.IndexRangeError:
        assert {"take", "take_along_axis", "scatter"} & {n.op.name for n in post_order(case.outputs)}
    else:
        for found, expected in zip(checked, plain, strict=True):
            assert found.tobytes() == expected.tobytes()


def test_functions_without_checks_have_none() -> None:
    x, at = gc.input("x", (20, 30)), gc.input("at", (4,), dtype="int64")
    w = gc.param("w", np.ones((30, 8), np.float32))
    loss = gc.sum(gc.log(gc.take(x, at, axis=0) @ w))
    f = gc.compile([x, at], loss, updates={w: w - gc.grad(loss, w)})
    assert "check" not in f.dump("loops") and "verdict" not in f.dump("llvm")
    g = gc.compile([x, at], loss, updates={w: w - gc.grad(loss, w)}, check=True)
    assert "check" in g.dump("loops") and "verdict" in g.dump("llvm")


def test_traced_functions() -> None:
    @gc.jit(check=True)
    def root(x: Any) -> Any:
        return gc.sqrt(x)

    assert root(np.array([4.0])) == 2
    with pytest.raises(gc.NotFiniteError, match="root: sqrt made nan"):
        root(np.array([-1.0]))
