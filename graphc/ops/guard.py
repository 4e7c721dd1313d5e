"""Which nodes matter only while a predicate holds, or only while it does not.

    %2 = log %x                     only if %p
    %3 = multiply %x, 0             only if not %p
    %5 = choose %4, %2, %3          always; %4 = broadcast_to %p

A graph is pure, so a branch needs no graph of its own: what only one side of a `choose` uses is that side's work. The
guard of a node is what all of its uses have in common. Programs skip what is guarded, and the reverse sweep lets
nothing out of a branch that was not taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ..ir.expr import Expr
from ..ir.graph import ExprTable


@dataclass(frozen=True, eq=False, slots=True)
class Condition:
    """A scalar predicate, and whether it has to hold or to fail."""

    predicate: Expr
    holds: bool
    number: int
    """Outer conditions have lower numbers than those inside of them."""


Guard: TypeAlias = frozenset[Condition]
"""Conditions that all have to be met. Those of one `guards` are compared by identity."""
ALWAYS: Guard = frozenset()


def predicate_of(node: Expr) -> Expr | None:
    """The scalar by which a `choose` chooses all of its elements; None for any other node."""
    if node.op.name != "choose":
        return None
    found = node.args[0]
    while found.shape != () and found.op.kind == "view":
        found = found.args[0]
    return found if found.shape == () else None


def guards(nodes: Sequence[Expr], roots: Iterable[Expr]) -> ExprTable[Guard]:
    """The guards of those nodes that have one.

    Args:
        nodes: arguments before what uses them.
        roots: what is needed whatever the predicates are.
    """
    if not any(node.op.name == "choose" for node in nodes):
        return ExprTable()
    found: ExprTable[Guard] = ExprTable((root, ALWAYS) for root in roots)
    conditions: dict[tuple[int, bool], Condition] = {}
    for node in reversed(nodes):
        mine = found.get(node, ALWAYS)
        predicate = predicate_of(node)
        for position, arg in enumerate(node.args):
            use = mine
            if predicate is not None and position:
                key = id(predicate), position == 1
                if key not in conditions:
                    conditions[key] = Condition(predicate, position == 1, len(conditions))
                use = mine | {conditions[key]}
            found[arg] = found[arg] & use if arg in found else use
    return ExprTable((node, guard) for node, guard in found.items() if guard)


def outermost_first(guard: Guard) -> tuple[Condition, ...]:
    """The conditions in the order in which they may be looked at."""
    return tuple(sorted(guard, key=lambda condition: condition.number))
