"""Large graphs of tiny values: cones instead of loops.

A network written in scalars has no loops to fuse; what it has is the same expression tree again and again: a neuron
for every unit and sample, a sum over samples for every weight. A cone is such a tree: a value that is stored and all
that only it needs. Cutting a graph into its cones finds the repetition, because equal trees become equal kernels,
and equal kernels are compiled once:

    a1 = tanh(b1 + x1·w11 + x2·w12)      one kernel, called for each unit and each sample
    a2 = tanh(b2 + x1·w21 + x2·w22)

Small cones that follow each other are computed together.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..ir.expr import Expr
from ..ir.graph import ExprTable, Graph
from ..ops.guard import Guard

MANY = 1000
"""Tiny elementwise nodes from which on a graph is cut into cones."""
TINY = 16
"""The most elements of a tiny value."""
SMALLEST = 32
"""Nodes a kernel of several cones should at least have: below, the calls cost more than the work."""
LARGEST = 160
"""Nodes a cone may have."""


def is_tiny(node: Expr) -> bool:
    """Whether a node is elementwise over next to nothing."""
    if node.op.kind != "elementwise" or not node.shape:
        return node.op.kind == "elementwise"
    elements = 1
    for d in node.shape:
        elements *= int(d)
    return 0 < elements <= TINY


def cones(graph: Graph, guarded: ExprTable[Guard]) -> ExprTable[list[Expr]]:
    """The members of each cone, arguments first, by the value it is there for; empty for graphs of other kinds.

    What is computed only under a guard is in no cone, and the predicate of a guard is never inside of one.
    """
    tiny = [n for n in graph.nodes if is_tiny(n) and n not in guarded]
    if len(tiny) < MANY:
        return ExprTable()
    predicates = (condition.predicate for guard in guarded.values() for condition in guard)
    consumer = _only_consumers(graph, (*graph.roots, *predicates))
    members: ExprTable[list[Expr]] = ExprTable()
    for node in tiny:
        mine: list[Expr] = []
        for arg in node.args:
            theirs = members.get(arg)
            if theirs is None or consumer[arg] is not node or arg.shape != node.shape:
                continue
            if len(mine) + len(theirs) < LARGEST:
                mine += theirs
                del members[arg]
        mine.append(node)
        members[node] = mine
    return members


def _only_consumers(graph: Graph, kept: Iterable[Expr]) -> ExprTable[Expr | None]:
    """For each node that is an argument the one node that needs it; None if it is kept or there are several."""
    consumer: ExprTable[Expr | None] = ExprTable((k, None) for k in kept)
    for node in graph.nodes:
        for arg in node.args:
            if consumer.setdefault(arg, node) is not node:
                consumer[arg] = None
    return consumer


def is_plain(constant: Expr) -> bool:
    """Whether a constant belongs to the formula (2, 0.5) rather than to the data, of which each cone has its own."""
    value = constant.attrs["value"].array.item()
    return bool(value in (0.5, 0.25) or (abs(value) <= 16 and value == int(value)))
