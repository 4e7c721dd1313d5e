"""The explorer: one HTML file in which a graph is walked forward and backward, and followed down to machine code.

The layouts, the values, the derivations and the code are made here; the page (`explore.html`, `explore.css`,
`explore.js`) only shows them. It loads nothing, and a policy in it lets no other script run.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..ir.errors import GraphError
from ..ir.expr import Expr
from .drawing import write_whole
from .explore_story import Story, tell

FORMATS = (".html", ".htm")
_NOTEBOOK_HEIGHT = 720


def explore(what: Any, values: Mapping[Expr, Any] | None = None, *, time_limit: float = 10.0, **sizes: int) -> Explorer:
    """A page in which a graph is explored: step by step, down to the code each node became.

    Args:
        what: a compiled function, or expressions to compile: one, or a tuple, list or dict of them. The gradients of
            a floating point scalar by its params (or else its inputs) come along.
        values: the array for each input; every node then shows what it held, and its gradient.
        time_limit: seconds each layout may take before fewer boxes are drawn, and all derivations together.
        sizes: sizes of named dimensions, where neither values nor a call tell them.

    Without sizes there are no kernels to show; the page says so.

    Raises:
        GraphError: `what` is nothing that can be explored, or `values` lack an input.
        DTypeError, ShapeError: a value does not fit its input.
        RenderError: there is no Graphviz to draw with.
    """
    return Explorer(tell(what, values, sizes, time_limit))


class Explorer:
    """A page to explore a graph. In a notebook it shows itself; `.save("explore.html")` writes a file."""

    def __init__(self, story: Story) -> None:
        self._story = story

    def __repr__(self) -> str:
        story = self._story
        stages, nodes = len(story.data["stages"]), len(story.data["nodes"])
        return f"<Explorer of {story.title}: {nodes} nodes, {stages} stages; .save('explore.html') to open it>"

    def html(self) -> str:
        """The page."""
        script = _part("explore.js")
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        data = json.dumps(self._story.data, ensure_ascii=False, separators=(",", ":"))
        # "</" would end the element that holds the data, and "<!--" change how its end is found.
        data = data.replace("</", "<\\/").replace("<!", "\\u003c!")
        filled = {
            "title": html.escape(self._story.title),
            "digest": digest,
            "style": _part("explore.css"),
            "data": data,
            "script": script,
        }
        page, *rest = _part("explore.html").split("{{")
        for piece in rest:
            name, _, after = piece.partition("}}")
            page += filled[name] + after
        return page

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page to a file ending in .html, which appears whole or not at all.

        Raises:
            GraphError: another ending.
            OSError: the file cannot be written.
        """
        target = Path(path)
        if target.suffix.lower() not in FORMATS:
            known = ", ".join(FORMATS)
            raise GraphError(f"an explorer cannot be saved as {target.name!r}; the ending should be one of {known}")
        write_whole(target, self.html().encode())
        return target

    def _repr_html_(self) -> str:
        """The page in a frame of its own."""
        page = html.escape(self.html(), quote=True)
        style = f"width:100%;height:{_NOTEBOOK_HEIGHT}px;border:1px solid #d5dbe3"
        return f'<iframe sandbox="allow-scripts" style="{style}" srcdoc="{page}"></iframe>'


def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
