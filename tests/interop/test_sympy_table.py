"""The SymPy table covers the registry."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

import graphc.ops  # noqa: F401 - fills the registry
from graphc.interop.sympy_table import SYMPY
from graphc.ir.dtype import bool_, float32, int32
from graphc.ir.op import REGISTRY

ELEMENTWISE = {name: op for name, op in REGISTRY.items() if op.kind == "elementwise"}


def test_a_row_for_every_elementwise_op() -> None:
    assert set(SYMPY) == set(ELEMENTWISE)


@pytest.mark.parametrize("name", sorted(set(ELEMENTWISE) - {"astype"}))
def test_rows_agree_with_the_references(name: str) -> None:
    op = ELEMENTWISE[name]
    if op.dtypes == ("bool",):
        for bits in np.ndindex((2,) * op.arity):
            row = SYMPY[name](*(sympy.true if b else sympy.false for b in bits))
            assert bool(row) == bool(op.reference({}, *map(np.bool_, bits)))
        return
    for point in ((0.75, 0.5, 1.25), (1.5, 1.5, 2.0), (0.25, 2.5, -1.0)):
        if name == "where":
            row, reference = SYMPY[name](sympy.true, *point[1:]), point[1]
        else:
            args = point[: op.arity]
            row = SYMPY[name](*map(sympy.Float, args))
            reference = op.reference({}, *map(np.float64, args))
        value = bool(row) if np.asarray(reference).dtype == bool else float(row)
        np.testing.assert_allclose(value, reference, rtol=1e-12)


def test_astype_truncates_and_counts_truths() -> None:
    x = sympy.Symbol("x", real=True)
    assert SYMPY["astype"](sympy.Rational(-5, 2), dtype=int32) == -2
    assert SYMPY["astype"](x, dtype=float32) == x
    assert SYMPY["astype"](x > 1, dtype=float32).subs(x, 2) == 1
    assert SYMPY["astype"](x, dtype=bool_) == sympy.Ne(x, 0)
    assert SYMPY["astype"](x > 1, dtype=bool_) == (x > 1)


def test_nan_and_infinity_are_not_finite() -> None:
    assert not SYMPY["isfinite"](sympy.nan)
    assert not SYMPY["isfinite"](-sympy.oo)
    assert SYMPY["isfinite"](sympy.Integer(3))
