"""NumPy's names and argument orders for what the standard calls otherwise, so that np.cumsum(x) builds graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..ir.dim import product
from ..ir.expr import Expr
from . import contraction, filled, indexing, manipulation, reductions, sorting, statistics
from .einstein import einsum
from .lifting import ArrayLike, DTypeLike, lift, normalize_axis
from .shapes import permute_dims, reshape


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
    expr = lift("diagonal", x)
    first, second = normalize_axis("diagonal", expr, axis1), normalize_axis("diagonal", expr, axis2)
    others = tuple(a for a in range(expr.ndim) if a not in (first, second))
    return contraction.diagonal(permute_dims(expr, (*others, first, second)), offset=offset)


def _trace(x: ArrayLike, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: DTypeLike | None = None) -> Expr:
    return reductions.sum(_diagonal(x, offset, axis1, axis2), axis=-1, dtype=dtype)


def _searched(a: ArrayLike, v: ArrayLike, side: str = "left", sorter: ArrayLike | None = None) -> Expr:
    return sorting.searchsorted(a, v, side=side, sorter=sorter)


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
}
