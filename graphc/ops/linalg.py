"""The contraction: matmul of stacks of matrices. Vectors and broadcasting are reshapes and nodes around it."""

from __future__ import annotations

import numpy as np

from ..ir.dim import Shape
from ..ir.dtype import DType
from ..ir.errors import DTypeError, ShapeError, describe
from ..ir.expr import Expr, make
from ..ir.op import Attrs, OpDef, Sample, register
from .scalar import add
from .shape import permute_dims


def transposed(x: Expr) -> Expr:
    """x with its last two axes exchanged."""
    return permute_dims(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def _infer(attrs: Attrs, a: Expr, b: Expr) -> tuple[DType, Shape]:
    if a.ndim < 2 or b.ndim != a.ndim or a.shape[:-2] != b.shape[:-2] or a.shape[-1] != b.shape[-2]:
        raise ShapeError(
            f"matmul: the last axis of the first operand must be as long as the last but one of the second"
            f"{describe(first=a, second=b)}"
        )
    if a.dtype is not b.dtype or a.dtype.kind == "bool":
        raise DTypeError(f"matmul: operands must share a numeric dtype{describe(first=a, second=b)}")
    return a.dtype, (*a.shape[:-1], b.shape[-1])


def _vjp(g: Expr, out: Expr, a: Expr, b: Expr) -> tuple[Expr | None, ...]:
    return matmul(g, transposed(b)), matmul(transposed(a), g)


def _jvp(out: Expr, inputs: tuple[Expr, ...], tangents: tuple[Expr | None, ...]) -> Expr | None:
    (a, b), (da, db) = inputs, tangents
    left = None if da is None else matmul(da, b)
    right = None if db is None else matmul(a, db)
    if left is None or right is None:
        return right if left is None else left
    return add(left, right)


MATMUL = register(
    OpDef(
        "matmul", "contract", 2, _infer, lambda attrs, a, b: np.matmul(a, b), vjp=_vjp, jvp=_jvp,
        dtypes=("float", "int", "uint"), standard="matmul", doc="the matrix product over the last two axes",
        samples=lambda: tuple(
            Sample(shapes)
            for shapes in (
                ((3, 5), (5, 7)), ((1, 5), (5, 1)), ((17, 33), (33, 40)), ((2, 3, 4), (2, 4, 5)), ((3, 0), (0, 4)),
                ((4, 1), (1, 6)), ((1, 8), (8, 50)), ((30, 20), (20, 1)), ((0, 3), (3, 2)),
            )
        ),
    )
)  # fmt: skip


def matmul(a: Expr, b: Expr) -> Expr:
    """The matrix product of stacks with equal leading axes."""
    return make(MATMUL, (a, b))
