"""What a drawing shows, before anything is said about paper: boxes, arrows between them, and groups around them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ..ir.expr import Expr

Look = Literal["input", "param", "constant", "operation", "gradient", "update", "scope"]
"""What kind of thing a box is; the palette and the shapes follow it."""
Side = Literal["left", "middle", "right"]
Role = Literal["use", "reuse", "tie"]
"""An arrow is a value that is used, one that another phase of the computation uses (drawn lightly), or only a tie: not
drawn, it asks for the head to stand beside the tail."""


Change = Literal["gone", "new"]
"""What a pass did to a box: "gone" is what it took away, "new" what it put there."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A field of a thumbnail: a colour, and a number where there is room for it."""

    fill: str
    text: str = ""


Thumbnail = tuple[tuple[Cell, ...], ...]
"""An array as rows of fields."""


@dataclass(frozen=True, slots=True)
class Box:
    """One value, or several that were put together."""

    key: str
    look: Look
    title: str
    """What is computed, as a reader says it: "× 0.5", "matmul"."""
    name: str = ""
    """What the user calls it."""
    type: str = ""
    """Dtype and shape."""
    value: str = ""
    """What it held, where values were given."""
    gradient: str = ""
    """The derivative of the loss by it, where that was asked for."""
    thumbnail: Thumbnail = ()
    """What it held as a picture."""
    tooltip: str = ""
    group: str | None = None
    is_output: bool = False
    is_elementwise: bool = False
    """Whether it may be put together with its neighbours when there are too many boxes."""
    count: int = 1
    """How many nodes it stands for."""
    nodes: tuple[Expr, ...] = field(default=(), compare=False, repr=False)
    """These nodes. `==` on expressions builds graph, so boxes are compared without them."""
    change: Change | None = None
    mark: str = ""
    """What is wrong here: a word or two for a box that an error is about."""


@dataclass(frozen=True, slots=True)
class Arrow:
    """A value on its way to a box that uses it."""

    tail: str
    head: str
    label: str = ""
    side: Side | None = None
    """Where it enters, for boxes that do not treat their operands alike; None where any place will do."""
    role: Role = "use"


@dataclass(frozen=True, slots=True)
class Group:
    """A frame with a caption: a phase of the computation, a kernel, or a scope of the user's."""

    key: str
    caption: str
    look: Literal["phase", "kernel", "scope"] = "phase"
    runs_upwards: bool = False
    """Whether its arrows point back to where the forward computation came from."""
    parent: str | None = None
    """The frame around it. It comes earlier in the picture."""
    share: float | None = None
    """The part of the time that is spent in it, where that was measured."""


@dataclass(frozen=True, slots=True)
class Picture:
    """All of it. Boxes are in an order in which arrows lead from earlier ones to later ones."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    groups: tuple[Group, ...] = ()
    notes: tuple[str, ...] = ()
    """Sentences beneath the picture."""


def redirected(picture: Picture, into: dict[str, str]) -> tuple[Arrow, ...]:
    """The arrows between what is left when boxes go into others, each once."""
    found: dict[tuple[str, str, str], Arrow] = {}
    for arrow in picture.arrows:
        tail, head = into.get(arrow.tail, arrow.tail), into.get(arrow.head, arrow.head)
        if tail != head:
            side = None if arrow.head in into else arrow.side
            found.setdefault((tail, head, arrow.label), replace(arrow, tail=tail, head=head, side=side))
    return tuple(found.values())


def frames_around(picture: Picture, key: str | None) -> list[Group]:
    """The frames around what is in the frame `key`: that one, then those around it."""
    by_key = {g.key: g for g in picture.groups}
    found = []
    while key is not None:
        found.append(by_key[key])
        key = by_key[key].parent
    return found
