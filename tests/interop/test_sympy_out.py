"""Formulas out of graphs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy

import graphc as gc


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
        (lambda: gc.input("x", ("n",)) + 1, r"shape \(n,\) is not written out"),
        (lambda: gc.input("x", (65, 64)) + 1, "4096 at most"),
        (lambda: gc.sort(gc.input("x", (3,))), "sort has no formula"),
        (lambda: gc.take(gc.input("x", (3,)), gc.input("i", (2,), dtype="int64")), "unless its indices are numbers"),
        (lambda: scalar("x") + scalar("x"), "two inputs are called 'x'"),
    ],
)
def test_what_is_no_formula_is_refused(build: Callable[[], gc.Expr], words: str) -> None:
    with pytest.raises(gc.GraphError, match=words) as refusal:
        gc.to_sympy(build())
    assert "test_sympy_out.py:" in str(refusal.value)


def test_there_and_back() -> None:
    x, y = scalar("x"), scalar("y")
    e = gc.where(x < y, gc.exp(x) / y, gc.minimum(x, gc.abs(y))) + gc.erf(x * y)
    back = gc.from_sympy(gc.to_sympy(e), {"x": x, "y": y})
    values = {x: 0.3, y: -1.7}
    np.testing.assert_allclose(gc.interpret(back, values), gc.interpret(e, values), rtol=1e-14)


def _numbers(formulas: Any, values: dict[gc.Expr, Any]) -> np.ndarray[Any, Any]:
    """Formulas at values of the elements of their arrays."""
    point = {}
    for x, value in values.items():
        base = sympy.IndexedBase(str(x.name), real=True)
        point |= {base[at]: v for at, v in np.ndenumerate(value)}
    written = sympy.flatten(formulas) if isinstance(formulas, sympy.NDimArray) else [formulas]
    found = [f.subs(point) for f in written]
    return np.array(found, bool if isinstance(found[0], sympy.logic.boolalg.Boolean) else float)


@pytest.mark.parametrize(
    "build",
    [
        lambda x: gc.softmax(x, axis=1),
        lambda x: gc.mean(x, axis=0) @ x.T,
        lambda x: gc.concat([x, gc.flip(x, axis=1)])[1:, ::2] * gc.arange(2),
        lambda x: gc.prod(x) + gc.min(x) - gc.max(x, axis=(0, 1)),
        lambda x: gc.take_along_axis(x, np.array([[2], [0]]), axis=1) + gc.take(x, np.array([1, 1]), axis=0),
        lambda x: gc.logical_or(gc.any(x > 1, axis=0), gc.all(x < 0, axis=0)),
        lambda x: gc.grad(gc.sum(gc.tanh(x @ gc.constant(np.ones((3, 2)) / 3))), x),
        lambda x: gc.var(x, axis=1),
    ],
)
def test_every_element_of_a_small_array_is_a_formula(build: Callable[[gc.Expr], gc.Expr]) -> None:
    x = gc.input("x", (2, 3), dtype="float64")
    value = np.array([[0.5, -1.5, 2.0], [1.25, 0.75, -0.25]])
    expression = build(x)
    formulas = gc.to_sympy(expression)
    assert getattr(formulas, "shape", ()) == expression.shape
    expected = gc.interpret(expression, {x: value})
    np.testing.assert_allclose(_numbers(formulas, {x: value}), expected.ravel(), rtol=1e-13)


def test_structures_stay_and_symbols_are_shared() -> None:
    x, y = gc.input("x", (2,)), scalar("y")
    found = gc.to_sympy({"a": x * y, "b": [y]})
    base, symbol = sympy.IndexedBase("x", real=True), sympy.Symbol("y", real=True)
    assert found["a"].tolist() == [base[0] * symbol, base[1] * symbol]
    assert found["b"] == [symbol]


def test_arrays_come_back() -> None:
    x = gc.input("x", (3,), dtype="float64")
    back = gc.from_sympy(gc.to_sympy(gc.softmax(x)), {"x": x})
    value = np.array([0.1, -2.0, 1.0])
    np.testing.assert_allclose(gc.interpret(back, {x: value}), gc.interpret(gc.softmax(x), {x: value}), rtol=1e-14)
