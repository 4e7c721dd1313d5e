from __future__ import annotations

import dataclasses
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from strategies import GraphCase, graphs

import graphc as gc
from graphc.ir.dtype import float64
from graphc.ir.expr import new_node
from graphc.ir.graph import Graph
from graphc.ir.op import find
from graphc.ir.verify import verify


def spoiled(**changed: object) -> Graph:
    """A graph with one node that no constructor would make."""
    x = gc.input("x", (3,))
    node = gc.sum(x, axis=0)
    fields = {"op": node.op, "args": node.args, "attrs": node.attrs, "dtype": node.dtype, "shape": node.shape}
    return Graph((x,), (new_node(**{**fields, **changed}),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"shape": (3,)}, "the node says"),
        ({"dtype": float64}, "the node says"),
        ({"shape": (-1,)}, "is no shape"),
        ({"args": ()}, "takes 1 arguments, not 0"),
        ({"attrs": MappingProxyType({})}, "has the attributes"),
        ({"op": dataclasses.replace(find("sum"), doc="another")}, "not a registered op"),
    ],
)
def test_each_thing_that_can_be_wrong_is_found(changed: dict[str, object], message: str) -> None:
    with pytest.raises(gc.GraphError, match=message):
        verify(spoiled(**changed))


def test_an_input_that_is_not_listed_is_found() -> None:
    x = gc.input("x", (3,))
    verify(Graph((x,), (gc.exp(x),)))
    with pytest.raises(gc.GraphError, match="not among the graph's inputs"):
        verify(Graph((), (gc.exp(x),)))


def test_updates_are_verified() -> None:
    w = gc.param("w", [1.0])
    with pytest.raises(gc.ShapeError):
        verify(Graph((), (), ((w, gc.sum(w)),)))


@settings(max_examples=60)
@given(graphs(gradients=True))
def test_whatever_the_frontend_and_the_derivatives_build_verifies(case: GraphCase) -> None:
    verify(Graph(tuple(case.inputs), tuple(case.outputs)))
