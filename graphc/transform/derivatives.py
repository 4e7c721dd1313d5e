"""Jacobians, Hessians and their products with vectors: sweeps over a batch of unit directions, no loops.

y: f64[3] of x: f64[1000]      one reverse sweep for a batch of 3 unit cotangents
y: f64[1000] of x: f64[3]      one forward sweep for a batch of 3 unit tangents
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..autodiff import differentiable, grad, jvp, push, scalar_loss, sweep
from ..ir.dim import Dim, Shape, Size
from ..ir.dtype import DType, int64
from ..ir.expr import Expr
from ..ir.graph import ExprTable
from ..ops import leaf, scalar
from ..ops.shape import broadcast_to, permute_dims, reshape
from .batching import spread_over_batch
from .indexing import in_front


def jacobian(y: Any, x: Any) -> Any:
    """The derivative of each element of `y` by each element of `x`.

    Args:
        y: a floating point expression of any shape, or tuples, lists and dicts of them.
        x: the variables, likewise.

    Returns:
        In the structure of `y`, each leaf in the structure of `x`, expressions of shape (*y.shape, *x.shape) and the
        dtype of `y`. Zeros where `y` does not depend on `x`.

    Raises:
        DTypeError: one of them is not floating point.
        GraphError: one of them is no expression, or an op on the way has no derivative.
    """
    targets, variables = differentiable("jacobian", y), differentiable("jacobian", x)
    rows = [_jacobians(target, variables.leaves) for target in targets.leaves]
    return targets.rebuild(variables.rebuild(row) for row in rows)


def hessian(loss: Expr, x: Any) -> Any:
    """The second derivatives of a scalar: the Jacobian of its gradient, forward over reverse.

    Args:
        loss: 0-dimensional, floating point.
        x: the variables, an expression or tuples, lists and dicts of them.

    Returns:
        In the structure of `x` twice, expressions of shape (*x1.shape, *x2.shape).

    Raises:
        ShapeError: the loss is no scalar.
        DTypeError: the loss or a variable is not floating point.
        GraphError: an op on the way has no derivative.
    """
    scalar_loss("hessian", loss)
    variables = differentiable("hessian", x)
    gradients = grad(loss, list(variables.leaves), unused="zeros")
    rows = [_forward(g, variables.leaves) for g in gradients]
    return variables.rebuild(variables.rebuild(row) for row in rows)


def hvp(loss: Expr, x: Any, v: Any) -> Any:
    """The Hessian of a scalar times a vector, without the Hessian: the gradient's derivative along `v`.

    Costs a small multiple of a gradient, whatever the number of variables (Pearlmutter, Fast exact multiplication by
    the Hessian, 1994).

    Args:
        loss: 0-dimensional, floating point.
        x: the variables, an expression or tuples, lists and dicts of them.
        v: the direction, in the structure of `x`: expressions or arrays of their dtypes and shapes.

    Returns:
        In the structure of `x`.

    Raises:
        ShapeError: the loss is no scalar, or a direction has another shape than its variable.
        DTypeError: the loss or a variable is not floating point.
        GraphError: the structures differ, or an op on the way has no derivative.
    """
    scalar_loss("hvp", loss)
    return jvp(grad(loss, x, unused="zeros"), x, v)


def _jacobians(y: Expr, variables: Sequence[Expr]) -> list[Expr]:
    """The Jacobian by each variable, from whichever side has fewer directions."""
    by_forward = sum(x.size for x in variables)
    fewer = isinstance(by_forward, int) and (isinstance(y.size, Dim) or by_forward < y.size)
    return _forward(y, variables) if fewer else _reverse(y, variables)


def _reverse(y: Expr, variables: Sequence[Expr]) -> list[Expr]:
    """Rows: the cotangents of all variables for each unit cotangent of y."""
    seed = leaf.input("cotangent", y.shape, y.dtype)
    pulled = sweep((y,), (seed,), variables).cotangents
    found = [pulled.get(x) for x in variables]
    count = y.size
    became = spread_over_batch([p for p in found if p is not None], ExprTable([(seed, _units(y))]), count)
    jacobians = []
    for x, p in zip(variables, found, strict=True):
        rows = None if p is None else in_front(became.get(p, p), p in became, count)
        whole = _zeros(y, x) if rows is None else reshape(rows, (*y.shape, *x.shape))
        jacobians.append(scalar.astype(whole, y.dtype))
    return jacobians


def _forward(y: Expr, variables: Sequence[Expr]) -> list[Expr]:
    """Columns: the tangents of y for each unit tangent of each variable."""
    jacobians = []
    for x in variables:
        step = leaf.input("tangent", x.shape, x.dtype)
        moved = push((y,), (x,), (step,)).get(y)
        if moved is None:
            jacobians.append(_zeros(y, x))
            continue
        became = spread_over_batch([moved], ExprTable([(step, _units(x))]), x.size)
        columns = in_front(became.get(moved, moved), moved in became, x.size)
        behind = permute_dims(columns, (*range(1, columns.ndim), 0))
        jacobians.append(reshape(behind, (*y.shape, *x.shape)))
    return jacobians


def _zeros(y: Expr, x: Expr) -> Expr:
    return broadcast_to(leaf.scalar(0, y.dtype), (*y.shape, *x.shape))


def _units(x: Expr) -> Expr:
    """The unit arrays of x's shape along an axis in front."""
    return reshape(_identity(x.size, x.dtype), (x.size, *x.shape))


def _identity(n: Size, dtype: DType) -> Expr:
    square: Shape = (n, n)
    return scalar.astype(scalar.equal(leaf.iota(square, 0, int64), leaf.iota(square, 1, int64)), dtype)
