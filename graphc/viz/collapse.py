"""Fewer boxes, for graphs beyond what a picture can show.

First elementwise work is put together: a value that only one other box uses, and that box, become one that counts its
operations. If that is not enough, the boxes nearest to the outputs are kept, and a sentence beneath the picture says
how many are not drawn.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from .picture import Box, Picture, frames_around, redirected

_TITLES_SHOWN = 3


def collapse(picture: Picture, limit: int) -> Picture:
    """The picture in at most `limit` boxes; itself when it has no more."""
    if len(picture.boxes) <= limit:
        return picture
    joined = _join_elementwise(picture)
    if len(joined.boxes) <= limit:
        return joined
    return _keep_nearest(joined, limit)


def _join_elementwise(picture: Picture) -> Picture:
    """Every elementwise box goes into its only user, where that is elementwise too and in the same group."""
    users: dict[str, set[str]] = {}
    for arrow in picture.arrows:
        users.setdefault(arrow.tail, set()).add(arrow.head)
    by_key = {b.key: b for b in picture.boxes}
    into: dict[str, str] = {}
    for box in reversed(picture.boxes):
        heads = users.get(box.key, set())
        head = by_key[next(iter(heads))] if len(heads) == 1 else None
        if head is not None and _may_join(box, head):
            into[box.key] = into.get(head.key, head.key)
    if not into:
        return picture
    parts: dict[str, list[Box]] = {}
    for box in picture.boxes:
        parts.setdefault(into.get(box.key, box.key), []).append(box)
    boxes = tuple(_joined(b, parts[b.key]) for b in picture.boxes if b.key not in into)
    note = "elementwise operations that follow each other are drawn as one box"
    return replace(picture, boxes=boxes, arrows=redirected(picture, into), notes=(*picture.notes, note))


def _may_join(box: Box, head: Box) -> bool:
    is_plain = box.is_elementwise and not box.is_output and not box.name
    return is_plain and head.is_elementwise and box.group == head.group and box.look == head.look


def _joined(box: Box, parts: list[Box]) -> Box:
    if len(parts) == 1:
        return box
    titles = [p.title for p in parts[:_TITLES_SHOWN]]
    more = " …" if len(parts) > _TITLES_SHOWN else ""
    count = sum(p.count for p in parts)
    nodes = tuple(n for p in parts for n in p.nodes)
    return replace(box, title=f"{count} operations: {', '.join(titles)}{more}", count=count, nodes=nodes)


def _keep_nearest(picture: Picture, limit: int) -> Picture:
    """The `limit` boxes fewest steps away from the end of the computation."""
    into: dict[str, list[str]] = {}
    for arrow in picture.arrows:
        into.setdefault(arrow.head, []).append(arrow.tail)
    used = {a.tail for a in picture.arrows}
    waiting = deque(b.key for b in picture.boxes if b.is_output or b.key not in used)
    kept: dict[str, None] = {}
    while waiting and len(kept) < limit:
        key = waiting.popleft()
        if key not in kept:
            kept[key] = None
            waiting.extend(into.get(key, ()))
    boxes = tuple(b for b in picture.boxes if b.key in kept)
    arrows = tuple(a for a in picture.arrows if a.tail in kept and a.head in kept)
    left_out = sum(b.count for b in picture.boxes) - sum(b.count for b in boxes)
    needed = {g.key for key in {b.group for b in boxes} for g in frames_around(picture, key)}
    groups = tuple(g for g in picture.groups if g.key in needed)
    note = f"only what is nearest to the outputs is drawn; {left_out:,} nodes are left out"
    return replace(picture, boxes=boxes, arrows=arrows, groups=groups, notes=(*picture.notes, note))
