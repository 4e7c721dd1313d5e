"""In a notebook, an error about expressions also shows where in the graph they stand."""

from __future__ import annotations

from ..ir.errors import GraphcError
from .drawing import draw

_SECONDS = 5.0
"""How long a layout may take; the message stands above the picture already."""


def show_mistake(error: GraphcError) -> None:
    """Draw an error that is about expressions. What cannot be drawn is left at its message."""
    if not error.operands:
        return
    from IPython.display import SVG, display

    try:
        picture = draw(error, time_limit=_SECONDS).svg()
    except GraphcError:
        return
    display(SVG(picture))
