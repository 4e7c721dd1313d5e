"""Formulas of physics, finance and statistics against SymPy's own lambdify, and their gradients against its diff."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.special
import sympy
from interop.real_formulas import REAL_FORMULAS, Formula

import graphc as gc

MODULES = [{"erf": scipy.special.erf, "loggamma": scipy.special.gammaln, "polygamma": scipy.special.polygamma}, "numpy"]
"""NumPy, and SciPy for what NumPy does not have."""


@pytest.mark.parametrize("case", REAL_FORMULAS, ids=lambda case: case.name)
def test_values_and_gradients_are_those_of_sympy(case: Formula) -> None:
    symbols = list(case.domains)
    points = case.points(500)
    inputs = [gc.input(s.name, (500,), dtype="float64") for s in symbols]
    value = gc.from_sympy(case.formula, dict(zip(symbols, inputs, strict=True)))
    found, *slopes = gc.compile(inputs, [value, *gc.grad(gc.sum(value), inputs)])(*points)

    np.testing.assert_allclose(found, _numpy(case, case.formula, points), rtol=1e-11, atol=1e-13)
    for symbol, slope in zip(symbols, slopes, strict=True):
        expected = _numpy(case, sympy.diff(case.formula, symbol), points)
        scale = float(np.max(np.abs(expected)))
        np.testing.assert_allclose(slope, expected, rtol=1e-9, atol=1e-12 * scale, err_msg=f"by {symbol}")


def _numpy(case: Formula, formula: Any, points: list[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    computed = sympy.lambdify(list(case.domains), formula, MODULES)(*points)
    return np.broadcast_to(np.asarray(computed, np.float64), points[0].shape)
