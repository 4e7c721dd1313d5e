"""Lifting, weak numbers, promotion and broadcasting, as every elementwise function applies them."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as gc

F32, F64, I32, I64, U8, BOOL = "float32", "float64", "int32", "int64", "uint8", "bool"


def of(dtype: str) -> gc.Expr:
    return gc.input("x", (3,), dtype=dtype)


@pytest.mark.parametrize(
    ("dtype", "other", "expected"),
    [
        (F32, 1, F32), (F32, 2.5, F32), (F32, True, F32), (F32, np.float64(2.5), F32), (F32, np.float32(1), F32),
        (F32, np.ones((), F64), F64), (F32, np.ones(3), F64), (F32, np.int64(3), F32), (F32, np.arange(3), F32),
        (F64, 1, F64), (F64, np.float32(1), F64), (F64, [0.1, 0.2, 0.3], F64), (F32, [0.1, 0.2, 0.3], F32),
        (I32, 1, I32), (I32, True, I32), (I32, 2.5, F32), (I32, np.float64(2.5), F32), (I32, np.int64(1), I64),
        (I32, np.ones((), F64), F64), (I32, [1, 2, 3], I32), (U8, 255, U8), (U8, np.int8(1), "int16"),
        (BOOL, 1, I64), (BOOL, 2.5, F32), (BOOL, np.int8(1), "int8"), (I64, np.ones((), F32), F32),
    ],
)  # fmt: skip
def test_the_result_of_two_operands(dtype: str, other: object, expected: str) -> None:
    x = of(dtype)
    assert gc.multiply(x, other).dtype == expected
    assert gc.multiply(other, x).dtype == expected
    assert (x * other).dtype == expected
    assert gc.maximum(other, x).dtype == expected


def test_a_weak_number_is_exact_in_the_dtype_it_takes() -> None:
    x = gc.input("x", (), dtype=F64)
    assert gc.interpret(x + 0.1, {x: 0.0}) == 0.1
    assert gc.interpret(gc.add(x, [0.1]), {x: 0.0})[0] == 0.1
    assert gc.interpret(x + 2**60, {x: 0.0}) == 2.0**60


def test_weak_numbers_alone_have_their_defaults() -> None:
    assert gc.add(1, 2).dtype == I64
    assert gc.add(1, 2.0).dtype == F32
    assert gc.where(True, 1, 0).dtype == I64
    assert gc.exp(1).dtype == F32
    assert gc.logical_or(True, False).dtype == BOOL


@pytest.mark.parametrize("number", [256, -1, 2**70, -(2**70)])
def test_an_integer_outside_the_dtype_is_refused(number: int) -> None:
    with pytest.raises(gc.DTypeError, match=r"(?s)add: the integer.*outside the range of uint8.*test_lifting\.py"):
        of(U8) + number


def test_an_integer_beyond_every_float_is_refused() -> None:
    with pytest.raises(gc.DTypeError, match="does not fit float32"):
        of(F32) + 10**400
    assert (of(F32) + 10**30).dtype == F32


def test_int64_with_uint64_is_refused() -> None:
    with pytest.raises(gc.DTypeError, match=r"(?s)subtract: .*no common integer type.*gc\.astype.*test_lifting\.py"):
        of("uint64") - of(I64)


@pytest.mark.parametrize("other", ["text", None, object(), 1j, b"x", {"a": 1}, np.array(["a"]), [[1], [2, 3]]])
def test_what_is_no_array_is_refused(other: object) -> None:
    with pytest.raises(gc.DTypeError, match=r"(?s)add: an operand.*'x', input.*test_lifting\.py"):
        gc.add(of(F32), other)
    with pytest.raises(TypeError):
        of(F32) == other  # noqa: B015


def test_a_list_of_expressions_is_no_array() -> None:
    x = of(F32)
    with pytest.raises(gc.DTypeError, match=r"(?s)a list of expressions is no array.*test_lifting\.py"):
        gc.add(x, [x, x, x])


def test_arrays_of_any_layout_lift() -> None:
    base = np.arange(12, dtype=">f4").reshape(3, 4)
    x = gc.input("x", (4, 3))
    found = gc.interpret(x + base.T, {x: np.zeros((4, 3))})
    np.testing.assert_array_equal(found, base.T)
    assert found.dtype == np.float32


def test_objects_with_an_array_interface_lift() -> None:
    class Table:
        def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
            return np.arange(3, dtype="float32")

    assert (of(F32) + Table()).dtype == F32


def test_a_size_is_a_weak_integer() -> None:
    x = gc.input("x", ("n",), dtype=F64)
    assert (x / x.shape[0]).dtype == F64
    assert (x.shape[0] * of(I32)).dtype == I32
    found = gc.interpret(x / x.shape[0], {x: np.ones(4)})
    np.testing.assert_array_equal(found, np.full(4, 0.25))


def test_broadcasting_is_numpys() -> None:
    shapes = [(), (1,), (3,), (1, 3), (4, 1), (4, 3), (2, 1, 3), (2, 0, 1, 1)]
    for a in shapes:
        for b in shapes:
            try:
                expected = np.broadcast_shapes(a, b)
            except ValueError:
                with pytest.raises(gc.ShapeError):
                    gc.input("a", a) + gc.input("b", b)
                continue
            assert (gc.input("a", a) + gc.input("b", b)).shape == expected
    x, y, z = gc.input("x", (3, 1)), gc.input("y", (4,)), gc.input("c", (2, 1, 1), dtype=BOOL)
    assert gc.where(z, x, y).shape == (2, 3, 4)


def test_broadcasting_is_a_node() -> None:
    x, b = gc.input("x", (4, 3)), gc.input("b", (3,))
    made = x + b
    assert made.args[0] is x
    assert made.args[1] is gc.broadcast_to(b, (4, 3))


@pytest.mark.parametrize(
    ("a", "b", "sizes"),
    [
        ((4, 3), (4,), "3 and 4"), (("n", 3), ("m", 3), "'n' and 'm'"), (("n",), (5,), "'n' and 5"),
        ((0,), (3,), "0 and 3"),
    ],
)  # fmt: skip
def test_shapes_that_do_not_broadcast_name_sizes_and_lines(a: object, b: object, sizes: str) -> None:
    x, y = gc.input("x", a), gc.input("y", b)
    pattern = rf"(?s)add: shapes .* do not broadcast, axis -\d is {sizes}.*'x'.*test_lifting\.py:\d+.*'y'.*test_lifting"
    with pytest.raises(gc.ShapeError, match=pattern):
        x + y


def test_a_named_size_meets_one_and_itself() -> None:
    x = gc.input("x", ("n", 1))
    y = gc.input("y", (1, "m"))
    assert [str(d) for d in (x + y + gc.input("z", ("n", "m"))).shape] == ["n", "m"]
