"""The user's scopes in a picture: frames, and one box in place of each frame that is closed."""

from __future__ import annotations

from dataclasses import replace

from ..ir.scope import Path
from .picture import Arrow, Box, Change, Group, Picture, redirected

MOST_OPEN = 60
"""How many boxes a picture shows with all of its scopes open."""
OVERVIEW = 24
"""How many it shows otherwise, if closing scopes can do it: what is seen without scrolling."""
_TYPES_SHOWN = 2


class Frames:
    """The frames of scopes, made when the first box asks for one."""

    def __init__(self) -> None:
        self._keys: dict[tuple[str | None, Path], str] = {}
        self.groups: list[Group] = []

    def key(self, around: str | None, path: Path) -> str | None:
        """The frame of a scope within the frame `around`; that one itself where there is no scope."""
        parent = around
        for depth in range(1, len(path) + 1):
            wanted = (around, path[:depth])
            if wanted not in self._keys:
                self._keys[wanted] = f"s{len(self.groups)}"
                self.groups.append(Group(self._keys[wanted], path[depth - 1], "scope", parent=parent))
            parent = self._keys[wanted]
        return parent


def common(paths: list[Path]) -> Path:
    """The innermost scope around all of them."""
    if not paths:
        return ()
    shortest = min(paths, key=len)
    same = (all(p[i] == shortest[i] for p in paths) for i in range(len(shortest)))
    return shortest[: next((i for i, is_same in enumerate(same) if not is_same), len(shortest))]


def close(picture: Picture, depth: int | None, most: int = MOST_OPEN, overview: int = OVERVIEW) -> Picture:
    """The picture with scopes open down to `depth` levels, and one box for each beyond.

    Where `depth` is None, all are open in a picture of up to `most` boxes, else as many as leave `overview` of them.
    """
    levels = _levels(picture)
    if depth is not None:
        return _closed(picture, levels, depth)
    deepest = max(levels.values(), default=0)
    if not deepest or len(picture.boxes) <= most:
        return picture
    closed, allowed = picture, deepest
    while allowed and len(closed.boxes) > overview:
        allowed -= 1
        closed = _closed(picture, levels, allowed)
    note = f"scopes of the model are drawn as one box each; draw(..., depth={allowed + 1}) opens them one level further"
    return replace(closed, notes=(*closed.notes, note))


def _levels(picture: Picture) -> dict[str, int]:
    """For each frame of a scope how many of them lie around what is in it."""
    levels: dict[str, int] = {}
    for group in picture.groups:
        if group.look == "scope":
            levels[group.key] = levels.get(group.parent or "", 0) + 1
    return levels


def _closed(picture: Picture, levels: dict[str, int], depth: int) -> Picture:
    by_key = {g.key: g for g in picture.groups}
    closing: dict[str, str] = {}
    for group in picture.groups:
        if levels.get(group.key, 0) > depth:
            closing[group.key] = closing.get(group.parent or "", group.key)
    into = {b.key: closing[b.group] for b in picture.boxes if b.group in closing}
    if not into:
        return picture
    members: dict[str, list[Box]] = {}
    for box in picture.boxes:
        members.setdefault(into.get(box.key, box.key), []).append(box)
    leaving = {a.tail for a in picture.arrows if into.get(a.head) != into.get(a.tail)}
    boxes = [
        _whole(by_key[key], inside, leaving) if inside[0].key in into else inside[0] for key, inside in members.items()
    ]
    groups = tuple(g for g in picture.groups if g.key not in closing)
    return replace(picture, boxes=tuple(boxes), arrows=_between(picture, into), groups=groups)


def _between(picture: Picture, into: dict[str, str]) -> tuple[Arrow, ...]:
    """The arrows that are left. An order that is asked for within a closed scope has nothing to say any more."""
    return tuple(a for a in redirected(picture, into) if a.role != "tie" or not {a.tail, a.head} & set(into.values()))


def _whole(group: Group, inside: list[Box], leaving: set[str]) -> Box:
    """A scope as one box."""
    made = [b for b in inside if b.look in ("operation", "gradient", "scope")]
    count = sum(b.count for b in made)
    types = list(dict.fromkeys(b.type for b in made if b.key in leaving))
    shown = ", ".join(types[:_TYPES_SHOWN]) + (" …" if len(types) > _TYPES_SHOWN else "")
    return Box(
        key=group.key,
        look="scope",
        title=f"{count} operation{'s' * (count != 1)}",
        name=group.caption,
        type=shown,
        tooltip="\n".join(b.name or b.title for b in inside[:20]) + ("\n…" if len(inside) > 20 else ""),
        group=group.parent,
        is_output=any(b.is_output for b in inside),
        count=sum(b.count for b in inside),
        nodes=tuple(n for b in inside for n in b.nodes),
        change=_common_change(inside),
        mark="; ".join(b.mark for b in inside if b.mark),
    )


def _common_change(inside: list[Box]) -> Change | None:
    """What happened in a scope, where all of it did."""
    changes = {b.change for b in inside}
    return changes.pop() if len(changes) == 1 else None
