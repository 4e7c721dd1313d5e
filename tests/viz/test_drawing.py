"""What users hold: notebooks, files, and drawings that take too long."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import graphc as gc
from graphc.viz import Drawing, LayoutTimeoutError, drawing

MAGIC = {".svg": b"<?xml", ".png": b"\x89PNG\r\n\x1a\n", ".pdf": b"%PDF-", ".dot": b"digraph graphc {"}


@pytest.fixture
def small() -> Drawing:
    return gc.draw(gc.exp(gc.input("x", (2, 3))))


@pytest.mark.parametrize("ending", MAGIC)
def test_save(small: Drawing, tmp_path: Path, ending: str) -> None:
    path = small.save(tmp_path / f"g{ending}")
    assert path == tmp_path / f"g{ending}"
    assert path.read_bytes().startswith(MAGIC[ending])
    assert os.listdir(tmp_path) == [f"g{ending}"]


def test_save_takes_text_and_capital_letters(small: Drawing, tmp_path: Path) -> None:
    assert small.save(str(tmp_path / "G.DOT")).read_text(encoding="utf-8") == small.source


@pytest.mark.parametrize("name", ["g.gif", "g", "g.svg.bak", ".svg"])
def test_unknown_endings_are_refused(small: Drawing, tmp_path: Path, name: str) -> None:
    with pytest.raises(gc.GraphError, match=r"should be one of \.svg, \.png, \.pdf, \.dot"):
        small.save(tmp_path / name)
    assert os.listdir(tmp_path) == []


def test_saved_files_have_ordinary_permissions(small: Drawing, tmp_path: Path) -> None:
    ordinary = tmp_path / "ordinary"
    ordinary.write_text("")
    assert small.save(tmp_path / "g.dot").stat().st_mode == ordinary.stat().st_mode


def test_a_failed_save_leaves_the_old_file_and_nothing_else(
    small: Drawing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "g.dot"
    target.write_text("old")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(drawing.os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        small.save(target)
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["g.dot"]


def test_a_folder_that_is_not_there_is_an_os_error(small: Drawing, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        small.save(tmp_path / "nowhere" / "g.dot")


def test_notebooks_get_svg(small: Drawing) -> None:
    bundle = small._repr_mimebundle_()
    assert bundle["image/svg+xml"] == small._repr_svg_() == small.svg().decode()
    assert "<svg" in bundle["image/svg+xml"]
    assert bundle["text/plain"] == repr(small) == "<Drawing: 2 boxes, 1 arrows; .save('graph.svg') to look at it>"


def test_a_format_is_rendered_once(small: Drawing, monkeypatch: pytest.MonkeyPatch) -> None:
    first = small.png()
    monkeypatch.setattr(drawing, "render", None)
    assert small.png() is first


def _slow_above(limit: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A renderer that is too slow for more than `limit` boxes; the numbers it was asked for."""
    asked: list[int] = []

    def render(dot: str, format: str, time_limit: float) -> bytes:
        asked.append(dot.count("[label=<matmul"))
        if asked[-1] > limit:
            raise LayoutTimeoutError(f"more than {time_limit:g} s")
        return dot.encode()

    monkeypatch.setattr(drawing, "render", render)
    return asked


def _products(count: int) -> gc.Expr:
    x = gc.input("x", (2, 2))
    for _ in range(count):
        x = x @ x
    return x


def test_a_layout_that_takes_too_long_is_tried_with_fewer_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = _slow_above(50, monkeypatch)
    drawn = gc.draw(_products(300)).svg().decode()
    assert asked == [300, 100, 25]
    assert "only what is nearest to the outputs is drawn; 276 nodes are left out" in drawn


def test_in_the_end_the_time_limit_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = _slow_above(0, monkeypatch)
    with pytest.raises(LayoutTimeoutError, match="more than 2 s"):
        gc.draw(_products(300), time_limit=2).svg()
    assert asked == [300, 100, 25]


def test_a_small_graph_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = _slow_above(0, monkeypatch)
    with pytest.raises(LayoutTimeoutError):
        gc.draw(_products(5)).svg()
    assert asked == [5]


def test_a_hundred_boxes_are_drawn_quickly() -> None:
    began = time.perf_counter()
    gc.draw(_products(100)).svg()
    # A second on an idle machine; the suite's machine may be busy.
    assert time.perf_counter() - began < 5


def test_drawing_needs_no_plotting_library_in_this_process() -> None:
    code = (
        "import sys, graphc as gc; gc.draw(gc.exp(gc.input('x', ()))).source;"
        "print([m for m in ('graphviz', 'pygraphviz', 'networkx', 'sympy') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
