"""NumPy's names and argument orders for what the standard calls otherwise, so that np.cumsum(x) builds graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..ir.dim import product
from ..ir.errors import ShapeError, describe
from ..ir.expr import Expr
from . import contraction, elementwise, filled, indexing, manipulation, reductions, sorting, statistics
from .einstein import einsum
from .lifting import ArrayLike, DTypeLike, lift, normalize_axis
from .norms import matrix_norm, vector_norm
from .shapes import permute_dims, reshape, squeeze


def _running(function: Callable[..., Expr]) -> Callable[..., Expr]:
    """NumPy runs through the flattened array where no axis is given."""

    def run(x: ArrayLike, axis: int | None = None, dtype: DTypeLike | None = None) -> Expr:
        expr = lift(function.__name__, x)
        flat = reshape(expr, (product(expr.shape),)) if axis is None else expr
        return function(flat, axis=axis, dtype=dtype)

    return run


def _spread(function: Callable[..., Expr]) -> Callable[..., Expr]:
    def measure(
        x: ArrayLike,
        axis: reductions.Axis = None,
        *,
        ddof: float = 0.0,
        correction: float = 0.0,
        keepdims: bool = False,
    ) -> Expr:
        return function(x, axis, correction=ddof or correction, keepdims=keepdims)

    return measure


def _transpose(x: ArrayLike, axes: Any = None) -> Expr:
    expr = lift("transpose", x)
    return permute_dims(expr, tuple(reversed(range(expr.ndim))) if axes is None else axes)


def _flat_or(function: Callable[..., Expr]) -> Callable[..., Expr]:
    """NumPy sorts the flattened array where the axis is None."""

    def order(x: ArrayLike, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Expr:
        expr = lift(function.__name__, x)
        return function(expr, axis=axis) if axis is not None else function(reshape(expr, (product(expr.shape),)))

    return order


def _diagonal(x: ArrayLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Expr:
    return contraction.diagonal(_matrices("diagonal", x, axis1, axis2), offset=offset)


def _trace(x: ArrayLike, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: DTypeLike | None = None) -> Expr:
    return contraction.trace(_matrices("trace", x, axis1, axis2), offset=offset, dtype=dtype)


def _matrices(name: str, x: ArrayLike, axis1: int, axis2: int) -> Expr:
    """x with the two axes behind all others."""
    expr = lift(name, x)
    first, second = normalize_axis(name, expr, axis1), normalize_axis(name, expr, axis2)
    others = tuple(a for a in range(expr.ndim) if a not in (first, second))
    return permute_dims(expr, (*others, first, second))


def _searched(a: ArrayLike, v: ArrayLike, side: str = "left", sorter: ArrayLike | None = None) -> Expr:
    return sorting.searchsorted(a, v, side=side, sorter=sorter)


def _dot(a: ArrayLike, b: ArrayLike) -> Expr:
    """The last axis of a with the last but one of b, or its only one; numbers multiply."""
    first, second = lift("dot", a), lift("dot", b)
    if not first.ndim or not second.ndim:
        return elementwise.multiply(first, second)
    axes = ((first.ndim - 1,), (max(second.ndim - 2, 0),))
    return contraction.tensordot(first, second, axes=axes)


def _norm(x: ArrayLike, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Expr:
    """np.linalg.norm: of all elements, of vectors along one axis, of matrices along two."""
    expr = lift("norm", x)
    whole = axis is None
    if ord is None or (whole and expr.ndim == 1) or isinstance(axis, int):
        return vector_norm(expr, axis=axis, keepdims=keepdims, ord=2 if ord is None else ord)
    if not whole:
        rows, columns = (normalize_axis("norm", expr, a) for a in axis)
        if (rows, columns) != (expr.ndim - 2, expr.ndim - 1):
            raise ShapeError(f"norm: move the axes {axis} of the matrices to the end first{describe(x=expr)}")
    elif expr.ndim != 2:
        raise ShapeError(f"norm: of {expr.ndim} axes, name the one or two of the vectors or matrices{describe(x=expr)}")
    return matrix_norm(expr, keepdims=keepdims, ord=ord)


def _squeeze(x: ArrayLike, axis: int | tuple[int, ...] | None = None) -> Expr:
    expr = lift("squeeze", x)
    return squeeze(expr, tuple(i for i, d in enumerate(expr.shape) if d == 1) if axis is None else axis)


def _swapped(x: ArrayLike, axis1: int, axis2: int) -> Expr:
    expr = lift("swapaxes", x)
    order = list(range(expr.ndim))
    first, second = normalize_axis("swapaxes", expr, axis1), normalize_axis("swapaxes", expr, axis2)
    order[first], order[second] = second, first
    return permute_dims(expr, order)


def _flat(x: ArrayLike) -> Expr:
    expr = lift("ravel", x)
    return reshape(expr, (product(expr.shape),))


def _close(a: ArrayLike, b: ArrayLike, rtol: float = 1e-5, atol: float = 1e-8) -> Expr:
    distance = elementwise.abs(elementwise.subtract(a, b))
    near = elementwise.less_equal(distance, elementwise.add(elementwise.multiply(elementwise.abs(b), rtol), atol))
    return elementwise.logical_or(elementwise.equal(a, b), elementwise.logical_and(near, elementwise.isfinite(b)))


REARRANGED: dict[Callable[..., Any], Callable[..., Any]] = {
    np.prod: reductions.prod,
    np.any: reductions.any,
    np.all: reductions.all,
    np.argmin: reductions.argmin,
    np.count_nonzero: reductions.count_nonzero,
    np.std: _spread(statistics.std),
    np.var: _spread(statistics.var),
    np.cumsum: _running(statistics.cumulative_sum),
    np.cumprod: _running(statistics.cumulative_prod),
    np.diff: lambda x, n=1, axis=-1, prepend=None, append=None: statistics.diff(
        x, n=n, axis=axis, prepend=prepend, append=append
    ),
    np.concatenate: lambda arrays, axis=0: manipulation.concat(arrays, axis=axis),
    np.stack: lambda arrays, axis=0: manipulation.stack(arrays, axis=axis),
    np.flip: lambda x, axis=None: manipulation.flip(x, axis=axis),
    np.roll: lambda x, shift, axis=None: manipulation.roll(x, shift, axis=axis),
    np.moveaxis: manipulation.moveaxis,
    np.repeat: lambda x, repeats, axis=None: manipulation.repeat(x, repeats, axis=axis),
    np.tile: manipulation.tile,
    np.pad: manipulation.pad,
    np.tril: lambda x, k=0: manipulation.tril(x, k=k),
    np.triu: lambda x, k=0: manipulation.triu(x, k=k),
    np.transpose: _transpose,
    np.broadcast_arrays: manipulation.broadcast_arrays,
    np.take: lambda x, indices, axis=None: indexing.take(x, indices, axis=axis),
    np.take_along_axis: indexing.take_along_axis,
    np.nonzero: indexing.nonzero,
    np.unique: indexing.unique_values,
    np.sort: _flat_or(sorting.sort),
    np.argsort: _flat_or(sorting.argsort),
    np.searchsorted: _searched,
    np.einsum: lambda subscripts, *operands, optimize=None: einsum(subscripts, *operands),
    np.tensordot: lambda a, b, axes=2: contraction.tensordot(a, b, axes=axes),
    np.outer: contraction.outer,
    np.diagonal: _diagonal,
    np.trace: _trace,
    np.zeros_like: filled.zeros_like,
    np.ones_like: filled.ones_like,
    np.full_like: filled.full_like,
    np.meshgrid: filled.meshgrid,
    np.empty_like: filled.empty_like,
    np.dot: _dot,
    np.linalg.norm: _norm,
    np.squeeze: _squeeze,
    np.swapaxes: _swapped,
    np.ravel: _flat,
    np.isclose: _close,
    np.copy: lambda x: lift("copy", x),
}

_SAME = (
    "all", "any", "argmax", "argmin", "argsort", "astype", "clip", "cumulative_prod", "cumulative_sum", "diagonal",
    "max", "mean", "min", "prod", "repeat", "reshape", "round", "searchsorted", "sort", "squeeze", "std", "sum", "take",
    "trace", "var",
)  # fmt: skip

METHODS: dict[str, str] = {
    **{name: f"gc.{name}(x)" for name in _SAME},
    "conj": "gc.conj(x)",
    "conjugate": "gc.conj(x)",
    "copy": "x itself: expressions do not change",
    "backward": "gc.grad(x, params)",
    "cumprod": "gc.cumulative_prod(x)",
    "cumsum": "gc.cumulative_sum(x)",
    "detach": "gc.stop_gradient(x)",
    "dot": "x @ y",
    "flat": "gc.reshape(x, (-1,))",
    "flatten": "gc.reshape(x, (-1,))",
    "item": "gc.interpret(x, values), or compile a function",
    "numpy": "gc.interpret(x, values), or compile a function",
    "nonzero": "gc.where(x != 0, a, b), or gc.count_nonzero(x)",
    "ravel": "gc.reshape(x, (-1,))",
    "swapaxes": "gc.permute_dims(x, axes)",
    "tolist": "gc.interpret(x, values), or compile a function",
    "transpose": "gc.permute_dims(x, axes)",
}
"""What arrays of NumPy and of its kin have as a method or attribute, and what is written here."""
