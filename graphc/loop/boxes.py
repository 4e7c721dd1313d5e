"""Parts of a domain in which every concat knows which of its arguments it reads.

    concat(exp x, y) over 0..10, x of size 4:    for i in 0..4:  store out[i] = exp x[i]
                                                 for i in 0..6:  store out[i + 4] = y[i]

Each part becomes a loop nest of its own, so the arguments are computed straight into their window of the result, and
nothing is selected or masked. A box is cut where a concat changes over, until none does so inside a box; and where a
roll or a tile starts anew, so that inside a box neighbours are neighbours in memory.
"""

from __future__ import annotations

from typing import TypeAlias

from ..ir.affine import Affine, Remainder, Var, variable
from ..ir.expr import Expr
from ..ir.graph import ExprTable
from ..ir.open_size import OpenSize
from .ir import Buffer
from .lower import Index, flat, part_at, part_index

Box: TypeAlias = tuple[tuple[int, int], ...]
"""Start and size along each axis of a domain."""

LOOP = "i"
"""What the names of the loops over a box begin with, followed by the axis."""
MOST_BOXES = 1024
"""Beyond it, arguments are selected inside the loops."""
SHORTEST_PERIOD = 64
MOST_PERIODS = 8
"""What is read around an end is cut there, if the loops stay long and few."""


def box_index(box: Box) -> Index:
    """The index in the domain at which the loops over a box stand."""
    return tuple(variable(Var(f"{LOOP}{axis}", size)) + start for axis, (start, size) in enumerate(box))


def boxes(
    domain: tuple[int, ...], outputs: tuple[Expr, ...], nodes: tuple[Expr, ...], inputs: ExprTable[Buffer]
) -> list[Box]:
    """The domain cut into boxes, in order; the whole of it where there is no concat."""
    whole: Box = tuple((0, size) for size in domain)
    if 0 in domain or not any(n.op.kind == "join" or n.op.name in ("roll", "reshape") for n in nodes):
        return [whole]
    done: list[Box] = []
    waiting = [whole]
    while waiting:
        box = waiting.pop()
        cut = _cut(box, outputs, inputs) if len(done) + len(waiting) < MOST_BOXES else None
        if cut is None or isinstance(domain[cut[0]], OpenSize):
            done.append(box)
        else:
            axis, at = cut
            start, size = box[axis]
            halves = (start, at), (start + at, size - at)
            waiting += [(*box[:axis], half, *box[axis + 1 :]) for half in reversed(halves)]
    return done


def _cut(box: Box, outputs: tuple[Expr, ...], inputs: ExprTable[Buffer]) -> tuple[int, int] | None:
    """The axis and the place inside a box at which some concat changes over, or some reading starts anew."""
    seen: set[tuple[int, Index]] = set()
    stack: list[tuple[Expr, Index]] = [(o, box_index(box)) for o in outputs]
    while stack:
        node, index = stack.pop()
        if (id(node), index) in seen:
            continue
        seen.add((id(node), index))
        if node in inputs:
            place = _restart(flat(node, index))
            if place is not None:
                return place
        elif node.op.view is not None:
            stack.append((node.args[0], node.op.view(node, index)))
        elif node.op.kind == "join":
            part = part_at(node, index)
            place = _changeover(node, index[node.attrs["axis"]]) if part is None else None
            if place is not None:
                return place
            stack += [(node.args[i], part_index(node, index, i)) for i in ((0, 1) if part is None else (part,))]
        elif node.op.kind == "elementwise":
            stack += [(a, index) for a in node.args]
    return None


def _changeover(node: Expr, form: Affine) -> tuple[int, int] | None:
    """Where along which loop a concat that is read at `form` goes over from one argument to the other."""
    if len(form.terms) != 1:
        return None
    (atom, coefficient), border = form.terms[0], int(node.args[0].shape[node.attrs["axis"]])
    if not isinstance(atom, Var) or abs(coefficient) != 1 or atom.name[0] != LOOP:
        return None
    at = border - form.constant if coefficient == 1 else form.constant - border + 1
    return int(atom.name[1:]), at


def _restart(form: Affine) -> tuple[int, int] | None:
    """Where along which loop a remainder in the form is 0 again."""
    for atom, _ in form.terms:
        if not isinstance(atom, Remainder) or len(atom.of.terms) != 1 or atom.by < SHORTEST_PERIOD:
            continue
        (inner, coefficient), (low, high) = atom.of.terms[0], atom.of.range()
        if (
            isinstance(inner, Var)
            and inner.name[0] == LOOP
            and coefficient == 1
            and high - low < MOST_PERIODS * atom.by
        ):
            return int(inner.name[1:]), atom.by - low % atom.by
    return None
