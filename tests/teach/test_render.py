"""Documents: valid, self-contained, and on disk complete or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from opchecks import differentiable

import graphc as gc
from graphc.ir.expr import make, post_order
from graphc.ir.op import REGISTRY
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
    assert r"\mathrm{J\ \&\ {<}co{>}}" in d.latex()
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


# LaTeX for real ------------------------------------------------------------------------------------------------

PREAMBLE = "\\documentclass{article}\n\\usepackage{amsmath,amssymb,graphicx}\n\\begin{document}\n"


def test_documents_can_be_typeset(perceptron: Any, typeset: Callable[[str], None], tmp_path: Path) -> None:
    d = derive(perceptron.loss, perceptron.params["W1"])
    d.check(perceptron.values)
    d.save(tmp_path / "saved.tex")
    typeset((tmp_path / "saved.tex").read_text(encoding="utf-8"))


def test_fragments_can_be_typeset_in_a_plain_article(perceptron: Any, typeset: Callable[[str], None]) -> None:
    parts = []
    for name, param in perceptron.params.items():
        d = derive(perceptron.loss, param, detail="full" if name == "b1" else "textbook")
        parts += [d.latex(), d.in_indices().latex(), d.exercise("rules").latex()]
    typeset(PREAMBLE + "\n".join(parts) + "\\end{document}\n")


def test_any_name_can_be_typeset(typeset: Callable[[str], None]) -> None:
    names = [
        "a_b^{c}%$#&~\\",
        "<x>|'\"",
        "naïve ő",
        "重み",
        "Привет",
        "α_β",
        "x̂",
        "ﬁ½²₃",
        "🙂",
        "\\input{/etc/passwd}",
        "\t\x07",
    ]
    total: Any = 0.0
    for name in names:
        total = total + gc.sum(gc.tanh(gc.input(name, ("n", 2), "float64")))
    (x,) = (e for e in leaves(total) if e.name == names[0])
    d = derive(gc.name(total, "Σ of \\everything{"), x)
    assert d.latex().isascii()
    typeset(PREAMBLE + d.latex() + d.in_indices().latex() + "\\end{document}\n")


def leaves(expr: gc.Expr) -> list[gc.Expr]:
    return [node for node in post_order((expr,)) if node.op.name == "input"]


OPS = [op for op in REGISTRY.values() if op.kind != "leaf" and differentiable(op) and op.vjp is not None]


def test_every_op_can_be_typeset(typeset: Callable[[str], None]) -> None:
    parts = []
    for op in OPS:
        case = next(c for c in differentiable(op) if all(0 not in s for s in c.sample.shapes))
        inputs = case.inputs()
        out = make(op, tuple(inputs), case.attrs)
        pulled = op.vjp(out, out, *inputs) if op.vjp else ()
        for variable, cotangent in zip(inputs, pulled, strict=True):
            if cotangent is not None:
                d = derive(gc.sum(out), variable)
                assert d.latex().isascii(), op
                parts.append(d.latex())
    typeset(PREAMBLE + "\n\\newpage\n".join(parts) + "\\end{document}\n")


# What a check leaves beside the steps ----------------------------------------------------------------------------


def test_checked_documents_say_so_beside_each_step(perceptron: Any, assert_valid: Callable[[Derivation], None]) -> None:
    d = derive(perceptron.loss, perceptron.params["W1"])
    assert "✓" not in d.text() + d.markdown() + d.html() and "checkmark" not in d.latex()
    assert d.check(perceptron.values)
    for document, mark in ((d.text(), "✓"), (d.markdown(), "✓"), (d.html(), "✓"), (d.latex(), "checkmark")):
        assert document.count("checked by finite differences") == sum(s.kind == "chain" for s in d.steps)
        assert document.count(mark) == document.count("checked by") == len(d.steps)
    assert_valid(d)


def test_what_fails_is_marked_too(perceptron: Any, assert_valid: Callable[[Derivation], None]) -> None:
    x = gc.input("x", (3,), "float64")
    d = derive(gc.sum(gc.log(x)), x)
    assert not d.check({x: np.array([1.0, np.nan, 2.0])})
    for document in (d.text(), d.markdown(), d.html(), d.latex()):
        assert "check fails: cannot be compared: 1 nan in the argument" in document
    assert 'class="check fails"' in d.html()
    assert_valid(d)
