"""Formulas out of graphs, and graphs out of formulas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy

import graphc as gc

s, t = sympy.symbols("s t", real=True)


def scalar(name: str, dtype: str = "float64") -> gc.Expr:
    return gc.input(name, (), dtype=dtype)


def test_inputs_become_symbols_of_their_names() -> None:
    x, k, n = scalar("x"), scalar("k", "int32"), scalar("n", "uint8")
    formula = gc.to_sympy(gc.exp(-x * x / 2))
    symbol = sympy.Symbol("x", real=True)
    assert formula == sympy.exp(-(symbol**2) / 2)
    assert gc.to_sympy(k) == sympy.Symbol("k", integer=True)
    assert gc.to_sympy(n).is_nonnegative


def test_params_constants_sizes_and_marks() -> None:
    w = gc.param("w", np.float64(3))
    formula = gc.to_sympy(gc.stop_gradient(w) * 0.5 + 0.1)
    assert formula == sympy.Symbol("w", real=True) / 2 + sympy.Float("0.1")
    batch = gc.size(gc.input("x", ("batch", 4)), 0)
    assert gc.to_sympy(batch * 2) == 2 * sympy.Symbol("batch", integer=True, nonnegative=True)


def test_constants_are_the_decimals_of_their_dtype() -> None:
    assert str(gc.to_sympy(scalar("x", "float32") * 0.1)) == "0.1*x"
    assert gc.to_sympy(gc.constant(np.float32("inf"))) == sympy.oo
    assert gc.to_sympy(gc.constant(np.float32("nan"))) is sympy.nan
    assert gc.to_sympy(gc.constant(True)) == sympy.true


def test_where_and_comparisons() -> None:
    x = scalar("x")
    formula = gc.to_sympy(gc.where(x > 1, x, gc.relu(-x)))
    symbol = sympy.Symbol("x", real=True)
    assert formula == sympy.Piecewise((symbol, symbol > 1), (sympy.Max(0, -symbol), True))


def test_derivatives_are_those_of_sympy() -> None:
    x = scalar("x")
    y = gc.tanh(x) * gc.log1p(gc.square(x)) + gc.sigmoid(x)
    ours, theirs = gc.to_sympy(gc.grad(y, x)), sympy.diff(gc.to_sympy(y), sympy.Symbol("x", real=True))
    symbol = sympy.Symbol("x", real=True)
    for at in (-1.3, 0.2, 2.5):
        assert abs(float((ours - theirs).subs(symbol, at))) < 1e-12


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: gc.input("x", (3,)) + 1, "only scalar expressions"),
        (lambda: gc.sum(gc.input("x", (3,))), "only scalar expressions"),
        (lambda: scalar("x") + scalar("x"), "two inputs are called 'x'"),
    ],
)
def test_what_is_no_formula_is_refused(build: Callable[[], gc.Expr], words: str) -> None:
    with pytest.raises(gc.GraphError, match=words) as refusal:
        gc.to_sympy(build())
    assert "test_sympy.py:" in str(refusal.value)


FORMULAS = [
    s + t,
    s - t,
    2 * s - 3,
    -s * t,
    s / t,
    1 / (s * t**2),
    -2 * s / (3 * t),
    s**2 + sympy.sqrt(t),
    s**t,
    s**-3,
    t ** sympy.Rational(3, 2),
    1 / sympy.sqrt(t),
    sympy.exp(-(s**2) / 2) / sympy.sqrt(2 * sympy.pi),
    sympy.log(t) * sympy.tanh(s) + sympy.erf(s * t),
    sympy.Abs(-s) + sympy.sign(s - 1),
    sympy.Max(s, t, 1) - sympy.Min(s, 0),
    sympy.Heaviside(s - 1) + sympy.Heaviside(t),
    sympy.Piecewise((s, s > 1), (t, sympy.And(s < 0, t >= 1)), (2, True)),
    sympy.Piecewise((1, sympy.Or(sympy.Eq(s, 2), sympy.Not(t > 1))), (0, True)),
    sympy.Max(s, 0).diff(s),
    sympy.exp(2) * s,
    sympy.sin(s) * sympy.cos(t) - sympy.tan(s / 3),
    sympy.asin(t / 3) + sympy.acos(t / 4) + sympy.atan(s) + sympy.atan2(s, t),
    sympy.sinh(s) / sympy.cosh(t) + sympy.asinh(s) + sympy.acosh(s + 1) + sympy.atanh(t / 3),
    sympy.floor(s * 1.3) + sympy.ceiling(t / 3) + sympy.Mod(s, t),
    sympy.erfc(s) + sympy.loggamma(s),
    sympy.loggamma(t).diff(t) + sympy.loggamma(s).diff(s, 2) + sympy.loggamma(s).diff(s, 4),
    sympy.Piecewise((1, sympy.Xor(s > 1, t > 1)), (0, True)),
]


@pytest.mark.parametrize("formula", FORMULAS, ids=str)
def test_graphs_compute_what_formulas_say(formula: Any) -> None:
    x, y = gc.input("x", (4,), dtype="float64"), gc.input("y", (4,), dtype="float64")
    points = np.array([0.5, 1.5, 2.0, 3.0]), np.array([0.25, 1.0, 2.0, 0.75])
    value = gc.interpret(gc.from_sympy(formula, {s: x, t: y}) + 0 * x, {x: points[0], y: points[1]})
    expected = [float(formula.subs({s: a, t: b})) for a, b in zip(*points, strict=True)]
    np.testing.assert_allclose(value, expected, rtol=1e-13)


def test_quotients_and_differences_stay_what_they_are() -> None:
    x, y = scalar("x"), scalar("y")
    assert gc.from_sympy(s / t, {s: x, t: y}) is x / y
    assert gc.from_sympy(s - t, {s: x, t: y}) is x - y
    assert gc.from_sympy(s**2, {s: x}) is gc.square(x)
    assert gc.from_sympy(-s, {"s": x}) is -x


def test_there_and_back() -> None:
    x, y = scalar("x"), scalar("y")
    e = gc.where(x < y, gc.exp(x) / y, gc.minimum(x, gc.abs(y))) + gc.erf(x * y)
    back = gc.from_sympy(gc.to_sympy(e), {"x": x, "y": y})
    values = {x: 0.3, y: -1.7}
    np.testing.assert_allclose(gc.interpret(back, values), gc.interpret(e, values), rtol=1e-14)


def test_a_number_is_a_constant() -> None:
    assert gc.interpret(gc.from_sympy(sympy.Integer(3), {})) == 3
    assert gc.interpret(gc.from_sympy(sympy.pi / 2, {})) == np.float32(np.pi / 2)


def test_numbers_take_the_dtype_they_meet() -> None:
    x = gc.input("x", (2,))
    assert gc.from_sympy(s * sympy.pi + 1, {s: x}).dtype == "float32"


def test_unknown_symbols_and_functions_are_refused() -> None:
    with pytest.raises(gc.GraphError, match="the symbol t has no value; given: s"):
        gc.from_sympy(s + t, {s: scalar("x")})
    with pytest.raises(gc.GraphError, match=r"zeta in .* has no op; known: .*tanh"):
        gc.from_sympy(sympy.zeta(s) + 1, {s: scalar("x")})
    with pytest.raises(gc.GraphError, match="not a real number"):
        gc.from_sympy(s + sympy.I, {s: scalar("x")})
