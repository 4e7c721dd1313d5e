"""Formulas read as a reader would: given a number or array for each symbol, the value of the whole.

A check uses it to hold what is printed against the graph. Vectors are rows or columns as the place asks. What a
formula leaves to the words beside it (which entries `embed` means, for instance) cannot be read: `UnsaidError`.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..ir.op import REGISTRY, Array
from .formula import (
    Apply,
    At,
    Bars,
    Formula,
    Infix,
    Iverson,
    Negated,
    Number,
    Power,
    Product,
    Quotient,
    Root,
    Sum,
    SumOver,
    Symbol,
    Transposed,
    Words,
)
from .printers import text
from .rows import ONES

_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "=": np.equal, "≠": np.not_equal, "<": np.less, "≤": np.less_equal, ">": np.greater, "≥": np.greater_equal,
    "∧": np.logical_and, "∨": np.logical_or,
}  # fmt: skip


def _softmax(x: Array) -> Array:
    powers = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True))


def _extremum(of_two: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    return lambda *xs: of_two(*xs) if len(xs) == 2 else None


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "ln": np.log, "arcsin": np.arcsin, "arccos": np.arccos, "arctan": np.arctan, "arsinh": np.arcsinh,
    "arcosh": np.arccosh, "artanh": np.arctanh, "max": _extremum(np.maximum), "min": _extremum(np.minimum),
    "const": lambda x: x, "broadcast": lambda x: x, "astype": lambda x: x, "not": np.logical_not,
    "softmax": _softmax, "ln softmax": lambda x: np.log(_softmax(x)),
    "logsumexp": lambda x: np.log(np.exp(x).sum(-1)),
    "pick": lambda x, y: np.take_along_axis(x, y.reshape(len(x), 1), 1),
}  # fmt: skip
"""Functions by the names they have in formulas; those of the registry's elementwise ops need no row."""


class UnsaidError(Exception):
    """A formula that leaves to the words what it needs: which axes, which places."""


class Reader:
    """Values of formulas, given those of symbols and sizes.

    With `classes`, pick and onehot speak of the rows of a matrix with that many columns.
    """

    def __init__(
        self,
        values: Mapping[Formula, Array],
        sizes: Mapping[str, int],
        classes: int | None = None,
        functions: Mapping[str, Callable[..., Any]] = FUNCTIONS,
    ) -> None:
        self._values, self._sizes, self._classes, self._functions = values, sizes, classes, functions

    def __call__(self, formula: Formula) -> Array:
        """
        Raises:
            UnsaidError: the formula does not say everything.
        """
        return np.asarray(self._read(formula))

    def _read(self, formula: Formula) -> Any:
        if formula in self._values:
            return self._values[formula]
        match formula:
            case Number(written):
                return np.float64(written.replace("∞", "inf"))
            case Words(words):
                return np.float64(_size(words, self._sizes))
            case Symbol("𝟏"):
                return np.float64(1)
            case Symbol("π"):
                return np.pi
            case Negated(of):
                return -self(of)
            case Sum(terms):
                return sum(_aligned([self(t) for t in terms]))
            case Product("matrix", factors):
                return self._chain(factors)
            case Product(_, factors):
                return math.prod(_aligned([self(f) for f in factors]))
            case Quotient(a, b):
                return operator.truediv(*_aligned([self(a), self(b)]))
            case Power(a, b):
                return self(a) ** self(b)
            case Transposed(of):
                return np.swapaxes(x, -1, -2) if (x := self(of)).ndim > 1 else x
            case Root(of):
                return np.sqrt(self(of))
            case Bars(of):
                return np.abs(self(of))
            case Infix(a, sign, b):
                return _COMPARISONS[sign](self(a), self(b))
            case Iverson(of):
                return self(of).astype(float)
            case SumOver(axes, of):
                return _total(axes, self(of))
            case At(base, index):
                if (array := self(base)).ndim != len(index):
                    raise UnsaidError("a window of ones")
                return array[tuple(_window(i, self._sizes) for i in index)]
            case Apply("onehot", (labels,)) if self._classes:
                return np.eye(self._classes)[self(labels).reshape(-1)]
            case Apply(function, args) if function != "pick" or self._classes:
                value = self._apply(function, tuple(map(self, args)))
                if value is not None:
                    return value
        raise UnsaidError(text(formula))

    def _apply(self, function: str, args: tuple[Array, ...]) -> Any:
        found = self._functions.get(function)
        if found is not None:
            try:
                return found(*args)
            except TypeError:  # with this number of arguments the name means something else
                return None
        op = REGISTRY.get(function)
        if op is None or op.kind != "elementwise" or op.arity != len(args) or op.params:
            return None
        return op.reference({}, *args)

    def _chain(self, factors: tuple[Formula, ...]) -> Array:
        if factors[-1] == Transposed(ONES):
            left = self._chain(factors[:-1]) if len(factors) > 2 else self(factors[0])
            if left.ndim == 0:
                raise UnsaidError("a column of a shape")
            return np.asarray(left.reshape(len(left), 1))
        arrays = [self(f) for f in factors]
        if any(array.ndim == 0 for array in arrays):
            raise UnsaidError("ones of a shape")
        turned = [isinstance(f, Transposed) and array.ndim == 1 for f, array in zip(factors, arrays, strict=True)]
        result = arrays[0]
        for i, array in enumerate(arrays[1:], 1):
            result = _matrix_product(result, array, any(turned[: i + 1]))
        return result


def _matrix_product(left: Array, right: Array, is_turned: bool) -> Array:
    """A vector is the row or column that fits. Of two that fit both ways, x y is a row times a column, and with one of
    them transposed, x yᵀ or xᵀ y, it is a column times a row."""
    if left.ndim == right.ndim == 1 and is_turned:
        return np.multiply.outer(left, right)
    if right.ndim == 1 and left.shape[-1] == 1:
        return left * right
    if left.shape[-1] != right.shape[max(right.ndim - 2, 0)]:
        raise UnsaidError("a product of other shapes")
    return np.asarray(np.matmul(left, right))


def _aligned(parts: list[Array]) -> list[Array]:
    """Arrays as one combines them: (n, 1) and (n) are the same column."""
    arrays = [p for p in parts if p.ndim]
    if all(p.size == arrays[0].size for p in arrays):
        return [p.reshape(arrays[-1].shape) if p.ndim else p for p in parts]
    return parts


def _total(axes: str, x: Array) -> Array:
    if x.ndim == 0:
        raise UnsaidError("ones of a shape")
    numbers = {"": tuple(range(x.ndim)), "rows": (0,), "columns": (1,)}
    if axes not in numbers:
        numbers[axes] = tuple(int(n) for n in axes.removeprefix("axes").removeprefix("axis").split(","))
    return np.asarray(x.sum(numbers[axes]))


# Sizes ---------------------------------------------------------------------------------------------------------

_SIGNS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv,
}  # fmt: skip


def _window(index: str, sizes: Mapping[str, int]) -> int | slice:
    """One entry of X[1:n, 3]."""
    parts = [_size(part, sizes) if part else None for part in index.split(":")]
    return slice(*parts) if len(parts) > 1 else int(parts[0] or 0)


def _size(words: str, sizes: Mapping[str, int]) -> int:
    """A size such as 3 · batch or n + 1.

    Raises:
        UnsaidError: the words are no size.
    """
    try:
        return _size_of(ast.parse(words.replace("·", "*").strip(), mode="eval").body, sizes)
    except (SyntaxError, KeyError):
        raise UnsaidError(words) from None


def _size_of(node: ast.expr, sizes: Mapping[str, int]) -> int:
    match node:
        case ast.Constant(int(value)):
            return value
        case ast.Name(name):
            return sizes[name]
        case ast.UnaryOp(ast.USub(), of):
            return -_size_of(of, sizes)
        case ast.BinOp(left, sign, right) if type(sign) in _SIGNS:
            found: int = _SIGNS[type(sign)](_size_of(left, sizes), _size_of(right, sizes))
            return found
        case _:
            raise KeyError(ast.unparse(node))
