"""How things look: the palette, the shapes, the fonts.

The hues are Okabe and Ito's (2008), which colour-blind readers tell apart, as dark outlines around pale fills; shapes
differ too, so that the pictures survive a black-and-white printer.
"""

from __future__ import annotations

from dataclasses import dataclass

from .picture import Look

FONTS = "Helvetica,Arial,Liberation Sans,DejaVu Sans,sans-serif"
INK = "#1f2933"
SOFT_INK = "#5f6b7a"
VALUE_INK = "#7a3e00"
GRADIENT_INK = "#00508c"
ARROW = "#7b8794"
REUSE_ARROW = "#9fb3c8"


@dataclass(frozen=True, slots=True)
class Style:
    """The outline of one kind of box."""

    caption: str
    """Its word in the legend."""
    fill: str
    line: str
    shape: str = "box"
    style: str = "rounded,filled"


STYLES: dict[Look, Style] = {
    "input": Style("input", "#e3f0fa", "#0072b2", "ellipse", "filled"),
    "param": Style("param", "#e0f3ec", "#009e73", "cylinder", "filled"),
    "constant": Style("constant", "#f1f2f4", "#7b8794", "note", "filled"),
    "operation": Style("operation", "#ffffff", "#52606d"),
    "gradient": Style("gradient", "#fdf1dc", "#d98200"),
    "update": Style("updated param", "#e0f3ec", "#009e73", "cylinder", "filled,bold"),
    "scope": Style("scope, closed", "#eef2f7", "#52606d", "box3d", "filled"),
}
OUTPUT_LINE = "#a3286a"
OUTPUT_CAPTION = "output"

GROUPS = {"phase": ("#f8f9fb", "#d5dbe3"), "kernel": ("#f6f4fb", "#b9add6"), "scope": ("#eef2f7", "#b8c4d2")}
"""Fill and line of a frame."""
CHANGES = {"gone": ("#fbe3e0", "#c0392b", "taken away"), "new": ("#e2f4d9", "#3d8b1f", "put in its place")}
"""Fill, line and caption of what a pass changed."""
MARK = "#c0392b"

HEAT_HIGH, HEAT_LOW = "#0072b2", "#d55e00"
"""The ends of the scale for numbers: positive and negative; zero is white."""
HEAT_NAN, HEAT_INFINITE = "#cc79a7", "#1f2933"
HOT = "#f0a35e"
"""A kernel that takes all of the time; one that takes none is white."""


def blended(colour: str, strength: float) -> str:
    """A colour between white (0) and `colour` (1)."""
    parts = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(255 + (part - 255) * strength):02x}" for part in parts)


def readable_on(fill: str) -> str:
    """The ink for text on a fill."""
    red, green, blue = (int(fill[i : i + 2], 16) for i in (1, 3, 5))
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "#ffffff"
