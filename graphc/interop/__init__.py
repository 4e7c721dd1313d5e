"""Other people's libraries: SymPy's formulas, NetworkX's graphs. Each is imported when it is first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .networkx import to_networkx
    from .sympy import from_sympy, to_sympy

__all__ = ["from_sympy", "to_networkx", "to_sympy"]

_HOMES = {"from_sympy": "sympy", "to_networkx": "networkx", "to_sympy": "sympy"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
