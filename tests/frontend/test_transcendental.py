from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.special

import graphc as gc

NUMPY = {
    "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log, "log2": np.log2, "log10": np.log10,
    "log1p": np.log1p, "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos,
    "atan": np.arctan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "asinh": np.arcsinh, "acosh": np.arccosh,
    "atanh": np.arctanh, "sqrt": np.sqrt, "cbrt": np.cbrt,
}  # fmt: skip
VALUES = np.array([0, 1, 2, 3, 5, 7])


@pytest.mark.parametrize("name", NUMPY)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "int64", "uint8", "uint32", "bool"])
def test_functions_of_real_numbers_are_numpys(name: str, dtype: str) -> None:
    values = VALUES.astype(dtype)
    wide = values if values.dtype.kind == "f" else values.astype("float32")
    x = gc.input("x", values.shape, dtype=dtype)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(gc.interpret(getattr(gc, name)(x), {x: values}), NUMPY[name](wide))


@pytest.mark.parametrize("name", ["erf", "erfc", "lgamma", "digamma", "trigamma", "rsqrt"])
def test_functions_numpy_lacks_turn_integers_into_floats(name: str) -> None:
    assert getattr(gc, name)(gc.input("x", (3,), dtype="int16")).dtype == "float32"


@pytest.mark.parametrize("name", ["erfc", "digamma", "lgamma"])
def test_special_functions_are_scipys(name: str) -> None:
    oracle = {"lgamma": "gammaln"}.get(name, name)
    x = np.concatenate([np.linspace(-8.3, 12, 400), 10.0 ** np.arange(-20, 20), [0.0, -1.0, -2.0, np.inf, np.nan]])
    expected = getattr(scipy.special, oracle)(x)
    if name == "digamma":
        assert np.isneginf(gc.interpret(gc.digamma(0.0)))
        assert np.isposinf(gc.interpret(gc.digamma(-0.0)))
    np.testing.assert_allclose(gc.interpret(getattr(gc, name)(x)), expected, rtol=1e-13, atol=1e-14)


def test_the_derivative_of_digamma_is_trigamma_on_both_sides() -> None:
    x, values = gc.input("x", (301,), dtype="float64"), np.linspace(-7.37, 30.11, 301)
    first = gc.grad(gc.sum(gc.digamma(x)), x)
    second = gc.grad(gc.sum(first), x)
    np.testing.assert_allclose(gc.interpret(first, {x: values}), _polygamma(1, values), rtol=1e-12)
    np.testing.assert_allclose(gc.interpret(second, {x: values}), _polygamma(2, values), rtol=1e-11, atol=1e-9)
    third = gc.grad(gc.sum(second), x)
    np.testing.assert_allclose(gc.interpret(third, {x: values}), _polygamma(3, values), rtol=1e-11, atol=1e-7)


def _polygamma(n: int, x: np.ndarray) -> np.ndarray:
    """By the recurrence from the right, where SciPy's is at home."""
    shift = 10
    terms = sum(1 / (x + k) ** (n + 1) for k in range(shift))
    factor = (-1) ** n * math.factorial(n)
    return np.asarray(scipy.special.polygamma(n, x + shift) - factor * terms)


def test_derivatives_of_gamma_are_finite_where_the_other_arm_is_not() -> None:
    x = gc.input("x", (4,), dtype="float64")
    second = gc.grad(gc.sum(gc.grad(gc.sum(gc.trigamma(x)), x)), x)
    assert np.isfinite(gc.interpret(second, {x: np.array([1.0, 2.0, 10.0, 1e5])})).all()


def test_logaddexp_shares_infinities() -> None:
    x, y = gc.input("x", (6,), dtype="float64"), gc.input("y", (6,), dtype="float64")
    inf = np.inf
    a, b = np.array([inf, -inf, inf, -inf, 1e3, 0.25]), np.array([inf, -inf, -inf, 2.0, -1e3, 0.25])
    given = {x: a, y: b}
    total = gc.logaddexp(x, y)
    np.testing.assert_array_equal(gc.interpret(total, given), np.logaddexp(a, b))
    by_x, by_y = gc.interpret(gc.grad(gc.sum(total), [x, y]), given)
    np.testing.assert_array_equal(by_x, [0.5, 0.5, 1, 0, 1, 0.5])
    np.testing.assert_array_equal(by_y, [0.5, 0.5, 0, 1, 0, 0.5])
    again = gc.interpret(gc.grad(gc.sum(gc.grad(gc.sum(total), x)), x), given)
    np.testing.assert_array_equal(again, [0, 0, 0, 0, 0, 0.25])


def test_hypot_and_atan2_at_the_origin_and_far_out() -> None:
    x, y = gc.input("x", (4,)), gc.input("y", (4,))
    a, b = np.array([0.0, 3e30, -3e-30, 0.0], "float32"), np.array([0.0, 4e30, 4e-30, 2.0], "float32")
    given = {x: a, y: b}
    distance, angle = gc.hypot(x, y), gc.atan2(y, x)
    np.testing.assert_allclose(gc.interpret(distance, given), [0, 5e30, 5e-30, 2], rtol=1e-6)
    np.testing.assert_allclose(gc.interpret(gc.grad(gc.sum(distance), x), given), [0, 0.6, -0.6, 0], rtol=1e-6)
    by_y = gc.interpret(gc.grad(gc.sum(angle), y), given)
    np.testing.assert_allclose(by_y, [0, 0.12e-30, -0.12e30, 0], rtol=1e-6)


def test_slopes_at_the_ends_of_the_domain() -> None:
    x = gc.input("x", (2,), dtype="float64")
    for function, ends, slope in (
        (gc.asin, [-1, 1], [np.inf, np.inf]),
        (gc.acos, [-1, 1], [-np.inf, -np.inf]),
        (gc.atanh, [-1, 1], [np.inf, np.inf]),
        (gc.acosh, [1, np.inf], [np.inf, 0]),
        (gc.asinh, [-np.inf, np.inf], [0, 0]),
        (gc.atan, [-np.inf, np.inf], [0, 0]),
    ):
        found = gc.interpret(gc.grad(gc.sum(function(x)), x), {x: np.array(ends, "float64")})
        np.testing.assert_array_equal(found, slope)
