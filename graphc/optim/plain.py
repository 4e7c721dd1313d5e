"""Hyperparameters as plain data: Python's numbers take the dtype of what they meet, and can be saved."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """The value, with Python's numbers and lists in place of NumPy's numbers and arrays."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if type(value) is dict:
        return {key: plain(one) for key, one in value.items()}
    return type(value)(plain(one) for one in value) if type(value) in (list, tuple) else value


def make_plain(thing: Any) -> None:
    """Put Python's numbers in place of NumPy's among the fields of a data class, be it frozen."""
    for f in fields(thing):
        value = getattr(thing, f.name)
        if isinstance(value, np.generic):
            object.__setattr__(thing, f.name, plain(value))
