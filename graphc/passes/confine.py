"""What a program needs to skip the branch of a `gc.cond` that is not taken: predicates and results in memory.

    %1 = take %x, %i                         %1 = take %x, %i
    %3 = choose %2, %1, %0            →      %4 = stop_gradient %1           a kernel of its own, which may be skipped
                                             %3 = choose %2, %4, %0

Kernels read through gathers where they need them, and who reads the choice would do the branch's gathers for both
sides. A copy in between keeps them inside of the branch.
"""

from __future__ import annotations

from collections.abc import Callable

from ..ir.expr import Expr
from ..ir.graph import ExprTable, Graph, rebuild
from ..ir.source import no_sources
from ..ops.guard import ALWAYS, Guard, guards, predicate_of
from ..ops.scalar import choose, stop_gradient
from ..ops.shape import broadcast_to
from .kernel import is_inline


def confined(graph: Graph) -> Graph:
    """The graph with a copy wherever a choice would read a predicate or a gather through other nodes."""
    if "choose" not in graph.ops:
        return graph
    return _rebuilt(graph, lambda node, new: _choice_of_copies(new))


def decided(graph: Graph) -> Graph:
    """The graph with choices inside of a branch made that the branch has made already.

    What a derivative carries back through a branch begins with such a choice.
    """
    guarded = guards(graph.nodes, graph.roots)
    if not guarded:
        return graph
    return _rebuilt(graph, lambda node, new: _decided(node, new, guarded.get(node, ALWAYS)))


def _decided(node: Expr, new: Expr, guard: Guard) -> Expr:
    predicate = predicate_of(node)
    known = next((c.holds for c in guard if c.predicate is predicate), None)
    return new if known is None else new.args[1 if known else 2]


def _rebuilt(graph: Graph, change: Callable[[Expr, Expr], Expr]) -> Graph:
    """The graph with each node replaced by `change(node, the node over its new arguments)`."""
    became: ExprTable[Expr] = ExprTable()
    with no_sources():
        for node in graph.nodes:
            new = _called(rebuild(node, tuple(became[a] for a in node.args)), node)
            became[node] = change(node, new)
    return graph.with_roots(became[r] for r in graph.roots)


def _called(new: Expr, old: Expr) -> Expr:
    """`new` with what is known of the node it stands for."""
    new.name, new.scope, new.sources = new.name or old.name, new.scope or old.scope, new.sources or old.sources
    return new


def _choice_of_copies(node: Expr) -> Expr:
    predicate = predicate_of(node)
    if predicate is None:
        return node
    condition, x, y = node.args
    if is_inline(predicate):
        condition = broadcast_to(stop_gradient(predicate), node.shape)
    return _called(choose(condition, *(stop_gradient(side) if _gathers(side) else side for side in (x, y))), node)


def _gathers(node: Expr) -> bool:
    """Whether reading a node reads at computed positions."""
    stack = [node]
    while stack:
        at = stack.pop()
        if is_inline(at):
            if at.op.kind == "index":
                return True
            stack += at.args
    return False
