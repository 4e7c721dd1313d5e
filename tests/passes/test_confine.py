"""What is made of choices before fusion: copies that keep gathers in their branch, and choices made already."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as gc
from graphc.ir.expr import Expr, post_order
from graphc.ir.graph import Graph
from graphc.ops.guard import predicate_of
from graphc.passes.confine import confined, decided

p = gc.input("p", (), "bool")
v = gc.input("v", (4,), "bool")
x = gc.input("x", (5,), "float64")
i = gc.input("i", (3,), "int64")


def same_values(before: Expr, after: Expr, taken: bool) -> None:
    arrays = {p: np.asarray(taken), v: np.array([taken] * 4), x: np.arange(5.0) + 1, i: np.array([0, 2, 4])}
    values = [gc.interpret(y, {n: arrays[n] for n in post_order([y]) if n.op.name == "input"}) for y in (before, after)]
    np.testing.assert_array_equal(*values)


def test_a_graph_without_choices_is_left_alone() -> None:
    graph = Graph((x,), (gc.exp(x),))
    assert confined(graph) is graph
    assert decided(graph) is graph


@pytest.mark.parametrize("taken", [True, False])
def test_a_gather_stays_in_its_branch(taken: bool) -> None:
    y = gc.cond(p, lambda: gc.flip(x[i]), lambda: gc.exp(x[:3]))
    (after,) = confined(Graph((p, x, i), (y,))).outputs
    assert [side.op.name for side in after.args[1:]] == ["stop_gradient", "exp"]
    assert after.source == y.source
    same_values(y, after, taken)


@pytest.mark.parametrize("taken", [True, False])
def test_a_predicate_that_is_a_view_is_stored(taken: bool) -> None:
    y = gc.cond(v[2], gc.exp, gc.sin, x)
    (after,) = confined(Graph((v, x), (y,))).outputs
    predicate = predicate_of(after)
    assert predicate is not None and predicate.op.kind == "elementwise"
    same_values(y, after, taken)


@pytest.mark.parametrize("taken", [True, False])
def test_a_choice_inside_of_a_branch_that_has_made_it(taken: bool) -> None:
    y = gc.cond(p, lambda: gc.cond(p, gc.exp, gc.sin, x) * 2, lambda: gc.cond(p, gc.exp, gc.cos, x) + 1)
    (after,) = decided(Graph((p, x), (y,))).outputs
    assert [n.op.name for n in post_order([after])].count("choose") == 1
    assert not any(n.op.name == "sin" for n in post_order([after]))
    same_values(y, after, taken)
