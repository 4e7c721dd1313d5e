"""Operators, indexing, `.T`, `.value` and NumPy's own functions on expressions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from ..ir.arguments import convert
from ..ir.errors import GraphError, ShapeError, describe
from ..ir.expr import Expr
from ..ir.op import Array
from ..ops import leaf
from . import elementwise, shapes
from .indexing import At, getitem
from .lifting import ArrayLike
from .product import matmul


def divide_with_remainder(x1: ArrayLike, x2: ArrayLike) -> tuple[Expr, Expr]:
    return elementwise.floor_divide(x1, x2), elementwise.remainder(x1, x2)


def rounded(x: ArrayLike, decimals: int | None = 0) -> Expr:
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
        "__divmod__": _forward(divide_with_remainder),
        "__rdivmod__": _reflected(divide_with_remainder),
        "__round__": rounded,
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
    """np.exp(x) and `array + x` build graph too; NumPy's names are loaded when the first is used."""
    from .numpy_protocol import call_ufunc

    return call_ufunc(self, ufunc, method, *inputs, **kwargs)


def _array_function(
    self: Expr, function: Callable[..., Any], types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """np.sum(x) and its like build graph too."""
    from .numpy_protocol import call_function

    return call_function(self, function, args, kwargs)


def _set_item(self: Expr, key: Any, value: Any) -> NoReturn:
    raise GraphError(
        "expressions do not change; x.at[key].set(value) is x with x[key] changed, and there are .add, .multiply, .min "
        f"and .max{describe(x=self)}"
    )


def _missing(self: Expr, name: str) -> NoReturn:
    """Called for attributes there are none of: what NumPy's arrays have as a method is a function here."""
    from .numpy_names import METHODS

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
