"""Graphs written out as formulas, and by that a row of mathematics for ops that have none in the table.

An elementwise op brings its derivatives as graphs (`OpDef.partials`), any other its vjp; both are written down with
the rows of the ops they are made of:

    partials of atan: divide(1, add(1, square(x)))         G ⊙ (1 / (1 + x²))
"""

from __future__ import annotations

from functools import cache

from ..ir.expr import Expr
from ..ir.graph import ExprTable
from ..ir.op import OpDef
from ..ops import leaf
from .contraction import INNER_PRODUCT, is_inner
from .formula import Formula, apply, times, weight
from .notation import NOTATION
from .rows import Adjoint, Notation

_LONGEST = 60
"""How heavy a derivative may be before it is named instead of written out."""


def notation_of(node: Expr) -> Notation:
    """The row of the table, or one made from the op's own derivatives: also where it takes any number of arguments."""
    if node.op.name == "matmul" and is_inner(node):
        return INNER_PRODUCT
    row = NOTATION.get(node.op.name)
    return _generic(node.op, len(node.args)) if row is None or (node.op.arity < 0 and node.op.vjp) else row


def written(root: Expr, known: ExprTable[Formula]) -> Formula:
    """The formula of an expression in terms of those known. Iterative."""
    stack = [root]
    while stack:
        node = stack[-1]
        waiting = [] if node in known else [a for a in node.args if a not in known]
        if waiting:
            stack.extend(waiting)
            continue
        stack.pop()
        if node not in known:
            known[node] = notation_of(node).value(node, *(known[a] for a in node.args))
    return known[root]


@cache
def _generic(op: OpDef, arity: int) -> Notation:
    name = op.name.replace("_", " ")
    flows = op.vjp is not None
    adjoints = tuple(_generic_adjoint(op, i) if flows else None for i in range(arity))
    sentence = "Its cotangent is the one of {out}, carried back by the derivative of " + name + "."
    return Notation(
        f"derivative of {name}",
        lambda node, *args: apply(op.name, *args),
        adjoints,
        (sentence if flows else "",) * arity,
    )


def _generic_adjoint(op: OpDef, position: int) -> Adjoint:
    def adjoint(g: Formula, node: Expr, out: Formula, *args: Formula) -> Formula:
        known = ExprTable([*zip(node.args, args, strict=True), (node, out)])
        formula = _by_partials(node, position, g, known) if op.partials else _by_vjp(node, position, g, known)
        if formula is None or weight(formula) > _LONGEST + weight(g):
            return apply(f"{op.name} adjoint", g, *args)
        return formula

    return adjoint


def _by_partials(node: Expr, position: int, g: Formula, known: ExprTable[Formula]) -> Formula | None:
    assert node.op.partials is not None
    derivative = node.op.partials(node, *node.args)[position]
    return None if derivative is None else times(g, written(derivative, known))


def _by_vjp(node: Expr, position: int, g: Formula, known: ExprTable[Formula]) -> Formula | None:
    assert node.op.vjp is not None
    upstream = leaf.input("G", node.shape, node.dtype)
    pulled = node.op.vjp(upstream, node, *node.args)[position]
    if pulled is None:
        return None
    known[upstream] = g
    return written(pulled, known)
