"""What NumPy's own functions do when they meet an expression: the same function of graphc."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ..ir.errors import DTypeError, describe
from ..ir.expr import Expr
from . import elementwise, reductions, shapes, transcendental
from .numpy_names import REARRANGED
from .operators import divide_with_remainder, rounded
from .product import matmul

_UFUNCS: dict[np.ufunc, Callable[..., Any]] = {
    np.matmul: matmul,
    np.arccos: transcendental.acos,
    np.arccosh: transcendental.acosh,
    np.arcsin: transcendental.asin,
    np.arcsinh: transcendental.asinh,
    np.arctan: transcendental.atan,
    np.arctan2: transcendental.atan2,
    np.arctanh: transcendental.atanh,
    np.conjugate: elementwise.conj,
    np.divmod: divide_with_remainder,
    np.invert: elementwise.bitwise_invert,
    np.left_shift: elementwise.bitwise_left_shift,
    np.power: elementwise.pow,
    np.right_shift: elementwise.bitwise_right_shift,
    np.rint: elementwise.round,
    **{
        getattr(np, function.__name__): function
        for function in (
            elementwise.add, elementwise.bitwise_and, elementwise.bitwise_or, elementwise.bitwise_xor,
            elementwise.ceil, elementwise.copysign, elementwise.divide, elementwise.equal, elementwise.floor,
            elementwise.floor_divide, elementwise.greater, elementwise.greater_equal, elementwise.isfinite,
            elementwise.isinf, elementwise.isnan, elementwise.less, elementwise.less_equal, elementwise.logical_and,
            elementwise.logical_not, elementwise.logical_or, elementwise.logical_xor, elementwise.maximum,
            elementwise.minimum, elementwise.multiply, elementwise.negative, elementwise.nextafter,
            elementwise.not_equal, elementwise.positive, elementwise.reciprocal, elementwise.remainder,
            elementwise.sign, elementwise.signbit, elementwise.square, elementwise.subtract, elementwise.trunc,
            transcendental.cbrt, transcendental.cos, transcendental.cosh, transcendental.exp, transcendental.exp2,
            transcendental.expm1, transcendental.hypot, transcendental.log, transcendental.log10,
            transcendental.log1p, transcendental.log2, transcendental.logaddexp, transcendental.sin,
            transcendental.sinh, transcendental.sqrt, transcendental.tan, transcendental.tanh,
        )
    },
    np.absolute: elementwise.abs,
}  # fmt: skip

_FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    np.sum: reductions.sum,
    np.mean: reductions.mean,
    np.max: reductions.max,
    np.min: reductions.min,
    np.argmax: reductions.argmax,
    **REARRANGED,
    np.reshape: shapes.reshape,
    np.expand_dims: shapes.expand_dims,
    np.broadcast_to: shapes.broadcast_to,
    np.where: elementwise.where,
    np.clip: elementwise.clip,
    np.around: rounded,
    np.round: rounded,
    np.real: elementwise.real,
    np.shape: lambda x: x.shape,
    np.ndim: lambda x: x.ndim,
}


def call_ufunc(self: Expr, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """np.exp(x) and `array + x` build graph too; what graphc does not have, or writing into arrays, is refused."""
    function = _UFUNCS.get(ufunc)
    if function is None or method != "__call__":
        called = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        raise DTypeError(f"np.{called} does not take expressions{describe(x=self)}")
    if kwargs:
        raise DTypeError(f"np.{ufunc.__name__} of an expression takes no {', '.join(kwargs)}{describe(x=self)}")
    return function(*inputs)


def call_function(self: Expr, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """np.sum(x) and its like build graph too."""
    ours = _FUNCTIONS.get(function)
    name = f"{function.__module__.replace('numpy', 'np')}.{function.__name__}"
    if ours is None:
        raise DTypeError(
            f"{name} does not take expressions; write it with functions of graphc, or call it on arrays, before or "
            f"after a compiled function{describe(x=self)}"
        )
    try:
        inspect.signature(ours).bind(*args, **kwargs)
    except TypeError as problem:
        raise DTypeError(f"{name} of an expression: {problem}{describe(x=self)}") from None
    return ours(*args, **kwargs)
