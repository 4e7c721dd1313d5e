"""Batching rules of ops that read or write at computed positions.

Where positions are the same for the whole batch, the op works on all of it at once along a later axis. Where every
element of the batch has positions of its own, reading goes by take_along_axis, and writing into one long axis that
holds the batch's axes one after the other:

    scatter into f32[n, 10] at i64[n, 3]   ->   scatter into f32[10·n] at index + 10·(number of the element)
"""

from __future__ import annotations

from ..ir.dim import Size, product
from ..ir.dtype import int64
from ..ir.expr import Expr
from ..ops import leaf, reduce, scalar
from ..ops.dynamic import dynamic_slice, dynamic_update_slice
from ..ops.index import BEYOND, in_range, signed, take, take_along_axis
from ..ops.scatter import scatter
from ..ops.shape import broadcast_to, permute_dims, reshape
from ..ops.sort import searchsorted


def in_front(x: Expr, is_batched: bool, size: Size) -> Expr:
    """x with the batch axis in front; what is not batched is repeated along it."""
    return x if is_batched else broadcast_to(x, (size, *x.shape))


def batched_take(node: Expr, args: tuple[Expr, ...], batched: tuple[bool, ...], size: Size) -> Expr:
    """The rule of take."""
    x, indices = args
    axis = node.attrs["axis"]
    if not batched[1]:
        return take(x, indices, axis + 1)
    if batched[0]:
        return _take_each(x, indices, axis)
    found = take(x, indices, axis)
    return permute_dims(found, (axis, *(i for i in range(found.ndim) if i != axis)))


def batched_scatter(node: Expr, args: tuple[Expr, ...], batched: tuple[bool, ...], size: Size) -> Expr:
    """The rule of scatter."""
    x, indices, updates = args
    axis, mode = node.attrs["axis"], node.attrs["mode"]
    x, updates = in_front(x, batched[0], size), in_front(updates, batched[2], size)
    if not batched[1]:
        return scatter(x, indices, updates, axis + 1, mode)
    return _scatter_each(x, indices, updates, axis, mode)


def batched_dynamic_slice(node: Expr, args: tuple[Expr, ...], batched: tuple[bool, ...], size: Size) -> Expr:
    """The rule of dynamic_slice."""
    x, start = args
    axis, length = node.attrs["axis"], node.attrs["size"]
    if not batched[1]:
        return dynamic_slice(x, start, axis + 1, length)
    return _take_each(in_front(x, batched[0], size), _windows(start, node.args[0].shape[axis], length), axis)


def batched_dynamic_update_slice(node: Expr, args: tuple[Expr, ...], batched: tuple[bool, ...], size: Size) -> Expr:
    """The rule of dynamic_update_slice."""
    x, update, start = args
    axis = node.attrs["axis"]
    x, update = in_front(x, batched[0], size), in_front(update, batched[1], size)
    if not batched[2]:
        return dynamic_update_slice(x, update, start, axis + 1)
    return _scatter_each(x, _windows(start, x.shape[axis + 1], update.shape[axis + 1]), update, axis, "set")


def _take_each(x: Expr, indices: Expr, axis: int) -> Expr:
    """Slices of each x of a batch along its `axis`, at positions of its own."""
    batch, positions = x.shape[0], indices.shape[1:]
    before, after = x.shape[1 : axis + 1], x.shape[axis + 2 :]
    flat = product(positions)
    spread = reshape(indices, (batch, *(1,) * len(before), flat, *(1,) * len(after)))
    found = take_along_axis(x, broadcast_to(spread, (batch, *before, flat, *after)), axis + 1)
    return reshape(found, (batch, *before, *positions, *after))


def _scatter_each(x: Expr, indices: Expr, updates: Expr, axis: int, mode: str) -> Expr:
    """Each x of a batch with slices written along its `axis`, at positions of its own."""
    batch, length = x.shape[0], x.shape[axis + 1]
    to_front = (0, axis + 1, *(i for i in range(1, x.ndim) if i != axis + 1))
    rows = permute_dims(x, to_front)
    ranks = indices.ndim - 1
    named = range(axis + 1, axis + 1 + ranks)
    came = permute_dims(updates, (0, *named, *(i for i in range(1, updates.ndim) if i not in named)))
    long = reshape(rows, (batch * length, *rows.shape[2:]))
    written = reshape(scatter(long, _along_batch(indices, length), came, 0, mode), rows.shape)
    return permute_dims(written, tuple(to_front.index(i) for i in range(x.ndim)))


def _along_batch(indices: Expr, length: Size) -> Expr:
    """Positions in the axes of all elements laid end to end; those out of range stay so."""
    own = _from_front(signed(indices), length)
    number = leaf.iota(indices.shape, 0, int64)
    moved = scalar.add(own, scalar.multiply(number, broadcast_to(leaf.size(length), indices.shape)))
    return scalar.where(in_range(indices, length), moved, scalar.like(BEYOND, moved))


def _windows(start: Expr, whole: Size, length: Size) -> Expr:
    """The positions of each window of a batch, which lies inside whatever its start says."""
    last = broadcast_to(scalar.subtract(leaf.size(whole), leaf.size(length)), start.shape)
    wrapped = _from_front(signed(start), whole)
    first = scalar.minimum(scalar.maximum(wrapped, scalar.like(0, wrapped)), last)
    shape = (start.shape[0], length)
    return scalar.add(broadcast_to(reshape(first, (start.shape[0], 1)), shape), leaf.iota(shape, 1, int64))


def _from_front(positions: Expr, length: Size) -> Expr:
    """Negative positions counted from the end."""
    wrapped = scalar.add(positions, broadcast_to(leaf.size(length), positions.shape))
    return scalar.where(scalar.less(positions, scalar.like(0, positions)), wrapped, positions)


def batched_searchsorted(node: Expr, args: tuple[Expr, ...], batched: tuple[bool, ...], size: Size) -> Expr:
    """The rule of searchsorted: for sequences of their own, a count of what comes before each value."""
    sequence, values = args
    side = node.attrs["side"]
    if not batched[0]:
        return searchsorted(sequence, values, side)
    values = in_front(values, batched[1], size)
    shape = (*values.shape, sequence.shape[1])
    each = broadcast_to(reshape(sequence, (size, *(1,) * (values.ndim - 1), sequence.shape[1])), shape)
    value = broadcast_to(reshape(values, (*values.shape, 1)), shape)
    before = scalar.less(each, value) if side == "left" else scalar.less_equal(each, value)
    if values.dtype.is_float:  # nan comes last
        is_nan, last = scalar.not_equal(value, value), scalar.not_equal(each, each)
        before = scalar.logical_or(
            before, is_nan if side == "right" else scalar.logical_and(is_nan, scalar.logical_not(last))
        )
    return reduce.sum(scalar.astype(before, int64), (len(shape) - 1,))
