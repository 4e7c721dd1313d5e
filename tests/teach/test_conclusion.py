"""The last lines of the derivations of a course are the formulas of its textbooks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc.ir.expr import Expr
from graphc.teach import Derivation, derive
from graphc.teach.printers import text


def data(name: str, *shape: int | str) -> Expr:
    return gc.input(name, shape, "float64")


def last_lines(d: Derivation) -> list[str]:
    return [f"{text(line.symbol)} = {text(line.formula)}" for line in d.conclusion]


def normal(*shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(sum(shape)).normal(size=shape)


def test_logistic_regression() -> None:
    x, y, w, b = data("x", "n", 4), data("y", "n"), data("w", 4), data("b")
    p = gc.name(gc.sigmoid(x @ w + b), "p")
    d = derive(-gc.mean(y * gc.log(p) + (1 - y) * gc.log(1 - p)), w)
    assert last_lines(d) == ["∂L/∂w = xᵀ δ", "δ = (p − y) / n"]
    assert d.check({x: normal(5, 4), y: np.array([0.0, 1, 1, 0, 1]), w: normal(4), b: 0.3})


def test_softmax_and_cross_entropy_collapse_and_say_why() -> None:
    x, y, W = data("x", "n", 4), data("y", "n", 3), data("W", 4, 3)
    p = gc.name(gc.softmax(x @ W), "p")
    d = derive(-gc.mean(gc.sum(y * gc.log(p), axis=1)), W)
    assert last_lines(d) == ["∂L/∂W = xᵀ δ", "δ = (p − y) / n"]
    general, labels = d.conclusion[1].lines[-2:]
    assert text(general.formula) == "(p ⊙ ((Σ_columns y) 𝟏ᵀ) − y) / n"
    assert tuple(map(text, labels.condition)) == ("Σ_columns y", "1")
    assert "the labels of a row add up to 1, as probabilities do" in labels.rules
    assert any("prediction minus the truth" in rule for rule in labels.rules)
    assert "δ = (p − y) / n   where Σ_columns y = 1" in d.text()
    assert r"\text{where } \sum_{\text{columns}} y = 1" in d.latex()
    assert "where $" in d.markdown() and "<p>   where <math>" in d.html()
    values = {x: normal(5, 4), W: normal(4, 3)}
    one_hot, other = d.check({**values, y: np.eye(3)[[0, 2, 1, 1, 0]]}), d.check({**values, y: normal(5, 3)})
    assert one_hot and other
    assert len(one_hot.rows) == len(other.rows) + 1, "the last line is claimed for labels only"


@pytest.mark.parametrize(("axis", "words"), [(0, "rows"), (1, "columns")])
def test_normalization(axis: int, words: str) -> None:
    """Batch normalization as in Ioffe and Szegedy (2015), after its sums are put together; layer normalization."""
    x, t = data("x", "n", 6), data("t", "n", 6)
    mu = gc.name(gc.mean(x, axis=axis, keepdims=True), "mu")
    sigma = gc.name(gc.sqrt(gc.mean((x - mu) ** 2, axis=axis, keepdims=True) + 1e-5), "sigma")
    d = derive(gc.sum(gc.tanh(gc.name((x - mu) / sigma, "xhat")) * t), x)
    (spread, under) = ("", "n · σ") if axis == 0 else (" 𝟏ᵀ", "6 σ 𝟏ᵀ")
    g = "∂L/∂x̂"
    first, second = f"Σ_{words} {g}", f"Σ_{words} {g} ⊙ x̂"
    if spread:
        first, second = f"({first}){spread}", f"({second}){spread}"
    count = "n · " if axis == 0 else "6 "
    assert last_lines(d)[0] == f"∂L/∂x = ({count}{g} − {first} − x̂ ⊙ ({second})) / ({under})"
    rules = [rule for line in d.conclusion[0].lines for rule in line.rules]
    assert "deviations from the mean add up to 0" in rules
    assert d.check({x: normal(4, 6), t: normal(4, 6)})


def test_attention() -> None:
    X, T, W = data("X", "n", 6), data("T", "n", 4), {k: data(f"W_{k}", 6, 4) for k in "QKV"}
    Q, K, V = (gc.name(X @ W[k], k) for k in "QKV")
    A = gc.name(gc.softmax(Q @ K.T / 2.0), "A")
    d = derive(gc.sum(gc.name(A @ V, "O") * T), W["Q"])
    assert last_lines(d) == [
        "∂L/∂W_Q = Xᵀ δ_Q",
        "δ_Q = (δ K) / 2",
        "δ = A ⊙ (δ_O Vᵀ − (Σ_columns (δ_O Vᵀ) ⊙ A) 𝟏ᵀ)",
        "δ_O = T",
    ]
    assert d.check({X: normal(5, 6), T: normal(5, 4), **{w: normal(6, 4) for w in W.values()}})


def test_weights_shared_over_time_have_a_sum_over_time() -> None:
    xs, W, U = [data(f"x{t}", "n", 4) for t in (1, 2, 3)], data("W", 5, 5), data("U", 4, 5)
    h = h0 = data("h0", "n", 5)
    for t, x in enumerate(xs, 1):
        h = gc.name(gc.tanh(h @ W + x @ U), f"h{t}")
    d = derive(gc.sum(h), W)
    assert last_lines(d) == [
        "∂L/∂W = h₀ᵀ δ₁ + h₁ᵀ δ₂ + h₂ᵀ δ₃",
        "δ₁ = (δ₂ Wᵀ) ⊙ (1 − h₁²)",
        "δ₂ = (δ₃ Wᵀ) ⊙ (1 − h₂²)",
        "δ₃ = 1 − h₃²",
    ]
    assert d.check({h0: normal(2, 5), W: normal(5, 5), U: normal(4, 5), **{x: normal(2, 4) for x in xs}})


def test_a_graph_of_numbers() -> None:
    a, b, c, f = (data(name) for name in "abcf")
    d = derive(gc.name(gc.name(gc.name(a * b, "e") + c, "d") * f, "L"), a)
    assert last_lines(d) == ["∂L/∂a = f · b"]
    assert d.check({a: 2.0, b: -3.0, c: 10.0, f: -2.0})


def test_long_derivations_are_not_put_together() -> None:
    x = data("x", 2)
    total = x
    for _ in range(3000):
        total = gc.tanh(total)
    d = derive(gc.sum(total), x)
    assert all(len(line.lines) == 1 for line in d.conclusion)


def test_gradients_of_numbers_are_sympy_formulas() -> None:
    sympy = pytest.importorskip("sympy")
    x, w = data("x"), data("w")
    found = derive(gc.exp(x * w) * w, w).sympy()
    X, W = sympy.symbols("x w", real=True)
    assert sympy.simplify(found - sympy.diff(sympy.exp(X * W) * W, W)) == 0
    v = data("v", 3)
    cubes = derive(gc.sum(v * v * v), v).sympy()
    assert [str(entry) for entry in cubes] == ["3*v[0]**2", "3*v[1]**2", "3*v[2]**2"]
    large = data("large", 300, 300)
    with pytest.raises(gc.GraphError, match="is not written out"):
        derive(gc.sum(large * large), large).sympy()
