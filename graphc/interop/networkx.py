"""A graph as NetworkX knows graphs, for its algorithms and its file formats."""

from __future__ import annotations

from typing import Any

import networkx as nx

from ..ir.expr import post_order
from ..ir.text import number
from ..ir.tree import expressions


def to_networkx(what: Any) -> nx.MultiDiGraph:
    """Everything the expressions depend on as a directed graph, arrows from arguments to the nodes that use them.

    Args:
        what: an expression, or tuples, lists and dicts of them.

    Returns:
        A `networkx.MultiDiGraph` (a `DiGraph` in which a value may be two arguments of one node). Nodes are the
        numbers that `gc.dump` prints, in an order that is a topological sort, with the attributes `expr`, `op`,
        `name`, `shape` (integers, and named sizes as text), `dtype`, `attrs`, `source` ("file:line" or None) and
        `output` (the positions at which it is an output). Edges are keyed by, and have as `position`, which argument
        they are.

    Raises:
        GraphError: `what` holds something other than expressions.
    """
    outputs = expressions(what, "to_networkx: what is converted").leaves
    order = post_order(outputs)
    numbers = number(order)
    graph = nx.MultiDiGraph()
    for node in order:
        graph.add_node(
            numbers[node],
            expr=node,
            op=node.op.name,
            name=node.name,
            shape=tuple(d if isinstance(d, int) else str(d) for d in node.shape),
            dtype=node.dtype.name,
            attrs={k: v for k, v in node.attrs.items() if k not in ("name", "token")},
            source=None if node.source is None else str(node.source),
            output=[],
        )
        for position, arg in enumerate(node.args):
            graph.add_edge(numbers[arg], numbers[node], key=position, position=position)
    for position, output in enumerate(outputs):
        graph.nodes[numbers[output]]["output"].append(position)
    return graph
