"""What an index names: `x[key]` read as steps that each have a way back, so that they can be written too.

    x[1:4, i, :, j]   ->   window [1:4, :, :, :], axes 1 and 3 in front as one, slices at n₃·i + j
    x[k : k + 3]      ->   3 elements from k on, wherever that is

Reading goes through the steps in order. `x.at[key].add(v)` reads, changes what it finds, and puts it back through
the same steps in reverse.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..ir.dim import Dim, Shape, Size, ceildiv, maximum, minimum, product
from ..ir.dtype import bool_
from ..ir.errors import DTypeError, ShapeError, describe
from ..ir.expr import Expr
from ..ops import dynamic, index, leaf, scalar
from ..ops import shape as raw
from ..ops.scatter import scatter
from .lifting import broadcast

Window = tuple[Size, Size, int]
"""Start, size and step along one axis."""


class Step(Protocol):
    """A part of an array that can be read and put back."""

    def get(self, x: Expr) -> Expr:
        """The part."""

    def put(self, x: Expr, part: Expr) -> Expr:
        """x with the part replaced."""


@dataclass(frozen=True, eq=False, slots=True)
class Basic:
    """A window of fixed place, with axes dropped and added."""

    starts: tuple[Size, ...]
    sizes: Shape
    steps: tuple[int, ...]
    shape: Shape

    def get(self, x: Expr) -> Expr:
        return raw.reshape(raw.slice(x, self.starts, self.sizes, self.steps), self.shape)

    def put(self, x: Expr, part: Expr) -> Expr:
        found = raw.slice(x, self.starts, self.sizes, self.steps)
        placed = raw.reshape(part, self.sizes)
        if found is x:
            return placed
        marks = raw.broadcast_to(leaf.scalar(True, bool_), self.sizes)
        inside, there = (raw.scatter_slice(e, self.starts, self.steps, x.shape) for e in (marks, placed))
        return scalar.where(inside, there, x)


@dataclass(frozen=True, eq=False, slots=True)
class Moving:
    """A window along an axis whose start is computed."""

    axis: int
    start: Expr
    size: Size

    def get(self, x: Expr) -> Expr:
        return dynamic.dynamic_slice(x, self.start, self.axis, self.size)

    def put(self, x: Expr, part: Expr) -> Expr:
        return dynamic.dynamic_update_slice(x, part, self.start, self.axis)


@dataclass(frozen=True, eq=False, slots=True)
class Arranged:
    """Axes in another order, some of them merged."""

    order: tuple[int, ...]
    shape: Shape

    def get(self, x: Expr) -> Expr:
        return raw.reshape(raw.permute_dims(x, self.order), self.shape)

    def put(self, x: Expr, part: Expr) -> Expr:
        there = raw.reshape(part, tuple(x.shape[a] for a in self.order))
        return raw.permute_dims(there, raw.inverse(self.order))


@dataclass(frozen=True, eq=False, slots=True)
class Selection:
    """The steps of a key, then slices at computed positions of one axis, if there are any."""

    steps: tuple[Step, ...]
    arrays: tuple[Expr, ...] = ()
    sizes: Shape = ()
    axis: int = 0

    def read(self, x: Expr) -> Expr:
        """x[key]."""
        for step in self.steps:
            x = step.get(x)
        return index.take(x, self._positions(inside=True), self.axis) if self.arrays else x

    def shape(self, x: Expr) -> Shape:
        """The shape of x[key]."""
        for step in self.steps:
            x = step.get(x)
        return index.slots(x.shape, self.arrays[0].shape, self.axis) if self.arrays else x.shape

    def write(self, x: Expr, values: Expr, mode: str) -> Expr:
        """x with what the key names set to `values`, or these added to it, and so on."""
        wholes = []
        for step in self.steps:
            wholes.append(x)
            x = step.get(x)
        if self.arrays:
            part = scatter(x, self._positions(inside=False), values, self.axis, mode)
        else:
            part = combined(x, values, mode)
        for step, whole in zip(reversed(self.steps), reversed(wholes), strict=True):
            part = step.put(whole, part)
        return part

    def _positions(self, *, inside: bool) -> Expr:
        """The indices into the merged axis. What is out of range of one of the axes is clamped, or kept outside."""
        if len(self.arrays) == 1:
            return self.arrays[0]
        flat = valid = None
        for array, size in zip(self.arrays, self.sizes, strict=True):
            here = scalar.astype(index.in_range(array, size), bool_)
            at = _within(array, size)
            step = raw.broadcast_to(leaf.size(size), at.shape)
            flat = at if flat is None else scalar.add(scalar.multiply(flat, step), at)
            valid = here if valid is None else scalar.logical_and(valid, here)
        assert flat is not None and valid is not None
        if inside:
            return flat
        return scalar.where(valid, flat, raw.broadcast_to(leaf.size(product(self.sizes)), flat.shape))


def combined(x: Expr, values: Expr, mode: str) -> Expr:
    """What is there and what comes, as `x.at[...]` joins them."""
    join: dict[str, Callable[[Expr, Expr], Expr]] = {
        "set": lambda old, new: new, "add": scalar.add, "multiply": scalar.multiply, "min": scalar.minimum,
        "max": scalar.maximum,
    }  # fmt: skip
    return join[mode](x, values)


def _within(array: Expr, size: Size) -> Expr:
    """Indices counted from the front and clamped into range."""
    at = index.signed(array)
    end, zero = raw.broadcast_to(leaf.size(size), at.shape), scalar.like(0, at)
    at = scalar.where(scalar.less(at, zero), scalar.add(at, end), at)
    return scalar.minimum(scalar.maximum(at, zero), scalar.subtract(end, scalar.like(1, at)))


# From keys to selections ---------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, slots=True)
class _Positions:
    """An index that is an array; `size` is that of the axis it asks for, where it came from a mask."""

    array: Expr
    size: int | None = None


def selection(x: Expr, key: Any) -> Selection:
    """What `x[key]` names.

    Raises:
        ShapeError: too many indices, an integer outside the axis, index arrays that do not broadcast, a slice whose
            length is not known.
        DTypeError: an index that is none, or a mask that is computed.
    """
    items = _expanded(x, key if isinstance(key, tuple) else (key,))
    windows: list[Window] = []
    shape: list[Size] = []
    arrays: list[tuple[int, Expr]] = []
    moving: list[Moving] = []
    for item in items:
        if item is Ellipsis:
            continue
        if item is None:
            shape.append(1)
            continue
        axis = len(windows)
        whole = x.shape[axis]
        if isinstance(item, _Positions):
            _check_mask(x, axis, item)
            arrays.append((len(shape), item.array))
        elif isinstance(item, slice) and _is_moving(item):
            moving.append(_moving(x, axis, len(shape), item))
        elif isinstance(item, slice):
            windows.append(_window(x, axis, item))
            shape.append(windows[-1][1])
            continue
        else:
            windows.append((_position(x, axis, item), 1, 1))
            continue
        windows.append((0, whole, 1))
        shape.append(whole)
    starts, sizes, steps = zip(*windows, strict=True) if windows else ((), (), ())
    basic = Basic(starts, sizes, steps, tuple(shape))
    if not arrays:
        return Selection((basic, *moving))
    for move in moving:
        shape[move.axis] = move.size
    return _advanced((basic, *moving), tuple(shape), arrays, _landing(items))


def _advanced(steps: tuple[Step, ...], shape: Shape, arrays: list[tuple[int, Expr]], axis: int) -> Selection:
    """The axes that arrays index, brought together at the axis where the result has those of the arrays."""
    indexed = tuple(a for a, _ in arrays)
    others = tuple(a for a in range(len(shape)) if a not in indexed)
    order = (*others[:axis], *indexed, *others[axis:])
    sizes = tuple(shape[a] for a in indexed)
    merged = (*(shape[a] for a in others[:axis]), product(sizes), *(shape[a] for a in others[axis:]))
    return Selection((*steps, Arranged(order, merged)), broadcast("indexing", *(e for _, e in arrays)), sizes, axis)


def _landing(items: list[Any]) -> int:
    """NumPy's rule: where the index arrays stand if they stand together, else in front.

    Integers count as arrays here, and `...` stands between also where it stands for nothing.
    """
    named = [i for i, item in enumerate(items) if not (item is None or item is Ellipsis or isinstance(item, slice))]
    if named[-1] - named[0] + 1 > len(named):
        return 0
    return sum(1 for item in items[: named[0]] if item is not Ellipsis)


def _expanded(x: Expr, keys: tuple[Any, ...]) -> list[Any]:
    """The indices with what `...` stands for behind it, one for each axis of x, and None where an axis is new."""
    items: list[Any] = []
    for key in keys:
        items += _item(x, key)
    used = sum(1 for k in items if k is not None and k is not Ellipsis)
    if used > x.ndim:
        raise ShapeError(f"indexing: {used} indices for {x.ndim} axes{describe(x=x)}")
    dots = [i for i, k in enumerate(items) if k is Ellipsis]
    if len(dots) > 1:
        raise ShapeError(f"indexing: only one ... may stand for the remaining axes{describe(x=x)}")
    at = dots[0] if dots else len(items)
    fill = [slice(None)] * (x.ndim - used)
    return [*items[: at + 1], *fill, *items[at + 1 :]]


def _item(x: Expr, key: Any) -> list[Any]:
    """A key as the indices it stands for: a mask of numbers is an index array for each of its axes."""
    if isinstance(key, Expr):
        if key.dtype is bool_:
            raise DTypeError(
                "indexing: how many elements a computed mask chooses is not known before a call; "
                "gc.where(mask, x, fill) keeps the shape, x.at[mask].set(value) changes what the mask marks, and "
                f"gc.sum(gc.where(mask, x, 0)) adds it up{describe(x=x, mask=key)}"
            )
        if not key.dtype.is_integer:
            raise DTypeError(f"indexing: an index array holds integers{describe(x=x, index=key)}")
        return [_Positions(key)]
    if isinstance(key, (bool, np.bool_)):
        raise DTypeError(f"indexing: {key!r} is no index; gc.where chooses by a condition{describe(x=x)}")
    if isinstance(key, (list, np.ndarray)) and not (isinstance(key, np.ndarray) and key.shape == ()):
        return _array_items(x, key)
    return [key]


def _array_items(x: Expr, key: Any) -> list[_Positions]:
    try:
        array = np.asarray(key)
    except (ValueError, TypeError) as error:
        raise DTypeError(f"indexing: {error}{describe(x=x)}") from None
    if array.size == 0 and not isinstance(key, np.ndarray):
        array = array.astype(np.int64)
    if array.dtype.kind == "b":
        places = zip(np.nonzero(array), array.shape, strict=True)
        return [_Positions(leaf.constant(at.astype(np.int64)), size) for at, size in places]
    if array.dtype.kind not in "iu":
        what = "expressions; put them together with gc.stack" if array.dtype.kind == "O" else f"{array.dtype}"
        raise DTypeError(f"indexing: an index array holds integers, not {what}{describe(x=x)}")
    native = array.astype(array.dtype.newbyteorder("="))
    return [_Positions(leaf.constant(native))]


def _check_mask(x: Expr, axis: int, item: _Positions) -> None:
    whole = x.shape[axis]
    if item.size is not None and isinstance(whole, int) and whole != item.size:
        given = f"a mask of size {item.size}"
        raise ShapeError(f"indexing: {given} does not fit axis {axis} of size {whole}{describe(x=x)}")


def _integer(x: Expr, axis: int, value: Any) -> Size:
    if isinstance(value, Dim):
        return value
    try:
        return operator.index(value)
    except TypeError:
        raise DTypeError(
            f"indexing: {value!r} is no index of axis {axis}; use integers, arrays of them, slices, ... and None"
            f"{describe(x=x)}"
        ) from None


def _position(x: Expr, axis: int, key: Any) -> Size:
    size, position = x.shape[axis], _integer(x, axis, key)
    if isinstance(size, int) and isinstance(position, int) and not -size <= position < size:
        raise ShapeError(f"indexing: {position} is outside axis {axis} of size {size}{describe(x=x)}")
    return size + position if isinstance(position, int) and position < 0 else position


# Slices --------------------------------------------------------------------------------------------------------


def _is_moving(key: slice) -> bool:
    return isinstance(key.start, Expr) or isinstance(key.stop, Expr)


def _moving(x: Expr, axis: int, at: int, key: slice) -> Moving:
    """x[i : i + 3]: the length follows where both bounds are the same value and something known."""
    start, stop = key.start, key.stop
    for bound in (start, stop):
        if isinstance(bound, Expr) and (bound.ndim or not bound.dtype.is_integer):
            raise DTypeError(f"indexing: a bound of a slice is one integer{describe(x=x, bound=bound)}")
    if isinstance(start, Expr) and isinstance(stop, Expr) and key.step in (None, 1):
        (base, before), (same, behind) = _offset(start), _offset(stop)
        if base is same:
            return Moving(at, start, maximum(behind - before, 0))
    raise ShapeError(
        f"indexing: the length of the slice along axis {axis} is not known before a call; write x[i : i + length], or "
        f"use gc.dynamic_slice(x, starts, sizes){describe(x=x)}"
    )


def _offset(bound: Expr) -> tuple[Expr, Size]:
    """A value as another one and what is added to it."""
    total: Size = 0
    while bound.op.name in ("add", "subtract"):
        first, second = bound.args
        known, rest = _known(second), first
        if known is None and bound.op.name == "add":
            known, rest = _known(first), second
        if known is None:
            break
        total = total + known if bound.op.name == "add" else total - known
        bound = rest
    return bound, total


def _known(value: Expr) -> Size | None:
    if value.op.name == "size":
        found: Size = value.attrs["size"]
        return found
    if value.op.name == "astype":
        return _known(value.args[0])
    return int(value.attrs["value"].array) if value.op.name == "constant" else None


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
