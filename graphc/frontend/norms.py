"""Norms of vectors and matrices."""

from __future__ import annotations

from ..ir.errors import ShapeError, describe
from ..ir.expr import Expr
from . import elementwise, reductions
from .lifting import ArrayLike, floating
from .transcendental import sqrt

Axis = int | tuple[int, ...] | None


def vector_norm(x: ArrayLike, /, *, axis: Axis = None, keepdims: bool = False, ord: float = 2) -> Expr:
    """(Σ |x|^ord)^(1/ord) over `axis` (all axes by default); integers and bool give float32.

    inf and -inf are the largest and the smallest |x|, 0 counts what is not zero.

    Raises:
        ShapeError: there is no such axis, or an `ord` that is no number.
    """
    (expr,) = floating("vector_norm", x)
    if isinstance(ord, bool) or not isinstance(ord, (int, float)):
        raise ShapeError(f"vector_norm: ord is a number, not {ord!r}{describe(x=expr)}")
    if ord == 2:
        return sqrt(reductions.sum(elementwise.square(expr), axis, keepdims=keepdims))
    if ord == 0:
        counted = elementwise.astype(elementwise.not_equal(expr, 0), expr.dtype)
        return reductions.sum(counted, axis, keepdims=keepdims)
    sizes = elementwise.abs(expr)
    if ord in (float("inf"), -float("inf")):
        return (reductions.max if ord > 0 else reductions.min)(sizes, axis, keepdims=keepdims)
    if ord == 1:
        return reductions.sum(sizes, axis, keepdims=keepdims)
    total = reductions.sum(elementwise.pow(sizes, float(ord)), axis, keepdims=keepdims)
    return elementwise.pow(total, 1 / float(ord))


def matrix_norm(x: ArrayLike, /, *, keepdims: bool = False, ord: float | str = "fro") -> Expr:
    """The norm of each matrix of a stack: "fro", the root of the sum of squares; 1 and -1, the largest and smallest
    sum of a column's absolute values; inf and -inf, those of a row's.

    Raises:
        ShapeError: there are fewer than two axes, or another `ord`: 2 and "nuc" need singular values.
    """
    (expr,) = floating("matrix_norm", x)
    if expr.ndim < 2:
        raise ShapeError(f"matrix_norm: there are no two axes{describe(x=expr)}")
    if ord == "fro":
        return vector_norm(expr, axis=(-2, -1), keepdims=keepdims)
    if ord not in (1, -1, float("inf"), -float("inf")):
        raise ShapeError(f"matrix_norm: ord is 'fro', 1, -1, inf or -inf, not {ord!r}{describe(x=expr)}")
    number = float(ord)
    summed, rest = (-2, -1) if abs(number) == 1 else (-1, -2)
    sums = reductions.sum(elementwise.abs(expr), summed, keepdims=True)
    largest = (reductions.max if number > 0 else reductions.min)(sums, rest, keepdims=True)
    return largest if keepdims else reductions.sum(largest, (-2, -1))
