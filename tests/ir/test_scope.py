"""Scopes: where expressions were built."""

from __future__ import annotations

import threading

import pytest

import graphc as gc
from graphc.ir.graph import Graph, bind_sizes


def test_scopes_nest_and_end() -> None:
    x = gc.input("x", (2,))
    with gc.scope("a"):
        inner = gc.exp(x)
        with gc.scope("b"):
            innermost = gc.exp(inner)
        after = gc.exp(innermost)
    outside = gc.exp(after)
    assert [e.scope for e in (x, inner, innermost, after, outside)] == [(), ("a",), ("a", "b"), ("a",), ()]


def test_an_error_ends_a_scope_too() -> None:
    with pytest.raises(RuntimeError), gc.scope("a"):
        raise RuntimeError
    assert gc.input("x", ()).scope == ()


def test_a_scope_is_no_part_of_identity() -> None:
    x = gc.input("x", (2,))
    with gc.scope("a"):
        first = gc.exp(x)
    with gc.scope("b"):
        second = gc.exp(x)
    assert first is second
    assert second.scope == ("a",)


def test_scopes_belong_to_their_thread() -> None:
    found = []
    with gc.scope("a"):
        thread = threading.Thread(target=lambda: found.append(gc.input("x", ()).scope))
        thread.start()
        thread.join()
    assert found == [()]


def test_scopes_stay_when_sizes_are_bound() -> None:
    with gc.scope("a"):
        y = gc.exp(gc.input("x", ("n",)))
    bound, _ = bind_sizes(Graph((), (y,)), {"n": 3})
    assert bound.outputs[0].shape == (3,)
    assert bound.outputs[0].scope == ("a",)


@pytest.mark.parametrize("name", ["", None, 3])
def test_a_name_is_a_text(name: object) -> None:
    with pytest.raises(gc.GraphError, match="scope: a name is a text"), gc.scope(name):  # type: ignore[arg-type]
        pass
