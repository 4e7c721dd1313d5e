"""What can be drawn, and with which values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc.ir.expr import post_order
from graphc.ir.graph import ExprTable
from graphc.viz.provenance import Provenance
from graphc.viz.subject import losses_of, picture_of


@pytest.mark.parametrize("what", [3, "x", np.ones(3), [gc.constant(1.0), 2], {"a": object()}])
def test_other_things_are_refused(what: Any) -> None:
    with pytest.raises(gc.GraphError, match="can be drawn, not"):
        picture_of(what)


@pytest.mark.parametrize("what", [[], {}, (), None])
def test_nothing_is_refused(what: Any) -> None:
    with pytest.raises(gc.GraphError, match="nothing to draw"):
        picture_of(what)


def test_values_are_shown_on_every_box(mlp) -> None:
    picture = picture_of([mlp.loss, *mlp.grads], mlp.arrays)
    assert all(b.value for b in picture.boxes)
    values = {b.name: b.value for b in picture.boxes}
    assert values["x"] == "−1 … 1, mean 0"
    assert values["b1"] == "[0, 0, 0, 0]"
    assert values["loss"] == f"{float(gc.interpret(mlp.loss, mlp.arrays)):.4g}"


def test_a_missing_value_is_refused(mlp) -> None:
    x, _ = mlp.inputs
    with pytest.raises(gc.GraphError, match="no value is given for 'y'"):
        picture_of(mlp.loss, {x: mlp.arrays[x]})


def test_one_expression_twice_is_one_output() -> None:
    e = gc.exp(gc.input("x", ()))
    assert sum(b.is_output for b in picture_of([e, e]).boxes) == 1


def test_shared_gradients_carry_both_names() -> None:
    a, b = gc.input("a", (2,)), gc.input("b", (2,))
    loss = gc.name(gc.sum(gc.exp(a + b)), "L")
    names = [box.name for box in picture_of([loss, gc.grad(loss, a)]).boxes]
    assert "∂L/∂b, ∂L/∂a" in names or "∂L/∂a, ∂L/∂b" in names


def test_a_loss_built_twice_is_found_twice() -> None:
    """The derivative of a mean begins with numbers alone, which are the same expression in both graphs."""

    def build() -> list[gc.Expr]:
        x, w = gc.input("x", ("batch", 4)), gc.param("w", np.eye(4, dtype="f"))
        loss = gc.name(-gc.mean(gc.square(x @ w)), "loss")
        return [loss, gc.grad(loss, w)]

    first, second = build(), build()
    for graph in (first, second):
        (loss,) = losses_of(Provenance.of(graph))
        assert loss is graph[0]
        assert "∂loss/∂w" in [b.name for b in picture_of(graph).boxes]
        assert "∂loss/∂w" in [b.name for b in picture_of(graph[1]).boxes]


def test_numbers_of_other_graphs_are_no_derivatives() -> None:
    x, y = gc.input("x", ("batch",)), gc.input("y", ("batch",))
    loss = gc.mean(gc.exp(x))
    gradient = gc.grad(loss, x)
    share = gc.divide(1.0, y.shape[0])
    assert share in ExprTable((n, None) for n in post_order((gradient,)))
    assert Provenance.of([gradient]).is_derived(share)
    assert not Provenance.of([y * share]).is_derived(share)
