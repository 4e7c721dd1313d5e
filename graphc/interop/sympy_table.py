"""Each elementwise op as SymPy writes it: a row for every one in the registry.

A row takes the op's arguments and, by keyword, its attributes. It is the op over the real numbers: rounding,
overflow and nan have no counterpart there. Derivatives of a row by SymPy are a second opinion on the op's own.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import sympy

from ..ir.dtype import DType


def _is_number(condition: Any) -> Any:
    """A truth value as 1 or 0."""
    return sympy.Piecewise((1, condition), (0, True))


def _is_truth(x: Any) -> bool:
    return isinstance(x, sympy.logic.boolalg.Boolean) and not isinstance(x, sympy.Symbol)


def _astype(x: Any, dtype: DType) -> Any:
    if dtype.kind == "bool":
        return x if _is_truth(x) else sympy.Ne(x, 0)
    number = _is_number(x) if _is_truth(x) else x
    if dtype.is_float or number.is_integer:
        return number
    return _trunc(number)


def _trunc(x: Any) -> Any:
    return sympy.sign(x) * sympy.floor(sympy.Abs(x))


def _round(x: Any) -> Any:
    """The nearest whole number; of two, the even one."""
    up = sympy.floor(x + sympy.Rational(1, 2))
    is_tie = sympy.And(sympy.Eq(up, x + sympy.Rational(1, 2)), sympy.Eq(sympy.Mod(up, 2), 1))
    return sympy.Piecewise((up - 1, is_tie), (up, True))


def _on_bits(name: str, function: Callable[[int, int], int]) -> Callable[..., Any]:
    """The number where the arguments are numbers; a function that SymPy knows nothing about where they are not."""

    def row(x: Any, y: Any) -> Any:
        if isinstance(x, sympy.Integer) and isinstance(y, sympy.Integer):
            return sympy.Integer(function(int(x), int(y)))
        return sympy.Function(name, integer=True)(x, y)

    return row


def _isfinite(x: Any) -> Any:
    return sympy.false if x is sympy.nan else sympy.Ne(sympy.Abs(x), sympy.oo)


def _piecewise(condition: Any, x: Any, y: Any) -> Any:
    return sympy.Piecewise((x, condition), (y, True))


SYMPY: dict[str, Callable[..., Any]] = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "negative": lambda x: -x,
    "abs": sympy.Abs,
    "sign": sympy.sign,
    "square": lambda x: x**2,
    "sqrt": sympy.sqrt,
    "pow": lambda x, y: x**y,
    "exp": sympy.exp,
    "log": sympy.log,
    "expm1": lambda x: sympy.exp(x) - 1,
    "log1p": lambda x: sympy.log(1 + x),
    "tanh": sympy.tanh,
    "sigmoid": lambda x: 1 / (1 + sympy.exp(-x)),
    "softplus": lambda x: sympy.log(1 + sympy.exp(x)),
    "erf": sympy.erf,
    "erfc": sympy.erfc,
    "lgamma": sympy.loggamma,
    "digamma": sympy.digamma,
    "trigamma": sympy.trigamma,
    "sin": sympy.sin,
    "cos": sympy.cos,
    "tan": sympy.tan,
    "asin": sympy.asin,
    "acos": sympy.acos,
    "atan": sympy.atan,
    "atan2": sympy.atan2,
    "hypot": lambda x, y: sympy.sqrt(x**2 + y**2),
    "sinh": sympy.sinh,
    "cosh": sympy.cosh,
    "asinh": sympy.asinh,
    "acosh": sympy.acosh,
    "atanh": sympy.atanh,
    "exp2": lambda x: 2**x,
    "log2": lambda x: sympy.log(x, 2),
    "log10": lambda x: sympy.log(x, 10),
    "logaddexp": lambda x, y: sympy.log(sympy.exp(x) + sympy.exp(y)),
    "cbrt": lambda x: sympy.sign(x) * sympy.cbrt(sympy.Abs(x)),
    "ceil": sympy.ceiling,
    "floor": sympy.floor,
    "round": _round,
    "trunc": _trunc,
    "floor_divide": lambda x, y: sympy.floor(x / y),
    "remainder": lambda x, y: x - y * sympy.floor(x / y),
    "copysign": lambda x, y: sympy.Abs(x) * sympy.Piecewise((-1, y < 0), (1, True)),
    "nextafter": lambda x, y: x,
    "signbit": lambda x: x < 0,
    "relu": lambda x: sympy.Max(x, 0),
    "maximum": sympy.Max,
    "minimum": sympy.Min,
    "equal": sympy.Eq,
    "not_equal": sympy.Ne,
    "less": sympy.Lt,
    "less_equal": sympy.Le,
    "greater": sympy.Gt,
    "greater_equal": sympy.Ge,
    "logical_and": sympy.And,
    "logical_or": sympy.Or,
    "logical_xor": sympy.Xor,
    "logical_not": sympy.Not,
    "bitwise_and": _on_bits("bitwise_and", operator.and_),
    "bitwise_or": _on_bits("bitwise_or", operator.or_),
    "bitwise_xor": _on_bits("bitwise_xor", operator.xor),
    "bitwise_invert": lambda x: -x - 1,
    "bitwise_left_shift": lambda x, y: x * 2**y,
    "bitwise_right_shift": lambda x, y: sympy.floor(x / 2**y),
    "isfinite": _isfinite,
    "isinf": lambda x: sympy.false if x is sympy.nan else sympy.Eq(sympy.Abs(x), sympy.oo),
    "isnan": lambda x: sympy.true if x is sympy.nan else sympy.false,
    "where": _piecewise,
    "choose": _piecewise,
    "astype": _astype,
    "probe": lambda x, name: x,
    "stop_gradient": lambda x: x,
}
