"""In IPython, errors about expressions are drawn after the cell that raised them."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from .ir.errors import GraphcError


def watch() -> None:
    """Be told when a cell ends, where there are cells. Nothing is loaded before the first error."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None:
        shell.events.register("post_run_cell", after_cell)


def after_cell(result: Any) -> None:
    """Draw the error that a cell ended with."""
    error = getattr(result, "error_in_exec", None)
    if isinstance(error, GraphcError):
        importlib.import_module(".viz.notebook", __package__).show_mistake(error)
