"""The code blocks of a page: found, run in order, and compared with the outputs the page states.

A page reads like a notebook. Each ```python block runs as it stands, in the names the blocks before it left. A ```text
block right behind one is its output: what it prints, the value of its last line if that is an expression, and, when it
ends in an error, the error's name and message. The tests run every page and compare; `python docs/blocks.py` writes the
outputs anew. What has no text form, such as a drawing, is shown by the site only.
"""

from __future__ import annotations

import ast
import contextlib
import io
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Pages change what the compiler does, to show it: nothing made on the way may be found by others.
os.environ["GRAPHC_CACHE"] = "0"

DOCS = Path(__file__).parent
ROOT = DOCS.parent

_BLOCK = re.compile(
    r"^```python\n(?P<code>.*?)^```\n(?:\n```text\n(?P<output>.*?)^```\n)?", re.MULTILINE | re.DOTALL
)  # fmt: skip


@dataclass(frozen=True)
class Block:
    """A block of code on a page."""

    code: str
    """With as many empty lines in front as stand before it on the page, so that line numbers are the page's own."""
    stated: str | None
    """The output the page gives."""
    span: tuple[int, int]
    """Where the code and its output stand in the text."""
    end_of_code: int
    """Where the code's fence ends."""


@dataclass
class Ran:
    """What running a block gave."""

    block: Block
    output: str = ""
    shown: list[Any] = field(default_factory=list)
    """Values that show themselves as pictures or HTML."""


def pages() -> list[Path]:
    """The README and every page of the docs."""
    return [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def blocks(text: str) -> Iterator[Block]:
    """The Python blocks of a page, in order."""
    for found in _BLOCK.finditer(text):
        lines_before = text[: found.start("code")].count("\n")
        fence = found.end("code") + len("```\n")
        yield Block("\n" * lines_before + found["code"], found["output"], found.span(), fence)


def run(text: str, name: str, folder: Path | None = None) -> list[Ran]:
    """Every block of a page, run in order.

    Args:
        text: the page.
        name: what errors call it.
        folder: where it runs; an empty one of its own if none is given.

    Raises:
        whatever a block raises, unless the page states that it does.
    """
    names: dict[str, Any] = {"__name__": name}
    with tempfile.TemporaryDirectory() as empty, contextlib.chdir(folder or empty):
        return [_run_block(block, name, names) for block in blocks(text)]


def _run_block(block: Block, name: str, names: dict[str, Any]) -> Ran:
    ran = Ran(block)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            value = _value_of_last_line(block.code, name, names)
        except Exception as error:
            if "Error" not in (block.stated or ""):
                raise
            value = None
            print(f"{type(error).__name__}: {error}")
        if _shows_itself(value):
            ran.shown.append(value)
        elif value is not None:
            print(repr(value))
    ran.output = "".join(f"{line.rstrip()}\n" for line in printed.getvalue().rstrip().splitlines())
    return ran


def _value_of_last_line(code: str, name: str, names: dict[str, Any]) -> Any:
    tree = ast.parse(code, name)
    last = tree.body[-1]
    if not isinstance(last, ast.Expr):
        exec(compile(tree, name, "exec"), names)
        return None
    exec(compile(ast.Module(tree.body[:-1], []), name, "exec"), names)
    return eval(compile(ast.Expression(last.value), name, "eval"), names)


def _shows_itself(value: Any) -> bool:
    return any(hasattr(type(value), method) for method in ("_repr_svg_", "_repr_html_"))


def with_outputs(text: str, ran: list[Ran]) -> str:
    """The page with what its blocks gave in place of the outputs it states."""
    for result in reversed(ran):
        if result.block.stated is not None:
            start, end = result.block.end_of_code, result.block.span[1]
            text = f"{text[:start]}\n```text\n{result.output}```\n{text[end:]}"
    return text


def main() -> None:
    """Write the outputs of the pages given, or of all, anew."""
    for page in [Path(p) for p in sys.argv[1:]] or pages():
        old, text = "", page.read_text(encoding="utf-8")
        while old != text:  # errors name lines, which longer outputs move
            old, text = text, with_outputs(text, run(text, page.name))
        if text != page.read_text(encoding="utf-8"):
            page.write_text(text, encoding="utf-8")
            print(f"{os.path.relpath(page)}: outputs written anew")


if __name__ == "__main__":
    main()
