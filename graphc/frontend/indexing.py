"""Elements by position: `x[...]`, `x.at[...]`, take, take_along_axis, dynamic slices and one_hot.

Bounds of slices are those of Python's sequences, also along a named dimension: `x[1:]` and `x[:-1]` of size `batch`
both have size max(batch - 1, 0). Indices that are computed count from the end when negative; out of range they are
clamped for reads and dropped for writes (an error in a function compiled with `check=True`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from ..ir.dim import Dim, Shape, Size, as_size
from ..ir.dtype import DType, as_dtype, bool_, int64, promote
from ..ir.errors import DTypeError, GraphError, ShapeError, describe
from ..ir.expr import Expr
from ..ops import dynamic, index, leaf, scalar
from ..ops import shape as raw
from .lifting import ArrayLike, DTypeLike, broadcast_shape, lift, normalize_axis, roles

_NO_INDICES = np.zeros(0, np.int64)


def getitem(x: Expr, key: Any) -> Expr:
    """x[key] as NumPy's: integers, slices, Ellipsis, None, integer arrays that broadcast, and masks of numbers.

    An integer or an array of them may be an expression; so may the start of a slice whose length is known,
    x[i : i + 3]. The axes of index arrays stand where these stand together, else in front.

    Raises:
        ShapeError: too many indices, an integer outside the axis, arrays that do not broadcast, a length that is not
            known.
        DTypeError: an index that is none, or a mask that is computed, of which the shape would depend.
    """
    from .selection import selection

    return selection(x, key).read(x)


class At:
    """`x.at[key]`: the same as `x[key]`, to be written. Nothing is changed in place: each method gives a new array.

    Where several indices name one place, `set` keeps the last of them in the order of the indices; the others take
    in all.
    """

    __slots__ = ("_x",)

    def __init__(self, x: Expr) -> None:
        self._x = x

    def __getitem__(self, key: Any) -> Place:
        return Place(self._x, key)


class Place:
    """What `x.at[key]` names."""

    __slots__ = ("_key", "_x")

    def __init__(self, x: Expr, key: Any) -> None:
        self._x = x
        self._key = key

    def get(self) -> Expr:
        """x[key]."""
        return getitem(self._x, self._key)

    def set(self, values: ArrayLike) -> Expr:
        """x with x[key] replaced by `values`, which broadcast."""
        return self._write("set", values)

    def add(self, values: ArrayLike) -> Expr:
        """x with `values` added at x[key], as often as a place is named."""
        return self._write("add", values)

    def multiply(self, values: ArrayLike) -> Expr:
        """x with x[key] multiplied by `values`."""
        return self._write("multiply", values)

    def min(self, values: ArrayLike) -> Expr:
        """x with the smaller of x[key] and `values`; nan if either is."""
        return self._write("min", values)

    def max(self, values: ArrayLike) -> Expr:
        """x with the larger of x[key] and `values`; nan if either is."""
        return self._write("max", values)

    def _write(self, mode: str, values: ArrayLike) -> Expr:
        x, key = self._x, self._key
        what = f"x.at[...].{mode}"
        if x.dtype is bool_ and mode != "set":
            raise DTypeError(f"{what}: bool can be set only; convert it with gc.astype first{describe(x=x)}")
        new = _as_dtype_of(what, x, values)
        if isinstance(key, Expr) and key.dtype is bool_:
            return _where_marked(what, x, key, new, mode)
        from .selection import selection

        chosen = selection(x, key)
        return chosen.write(x, _laid_out(what, x, new, chosen.shape(x)), mode)


def _as_dtype_of(what: str, x: Expr, values: ArrayLike) -> Expr:
    """Values in the dtype of what they go to, where they fit its kind."""
    new = lift(what, values, x.dtype if _is_number(values, x.dtype) else None)
    fits = new.dtype is x.dtype or x.dtype.is_float or promote(new.dtype, x.dtype).kind == x.dtype.kind
    if not fits:
        raise DTypeError(
            f"{what}: {new.dtype} does not convert to {x.dtype} without losing its meaning; convert it with gc.astype"
            f"{describe(x=x, values=new)}"
        )
    return scalar.astype(new, x.dtype)


def _is_number(values: ArrayLike, dtype: DType) -> bool:
    """Whether Python's own number takes the dtype."""
    kinds: tuple[type, ...] = (bool,) if dtype is bool_ else (int, float, bool) if dtype.is_float else (int, bool)
    return isinstance(values, kinds)


def _laid_out(what: str, x: Expr, values: Expr, shape: Shape) -> Expr:
    if broadcast_shape(what, (x, values), (shape, values.shape)) != shape:
        raise ShapeError(f"{what}: values of shape {values.shape} do not fit {shape}{describe(x=x, values=values)}")
    return raw.broadcast_to(values, shape)


def _where_marked(what: str, x: Expr, mask: Expr, values: Expr, mode: str) -> Expr:
    """A mask over the first axes of x: a choice, element by element."""
    if mask.shape != x.shape[: mask.ndim]:
        raise ShapeError(f"{what}: a mask has the sizes of the first axes{describe(x=x, mask=mask)}")
    spread = raw.reshape(mask, (*mask.shape, *(1,) * (x.ndim - mask.ndim)))
    from .selection import combined

    return scalar.where(raw.broadcast_to(spread, x.shape), combined(x, _laid_out(what, x, values, x.shape), mode), x)


def take(x: ArrayLike, indices: ArrayLike, /, *, axis: int | None = None) -> Expr:
    """Along `axis`, the slices of x at `indices`, laid out over the axes of `indices`: rows of an embedding.

    x of shape (n, d) and indices of shape (batch, length) give (batch, length, d). Indices from -n to n-1 count as
    NumPy's; others are clamped to the nearest, and get no gradient (an error in a function compiled with
    `check=True`). The gradient adds up whole slices, as often as each was taken.

    Args:
        axis: may be left out where x has one axis.

    Raises:
        DTypeError: the indices are no integers.
        ShapeError: there is no such axis, or nothing to take from.
    """
    source, positions = lift("take", x), _indices("take", indices)
    if axis is None and source.ndim != 1:
        raise ShapeError(f"take: of {source.ndim} axes one has to be named{describe(x=source)}")
    return index.take(source, positions, normalize_axis("take", source, 0 if axis is None else axis))


def _indices(what: str, indices: ArrayLike) -> Expr:
    empty = isinstance(indices, (list, tuple)) and len(indices) == 0
    positions = leaf.constant(_NO_INDICES) if empty else lift(what, indices)
    if not positions.dtype.is_integer:
        raise DTypeError(f"{what}: indices must be integers{describe(indices=positions)}")
    return positions


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


def dynamic_slice(x: ArrayLike, starts: Sequence[ArrayLike] | ArrayLike, sizes: Sequence[Size]) -> Expr:
    """A window of x that begins at `starts`, which may be computed, and has these sizes.

    A start counts from the end when negative, and is clamped so that the window lies inside.

    Args:
        starts: an integer for each axis; one alone where x has one axis.
        sizes: a size for each axis.

    Raises:
        ShapeError: not one start and one size for each axis, or a size the axis has no room for.
        DTypeError: a start that is no integer.
    """
    part = lift("dynamic_slice", x)
    firsts, extents = _starts("dynamic_slice", part, starts), _one_each(sizes)
    if len(extents) != part.ndim:
        raise ShapeError(f"dynamic_slice: {len(extents)} sizes for {part.ndim} axes{describe(x=part)}")
    for axis, (start, size) in enumerate(zip(firsts, extents, strict=True)):
        part = dynamic.dynamic_slice(part, start, axis, as_size(size))
    return part


def dynamic_update_slice(x: ArrayLike, update: ArrayLike, starts: Sequence[ArrayLike] | ArrayLike) -> Expr:
    """x with `update` in place of the window that begins at `starts`, which are taken as by `dynamic_slice`.

    Raises:
        ShapeError: not one start for each axis, another number of axes, or an update that x has no room for.
        DTypeError: a start that is no integer, or an update that does not convert to the dtype of x.
    """
    whole = lift("dynamic_update_slice", x)
    part = _as_dtype_of("dynamic_update_slice", whole, update)
    firsts = _starts("dynamic_update_slice", whole, starts)
    if part.ndim != whole.ndim:
        raise ShapeError(
            f"dynamic_update_slice: x and the update must have the same number of axes{describe(x=whole, update=part)}"
        )
    wholes = []
    for axis, (start, size) in enumerate(zip(firsts, part.shape, strict=True)):
        wholes.append(whole)
        whole = dynamic.dynamic_slice(whole, start, axis, size)
    for axis in reversed(range(part.ndim)):
        part = dynamic.dynamic_update_slice(wholes[axis], part, firsts[axis], axis)
    return part


def _starts(what: str, x: Expr, starts: Sequence[ArrayLike] | ArrayLike) -> list[Expr]:
    if isinstance(starts, Expr) and starts.ndim == 1 and isinstance(starts.shape[0], int):
        given: Sequence[ArrayLike] = [getitem(starts, i) for i in range(starts.shape[0])]
    else:
        given = _one_each(starts)
    if len(given) != x.ndim:
        raise ShapeError(f"{what}: {len(given)} starts for {x.ndim} axes{describe(x=x)}")
    firsts = [lift(what, s) for s in given]
    for first in firsts:
        if first.ndim or not first.dtype.is_integer:
            raise DTypeError(f"{what}: a start is one integer{describe(start=first)}")
    return firsts


def _one_each(given: Any) -> Sequence[Any]:
    return given if isinstance(given, (list, tuple)) else [given]


def _refusal(name: str, instead: str) -> Any:
    """A function of the standard whose result has a shape that depends on values."""

    def refuse(x: ArrayLike, /) -> NoReturn:
        expr = lift(name, x)
        raise GraphError(
            f"{name}: how many elements the result has would depend on values, and shapes are known before a call; "
            f"{instead}{describe(x=expr)}"
        )

    refuse.__name__ = name
    refuse.__doc__ = f"Refused: {name} has a result whose shape depends on values. Instead: {instead}."
    return refuse


_SORTED = "gc.sort puts equal elements side by side at a fixed size, and gc.sum(sorted[1:] != sorted[:-1]) counts them"
nonzero = _refusal(
    "nonzero",
    "gc.where(x != 0, a, b) chooses in place, gc.count_nonzero counts, and gc.argsort(x != 0, descending=True) lists "
    "the positions first at a fixed size",
)
unique_all = _refusal("unique_all", _SORTED)
unique_counts = _refusal("unique_counts", _SORTED)
unique_inverse = _refusal("unique_inverse", _SORTED)
unique_values = _refusal("unique_values", _SORTED)
