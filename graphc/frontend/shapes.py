"""The same elements under another shape: reshape, axes in another order, added, dropped, repeated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..ir.dim import Dim, Shape, Size, as_shape, as_size, floordiv, product, show
from ..ir.errors import ShapeError, describe
from ..ir.expr import Expr
from ..ops import shape as raw
from ..ops.linalg import transposed
from .lifting import ArrayLike, lift, normalize_axes, normalize_axis

ShapeLike = Iterable[int | str | Dim] | int | str | Dim


def reshape(x: ArrayLike, shape: ShapeLike) -> Expr:
    """The elements of x in row-major order under another shape; one size may be -1 and follows from the others.

    Raises:
        ShapeError: the number of elements differs, or cannot be shown to agree for every size of a named dimension.
    """
    expr = lift("reshape", x)
    return raw.reshape(expr, _with_deduced(expr, shape))


def permute_dims(x: ArrayLike, axes: Sequence[int]) -> Expr:
    """x with its axes in the order `axes`: axis i of the result is axis axes[i] of x.

    Raises:
        ShapeError: `axes` does not name each axis once.
    """
    expr = lift("permute_dims", x)
    order = tuple(normalize_axis("permute_dims", expr, a) for a in axes)
    if len(order) != expr.ndim or len(set(order)) != len(order):
        raise ShapeError(f"permute_dims: {tuple(axes)} is not an order of the {expr.ndim} axes{describe(x=expr)}")
    return raw.permute_dims(expr, order)


def matrix_transpose(x: ArrayLike, /) -> Expr:
    """x of shape (..., m, n) as (..., n, m).

    Raises:
        ShapeError: there are fewer than two axes.
    """
    expr = lift("matrix_transpose", x)
    if expr.ndim < 2:
        raise ShapeError(f"matrix_transpose: there are no two axes to exchange{describe(x=expr)}")
    return transposed(expr)


def expand_dims(x: ArrayLike, axis: int | tuple[int, ...] = 0) -> Expr:
    """x with a new axis of size 1 at position `axis` of the result (or several).

    Raises:
        ShapeError: there is no such position.
    """
    expr = lift("expand_dims", x)
    ndim = expr.ndim + (len(axis) if isinstance(axis, tuple) else 1)
    added = normalize_axes("expand_dims", expr, axis, ndim)
    sizes = iter(expr.shape)
    return raw.reshape(expr, tuple(1 if i in added else next(sizes) for i in range(ndim)))


def squeeze(x: ArrayLike, axis: int | tuple[int, ...]) -> Expr:
    """x without the given axes, which have size 1.

    Raises:
        ShapeError: there is no such axis, or its size is not 1.
    """
    expr = lift("squeeze", x)
    dropped = normalize_axes("squeeze", expr, axis)
    for a in dropped:
        if expr.shape[a] != 1:
            raise ShapeError(f"squeeze: axis {a} has size {expr.shape[a]}, not 1{describe(x=expr)}")
    return raw.reshape(expr, tuple(d for i, d in enumerate(expr.shape) if i not in dropped))


def broadcast_to(x: ArrayLike, shape: ShapeLike) -> Expr:
    """x repeated along new axes in front and along axes of size 1.

    Raises:
        ShapeError: x does not stretch to the shape.
    """
    return raw.broadcast_to(lift("broadcast_to", x), as_shape(shape))


def _with_deduced(x: Expr, shape: ShapeLike) -> Shape:
    """The shape with the size that belongs in place of -1."""
    given = (shape,) if isinstance(shape, (int, str, Dim)) else tuple(shape)
    open_axes = [i for i, d in enumerate(given) if isinstance(d, int) and d == -1]
    if not open_axes:
        return as_shape(given)
    if len(open_axes) > 1:
        raise ShapeError(f"reshape: only one size may be -1, not as in {given}{describe(x=x)}")
    sizes: list[Size] = [1 if i in open_axes else as_size(d) for i, d in enumerate(given)]
    known, total = product(tuple(sizes)), product(x.shape)
    deduced = 0 if known == 0 else floordiv(total, known)
    if known == 0 or deduced * known != total:
        raise ShapeError(
            f"reshape: no size in place of -1 gives {tuple(given)} as many elements as {show(x.shape)}"
            f"{' whatever the named sizes are' if isinstance(total, Dim) else ''}{describe(x=x)}"
        )
    sizes[open_axes[0]] = deduced
    return tuple(sizes)
