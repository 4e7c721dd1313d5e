"""A finished drawing: shown in notebooks, read as DOT, saved as a file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..ir.errors import GraphError
from ..ir.expr import Expr
from .collapse import collapse
from .dot import to_dot
from .picture import Picture
from .render import FORMATS, LayoutTimeoutError, render
from .scopes import close
from .subject import picture_of

MOST_BOXES = 600
"""What a picture shows at most; beyond it boxes are put together."""
_DPI = {True: 144, False: 96}
"""Of PNG files of pictures that are small, and of others."""
_SMALL = 80
_RETRIES = (100, 25)
"""How many boxes are tried after a layout that took too long."""


def draw(
    what: Any,
    values: Mapping[Expr, Any] | None = None,
    *,
    gradients: bool = False,
    depth: int | None = None,
    after: Any = None,
    profile: Any = None,
    time_limit: float = 20.0,
    **sizes: int,
) -> Drawing:
    """A picture of a graph.

    Args:
        what: an expression; a tuple, list or dict of them (a loss and its gradients: forward and backward side by
            side); a compiled function (the optimized graph, a frame for each kernel); or an error that graphc raised
            about expressions (what was built so far, with the operands that do not fit marked).
        values: the array for each input. Every box then shows what it holds: the number, or min … max and mean, and
            a small table or fields of colour.
        gradients: also write on every box the derivative of the loss by it: data | grad. The loss is the first, or
            only, expression.
        depth: how many levels of `gc.scope` are drawn open: 0 makes one box of each outermost scope. Without it, as
            many as are readable.
        after: what a pass made of `what`, such as `gc.optimize(what)`: both are drawn, with what changed in colour.
        profile: what `Function.profile` gave, or seconds by the names of kernels; the frames of a compiled function
            then show them, as colour too.
        time_limit: seconds a layout may take before fewer boxes are drawn.
        sizes: sizes of named dimensions, for a compiled function that was not called yet: draw(f, batch=32).

    Numbers are written into the operation that takes them (× 0.5), and what only repeats a value along an axis is
    left out. The lines that built a node show when the pointer rests on it, in SVG.

    Raises:
        GraphError: `what` is nothing that can be drawn, `values` lack an input, or something is asked that does not
            go with it.
        DTypeError, ShapeError: a value does not fit its input.
    """
    if depth is not None and (not isinstance(depth, int) or depth < 0):
        raise GraphError(f"draw: depth is a number of levels, from 0, not {depth!r}")
    picture = picture_of(what, values, gradients=gradients, after=after, profile=profile, sizes=sizes)
    return Drawing(close(picture, depth), time_limit=time_limit)


class Drawing:
    """A picture of a graph. In a notebook it shows itself; `.save("graph.svg")` writes a file.

    Rendering happens when it is asked for, in a process of its own. A layout that takes longer than the time limit is
    tried again with fewer boxes, which a sentence beneath the picture says.
    """

    def __init__(self, picture: Picture, *, time_limit: float = 20.0) -> None:
        self._picture = collapse(picture, MOST_BOXES)
        self._time_limit = time_limit
        self._rendered: dict[str, bytes] = {}
        self.source: str = to_dot(self._picture)
        """The drawing as DOT text."""

    def __repr__(self) -> str:
        picture = self._picture
        return f"<Drawing: {len(picture.boxes)} boxes, {len(picture.arrows)} arrows; .save('graph.svg') to look at it>"

    def svg(self) -> bytes:
        """The drawing as an SVG document."""
        return self._bytes("svg")

    def png(self) -> bytes:
        """The drawing as a PNG image, white behind."""
        return self._bytes("png")

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the drawing to a file whose ending names the format: .svg, .png, .pdf or .dot.

        The file appears whole or not at all; one that was there is replaced.

        Returns:
            The path.

        Raises:
            GraphError: the ending names no format.
            LayoutTimeoutError: not even a simplified picture was laid out within the time limit.
            RenderError: there is no Graphviz to draw with.
            OSError: the file cannot be written.
        """
        target = Path(path)
        format = target.suffix.lower().removeprefix(".")
        if format not in FORMATS:
            known = ", ".join(f".{f}" for f in FORMATS)
            raise GraphError(f"a drawing cannot be saved as {target.name!r}; the ending should be one of {known}")
        write_whole(target, self._bytes(format))
        return target

    def _bytes(self, format: str) -> bytes:
        if format not in self._rendered:
            _, self._rendered[format] = lay_out(self._picture, format, self._time_limit)
        return self._rendered[format]

    def _repr_svg_(self) -> str:
        return self.svg().decode()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"image/svg+xml": self._repr_svg_(), "text/plain": repr(self)}


def lay_out(picture: Picture, format: str, time_limit: float) -> tuple[Picture, bytes]:
    """A rendered picture, with fewer boxes where the layout would take too long, and what it then shows.

    Raises:
        LayoutTimeoutError: not even few boxes were laid out within the time limit.
        RenderError: there is no Graphviz to draw with.
    """
    count = len(picture.boxes)
    *limits, last = (count, *(n for n in _RETRIES if n < count))
    for limit in limits:
        try:
            return _laid_out(collapse(picture, limit), format, time_limit)
        except LayoutTimeoutError:
            continue
    return _laid_out(collapse(picture, last), format, time_limit)


def _laid_out(picture: Picture, format: str, time_limit: float) -> tuple[Picture, bytes]:
    dpi = _DPI[len(picture.boxes) <= _SMALL] if format == "png" else None
    return picture, render(to_dot(picture, dpi=dpi), format, time_limit)


def write_whole(target: Path, content: bytes) -> None:
    """Write beside the target, then move into place."""
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def _umask() -> int:
    """What new files are denied. It can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
