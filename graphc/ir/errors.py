"""The errors a user can meet.

Each is a `GraphcError` and also the built-in error a NumPy user would catch. Messages name the operation, the
shapes and dtypes, and the user's own line that built each operand (`describe`).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .expr import Expr

_state = threading.local()


class GraphcError(Exception):
    """Whatever graphc refuses."""

    operands: Mapping[str, Expr]
    """The expressions that the message describes, by their roles; `gc.draw(error)` shows where they stand."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        text, operands = getattr(_state, "described", ("", {}))
        self.operands = operands if text and args and str(args[0]).endswith(text) else {}
        _state.described = "", {}

    def __reduce__(self) -> tuple[Any, ...]:
        # The message travels between processes, expressions do not.
        return type(self), self.args


class ShapeError(GraphcError, ValueError):
    """Shapes, axes or sizes that do not fit."""


class DTypeError(GraphcError, TypeError):
    """Types that do not fit: a dtype, or an object that is no array."""


class GraphError(GraphcError, ValueError):
    """A graph that cannot be built, differentiated or called as asked."""


class CompileError(GraphcError, RuntimeError):
    """A graph that cannot be turned into native code, or code that could not run."""


class CheckError(GraphcError):
    """What a function compiled with `check=True` found wrong while it ran."""


class NotFiniteError(CheckError, FloatingPointError):
    """A nan, or an infinity made of finite numbers."""


class IndexRangeError(CheckError, IndexError):
    """A computed index that is out of bounds."""


def describe(**operands: Expr) -> str:
    """One indented line for each operand: its role, what it is and the user's line that built it.

    An error whose message ends with these lines also holds the operands.
    """
    lines = []
    for role, expr in operands.items():
        place = f", built at {expr.source}" if expr.source else ""
        lines.append(f"\n  {role}: {expr.label}{place}")
    text = "".join(lines)
    _state.described = text, operands
    return text
