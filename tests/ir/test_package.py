"""Telling one state of the package's files from another."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from graphc.ir import package


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of two files, long unchanged when it was imported."""
    (tmp_path / "room").mkdir()
    for name in ("a.py", "room/b.py"):
        (tmp_path / name).write_text("x = 1\n")
        os.utime(tmp_path / name, ns=(10**18, 10**18))
    monkeypatch.setattr(package, "DIRECTORY", str(tmp_path))
    monkeypatch.setattr(package, "IMPORTED_NS", 2 * 10**18)
    package.fingerprint.cache_clear()
    yield tmp_path
    package.fingerprint.cache_clear()


def _again() -> str | None:
    package.fingerprint.cache_clear()
    return package.fingerprint()


def test_every_change_of_a_file_is_another_fingerprint(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = [package.fingerprint()]
    file = folder / "room" / "b.py"
    os.utime(file, ns=(10**18, 10**18 + 1))
    seen.append(_again())
    file.write_text("x = 12\n")
    os.utime(file, ns=(10**18, 10**18))
    seen.append(_again())
    file.rename(folder / "room" / "c.py")
    seen.append(_again())
    monkeypatch.setattr("graphc.__version__", "99")
    seen.append(_again())
    assert None not in seen and len(set(seen)) == len(seen)


def test_what_is_no_source_does_not_matter(folder: Path) -> None:
    before = package.fingerprint()
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "a.py").write_text("")
    (folder / "py.typed").write_text("")
    assert _again() == before


def test_a_change_after_the_import_is_noticed(folder: Path) -> None:
    assert package.is_unchanged()
    os.utime(folder / "a.py", ns=(10**18, 3 * 10**18))
    assert not package.is_unchanged()
    assert _again() is None
    assert package.fingerprint() is None


def test_without_files_there_is_no_fingerprint(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "DIRECTORY", str(folder / "archive.zip"))
    assert _again() is None
