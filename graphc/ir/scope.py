"""Which part of the user's model an expression belongs to.

Like a name, a scope is an annotation beside the node and no part of what it is: pictures frame what was built in one,
and an expression that is built twice stays in the scope that built it first.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .errors import GraphError

Path = tuple[str, ...]
"""Names of scopes, the outermost first."""


class _State(threading.local):
    path: Path = ()


_state = _State()


def current_scope() -> Path:
    """The scopes this thread is in."""
    return _state.path


@contextmanager
def scope(name: str) -> Iterator[None]:
    """Expressions built inside are drawn in a frame of this name. Scopes nest; equal paths are one scope.

        with gc.scope("block1"):
            with gc.scope("attention"):
                ...

    Raises:
        GraphError: the name is no text.
    """
    if not isinstance(name, str) or not name:
        raise GraphError(f"scope: a name is a text such as 'block1', not {name!r}")
    before = current_scope()
    _state.path = (*before, name)
    try:
        yield
    finally:
        _state.path = before
