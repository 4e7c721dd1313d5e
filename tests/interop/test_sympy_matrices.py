"""Matrix expressions of SymPy as graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy

import graphc as gc

A, B, v = sympy.MatrixSymbol("A", 3, 3), sympy.MatrixSymbol("B", 3, 2), sympy.MatrixSymbol("v", 3, 1)
s = sympy.Symbol("s", real=True)
SHAPES = {"A": (3, 3), "B": (3, 2), "v": (3, 1), "s": ()}
VALUES = {name: np.random.default_rng(len(name) + at).standard_normal(SHAPES[name]) for at, name in enumerate(SHAPES)}


def _inputs() -> dict[str, gc.Expr]:
    return {name: gc.input(name, shape, dtype="float64") for name, shape in SHAPES.items()}


@pytest.mark.parametrize(
    "formula",
    [
        A * B,
        A.T * B + 2 * B - s * B,
        v.T * A * v,
        A**3,
        A**5 * s**2,
        A.inv() * B,
        A**-2,
        A + sympy.Identity(3),
        A - 2 * sympy.OneMatrix(3, 3) + sympy.ZeroMatrix(3, 3),
        sympy.HadamardProduct(B, B + B),
        sympy.HadamardPower(A, 2),
        A.applyfunc(sympy.sin),
        A.applyfunc(sympy.Lambda(s, s**2 + 1)),
        sympy.Matrix([[1, s], [s**2, 4]]) * sympy.Matrix([[1, 2], [3, 4]]),
        sympy.SparseMatrix(3, 3, {(0, 1): s, (2, 2): 1}) * A,
        sympy.Trace(A * A),
        sympy.Determinant(A),
        A[0, 1] * A[2, 2] + sympy.Trace(A),
        sympy.Sum(A[0, sympy.Symbol("k")] ** 2, (sympy.Symbol("k"), 0, 2)) + s,
    ],
    ids=str,
)
def test_matrices_are_those_of_sympy(formula: Any) -> None:
    inputs = _inputs()
    graph = gc.from_sympy(formula, inputs)
    point = {matrix: sympy.Matrix(VALUES[matrix.name]) for matrix in (A, B, v)} | {s: VALUES["s"][()]}
    explicit = formula.as_explicit() if isinstance(formula, sympy.MatrixExpr) else formula
    found = explicit.subs(point).doit()
    expected = np.array(found.tolist() if hasattr(found, "tolist") else found, np.float64)
    assert graph.shape == expected.shape
    values = {inputs[name]: value for name, value in VALUES.items()}
    np.testing.assert_allclose(gc.interpret(graph, values), expected, rtol=1e-10, atol=1e-12)


def test_scalars_that_are_arrays_make_a_matrix_for_each_element() -> None:
    angles, m = gc.input("s", (7,), dtype="float64"), gc.input("A", (3, 3), dtype="float64")
    rotation = gc.from_sympy(sympy.Matrix([[sympy.cos(s), -sympy.sin(s)], [sympy.sin(s), sympy.cos(s)]]), {s: angles})
    assert rotation.shape == (7, 2, 2)
    values = np.linspace(0, 3, 7)
    found = gc.interpret(rotation @ gc.matrix_transpose(rotation), {angles: values})
    np.testing.assert_allclose(found, np.broadcast_to(np.eye(2), (7, 2, 2)), atol=1e-15)
    scaled = gc.from_sympy(s * A, {s: angles, "A": m})
    expected = values[:, None, None] * VALUES["A"]
    np.testing.assert_allclose(gc.interpret(scaled, {angles: values, m: VALUES["A"]}), expected, rtol=1e-15)


def test_gradients_of_matrix_formulas() -> None:
    inputs = _inputs()
    graph = gc.from_sympy(sympy.Determinant(A), inputs)
    slope = gc.interpret(gc.grad(graph, inputs["A"]), {inputs["A"]: VALUES["A"]})
    np.testing.assert_allclose(slope, np.linalg.det(VALUES["A"]) * np.linalg.inv(VALUES["A"]).T, rtol=1e-10)


def test_sizes_may_be_named() -> None:
    n = sympy.Symbol("n", integer=True)
    m = gc.input("M", ("n", "n"), dtype="float64")
    shifted = gc.from_sympy(sympy.MatrixSymbol("M", n, n) + sympy.Identity(n), {"M": m})
    np.testing.assert_array_equal(gc.compile([m], shifted)(VALUES["A"]), VALUES["A"] + np.eye(3))


@pytest.mark.parametrize(
    ("formula", "error", "words"),
    [
        (A * B, gc.ShapeError, "the matrix A is 3×3"),
        (sympy.MatrixSymbol("B", 3, 3) * sympy.MatrixSymbol("B", 3, 3), gc.ShapeError, "the matrix B is 3×3"),
        (sympy.MatrixSymbol("C", 3, 3) * A, gc.GraphError, "the symbol C has no value"),
        (sympy.MatrixSymbol("D", 4, 4).inv(), gc.GraphError, "up to 9 entries; D is 4×4"),
        (sympy.MatrixSymbol("D", 4, 4) ** sympy.Symbol("n"), gc.GraphError, "the exponent n"),
    ],
)
def test_what_does_not_fit_is_refused(formula: Any, error: type[Exception], words: str) -> None:
    values = {name: gc.input(name, (3, 2)) for name in "AB"} | {"D": gc.input("D", (4, 4)), "n": gc.input("n", ())}
    with pytest.raises(error, match=words):
        gc.from_sympy(formula, values)
