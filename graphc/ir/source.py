"""Where in the user's code an expression was built."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache
from types import FrameType
from typing import Any, NamedTuple

from .package import DIRECTORY

_PACKAGE = DIRECTORY + os.sep
_LIBRARY, _INSTALLED = os.path.dirname(os.__file__) + os.sep, os.sep + "site-packages" + os.sep
_is_ours: dict[str, bool] = {}
_UNKNOWN: Any = object()


class _State(threading.local):
    known: Any = _UNKNOWN


_state = _State()


class Source(NamedTuple):
    """A line of the user's code."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@lru_cache(maxsize=4096)
def _at(file: str, line: int) -> Source:
    """One object for each line: a loop that builds a large graph needs only one."""
    return Source(file, line)


def user_source() -> Source | None:
    """The innermost frame outside graphc and Python's own library; None while the compiler itself builds nodes."""
    known: Source | None = _state.known
    if known is not _UNKNOWN:
        return known
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        file = frame.f_code.co_filename
        ours = _is_ours.get(file)
        if ours is None:
            ours = _is_ours[file] = file.startswith(_PACKAGE) or _is_pythons(file)
        if not ours:
            return _at(file, frame.f_lineno)
        frame = frame.f_back
    return None


def _is_pythons(file: str) -> bool:
    """Whether a file is of Python's own library: what it calls for the user, such as a cached property."""
    return file.startswith("<frozen ") or (file.startswith(_LIBRARY) and _INSTALLED not in file)


@contextmanager
def _known(source: Source | object | None) -> Iterator[None]:
    before = _state.known
    _state.known = source
    try:
        yield
    finally:
        _state.known = before


def no_sources() -> AbstractContextManager[None]:
    """Inside, nodes are the compiler's: their provenance is kept in tables of the compilation instead."""
    return _known(None)


def one_source() -> AbstractContextManager[None]:
    """Inside, all that is built is of the line that the user's code is at now: nobody needs to look again."""
    return _known(user_source())


def own_sources() -> AbstractContextManager[None]:
    """Inside of `one_source`, around code of the user's: what that builds has lines of its own."""
    return nullcontext() if _state.known is None or _state.known is _UNKNOWN else _known(_UNKNOWN)
