"""What a notebook shows after an error."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc import notebook


class Shell:
    """As much of IPython as a cell with an error needs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.callbacks: list[Any] = []
        self.shown: list[Any] = []
        self.events = SimpleNamespace(register=lambda event, callback: self.callbacks.append((event, callback)))
        ipython, display = ModuleType("IPython"), ModuleType("IPython.display")
        ipython.get_ipython = lambda: self  # type: ignore[attr-defined]
        display.SVG = lambda data: ("svg", data)  # type: ignore[attr-defined]
        display.display = self.shown.append  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "IPython", ipython)
        monkeypatch.setitem(sys.modules, "IPython.display", display)

    def end_cell(self, error: BaseException | None) -> None:
        for event, callback in self.callbacks:
            assert event == "post_run_cell"
            callback(SimpleNamespace(error_in_exec=error))


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Shell:
    made = Shell(monkeypatch)
    notebook.watch()
    return made


def test_an_error_about_expressions_is_drawn(shell: Shell) -> None:
    with pytest.raises(gc.ShapeError) as refusal:
        gc.name(gc.input("x", (2, 3)), "x") @ gc.param("W", np.zeros((4, 5), "f"))
    shell.end_cell(refusal.value)
    ((kind, svg),) = shell.shown
    assert kind == "svg"
    assert b"does not fit" in svg


@pytest.mark.parametrize("error", [None, ValueError("no"), gc.GraphError("about nothing that is drawn")])
def test_nothing_else_is(shell: Shell, error: BaseException | None) -> None:
    shell.end_cell(error)
    assert shell.shown == []


def test_without_graphviz_the_message_is_all(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(gc.ShapeError) as refusal:
        gc.input("x", (2, 3)) @ gc.input("y", (4, 5))
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    shell.end_cell(refusal.value)
    assert shell.shown == []


def test_outside_of_notebooks_nobody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Shell(monkeypatch)
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: None)
    notebook.watch()
    assert made.callbacks == []
