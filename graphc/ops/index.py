"""Reading and adding at computed positions: take_along_axis and its transpose, scatter_add_along_axis.

Indices from -n to n-1 count as NumPy's; others are clamped when reading and dropped when writing.
"""

from __future__ import annotations

import numpy as np

from ..ir.dim import Shape
from ..ir.dtype import DType
from ..ir.errors import DTypeError, ShapeError, describe
from ..ir.expr import Expr, make
from ..ir.op import Array, Attrs, OpDef, Sample, register
from . import leaf
from .scalar import astype, greater_equal, less, like, logical_and, negative, where
from .shape import broadcast_to

NUMBERS = ("float", "int", "uint")


def _same_but(axis: int, x: Shape, indices: Shape) -> bool:
    return len(x) == len(indices) and all(a == b for i, (a, b) in enumerate(zip(x, indices, strict=True)) if i != axis)


def _take_infer(attrs: Attrs, x: Expr, indices: Expr) -> tuple[DType, Shape]:
    if not indices.dtype.is_integer:
        raise DTypeError(f"take_along_axis: indices must be integers{describe(x=x, indices=indices)}")
    if not _same_but(attrs["axis"], x.shape, indices.shape):
        raise ShapeError(
            f"take_along_axis: all sizes but that of axis {attrs['axis']} must agree{describe(x=x, indices=indices)}"
        )
    if x.shape[attrs["axis"]] == 0 and isinstance(x.shape[attrs["axis"]], int):
        raise ShapeError(f"take_along_axis: there is nothing to take{describe(x=x)}")
    return x.dtype, indices.shape


def _wrap(indices: Array, size: int) -> Array:
    wide = indices.astype(np.int64) if indices.dtype != np.uint64 else np.minimum(indices, 2**62).astype(np.int64)
    return np.asarray(np.where(wide < 0, wide + size, wide))


def _take_reference(attrs: Attrs, x: Array, indices: Array) -> Array:
    size = x.shape[attrs["axis"]]
    return np.take_along_axis(x, np.clip(_wrap(indices, size), 0, size - 1), attrs["axis"])


def _scatter_infer(attrs: Attrs, indices: Expr, updates: Expr) -> tuple[DType, Shape]:
    if not indices.dtype.is_integer:
        operands = describe(indices=indices, updates=updates)
        raise DTypeError(f"scatter_add_along_axis: indices must be integers{operands}")
    if indices.shape != updates.shape:
        operands = describe(indices=indices, updates=updates)
        raise ShapeError(f"scatter_add_along_axis: indices and updates must agree in shape{operands}")
    axis = attrs["axis"]
    return updates.dtype, (*updates.shape[:axis], attrs["size"], *updates.shape[axis + 1 :])


def _scatter_reference(attrs: Attrs, indices: Array, updates: Array) -> Array:
    axis, size = attrs["axis"], attrs["size"]
    wrapped = _wrap(indices, size)
    valid = (wrapped >= 0) & (wrapped < size)
    out = np.zeros((*updates.shape[:axis], size, *updates.shape[axis + 1 :]), updates.dtype)
    where_to: list[Array] = list(np.indices(updates.shape))
    where_to[axis] = wrapped
    np.add.at(out, tuple(i[valid] for i in where_to), updates[valid])
    return out


def _in_range(indices: Expr, size: Expr) -> Expr:
    wide = astype(indices, size.dtype)
    spread = broadcast_to(size, indices.shape)
    return logical_and(greater_equal(wide, negative(spread)), less(wide, spread))


def _take_vjp(g: Expr, out: Expr, x: Expr, indices: Expr) -> tuple[Expr | None, ...]:
    axis = out.attrs["axis"]
    return scatter_add_along_axis(indices, g, axis, x.shape[axis]), None


def _take_jvp(out: Expr, inputs: tuple[Expr, ...], tangents: tuple[Expr | None, ...]) -> Expr | None:
    return None if tangents[0] is None else take_along_axis(tangents[0], inputs[1], out.attrs["axis"])


def _scatter_vjp(g: Expr, out: Expr, indices: Expr, updates: Expr) -> tuple[Expr | None, ...]:
    axis = out.attrs["axis"]
    if isinstance(g.shape[axis], int) and g.shape[axis] == 0:
        return None, like(0, updates)
    valid = _in_range(indices, leaf.size(g.shape[axis]))
    return None, where(valid, take_along_axis(g, indices, axis), like(0, updates))


def _scatter_jvp(out: Expr, inputs: tuple[Expr, ...], tangents: tuple[Expr | None, ...]) -> Expr | None:
    if tangents[1] is None:
        return None
    return scatter_add_along_axis(inputs[0], tangents[1], out.attrs["axis"], out.attrs["size"])


TAKE = register(
    OpDef(
        "take_along_axis", "index", 2, _take_infer, _take_reference, params=("axis",), vjp=_take_vjp, jvp=_take_jvp,
        dtypes=NUMBERS, standard="take_along_axis", doc="along an axis, the elements at the given positions",
        samples=lambda: (
            Sample(((7,), (3,)), {"axis": 0}, ((-3, 3), (-7, 7)), ("", "int64")),
            Sample(((4, 9), (4, 1)), {"axis": 1}, ((-3, 3), (0, 9)), ("", "int64")),
            Sample(((4, 9), (2, 9)), {"axis": 0}, ((-3, 3), (0, 4)), ("", "int32")),
            Sample(((2, 5, 3), (2, 7, 3)), {"axis": 1}, ((-3, 3), (0, 5)), ("", "uint8")),
        ),
    )
)  # fmt: skip
SCATTER_ADD = register(
    OpDef(
        "scatter_add_along_axis", "index", 2, _scatter_infer, _scatter_reference, params=("axis", "size"),
        vjp=_scatter_vjp, jvp=_scatter_jvp, dtypes=NUMBERS,
        doc="zeros with updates added at the given positions along an axis; the transpose of take_along_axis",
        samples=lambda: (
            Sample(((3,), (3,)), {"axis": 0, "size": 7}, ((-7, 7), (-3, 3)), ("int64", "")),
            Sample(((4, 1), (4, 1)), {"axis": 1, "size": 9}, ((0, 9), (-3, 3)), ("int64", "")),
            Sample(((6, 5), (6, 5)), {"axis": 0, "size": 3}, ((0, 3), (-3, 3)), ("int32", "")),
        ),
    )
)  # fmt: skip


def take_along_axis(x: Expr, indices: Expr, axis: int) -> Expr:
    """Elements of x at `indices` along an axis; other axes agree."""
    return make(TAKE, (x, indices), {"axis": axis})


def scatter_add_along_axis(indices: Expr, updates: Expr, axis: int, size: object) -> Expr:
    """Zeros of `size` along the axis with `updates` added at `indices`."""
    return make(SCATTER_ADD, (indices, updates), {"axis": axis, "size": size})
