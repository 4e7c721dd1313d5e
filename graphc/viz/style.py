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
}
OUTPUT_LINE = "#a3286a"
OUTPUT_CAPTION = "output"

GROUPS = {"phase": ("#f8f9fb", "#d5dbe3"), "kernel": ("#f6f4fb", "#b9add6")}
"""Fill and line of a frame."""
