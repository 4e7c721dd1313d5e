"""Reductions with the standard's `axis` and `keepdims`, and the compositions built on them."""

from __future__ import annotations

from collections.abc import Callable

from ..ir import dtype as dtypes
from ..ir.dim import Size, product
from ..ir.dtype import DType, as_dtype
from ..ir.expr import Expr
from ..ops import leaf, reduce, scalar
from ..ops.shape import broadcast_to, reshape
from .lifting import ArrayLike, DTypeLike, floating, lift, normalize_axes, normalize_axis

Axis = int | tuple[int, ...] | None


def sum(x: ArrayLike, axis: Axis = None, *, dtype: DTypeLike | None = None, keepdims: bool = False) -> Expr:
    """The sum over `axis` (all axes by default).

    Floats keep their dtype. Signed integers and bool are summed as int64, unsigned integers as uint64, unless
    `dtype` says otherwise. The sum of no elements is 0.

    Raises:
        ShapeError: there is no such axis.
    """
    expr = lift("sum", x)
    axes = normalize_axes("sum", expr, axis)
    wide = as_dtype(dtype) if dtype is not None else wide_dtype(expr.dtype)
    return kept(reduce.sum(scalar.astype(expr, wide), axes), expr, axes, keepdims)


def prod(x: ArrayLike, axis: Axis = None, *, dtype: DTypeLike | None = None, keepdims: bool = False) -> Expr:
    """The product over `axis` (all axes by default), in the dtypes of `sum`. The product of no elements is 1.

    The derivative by a factor is the product of the others, right also where factors are 0.

    Raises:
        ShapeError: there is no such axis.
    """
    expr = lift("prod", x)
    axes = normalize_axes("prod", expr, axis)
    wide = as_dtype(dtype) if dtype is not None else wide_dtype(expr.dtype)
    return kept(reduce.prod(scalar.astype(expr, wide), axes), expr, axes, keepdims)


def mean(x: ArrayLike, axis: Axis = None, *, keepdims: bool = False) -> Expr:
    """The arithmetic mean over `axis` (all axes by default); integers and bool give float32. Of no elements: nan.

    Raises:
        ShapeError: there is no such axis.
    """
    (expr,) = floating("mean", x)
    axes = normalize_axes("mean", expr, axis)
    total = kept(reduce.sum(expr, axes), expr, axes, keepdims)
    count = product(tuple(expr.shape[a] for a in axes))
    return scalar.divide(total, broadcast_to(number_of(count, expr.dtype), total.shape))


def max(x: ArrayLike, axis: Axis = None, *, keepdims: bool = False) -> Expr:
    """The largest element over `axis` (all axes by default); nan if there is one. Ties share the gradient equally.

    Raises:
        ShapeError: there is no such axis, or no elements along it.
        DTypeError: bool has no order.
    """
    expr = lift("max", x)
    axes = normalize_axes("max", expr, axis)
    return kept(reduce.max(expr, axes), expr, axes, keepdims)


def min(x: ArrayLike, axis: Axis = None, *, keepdims: bool = False) -> Expr:
    """The smallest element over `axis` (all axes by default); nan if there is one. Ties share the gradient equally.

    Raises:
        ShapeError: there is no such axis, or no elements along it.
        DTypeError: bool has no order.
    """
    expr = lift("min", x)
    axes = normalize_axes("min", expr, axis)
    return kept(reduce.min(expr, axes), expr, axes, keepdims)


def any(x: ArrayLike, axis: Axis = None, *, keepdims: bool = False) -> Expr:
    """Whether some element over `axis` (all axes by default) is true: is not 0. Of no elements: false.

    Raises:
        ShapeError: there is no such axis.
    """
    expr = _truth("any", x)
    axes = normalize_axes("any", expr, axis)
    return kept(reduce.any(expr, axes), expr, axes, keepdims)


def all(x: ArrayLike, axis: Axis = None, *, keepdims: bool = False) -> Expr:
    """Whether every element over `axis` (all axes by default) is true: is not 0. Of no elements: true.

    Raises:
        ShapeError: there is no such axis.
    """
    expr = _truth("all", x)
    axes = normalize_axes("all", expr, axis)
    return kept(reduce.all(expr, axes), expr, axes, keepdims)


def count_nonzero(x: ArrayLike, axis: Axis = None, *, keepdims: bool = False) -> Expr:
    """How many elements over `axis` (all axes by default) are not 0, int64.

    Raises:
        ShapeError: there is no such axis.
    """
    expr = _truth("count_nonzero", x)
    axes = normalize_axes("count_nonzero", expr, axis)
    return kept(reduce.sum(scalar.astype(expr, dtypes.int64), axes), expr, axes, keepdims)


def argmax(x: ArrayLike, axis: int | None = None, *, keepdims: bool = False) -> Expr:
    """The position of the first largest element along an axis, int64; of the first nan if there is one.

    Without an axis, the position in the flattened array.

    Raises:
        ShapeError: there is no such axis, or no elements along it.
        DTypeError: bool has no order.
    """
    return _position("argmax", reduce.argmax, x, axis, keepdims)


def argmin(x: ArrayLike, axis: int | None = None, *, keepdims: bool = False) -> Expr:
    """The position of the first smallest element along an axis, int64; of the first nan if there is one.

    Without an axis, the position in the flattened array.

    Raises:
        ShapeError: there is no such axis, or no elements along it.
        DTypeError: bool has no order.
    """
    return _position("argmin", reduce.argmin, x, axis, keepdims)


def logsumexp(x: ArrayLike, axis: Axis = None, *, keepdims: bool = False) -> Expr:
    """log(Σ exp(x)) over `axis` (all axes by default), without overflow: m + log(Σ exp(x - m)), m the maximum.

    Rows of only -inf or of nothing give -inf, a row with +inf gives +inf. Integers and bool give float32.

    Raises:
        ShapeError: there is no such axis, or a named size of it turns out to be 0.
    """
    (expr,) = floating("logsumexp", x)
    axes = normalize_axes("logsumexp", expr, axis)
    largest = _largest(expr, axes)
    shift = scalar.where(scalar.isfinite(largest), largest, scalar.like(0, largest))
    shifted = scalar.subtract(expr, reduce.spread(shift, expr.shape, axes))
    total = scalar.add(scalar.log(reduce.sum(scalar.exp(shifted), axes)), shift)
    return kept(total, expr, axes, keepdims)


def softmax(x: ArrayLike, axis: int | tuple[int, ...] = -1) -> Expr:
    """exp(x) / Σ exp(x) along `axis`, computed on x - max(x) so that nothing overflows.

    Raises:
        ShapeError: there is no such axis, or a named size of it turns out to be 0.
    """
    (expr,) = floating("softmax", x)
    axes = normalize_axes("softmax", expr, axis)
    powers = scalar.exp(_below_maximum(expr, axes))
    return scalar.divide(powers, reduce.spread(reduce.sum(powers, axes), expr.shape, axes))


def log_softmax(x: ArrayLike, axis: int | tuple[int, ...] = -1) -> Expr:
    """log(softmax(x)) along `axis`: s - log(Σ exp(s)) with s = x - max(x).

    Raises:
        ShapeError: there is no such axis, or a named size of it turns out to be 0.
    """
    (expr,) = floating("log_softmax", x)
    axes = normalize_axes("log_softmax", expr, axis)
    shifted = _below_maximum(expr, axes)
    normalizer = scalar.log(reduce.sum(scalar.exp(shifted), axes))
    return scalar.subtract(shifted, reduce.spread(normalizer, expr.shape, axes))


def _below_maximum(x: Expr, axes: tuple[int, ...]) -> Expr:
    """x - max(x): the result does not depend on the shift, so no gradient flows through it."""
    return scalar.subtract(x, reduce.spread(_largest(x, axes), x.shape, axes))


def _largest(x: Expr, axes: tuple[int, ...]) -> Expr:
    """The maximum, through which no gradient flows; 0 where there is nothing."""
    if [a for a in axes if x.shape[a] == 0]:
        return broadcast_to(leaf.scalar(0, x.dtype), reduce.dropped_shape(x.shape, axes))
    return scalar.stop_gradient(reduce.max(x, axes))


def _position(name: str, find: Callable[[Expr, int], Expr], x: ArrayLike, axis: int | None, keepdims: bool) -> Expr:
    expr = lift(name, x)
    if axis is None:
        found = find(reshape(expr, (product(expr.shape),)), 0)
        return kept(found, expr, tuple(range(expr.ndim)), keepdims)
    along = normalize_axis(name, expr, axis)
    return kept(find(expr, along), expr, (along,), keepdims)


def _truth(name: str, x: ArrayLike) -> Expr:
    expr = lift(name, x)
    return expr if expr.dtype.kind == "bool" else scalar.not_equal(expr, scalar.like(0, expr))


def kept(reduced: Expr, x: Expr, axes: tuple[int, ...], keepdims: bool) -> Expr:
    """A reduction of x, with axes of size 1 in place of those it dropped if that is wanted."""
    return reshape(reduced, reduce.kept_shape(x.shape, axes)) if keepdims else reduced


def number_of(count: Size, dtype: DType) -> Expr:
    """A number of elements as a scalar of the graph."""
    return leaf.scalar(count, dtype) if isinstance(count, int) else scalar.astype(leaf.size(count), dtype)


def wide_dtype(dtype: DType) -> DType:
    """What many numbers of a dtype are added up or multiplied in: floats as they are, integers with 64 bits."""
    if dtype.is_float:
        return dtype
    return dtypes.uint64 if dtype.kind == "uint" else dtypes.int64
