"""Operators, indexing, `.T`, `.value` and NumPy's own functions on expressions."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from ..ir.arguments import convert
from ..ir.errors import DTypeError, GraphError, ShapeError, describe
from ..ir.expr import Expr
from ..ir.op import Array
from ..ops import leaf
from . import elementwise, reductions, shapes, transcendental
from .contraction import matmul
from .indexing import At, getitem
from .lifting import ArrayLike
from .numpy_names import METHODS, REARRANGED


def _divmod(x1: ArrayLike, x2: ArrayLike) -> tuple[Expr, Expr]:
    return elementwise.floor_divide(x1, x2), elementwise.remainder(x1, x2)


def _round(x: ArrayLike, decimals: int | None = 0) -> Expr:
    """x to that many digits after the point, as NumPy has it: scaled, rounded to whole numbers, and scaled back."""
    if not decimals:
        return elementwise.round(x)
    power = 10.0 ** abs(decimals)
    if decimals > 0:
        return elementwise.divide(elementwise.round(elementwise.multiply(x, power)), power)
    return elementwise.multiply(elementwise.round(elementwise.divide(x, power)), power)


_BINARY: dict[str, Callable[[Any, Any], Expr]] = {
    "add": elementwise.add,
    "sub": elementwise.subtract,
    "mul": elementwise.multiply,
    "truediv": elementwise.divide,
    "floordiv": elementwise.floor_divide,
    "mod": elementwise.remainder,
    "pow": elementwise.pow,
    "matmul": matmul,
    "and": elementwise.bitwise_and,
    "or": elementwise.bitwise_or,
    "xor": elementwise.bitwise_xor,
    "lshift": elementwise.bitwise_left_shift,
    "rshift": elementwise.bitwise_right_shift,
}
_COMPARISONS: dict[str, Callable[[Any, Any], Expr]] = {
    "eq": elementwise.equal,
    "ne": elementwise.not_equal,
    "lt": elementwise.less,
    "le": elementwise.less_equal,
    "gt": elementwise.greater,
    "ge": elementwise.greater_equal,
}
_UNARY: dict[str, Callable[[Any], Expr]] = {
    "pos": elementwise.positive,
    "neg": elementwise.negative,
    "abs": elementwise.abs,
    "invert": elementwise.bitwise_invert,
    "ceil": elementwise.ceil,
    "floor": elementwise.floor,
    "trunc": elementwise.trunc,
}

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
    np.divmod: _divmod,
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
    np.around: _round,
    np.round: _round,
    np.real: elementwise.real,
    np.shape: lambda x: x.shape,
    np.ndim: lambda x: x.ndim,
}


def attach() -> None:
    """Give `Expr` the methods that need promotion and broadcasting, which `graphc.ir` knows nothing about."""
    for name, function in _BINARY.items():
        setattr(Expr, f"__{name}__", _forward(function))
        setattr(Expr, f"__r{name}__", _reflected(function))
    for name, function in _COMPARISONS.items():
        setattr(Expr, f"__{name}__", _forward(function))
    for name, unary in _UNARY.items():
        setattr(Expr, f"__{name}__", _alone(unary))
    methods: dict[str, Any] = {
        "__divmod__": _forward(_divmod),
        "__rdivmod__": _reflected(_divmod),
        "__round__": _round,
        "__getattr__": _missing,
        "__getitem__": getitem,
        "__setitem__": _set_item,
        "at": property(At, doc="x.at[key].set(values), .add, .multiply, .min, .max: x with what x[key] names changed."),
        "__array_ufunc__": _array_ufunc,
        "__array_function__": _array_function,
        "T": property(_transposed, doc="A matrix with its axes exchanged."),
        "mT": property(shapes.matrix_transpose, doc="Every matrix of a stack with its axes exchanged."),
        "value": property(_read_value, _write_value, doc="What a param holds, as a copy; assigning copies in."),
    }
    for name, method in methods.items():
        setattr(Expr, name, method)


def _forward(function: Callable[[Any, Any], Any]) -> Callable[[Expr, Any], Any]:
    def method(self: Expr, other: Any) -> Any:
        return function(self, other)

    return method


def _reflected(function: Callable[[Any, Any], Any]) -> Callable[[Expr, Any], Any]:
    def method(self: Expr, other: Any) -> Any:
        return function(other, self)

    return method


def _alone(function: Callable[[Any], Expr]) -> Callable[[Expr], Expr]:
    def method(self: Expr) -> Expr:
        return function(self)

    return method


def _array_ufunc(self: Expr, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """np.exp(x) and `array + x` build graph too; what graphc does not have, or writing into arrays, is refused."""
    function = _UFUNCS.get(ufunc)
    if function is None or method != "__call__":
        called = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        raise DTypeError(f"np.{called} does not take expressions{describe(x=self)}")
    if kwargs:
        raise DTypeError(f"np.{ufunc.__name__} of an expression takes no {', '.join(kwargs)}{describe(x=self)}")
    return function(*inputs)


def _array_function(
    self: Expr, function: Callable[..., Any], types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
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


def _set_item(self: Expr, key: Any, value: Any) -> NoReturn:
    raise GraphError(
        "expressions do not change; x.at[key].set(value) is x with x[key] changed, and there are .add, .multiply, .min "
        f"and .max{describe(x=self)}"
    )


def _missing(self: Expr, name: str) -> NoReturn:
    """Called for attributes there are none of: what NumPy's arrays have as a method is a function here."""
    instead = f"; write {METHODS[name]}" if name in METHODS else ""
    raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{instead}", name=name, obj=self)


def _transposed(self: Expr) -> Expr:
    if self.ndim != 2:
        raise ShapeError(
            f".T is for matrices; use .mT for stacks of them and gc.permute_dims for other orders{describe(x=self)}"
        )
    return shapes.matrix_transpose(self)


def _read_value(self: Expr) -> Array:
    if self.op.name == "param":
        return leaf.storage(self).read()
    raise GraphError(f"only params hold a value; gc.interpret computes one{describe(x=self)}")


def _write_value(self: Expr, value: object) -> None:
    if self.op.name != "param":
        raise GraphError(f"only params can be assigned a value{describe(x=self)}")
    array = convert(value, self.dtype, f"the value of {self.name!r}")
    if array.shape != self.shape:
        raise ShapeError(f"a value of shape {array.shape} does not fit{describe(param=self)}")
    leaf.storage(self).write(array)
