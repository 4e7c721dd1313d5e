"""Which values are computed where they are read rather than stored: those that one map reads, each element once.

    %1: f32[4] = exp %0                               k0 computes exp %0 in its part of the result;
    %3: f32[7] = concat %1, %2 {axis=0}       →       %1 is never in memory
    return %3

A chain of elementwise work in front of a concat, a flip or a reshape has another domain than what reads it, and so
another group. But nobody else wants it, and the reader wants every element at most once: to compute it there costs
nothing, however dear it is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Protocol

from ..ir.expr import Expr
from ..ir.graph import ExprTable, Graph
from .kernel import is_inline

MOST_SUNK = 32
"""Nodes that an elementwise value may bring along; longer chains keep a kernel of their own."""
_MOVABLE = ("elementwise", "join")
MOST_ZEROS = 2
"""How many elements an embedding may have for each one it embeds: what is sunk is computed for all of them."""


class Home(Protocol):
    """What has to be known of the group a node is computed in."""

    number: int
    kind: str
    members: list[Expr]

    @property
    def is_cone(self) -> bool: ...


class Sinking:
    """Decides node by node, arguments first."""

    def __init__(self, graph: Graph, home_of: Callable[[Expr], Home | None], largest_kernel: int) -> None:
        self._graph = graph
        self._home_of = home_of
        self._largest = largest_kernel
        self._weights: ExprTable[int] = ExprTable()
        self._taken: dict[int, int] = {}

    @cached_property
    def _readers(self) -> ExprTable[Expr]:
        return _only_readers(self._graph)

    def take(self, node: Expr, stored: ExprTable[int], again: ExprTable[int], affordable: int) -> bool:
        """Whether to leave the node to its reader, which then has to compute it.

        Args:
            node: what another group reads.
            stored: what is in memory.
            again: what it costs to compute a node once more; too much where it is not said.
            affordable: how much of that may be spent on arguments that others need as well.
        """
        if node.op.kind not in _MOVABLE:
            return False
        reader = self._readers.get(node)
        if reader is None:
            return False
        most = MOST_SUNK if node.op.kind == "elementwise" else self._largest
        found = self._brought_along(node, stored, again, affordable, most)
        return found is not None and found <= most and self._finds_room(reader, found)

    def _finds_room(self, reader: Expr, count: int) -> bool:
        """Whether the reader's kernel is a map that can hold that many nodes more; then they are counted."""
        group = self._home_of(reader)
        if group is None:  # an output that is a view, with a kernel to itself
            return True
        if group.kind != "map" or group.is_cone:
            return False
        taken = self._taken.get(group.number, 0) + count
        if len(group.members) + taken > self._largest:
            return False
        self._taken[group.number] = taken
        return True

    def _brought_along(
        self, node: Expr, stored: ExprTable[int], again: ExprTable[int], affordable: int, most: int
    ) -> int | None:
        """How many nodes would move with this one; None if some cannot, or are dear and needed elsewhere too."""
        count, spent, stack = 0, 0, [node]
        seen: set[int] = set()
        while stack and count <= most:
            at = stack.pop()
            if id(at) in seen or at in stored or at.op.kind == "leaf":
                continue
            seen.add(id(at))
            if is_inline(at):
                stack += at.args
                continue
            if at is not node and at not in self._readers:
                spent += again.get(at, affordable + 1)
            if at.op.kind not in _MOVABLE or spent > affordable:
                return None
            count += 1
            stack += at.args
        return count


def _only_readers(graph: Graph) -> ExprTable[Expr]:
    """For each node that one other reads, and each element at most once, that other: a computed node, or a view that
    is an output and has to be written by itself."""
    roots = ExprTable((r, None) for r in graph.roots)
    readers: ExprTable[Expr] = ExprTable()
    for node in reversed(graph.nodes):
        users = graph.users[node]
        if node in roots or len(users) != 1:
            continue
        user = users[0]
        if not is_inline(user):
            readers[node] = user
        elif _reads_once(user):
            if user in readers:
                readers[node] = readers[user]
            elif not graph.users[user] and is_inline(_under_reshapes(user)):
                readers[node] = user
    return readers


def _reads_once(inline: Expr) -> bool:
    """Whether reading through this node reads each element of its argument at most once."""
    if inline.op.name == "scatter_slice":
        return inline.size <= MOST_ZEROS * inline.args[0].size  # type: ignore[operator]
    return inline.op.view is not None and inline.op.name != "broadcast_to"


def _under_reshapes(view: Expr) -> Expr:
    """What lies in memory as the view does: where that is computed, it is written there and nothing is copied."""
    while view.op.name == "reshape":
        view = view.args[0]
    return view
