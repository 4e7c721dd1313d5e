"""concat: two arrays one after the other along an axis. More of them are a tree of it.

Kernels compute each part where it belongs in the result, so that nothing is copied: see `graphc.loop.boxes`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..ir.dim import Shape
from ..ir.dtype import DType
from ..ir.errors import DTypeError, ShapeError, describe
from ..ir.expr import Expr, make
from ..ir.op import Attrs, OpDef, Sample, register
from .scalar import like
from .shape import ANY, slice


def _infer(attrs: Attrs, a: Expr, b: Expr) -> tuple[DType, Shape]:
    axis = attrs["axis"]
    if a.ndim != b.ndim or not 0 <= axis < a.ndim:
        raise ShapeError(f"concat: there is no axis {axis} in both operands{describe(first=a, second=b)}")
    if a.shape[:axis] != b.shape[:axis] or a.shape[axis + 1 :] != b.shape[axis + 1 :]:
        raise ShapeError(f"concat: sizes other than that of axis {axis} must agree{describe(first=a, second=b)}")
    if a.dtype is not b.dtype:
        raise DTypeError(f"concat: operands differ in dtype{describe(first=a, second=b)}")
    return a.dtype, (*a.shape[:axis], a.shape[axis] + b.shape[axis], *a.shape[axis + 1 :])


def _part(whole: Expr, joined: Expr, position: int) -> Expr:
    """The window of `whole` where an argument of `joined` stands."""
    axis, part = joined.attrs["axis"], joined.args[position]
    first = joined.args[0].shape[axis] if position else 0
    return slice(whole, tuple(first if a == axis else 0 for a in range(part.ndim)), part.shape, (1,) * part.ndim)


def _vjp(g: Expr, out: Expr, a: Expr, b: Expr) -> tuple[Expr | None, ...]:
    return _part(g, out, 0), _part(g, out, 1)


def _jvp(out: Expr, inputs: tuple[Expr, ...], tangents: tuple[Expr | None, ...]) -> Expr | None:
    if all(t is None for t in tangents):
        return None
    first, second = (like(0, x) if t is None else t for x, t in zip(inputs, tangents, strict=True))
    return make(CONCAT, (first, second), out.attrs)


CONCAT = register(
    OpDef(
        "concat", "join", 2, _infer, lambda attrs, a, b: np.concatenate((a, b), attrs["axis"]), params=("axis",),
        vjp=_vjp, jvp=_jvp, dtypes=ANY, standard="concat", doc="one array after the other along an axis",
        samples=lambda: (
            Sample(((7,), (3,)), {"axis": 0}), Sample(((3, 5), (2, 5)), {"axis": 0}),
            Sample(((3, 5), (3, 18)), {"axis": 1}), Sample(((2, 3, 17), (2, 1, 17)), {"axis": 1}),
            Sample(((0, 3), (2, 3)), {"axis": 0}), Sample(((2, 3), (2, 0)), {"axis": 1}),
        ),
    )
)  # fmt: skip


def concat(parts: Sequence[Expr], axis: int) -> Expr:
    """One or more arrays one after the other, as a balanced tree: its depth stays small however many there are."""
    row = list(parts)
    while len(row) > 1:
        pairs = [make(CONCAT, (a, b), {"axis": axis}) for a, b in zip(row[::2], row[1::2], strict=False)]
        row = pairs + row[len(row) - len(row) % 2 :]
    return row[0]
