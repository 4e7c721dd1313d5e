from __future__ import annotations

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
    for refused in (lambda: np.sin(x), lambda: np.add.reduce(x), lambda: np.fft.fft(x), lambda: np.add(x, 1, out=A)):
        with pytest.raises(gc.DTypeError, match=r"(?s)np\..*test_operators\.py"):
            refused()
    array = A.copy()
    with pytest.raises(gc.DTypeError):
        array += x


def test_every_operator_of_arrays_is_there_or_is_a_type_error() -> None:
    x = gc.input("x", (3,))
    for op in (operator.floordiv, operator.mod, operator.lshift):
        with pytest.raises(TypeError):
            op(x, x)
