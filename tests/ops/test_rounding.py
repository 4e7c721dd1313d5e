"""Whole numbers, remainders, powers and neighbours: NumPy's to the bit, compiled too, wherever hardware would trap."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from opchecks import EVALUATORS

import graphc as gc
from graphc.ir.dtype import INTEGERS, DType

Array = np.ndarray[Any, Any]

FLOATS = (
    0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 1.5, 2.5, -2.5, 3.0, -3.0, 7.25, 0.1, -0.3, 1e-40, -1e-40, 1e-310, 2.0**23 + 0.5,
    8388609.0, -(2.0**52) - 0.5, 1e30, -1e30, math.inf, -math.inf, math.nan,
)  # fmt: skip
EVALUATED = pytest.mark.parametrize("evaluator", EVALUATORS)
REAL = pytest.mark.parametrize("dtype", ["float32", "float64"])


def pairs(values: Array) -> tuple[Array, Array]:
    """Every value with every other."""
    first, second = zip(*itertools.product(values, values), strict=True)
    return np.array(first, values.dtype), np.array(second, values.dtype)


def evaluate(evaluator: str, function: Callable[..., gc.Expr], *arrays: Array) -> Array:
    inputs = [gc.input(f"x{i}", a.shape, dtype=a.dtype) for i, a in enumerate(arrays)]
    (found,) = EVALUATORS[evaluator]([function(*inputs)], dict(zip(inputs, arrays, strict=True)))
    return found


def assert_same_floats(found: Array, expected: Array) -> None:
    """Equal, signed zeros told apart."""
    np.testing.assert_array_equal(found, expected)
    if expected.dtype.kind == "f":
        known = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(found[known]), np.signbit(expected[known]))


def edges(dtype: DType) -> Array:
    info = np.iinfo(dtype.numpy)
    near = {info.min, info.min + 1, info.max // 2, info.max - 1, info.max}
    return np.array(sorted(near | {v for v in range(-9, 10) if v >= info.min}), dtype.numpy)


def floats(dtype: str) -> Array:
    info = np.finfo(dtype)
    extremes = [info.max, info.min, info.smallest_normal, info.smallest_subnormal, -3 * info.smallest_subnormal]
    with np.errstate(over="ignore"):
        return np.array([*FLOATS, *extremes]).astype(dtype)


@EVALUATED
@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
@pytest.mark.parametrize("name", ["floor_divide", "remainder"])
def test_integers_divide_as_numpys_and_nothing_traps(name: str, dtype: DType, evaluator: str) -> None:
    a, b = pairs(edges(dtype))
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(a, b)
    np.testing.assert_array_equal(evaluate(evaluator, getattr(gc, name), a, b), expected)


def whole_power(x: int, y: int, dtype: DType) -> int:
    """xʸ wrapped, by Python's own integers; for y < 0 the whole part of 1 / x^|y|, and 0 of 1 / 0."""
    if y < 0:
        return x ** (y % 2) if abs(x) == 1 else 0
    info = np.iinfo(dtype.numpy)
    return (pow(x, y, 2**dtype.bits) - int(info.min)) % 2**dtype.bits + int(info.min)


@EVALUATED
@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_powers_of_integers_wrap_and_those_below_zero_are_whole_parts(dtype: DType, evaluator: str) -> None:
    a, b = pairs(np.unique([*edges(dtype), *np.array([2, 3, 5, 63], dtype.numpy)]))
    expected = np.array([whole_power(int(x), int(y), dtype) for x, y in zip(a, b, strict=True)], dtype.numpy)
    np.testing.assert_array_equal(evaluate(evaluator, gc.pow, a, b), expected)
    np.testing.assert_array_equal(expected[b >= 0], (a[b >= 0] ** b[b >= 0]))


@EVALUATED
@REAL
@pytest.mark.parametrize("name", ["floor_divide", "remainder", "copysign", "nextafter"])
def test_pairs_of_floats_are_numpys_to_the_bit(name: str, dtype: str, evaluator: str) -> None:
    a, b = pairs(floats(dtype))
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(a, b)
    assert_same_floats(evaluate(evaluator, getattr(gc, name), a, b), expected)


@EVALUATED
@REAL
@pytest.mark.parametrize("name", ["ceil", "floor", "trunc", "round", "signbit", "isnan", "isinf", "isfinite"])
def test_floats_are_rounded_and_classified_as_numpys(name: str, dtype: str, evaluator: str) -> None:
    x = floats(dtype)
    assert_same_floats(evaluate(evaluator, getattr(gc, name), x), getattr(np, name)(x))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_random_remainders_are_numpys(dtype: str) -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=5000) * 10.0 ** rng.integers(-30, 30, 5000) for _ in range(2))
    a, b = a.astype(dtype), b.astype(dtype)
    for name in ("remainder", "floor_divide"):
        with np.errstate(all="ignore"):
            expected = getattr(np, name)(a, b)
        assert_same_floats(evaluate("compiled", getattr(gc, name), a, b), expected)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64"])
def test_rounding_leaves_integers_as_they_are(dtype: str) -> None:
    x = gc.input("x", (3,), dtype=dtype)
    for function in (gc.ceil, gc.floor, gc.trunc, gc.round):
        assert function(x) is x


def test_steps_have_no_slope_and_remainders_have() -> None:
    x, y = gc.input("x", (), "float64"), gc.input("y", (), "float64")
    given = {x: np.array(-7.3), y: np.array(2.0)}
    for function in (gc.floor, gc.ceil, gc.round, gc.trunc):
        assert gc.interpret(gc.grad(gc.sum(function(x) * x), x), given) == gc.interpret(function(x), given)
    by_x, by_y = gc.interpret(gc.grad(x % y, [x, y]), given)
    assert (by_x, by_y) == (1.0, 4.0)


def test_copysign_at_zero_and_with_the_sign_of_zero() -> None:
    x, y = gc.input("x", (4,), "float64"), gc.input("y", (4,), "float64")
    given = {x: np.array([2.0, -2.0, 0.0, 3.0]), y: np.array([-0.0, 0.0, 1.0, -5.0])}
    slope = gc.interpret(gc.grad(gc.sum(gc.copysign(x, y)), x), given)
    np.testing.assert_array_equal(slope, [-1, -1, 0, -1])
