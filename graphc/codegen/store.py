"""Native code kept on disk, from one process to the next.

A folder holds entries, each a file named by its key:

    magic       8 bytes
    checksum   32 bytes   of all that follows
    key        32 bytes   of what the entry was made from
    length      8 bytes   of the header
    header                JSON: the lengths of the blobs, and what the writer says about them
    blobs

Whatever is wrong with an entry or with the folder, nothing is found and nothing is kept; no call here ever fails.

To load code is to run it. A checksum tells damage and not intent, so the folder and each file have to belong to the
user of this process, and nobody else may be allowed to write them. The folder is opened once for each look, checked,
and files are opened relative to it: what was checked is what is read. Entries are written aside and renamed, so that
processes may share the folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.ir import package

MOST_BYTES = 512 << 20
"""What the folder may hold; beyond it the entries used least lately go."""
LARGEST_BYTES = 64 << 20
"""What one entry may hold."""

_MAGIC = b"graphc\0\1"
_DIGEST = 32
_HEAD = len(_MAGIC) + 2 * _DIGEST + 8
_SUFFIX, _ASIDE = ".code", ".part"
_OURS = re.compile(r"[0-9a-f]{64}\.code|[0-9a-f]{32}\.part")
_LARGE_BYTES = 1 << 20
_SWEEP_EVERY = 16
"""To go through a full folder takes longer than to write an ordinary entry: one in so many does it."""
_ABANDONED_SECONDS = 3600.0
"""The age at which a file written aside has no writer any more."""


@dataclass(frozen=True, eq=False, slots=True)
class Entry:
    """What was kept under a key."""

    header: Mapping[str, Any]
    blobs: tuple[bytes, ...]


def folder() -> str | None:
    """Where entries are; None where GRAPHC_CACHE=0 says so, or where the system does not know who owns a file."""
    if os.environ.get("GRAPHC_CACHE") == "0" or not hasattr(os, "geteuid") or os.getuid() != os.geteuid():
        return None
    named = os.environ.get("GRAPHC_CACHE_DIR")
    if named:
        with suppress(OSError):  # there is no working directory
            return os.path.abspath(named)
        return None
    shared = os.environ.get("XDG_CACHE_HOME", "")
    shared = shared if os.path.isabs(shared) else os.path.expanduser("~/.cache")
    return os.path.join(shared, "graphc") if os.path.isabs(shared) else None


def key_of(*parts: object) -> bytes | None:
    """The key for code made of parts whose `repr` says all, by this graphc for this Python; None where none is kept."""
    source = package.fingerprint() if folder() is not None else None
    if source is None:
        return None
    return _digest(repr((source, sys.version, sys.abiflags, np.__version__, *parts)).encode())


def find(key: bytes) -> Entry | None:
    """What is kept under the key; None for nothing, or for anything that is not as it was written by this user."""
    with suppress(OSError, ValueError, KeyError, TypeError), _opened() as directory:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        with os.fdopen(os.open(_name(key), flags, dir_fd=directory), "rb") as stream:
            status = os.fstat(stream.fileno())
            if not (stat.S_ISREG(status.st_mode) and _is_private(status) and status.st_size <= LARGEST_BYTES):
                return None
            entry = _parsed(key, stream.read())
            with suppress(OSError):
                os.utime(stream.fileno())
            return entry
    return None


def keep(key: bytes, header: Mapping[str, Any], blobs: Sequence[bytes]) -> None:
    """Keep blobs under the key, if there is room and nothing stands against it."""
    if not package.is_unchanged():
        return
    content = _content(key, header, blobs)
    if len(content) > min(LARGEST_BYTES, MOST_BYTES):
        return
    with suppress(OSError, ValueError), _opened(create=True) as directory:
        _write(directory, _name(key), content)
        if len(content) >= _LARGE_BYTES or key[0] % _SWEEP_EVERY == 0:
            _sweep(directory)


# ---- an entry ------------------------------------------------------------------------------------------------


def _digest(content: bytes | memoryview) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGEST).digest()


def _name(key: bytes) -> str:
    return key.hex() + _SUFFIX


def _content(key: bytes, header: Mapping[str, Any], blobs: Sequence[bytes]) -> bytes:
    said = json.dumps({"lengths": [len(b) for b in blobs], "header": header}).encode()
    body = b"".join((key, len(said).to_bytes(8, "little"), said, *blobs))
    return _MAGIC + _digest(body) + body


def _parsed(key: bytes, content: bytes) -> Entry | None:
    start = len(_MAGIC) + _DIGEST
    body = memoryview(content)[start:]
    if len(content) < _HEAD or content[:start] != _MAGIC + _digest(body) or body[:_DIGEST] != key:
        return None
    at = _HEAD + int.from_bytes(content[_HEAD - 8 : _HEAD], "little")
    said = json.loads(content[_HEAD:at])
    blobs = []
    for length in said["lengths"]:
        blobs.append(content[at : at + length])
        at += length
    return Entry(said["header"], tuple(blobs)) if at == len(content) else None


# ---- the folder ----------------------------------------------------------------------------------------------


@contextmanager
def _opened(*, create: bool = False) -> Iterator[int]:
    """The folder, opened.

    Raises:
        OSError: there is none, or it is not this user's own.
    """
    path = folder()
    if path is None:
        raise FileNotFoundError
    if create:
        os.makedirs(path, 0o700, exist_ok=True)
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if not _is_private(os.fstat(directory)):
            raise PermissionError
        yield directory
    finally:
        os.close(directory)


def _is_private(status: os.stat_result) -> bool:
    """Whether it is this user's and nobody else may write it."""
    return status.st_uid == os.geteuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _write(directory: int, name: str, content: bytes) -> None:
    """Write a file aside and give it its name when it is whole."""
    aside = f"{os.urandom(16).hex()}{_ASIDE}"
    file = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=directory)
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(content)
        os.rename(aside, name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        with suppress(OSError):
            os.unlink(aside, dir_fd=directory)
        raise


def _sweep(directory: int) -> None:
    """Let go of what writers have left behind, and of the entries used least lately while there are too many."""
    entries: list[tuple[float, int, str]] = []
    abandoned = time.time() - _ABANDONED_SECONDS
    for name in os.listdir(directory):
        if not _OURS.fullmatch(name):
            continue
        with suppress(FileNotFoundError):
            status = os.stat(name, dir_fd=directory, follow_symlinks=False)
            if name.endswith(_SUFFIX):
                entries.append((status.st_mtime, status.st_size, name))
            elif status.st_mtime < abandoned:
                os.unlink(name, dir_fd=directory)
    total = sum(size for _, size, _ in entries)
    for _, size, name in sorted(entries):
        if total <= MOST_BYTES:
            break
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=directory)
        total -= size
