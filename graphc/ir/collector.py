"""Rest for Python's cyclic collector while a graph is worked on.

A pass over a large graph makes many objects that live on and no cycles worth collecting; the collector would look
through all of them again and again, which is half the time of a compilation.
"""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from .fork import lock

P = ParamSpec("P")
R = TypeVar("R")

_lock = lock()
_resting = 0
"""How many times any thread has asked for it."""
_was_on = False
_own = threading.local()


def without_collection(work: Callable[P, R]) -> Callable[P, R]:
    """The function with the cyclic collector paused while it runs, in any thread; afterwards it is as it was."""

    @wraps(work)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        before = getattr(_own, "resting", 0)
        try:
            _rest(before + 1)
            return work(*args, **kwargs)
        finally:
            try:
                _rest(before)
            except KeyboardInterrupt:  # one that came here: it may have come before anything was done
                _rest(before)
                raise

    return wrapper


def _rest(own: int) -> None:
    """Have this thread ask for it so many times.

    A signal may come with any call: none stands between what belongs together, and asking the same again does no harm.
    """
    global _resting, _was_on
    with _lock:
        more = own - getattr(_own, "resting", 0)
        if _resting == 0 and more > 0:
            _was_on = gc.isenabled()
        _resting += more
        _own.resting = own
        if _resting > 0:
            gc.disable()
        elif more < 0 and _was_on:
            gc.enable()


def _alone() -> None:
    """In a child process the other threads ask for nothing."""
    global _resting
    others = _resting - getattr(_own, "resting", 0)
    _resting -= others
    if others and _resting == 0 and _was_on:
        gc.enable()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_alone)
