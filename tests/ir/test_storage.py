"""What a param owns: its buffer, copies in and out, and the lock words."""

from __future__ import annotations

import ctypes
import gc
import os
import threading
import weakref

import numpy as np
import pytest

from graphc.ir.storage import ALIGNMENT, LOCK_BYTES, Copy, NativeCopies, Storage


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "float32", "float64"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 5), (7, 9)])
def test_buffers_are_aligned_contiguous_and_zero(dtype: str, shape: tuple[int, ...]) -> None:
    storage = Storage(dtype, shape)
    assert storage.dtype == np.dtype(dtype) and storage.shape == shape
    assert storage.address % ALIGNMENT == 0 and storage.lock_address % ALIGNMENT == 0
    assert storage.lock_address + LOCK_BYTES <= storage.address
    assert storage.array.flags.c_contiguous and storage.array.flags.writeable
    if storage.array.size:
        assert storage.array.ctypes.data == storage.address
    assert not storage.array.any()
    value = np.ones(shape, dtype)
    storage.write(value)
    np.testing.assert_array_equal(storage.read(), value)
    assert storage.read().dtype == np.dtype(dtype) and storage.read().shape == shape


def test_read_and_write_copy() -> None:
    storage = Storage("float32", (4,))
    value = np.arange(4, dtype=np.float32)
    storage.write(value)
    value[:] = 9
    copy = storage.read()
    np.testing.assert_array_equal(copy, [0, 1, 2, 3])
    copy[:] = 7
    np.testing.assert_array_equal(storage.array, [0, 1, 2, 3])


def test_values_in_any_order_are_written_in_c_order() -> None:
    storage = Storage("int32", (3, 4))
    value = np.arange(12, dtype=np.int32).reshape(4, 3)
    storage.write(value.T)
    np.testing.assert_array_equal(storage.read(), value.T)
    storage.write(value.T[::-1, ::-1].astype(">i4"))
    np.testing.assert_array_equal(storage.read(), value.T[::-1, ::-1])


def test_a_value_of_another_size_never_overflows() -> None:
    storage = Storage("int32", (3,))
    with pytest.raises(ValueError, match=r"shape \(4,\)"):
        storage.write(np.zeros(4, np.int32))


def test_neighbours_are_not_touched() -> None:
    storages = [Storage("int8", (65,)) for _ in range(20)]
    for i, storage in enumerate(storages):
        storage.write(np.full(65, i, np.int8))
    for i, storage in enumerate(storages):
        assert (storage.read() == i).all()


def test_native_copies_take_over_once_and_for_all() -> None:
    storage = Storage("int32", (2,))
    calls: list[str] = []

    def copies(name: str) -> NativeCopies:
        def copy(kind: str) -> Copy:
            def run(lock: int, destination: int, source: int, size: int) -> None:
                assert lock == storage.lock_address and size == 8
                calls.append(f"{name} {kind}")
                ctypes.memmove(destination, source, size)

            return run

        return NativeCopies(copy("shared"), copy("exclusive"))

    storage.write(np.array([1, 2]))
    storage.attach(copies("first"))
    storage.attach(copies("second"))
    storage.write(np.array([3, 4]))
    np.testing.assert_array_equal(storage.read(), [3, 4])
    assert calls == ["first exclusive", "first shared"]


def test_without_native_code_threads_see_whole_values() -> None:
    storage = Storage("int64", (1 << 16,))
    torn: list[int] = []

    def work(i: int) -> None:
        for k in range(50):
            if i % 2:
                storage.write(np.full(1 << 16, 100 * i + k))
            else:
                value = storage.read()
                if (value != value[0]).any():
                    torn.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not torn


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_locks_are_free_in_a_forked_child() -> None:
    storage = Storage("int32", (2,))
    words = (ctypes.c_int32 * 3).from_address(storage.lock_address)
    words[0], words[1] = -1, 2
    with storage._guard:
        child = os.fork()
        if child == 0:
            free = list(words) == [0, 0, 0]
            storage.write(np.array([1, 2]))
            os._exit(0 if free and storage.read()[1] == 2 else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert words[0] == -1


def test_storages_are_freed() -> None:
    storage = Storage("int32", (2,))
    reference = weakref.ref(storage)
    del storage
    gc.collect()
    assert reference() is None
