"""LLVM at work in several threads.

LLVM works on modules of different contexts at the same time, and ctypes lets other Python threads run meanwhile. A
fork in the middle would leave the child with half of somebody's work, so it waits until nobody is at work.

Python runs handlers of signals in the main thread, between any two of its steps. An exception there, as Ctrl-C raises
it, would leave locks of llvmlite's held for good and things of LLVM's without an owner. So the main thread only waits;
when it is called away, others finish what they have begun.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial, wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class _Gate:
    """Lets any number of threads in, and a fork only while none of the others is inside."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._own = threading.local()

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Inside: no fork of another thread happens."""
        with self._changed:
            self._inside += 1
            self._own.depth = getattr(self._own, "depth", 0) + 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._own.depth -= 1
                self._changed.notify_all()

    def close(self) -> None:
        """Wait until no other thread is inside, and keep them out until `open`."""
        self._changed.acquire()
        while self._inside > getattr(self._own, "depth", 0):
            self._changed.wait()

    def open(self) -> None:
        """Let others in again."""
        self._changed.release()


_gate = _Gate()
at_work = _gate.passed
"""Around everything that LLVM does."""

os.register_at_fork(before=_gate.close, after_in_parent=_gate.open, after_in_child=_gate.open)


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def together(jobs: Sequence[Callable[[], T]], besides: Sequence[Callable[[], object]] = ()) -> list[T]:
    """The results of jobs that spend their time in LLVM, done by as many threads as there are processors.

    They begin in the order given; what takes longest should come first. `besides` are jobs with nothing to return.
    Raises what the first that failed raised.
    """
    results: dict[int, T] = {}
    errors: list[BaseException] = []

    def keep(at: int, job: Callable[[], T]) -> None:
        results[at] = job()

    waiting: deque[Callable[[], object]] = deque([*(partial(keep, at, job) for at, job in enumerate(jobs)), *besides])

    def work() -> None:
        while not errors:
            try:
                job = waiting.popleft()
            except IndexError:
                return
            try:
                job()
            except BaseException as error:  # raised again by the thread that asked
                errors.append(error)

    waits = threading.current_thread() is threading.main_thread()
    helpers = [threading.Thread(target=work, daemon=True) for _ in range(min(cores(), len(waiting)) - (not waits))]
    started = []
    try:
        for helper in helpers:
            with suppress(RuntimeError):  # no more threads
                helper.start()
                started.append(helper)
        if not waits or not started:
            work()
        for helper in started:
            helper.join()
    except BaseException as error:
        errors.append(error)
        raise
    if errors:
        raise errors[0]
    return [results[at] for at in range(len(jobs))]


def apart(work: Callable[P, T]) -> Callable[P, T]:
    """The function, which has to do with LLVM, run where no signal comes between."""

    @wraps(work)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        if threading.current_thread() is not threading.main_thread():
            return work(*args, **kwargs)
        return together([partial(work, *args, **kwargs)])[0]

    return wrapper
