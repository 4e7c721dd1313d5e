"""Sums, products and elements in formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy

import graphc as gc

x, y = sympy.symbols("x y", real=True)
i, j, k, n = sympy.symbols("i j k n", integer=True)
POINTS = np.linspace(-1.4, 1.7, 5)
w = sympy.IndexedBase("w", real=True)
W = np.random.default_rng(0).standard_normal(8)


@pytest.mark.parametrize(
    "formula",
    [
        sympy.Sum(x**k / sympy.factorial(k), (k, 0, 20)),
        sympy.Sum((-1) ** k * sympy.sin(k * x) / k, (k, 1, 30)),
        sympy.Product(1 - x**2 / (k**2 * sympy.pi**2), (k, 1, 50)),
        sympy.Sum(k * x, (k, 1, 3)),
        sympy.Sum(x**j * k, (j, 1, k), (k, 1, 6)),
        sympy.Sum(x**j * sympy.cos(k * j * x), (j, 1, 7), (k, 1, 6)),
        sympy.Product(sympy.Sum(x**j + k, (j, 0, 5)), (k, 1, 7)),
        sympy.Sum(sympy.Piecewise((x, k < 3), (1, True)), (k, 0, 9)),
        x * sympy.Sum(k, (k, 1, 10)),
        x + sympy.Sum(5, (k, 1, 10)),
        x + sympy.Sum(x**k, (k, 3, 2)) + sympy.Product(x**k, (k, 3, 2)),
        sympy.Sum(sympy.binomial(12, k) * x ** (2 * k), (k, 0, 12)),
        sympy.Piecewise((x, x < 0), (sympy.Sum(x**k, (k, 0, 5)), True)),
    ],
    ids=str,
)
def test_sums_and_products_are_those_of_sympy(formula: Any) -> None:
    a = gc.input("x", (5,), dtype="float64")
    graph = gc.from_sympy(formula, {x: a})
    expected = [float(formula.subs(x, sympy.Float(p, 30)).doit()) for p in POINTS]
    np.testing.assert_allclose(gc.interpret(graph, {a: POINTS}), expected, rtol=1e-11)
    np.testing.assert_allclose(gc.compile([a], graph)(POINTS), expected, rtol=1e-11)


def test_terms_lie_along_an_axis_that_is_reduced() -> None:
    a = gc.input("x", (5,))
    graph = gc.from_sympy(sympy.Sum(sympy.sin(k * x), (k, 1, 1000)), {x: a})
    assert graph.op.name == "sum"
    assert graph.args[0].shape == (5, 1000)
    assert graph.dtype == "float32"


def test_symbolic_bounds_need_a_closed_form() -> None:
    a = gc.input("n", ())
    assert gc.interpret(gc.from_sympy(sympy.Sum(k, (k, 1, n)), {n: a}), {a: 10.0}) == 55


def test_elements_of_arrays_are_gathered_along_the_index() -> None:
    a, b = gc.input("x", (5,), dtype="float64"), gc.input("w", (8,), dtype="float64")
    graph = gc.from_sympy(sympy.Sum(w[i] * sympy.cos(i * x), (i, 0, 7)), {x: a, "w": b})
    expected = np.cos(np.outer(POINTS, np.arange(8))) @ W
    np.testing.assert_allclose(gc.interpret(graph, {a: POINTS, b: W}), expected, rtol=1e-13)
    backwards = gc.from_sympy(sympy.Sum(w[7 - 2 * i] * w[i], (i, 0, 3)) + w[5], {"w": b})
    np.testing.assert_allclose(gc.interpret(backwards, {b: W}), sum(W[7 - 2 * m] * W[m] for m in range(4)) + W[5])


def test_elements_of_matrices_with_two_indices() -> None:
    A = sympy.MatrixSymbol("A", 8, 6)
    a, b = gc.input("x", (5,), dtype="float64"), gc.input("A", (8, 6), dtype="float64")
    matrix = np.random.default_rng(1).standard_normal((8, 6))
    graph = gc.from_sympy(sympy.Sum(A[i, j] * x ** (i + j), (i, 0, 7), (j, 0, 5)), {x: a, "A": b})
    expected = sum(matrix[p, q] * POINTS ** (p + q) for p in range(8) for q in range(6))
    np.testing.assert_allclose(gc.interpret(graph, {a: POINTS, b: matrix}), expected, rtol=1e-12)


def test_gradients_go_through_sums() -> None:
    a, b = gc.input("x", (5,), dtype="float64"), gc.input("w", (8,), dtype="float64")
    formula = sympy.Sum(w[i] * x**i, (i, 0, 7))
    graph = gc.from_sympy(formula, {x: a, "w": b})
    slope, by_weight = gc.interpret(gc.grad(gc.sum(graph), [a, b]), {a: POINTS, b: W})
    np.testing.assert_allclose(slope, np.polynomial.Polynomial(W).deriv()(POINTS), rtol=1e-12)
    np.testing.assert_allclose(by_weight, np.vander(POINTS, 8, increasing=True).sum(0), rtol=1e-12)


@pytest.mark.parametrize(
    ("formula", "error", "words"),
    [
        (w[9], gc.ShapeError, "index 9 in w.9. runs out of an axis of size 8"),
        (sympy.Sum(w[i + 1], (i, 0, 7)), gc.ShapeError, "runs out"),
        (w[k], gc.GraphError, "index k in w.k. is no number"),
        (w[1, 2], gc.ShapeError, "2 indices"),
        (sympy.Sum(w[i] / 2**sympy.I, (i, 0, 7)), gc.GraphError, "not a real number"),
    ],
)
def test_bad_indices_are_refused(formula: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        gc.from_sympy(formula, {"w": gc.input("w", (8,), dtype="float64"), "k": gc.input("k", ())})
