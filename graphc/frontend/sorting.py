"""Order along an axis: sort, argsort, topk, and searchsorted.

nan counts as larger than all numbers, as NumPy sorts: it comes last, and first where the order is descending. Equal
elements keep their order (what `stable=False` would allow to give up costs nothing here).
"""

from __future__ import annotations

from collections.abc import Callable

from ..ir.dim import Dim
from ..ir.dtype import bool_, uint8
from ..ir.errors import ShapeError, describe
from ..ir.expr import Expr
from ..ops import index, scalar
from ..ops import sort as raw
from .indexing import take
from .lifting import ArrayLike, lift, normalize_axis, promoted


def sort(x: ArrayLike, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Expr:
    """x with the elements along an axis in order; same dtype, same shape. Gradients go back to where each came from.

    Raises:
        ShapeError: there is no such axis.
    """
    expr = lift("sort", x)
    along = normalize_axis("sort", expr, axis)
    return _as_number(expr, lambda e: scalar.astype(raw.sort(e, along, bool(descending)), expr.dtype))


def argsort(x: ArrayLike, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Expr:
    """The positions along an axis in the order of their elements, int64: what `take_along_axis` sorts x with.

    Raises:
        ShapeError: there is no such axis.
    """
    expr = lift("argsort", x)
    along = normalize_axis("argsort", expr, axis)
    return _as_number(expr, lambda e: raw.argsort(e, along, bool(descending)))


def topk(x: ArrayLike, /, k: int, *, axis: int = -1) -> tuple[Expr, Expr]:
    """The k largest elements along an axis, the largest first, and their positions (int64).

    Of equal elements the earlier come first; nan counts as the largest. Gradients flow through the values.

    Raises:
        ShapeError: there is no such axis, k is no integer, or there are no k elements.
    """
    expr = lift("topk", x)
    along = normalize_axis("topk", expr, axis)
    if isinstance(k, (bool, Dim)) or not isinstance(k, int) or k < 0:
        raise ShapeError(f"topk: k is an integer that is not negative, not {k!r}{describe(x=expr)}")
    positions = _as_number(expr, lambda e: raw.argtopk(e, along, k))
    if k == 0:
        return scalar.astype(positions, expr.dtype), positions
    return index.take_along_axis(expr, positions, along), positions


def searchsorted(x1: ArrayLike, x2: ArrayLike, /, *, side: str = "left", sorter: ArrayLike | None = None) -> Expr:
    """Where the elements of x2 would stand in x1, which is in order, int64: before what is equal, or behind it.

    Args:
        x1: one axis, ascending.
        x2: of any shape, which the result has.
        side: "left": how many elements are smaller; "right": how many are not larger.
        sorter: positions that put x1 in order, such as `argsort(x1)`.

    Raises:
        ShapeError: x1 has not one axis, or the side is another.
        DTypeError: the dtypes have no common one.
    """
    sequence, values = promoted("searchsorted", x1, x2)
    if side not in ("left", "right"):
        raise ShapeError(f"searchsorted: the side is 'left' or 'right', not {side!r}{describe(x1=sequence)}")
    if sequence.ndim != 1:
        raise ShapeError(f"searchsorted: x1 has one axis{describe(x1=sequence)}")
    if sorter is not None:
        sequence = take(sequence, sorter)
    if sequence.dtype is bool_:
        sequence, values = scalar.astype(sequence, uint8), scalar.astype(values, uint8)
    return raw.searchsorted(sequence, values, side)


def _as_number(x: Expr, ordered: Callable[[Expr], Expr]) -> Expr:
    """bool is ordered as 0 and 1."""
    return ordered(scalar.astype(x, uint8) if x.dtype is bool_ else x)
