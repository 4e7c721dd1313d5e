"""What a drawing shows, before anything is said about paper: boxes, arrows between them, and groups around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Look = Literal["input", "param", "constant", "operation", "gradient", "update"]
"""What kind of thing a box is; the palette and the shapes follow it."""
Side = Literal["left", "middle", "right"]
Role = Literal["use", "reuse", "tie"]
"""An arrow is a value that is used, one that another phase of the computation uses (drawn lightly), or only a tie: not
drawn, it asks for the head to stand beside the tail."""


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
    tooltip: str = ""
    group: str | None = None
    is_output: bool = False
    is_elementwise: bool = False
    """Whether it may be put together with its neighbours when there are too many boxes."""
    count: int = 1
    """How many nodes it stands for."""


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
    """A frame with a caption: a phase of the computation, or a kernel."""

    key: str
    caption: str
    look: Literal["phase", "kernel"] = "phase"
    runs_upwards: bool = False
    """Whether its arrows point back to where the forward computation came from."""


@dataclass(frozen=True, slots=True)
class Picture:
    """All of it. Boxes are in an order in which arrows lead from earlier ones to later ones."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    groups: tuple[Group, ...] = ()
    notes: tuple[str, ...] = ()
    """Sentences beneath the picture."""
