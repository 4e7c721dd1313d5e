"""Reductions with the standard's `axis` and `keepdims`, and the compositions built on them."""

from __future__ import annotations

from ..ir import dtype as dtypes
from ..ir.dim import product
from ..ir.dtype import DType, as_dtype
from ..ir.errors import DTypeError, describe
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
    wide = as_dtype(dtype) if dtype is not None else _sum_dtype(expr.dtype)
    return _kept(reduce.sum(scalar.astype(expr, wide), axes), expr, axes, keepdims)


def mean(x: ArrayLike, axis: Axis = None, *, keepdims: bool = False) -> Expr:
    """The arithmetic mean over `axis` (all axes by default); integers and bool give float32. Of no elements: nan.

    Raises:
        ShapeError: there is no such axis.
    """
    (expr,) = floating("mean", x)
    axes = normalize_axes("mean", expr, axis)
    total = _kept(reduce.sum(expr, axes), expr, axes, keepdims)
    count = product(tuple(expr.shape[a] for a in axes))
    number = leaf.scalar(count, expr.dtype) if isinstance(count, int) else scalar.astype(leaf.size(count), expr.dtype)
    return scalar.divide(total, broadcast_to(number, total.shape))


def max(x: ArrayLike, axis: Axis = None, *, keepdims: bool = False) -> Expr:
    """The largest element over `axis` (all axes by default); nan if there is one. Ties share the gradient equally.

    Raises:
        ShapeError: there is no such axis, or no elements along it.
        DTypeError: bool has no order.
    """
    expr = lift("max", x)
    axes = normalize_axes("max", expr, axis)
    return _kept(reduce.max(expr, axes), expr, axes, keepdims)


def min(x: ArrayLike, axis: Axis = None, *, keepdims: bool = False) -> Expr:
    """The smallest element over `axis` (all axes by default); nan if there is one. Ties share the gradient equally.

    Raises:
        ShapeError: there is no such axis, or no elements along it.
        DTypeError: bool has no order.
    """
    expr = lift("min", x)
    axes = normalize_axes("min", expr, axis)
    return _kept(_reversed(reduce.max(_reversed(expr), axes)), expr, axes, keepdims)


def argmax(x: ArrayLike, axis: int | None = None, *, keepdims: bool = False) -> Expr:
    """The position of the first largest element along an axis, int64; of the first nan if there is one.

    Without an axis, the position in the flattened array.

    Raises:
        ShapeError: there is no such axis, or no elements along it.
        DTypeError: bool has no order.
    """
    expr = lift("argmax", x)
    if axis is None:
        found = reduce.argmax(reshape(expr, (product(expr.shape),)), 0)
        return _kept(found, expr, tuple(range(expr.ndim)), keepdims)
    along = normalize_axis("argmax", expr, axis)
    return _kept(reduce.argmax(expr, along), expr, (along,), keepdims)


def logsumexp(x: ArrayLike, axis: Axis = None, *, keepdims: bool = False) -> Expr:
    """log(Σ exp(x)) over `axis` (all axes by default), without overflow: m + log(Σ exp(x - m)), m the maximum.

    Rows of only -inf give -inf, a row with +inf gives +inf. Integers and bool give float32.

    Raises:
        ShapeError: there is no such axis, or no elements along it.
    """
    (expr,) = floating("logsumexp", x)
    axes = normalize_axes("logsumexp", expr, axis)
    largest = scalar.stop_gradient(reduce.max(expr, axes))
    shift = scalar.where(scalar.isfinite(largest), largest, scalar.like(0, largest))
    shifted = scalar.subtract(expr, reduce.spread(shift, expr.shape, axes))
    total = scalar.add(scalar.log(reduce.sum(scalar.exp(shifted), axes)), shift)
    return _kept(total, expr, axes, keepdims)


def softmax(x: ArrayLike, axis: int | tuple[int, ...] = -1) -> Expr:
    """exp(x) / Σ exp(x) along `axis`, computed on x - max(x) so that nothing overflows.

    Raises:
        ShapeError: there is no such axis, or no elements along it.
    """
    (expr,) = floating("softmax", x)
    axes = normalize_axes("softmax", expr, axis)
    powers = scalar.exp(_below_maximum(expr, axes))
    return scalar.divide(powers, reduce.spread(reduce.sum(powers, axes), expr.shape, axes))


def log_softmax(x: ArrayLike, axis: int | tuple[int, ...] = -1) -> Expr:
    """log(softmax(x)) along `axis`: s - log(Σ exp(s)) with s = x - max(x).

    Raises:
        ShapeError: there is no such axis, or no elements along it.
    """
    (expr,) = floating("log_softmax", x)
    axes = normalize_axes("log_softmax", expr, axis)
    shifted = _below_maximum(expr, axes)
    normalizer = scalar.log(reduce.sum(scalar.exp(shifted), axes))
    return scalar.subtract(shifted, reduce.spread(normalizer, expr.shape, axes))


def _below_maximum(x: Expr, axes: tuple[int, ...]) -> Expr:
    """x - max(x): the result does not depend on the shift, so no gradient flows through it."""
    largest = scalar.stop_gradient(reduce.max(x, axes))
    return scalar.subtract(x, reduce.spread(largest, x.shape, axes))


def _kept(reduced: Expr, x: Expr, axes: tuple[int, ...], keepdims: bool) -> Expr:
    return reshape(reduced, reduce.kept_shape(x.shape, axes)) if keepdims else reduced


def _sum_dtype(dtype: DType) -> DType:
    if dtype.is_float:
        return dtype
    return dtypes.uint64 if dtype.kind == "uint" else dtypes.int64


def _reversed(x: Expr) -> Expr:
    """The elements in reversed order of size, exactly: -x for floats, the bitwise complement for integers."""
    if x.dtype.is_float:
        return scalar.negative(x)
    if not x.dtype.is_integer:
        raise DTypeError(f"min: convert bool with gc.astype first{describe(x=x)}")
    ones = -1 if x.dtype.kind == "int" else 2**x.dtype.bits - 1
    return scalar.subtract(scalar.like(ones, x), x)
