"""What a pass changed: the graph before and the graph after, side by side, with the difference in colour.

Equal expressions are one object, so what both graphs hold is unchanged. Beyond that the two are walked together from
their outputs down: where both have the same op with the same attributes, only operands changed, and neither is
coloured. All else was taken away or put in its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..ir.expr import Expr, post_order
from ..ir.graph import ExprTable, Graph
from .graphs import Annotations, draw_graph
from .picture import Change, Group, Picture


def draw_change(before: Graph, before_notes: Annotations, after: Graph, after_notes: Annotations) -> Picture:
    """The picture of both graphs, each in a frame of its own."""
    gone, new = differences(before.roots, after.roots)
    left = draw_graph(before, replace(before_notes, changes=_table(gone, "gone")))
    right = draw_graph(after, replace(after_notes, changes=_table(new, "new")))
    parts = [_framed(left, "before"), _framed(right, "after")]
    counts = f"{len(gone)} of {len(before.nodes)} nodes are taken away, {len(new)} of {len(after.nodes)} are new"
    return Picture(
        tuple(b for p in parts for b in p.boxes),
        tuple(a for p in parts for a in p.arrows),
        tuple(g for p in parts for g in p.groups),
        (counts,),
    )


def differences(before: Sequence[Expr], after: Sequence[Expr]) -> tuple[list[Expr], list[Expr]]:
    """The nodes that only one of two graphs has, other than for their operands."""
    old, new = post_order(tuple(before)), post_order(tuple(after))
    same = ExprTable((n, None) for n in old)
    kept_old, kept_new = ExprTable((n, None) for n in new if n in same), ExprTable((n, None) for n in new if n in same)
    pairs = list(zip(before, after, strict=False))
    while pairs:
        a, b = pairs.pop()
        if a is b or a in kept_old or b in kept_new or not _is_same_step(a, b):
            continue
        kept_old[a] = kept_new[b] = None
        pairs.extend(zip(a.args, b.args, strict=True))
    return [n for n in old if n not in kept_old], [n for n in new if n not in kept_new]


def _is_same_step(a: Expr, b: Expr) -> bool:
    is_same = a.op is b.op and a.shape == b.shape and a.dtype is b.dtype and len(a.args) == len(b.args)
    return is_same and dict(a.attrs) == dict(b.attrs)


def _table(nodes: list[Expr], change: Change) -> ExprTable[Change]:
    return ExprTable((n, change) for n in nodes)


def _framed(picture: Picture, side: str) -> Picture:
    """A picture within a frame, its keys told apart from those of the other side."""

    def key(given: str) -> str:
        return f"{side}_{given}"

    boxes = [replace(b, key=key(b.key), group=key(b.group) if b.group else side) for b in picture.boxes]
    arrows = [replace(a, tail=key(a.tail), head=key(a.head)) for a in picture.arrows]
    groups = [replace(g, key=key(g.key), parent=key(g.parent) if g.parent else side) for g in picture.groups]
    return Picture(tuple(boxes), tuple(arrows), (Group(side, side), *groups), picture.notes)
