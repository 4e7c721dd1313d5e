"""Variance and standard deviation, running sums and products, differences of neighbours."""

from __future__ import annotations

from ..ir.dim import product
from ..ir.dtype import as_dtype
from ..ir.errors import DTypeError, ShapeError, describe
from ..ir.expr import Expr
from ..ops import cumulative, leaf, reduce, scalar
from ..ops import shape as raw
from ..ops.join import concat
from .lifting import ArrayLike, DTypeLike, floating, lift, normalize_axes, normalize_axis, promoted
from .reductions import Axis, kept, mean, number_of, wide_dtype


def var(x: ArrayLike, axis: Axis = None, *, correction: float = 0.0, keepdims: bool = False) -> Expr:
    """The variance over `axis` (all axes by default): Σ (x - mean)² / (n - correction).

    Two sweeps, so that a large mean costs no digits. `correction=1` gives the unbiased estimate of a sample. Integers
    and bool give float32. Where n ≤ correction: nan, or inf where the elements differ.

    Raises:
        ShapeError: there is no such axis.
    """
    (expr,) = floating("var", x)
    axes = normalize_axes("var", expr, axis)
    centre = raw.broadcast_to(mean(expr, axes, keepdims=True), expr.shape)
    total = kept(reduce.sum(scalar.square(scalar.subtract(expr, centre)), axes), expr, axes, keepdims)
    count = product(tuple(expr.shape[a] for a in axes))
    if isinstance(count, int):
        freedom = leaf.scalar(max(count - correction, 0.0), expr.dtype)
    else:
        number = scalar.subtract(number_of(count, expr.dtype), leaf.scalar(correction, expr.dtype))
        freedom = scalar.maximum(number, leaf.scalar(0.0, expr.dtype))
    return scalar.divide(total, raw.broadcast_to(freedom, total.shape))


def std(x: ArrayLike, axis: Axis = None, *, correction: float = 0.0, keepdims: bool = False) -> Expr:
    """The standard deviation over `axis` (all axes by default): the root of `var`.

    Where all elements are equal its derivative is taken as 0.

    Raises:
        ShapeError: there is no such axis.
    """
    squared = var(x, axis, correction=correction, keepdims=keepdims)
    flat = scalar.equal(squared, scalar.like(0, squared))
    root = scalar.sqrt(scalar.where(flat, scalar.like(1, squared), squared))
    return scalar.where(flat, scalar.like(0, squared), root)


def cumulative_sum(
    x: ArrayLike, /, *, axis: int | None = None, dtype: DTypeLike | None = None, include_initial: bool = False
) -> Expr:
    """The running sum along `axis`, which only an array of one axis may leave out.

    Dtypes are those of `sum`. With `include_initial` the result starts with 0 and is one longer.

    Raises:
        ShapeError: there is no such axis, or it is missing.
    """
    expr, along = _run("cumulative_sum", x, axis, dtype)
    return _with_initial(cumulative.cumulative_sum(expr, along), along, 0, include_initial)


def cumulative_prod(
    x: ArrayLike, /, *, axis: int | None = None, dtype: DTypeLike | None = None, include_initial: bool = False
) -> Expr:
    """The running product along `axis`, which only an array of one axis may leave out.

    Dtypes are those of `prod`. With `include_initial` the result starts with 1 and is one longer. The derivatives
    are right also where factors are 0.

    Raises:
        ShapeError: there is no such axis, or it is missing.
    """
    expr, along = _run("cumulative_prod", x, axis, dtype)
    return _with_initial(cumulative.cumulative_prod(expr, along), along, 1, include_initial)


def diff(
    x: ArrayLike, /, *, axis: int = -1, n: int = 1, prepend: ArrayLike | None = None, append: ArrayLike | None = None
) -> Expr:
    """The differences x[i+1] - x[i] along `axis`, taken `n` times. Unsigned integers wrap.

    Args:
        x: numbers.
        axis: along which; the result is `n` shorter there, or empty.
        n: how many times; 0 gives x as it is, with nothing around it.
        prepend: what to put in front of x first, of its shape but for that axis.
        append: what to put behind x first.

    Raises:
        ShapeError: there is no such axis, `n` is negative, or what is to be put around x does not fit.
        DTypeError: bool has no differences.
    """
    expr = lift("diff", x)
    along = normalize_axis("diff", expr, axis)
    if not isinstance(n, int) or n < 0:
        raise ShapeError(f"diff: n is an integer ≥ 0, not {n!r}{describe(x=expr)}")
    if n == 0:
        return expr
    if expr.dtype.kind == "bool":
        raise DTypeError(f"diff: convert bool with gc.astype first{describe(x=expr)}")
    parts = [p for p in (prepend, expr, append) if p is not None]
    expr = concat(promoted("diff", *parts), along)
    whole = (slice(None),) * along
    for _ in range(n):
        expr = scalar.subtract(expr[(*whole, slice(1, None))], expr[(*whole, slice(None, -1))])
    return expr


def _run(name: str, x: ArrayLike, axis: int | None, dtype: DTypeLike | None) -> tuple[Expr, int]:
    expr = lift(name, x)
    if axis is None and expr.ndim != 1:
        raise ShapeError(f"{name}: an array of {expr.ndim} axes needs axis={describe(x=expr)}")
    along = normalize_axis(name, expr, 0 if axis is None else axis)
    wide = as_dtype(dtype) if dtype is not None else wide_dtype(expr.dtype)
    return scalar.astype(expr, wide), along


def _with_initial(run: Expr, axis: int, initial: int, wanted: bool) -> Expr:
    if not wanted:
        return run
    one = tuple(1 if a == axis else d for a, d in enumerate(run.shape))
    return concat((raw.broadcast_to(leaf.scalar(initial, run.dtype), one), run), axis)
