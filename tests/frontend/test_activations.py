from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special
from scipy.stats import norm

import graphc as gc

Array = np.ndarray[Any, Any]


def _elu(x: Array, alpha: float = 1.0) -> Any:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


FORMULAS: dict[str, tuple[Callable[[Any], gc.Expr], Callable[[Array], Any]]] = {
    "relu": (gc.relu, lambda x: np.maximum(x, 0)),
    "leaky_relu": (gc.leaky_relu, lambda x: np.maximum(x, 0.2 * x)),
    "leaky_relu of 0.01": (lambda x: gc.leaky_relu(x, negative_slope=0.01), lambda x: np.maximum(x, 0.01 * x)),
    "sigmoid": (gc.sigmoid, scipy.special.expit),
    "softplus": (gc.softplus, lambda x: np.logaddexp(0, x)),
    "softsign": (gc.softsign, lambda x: x / (1 + np.abs(x))),
    "elu": (gc.elu, _elu),
    "elu of 0.3": (lambda x: gc.elu(x, alpha=0.3), lambda x: _elu(x, 0.3)),
    "selu": (gc.selu, lambda x: 1.0507009873554805 * _elu(x, 1.6732632423543772)),
    "gelu": (gc.gelu, lambda x: x * norm.cdf(x)),
    "gelu approximately": (
        lambda x: gc.gelu(x, approximate=True),
        lambda x: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    ),
    "silu": (gc.silu, lambda x: x * scipy.special.expit(x)),
    "mish": (gc.mish, lambda x: x * np.tanh(np.logaddexp(0, x))),
    "hard_sigmoid": (gc.hard_sigmoid, lambda x: np.clip(x / 6 + 0.5, 0, 1)),
    "hard_swish": (gc.hard_swish, lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
}
NAMED = pytest.mark.parametrize("name", FORMULAS)


@NAMED
def test_values_are_those_of_the_formula(name: str) -> None:
    ours, formula = FORMULAS[name]
    x = np.concatenate([np.linspace(-9, 9, 181), [-30.0, 30.0, 0.0]])
    np.testing.assert_allclose(gc.interpret(ours(x)), formula(x), rtol=1e-13, atol=1e-15)


@NAMED
def test_slopes_are_those_of_the_formula(name: str) -> None:
    ours, formula = FORMULAS[name]
    values, step = np.linspace(-8.03, 8.04, 97), 1e-6
    x = gc.input("x", values.shape, dtype="float64")
    expected = (formula(values + step) - formula(values - step)) / (2 * step)
    np.testing.assert_allclose(gc.interpret(gc.grad(gc.sum(ours(x)), x), {x: values}), expected, rtol=1e-7, atol=1e-8)


@NAMED
def test_integers_become_floats_and_large_numbers_stay_finite(name: str) -> None:
    ours, _ = FORMULAS[name]
    if name != "relu":
        assert ours(gc.input("i", (3,), dtype="int32")).dtype == "float32"
    x = gc.input("x", (4,))
    given = {x: np.array([-1e30, -200, 200, 1e30], "float32")}
    value, slope = gc.interpret([ours(x), gc.grad(gc.sum(ours(x)), x)], given)
    assert np.isfinite(value).all()
    assert np.isfinite(slope[1:3]).all()


def test_the_tail_of_gelu_keeps_its_digits() -> None:
    x = np.array([-5.0, -10.0, -13.0])
    np.testing.assert_allclose(gc.interpret(gc.gelu(x)), x * norm.cdf(x), rtol=1e-13)


@pytest.mark.parametrize("compiled", [False, True])
def test_hard_swish_at_its_ends(compiled: bool) -> None:
    x = gc.input("x", (7,))
    values = np.array([-np.inf, -1e30, -3, 0, 3, np.inf, np.nan], "float32")
    value = gc.hard_swish(x)
    slope = gc.grad(gc.sum(value), x)
    outputs = [value, slope, gc.grad(gc.sum(slope), x), gc.jvp(value, [x], [np.ones(7, "float32")])]
    found = gc.compile([x], outputs)(values) if compiled else gc.interpret(outputs, {x: values})
    np.testing.assert_array_equal(found[0], [0, 0, 0, 0, 3, np.inf, np.nan])
    np.testing.assert_array_equal(found[1], np.array([0, 0, -0.25, 0.5, 1, 1, np.nan], "float32"))
    np.testing.assert_array_equal(found[2][[0, 1, 4, 5]], [0, 0, 0, 0])
    np.testing.assert_array_equal(found[3], found[1])


def test_slopes_at_zero() -> None:
    x = gc.input("x", (), dtype="float64")
    for function, slope in (
        (gc.relu, 0),
        (gc.leaky_relu, 1),
        (gc.elu, 1),
        (gc.softsign, 1),
        (gc.gelu, 0.5),
        (gc.silu, 0.5),
    ):
        assert gc.interpret(gc.grad(function(x), x), {x: np.array(0.0)}) == slope
    assert gc.interpret(gc.grad(gc.elu(x, alpha=0.3), x), {x: np.array(0.0)}) == 0.3
