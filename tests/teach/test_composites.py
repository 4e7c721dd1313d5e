"""Compositions are recognised exactly, and their closed forms are the derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc.ir.expr import Expr
from graphc.ops import scalar
from graphc.teach.composites import COMPOSITES, Composite, interior, recognise
from graphc.teach.derivation import derive

x = gc.input("x", ("n", 4), "float64")
y = gc.input("y", ("n",), "int64")
VALUES = {x: np.random.default_rng(0).normal(size=(3, 4)), y: np.array([1, 0, 3])}

FORMS: dict[str, list[tuple[Expr, tuple[int, ...]]]] = {
    "mean": [
        (gc.mean(x), (0, 1)), (gc.mean(x, axis=0), (0,)), (gc.mean(x, axis=1), (1,)),
        (gc.mean(x, axis=1, keepdims=True), (1,)),
    ],
    "softmax": [(gc.softmax(x), (1,)), (gc.softmax(x, axis=0), (0,)), (gc.softmax(x, axis=(0, 1)), (0, 1))],
    "log_softmax": [(gc.log_softmax(x), (1,)), (gc.log_softmax(x, axis=0), (0,))],
    "logsumexp": [
        (gc.logsumexp(x), (0, 1)), (gc.logsumexp(x, axis=1), (1,)), (gc.logsumexp(x, axis=0, keepdims=True), (0,)),
    ],
    "log_likelihood": [(gc.take_along_axis(gc.log_softmax(x), gc.expand_dims(y, 1), axis=1), (1,))],
    "one_hot": [(gc.one_hot(y, 4), (1,)), (gc.one_hot(y, 5, axis=0, dtype="float64"), (0,))],
}  # fmt: skip
CASES = [(name, node, axes) for name, forms in FORMS.items() for node, axes in forms]


def test_every_composite_has_cases() -> None:
    assert set(FORMS) == set(COMPOSITES)


@pytest.mark.parametrize(("name", "node", "axes"), CASES, ids=[f"{n}-{a}" for n, _, a in CASES])
def test_recognised(name: str, node: Expr, axes: tuple[int, ...]) -> None:
    found = recognise(node)
    assert found is not None
    assert (found.name, found.axes) == (name, axes)
    assert found.root is node
    assert found.args[0] is (y if name == "one_hot" else x)


@pytest.mark.parametrize(("name", "node", "axes"), [c for c in CASES if c[0] != "one_hot"])
def test_closed_forms_are_the_derivatives(name: str, node: Expr, axes: tuple[int, ...]) -> None:
    composite, closed = recognise(node), COMPOSITES[name].derivative
    assert composite is not None and closed is not None
    g = gc.input("g", node.shape, "float64")
    (expected,) = gc.vjp([node], [x], [g])
    shape = [3 if str(size) == "n" else int(size) for size in node.shape]
    values = {**VALUES, g: np.random.default_rng(1).normal(size=shape)}
    np.testing.assert_allclose(gc.interpret(closed(composite, g), values), gc.interpret(expected, values), atol=1e-14)


NEAR_MISSES: dict[str, Expr] = {
    "another divisor": gc.sum(x) / 3,
    "a mean of something else": gc.sum(x) / gc.size(y),
    "softmax without its shift": gc.exp(x) / gc.sum(gc.exp(x), axis=1, keepdims=True),
    "a shift that moves": gc.exp(x - gc.max(x, axis=1, keepdims=True)),
    "another axis below": gc.exp(x) / gc.sum(gc.exp(x), axis=0, keepdims=True),
    "log of a sum": gc.log(gc.sum(gc.exp(x), axis=1)),
    "two labels": gc.take_along_axis(gc.log_softmax(x), gc.input("i", ("n", 2), "int64"), axis=1),
    "labels along the other axis": gc.take_along_axis(gc.log_softmax(x, axis=0), gc.expand_dims(y, 1), axis=1),
    "positions compared": gc.astype(gc.equal(gc.expand_dims(y, 1), gc.constant(np.arange(4))), "float32"),
}


@pytest.mark.parametrize("what", NEAR_MISSES)
def test_what_only_looks_alike_is_left_in_pieces(what: str) -> None:
    assert recognise(NEAR_MISSES[what]) is None


def test_the_interior_lies_between_root_and_arguments() -> None:
    composite = recognise(gc.log_softmax(x))
    assert composite is not None
    inside = list(interior(composite))
    assert all(node is not x and node is not composite.root for node in inside)
    assert {"exp", "sum", "log", "max", "stop_gradient"} <= {node.op.name for node in inside}


def rules(loss: Expr, **options: Any) -> list[str]:
    return [step.rule for step in derive(loss, x, **options).steps]


def test_a_composition_is_one_step() -> None:
    assert "derivative of softmax" in rules(gc.sum(gc.square(gc.softmax(x))))
    assert "derivative of softmax" not in rules(gc.sum(gc.square(gc.softmax(x))), detail="full")


@pytest.mark.parametrize("expose", ["use", "name", "differentiate"])
def test_a_composition_whose_parts_matter_is_not(expose: str) -> None:
    z = gc.input("z", (2, 3), "float64")
    p = gc.softmax(z)
    powers = p.args[0]
    loss, variable = gc.sum(gc.square(p)), z
    if expose == "use":
        loss = loss + gc.sum(gc.tanh(powers))
    elif expose == "name":
        gc.name(powers, "powers")
    else:
        variable = powers
    derivation = derive(loss, variable)
    assert all("softmax" not in step.rule for step in derivation.steps)
    report = derivation.check({z: np.random.default_rng(0).normal(size=(2, 3))})
    assert report, report


def test_compositions_may_share_their_parts() -> None:
    loss = -gc.sum(gc.softmax(x) * gc.log_softmax(x))
    found = rules(loss)
    assert {"derivative of softmax", "derivative of log-softmax"} <= set(found)
    assert derive(loss, x).check(VALUES)


def test_a_wrong_closed_form_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    right = COMPOSITES["log_likelihood"]
    assert right.derivative is not None

    def doubled(composite: Composite, g: Expr) -> Expr:
        derivative: Callable[[Composite, Expr], Expr] | None = right.derivative
        assert derivative is not None
        return scalar.add(*[derivative(composite, g)] * 2)

    wrong = type(right)(right.match, right.notation, doubled)
    monkeypatch.setitem(COMPOSITES, "log_likelihood", wrong)
    loss = gc.mean(gc.take_along_axis(gc.log_softmax(x), gc.expand_dims(y, 1), axis=1))
    report = derive(loss, x).check(VALUES)
    assert [row.rule for row in report.failed] == ["log-softmax at the label"]
