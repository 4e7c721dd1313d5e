"""Each elementwise op as SymPy writes it: a row for every one in the registry.

A row takes the op's arguments and, by keyword, its attributes. It is the op over the real numbers: rounding,
overflow and nan have no counterpart there. Derivatives of a row by SymPy are a second opinion on the op's own.
"""

from __future__ import annotations

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
    return sympy.sign(number) * sympy.floor(sympy.Abs(number))


def _isfinite(x: Any) -> Any:
    return sympy.false if x is sympy.nan else sympy.Ne(sympy.Abs(x), sympy.oo)


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
    "logical_not": sympy.Not,
    "isfinite": _isfinite,
    "where": lambda condition, x, y: sympy.Piecewise((x, condition), (y, True)),
    "astype": _astype,
    "stop_gradient": lambda x: x,
}
