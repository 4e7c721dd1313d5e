"""Graphs out of formulas: arithmetic and functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy

import graphc as gc

s, t = sympy.symbols("s t", real=True)


def scalar(name: str, dtype: str = "float64") -> gc.Expr:
    return gc.input(name, (), dtype=dtype)


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
    sympy.Piecewise((s, sympy.ITE(s > 1, t > 1, s > 2)), (t, True)),
    sympy.sec(s) + sympy.csc(t) * sympy.cot(s) + sympy.sech(s) - sympy.csch(t) / sympy.coth(s),
    sympy.gamma(s) + sympy.gamma(t - 3.5) * sympy.gamma(-s / 3.5),
    sympy.factorial(s) + sympy.binomial(s + 5, 2) + sympy.beta(s, t),
    sympy.sinc(s - 2) + sympy.frac(s * 1.3),
    sympy.Derivative(sympy.sin(s) ** 3 * t, s) + sympy.Integral(sympy.exp(-t * s), (t, 0, 1)),
]


@pytest.mark.parametrize("formula", FORMULAS, ids=str)
def test_graphs_compute_what_formulas_say(formula: Any) -> None:
    x, y = gc.input("x", (4,), dtype="float64"), gc.input("y", (4,), dtype="float64")
    points = np.array([0.5, 1.5, 2.0, 3.0]), np.array([0.25, 1.0, 2.0, 0.75])
    value = gc.interpret(gc.from_sympy(formula, {s: x, t: y}) + 0 * x, {x: points[0], y: points[1]})
    expected = [float(formula.doit().subs({s: a, t: b})) for a, b in zip(*points, strict=True)]
    np.testing.assert_allclose(value, expected, rtol=1e-13)


def test_quotients_and_differences_stay_what_they_are() -> None:
    x, y = scalar("x"), scalar("y")
    assert gc.from_sympy(s / t, {s: x, t: y}) is x / y
    assert gc.from_sympy(s - t, {s: x, t: y}) is x - y
    assert gc.from_sympy(s**2, {s: x}) is gc.square(x)
    assert gc.from_sympy(-s, {"s": x}) is -x


def test_a_number_is_a_constant() -> None:
    assert gc.interpret(gc.from_sympy(sympy.Integer(3), {})) == 3
    assert gc.interpret(gc.from_sympy(sympy.pi / 2, {})) == np.float32(np.pi / 2)


def test_numbers_take_the_dtype_they_meet() -> None:
    x = gc.input("x", (2,))
    assert gc.from_sympy(s * sympy.pi + 1, {s: x}).dtype == "float32"


def test_unknown_symbols_and_functions_are_refused() -> None:
    with pytest.raises(gc.GraphError, match="the symbol t has no value; given: s"):
        gc.from_sympy(s + t, {s: scalar("x")})
    with pytest.raises(gc.GraphError, match=r"zeta in .* has no op; give it by functions=, or use one of .*tanh"):
        gc.from_sympy(sympy.zeta(s) + 1, {s: scalar("x")})
    with pytest.raises(gc.GraphError, match="not a real number"):
        gc.from_sympy(s + sympy.I, {s: scalar("x")})


def test_complex_symbols_are_read_as_real_ones() -> None:
    z = sympy.Symbol("z")
    x = scalar("x")
    sign = gc.from_sympy(sympy.diff(sympy.Abs(z), z), {z: x})
    assert gc.interpret([sign, gc.from_sympy(sympy.sqrt(z**2), {z: x})], {x: -2.5}) == [-1, 2.5]
    assert gc.from_sympy(sympy.conjugate(z) + 0 * sympy.im(z), {"z": x}) is x


def test_structures_of_formulas_share_their_parts() -> None:
    x = scalar("x")
    found = gc.from_sympy({"a": sympy.exp(s), "b": [sympy.exp(s) + 1, (sympy.Integer(2),)]}, {s: x})
    assert found["a"] is gc.exp(x)
    assert found["b"][0] is 1 + gc.exp(x)
    assert gc.interpret(found["b"][1][0]) == 2


def test_functions_of_ones_own() -> None:
    x = scalar("x")
    f = sympy.Function("f")
    assert gc.from_sympy(f(s) + 1, {s: x}, functions={"f": gc.tanh}) is 1 + gc.tanh(x)
    assert gc.from_sympy(sympy.sin(s), {s: x}, functions={"sin": gc.cos}) is gc.cos(x)
    with pytest.raises(gc.GraphError, match=r"f in f\(s\) has no op; give it by functions="):
        gc.from_sympy(f(s), {s: x})


def test_what_sympy_cannot_carry_out_is_refused() -> None:
    n = sympy.Symbol("n", integer=True)
    x = scalar("x")
    for formula in (sympy.Integral(sympy.sin(s**t) ** s, (t, 0, 1)), sympy.Sum(sympy.sin(s**n) / n, (n, 1, t))):
        with pytest.raises(gc.GraphError, match="SymPy finds no formula"):
            gc.from_sympy(formula, {"s": x, "t": x})


def test_a_deep_formula_is_read_without_recursion() -> None:
    formula = sympy.Add(s, sympy.Mul(2, s, evaluate=False), evaluate=False)
    for _ in range(300):
        formula = sympy.sin(formula, evaluate=False)
    assert gc.from_sympy(formula, {s: scalar("x")}).op.name == "sin"
