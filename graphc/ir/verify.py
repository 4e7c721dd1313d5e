"""The verifier of the tensor graph: what every pass may rely on and must leave true."""

from __future__ import annotations

from .dim import Dim
from .errors import GraphError
from .expr import Expr
from .graph import Graph, check_updates
from .op import REGISTRY


def verify(graph: Graph) -> None:
    """Check a graph.

    Raises:
        GraphError: an unregistered op, a wrong number of arguments or attributes, a dtype or shape that its rule
            does not give, an input that is used but not listed, or an update that does not fit.
    """
    listed = {id(i) for i in graph.inputs}
    for node in graph.nodes:
        _verify_node(node)
        if node.op.name == "input" and id(node) not in listed:
            raise GraphError(f"verify: the input {node.name!r} is used but not among the graph's inputs")
    check_updates(graph.updates)


def _verify_node(node: Expr) -> None:
    op = node.op
    if REGISTRY.get(op.name) is not op:
        raise GraphError(f"verify: {op.name!r} is not a registered op ({node.label})")
    if op.arity >= 0 and len(node.args) != op.arity:
        raise GraphError(f"verify: {op.name} takes {op.arity} arguments, not {len(node.args)} ({node.label})")
    if tuple(node.attrs) != op.params:
        raise GraphError(f"verify: {op.name} has the attributes {op.params}, not {tuple(node.attrs)}")
    if any(not isinstance(d, Dim) and (not isinstance(d, int) or d < 0) for d in node.shape):
        raise GraphError(f"verify: {node.shape} is no shape ({node.label})")
    if op.kind != "leaf":
        dtype, shape = op.infer(node.attrs, *node.args)
        if dtype is not node.dtype or shape != node.shape:
            raise GraphError(f"verify: {op.name} gives {dtype} {shape}, the node says {node.type_text}")
