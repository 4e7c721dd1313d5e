"""What a param owns: one aligned buffer and a lock that native code understands.

A buffer begins with a line of its own for the lock, so that taking it never disturbs the data:

    lock_address      int32   0 free, -1 one writer, n > 0 readers
    lock_address + 4  int32   how many writers wait; new readers let one go first
    lock_address + 8  int32   how many writers there have been
    address = lock_address + 64, the elements in C order

Native code moves the lock word with atomic operations. Until a program has been loaded nobody but Python touches
the buffer and an ordinary lock is enough; `attach` hands over to the native functions, for good.
"""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

ALIGNMENT = 64
"""Bytes: a cache line, and the widest vector there is."""

LOCK_BYTES = 12

Copy = Callable[[int, int, int, int], object]
"""(lock address, destination, source, bytes): takes the lock, copies and gives the lock back, without the GIL."""


@dataclass(frozen=True, slots=True)
class NativeCopies:
    """The ways out of and into a buffer that native programs share. Each is one native call, so that no signal can
    come between taking the lock and giving it back. They keep the native code loaded."""

    shared: Copy
    exclusive: Copy


class Storage:
    """A zeroed, 64-byte aligned, C-contiguous buffer with a readers–writer lock."""

    __slots__ = ("__weakref__", "_array", "_copies", "_guard", "_lock", "address", "lock_address")

    def __init__(self, dtype: npt.DTypeLike, shape: tuple[int, ...]) -> None:
        element = np.dtype(dtype)
        size = int(np.prod(shape, dtype=np.int64)) * element.itemsize
        raw = np.zeros(2 * ALIGNMENT + size, np.uint8)
        start = -raw.ctypes.data % ALIGNMENT
        self._lock: npt.NDArray[np.int32] = raw[start : start + LOCK_BYTES].view(np.int32)
        data = raw[start + ALIGNMENT : start + ALIGNMENT + size]
        self._array: npt.NDArray[Any] = data.view(element).reshape(shape)
        self._guard = threading.Lock()
        self._copies: NativeCopies | None = None
        self.lock_address: int = raw.ctypes.data + start
        self.address: int = self.lock_address + ALIGNMENT
        _storages.add(self)

    @property
    def array(self) -> npt.NDArray[Any]:
        """The buffer itself, without any lock. For graphc's own use: users get copies."""
        return self._array

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._array.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        return self._array.shape

    def read(self) -> npt.NDArray[Any]:
        """A copy of the value, never one that is half overwritten."""
        result = np.empty(self.shape, self.dtype)
        self._copy(result.ctypes.data, self.address, exclusive=False)
        return result

    def write(self, array: npt.NDArray[Any]) -> None:
        """Copy `array` in. The caller has checked its dtype and shape."""
        source = np.ascontiguousarray(array, self.dtype)
        if source.size != self._array.size:
            raise ValueError(f"a value of shape {array.shape} does not fit a buffer of shape {self.shape}")
        self._copy(self.address, source.ctypes.data, exclusive=True)

    def attach(self, copies: NativeCopies) -> None:
        """From now on read and write through native code, whose programs may be using the buffer."""
        with self._guard:
            if self._copies is None:
                self._copies = copies

    def _copy(self, destination: int, source: int, *, exclusive: bool) -> None:
        with self._guard:
            copies = self._copies
            if copies is None:
                ctypes.memmove(destination, source, self._array.nbytes)
                return
        copy = copies.exclusive if exclusive else copies.shared
        copy(self.lock_address, destination, source, self._array.nbytes)

    def _unlock_after_fork(self) -> None:
        self._guard = threading.Lock()
        self._lock[:] = 0

    def __repr__(self) -> str:
        return f"Storage({self.dtype}, {self.shape})"


_storages: weakref.WeakSet[Storage] = weakref.WeakSet()


def _unlock_all_after_fork() -> None:
    """Whoever held a lock is a thread of the parent and does not exist in the child."""
    for storage in _storages:
        storage._unlock_after_fork()


os.register_at_fork(after_in_child=_unlock_all_after_fork)
