"""The graph as a derivation tells it: which nodes get a name and a line of their own, and which go unmentioned.

detail="full"       every node that is no constant
detail="textbook"   compositions are one piece; views, conversions, signs, factors, and the product inside
                    X W + b belong to the line of their neighbour
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..ir.expr import Expr
from ..ir.graph import ExprTable
from .composites import Composite, interior, recognise
from .notation import is_resized

Detail = Literal["textbook", "full"]

_VIEWS = frozenset(("reshape", "broadcast_to", "permute_dims", "astype"))
_NESTED = 4
"""How many unmentioned nodes may stand inside each other before one gets a line of its own."""


@dataclass(frozen=True, eq=False, slots=True)
class Use:
    """Where a node is an argument."""

    consumer: Expr
    position: int


@dataclass(frozen=True, eq=False)
class Outline:
    """The pieces of a graph in order, arguments first."""

    order: list[Expr]
    composites: ExprTable[Composite]
    uses: ExprTable[list[Use]]
    """For each piece, where it is used by other pieces."""
    constants: ExprTable[None]
    """What depends on no input and no param."""
    called: ExprTable[str]
    """The names of nodes: those the user gave, and those of assignments where they are asked for."""
    hidden: ExprTable[None] = field(default_factory=ExprTable)
    """Pieces that belong to the line of their only consumer; and constants and conditions, which are written out."""

    def args(self, node: Expr) -> tuple[Expr, ...]:
        """What a piece is computed from."""
        composite = self.composites.get(node)
        return node.args if composite is None else composite.args


def outline(loss: Expr, wrt: Expr, detail: Detail, called: ExprTable[str]) -> Outline:
    """The pieces of the graph under `loss`; `loss`, `wrt` and what is `called` something are never hidden."""
    composites: ExprTable[Composite] = _composites(loss, wrt, called) if detail == "textbook" else ExprTable()
    order = _order(loss, composites)
    found = Outline(order, composites, _uses(order, composites), _constants(order, composites), called)
    _hide(found, loss, wrt, detail)
    return found


def _args(node: Expr, composites: ExprTable[Composite]) -> tuple[Expr, ...]:
    composite = composites.get(node)
    return node.args if composite is None else composite.args


def _order(root: Expr, composites: ExprTable[Composite]) -> list[Expr]:
    order: list[Expr] = []
    done: ExprTable[None] = ExprTable()
    stack = [root]
    while stack:
        node = stack[-1]
        waiting = [] if node in done else [a for a in _args(node, composites) if a not in done]
        if waiting:
            stack.extend(reversed(waiting))
            continue
        stack.pop()
        if node not in done:
            done[node] = None
            order.append(node)
    return order


def _composites(loss: Expr, wrt: Expr, called: ExprTable[str]) -> ExprTable[Composite]:
    """Compositions of which nobody uses, names or differentiates by a part."""
    found: ExprTable[Composite] = ExprTable()
    for node in _order(loss, found):
        if (composite := recognise(node)) is not None:
            found[node] = composite
    parts: ExprTable[list[Expr]] = ExprTable()
    for composite in found.values():
        for part in interior(composite):
            if part not in parts:
                parts[part] = []
            parts[part].append(composite.root)
    while exposed := _exposed(loss, wrt, found, parts, called):
        for part in exposed:
            for root in parts[part]:
                found.pop(root, None)
    return found


def _exposed(
    loss: Expr, wrt: Expr, composites: ExprTable[Composite], parts: ExprTable[list[Expr]], called: ExprTable[str]
) -> list[Expr]:
    """Parts of compositions that the derivation has to speak of."""
    reached = ExprTable((n, None) for n in _order(loss, composites))
    inside = [p for p, roots in parts.items() if any(root in composites for root in roots)]
    return [p for p in inside if p in reached or p in called or p is wrt]


def _uses(order: list[Expr], composites: ExprTable[Composite]) -> ExprTable[list[Use]]:
    uses: ExprTable[list[Use]] = ExprTable((n, []) for n in order)
    for node in order:
        for position, arg in enumerate(_args(node, composites)):
            uses[arg].append(Use(node, position))
    return uses


def _constants(order: list[Expr], composites: ExprTable[Composite]) -> ExprTable[None]:
    constants: ExprTable[None] = ExprTable()
    for node in order:
        args = _args(node, composites)
        if node.op.kind == "leaf":
            if node.op.name not in ("input", "param"):
                constants[node] = None
        elif all(a in constants for a in args):
            constants[node] = None
    return constants


# What goes unmentioned -----------------------------------------------------------------------------------------


def _hide(found: Outline, loss: Expr, wrt: Expr, detail: Detail) -> None:
    depth: ExprTable[int] = ExprTable()
    for node in found.order:
        depth[node] = 1 + max((depth[a] for a in found.args(node) if a in found.hidden), default=0)
        named = node in found.called or node is loss or node is wrt
        if named or node.op.kind == "leaf" or depth[node] > _NESTED:
            continue
        is_written_out = node in found.constants or not node.dtype.is_float
        if is_written_out or (detail == "textbook" and _goes_unmentioned(node, found)):
            found.hidden[node] = None


def _goes_unmentioned(node: Expr, found: Outline) -> bool:
    if len(found.uses[node]) != 1:
        return False
    consumer = found.uses[node][0].consumer
    if node.op.name in _VIEWS:
        return True
    if is_marking(consumer, found):
        return True
    if is_marking(node, found):
        return not any(a in found.hidden and a not in found.constants for a in found.args(node))
    if consumer.op.name in ("add", "subtract") and consumer not in found.composites:
        is_product = node.op.name == "matmul"
        return is_product or (node.op.name in ("add", "subtract") and any(a in found.hidden for a in node.args))
    return False


def is_marking(node: Expr, found: Outline) -> bool:
    """Whether a piece only adds a sign or a constant factor, converts, or adds and drops axes of size 1."""
    if node in found.composites or node in found.constants:
        return False
    if node.op.name in ("negative", "astype"):
        return True
    if node.op.name == "reshape":
        # A row or column on its way to being repeated is better seen by itself.
        return is_resized(node) and all(use.consumer.op.name != "broadcast_to" for use in found.uses[node])
    if node.op.name == "multiply":
        return any(is_number(a) for a in node.args)
    return node.op.name == "divide" and is_number(node.args[1])


def is_number(node: Expr) -> bool:
    """Whether a node is the same constant number everywhere, or a size."""
    while node.op.name in _VIEWS:
        node = node.args[0]
    return node.op.name == "size" or (node.op.name == "constant" and node.ndim == 0)
