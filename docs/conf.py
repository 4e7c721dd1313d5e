"""The site: `make docs` builds it into out/site. Pages are Markdown; their code runs while the site is built, and what
it prints, draws and derives is put behind it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS), str(DOCS.parent)]

import blocks  # noqa: E402

import graphc  # noqa: E402

project = "graphc"
copyright = "the graphc developers"
version = release = graphc.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_static"]
myst_enable_extensions = ["attrs_inline", "colon_fence"]
myst_heading_anchors = 3
default_role = "code"
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
toc_object_entries = False
nitpicky = False

html_theme = "furo"
html_title = "graphc"
html_static_path = ["_static"]
html_css_files = ["graphc.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"top_of_page_buttons": []}
pygments_style = "friendly"
pygments_dark_style = "native"

_MARKUP = re.compile(r"(`[^`]*`)|([|*]|(?<=\w)_\b)")
_REPOSITORY_LINK = re.compile(r"\[([^\]]+)\]\(((?:\.\./)+[^)]+)\)")


def setup(app: Any) -> dict[str, bool]:
    """Run the code of every page when it is read."""
    app.connect("source-read", show_what_code_gives)
    app.connect("autodoc-process-docstring", as_restructured_text, priority=400)  # before napoleon
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def show_what_code_gives(app: Any, name: str, source: list[str]) -> None:
    """Put outputs, drawings and derivations behind the blocks of a page; name what is outside the site."""
    text = _REPOSITORY_LINK.sub(lambda link: link[1], source[0])
    for ran in reversed(blocks.run(text, f"{name}.md")):
        end = ran.block.span[1]
        printed = f"\n```text\n{ran.output}```\n" if ran.output and ran.block.stated is None else ""
        pictures = "".join(f"\n```{{raw}} html\n{as_html(value)}\n```\n" for value in ran.shown)
        text = f"{text[:end]}{printed}{pictures}{text[end:]}"
    source[0] = text


def as_restructured_text(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are plain text: what reStructuredText would take for markup is escaped, examples are set as code."""
    made: list[str] = []
    is_example = False
    for line in lines:
        is_indented = line.startswith("    ")
        if is_indented and not is_example and made and not made[-1].strip():
            made += ["::", ""]
            is_example = True
        elif line.strip() and not is_indented:
            is_example = False
        made.append(line if is_example else _MARKUP.sub(lambda m: m[1] or f"\\{m[2]}", line))
    lines[:] = made


def as_html(value: Any) -> str:
    """A drawing or a derivation as a piece of a page."""
    if hasattr(value, "_repr_svg_"):
        svg = value._repr_svg_()
        return f'<div class="picture">{svg[svg.index("<svg") :]}</div>'
    return f'<div class="derived">{value._repr_html_()}</div>'
