"""Index notation: every equation evaluated entry by entry, with plain loops, against the graph's own numbers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc.ir.expr import Expr
from graphc.teach import Derivation, derive
from graphc.teach.formula import (
    Apply,
    At,
    Formula,
    Infix,
    Iverson,
    Negated,
    Number,
    Power,
    Product,
    Quotient,
    Root,
    Sum,
    SumOver,
    Symbol,
    Words,
    walk,
)
from graphc.teach.printers import latex, text

SIZES = {"n": 4}


class Loops:
    """The value of a formula in indices, where letters have values. A letter runs over the axis it is used at."""

    def __init__(self, arrays: dict[Formula, np.ndarray[Any, Any]]) -> None:
        self.arrays = arrays

    def __call__(self, formula: Formula, at: dict[str, int]) -> float:
        match formula:
            case Number(written):
                return float(written)
            case Words(words):
                return float(math.prod(SIZES[w] if w in SIZES else int(w) for w in words.split(" · ")))
            case Symbol(letter) if letter in at:
                return at[letter]
            case At(base, index):
                return float(np.squeeze(self.arrays[base])[tuple(at[i] for i in index)])
            case Negated(of):
                return -self(of, at)
            case Sum(terms):
                return sum(self(t, at) for t in terms)
            case Product(_, factors):
                return math.prod(self(f, at) for f in factors)
            case Quotient(a, b):
                return self(a, at) / self(b, at)
            case Power(a, b):
                return float(self(a, at) ** self(b, at))
            case Root(of):
                return math.sqrt(self(of, at))
            case Iverson(Infix(a, sign, b)):
                return float({">": np.greater, "=": np.equal}[sign](self(a, at), self(b, at)))
            case Apply("tanh", (of,)):
                return math.tanh(self(of, at))
            case Apply("relu", (of,)):
                return max(self(of, at), 0.0)
            case SumOver(axes, of):
                letters = axes.split(", ")
                ranges = [range(self.size_of(letter, of)) for letter in letters]
                return sum(self(of, {**at, **dict(zip(letters, i, strict=True))}) for i in itertools.product(*ranges))
            case _:
                return float(self.arrays[formula])

    def size_of(self, letter: str, formula: Formula) -> int:
        for part in walk(formula):
            if isinstance(part, At) and letter in part.index:
                return int(np.squeeze(self.arrays[part.base]).shape[part.index.index(letter)])
        raise AssertionError(f"{letter} is bound and not used in {text(formula)}")


def bases(formula: Formula) -> Formula:
    return formula.base if isinstance(formula, At) else formula


def compare_all(d: Derivation, arrays: dict[Expr, Any]) -> int:
    """Every equation of the derivation in indices; how many entries were compared."""
    written = d.in_indices()
    nodes = [x.node for x in d.legend] + [s.result for s in d.steps]
    values = dict(zip(map(id, nodes), gc.interpret(nodes, arrays), strict=True))
    known: dict[Formula, Any] = {x.symbol: values[id(x.node)] for x in d.legend}
    for step in d.steps:
        known |= dict.fromkeys(step.equation[:-1], values[id(step.result)])
    loops, compared = Loops(known), 0
    claims = [(x.symbol, x.formula) for x in written.legend if x.formula is not None]
    claims += [(step.equation[0], step.equation[-1]) for step in written.steps]
    claims += [(c.symbol, line.formula) for c in written.conclusion for line in c.lines]
    for symbol, formula in claims:
        array = np.squeeze(np.asarray(known[bases(symbol)]))
        letters = symbol.index if isinstance(symbol, At) else ()
        for place in np.ndindex(array.shape):
            found = loops(formula, dict(zip(letters, place, strict=True)))
            assert found == pytest.approx(float(array[place]), rel=1e-9, abs=1e-12), f"{text(symbol)} = {text(formula)}"
            compared += 1
    return compared


def data(name: str, *shape: int | str) -> Expr:
    return gc.input(name, shape, "float64")


x, w, W, V, b, t = data("x", "n", 3), data("w", 3), data("W", 3, 5), data("V", 5, 2), data("b", 5), data("t", "n")
ARRAYS = {e: np.random.default_rng(1).normal(size=[SIZES.get(str(d), d) for d in e.shape]) for e in (x, w, W, V, b, t)}


def normalized() -> Expr:
    mu = gc.name(gc.mean(x, axis=1, keepdims=True), "mu")
    v = gc.mean((x - mu) ** 2, axis=1, keepdims=True)
    return gc.sum(gc.tanh((x - mu) / gc.sqrt(v + 1e-3)) * w)


@pytest.mark.parametrize(
    ("build", "variables"),
    [
        (lambda: gc.mean((gc.tanh(x @ W + b) @ V) ** 2), (W, V, b, x)),
        (lambda: gc.sum(gc.relu(x @ w - t) ** 2), (w, x, t)),
        (lambda: gc.sum(gc.tanh(W.T @ x.T @ x)), (W, x)),
        (lambda: gc.sum(gc.square(gc.sum(x * w, axis=1) - t)), (w, t)),
        (lambda: gc.sum(gc.tanh(gc.sum(x @ W, axis=0))), (W,)),
        (normalized, (x, w)),
    ],
)
def test_equations_in_indices_are_true(build: Callable[[], Expr], variables: tuple[Expr, ...]) -> None:
    for variable in variables:
        assert compare_all(derive(build(), variable), ARRAYS) > 20


def test_a_layer_reads_as_books_write_it(perceptron: Any) -> None:
    d = derive(perceptron.loss, perceptron.params["W1"]).in_indices()
    assert text(d.steps[-1].equation[-1]) == "Σ_k x[k, i] · δ₁[k, j]"
    assert latex(d.steps[-1].equation[-1]) == r"\sum_{\text{k}} x_{k i} \cdot (\delta_{1})_{k j}"
    assert text(d.steps[2].equation[-1]) == "(softmax(Z₂)[i, j] − [y[i] = j]) / batch"


def test_every_document_is_valid(perceptron: Any, assert_valid: Callable[[Derivation], None]) -> None:
    for detail in ("textbook", "full"):
        for param in perceptron.params.values():
            assert_valid(derive(perceptron.loss, param, detail=detail).in_indices())  # type: ignore[arg-type]
