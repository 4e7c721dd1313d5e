"""The package as it lies on disk: where its files are, and whether they are still those that this process runs."""

from __future__ import annotations

import functools
import os
import sys
import time

DIRECTORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
IMPORTED_NS = time.time_ns()
"""When the package was imported. Code of files changed since is not what this process runs."""


@functools.cache
def fingerprint() -> str | None:
    """What tells this graphc from every other; None where its files have changed since it was imported.

    Looked at once, for that costs a millisecond: before something is left for others, ask `is_unchanged`.
    """
    files = _files()
    if not files or max(changed for _, _, changed in files) >= IMPORTED_NS:
        return None
    return _described(files)


def is_unchanged() -> bool:
    """Whether the files are still those that `fingerprint` saw."""
    return _described(_files()) == fingerprint()


def _described(files: list[tuple[str, int, int]]) -> str:
    version = getattr(sys.modules.get(__name__.partition(".")[0]), "__version__", "")
    return f"{version} {sorted(files)}"


def _files() -> list[tuple[str, int, int]]:
    """Name, size and time of change of each source file; nothing where there are no files, as in an archive."""
    found: list[tuple[str, int, int]] = []
    pending = [""]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(os.path.join(DIRECTORY, folder)) as entries:
                for entry in entries:
                    name = os.path.join(folder, entry.name)
                    if entry.name.endswith(".py"):
                        status = entry.stat()
                        found.append((name, status.st_size, status.st_mtime_ns))
                    elif entry.name != "__pycache__" and entry.is_dir(follow_symlinks=False):
                        pending.append(name)
        except OSError:
            return []
    return found
