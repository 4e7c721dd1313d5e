from __future__ import annotations

import math
import operator
from collections.abc import Callable

import numpy as np
import pytest

import graphc as gc

A, B = np.array([1.0, 2.0, 3.0]), np.array([0.5, 2.0, 4.0])
BINARY = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.matmul, operator.eq,
    operator.ne, operator.lt, operator.le, operator.gt, operator.ge,
]  # fmt: skip


@pytest.mark.parametrize("op", BINARY)
def test_operators_are_numpys_on_either_side(op: Callable[[object, object], object]) -> None:
    x = gc.input("x", (3,), dtype="float64")
    pairs = [(x, x), (x, B), (B, x)] + ([] if op is operator.matmul else [(x, 2), (2.0, x), (np.float64(2), x)])
    for left, right in pairs:
        expected = op(A if left is x else left, A if right is x else right)
        made = op(left, right)
        assert isinstance(made, gc.Expr)
        np.testing.assert_array_equal(gc.interpret(made, {x: A}), expected)


def test_unary_operators() -> None:
    x = gc.input("x", (3,))
    assert +x is x
    with pytest.raises(gc.DTypeError, match=r"(?s)positive .*'mask'.*test_operators\.py"):
        +gc.input("mask", (3,), dtype="bool")
    assert (-x).op.name == "negative"
    assert abs(x).op.name == "abs"


def test_numpy_functions_build_graph() -> None:
    x = gc.input("x", (3,), dtype="float64")
    for function in (np.exp, np.log, np.tanh, np.sqrt, np.square, np.negative, np.abs, np.isfinite, np.expm1, np.sign):
        np.testing.assert_array_equal(gc.interpret(function(x), {x: A}), function(A))
    for function in (np.add, np.divide, np.power, np.maximum, np.greater, np.matmul):
        np.testing.assert_array_equal(gc.interpret(function(B, x), {x: A}), function(B, A))
    for function in (np.sum, np.mean, np.max, np.min, np.argmax):
        np.testing.assert_array_equal(gc.interpret(function(x, axis=0), {x: A}), function(A, axis=0))
    assert np.reshape(x, (3, 1)).shape == (3, 1)
    assert np.where(x > 1, x, 0.0).op.name == "where"
    assert (np.shape(x), np.ndim(x)) == ((3,), 1)


def test_numpy_functions_graphc_lacks_are_refused() -> None:
    x = gc.input("x", (3,))
    for refused in (
        lambda: np.sinc(x),
        lambda: np.modf(x),
        lambda: np.add.reduce(x),
        lambda: np.fft.fft(x),
        lambda: np.add(x, 1, out=A),
    ):
        with pytest.raises(gc.DTypeError, match=r"(?s)np\..*test_operators\.py"):
            refused()
    array = A.copy()
    with pytest.raises(gc.DTypeError):
        array += x


@pytest.mark.parametrize("dtype", ["int32", "uint8", "float64"])
def test_quotients_and_remainders_are_pythons(dtype: str) -> None:
    a, b = np.array([7, 8, 9, 1], dtype), np.array([2, 3, 4, 5], dtype)
    x = gc.input("x", (4,), dtype=dtype)
    for op in (operator.floordiv, operator.mod):
        for left, right in ((x, b), (x, 3), (20, x)):
            made = op(left, right)
            assert made.dtype == dtype
            expected = op(a if left is x else left, a if right is x else right)
            np.testing.assert_array_equal(gc.interpret(made, {x: a}), expected)
    for made, expected in (
        (divmod(x, b), divmod(a, b)),
        (divmod(20, x), divmod(20, a)),
        (np.divmod(x, b), (a // b, a % b)),
    ):
        for found, wanted in zip(gc.interpret(list(made), {x: a}), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)


def test_bits_and_shifts_are_numpys_on_either_side() -> None:
    a, b = np.array([12, -7, 5], "int16"), np.array([1, 2, 3], "int16")
    x = gc.input("x", (3,), dtype="int16")
    for op in (operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift):
        for left, right in ((x, b), (b, x), (x, 2), (9, x)):
            arrays = (a if left is x else left, a if right is x else right)
            np.testing.assert_array_equal(gc.interpret(op(left, right), {x: a}), op(*arrays))
    np.testing.assert_array_equal(gc.interpret(~x, {x: a}), ~a)


def test_rounding_as_python_and_numpy_ask_for_it() -> None:
    x, values = gc.input("x", (4,), dtype="float64"), np.array([2.5, -1.25, 1234.567, 0.4999])
    for function in (math.floor, math.ceil, math.trunc):
        expected = [function(v) for v in values]
        np.testing.assert_array_equal(gc.interpret(function(x), {x: values}), expected)
    for digits in (0, 1, 2, -2):
        for made in (round(x, digits), np.round(x, digits), np.around(x, decimals=digits)):
            np.testing.assert_array_equal(gc.interpret(made, {x: values}), np.round(values, digits))
    np.testing.assert_array_equal(gc.interpret(round(x), {x: values}), np.round(values))


def test_numpys_names_of_elementwise_functions_build_graph() -> None:
    x = gc.input("x", (3,), dtype="float64")
    unit, over_one = A / 4, A + 0.5
    one = (np.sin, np.cos, np.tan, np.arctan, np.sinh, np.cosh, np.arcsinh, np.cbrt, np.exp2, np.log2, np.log10,
           np.rint, np.floor, np.ceil, np.trunc, np.signbit, np.isnan, np.isinf, np.positive,
           np.reciprocal)  # fmt: skip
    for function in one:
        np.testing.assert_array_equal(gc.interpret(function(x), {x: A}), function(A))
    for function in (np.arcsin, np.arccos, np.arctanh):
        np.testing.assert_array_equal(gc.interpret(function(x), {x: unit}), function(unit))
    np.testing.assert_array_equal(gc.interpret(np.arccosh(x), {x: over_one}), np.arccosh(over_one))
    for function in (
        np.arctan2,
        np.hypot,
        np.logaddexp,
        np.copysign,
        np.nextafter,
        np.floor_divide,
        np.mod,
        np.remainder,
    ):
        np.testing.assert_array_equal(gc.interpret(function(B, x), {x: A}), function(B, A))
    np.testing.assert_array_equal(gc.interpret(np.clip(x, 1.5, B), {x: A}), np.clip(A, 1.5, B))
    assert np.conjugate(x) is x
    assert np.real(x) is x
