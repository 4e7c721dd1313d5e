"""Shapes and axes in words: what the sentences of a derivation say of them."""

from __future__ import annotations

from ..ir.dim import Shape
from ..ir.expr import Expr
from ..ops.shape import stretched_axes


def show_shape(shape: Shape) -> str:
    """batch × 512; "a number" for a scalar."""
    return " × ".join(map(str, shape)) if shape else "a number"


def axes_words(ndim: int, axes: tuple[int, ...]) -> str:
    """What a sum over these axes runs over: "" for all of them, else rows, columns or axes by number."""
    if len(axes) == ndim:
        return ""
    if ndim == 2:
        return ("rows", "columns")[axes[0]]
    return f"{'axis' if len(axes) == 1 else 'axes'} {', '.join(map(str, axes))}"


def sentence_facts(node: Expr, consumer: Expr | None) -> dict[str, str]:
    """What the sentences say of shapes: {gs} {xs} {ys} {xts} {yts} in products, {axes} and {used} in sums.

    `consumer` is what uses the node, where that is known: it makes the difference of "added to every row".
    """
    shapes = [a.shape for a in node.args]
    facts = {"gs": show_shape(node.shape)}
    for name, shape in zip("xy", shapes, strict=False):
        facts[f"{name}s"] = show_shape(shape)
        facts[f"{name}ts"] = show_shape((*shape[:-2], *reversed(shape[-2:])))
    if node.op.name == "broadcast_to":
        axes = stretched_axes(shapes[0], node.shape)
        words = axes_words(node.ndim, axes)
        facts |= {"axes": words or "all entries", "used": _used(node, words, consumer)}
    if node.op.name == "sum":
        words = axes_words(len(shapes[0]), node.attrs["axes"])
        facts["axes"] = {"rows": "the rows", "columns": "the columns"}.get(words, words or "all entries")
    return facts


def _used(node: Expr, words: str, consumer: Expr | None) -> str:
    """What happens to a repeated value: it is added to, subtracted from or used in every row."""
    verb = "used in"
    if consumer is not None and consumer.op.name == "add":
        verb = "added to"
    elif consumer is not None and consumer.op.name == "subtract" and consumer.args[1] is node:
        verb = "subtracted from"
    if words in ("rows", "columns"):
        return f"{verb} every {words[:-1]}"
    return f"{verb} every place along {words}" if words else f"{verb} every entry"
