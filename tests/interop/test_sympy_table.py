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
    assert op.samples is not None
    sample = next(iter(op.samples()))
    attrs, domains = dict(sample.attrs), sample.domains or ((-3.0, 3.0),) * op.arity
    for wanted in ((0.75, 0.5, 1.25), (1.5, 1.5, 2.0), (0.25, 2.5, -1.0)):
        # Inside of what the op is defined for.
        point = [min(max(p, low), high) for p, (low, high) in zip(wanted, domains, strict=False)]
        if name in ("where", "choose"):
            row, reference = SYMPY[name](sympy.true, *point[1:]), point[1]
        elif "float" not in op.dtypes:
            integers = [round(8 * p) for p in point]
            row = SYMPY[name](*map(sympy.Integer, integers), **attrs)
            reference = op.reference(attrs, *map(np.int64, integers))
        else:
            args = point[: op.arity]
            row = SYMPY[name](*map(sympy.Float, args), **attrs)
            reference = op.reference(attrs, *map(np.float64, args))
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


def test_whole_numbers_round_half_to_even() -> None:
    halves = [sympy.Rational(n, 2) for n in range(-7, 8)]
    assert [SYMPY["round"](h) for h in halves] == [round(h) for h in map(float, halves)]
    assert [SYMPY["trunc"](h) for h in halves] == [int(h) for h in map(float, halves)]


def test_bits_of_symbols_stay_as_they_are() -> None:
    n = sympy.Symbol("n", integer=True)
    masked = SYMPY["bitwise_and"](n, sympy.Integer(6))
    assert masked.free_symbols == {n}
    assert masked.is_integer
    assert SYMPY["bitwise_and"](sympy.Integer(12), sympy.Integer(6)) == 4
    assert SYMPY["bitwise_invert"](n) == -n - 1


def test_what_is_nan_or_infinite() -> None:
    assert SYMPY["isnan"](sympy.nan)
    assert not SYMPY["isnan"](sympy.Integer(3))
    assert SYMPY["isinf"](-sympy.oo)
    assert not SYMPY["isinf"](sympy.nan)
