"""Reading and adding at computed positions: take, take_along_axis and its transpose, scatter_add_along_axis.

Indices from -n to n-1 count as NumPy's; others are clamped when reading and dropped when writing, which is also
what becomes of their gradient.
"""

from __future__ import annotations

import numpy as np

from ..ir.affine import Affine
from ..ir.dim import Shape, Size
from ..ir.dtype import DType, int64
from ..ir.errors import DTypeError, ShapeError, describe
from ..ir.expr import Expr, make
from ..ir.op import Array, Attrs, OpDef, Sample, register
from . import leaf
from .scalar import astype, greater_equal, less, like, logical_and, minimum, negative, where
from .shape import Index, broadcast_to

NUMBERS = ("float", "int", "uint")
ANY = (*NUMBERS, "bool")
BEYOND = 2**62
"""No axis is that long: what a uint64 index is capped at, so that it stays out of range as an int64."""


def _same_but(axis: int, x: Shape, indices: Shape) -> bool:
    return len(x) == len(indices) and all(a == b for i, (a, b) in enumerate(zip(x, indices, strict=True)) if i != axis)


def wrap(indices: Array, size: int) -> Array:
    """Indices as int64 counted from the front, those out of range still so."""
    wide = indices.astype(np.int64) if indices.dtype != np.uint64 else np.minimum(indices, BEYOND).astype(np.int64)
    return np.asarray(np.where(wide < 0, wide + size, wide))


def signed(indices: Expr) -> Expr:
    """Indices as int64, which tells those out of range as such."""
    capped = minimum(indices, like(BEYOND, indices)) if indices.dtype.name == "uint64" else indices
    return astype(capped, int64)


def in_range(indices: Expr, size: Size) -> Expr:
    """Which indices are within -size … size-1."""
    wide = signed(indices)
    end = broadcast_to(leaf.size(size), indices.shape)
    return logical_and(greater_equal(wide, negative(end)), less(wide, end))


def is_empty(size: Size) -> bool:
    """Whether an axis of this size surely has no elements."""
    return isinstance(size, int) and size == 0


# take ----------------------------------------------------------------------------------------------------------


def slots(x: Shape, indices: Shape, axis: int) -> Shape:
    """The shape of the slices of an array that are named by indices into an axis."""
    return (*x[:axis], *indices, *x[axis + 1 :])


def _take_infer(attrs: Attrs, x: Expr, indices: Expr) -> tuple[DType, Shape]:
    axis = attrs["axis"]
    if not indices.dtype.is_integer:
        raise DTypeError(f"take: indices must be integers{describe(x=x, indices=indices)}")
    if not 0 <= axis < x.ndim:
        raise ShapeError(f"take: there is no axis {axis}{describe(x=x)}")
    if is_empty(x.shape[axis]) and not any(is_empty(d) for d in indices.shape):
        raise ShapeError(f"take: there is nothing to take along axis {axis}{describe(x=x)}")
    return x.dtype, slots(x.shape, indices.shape, axis)


def _take_reference(attrs: Attrs, x: Array, indices: Array) -> Array:
    axis, size = attrs["axis"], x.shape[attrs["axis"]]
    return np.asarray(np.take(x, np.clip(wrap(indices, size), 0, max(size - 1, 0)), axis))


def _take_vjp(g: Expr, out: Expr, x: Expr, indices: Expr) -> tuple[Expr | None, ...]:
    from .scatter import scatter

    return scatter(like(0, x), indices, g, out.attrs["axis"], "add"), None


def _take_jvp(out: Expr, inputs: tuple[Expr, ...], tangents: tuple[Expr | None, ...]) -> Expr | None:
    from .scatter import spread_over_slices

    if tangents[0] is None:
        return None
    axis, (x, indices) = out.attrs["axis"], inputs
    moved = take(tangents[0], indices, axis)
    # As in the other direction, where what would be written out of range is dropped.
    return where(spread_over_slices(in_range(indices, x.shape[axis]), x.shape, axis), moved, like(0, moved))


TAKE = register(
    OpDef(
        "take", "index", 2, _take_infer, _take_reference, params=("axis",), vjp=_take_vjp, jvp=_take_jvp, dtypes=ANY,
        standard="take", doc="along an axis, the slices at the given positions",
        samples=lambda: (
            Sample(((9, 4), (5,)), {"axis": 0}, ((-3, 3), (-9, 9)), ("", "int64")),
            Sample(((5, 19), (2, 3)), {"axis": 0}, ((-3, 3), (0, 5)), ("", "int32")),
            Sample(((2, 7, 3), (6,)), {"axis": 1}, ((-3, 3), (0, 7)), ("", "uint8")),
            Sample(((6,), (3, 5)), {"axis": 0}, ((-3, 3), (-6, 6)), ("", "int64")),
            Sample(((3, 8), ()), {"axis": 1}, ((-3, 3), (0, 8)), ("", "int64")),
            Sample(((3, 8), (0,)), {"axis": 0}, ((-3, 3), (0, 3)), ("", "int64")),
        ),
    )
)  # fmt: skip


def take(x: Expr, indices: Expr, axis: int) -> Expr:
    """Slices of x at `indices` along an axis, laid out over the axes of `indices`."""
    return make(TAKE, (x, indices), {"axis": axis})


def positions_index(node: Expr, index: Index) -> Index:
    """Where take and take_along_axis read the position of their element at `index`."""
    if node.op is TAKE:
        axis: int = node.attrs["axis"]
        return index[axis : axis + node.args[1].ndim]
    return index


def taken_index(node: Expr, index: Index, position: Affine) -> Index:
    """Which element of their source take and take_along_axis read for their element at `index`."""
    axis: int = node.attrs["axis"]
    rank = node.args[1].ndim if node.op is TAKE else 1
    return (*index[:axis], position, *index[axis + rank :])


# take_along_axis and scatter_add_along_axis --------------------------------------------------------------------


def _along_infer(attrs: Attrs, x: Expr, indices: Expr) -> tuple[DType, Shape]:
    if not indices.dtype.is_integer:
        raise DTypeError(f"take_along_axis: indices must be integers{describe(x=x, indices=indices)}")
    if not _same_but(attrs["axis"], x.shape, indices.shape):
        raise ShapeError(
            f"take_along_axis: all sizes but that of axis {attrs['axis']} must agree{describe(x=x, indices=indices)}"
        )
    if is_empty(x.shape[attrs["axis"]]) and not any(is_empty(d) for d in indices.shape):
        raise ShapeError(f"take_along_axis: there is nothing to take{describe(x=x)}")
    return x.dtype, indices.shape


def _along_reference(attrs: Attrs, x: Array, indices: Array) -> Array:
    size = x.shape[attrs["axis"]]
    return np.take_along_axis(x, np.clip(wrap(indices, size), 0, size - 1), attrs["axis"])


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
    wrapped = wrap(indices, size)
    valid = (wrapped >= 0) & (wrapped < size)
    out = np.zeros((*updates.shape[:axis], size, *updates.shape[axis + 1 :]), updates.dtype)
    where_to: list[Array] = list(np.indices(updates.shape))
    where_to[axis] = wrapped
    np.add.at(out, tuple(i[valid] for i in where_to), updates[valid])
    return out


def _along_vjp(g: Expr, out: Expr, x: Expr, indices: Expr) -> tuple[Expr | None, ...]:
    axis = out.attrs["axis"]
    return scatter_add_along_axis(indices, g, axis, x.shape[axis]), None


def _along_jvp(out: Expr, inputs: tuple[Expr, ...], tangents: tuple[Expr | None, ...]) -> Expr | None:
    if tangents[0] is None:
        return None
    axis, (x, indices) = out.attrs["axis"], inputs
    moved = take_along_axis(tangents[0], indices, axis)
    return where(in_range(indices, x.shape[axis]), moved, like(0, moved))


def _scatter_vjp(g: Expr, out: Expr, indices: Expr, updates: Expr) -> tuple[Expr | None, ...]:
    axis = out.attrs["axis"]
    if is_empty(g.shape[axis]):
        return None, like(0, updates)
    valid = in_range(indices, g.shape[axis])
    return None, where(valid, take_along_axis(g, indices, axis), like(0, updates))


def _scatter_jvp(out: Expr, inputs: tuple[Expr, ...], tangents: tuple[Expr | None, ...]) -> Expr | None:
    if tangents[1] is None:
        return None
    return scatter_add_along_axis(inputs[0], tangents[1], out.attrs["axis"], out.attrs["size"])


TAKE_ALONG_AXIS = register(
    OpDef(
        "take_along_axis", "index", 2, _along_infer, _along_reference, params=("axis",), vjp=_along_vjp, jvp=_along_jvp,
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
    return make(TAKE_ALONG_AXIS, (x, indices), {"axis": axis})


def scatter_add_along_axis(indices: Expr, updates: Expr, axis: int, size: object) -> Expr:
    """Zeros of `size` along the axis with `updates` added at `indices`."""
    return make(SCATTER_ADD, (indices, updates), {"axis": axis, "size": size})
