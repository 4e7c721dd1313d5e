"""A headless Chromium for pages: what a script finds in them, and what the console says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium to open pages with")

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1400,1000",
    "--enable-logging=stderr",
)  # fmt: skip
_RESULT = re.compile(r'<pre id="result">(.*?)</pre>', re.DOTALL)
_CONSOLE = re.compile(r"CONSOLE[^\n]*")


def dom(page: Path, profile: Path) -> tuple[str, list[str]]:
    """The page as it is after its scripts ran, and the lines of its console."""
    assert CHROMIUM is not None
    run = subprocess.run(
        [CHROMIUM, *_FLAGS, f"--user-data-dir={profile}", "--dump-dom", page.as_uri()],
        capture_output=True,
        timeout=90,
    )
    return run.stdout.decode(), _CONSOLE.findall(run.stderr.decode(errors="replace"))


def walk(page: Path, script: str, folder: Path) -> tuple[Any, list[str]]:
    """What a script returns that runs in a copy of the page after the page's own, and the lines of the console.

    The copy is without the policy that would keep the script from running.
    """
    text = page.read_text(encoding="utf-8")
    free = re.sub(r"<meta http-equiv=\"Content-Security-Policy\"[^>]*>", "", text)
    assert free != text
    probe = f"""<script>
      const result = document.createElement("pre");
      result.id = "result";
      try {{ result.textContent = JSON.stringify((() => {{ {script} }})()); }}
      catch (error) {{ result.textContent = JSON.stringify("failed: " + error.stack); }}
      document.body.append(result);
    </script>"""
    copy = folder / "walk.html"
    copy.write_text(free.replace("</body>", f"{probe}</body>"), encoding="utf-8")
    shown, console = dom(copy, folder / "profile")
    (found,) = _RESULT.findall(shown)
    return json.loads(found.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")), console
