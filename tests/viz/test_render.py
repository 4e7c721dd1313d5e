"""From DOT to files' bytes: both renderers, the time limit, and what goes wrong."""

from __future__ import annotations

import os
import stat
import sys
import time
from pathlib import Path

import pytest

import graphc as gc
from graphc.viz import LayoutTimeoutError, RenderError
from graphc.viz.render import FORMATS, render

SMALL = "digraph { a -> b }"
MAGIC = {"svg": b"<?xml", "png": b"\x89PNG\r\n\x1a\n", "pdf": b"%PDF-", "dot": b"digraph"}


@pytest.fixture
def fake_dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts a `dot` executable in front of the PATH."""

    def install(body: str) -> Path:
        file = tmp_path / "bin" / "dot"
        file.parent.mkdir()
        file.write_text(f"#!{sys.executable}\nimport sys\n{body}\n")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(file.parent), prepend=os.pathsep)
        return file

    return install


@pytest.mark.parametrize("format", FORMATS)
def test_every_format(format: str) -> None:
    assert render(SMALL, format, 20).startswith(MAGIC[format])


def test_an_executable_is_preferred(fake_dot) -> None:
    fake_dot("sys.stdout.write('<?xml ' + ' '.join(sys.argv[1:]) + sys.stdin.read())")
    assert render(SMALL, "svg", 20) == f"<?xml -Kdot -Tsvg{SMALL}".encode()


def test_what_the_executable_says_is_repeated(fake_dot) -> None:
    fake_dot("sys.stderr.write('no fonts here'); sys.exit(3)")
    with pytest.raises(RenderError, match=r"rendered as png: (?s:.)*exit status 3"):
        render(SMALL, "png", 20)


def test_output_that_is_no_picture_is_refused(fake_dot) -> None:
    fake_dot("sys.stdout.write('hello')")
    with pytest.raises(RenderError, match="could not be rendered as pdf"):
        render(SMALL, "pdf", 20)


def test_text_that_is_no_graph_is_refused() -> None:
    with pytest.raises(RenderError, match="could not be rendered as svg"):
        render("digraph { a -> ", "svg", 20)


def test_the_time_limit_ends_everything_that_was_started(fake_dot, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    fake_dot(f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(60)")
    began = time.monotonic()
    with pytest.raises(LayoutTimeoutError, match=r"more than 1.5 s") as refusal:
        render(SMALL, "svg", 1.5)
    assert time.monotonic() - began < 20
    assert isinstance(refusal.value, gc.GraphcError) and isinstance(refusal.value, TimeoutError)
    assert not _runs(int(note.read_text()))


def _runs(pid: int) -> bool:
    """Whether a process exists and is more than an entry that nobody has collected yet."""
    status = Path(f"/proc/{pid}/stat")
    for _ in range(50):
        if not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z":
            return False
        time.sleep(0.1)
    return True


def test_a_missing_interpreter_is_a_graphc_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(RenderError, match="could not be started"):
        render(SMALL, "svg", 20)
