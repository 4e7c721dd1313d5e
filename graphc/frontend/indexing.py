"""Elements by position: basic indexing `x[...]`, take_along_axis and one_hot.

Bounds of slices are those of Python's sequences, also along a named dimension: `x[1:]` and `x[:-1]` of size `batch`
both have size max(batch - 1, 0).
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..ir.dim import Dim, Shape, Size, as_size, ceildiv, maximum, minimum
from ..ir.dtype import as_dtype, int64
from ..ir.errors import DTypeError, ShapeError, describe
from ..ir.expr import Expr
from ..ops import index, leaf, scalar
from ..ops import shape as raw
from .lifting import ArrayLike, DTypeLike, broadcast_shape, lift, normalize_axis, roles

Window = tuple[Size, Size, int]
"""Start, size and step along one axis."""


def getitem(x: Expr, key: Any) -> Expr:
    """x[key] for integers, slices (steps may be negative), Ellipsis and None, as NumPy's basic indexing.

    Raises:
        ShapeError: too many indices, or an integer outside the axis.
        DTypeError: an index that is an array, an expression, a bool or no index at all.
    """
    keys = _expanded(x, key if isinstance(key, tuple) else (key,))
    windows: list[Window] = []
    shape: list[Size] = []
    for item in keys:
        if item is None:
            shape.append(1)
            continue
        axis = len(windows)
        if isinstance(item, slice):
            windows.append(_window(x, axis, item))
            shape.append(windows[-1][1])
        else:
            windows.append((_position(x, axis, item), 1, 1))
    starts, sizes, steps = zip(*windows, strict=True) if windows else ((), (), ())
    return raw.reshape(raw.slice(x, starts, sizes, steps), tuple(shape))


def take_along_axis(x: ArrayLike, indices: ArrayLike, axis: int = -1) -> Expr:
    """Along `axis`, the elements of x at `indices`; the other axes broadcast.

    Indices from -n to n-1 count as NumPy's; others are clamped to the nearest element (an error in a function
    compiled with `check=True`). The gradient adds up what was taken more than once.

    Raises:
        DTypeError: the indices are no integers.
        ShapeError: different numbers of axes, sizes that do not broadcast, or nothing to take from.
    """
    source, positions = lift("take_along_axis", x), lift("take_along_axis", indices)
    if not positions.dtype.is_integer:
        raise DTypeError(f"take_along_axis: indices must be integers{describe(x=source, indices=positions)}")
    if source.ndim != positions.ndim:
        raise ShapeError(
            f"take_along_axis: x and indices must have the same number of axes{describe(x=source, indices=positions)}"
        )
    along = normalize_axis("take_along_axis", source, axis)
    others = broadcast_shape(
        "take_along_axis", (source, positions), (_with_one(source, along), _with_one(positions, along))
    )

    def spread(e: Expr) -> Expr:
        return raw.broadcast_to(e, (*others[:along], e.shape[along], *others[along + 1 :]))

    return index.take_along_axis(spread(source), spread(positions), along)


def one_hot(x: ArrayLike, num_classes: int | str | Dim, *, axis: int = -1, dtype: DTypeLike = "float32") -> Expr:
    """1 at the position each integer of x names along a new axis of size `num_classes`, 0 elsewhere.

    Numbers outside 0 … num_classes-1 give a row of zeros.

    Args:
        x: integers of any shape.
        num_classes: the size of the new axis.
        axis: where the new axis stands in the result; last by default.
        dtype: of the result.

    Raises:
        DTypeError: x does not hold integers.
    """
    labels = lift("one_hot", x)
    if not labels.dtype.is_integer:
        raise DTypeError(f"one_hot: labels must be integers; convert them with gc.astype{roles(labels)}")
    at = normalize_axis("one_hot", labels, axis, labels.ndim + 1)
    size = as_size(num_classes)
    shape: Shape = (*labels.shape[:at], size, *labels.shape[at:])
    kept = raw.reshape(labels, (*labels.shape[:at], 1, *labels.shape[at:]))
    # int64 holds every class; a uint64 label beyond it turns negative, which is no class either.
    wanted = raw.broadcast_to(scalar.astype(kept, int64), shape)
    return scalar.astype(scalar.equal(wanted, leaf.iota(shape, at, int64)), as_dtype(dtype))


def _with_one(x: Expr, axis: int) -> Shape:
    return tuple(1 if i == axis else d for i, d in enumerate(x.shape))


def _expanded(x: Expr, keys: tuple[Any, ...]) -> list[Any]:
    """The indices with `...` replaced, one for each axis of x, and None where an axis is new."""
    for key in keys:
        if isinstance(key, (Expr, np.ndarray, list, bool, np.bool_)):
            raise DTypeError(
                "indexing with an array, a list or a bool is not basic indexing; use gc.take_along_axis to gather, "
                f"gc.one_hot to mark positions, or gc.where to choose by a condition{describe(x=x)}"
            )
    used = sum(1 for k in keys if k is not None and k is not Ellipsis)
    if used > x.ndim:
        raise ShapeError(f"indexing: {used} indices for {x.ndim} axes{describe(x=x)}")
    dots = [i for i, k in enumerate(keys) if k is Ellipsis]
    if len(dots) > 1:
        raise ShapeError(f"indexing: only one ... may stand for the remaining axes{describe(x=x)}")
    at = dots[0] if dots else len(keys)
    fill = [slice(None)] * (x.ndim - used)
    return [*keys[:at], *fill, *keys[at + 1 :]]


def _integer(x: Expr, axis: int, value: Any) -> Size:
    if isinstance(value, Dim):
        return value
    try:
        return operator.index(value)
    except TypeError:
        raise DTypeError(
            f"indexing: {value!r} is no index of axis {axis}; use integers, slices, ... and None{describe(x=x)}"
        ) from None


def _position(x: Expr, axis: int, key: Any) -> Size:
    size, position = x.shape[axis], _integer(x, axis, key)
    if isinstance(size, int) and isinstance(position, int) and not -size <= position < size:
        raise ShapeError(f"indexing: {position} is outside axis {axis} of size {size}{describe(x=x)}")
    return size + position if isinstance(position, int) and position < 0 else position


def _window(x: Expr, axis: int, key: slice) -> Window:
    whole = x.shape[axis]
    step = 1 if key.step is None else _integer(x, axis, key.step)
    if not isinstance(step, int) or step == 0:
        raise ShapeError(f"indexing: a step is an integer other than 0, not {step}{describe(x=x)}")
    start = None if key.start is None else _integer(x, axis, key.start)
    stop = None if key.stop is None else _integer(x, axis, key.stop)
    if isinstance(whole, int) and not isinstance(start, Dim) and not isinstance(stop, Dim):
        positions = range(*slice(start, stop, step).indices(whole))
        return (positions.start if len(positions) else 0), len(positions), step
    if step > 0:
        first, size = _forward(whole, start, stop)
    else:
        first, size = _backward(whole, start, stop)
    return first, ceildiv(size, abs(step)), step


def _forward(whole: Size, start: Size | None, stop: Size | None) -> tuple[Size, Size]:
    """First position and extent of start:stop, in the simplest form that is right for every size."""
    if start is None or start == 0:
        return 0, _clamped(whole, stop, whole)
    if _from_back(start) and (stop is None or stop == whole):
        return maximum(whole + start, 0), minimum(-start, whole)
    if not _from_back(start) and (stop is None or _from_back(stop) or stop == whole):
        # Where `start` lies behind the end the window is empty, and then nothing reads its start.
        end = whole if stop is None or stop == whole else whole + stop
        return start, maximum(end - start, 0)
    first = _clamped(whole, start, 0)
    return first, maximum(_clamped(whole, stop, whole) - first, 0)


def _backward(whole: Size, start: Size | None, stop: Size | None) -> tuple[Size, Size]:
    """The same for steps below zero: from `start` down to, and without, `stop`."""
    last = whole - 1
    first = last if start is None else minimum(start, last) if not _from_back(start) else maximum(whole + start, -1)
    if stop is None:
        end: Size = -1
    else:
        end = minimum(stop, last) if not _from_back(stop) else maximum(whole + stop, -1)
    return first, maximum(first - end, 0)


def _from_back(bound: Size) -> bool:
    return isinstance(bound, int) and bound < 0


def _clamped(whole: Size, bound: Size | None, default: Size) -> Size:
    """A bound counted from the front, between 0 and the size."""
    if bound is None:
        return default
    return maximum(whole + bound, 0) if _from_back(bound) else minimum(bound, whole)
