"""Other people's libraries: SymPy's formulas, NetworkX's graphs. Each is imported when it is first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .networkx import from_networkx, to_networkx
    from .sympy_in import from_sympy
    from .sympy_out import to_sympy

__all__ = ["from_networkx", "from_sympy", "to_networkx", "to_sympy"]

_HOMES = {
    "from_networkx": "networkx",
    "from_sympy": "sympy_in",
    "to_networkx": "networkx",
    "to_sympy": "sympy_out",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
