"""The folder of native code: what is found is what was kept, or nothing."""

from __future__ import annotations

import os
import resource
import stat
import threading
import time
from pathlib import Path

import pytest

from graphc.codegen import store

HEADER = {"kind": "test", "shape": [2, 3]}
BLOBS = (b"machine code", b"", bytes(range(64)))


@pytest.fixture
def key(cache_folder: Path) -> bytes:
    """The key of an entry that is there."""
    found = store.key_of("an entry")
    assert found is not None
    store.keep(found, HEADER, BLOBS)
    return found


def file_of(folder: Path) -> Path:
    (only,) = folder.iterdir()
    return only


def is_there(key: bytes) -> bool:
    entry = store.find(key)
    assert entry is None or (entry.header, entry.blobs) == (HEADER, BLOBS)
    return entry is not None


def test_what_was_kept_is_found_and_is_private(key: bytes, cache_folder: Path) -> None:
    assert is_there(key)
    assert stat.S_IMODE(cache_folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(file_of(cache_folder).stat().st_mode) == 0o600


def test_another_key_finds_nothing(key: bytes) -> None:
    other = store.key_of("another entry")
    assert other is not None and other != key
    assert not is_there(other)


def test_one_changed_bit_anywhere_is_noticed(key: bytes, cache_folder: Path) -> None:
    file = file_of(cache_folder)
    content = bytearray(file.read_bytes())
    for at in range(len(content)):
        content[at] ^= 1 << at % 8
        file.write_bytes(content)
        assert not is_there(key), at
        content[at] ^= 1 << at % 8
    file.write_bytes(content)
    assert is_there(key)


def test_every_truncation_and_whatever_follows_is_noticed(key: bytes, cache_folder: Path) -> None:
    file = file_of(cache_folder)
    content = file.read_bytes()
    for length in range(len(content)):
        file.write_bytes(content[:length])
        assert not is_there(key), length
    file.write_bytes(content + b"\0")
    assert not is_there(key)


def test_an_entry_under_the_name_of_another_is_noticed(key: bytes, cache_folder: Path) -> None:
    other = store.key_of("another entry")
    assert other is not None
    file = file_of(cache_folder)
    file.rename(file.with_name(other.hex() + file.suffix))
    assert not is_there(other)


@pytest.mark.parametrize("header", [b"{}", b"[]", b"nonsense", b'{"lengths": 3}', b'{"lengths": ["a"]}', b"\xff"])
def test_a_header_that_says_something_else_is_nothing(header: bytes, key: bytes, cache_folder: Path) -> None:
    body = key + len(header).to_bytes(8, "little") + header
    file_of(cache_folder).write_bytes(store._MAGIC + store._digest(body) + body)
    assert not is_there(key)


def test_what_is_no_ordinary_file_is_nothing(key: bytes, cache_folder: Path, tmp_path: Path) -> None:
    file = file_of(cache_folder)
    elsewhere = file.rename(tmp_path / "elsewhere")
    file.symlink_to(elsewhere)
    assert not is_there(key)
    file.unlink()
    os.mkfifo(file)
    assert not is_there(key)
    file.unlink()
    file.mkdir()
    assert not is_there(key)
    store.keep(key, HEADER, BLOBS)
    assert not is_there(key)
    assert [p.name for p in cache_folder.iterdir()] == [file.name]


@pytest.mark.parametrize("writers", [stat.S_IWGRP, stat.S_IWOTH])
def test_what_others_may_write_is_not_used(writers: int, key: bytes, cache_folder: Path) -> None:
    file = file_of(cache_folder)
    for path in (file, cache_folder):
        before = stat.S_IMODE(path.stat().st_mode)
        path.chmod(before | writers)
        assert not is_there(key)
        path.chmod(before)
        assert is_there(key)
    cache_folder.chmod(0o700 | writers)
    store.keep(store.key_of("a third") or b"", HEADER, BLOBS)
    assert list(cache_folder.iterdir()) == [file]


def test_what_belongs_to_somebody_else_is_not_used(
    key: bytes, cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = os.geteuid()
    for name in ("getuid", "geteuid"):
        monkeypatch.setattr(os, name, lambda: mine + 1)
    assert not is_there(key)
    store.keep(store.key_of("another entry") or b"", HEADER, BLOBS)
    assert len(list(cache_folder.iterdir())) == 1


def test_a_process_with_borrowed_rights_trusts_no_environment(key: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: os.geteuid() + 1)
    assert store.folder() is None
    assert store.key_of("an entry") is None
    assert not is_there(key)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_still_read(key: bytes, cache_folder: Path) -> None:
    cache_folder.chmod(0o500)
    store.keep(store.key_of("another entry") or b"", HEADER, BLOBS)
    assert is_there(key) and len(list(cache_folder.iterdir())) == 1


@pytest.mark.parametrize("place", ["/proc/graphc/cache", "/dev/null", "/dev/null/cache", "file", "x" * 5000])
def test_a_folder_that_cannot_be_is_nothing(
    place: str, key: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(tmp_path / place))
    store.keep(key, HEADER, BLOBS)
    assert not is_there(key)


def test_a_full_disk_leaves_nothing_behind(cache_folder: Path) -> None:
    key = store.key_of("an entry")
    assert key is not None
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        store.keep(key, HEADER, BLOBS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(cache_folder.iterdir()) == []
    store.keep(key, HEADER, BLOBS)
    assert is_there(key)


def test_where_entries_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert store.folder() is None  # as all tests have it
    monkeypatch.delenv("GRAPHC_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("GRAPHC_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert store.folder() == f"{tmp_path}/.cache/graphc"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert store.folder() == f"{tmp_path}/.cache/graphc"
    monkeypatch.setenv("XDG_CACHE_HOME", "/shared")
    assert store.folder() == "/shared/graphc"
    monkeypatch.setenv("GRAPHC_CACHE_DIR", "/own")
    assert store.folder() == "/own"


def test_code_of_files_that_have_changed_is_not_kept(cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = store.key_of("an entry")
    assert key is not None
    monkeypatch.setattr("graphc.ir.package.is_unchanged", lambda: False)
    store.keep(key, HEADER, BLOBS)
    assert not is_there(key)
    monkeypatch.setattr("graphc.ir.package.fingerprint", lambda: None)
    assert store.key_of("an entry") is None


def test_the_key_is_of_this_graphc_and_of_every_part(cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [store.key_of("a", 1), store.key_of("a", 1.0), store.key_of("a1"), store.key_of("a", True), store.key_of()]
    monkeypatch.setattr("graphc.ir.package.fingerprint", lambda: "another graphc")
    keys.append(store.key_of("a", 1))
    monkeypatch.setattr("numpy.__version__", "9.9")
    keys.append(store.key_of("a", 1))
    monkeypatch.setattr("sys.version", "9.9")
    keys.append(store.key_of("a", 1))
    assert len(set(keys)) == len(keys) and None not in keys


def test_the_entries_used_least_lately_go(cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_SWEEP_EVERY", 1)
    keys = [store.key_of(i) or b"" for i in range(6)]
    for age, key in enumerate(keys[:5]):
        store.keep(key, {}, (bytes(1000),))
        path = cache_folder / f"{key.hex()}.code"
        os.utime(path, (time.time() - 1000 + age,) * 2)
    size = (cache_folder / f"{keys[0].hex()}.code").stat().st_size
    assert store.find(keys[0]) is not None  # used just now
    mine = cache_folder / "notes.code"
    mine.write_bytes(bytes(100_000))
    monkeypatch.setattr(store, "MOST_BYTES", 3 * size)
    store.keep(keys[5], {}, (bytes(1000),))
    assert [i for i, key in enumerate(keys) if store.find(key)] == [0, 4, 5]
    assert mine.exists()
    store.keep(store.key_of("large") or b"", {}, (bytes(3 * size),))
    assert sum(p.stat().st_size for p in cache_folder.iterdir() if p != mine) <= 3 * size


def test_what_a_writer_has_left_behind_goes_after_a_while(
    key: bytes, cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_SWEEP_EVERY", 1)
    old, fresh = cache_folder / f"{'0' * 32}.part", cache_folder / f"{'1' * 32}.part"
    for path in (old, fresh):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    store.keep(key, HEADER, BLOBS)
    assert fresh.exists() and not old.exists()


def test_many_threads_share_a_folder(cache_folder: Path) -> None:
    keys = [store.key_of(i % 4) or b"" for i in range(16)]
    wrong: list[int] = []

    def work(i: int) -> None:
        for _ in range(50):
            store.keep(keys[i], {}, (bytes([i % 4]) * 5000,))
            entry = store.find(keys[i])
            if entry is None or entry.blobs != (bytes([i % 4]) * 5000,):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(list(cache_folder.iterdir())) == 4
