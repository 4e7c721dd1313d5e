"""The whole of simplification: values stay, the result is settled, and every node knows where it came from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from strategies import GraphCase, assert_close, graphs

import graphc as gc
from graphc.ir.expr import Expr
from graphc.ir.graph import ExprTable, Graph, bind_sizes
from graphc.ir.verify import verify
from graphc.rewrite import simplify


def check_origins(graph: Graph, simplified: Graph, origins: ExprTable[tuple[Expr, ...]]) -> None:
    """Every node of the result has origins, all of the given graph; a node that stayed is its own first one."""
    given_nodes = {id(n) for n in graph.nodes}
    for node in simplified.nodes:
        found = origins.get(node, (node,))
        assert found
        assert all(id(o) in given_nodes for o in found)
        if id(node) in given_nodes:
            assert found[0] is node


@given(graphs(gradients=True))
@settings(max_examples=60)
def test_simplify_keeps_the_values(case: GraphCase) -> None:
    graph = Graph(tuple(case.inputs), tuple(case.outputs))
    simplified = simplify(graph)
    verify(simplified.graph)
    check_origins(graph, simplified.graph, simplified.origins)
    found = gc.interpret(list(simplified.graph.outputs), dict(zip(case.inputs, case.arrays, strict=True)))
    for value, expected in zip(found, case.expected(), strict=True):
        assert_close(value, expected)


@given(graphs(gradients=True))
@settings(max_examples=60)
def test_simplifying_twice_changes_nothing(case: GraphCase) -> None:
    once = simplify(Graph(tuple(case.inputs), tuple(case.outputs)))
    twice = simplify(once.graph)
    assert twice.hits == {}
    assert all(a is b for a, b in zip(once.graph.roots, twice.graph.roots, strict=True))


@given(graphs())
@settings(max_examples=30)
def test_canonical_form_keeps_the_values(case: GraphCase) -> None:
    result = simplify(Graph(tuple(case.inputs), tuple(case.outputs)), level=1)
    found = gc.interpret(list(result.graph.outputs), dict(zip(case.inputs, case.arrays, strict=True)))
    for value, expected in zip(found, case.expected(), strict=True):
        assert_close(value, expected)


def test_simplifying_before_and_after_sizes_are_known() -> None:
    x, y = gc.input("x", ("batch", 4), dtype="float64"), gc.input("y", ("batch",), dtype="int64")
    e = gc.exp(x)
    p = gc.take_along_axis(e / gc.sum(e, axis=1, keepdims=True), gc.expand_dims(y, axis=1), axis=1)
    loss = -gc.mean(gc.log(p))
    graph = Graph((x, y), (loss, gc.grad(loss, x)))
    symbolic = simplify(graph).graph
    bound, became = bind_sizes(symbolic, {"batch": 3})
    known = simplify(bound).graph
    verify(known)
    logits, labels = np.array([[1e3, 0, -1e3, 5], [0, 1, 2, 3], [-1e3] * 4]), np.array([1, 3, 0])
    shifted = logits - logits.max(axis=1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    rows = np.arange(3)
    gradient = np.exp(logs) / 3
    gradient[rows, labels] -= 1 / 3
    for result, ins in ((symbolic, (x, y)), (known, (became[x], became[y]))):
        found = gc.interpret(list(result.outputs), dict(zip(ins, (logits, labels), strict=True)))
        np.testing.assert_allclose(found[0], -logs[rows, labels].mean(), rtol=1e-14)
        np.testing.assert_allclose(found[1], gradient, atol=1e-15)


@pytest.mark.parametrize("sizes", [{"batch": 0}, {"batch": 1}])
def test_sizes_of_zero_and_one_are_no_exception(sizes: dict[str, int]) -> None:
    x = gc.input("x", ("batch", 3), dtype="float64")
    exprs = (gc.sum(gc.softmax(x), axis=0), gc.log(gc.sum(gc.exp(x), axis=0)), gc.sum(x * 2.0 + 1.0))
    result = simplify(Graph((x,), exprs)).graph
    array = np.linspace(-1, 1, 3 * sizes["batch"]).reshape(-1, 3)
    for found, expected in zip(
        gc.interpret(list(result.outputs), {x: array}), gc.interpret(list(exprs), {x: array}), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-14)
