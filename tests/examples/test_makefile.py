"""The Makefile chooses a Python or says what is missing. Making environments is left to the targets' daily use."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")


def make(*arguments, folder=ROOT):
    # Without the flags and variables of a make that may be running these tests.
    clean = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "VENV", "PYTHON")}
    return subprocess.run(["make", "-C", str(folder), *arguments], capture_output=True, text=True, env=clean)


def test_help_is_what_make_does_alone():
    done = make()
    assert done.returncode == 0
    for target in ("demo", "test", "test-slow", "lint", "bench", "docs", "clean"):
        assert f"make {target} " in done.stdout


@pytest.mark.parametrize("chosen", ["PYTHON=", "PYTHON=no-such-python"])
def test_a_missing_python_is_said(tmp_path, chosen):
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    done = make(chosen, "test", folder=tmp_path)
    assert done.returncode != 0
    assert "graphc needs Python 3.11 or newer" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_targets_share_an_environment_that_is_as_new_as_pyproject(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    assert "pip" in make("-n", "test", folder=tmp_path).stdout
    (tmp_path / ".venv" / "dev.stamp").touch()
    assert "pip" not in make("-n", "test", folder=tmp_path).stdout
    assert "pip" in make("-n", "demo", folder=tmp_path).stdout
    os.utime(tmp_path / ".venv" / "dev.stamp", (0, 0))
    assert "pip" in make("-n", "test", folder=tmp_path).stdout
