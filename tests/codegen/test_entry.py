"""The way from a Python call into native code: what goes in directly, what does not, and what is shared."""

from __future__ import annotations

import contextlib
import itertools
import sys
import timeit
import tracemalloc
from typing import Any

import numpy as np
import pytest
from programs import (
    ADD_ONE,
    COUNT,
    F8,
    NOTHING,
    SCALAR,
    SLOT,
    STATUS_OF_INPUT,
    FailedError,
    build,
    misaligned,
    slow,
)

from graphc.codegen.entry import OUT_OF_MEMORY, ArrayType, ParamUse, Signature, Structure, emit_entry
from graphc.codegen.program import Program
from graphc.ir.errors import CompileError
from graphc.ir.storage import Storage


@pytest.fixture(scope="module")
def add_one() -> Program:
    return build(ADD_ONE, (F8,), (F8,), "single")


# ---- arguments -----------------------------------------------------------------------------------------------


def test_exact_arrays_go_in_directly(add_one: Program) -> None:
    x = np.arange(8, dtype=np.float32)
    y = add_one.call(x)
    np.testing.assert_array_equal(y, x + 1)
    assert type(y) is np.ndarray and y.flags.owndata and y.flags.writeable and y.dtype == np.float32


def test_read_only_inputs_go_in_directly(add_one: Program) -> None:
    x = np.ones(8, np.float32)
    x.flags.writeable = False
    np.testing.assert_array_equal(add_one.call(x), np.full(8, 2, np.float32))


class Sub(np.ndarray[Any, Any]):
    pass


@pytest.mark.parametrize(
    "argument",
    [
        np.zeros(8),
        np.zeros(8, np.int32),
        np.zeros(7, np.float32),
        np.zeros(9, np.float32),
        np.zeros((8, 1), np.float32),
        np.zeros((1, 8), np.float32),
        np.zeros((), np.float32),
        np.zeros(0, np.float32),
        np.zeros(16, np.float32)[::2],
        np.zeros(8, np.float32)[::-1],
        misaligned(),
        np.zeros(8, ">f4"),
        np.zeros(8, np.float32).view(Sub),
        np.ma.zeros(8, np.float32),
        [0.0] * 8,
        np.float32(1),
        1.0,
        None,
        object(),
        np.ndarray,
    ],
    ids=lambda value: f"{type(value).__name__}-{getattr(value, 'dtype', '')}{getattr(value, 'shape', '')}",
)
def test_anything_else_goes_to_the_slow_path(add_one: Program, argument: object) -> None:
    answer = add_one.call(argument)
    assert answer[0] == "slow" and answer[1][0] is argument and answer[2] == {}


def test_matrices_in_other_orders_go_to_the_slow_path() -> None:
    square = ArrayType("float32", (4, 4))
    f = build(NOTHING, (square, square)).call
    a = np.zeros((4, 4), np.float32)
    assert f(a, a) is None
    for other in (a.T, np.asfortranarray(np.ones((4, 4), np.float32)), np.zeros((4, 8), np.float32)[:, :4]):
        assert f(other, a)[0] == "slow"
        assert f(a, other)[0] == "slow"
    assert f(a.reshape(16), a)[0] == f(a, a.reshape(2, 8))[0] == "slow"


def test_other_calls_go_to_the_slow_path(add_one: Program) -> None:
    x = np.zeros(8, np.float32)
    assert add_one.call() == ("slow", (), {})
    assert len(add_one.call(x, x)[1]) == 2
    assert set(add_one.call(x=x)[2]) == {"x"}
    assert set(add_one.call(x, out=None)[2]) == {"out"}


def test_errors_of_the_slow_path_come_through() -> None:
    def refuse(*args: object) -> None:
        raise TypeError("no")

    with pytest.raises(TypeError, match="no"):
        build(ADD_ONE, (F8,), (F8,), "single", slow=refuse).call(1)


@pytest.mark.parametrize(
    "name", ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64"]
)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 0, 2), (2, 3, 4, 5)])
def test_every_dtype_and_unusual_shapes(name: str, shape: tuple[int, ...]) -> None:
    kind = ArrayType(name, shape)
    f = build(NOTHING, (kind, SCALAR), (SCALAR, kind), ("tuple", 2)).call
    scalar, array = f(np.zeros(shape, name), np.zeros((), np.float32))
    assert array.dtype == np.dtype(name) and array.shape == shape
    assert scalar.shape == ()
    other = "int16" if name != "int16" else "int32"
    assert f(np.zeros(shape, other), np.zeros((), np.float32))[0] == "slow"


def test_empty_views_are_read_as_numpy_flags_them() -> None:
    f = build(NOTHING, (ArrayType("float32", (0, 3)), ArrayType("float32", (1, 1)))).call
    empty, one = np.zeros((4, 6), np.float32)[0:0, ::2], np.zeros((4, 6), np.float32)[1:2, ::6]
    assert empty.flags.c_contiguous and one.flags.c_contiguous
    assert f(empty, one) is None


# ---- results -------------------------------------------------------------------------------------------------

WRITE_TWO = (
    SLOT
    + """
define i32 @program(ptr %slots, ptr %arena) {
  %a = call ptr @slot(ptr %slots, i64 0)
  %b = call ptr @slot(ptr %slots, i64 1)
  store float 1.0, ptr %a
  store float 2.0, ptr %b
  ret i32 0
}
"""
)
TWO = (np.float32(1), np.float32(2))


@pytest.mark.parametrize(
    ("structure", "expected"),
    [
        (("tuple", 2), TWO),
        (("list", 2), list(TWO)),
        (("dict", ("a", "b")), {"a": TWO[0], "b": TWO[1]}),
        (("rebuild", 2), (TWO[0], [TWO[1]])),
    ],
)
@pytest.mark.parametrize("release_gil", [False, True])
def test_structures(structure: Any, expected: Any, release_gil: bool) -> None:
    rebuild = (lambda flat: (flat[0], [flat[1]])) if structure[0] == "rebuild" else None
    program = build(WRITE_TWO, (), (SCALAR, SCALAR), structure, rebuild=rebuild, release_gil=release_gil)
    for result in (program.call(), program.hand_over([np.array(value) for value in TWO])):
        assert type(result) is type(expected) and result == expected


def test_no_outputs_are_none_or_an_empty_tuple() -> None:
    assert build(NOTHING).call() is None
    assert build(NOTHING, structure=("tuple", 0)).call() == ()
    assert build(NOTHING).hand_over([]) is None


def test_a_signature_that_contradicts_itself_is_refused() -> None:
    for structure in ("single", ("tuple", 1), ("dict", ("a",)), ("set", 2), "pair"):
        with pytest.raises(ValueError, match="structure"):
            Signature("f", (), (SCALAR, SCALAR), structure)


def test_results_are_counted_once() -> None:
    program = build(WRITE_TWO, (), (SCALAR, SCALAR), ("dict", ("a", "b")))
    result = program.call()
    assert sys.getrefcount(result) == 2
    first = result["a"]
    assert sys.getrefcount(first) == 3
    array = build(ADD_ONE, (F8,), (F8,), "single").call(np.zeros(8, np.float32))
    assert sys.getrefcount(array) == 2


@pytest.mark.parametrize("structure", [("tuple", 2), ("list", 2), ("dict", ("first", "second")), ("rebuild", 2)])
def test_nothing_is_left_behind(structure: Any) -> None:
    rebuild = tuple if structure[0] == "rebuild" else None
    failing = build(STATUS_OF_INPUT, (SCALAR,), (SCALAR, F8), structure, rebuild=rebuild, arena_bytes=10_000)
    good, bad, wrong = np.array(0, np.float32), np.array(3, np.float32), np.zeros(3)
    dtype = np.dtype(np.float32)

    def once() -> None:
        failing.call(good)
        failing.call(wrong)
        with contextlib.suppress(FailedError):
            failing.call(bad)

    for _ in range(100):
        once()
    counts = [sys.getrefcount(x) for x in (good, bad, wrong, dtype, None, slow)]
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(10_000):
        once()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 20_000
    now = [sys.getrefcount(x) for x in (good, bad, wrong, dtype, None, slow)]
    assert all(abs(x - y) < 100 for x, y in zip(counts, now, strict=True))


# ---- failures ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("release_gil", [False, True])
def test_a_status_is_reported(release_gil: bool) -> None:
    storage = Storage("int64", (1,))
    program = build(STATUS_OF_INPUT, (SCALAR,), params=((storage, True),), release_gil=release_gil)
    for status in (7, 1, -5):
        with pytest.raises(FailedError) as caught:
            program.call(np.array(status, np.float32))
        assert caught.value.args == (status,)
        with pytest.raises(FailedError):
            program.run([np.array(status, np.float32)], [])
    assert storage.read().shape == (1,)  # the lock is free


def test_a_failure_nobody_explains_is_still_one() -> None:
    program = build(STATUS_OF_INPUT, (SCALAR,), failed=lambda status: None)
    with pytest.raises(CompileError, match="status 7"):
        program.call(np.array(7, np.float32))


@pytest.mark.parametrize("structure", ["none", ("dict", ("a", "b"))])
def test_no_memory_for_the_arena(structure: Any) -> None:
    storage = Storage("int64", (1,))
    outputs = (F8, F8) if structure != "none" else ()
    program = build(NOTHING, (), outputs, structure, params=((storage, True),), arena_bytes=1 << 60)
    for _ in range(3):
        with pytest.raises(MemoryError):
            program.call()
        with pytest.raises(MemoryError):
            program.run([], program.empty_outputs())
    storage.write(np.array([4]))
    assert storage.read() == 4


def test_no_memory_for_an_output() -> None:
    program = build(NOTHING, (), (F8, ArrayType("float32", (1 << 60,))), ("tuple", 2))
    with pytest.raises(MemoryError):
        program.call()
    too_large = build(NOTHING, (), (F8, ArrayType("float64", (1 << 62,))), ("tuple", 2))
    with pytest.raises(ValueError, match="too big"):
        too_large.call()


# ---- cost ----------------------------------------------------------------------------------------------------


def test_a_call_costs_next_to_nothing(add_one: Program) -> None:
    f = type("F", (object,), {"__call__": add_one.call})()
    x = np.arange(8, dtype=np.float32)
    np.testing.assert_array_equal(f(x), x + 1)
    best = min(timeit.repeat("f(x)", globals={"f": f, "x": x}, number=20_000, repeat=15)) / 20_000
    assert best < 0.45e-6


def test_status_numbers_are_apart() -> None:
    assert OUT_OF_MEMORY < 0


def test_text_is_the_same_every_time() -> None:
    structures: tuple[Structure, ...] = (("tuple", 2), ("dict", ("a", "b")))
    for structure, release in itertools.product(structures, (False, True)):
        signature = Signature("f", (F8,), (F8, SCALAR), structure, (ParamUse(COUNT, True),), 1, 1 << 20, release)
        assert emit_entry(signature) == emit_entry(signature)
        assert "inttoptr" not in emit_entry(signature)
