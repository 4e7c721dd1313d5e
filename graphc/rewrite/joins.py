"""Concats that nothing has to be put together for.

%2 = concat %0, %1 {axis=0}    # %0 of size 4
%3 = slice %2 {starts=(0,), sizes=(4,), steps=(1,)}      →    %0
"""

from __future__ import annotations

from ..ir.dim import Size
from ..ir.expr import Expr
from ..ops.shape import slice
from .engine import Rule
from .pattern import P, var


def _slice_of_concat(out: Expr, joined: Expr) -> Expr | None:
    """A window that lies in one part is a window of that part."""
    axis = joined.attrs["axis"]
    border = joined.args[0].shape[axis]
    part = _part_of(out.attrs["starts"][axis], out.shape[axis], out.attrs["steps"][axis], border, joined.shape[axis])
    if part is None:
        return None
    moved = border if part else 0
    starts = tuple(s - moved if a == axis else s for a, s in enumerate(out.attrs["starts"]))
    return slice(joined.args[part], starts, out.shape, out.attrs["steps"])


def _part_of(start: Size, size: Size, step: int, border: Size, whole: Size) -> int | None:
    """Which part of a concat a window reads; None where it reads both, or sizes with names do not tell."""
    if isinstance(start, int) and isinstance(size, int) and isinstance(border, int):
        if size == 0:
            return None
        low, high = sorted((start, start + (size - 1) * step))
        return 0 if high < border else 1 if low >= border else None
    if step == 1 and start == 0 and size == border:
        return 0
    return 1 if step == 1 and start == border and start + size == whole else None


def _concat_empty(x: Expr, y: Expr, out: Expr) -> Expr | None:
    for kept, other in ((x, y), (y, x)):
        size = other.shape[out.attrs["axis"]]
        if isinstance(size, int) and size == 0:
            return kept
    return None


x, y = var("x"), var("y")

JOINS = (
    Rule("slice-of-concat", P.slice(P.concat(x, y, name="joined")), _slice_of_concat,
         becomes="slice(x) or slice(y), inside one of them"),
    Rule("concat-of-nothing", P.concat(x, y), _concat_empty, becomes="x, where y is empty"),
)  # fmt: skip
