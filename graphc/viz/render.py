"""From DOT text to bytes of a picture file, within a time limit."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from ..ir.errors import GraphcError

FORMATS = ("svg", "png", "pdf", "dot")
_SCRIPT = Path(__file__).with_name("layout.py")
_SIGNATURES = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}


class LayoutTimeoutError(GraphcError, TimeoutError):
    """Graphviz did not finish within the time limit."""


class RenderError(GraphcError, RuntimeError):
    """Graphviz is missing or refused the drawing."""


def render(dot: str, format: str, time_limit: float) -> bytes:
    """The drawing in a format of `FORMATS`; "dot" is the text itself.

    Raises:
        LayoutTimeoutError: it took longer than `time_limit` seconds.
        RenderError: neither Graphviz nor pygraphviz could be used; the message repeats what they said.
    """
    if format == "dot":
        return dot.encode()
    process = _start(format)
    try:
        drawn, said = process.communicate(dot.encode(), timeout=time_limit)
    except subprocess.TimeoutExpired:
        raise LayoutTimeoutError(f"the layout of the drawing took more than {time_limit:g} s") from None
    finally:
        _end(process)
    if process.returncode or not drawn.startswith(_SIGNATURES[format]):
        words = said.decode(errors="replace").strip() or f"exit code {process.returncode}"
        raise RenderError(f"the drawing could not be rendered as {format}: {words}")
    return drawn


def _start(format: str) -> subprocess.Popen[bytes]:
    """The layout process, at the head of a process group of its own."""
    try:
        return subprocess.Popen(
            [sys.executable, "-P", str(_SCRIPT), format],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise RenderError(f"the layout process could not be started with {sys.executable!r}: {error}") from error


def _end(process: subprocess.Popen[bytes]) -> None:
    """Stop the process and what it started, if anything still runs."""
    if process.poll() is not None:
        return
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.communicate()
