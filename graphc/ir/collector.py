"""Rest for Python's cyclic collector while a graph is worked on.

A pass over a large graph makes many objects that live on and no cycles worth collecting; the collector would look
through all of them again and again, which is half the time of a compilation.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_lock = threading.Lock()
_resting = 0
_was_on = False


def without_collection(work: Callable[P, R]) -> Callable[P, R]:
    """The function with the cyclic collector paused while it runs, in any thread; afterwards it is as it was."""

    @wraps(work)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        global _resting, _was_on
        with _lock:
            if _resting == 0:
                _was_on = gc.isenabled()
                gc.disable()
            _resting += 1
        try:
            return work(*args, **kwargs)
        finally:
            with _lock:
                _resting -= 1
                if _resting == 0 and _was_on:
                    gc.enable()

    return wrapper
