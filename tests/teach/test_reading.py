"""Reading formulas: as a person would, and never guessing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphc.teach.formula import (
    ONE,
    TWO,
    At,
    Bars,
    Formula,
    Infix,
    Root,
    SumOver,
    Symbol,
    Transposed,
    Words,
    apply,
    iverson,
    matrix,
    minus,
    number,
    over,
    plus,
    power,
    times,
    transposed,
)
from graphc.teach.reading import Reader, UnsaidError
from graphc.teach.rows import ONES

X, W, v, y = Symbol("X"), Symbol("W"), Symbol("v"), Symbol("y")
x = np.arange(6.0).reshape(2, 3) - 2
w = np.arange(12.0).reshape(3, 4)
VALUES: dict[Formula, Any] = {X: x, W: w, v: np.array([1.0, -1, 2]), y: np.array([2, 0]), Symbol("d"): np.ones((2, 1))}
D_V = [[1, -1, 2], [1, -1, 2]]
READ = Reader(VALUES, {"n": 5}, classes=3)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (plus(X, TWO), x + 2), (minus(X, over(X, TWO)), x / 2), (times(X, X), x * x), (power(X, TWO), x**2),
        (matrix(X, W), x @ w), (matrix(transposed(W), transposed(X)), w.T @ x.T), (matrix(X, v), x @ VALUES[v]),
        (matrix(v, v), 6.0), (matrix(transposed(v), v), np.outer(VALUES[v], VALUES[v])),
        (matrix(v, transposed(v)), np.outer(VALUES[v], VALUES[v])), (matrix(v, W), VALUES[v] @ w),
        (matrix(v, W, transposed(W), v), VALUES[v] @ w @ w.T @ VALUES[v]), (matrix(Symbol("d"), transposed(v)), D_V),
        (matrix(transposed(v), v, W), np.outer(VALUES[v], VALUES[v]) @ w),
        (matrix(SumOver("columns", X), Transposed(ONES)), x.sum(1, keepdims=True)), (SumOver("rows", X), x.sum(0)),
        (SumOver("", X), x.sum()), (SumOver("axis 1", X), x.sum(1)), (Bars(X), abs(x)), (Root(TWO), 2**0.5),
        (iverson(X, ">", ONE), x > 1), (apply("tanh", X), np.tanh(x)), (apply("maximum", X, TWO), np.maximum(x, 2)),
        (At(X, ("1", "0:2")), x[1, 0:2]), (At(X, (":", "-1")), x[:, -1]), (Words("3 · n"), 15.0), (Words("n + 1"), 6.0),
        (apply("onehot", y), np.eye(3)[[2, 0]]), (apply("pick", X, y), x[[0, 1], [2, 0]].reshape(2, 1)),
        (Infix(X, "≤", TWO), x <= 2), (number(1e-7), 1e-7), (number(np.inf), np.inf),
        (plus(SumOver("columns", X), Symbol("column")), x.sum(1, keepdims=True) + 1),
    ],
)  # fmt: skip
def test_values(formula: Formula, expected: Any) -> None:
    VALUES[Symbol("column")] = np.ones((2, 1))
    np.testing.assert_allclose(READ(formula), expected)


@pytest.mark.parametrize(
    "formula",
    [
        apply("embed", X), Words("…"), Words("m + 1"), Words("__import__('os')"), SumOver("rows", ONES),
        Symbol("unknown"), matrix(ONES, W), matrix(W, v), matrix(W, X), At(ONES, ("0:2",)), apply("permute", X),
    ],
)  # fmt: skip
def test_what_is_left_to_the_words_is_not_guessed(formula: Formula) -> None:
    with pytest.raises(UnsaidError):
        READ(formula)
