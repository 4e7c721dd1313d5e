"""Which nodes of one graph are derivatives, and what each was made for.

Equal expressions are one object, and so 1 / batch, with which the derivative of every mean begins, serves many graphs.
What it was made for in this one is among its nodes; or, where only gradients are drawn and the loss is not, computed
from its inputs and params.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..autodiff import origins
from ..ir.expr import Expr, post_order
from ..ir.graph import ExprTable
from ..ir.scope import Path

VARIABLES = ("input", "param")


@dataclass(frozen=True, slots=True)
class Provenance:
    """The derivatives of one graph."""

    made_for: ExprTable[Expr]
    """For each of them, and for numbers that derivatives begin with, the node by whose rule it was made."""

    @staticmethod
    def of(roots: Iterable[Expr]) -> Provenance:
        """That of the graph beneath the roots."""
        nodes = post_order(tuple(roots))
        inside = ExprTable((n, None) for n in nodes)
        found: ExprTable[Expr] = ExprTable()
        strangers: ExprTable[tuple[Expr, ...]] = ExprTable()
        for node in nodes:
            if candidates := origins(node):
                own = _first(candidates, inside)
                if own is None:
                    strangers[node] = candidates
                else:
                    found[node] = own
        related = _related([o for candidates in strangers.values() for o in candidates], inside)
        for node, candidates in strangers.items():
            if (own := _first(candidates, related)) is not None:
                found[node] = own
        return Provenance(found)

    def is_derived(self, node: Expr) -> bool:
        """Whether differentiation made the node. A number may stand in the computation as well."""
        return node in self.made_for and node.op.kind != "leaf"

    def differentiated(self) -> ExprTable[None]:
        """The nodes by whose rules derivatives were made."""
        return ExprTable((o, None) for o in self.made_for.values())

    def scope(self, node: Expr, built: Sequence[Expr] = ()) -> Path:
        """The user's scopes around a node and the nodes it stands for; a derivative stands where what it is the
        derivative of does."""
        for stands_for in (node, *built):
            made_for = self.made_for.get(stands_for)
            found = stands_for.scope or (made_for.scope if made_for is not None else ())
            if found:
                return found
        return ()


def _first(candidates: Iterable[Expr], among: ExprTable[None]) -> Expr | None:
    return next((c for c in candidates if c in among), None)


def _related(strangers: Sequence[Expr], inside: ExprTable[None]) -> ExprTable[None]:
    """What is computed from the graph's own inputs and params alone."""
    related: ExprTable[None] = ExprTable()
    for node in post_order(tuple(strangers)):
        if node in inside or (node.op.name not in VARIABLES and all(a in related for a in node.args)):
            related[node] = None
    return related
