"""Graphviz's SVG as the explorer takes it: without what the page says itself, and so a third of the size."""

from __future__ import annotations

import re

_SIZE = re.compile(r'(<svg)\s+width="[^"]*"\s+height="[^"]*"')
_REPEATED = re.compile(r' font-family="[^"]*"| text-decoration="[^"]*"')
_COMMENT = re.compile(r"<!--.*?-->\s*", re.DOTALL)


def bare_svg(document: str) -> str:
    """The <svg> element alone: no prologue, no comments, no size but that of its view box, fonts left to the page."""
    _, start, element = document.partition("<svg")
    return _REPEATED.sub("", _COMMENT.sub("", _SIZE.sub(r"\1", start + element))).strip()
