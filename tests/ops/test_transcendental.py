"""Elementary functions where they end, jump and have poles, evaluated every way."""

from __future__ import annotations

import math

import numpy as np
import pytest
from opchecks import EVALUATORS

import graphc as gc
from graphc.ir.expr import make
from graphc.ir.op import REGISTRY
from graphc.ops import scalar, transcendental  # noqa: F401 - fill the registry

ONE = (
    "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh", "exp2", "log2", "log10",
    "cbrt", "erfc", "lgamma", "digamma", "trigamma", "exp", "expm1", "log", "log1p", "tanh", "erf", "sigmoid",
    "softplus", "sqrt",
)  # fmt: skip
TWO = ("atan2", "hypot", "logaddexp", "pow")
SPECIAL = (
    0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, 1e-30, -1e-30, 1e-3, 0.9999, 1.0001, 10.0, -10.0, 88.0, -87.0,
    100.0, -100.0, 1e4, 1e30, -1e30, math.inf, -math.inf, math.nan,
)  # fmt: skip
ULPS = 4
"""Two of ours and the reference's own."""


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("evaluator", EVALUATORS)
@pytest.mark.parametrize("name", [*ONE, *TWO])
def test_special_values_are_the_references(name: str, evaluator: str, dtype: str) -> None:
    op = REGISTRY[name]
    values = np.array(SPECIAL, dtype)
    arrays = [values] if op.arity == 1 else [np.repeat(values, len(values)), np.tile(values, len(values))]
    inputs = [gc.input(f"x{i}", a.shape, dtype) for i, a in enumerate(arrays)]
    (found,) = EVALUATORS[evaluator]([make(op, tuple(inputs))], dict(zip(inputs, arrays, strict=True)))
    with np.errstate(all="ignore"):
        expected = op.reference({}, *arrays)
    info = np.finfo(dtype)
    # Near a zero that is no special value the logarithm of gamma and its derivative are differences of larger numbers.
    smallest = info.eps if name in ("lgamma", "digamma") else info.smallest_subnormal
    np.testing.assert_allclose(found, expected, rtol=ULPS * info.eps, atol=2 * smallest)
    known = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(found[known]), np.signbit(expected[known]))


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_gamma_functions_at_their_poles(evaluator: str) -> None:
    x = gc.input("x", (5,), "float64")
    values = np.array([0.0, -0.0, -1.0, -2.0, -17.0])
    gamma, psi, slope = EVALUATORS[evaluator]([gc.lgamma(x), gc.digamma(x), gc.trigamma(x)], {x: values})
    np.testing.assert_array_equal(gamma, [np.inf] * 5)
    np.testing.assert_array_equal(psi, [-np.inf, np.inf, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(slope, [np.inf] * 5)
