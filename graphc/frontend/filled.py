"""Arrays made from little: filled with one number, counted up, with ones on a diagonal.

None of them is stored: a filled array is a broadcast number, a range is computed from positions where it is read.
"""

from __future__ import annotations

import math

from ..ir import dtype as dtypes
from ..ir.dim import Dim, Size, as_shape, as_size, maximum
from ..ir.dtype import DType, as_dtype, float64, int64
from ..ir.errors import DTypeError, GraphError, ShapeError
from ..ir.expr import Expr
from ..ops import leaf, scalar
from ..ops.shape import broadcast_to, permute_dims, reshape
from .lifting import ArrayLike, DTypeLike, constant_array, lift, promoted
from .shapes import ShapeLike

Number = int | float | Dim


def full(shape: ShapeLike, fill_value: ArrayLike, *, dtype: DTypeLike | None = None) -> Expr:
    """An array of `shape` holding one number everywhere. Sizes may be named.

    Without `dtype`, Python's numbers give bool, int64 or float32 after their kind; other scalars keep their dtype.

    Raises:
        ShapeError: `fill_value` is no scalar, or `shape` is no shape.
        DTypeError: the value does not convert to `dtype`.
    """
    return broadcast_to(_scalar("full", fill_value, dtype), as_shape(shape))


def zeros(shape: ShapeLike, *, dtype: DTypeLike = "float32") -> Expr:
    """An array of zeros. Sizes may be named.

    Raises:
        ShapeError: `shape` is no shape.
    """
    return broadcast_to(leaf.scalar(0, as_dtype(dtype)), as_shape(shape))


def ones(shape: ShapeLike, *, dtype: DTypeLike = "float32") -> Expr:
    """An array of ones. Sizes may be named.

    Raises:
        ShapeError: `shape` is no shape.
    """
    return broadcast_to(leaf.scalar(1, as_dtype(dtype)), as_shape(shape))


def empty(shape: ShapeLike, *, dtype: DTypeLike = "float32") -> Expr:
    """An array whose elements do not matter; zeros, as an expression always has the same value.

    Raises:
        ShapeError: `shape` is no shape.
    """
    return zeros(shape, dtype=dtype)


def full_like(x: ArrayLike, /, fill_value: ArrayLike, *, dtype: DTypeLike | None = None) -> Expr:
    """An array of x's shape, and of its dtype unless `dtype` says otherwise, holding one number everywhere.

    Raises:
        ShapeError: `fill_value` is no scalar.
        DTypeError: the value does not convert to the dtype.
    """
    like = lift("full_like", x)
    return broadcast_to(_scalar("full_like", fill_value, dtype or like.dtype), like.shape)


def zeros_like(x: ArrayLike, /, *, dtype: DTypeLike | None = None) -> Expr:
    """Zeros of x's shape, and of its dtype unless `dtype` says otherwise."""
    return full_like(x, False, dtype=dtype)


def ones_like(x: ArrayLike, /, *, dtype: DTypeLike | None = None) -> Expr:
    """Ones of x's shape, and of its dtype unless `dtype` says otherwise."""
    return full_like(x, True, dtype=dtype)


def empty_like(x: ArrayLike, /, *, dtype: DTypeLike | None = None) -> Expr:
    """An array of x's shape whose elements do not matter; zeros."""
    return zeros_like(x, dtype=dtype)


def eye(
    n_rows: int | str | Dim, n_cols: int | str | Dim | None = None, /, *, k: int = 0, dtype: DTypeLike = "float32"
) -> Expr:
    """A matrix with ones on its `k`-th diagonal (0 the main one, 1 the one above it) and zeros elsewhere.

    Raises:
        ShapeError: a size is none.
    """
    rows = as_size(n_rows)
    shape = (rows, rows if n_cols is None else as_size(n_cols))
    row, column = (leaf.iota(shape, axis, int64) for axis in (0, 1))
    return scalar.astype(scalar.equal(scalar.add(row, scalar.like(k, row)), column), as_dtype(dtype))


def arange(
    start: Number, /, stop: Number | None = None, step: int | float = 1, *, dtype: DTypeLike | None = None
) -> Expr:
    """start, start + step, … without `stop`; 0, 1, … without `start` where only one number is given.

    Integers (and sizes, which may be named where the step is 1) give int64, floats float32. Each element is computed
    from its position, in float64 for floats, so that errors do not add up.

    Raises:
        GraphError: the step is 0, or a size is named and the step is not 1.
    """
    first, last = (0, start) if stop is None else (start, stop)
    kind = dtypes.float32 if any(isinstance(n, float) for n in (first, last, step)) else int64
    wanted = kind if dtype is None else as_dtype(dtype)
    if wanted.kind == "bool":
        raise DTypeError("arange: bool is not counted up; use an integer dtype and gc.astype")
    count = _count(first, last, step)
    return _progression(lift("arange", first), step, count, wanted)


def linspace(start: float, stop: float, /, num: int, *, dtype: DTypeLike = "float32", endpoint: bool = True) -> Expr:
    """`num` numbers at equal distances from `start` to `stop`, which is the last one, to the bit, with `endpoint`.

    Raises:
        ShapeError: `num` is no size.
    """
    size, wanted = as_size(num), as_dtype(dtype)
    if isinstance(size, Dim):
        raise ShapeError(f"linspace: the distance follows from the number of elements, which {size} is not yet")
    gaps = size - 1 if endpoint else size
    row = _progression(lift("linspace", float(start)), (float(stop) - float(start)) / max(gaps, 1), size, float64)
    if endpoint and size > 1:
        last = scalar.equal(leaf.iota((size,), 0, int64), broadcast_to(leaf.scalar(size - 1, int64), (size,)))
        row = scalar.where(last, scalar.like(float(stop), row), row)
    return scalar.astype(row, wanted)


def meshgrid(*arrays: ArrayLike, indexing: str = "xy") -> list[Expr]:
    """For n vectors the n coordinates of the grid they span.

    With "ij" the i-th vector runs along the i-th axis; with "xy" the first two axes are exchanged.

    Raises:
        ShapeError: an array is no vector.
        GraphError: no such indexing.
        DTypeError: they have no common dtype.
    """
    if indexing not in ("xy", "ij"):
        raise GraphError(f'meshgrid: indexing is "xy" or "ij", not {indexing!r}')
    vectors = promoted("meshgrid", *arrays) if arrays else ()
    for vector in vectors:
        if vector.ndim != 1:
            raise ShapeError(f"meshgrid: takes vectors, not an array of {vector.ndim} axes")
    shape = tuple(v.shape[0] for v in vectors)
    lines = (reshape(v, tuple(d if i == a else 1 for i, d in enumerate(shape))) for a, v in enumerate(vectors))
    grids = [broadcast_to(line, shape) for line in lines]
    if indexing == "xy" and len(shape) > 1:
        order = (1, 0, *range(2, len(shape)))
        grids = [permute_dims(g, order) for g in grids]
    return grids


def _scalar(name: str, value: ArrayLike, dtype: DTypeLike | None) -> Expr:
    if isinstance(value, (Expr, Dim)):
        expr = lift(name, value)
        expr = expr if dtype is None else scalar.astype(expr, as_dtype(dtype))
    else:
        expr = leaf.constant(constant_array(value, dtype, None, name))
    if expr.ndim:
        raise ShapeError(f"{name}: an array is filled with a scalar, not with an array of shape {expr.shape}")
    return expr


def _count(first: Number, last: Number, step: int | float) -> Size:
    """How many elements from first towards last."""
    if step == 0:
        raise GraphError("arange: the step is not 0")
    if isinstance(first, Dim) or isinstance(last, Dim):
        if step != 1 or isinstance(first, float) or isinstance(last, float):
            raise GraphError("arange: between named sizes the step is 1")
        return maximum(last - first, 0)
    return max(math.ceil((last - first) / step), 0)


def _progression(start: Expr, step: int | float, count: Size, dtype: DType) -> Expr:
    """start + step · position, in int64 for integers and in float64 for floats."""
    exact = float64 if dtype.is_float else int64
    positions = leaf.iota((count,), 0, exact)
    if step != 1:
        positions = scalar.multiply(positions, scalar.like(step, positions))
    first = broadcast_to(scalar.astype(start, exact), (count,))
    return scalar.astype(scalar.add(first, positions), dtype)
