"""Graphviz's SVG as the explorer takes it: without what the page says itself, and so a third of the size."""

from __future__ import annotations

import re

_SIZE = re.compile(r'(<svg)\s+width="[^"]*"\s+height="[^"]*"')
_REPEATED = re.compile(r' (?:font-family|text-decoration|xlink:title|xml:space|id)="[^"]*"')
_ZEROS = re.compile(r"(?<=\d)\.00(?=[\s\",])")
_COMMENT = re.compile(r"<!--.*?-->\s*", re.DOTALL)


def bare_svg(document: str) -> str:
    """The <svg> element without comments and tooltips, sized by its view box alone, its fonts left to the page."""
    _, start, element = document.partition("<svg")
    bare = _REPEATED.sub("", _COMMENT.sub("", _SIZE.sub(r"\1", start + element)))
    return _ZEROS.sub("", bare).strip()
