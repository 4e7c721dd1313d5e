"""Reading what a student writes: x.T @ delta1, in the names that a derivation uses.

Only operators, numbers, names that are given, `.T` and graphc's own functions of arrays are understood; nothing of
an answer is ever run as Python.
"""

from __future__ import annotations

import ast
import operator
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import graphc as gc

from .. import frontend
from ..ir.dtype import DType
from ..ir.errors import GraphcError, GraphError
from ..ir.expr import Expr
from .escapes import keyboard
from .formula import Formula, Part, Partial, Symbol, Words
from .printers import text

_OPERATORS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.MatMult: operator.matmul, ast.Pow: operator.pow, ast.UAdd: operator.pos, ast.USub: operator.neg,
    ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}  # fmt: skip
_MAKERS = frozenset(("input", "param", "constant", "name", "probe"))
"""Functions of the frontend that are no mathematics."""
_LONGEST = 1000


class Given(Mapping[str, Expr]):
    """Expressions by the names an answer may use for them: W1, delta2, dL_dZ1."""

    def __init__(self, functions: Mapping[str, Callable[..., Any]] | None = None) -> None:
        self.functions = functions or {}
        """What may be called besides the functions of arrays: those that formulas are written with."""
        self._by_name: dict[str, Expr] = {}
        self._spelled: dict[str, str] = {}

    def add(self, symbol: Formula, value: Expr) -> None:
        """Let an expression be called by its symbol, in letters of a keyboard or as it is printed."""
        name = typed(symbol)
        if name.isidentifier() and name not in self._by_name:
            self._by_name[name] = value
            self._spelled[_plain(text(symbol))] = name

    def spelled(self, answer: str) -> str:
        """An answer in which printed symbols such as ∂L/∂Z₁ are replaced by their names."""
        answer = _plain(answer)
        for printed in sorted(self._spelled, key=len, reverse=True):
            if not printed.isidentifier():
                answer = answer.replace(printed, self._spelled[printed])
        return answer

    def __getitem__(self, name: str) -> Expr:
        return self._by_name[self._spelled.get(name, name)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)


def typed(symbol: Formula) -> str:
    """A symbol in letters of a keyboard: δ₁ is delta1, ∂L/∂Z₁ is dL_dZ1."""
    match symbol:
        case Symbol(base, sub):
            return _plain(keyboard(base) + sub)
        case Partial(of, by):
            return f"d{typed(of)}_d{typed(by)}"
        case Part(of, number):
            return f"{typed(of)}_{number}"
        case Words(words):
            return words
        case _:
            return ""


def _plain(words: str) -> str:
    return unicodedata.normalize("NFKC", words)


def read_answer(answer: Any, given: Given, dtype: DType) -> Expr:
    """The answer as an expression of that dtype.

    Raises:
        GraphError: it is of a kind, or says something, that is not understood.
    """
    if isinstance(answer, str):
        answer = _read(answer, given)
    elif type(answer).__module__.partition(".")[0] == "sympy":
        answer = gc.from_sympy(answer, dict(given))
    if isinstance(answer, (bool, int, float)):
        answer = gc.constant(answer, dtype)
    if not isinstance(answer, Expr):
        raise GraphError(f"exercise: an answer is a string, an expression or a number, not {type(answer).__name__}")
    return gc.astype(answer, dtype)


def _read(answer: str, given: Given) -> Any:
    if len(answer) > _LONGEST:
        raise GraphError(f"exercise: an answer of {len(answer)} characters; {_LONGEST} are enough")
    try:
        return _value(ast.parse(given.spelled(answer).strip(), mode="eval").body, given)
    except (SyntaxError, RecursionError, MemoryError):
        raise GraphError(f"exercise: {answer!r} cannot be read; write for example x.T @ delta1") from None
    except GraphcError:
        raise
    except (TypeError, ValueError, ArithmeticError) as error:
        raise GraphError(f"exercise: {answer!r} cannot be computed: {error}") from None


def _value(node: ast.expr, given: Given) -> Any:
    match node:
        case ast.Constant(value) if isinstance(value, (bool, int, float)):
            return value
        case ast.Name(name):
            if name not in given:
                raise GraphError(f"exercise: {name!r} is not known here; there are {', '.join(given)}")
            return given[name]
        case ast.Tuple(parts) | ast.List(parts):
            return tuple(_value(part, given) for part in parts)
        case ast.UnaryOp(sign, operand) if type(sign) in _OPERATORS:
            return _OPERATORS[type(sign)](_value(operand, given))
        case ast.BinOp(left, sign, right) if type(sign) in _OPERATORS:
            return _applied(type(sign), _value(left, given), _value(right, given))
        case ast.Compare(left, [sign], [right]) if type(sign) in _OPERATORS:
            return _OPERATORS[type(sign)](_value(left, given), _value(right, given))
        case ast.Attribute(of, "T"):
            return _value(of, given).T
        case ast.Call(ast.Name(name), args, keywords):
            named = {str(k.arg): _value(k.value, given) for k in keywords}
            return _function(name, given)(*(_value(a, given) for a in args), **named)
        case _:
            raise GraphError(f"exercise: {ast.unparse(node)!r} is not understood in an answer")


def _applied(sign: type, left: Any, right: Any) -> Any:
    """An operator at work. Powers of plain numbers are floats: those of integers can take for ever."""
    if sign is ast.Pow and not isinstance(left, Expr):
        left = float(left)
    return _OPERATORS[sign](left, right)


def _function(name: str, given: Given) -> Callable[..., Any]:
    if name in given.functions:
        return given.functions[name]
    found: Callable[..., Any] | None = getattr(gc, name, None) if name in gc.__all__ else None
    if found is None or not found.__module__.startswith(frontend.__name__) or name in _MAKERS:
        raise GraphError(
            f"exercise: there is no function {name!r} of arrays; functions are called as in graphc, exp(x)"
        )
    return found
