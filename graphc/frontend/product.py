"""The matrix product."""

from __future__ import annotations

from ..ir.errors import ShapeError
from ..ir.expr import Expr
from ..ops import linalg
from ..ops.shape import broadcast_to, reshape
from .lifting import ArrayLike, broadcast_shape, promoted, roles


def matmul(x1: ArrayLike, x2: ArrayLike, /) -> Expr:
    """The matrix product x1 @ x2.

    Shapes (..., m, k) and (..., k, n) give (..., m, n), the leading axes broadcast. A vector in front counts as a
    row, behind as a column, and that axis is dropped again, so two vectors give their inner product.

    Raises:
        ShapeError: an operand is 0-dimensional, the inner sizes differ, or the leading axes do not broadcast.
        DTypeError: the operands are bool, or their dtypes have no common one.
    """
    a, b = promoted("matmul", x1, x2)
    if a.ndim == 0 or b.ndim == 0:
        raise ShapeError(f"matmul: a 0-dimensional operand has nothing to contract; use *{roles(a, b)}")
    inner = a.shape[-1], b.shape[-1 if b.ndim == 1 else -2]
    if inner[0] != inner[1]:
        raise ShapeError(
            f"matmul: the last axis of the first operand has size {inner[0]}, "
            f"the one of the second that it meets {inner[1]}{roles(a, b)}"
        )
    row, column = a.ndim == 1, b.ndim == 1
    left = reshape(a, (1, *a.shape)) if row else a
    right = reshape(b, (*b.shape, 1)) if column else b
    stack = broadcast_shape("matmul", (a, b), (left.shape[:-2], right.shape[:-2]))
    left = broadcast_to(left, (*stack, *left.shape[-2:]))
    right = broadcast_to(right, (*stack, *right.shape[-2:]))
    product = linalg.matmul(left, right)
    kept = product.shape[-2:][int(row) : 1 if column else 2]
    return reshape(product, (*stack, *kept))
