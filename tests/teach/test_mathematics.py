"""What is printed is true: formulas are evaluated as a reader would, and compared with the graph's own numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import scipy.special
from opchecks import differentiable

import graphc as gc
from graphc.ir.expr import Expr, make
from graphc.ir.op import REGISTRY, OpDef
from graphc.teach.derivation import Derivation, derive
from graphc.teach.formula import Formula, Number, Product
from graphc.teach.printers import text
from graphc.teach.reading import Reader, UnsaidError

Array = np.ndarray[Any, Any]


def softmax(x: Array) -> Array:
    powers = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True))


def logsumexp(x: Array) -> Array:
    return np.asarray(np.log(np.exp(x).sum(-1)))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "exp": np.exp, "ln": np.log, "tanh": np.tanh, "sign": np.sign, "erf": np.vectorize(math.erf, otypes=[float]),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "softplus": lambda x: np.log1p(np.exp(x)),
    "relu": lambda x: np.maximum(x, 0), "where": np.where, "max": lambda *xs: np.maximum(*xs) if len(xs) == 2 else None,
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "arcsin": np.arcsin, "arccos": np.arccos, "arctan": np.arctan,
    "atan2": np.arctan2, "sinh": np.sinh, "cosh": np.cosh, "arsinh": np.arcsinh, "arcosh": np.arccosh,
    "artanh": np.arctanh, "log2": np.log2, "log10": np.log10, "cbrt": np.cbrt, "floor": np.floor, "next": np.nextafter,
    "erfc": scipy.special.erfc, "Γ": scipy.special.gamma, "ψ": scipy.special.psi,
    "ψ′": lambda x: scipy.special.polygamma(1, x), "ψ′′": lambda x: scipy.special.polygamma(2, x),
    "min": lambda *xs: np.minimum(*xs) if len(xs) == 2 else None,
    "const": lambda x: x, "broadcast": lambda x: x, "astype": lambda x: x,
    "softmax": softmax, "ln softmax": lambda x: np.log(softmax(x)), "not": np.logical_not, "logsumexp": logsumexp,
    "pick": lambda x, y: np.take_along_axis(x, y.reshape(len(x), 1), 1),
}  # fmt: skip


CLASSES = 3
SIZES = {"batch": 4, "n": 5}


def claims(d: Derivation) -> Iterator[tuple[Formula, Formula, Expr]]:
    """Every equation of a derivation: left side, formula, and the expression both are."""
    for definition in d.legend:
        if definition.formula is not None:
            yield definition.symbol, definition.formula, definition.node
    for step in d.steps:
        yield step.equation[0], step.equation[-1], step.result
    for conclusion in d.conclusion:
        for line in conclusion.lines:
            yield conclusion.symbol, line.formula, conclusion.value


def read_all(d: Derivation, arrays: dict[Expr, Array], classes: int | None = None) -> tuple[int, int]:
    """Compare every equation; how many were read, and how many left something to the words.

    With `classes`, pick and onehot speak of the rows of a matrix with that many columns.
    """
    equations = list(claims(d))
    nodes = [node for *_, node in equations] + [x.node for x in d.legend]
    values = dict(zip(map(id, nodes), gc.interpret(nodes, arrays), strict=True))
    symbols: dict[Formula, Array] = {x.symbol: values[id(x.node)] for x in d.legend}
    for step in d.steps:
        symbols |= dict.fromkeys(step.equation[:-1], values[id(step.result)])
    read = unsaid = 0
    reader = Reader(symbols, SIZES, classes, FUNCTIONS)
    for left, formula, node in equations:
        try:
            found, expected = reader(formula), values[id(node)]
        except UnsaidError:
            unsaid += 1
            continue
        read += 1
        found = found.reshape(expected.shape) if found.size == expected.size else np.broadcast_to(found, expected.shape)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12, err_msg=f"{text(left)} = {text(formula)}")
    return read, unsaid


OPS = [op for op in REGISTRY.values() if op.kind != "leaf" and differentiable(op) and op.vjp is not None]
OPS = [op for op in OPS if op.name != "stop_gradient" and "stepwise" not in op.flags]


@pytest.mark.parametrize("op", OPS, ids=str)
def test_formulas_of_every_op_are_true(op: OpDef) -> None:
    read = 0
    for case in differentiable(op):
        inputs = case.inputs()
        out = make(op, tuple(inputs), case.attrs)
        loss = gc.sum(out * gc.input("weights", out.shape, "float64"))
        (weights,) = (x for x in derive(loss, out).legend if text(x.symbol) == "weights")
        arrays = dict(zip(inputs, case.arrays(), strict=True))
        arrays[weights.node] = np.random.default_rng(2).normal(size=out.shape)
        assert op.vjp is not None
        for variable, pulled in zip(inputs, op.vjp(out, out, *inputs), strict=True):
            if pulled is not None:
                read += read_all(derive(loss, variable, detail="full"), arrays)[0]
                # The textbook does not mention axes of size 1 that come and go, which broadcasting here would.
                read += read_all(derive(loss, variable), arrays)[0] if op.name != "reshape" else 0
    assert read > 0


def float64(name: str, *shape: int | str) -> Expr:
    return gc.input(name, shape, "float64")


x, t = float64("x", "batch", 6), float64("t", "batch")
W1, b1, W2, b2 = float64("W1", 6, 5), float64("b1", 5), float64("W2", 5, 3), float64("b2", 3)
w, k = float64("w", 6), float64("k", 7, 6)
y = gc.input("y", ("batch",), "int64")
ARRAYS: dict[Expr, Array] = {
    e: np.random.default_rng(3).normal(size=[SIZES.get(str(d), d) for d in e.shape])
    for e in (x, t, W1, b1, W2, b2, w, k)
}
ARRAYS[y] = np.array([0, 2, 1, 2])


def logits(activation: Callable[[Expr], Expr] = gc.relu) -> Expr:
    return activation(x @ W1 + b1) @ W2 + b2


def label_of(probabilities: Expr) -> Expr:
    return gc.take_along_axis(probabilities, gc.expand_dims(y, 1), axis=1)


def attention() -> Expr:
    return gc.sum(gc.square(gc.softmax(x @ k.T / 6**0.5) @ k))


LOSSES: dict[str, tuple[Callable[[], Expr], tuple[Expr, ...]]] = {
    "cross-entropy": (lambda: gc.mean(-label_of(gc.log_softmax(logits()))), (W1, b1, W2, b2, x)),
    "negative mean": (lambda: -gc.mean(label_of(gc.log_softmax(logits()))), (W1, b2)),
    "probabilities": (lambda: -gc.mean(gc.log(label_of(gc.softmax(logits(gc.tanh))))), (W1, b1, W2)),
    "one-hot": (
        lambda: gc.mean(gc.sum(-gc.one_hot(y, 3, dtype="float64") * gc.log_softmax(logits()), axis=1)),
        (W1, b2),
    ),
    "log-sum-exp": (
        lambda: gc.mean(gc.logsumexp(logits(gc.sigmoid), axis=1) - gc.sum(logits(gc.sigmoid), axis=1) / 3),
        (W1, b2),
    ),
    "squares": (lambda: gc.mean(gc.square(logits(gc.tanh) - gc.expand_dims(t, 1))), (W1, W2, t)),
    "regression": (lambda: gc.mean((x @ w - t) ** 2) + 0.01 * gc.sum(w * w), (w, x, t)),
    "residual": (lambda: gc.sum(gc.tanh(x + x @ (W1 @ W1.T)) ** 2) / 7, (W1, x)),
    "attention": (attention, (k, x)),
    "entropy": (lambda: -gc.sum(gc.softmax(logits()) * gc.log_softmax(logits())), (W2, b2, W1)),
    "normalized": (lambda: gc.sum((x - gc.mean(x, axis=1, keepdims=True)) ** 3 * w), (x, w)),
    "transposed": (lambda: gc.sum(gc.exp(-((x.T @ x) @ W1))), (x, W1)),
    "uniform": (lambda: gc.sum(x @ W1 + b1), (W1, x, b1)),
}


@pytest.mark.parametrize("detail", ["textbook", "full"])
@pytest.mark.parametrize("case", LOSSES)
def test_formulas_of_networks_are_true_and_steps_hold(case: str, detail: Any) -> None:
    build, variables = LOSSES[case]
    loss = build()
    for variable in variables:
        d = derive(loss, variable, detail=detail)
        assert d.result is gc.grad(loss, variable)
        read, unsaid = read_all(d, ARRAYS, CLASSES)
        assert read > 3
        # Only reshapes, maxima over an axis and 𝟏 W leave a shape to the words beside them.
        assert unsaid <= (0 if detail == "textbook" and case != "uniform" else read), str(d)
        report = d.check(ARRAYS)
        assert report, f"{d}\n{report}"


def test_a_wrong_formula_is_caught() -> None:
    """The reader itself: another factor, and nothing agrees."""
    d = derive(LOSSES["cross-entropy"][0](), W1)
    (wrong,) = (s for s in d.steps if s.argument.shape == W1.shape)
    object.__setattr__(wrong, "equation", (*wrong.equation[:-1], Product("scalar", (Number("2"), wrong.equation[-1]))))
    with pytest.raises(AssertionError, match="∂L/∂W₁ = 2"):
        read_all(d, ARRAYS, CLASSES)
