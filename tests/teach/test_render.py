"""Documents: valid, self-contained, and on disk complete or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc.teach import Derivation, derive


def awkward() -> Derivation:
    """Names that mean something in every format."""
    x = gc.input("a_b^{c}%$#&~\\", ("n", 3))
    w = gc.param("<script>alert('|')</script>", np.ones((3, 2), "float32"))
    return derive(gc.name(gc.sum(gc.abs(x @ w)), "J & <co>"), w)


def test_documents_are_valid(perceptron: Any, assert_valid: Callable[[Derivation], None]) -> None:
    for detail in ("textbook", "full"):
        for param in perceptron.params.values():
            assert_valid(derive(perceptron.loss, param, detail=detail))  # type: ignore[arg-type]


def test_awkward_names_do_no_harm(assert_valid: Callable[[Derivation], None]) -> None:
    d = awkward()
    assert "<script>" not in d.html() and "&lt;script&gt;" in d.html()
    assert r"\mathrm{J\ \&\ <co>}" in d.latex()
    for document in (d.latex(), d.markdown(), d.text(), d.html()):
        assert "\x00" not in document
    assert_valid(d)


def test_markdown_tables_have_three_cells(perceptron: Any) -> None:
    d = derive(perceptron.loss, perceptron.params["W1"])
    rows = [line for line in d.markdown().splitlines() if line.startswith("|")]
    assert len(rows) == 2 + len(d.legend)
    assert {row.count("|") for row in rows} == {4}
    rows = [line for line in awkward().markdown().splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows} == {4}


def test_every_step_is_in_every_document(perceptron: Any) -> None:
    d = derive(perceptron.loss, perceptron.params["W1"])
    for step in d.steps:
        assert f"$${step.latex}$$" in d.markdown()
        assert rf"\[ {step.latex} \]" in d.latex()
        assert step.text.partition("    ")[0] in d.text()
    assert d.html().count("<li") == len(d.steps)


@pytest.mark.parametrize("ending", [".md", ".html", ".tex", ".txt", ".HTML"])
def test_saved_as_the_ending_asks(perceptron: Any, tmp_path: Path, ending: str) -> None:
    d = derive(perceptron.loss, perceptron.params["W1"])
    path = tmp_path / f"derivation{ending}"
    d.save(path)
    document = path.read_text(encoding="utf-8")
    begin = {
        ".md": "# The derivation of $", ".html": "<!DOCTYPE html>", ".tex": r"\documentclass", ".txt": "∂L/∂W₁, step"
    }[ending.lower()]  # fmt: skip
    assert document.startswith(begin)
    assert document.endswith("\n")
    d.save(str(path))
    assert path.read_text(encoding="utf-8") == document
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("name", ["derivation.pdf", "derivation", ".md.bak"])
def test_other_endings_are_refused_with_the_list(tmp_path: Path, name: str) -> None:
    with pytest.raises(gc.GraphcError, match=r"saved as \.md, \.html, \.tex, \.txt"):
        awkward().save(tmp_path / name)
    assert os.listdir(tmp_path) == []


def test_nothing_is_left_where_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "derivation.md"
    path.write_text("before")

    def refuse(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="the disk is full"):
        awkward().save(path)
    assert os.listdir(tmp_path) == ["derivation.md"]
    assert path.read_text() == "before"
    with pytest.raises(OSError):
        awkward().save(tmp_path / "missing" / "derivation.md")


def test_files_have_ordinary_permissions(tmp_path: Path) -> None:
    path = tmp_path / "derivation.md"
    awkward().save(path)
    (tmp_path / "ordinary").write_text("")
    assert path.stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_signs_are_explained_where_they_occur() -> None:
    x = gc.input("x", ("n", 3))
    w = gc.param("w", np.ones(3, "float32"))
    plain = derive(gc.sum(gc.exp(x)), x).text()
    assert "array of ones" in plain and "brackets" not in plain and "pick" not in plain and "vector" not in plain
    assert "brackets" in derive(gc.sum(gc.relu(x)), x).text()
    assert "a vector is the row or column that fits" in derive(gc.sum(gc.square(x @ w)), w).markdown()
