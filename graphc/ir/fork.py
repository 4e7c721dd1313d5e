"""Locks that are free in a child process: the threads that held them when it was forked are not there to let them go.

What they guard is whole at any time: Python forks between two steps of each thread, and nothing is taken apart in
several.
"""

from __future__ import annotations

import os
import threading
import weakref
from contextlib import AbstractContextManager
from typing import Any

_known: weakref.WeakSet[Any] = weakref.WeakSet()


def lock() -> AbstractContextManager[bool]:
    """A reentrant lock."""
    made = threading.RLock()
    _known.add(made)
    return made


def _let_go() -> None:
    for each in list(_known):
        if not each._is_owned():
            each._at_fork_reinit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
