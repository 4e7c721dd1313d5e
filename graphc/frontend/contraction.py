"""Products that sum: tensordot, vecdot, outer, and what lies on diagonals; matmul and einsum are elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.errors import DTypeError, ShapeError, describe
from ..ir.expr import Expr
from ..ops import reduce, scalar
from ..ops.shape import broadcast_to, reshape
from . import reductions
from .einstein import contract, diagonal_of
from .lifting import ArrayLike, DTypeLike, broadcast, lift, normalize_axis, promoted, roles
from .subscripts import Subscripts


def tensordot(x1: ArrayLike, x2: ArrayLike, /, *, axes: int | tuple[Sequence[int], Sequence[int]] = 2) -> Expr:
    """The sum of products over pairs of axes; the axes left of x1 come first, then those of x2.

    Args:
        axes: how many of the last axes of x1 meet the first of x2, or the axes of each in the order they meet.

    Raises:
        ShapeError: there are no such axes, or two that meet differ in size.
        DTypeError: the operands are bool, or their dtypes have no common one.
    """
    a, b = promoted("tensordot", x1, x2)
    left, right = _meeting(a, b, axes)
    names = [f"a{i}" for i in range(a.ndim)]
    others = [f"b{i}" for i in range(b.ndim)]
    for i, j in zip(left, right, strict=True):
        if a.shape[i] != b.shape[j]:
            sizes = f"{a.shape[i]} and {b.shape[j]}"
            raise ShapeError(f"tensordot: axes {i} and {j} meet and have sizes {sizes}{roles(a, b)}")
        others[j] = names[i]
    kept = (*(n for i, n in enumerate(names) if i not in left), *(n for j, n in enumerate(others) if j not in right))
    sizes_of = {**dict(zip(others, b.shape, strict=True)), **dict(zip(names, a.shape, strict=True))}
    return contract(Subscripts((tuple(names), tuple(others)), kept, sizes_of), (_numeric("tensordot", a), b))


def _meeting(a: Expr, b: Expr, axes: int | tuple[Sequence[int], Sequence[int]]) -> tuple[list[int], list[int]]:
    """The axes of each operand that are summed over, in pairs."""
    if isinstance(axes, int):
        if not 0 <= axes <= min(a.ndim, b.ndim):
            raise ShapeError(f"tensordot: there are no {axes} axes to meet{roles(a, b)}")
        return list(range(a.ndim - axes, a.ndim)), list(range(axes))
    pairs = [[s] if isinstance(s, int) else list(s) for s in axes] if isinstance(axes, (tuple, list)) else []
    if len(pairs) != 2 or len(pairs[0]) != len(pairs[1]):
        raise ShapeError(f"tensordot: axes are a number, or as many of x1 as of x2, not {axes!r}{roles(a, b)}")
    found = [[normalize_axis("tensordot", e, axis) for axis in given] for e, given in zip((a, b), pairs, strict=True)]
    if any(len(set(given)) < len(given) for given in found):
        raise ShapeError(f"tensordot: an axis is named twice in {axes!r}{roles(a, b)}")
    return found[0], found[1]


def vecdot(x1: ArrayLike, x2: ArrayLike, /, *, axis: int = -1) -> Expr:
    """The inner product of vectors that lie along `axis` of both; the other axes broadcast.

    Raises:
        ShapeError: there is no such axis, the vectors differ in length, or the other axes do not broadcast.
        DTypeError: the operands are bool, or their dtypes have no common one.
    """
    a, b = promoted("vecdot", x1, x2)
    if not -min(a.ndim, b.ndim) <= axis < 0 and not (a.ndim == b.ndim and 0 <= axis < a.ndim):
        raise ShapeError(f"vecdot: axis {axis} is not in both operands; count it from the last{roles(a, b)}")
    if a.shape[axis] != b.shape[axis]:
        raise ShapeError(f"vecdot: vectors of size {a.shape[axis]} and {b.shape[axis]}{roles(a, b)}")
    along = axis - a.ndim if axis >= 0 else axis
    left, right = broadcast("vecdot", _numeric("vecdot", a), b)
    return reduce.sum(scalar.multiply(left, right), (left.ndim + along,))


def outer(x1: ArrayLike, x2: ArrayLike, /) -> Expr:
    """Every element of x1 times every element of x2: shapes (m,) and (n,) give (m, n). More axes are flattened.

    Raises:
        DTypeError: the operands are bool, or their dtypes have no common one.
    """
    a, b = promoted("outer", x1, x2)
    column, row = reshape(_numeric("outer", a), (a.size, 1)), reshape(b, (1, b.size))
    return scalar.multiply(broadcast_to(column, (a.size, b.size)), broadcast_to(row, (a.size, b.size)))


def diagonal(x: ArrayLike, /, *, offset: int = 0) -> Expr:
    """The diagonals of a stack of matrices, (..., m, n) to (..., k); above the main one with a positive offset.

    Raises:
        ShapeError: there are fewer than two axes, or named sizes that are not known to be equal.
    """
    return _diagonals("diagonal", x, offset)


def trace(x: ArrayLike, /, *, offset: int = 0, dtype: DTypeLike | None = None) -> Expr:
    """The sums of the diagonals of a stack of matrices; integers are summed as by `gc.sum`.

    Raises:
        ShapeError: as by `diagonal`.
    """
    return reductions.sum(_diagonals("trace", x, offset), axis=-1, dtype=dtype)


def _diagonals(name: str, x: ArrayLike, offset: int) -> Expr:
    expr = lift(name, x)
    if expr.ndim < 2:
        raise ShapeError(f"{name}: there are no two axes{describe(x=expr)}")
    return diagonal_of(name, expr, expr.ndim - 2, expr.ndim - 1, offset)


def _numeric(op: str, x: Expr) -> Expr:
    if x.dtype.kind == "bool":
        raise DTypeError(f"{op}: convert bool with gc.astype first{describe(x=x)}")
    return x
