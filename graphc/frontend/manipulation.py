"""Arrays put together, taken apart, turned round, repeated and padded.

Only concat moves anything, and its parts are computed where they belong; the others are views that kernels read
through.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence

import numpy as np

from ..ir.arguments import to_array
from ..ir.dim import Dim, Shape, Size, as_shape, product
from ..ir.dtype import int64
from ..ir.errors import GraphError, ShapeError, describe
from ..ir.expr import Expr
from ..ops import index, join, leaf, scalar
from ..ops import shape as raw
from .lifting import (
    ArrayLike,
    broadcast,
    broadcast_shape,
    constant_array,
    lift,
    normalize_axes,
    normalize_axis,
    promoted,
)

Widths = int | tuple[int, int] | Sequence[tuple[int, int]]


# Putting together and taking apart -----------------------------------------------------------------------------


def concat(arrays: Sequence[ArrayLike], /, *, axis: int | None = 0) -> Expr:
    """Arrays one after the other along `axis`, promoted to one dtype; flattened first where `axis` is None.

    Raises:
        ShapeError: there are none, there is no such axis, or sizes other than that of the axis differ.
        DTypeError: they have no common dtype.
    """
    parts = _parts("concat", arrays)
    if axis is None:
        return join.concat([raw.reshape(p, (product(p.shape),)) for p in parts], 0)
    along = normalize_axis("concat", parts[0], axis)
    for part in parts[1:]:
        if _without(part.shape, along) != _without(parts[0].shape, along) or part.ndim != parts[0].ndim:
            raise ShapeError(
                f"concat: sizes other than that of axis {along} must agree{describe(first=parts[0], another=part)}"
            )
    return join.concat(parts, along)


def stack(arrays: Sequence[ArrayLike], /, *, axis: int = 0) -> Expr:
    """Arrays of one shape along a new axis that stands at `axis` of the result.

    Raises:
        ShapeError: there are none, the shapes differ, or there is no such position.
        DTypeError: they have no common dtype.
    """
    parts = _parts("stack", arrays)
    at = normalize_axis("stack", parts[0], axis, parts[0].ndim + 1)
    for part in parts[1:]:
        if part.shape != parts[0].shape:
            raise ShapeError(f"stack: shapes must be equal{describe(first=parts[0], another=part)}")
    return join.concat([raw.reshape(p, (*p.shape[:at], 1, *p.shape[at:])) for p in parts], at)


def unstack(x: ArrayLike, /, *, axis: int = 0) -> tuple[Expr, ...]:
    """The slices of x along `axis`, without that axis.

    Raises:
        ShapeError: there is no such axis.
        GraphError: its size is named, so that nobody knows how many there are.
    """
    expr = lift("unstack", x)
    along = normalize_axis("unstack", expr, axis)
    size = expr.shape[along]
    if isinstance(size, Dim):
        raise GraphError(
            f"unstack: how many slices there are along {size} is not known before a call{describe(x=expr)}"
        )
    return tuple(expr[(*(slice(None),) * along, i)] for i in range(size))


def broadcast_arrays(*arrays: ArrayLike) -> list[Expr]:
    """The arrays repeated to their common shape; each keeps its dtype.

    Raises:
        ShapeError: the shapes do not broadcast.
    """
    exprs = tuple(lift("broadcast_arrays", a) for a in arrays)
    return list(broadcast("broadcast_arrays", *exprs)) if exprs else []


def broadcast_shapes(*shapes: Sequence[int | str | Dim]) -> Shape:
    """The shape that arrays of these shapes broadcast to. A name equals only itself.

    Raises:
        ShapeError: the shapes do not broadcast.
    """
    return broadcast_shape("broadcast_shapes", (), tuple(map(as_shape, shapes)))


# Turning round -------------------------------------------------------------------------------------------------


def flip(x: ArrayLike, /, *, axis: int | tuple[int, ...] | None = None) -> Expr:
    """x with the order of elements reversed along `axis` (all axes by default).

    Raises:
        ShapeError: there is no such axis.
    """
    expr = lift("flip", x)
    return _backward(expr, normalize_axes("flip", expr, axis))


def roll(x: ArrayLike, /, shift: int | tuple[int, ...], *, axis: int | tuple[int, ...] | None = None) -> Expr:
    """x with elements moved by `shift` places; what leaves at one end comes back at the other.

    Args:
        x: an array.
        shift: towards higher indices; a tuple has one for each of the axes.
        axis: along which, or several; by default x is rolled as if it were flat.

    Raises:
        ShapeError: there is no such axis, or there are not as many shifts as axes.
    """
    expr = lift("roll", x)
    if axis is None:
        flat = raw.reshape(expr, (product(expr.shape),))
        return raw.reshape(roll(flat, shift, axis=0), expr.shape)
    axes = axis if isinstance(axis, tuple) else (axis,)
    shifts = shift if isinstance(shift, tuple) else (shift,) * len(axes)
    if len(shifts) != len(axes):
        raise ShapeError(f"roll: {len(shifts)} shifts for {len(axes)} axes{describe(x=expr)}")
    for places, along in zip(shifts, axes, strict=True):
        expr = raw.roll(expr, operator.index(places), normalize_axis("roll", expr, along))
    return expr


def moveaxis(x: ArrayLike, source: int | tuple[int, ...], destination: int | tuple[int, ...], /) -> Expr:
    """x with axes moved from `source` to `destination`; the others keep their order.

    Raises:
        ShapeError: there is no such axis, one is named twice, or there are not as many sources as destinations.
    """
    expr = lift("moveaxis", x)
    moved, places = (_listed("moveaxis", expr, a) for a in (source, destination))
    if len(moved) != len(places):
        raise ShapeError(f"moveaxis: {len(moved)} axes cannot move to {len(places)} places{describe(x=expr)}")
    order = [a for a in range(expr.ndim) if a not in moved]
    for place, along in sorted(zip(places, moved, strict=True)):
        order.insert(place, along)
    return raw.permute_dims(expr, tuple(order))


# Repeating -----------------------------------------------------------------------------------------------------


def repeat(x: ArrayLike, repeats: ArrayLike, /, *, axis: int | None = None) -> Expr:
    """Each element (or slice along `axis`) `repeats` times in a row; of the flattened array by default.

    Args:
        x: an array.
        repeats: how often, for all alike or one number for each. The numbers decide the shape, so they are no
            expression.
        axis: along which.

    Raises:
        ShapeError: there is no such axis, a number is negative, or there are not as many numbers as elements.
        GraphError: `repeats` is an expression.
    """
    expr = lift("repeat", x)
    if isinstance(repeats, Expr):
        raise GraphError(
            "repeat: the numbers decide the shape of the result and cannot be computed by the graph; with "
            f"gc.take_along_axis any places can be read in a result of fixed size{describe(repeats=repeats)}"
        )
    if axis is None:
        expr, axis = raw.reshape(expr, (product(expr.shape),)), 0
    along = normalize_axis("repeat", expr, axis)
    counts = to_array(repeats, "repeat: repeats")
    if counts.dtype.kind not in "iu" or (counts < 0).any():
        raise ShapeError(f"repeat: repeats are integers ≥ 0, not {repeats!r}{describe(x=expr)}")
    if counts.size == 1:
        return _each(expr, along, int(counts.reshape(-1)[0]))
    if expr.shape[along] != counts.size or counts.ndim != 1:
        raise ShapeError(
            f"repeat: {counts.size} numbers for the {expr.shape[along]} elements of axis {along}{describe(x=expr)}"
        )
    places = leaf.constant(np.repeat(np.arange(counts.size), counts))
    line = tuple(places.shape[0] if a == along else 1 for a in range(expr.ndim))
    spread = tuple(places.shape[0] if a == along else d for a, d in enumerate(expr.shape))
    return index.take_along_axis(expr, raw.broadcast_to(raw.reshape(places, line), spread), along)


def tile(x: ArrayLike, repetitions: int | tuple[int, ...], /) -> Expr:
    """x laid out `repetitions` times along each axis; missing axes of either are added in front.

    Raises:
        ShapeError: a number is negative or no integer.
    """
    expr = lift("tile", x)
    counts = as_shape(repetitions)
    ndim = max(expr.ndim, len(counts))
    sizes = (1,) * (ndim - expr.ndim) + expr.shape
    counts = (1,) * (ndim - len(counts)) + counts
    apart = raw.reshape(expr, tuple(d for size in sizes for d in (1, size)))
    spread = raw.broadcast_to(apart, tuple(d for pair in zip(counts, sizes, strict=True) for d in pair))
    return raw.reshape(spread, tuple(n * d for n, d in zip(counts, sizes, strict=True)))


# Borders and triangles -----------------------------------------------------------------------------------------


def pad(x: ArrayLike, pad_width: Widths, mode: str = "constant", *, constant_values: float = 0) -> Expr:
    """x with elements added before and behind along each axis, as `numpy.pad`.

    Args:
        x: an array.
        pad_width: how many; a number, a pair (before, behind) for all axes, or a pair for each axis.
        mode: "constant", "edge" (the last element again), "reflect" (mirrored at it), "symmetric" (mirrored behind
            it) or "wrap" (from the other end).
        constant_values: what "constant" adds.

    Raises:
        ShapeError: widths that are negative or do not fit the axes, or that need more elements than there are.
        GraphError: no such mode.
    """
    expr = lift("pad", x)
    if mode != "constant" and mode not in _BORDERS:
        raise GraphError(f"pad: the mode is one of constant, {', '.join(_BORDERS)}, not {mode!r}{describe(x=expr)}")
    widths = _widths(expr, pad_width)
    if mode != "constant":
        for along, (before, behind) in enumerate(widths):
            expr = _bordered(expr, along, before, behind, mode)
        return expr
    value = leaf.constant(constant_array(constant_values, expr.dtype, None, "pad"))
    if value.ndim:
        raise ShapeError(f"pad: constant_values is a number{describe(x=expr)}")
    if constant_values == 0 and math.copysign(1, constant_values) > 0:
        shape = tuple(before + d + behind for d, (before, behind) in zip(expr.shape, widths, strict=True))
        return raw.scatter_slice(expr, tuple(before for before, _ in widths), (1,) * expr.ndim, shape)
    for along, sides in enumerate(widths):
        front, back = (raw.broadcast_to(value, _with(expr.shape, along, width)) for width in sides)
        expr = _around(front, expr, back, along)
    return expr


def tril(x: ArrayLike, /, *, k: int = 0) -> Expr:
    """Matrices with zeros above the `k`-th diagonal (0 the main one, 1 the one above it).

    Raises:
        ShapeError: there are fewer than two axes.
    """
    return _triangle("tril", x, lambda row, column: scalar.less_equal(column, scalar.add(row, scalar.like(k, row))))


def triu(x: ArrayLike, /, *, k: int = 0) -> Expr:
    """Matrices with zeros below the `k`-th diagonal (0 the main one, 1 the one above it).

    Raises:
        ShapeError: there are fewer than two axes.
    """
    return _triangle("triu", x, lambda row, column: scalar.greater_equal(column, scalar.add(row, scalar.like(k, row))))


def _triangle(name: str, x: ArrayLike, inside: Callable[[Expr, Expr], Expr]) -> Expr:
    expr = lift(name, x)
    if expr.ndim < 2:
        raise ShapeError(f"{name}: is for matrices{describe(x=expr)}")
    row, column = (leaf.iota(expr.shape[-2:], axis, int64) for axis in (0, 1))
    return scalar.where(raw.broadcast_to(inside(row, column), expr.shape), expr, scalar.like(0, expr))


# Helpers -------------------------------------------------------------------------------------------------------


def _parts(name: str, arrays: Sequence[ArrayLike] | Expr) -> tuple[Expr, ...]:
    if isinstance(arrays, Expr):
        raise ShapeError(f"{name}: takes a list of arrays, not one{describe(given=arrays)}")
    listed = tuple(arrays)
    if not listed:
        raise ShapeError(f"{name}: there is nothing to put together")
    return promoted(name, *listed)


def _listed(name: str, x: Expr, axis: int | tuple[int, ...]) -> list[int]:
    """Axes counted from the front, in the order given."""
    given = [normalize_axis(name, x, a) for a in (axis if isinstance(axis, tuple) else (axis,))]
    if len(set(given)) < len(given):
        raise ShapeError(f"{name}: an axis is named twice in {axis}{describe(x=x)}")
    return given


def _without(shape: Shape, axis: int) -> Shape:
    return shape[:axis] + shape[axis + 1 :]


def _with(shape: Shape, axis: int, size: Size) -> Shape:
    return (*shape[:axis], size, *shape[axis + 1 :])


def _backward(x: Expr, axes: tuple[int, ...]) -> Expr:
    starts = tuple(d - 1 if a in axes else 0 for a, d in enumerate(x.shape))
    return raw.slice(x, starts, x.shape, tuple(-1 if a in axes else 1 for a in range(x.ndim)))


def _each(x: Expr, axis: int, count: int) -> Expr:
    size = x.shape[axis]
    apart = raw.reshape(x, (*x.shape[: axis + 1], 1, *x.shape[axis + 1 :]))
    spread = raw.broadcast_to(apart, (*x.shape[: axis + 1], count, *x.shape[axis + 1 :]))
    return raw.reshape(spread, _with(x.shape, axis, size * count))


def _around(front: Expr, x: Expr, back: Expr, axis: int) -> Expr:
    """x between two borders; those that are empty are left out."""
    return join.concat([p for p in (front, x, back) if p is x or p.shape[axis] != 0], axis)


def _window(x: Expr, axis: int, start: Size, size: int) -> Expr:
    starts = tuple(start if a == axis else 0 for a in range(x.ndim))
    return raw.slice(x, starts, _with(x.shape, axis, size), (1,) * x.ndim)


def _edge(x: Expr, axis: int, before: int, behind: int) -> tuple[Expr, Expr]:
    first, last = _window(x, axis, 0, 1), _window(x, axis, x.shape[axis] - 1, 1)
    return (
        raw.broadcast_to(first, _with(x.shape, axis, before)),
        raw.broadcast_to(last, _with(x.shape, axis, behind)),
    )


def _mirrored(x: Expr, axis: int, before: int, behind: int, gap: int) -> tuple[Expr, Expr]:
    first, last = _window(x, axis, gap, before), _window(x, axis, x.shape[axis] - behind - gap, behind)
    return _backward(first, (axis,)), _backward(last, (axis,))


def _wrapped(x: Expr, axis: int, before: int, behind: int) -> tuple[Expr, Expr]:
    return _window(x, axis, x.shape[axis] - before, before), _window(x, axis, 0, behind)


_BORDERS: dict[str, Callable[[Expr, int, int, int], tuple[Expr, Expr]]] = {
    "edge": _edge,
    "reflect": lambda x, axis, before, behind: _mirrored(x, axis, before, behind, 1),
    "symmetric": lambda x, axis, before, behind: _mirrored(x, axis, before, behind, 0),
    "wrap": _wrapped,
}


def _bordered(x: Expr, axis: int, before: int, behind: int, mode: str) -> Expr:
    if not before and not behind:
        return x
    size = x.shape[axis]
    needed = 1 if mode == "edge" else max(before, behind) + (mode == "reflect")
    if isinstance(size, int) and size < needed:
        raise ShapeError(f"pad: {mode} needs {needed} elements along axis {axis}, there are {size}{describe(x=x)}")
    front, back = _BORDERS[mode](x, axis, before, behind)
    return _around(front, x, back, axis)


def _widths(x: Expr, given: Widths) -> list[tuple[int, int]]:
    """A pair for each axis."""
    if not x.ndim and not np.size(given):
        return []
    try:
        widths = np.broadcast_to(np.asarray(given), (x.ndim, 2))
    except ValueError:
        raise ShapeError(f"pad: {given!r} is not a pair of widths for each of {x.ndim} axes{describe(x=x)}") from None
    if widths.dtype.kind not in "iu" or (widths < 0).any():
        raise ShapeError(f"pad: widths are integers ≥ 0, not {given!r}{describe(x=x)}")
    return [(int(before), int(behind)) for before, behind in widths]
