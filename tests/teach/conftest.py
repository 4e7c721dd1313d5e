"""A network that several tests derive, and what makes a document valid."""

from __future__ import annotations

import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc.ir.expr import Expr
from graphc.ir.op import OpDef
from graphc.teach.derivation import Derivation

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Network:
    """A loss, its parameters by name, and arrays for its inputs."""

    loss: Expr
    params: dict[str, Expr]
    values: dict[Expr, Array]


@pytest.fixture
def perceptron() -> Network:
    """Two dense layers and softmax cross-entropy, as the first chapter of a course has it."""
    rng = np.random.default_rng(0)
    shapes = {"W1": (784, 512), "b1": (512,), "W2": (512, 10), "b2": (10,)}
    params = {n: gc.param(n, rng.normal(0, 0.05, shape).astype("float32")) for n, shape in shapes.items()}
    x, y = gc.input("x", ("batch", 784)), gc.input("y", ("batch",), dtype="int64")
    hidden = gc.relu(x @ params["W1"] + params["b1"])
    logits = hidden @ params["W2"] + params["b2"]
    picked = gc.take_along_axis(gc.log_softmax(logits), gc.expand_dims(y, 1), axis=1)
    loss = gc.mean(-gc.squeeze(picked, axis=1))
    return Network(loss, params, {x: rng.random((6, 784)), y: rng.integers(0, 10, 6)})


@pytest.fixture
def assert_balanced() -> Callable[[str], None]:
    """Braces, \\left and \\right, environments and dollar signs of LaTeX come in pairs."""
    return balanced


def balanced(source: str) -> None:
    bare = re.sub(r"\\[\\{}$%#&_]", "", source)
    depth = 0
    for character in bare:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0, source
    assert depth == 0, source
    assert bare.count(r"\left") == bare.count(r"\right"), source
    assert bare.count(r"\begin") == bare.count(r"\end"), source
    assert bare.count("$") % 2 == 0, source


@pytest.fixture
def assert_valid() -> Callable[[Derivation], None]:
    """Every document of a derivation: balanced LaTeX, well-formed HTML that asks nothing of a network."""

    def check(derivation: Derivation) -> None:
        balanced(derivation.latex())
        balanced(derivation.markdown())
        page = derivation.html()
        ElementTree.fromstring(re.sub(r"<!DOCTYPE html>|<meta [^>]*>", "", page))
        assert not re.search(r"https?:|//|<script|<link|<img|@import|url\(", page)

    return check


@pytest.fixture
def changed() -> Callable[..., AbstractContextManager[None]]:
    """`with changed(op, vjp=...)`: another attribute for an op, which is frozen."""

    @contextmanager
    def change(op: OpDef, **attributes: object) -> Iterator[None]:
        old = {name: getattr(op, name) for name in attributes}
        try:
            for name, value in attributes.items():
                object.__setattr__(op, name, value)
            yield
        finally:
            for name, value in old.items():
                object.__setattr__(op, name, value)

    return change


@pytest.fixture
def typeset(tmp_path: Path) -> Callable[[str], None]:
    """Runs LaTeX over a document, and fails with what it says of errors."""
    program = shutil.which("pdflatex")
    if program is None:
        pytest.skip("no pdflatex here: on Debian texlive-latex-base, -latex-recommended and -fonts-recommended have it")

    def run(document: str) -> None:
        (tmp_path / "document.tex").write_text(document, encoding="utf-8")
        command = [program, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "document.tex"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120)
        complaints = [line for line in done.stdout.splitlines() if line.startswith("!") or "Missing character" in line]
        assert done.returncode == 0 and not complaints, "\n".join(complaints) or done.stdout[-2000:]
        assert (tmp_path / "document.pdf").stat().st_size > 1000

    return run
