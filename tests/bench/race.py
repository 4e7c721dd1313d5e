"""One piece of work done by graphc and by its peers, timed in turn.

Whoever measures one after the other measures the machine's mood as well. Here every round times each side once, and a
ratio is that of the medians of the same rounds.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import pytest

ROUNDS = 15
BLOCK = 0.004
"""Seconds that one timing of one side takes at least."""
PATIENCE = 2.0
"""Seconds after which a race of slow work has had rounds enough."""
FEWEST_ROUNDS = 3

Call = Callable[[], Any]
Race = Callable[..., None]
"""The fixture `compete`."""


@dataclass(frozen=True)
class Result:
    """Median seconds of each side in one race."""

    group: str
    title: str
    seconds: Mapping[str, float]

    @property
    def ours(self) -> float:
        """graphc's seconds."""
        return self.seconds["graphc"]

    @property
    def peers(self) -> dict[str, float]:
        """The others' seconds."""
        return {name: s for name, s in self.seconds.items() if name != "graphc"}

    @property
    def ratio(self) -> float | None:
        """How many times as long as graphc the best peer takes; None without peers."""
        return min(self.peers.values()) / self.ours if self.peers else None


def peer(name: str) -> Any:
    """The module, or None where it is not installed."""
    try:
        module = importlib.import_module(name)
    except ImportError:
        return None
    if name == "jax":
        module.config.update("jax_enable_x64", True)
    return module


def run(benchmark: Any, group: str, title: str, sides: Mapping[str, Call], *, tolerance: float | None = 2e-3) -> Result:
    """Time the sides in turn; pytest-benchmark times graphc's.

    Args:
        benchmark: pytest-benchmark's fixture.
        group: what kind of work it is.
        title: which work it is.
        sides: what to call, by name; "graphc" is one of them.
        tolerance: the largest difference to graphc's results, relative to their norm; None where results are no
            arrays.
    """
    firsts = {name: call() for name, call in sides.items()}
    if tolerance is not None:
        for name, value in firsts.items():
            _agree(f"{title}: {name}", firsts["graphc"], value, tolerance)
    others = {name: _block(call) for name, call in sides.items() if name != "graphc"}
    block, calls = _block(sides["graphc"])
    seconds: dict[str, list[float]] = {name: [] for name in others}

    def turn() -> None:
        for name, (work, count) in others.items():
            seconds[name].append(_timed(work) / count)

    one_round = sum(map(_timed, [block, *(work for work, _ in others.values())]))
    rounds = min(ROUNDS, max(FEWEST_ROUNDS, int(PATIENCE / one_round)))
    benchmark.group, benchmark.name = group, title if calls == 1 else f"{title} (×{calls})"
    benchmark.pedantic(block, setup=turn, rounds=rounds)
    found = {"graphc": benchmark.stats.stats.median / calls}
    found |= {name: median(times) for name, times in seconds.items()}
    benchmark.extra_info.update(found)
    return Result(group, title, found)


def _block(call: Call) -> tuple[Call, int]:
    """A function that calls often enough to be timed, and how often that is."""
    seconds = min(_timed(call) for _ in range(3))
    calls = max(1, int(BLOCK / max(seconds, 1e-9)))

    def block() -> None:
        for _ in range(calls):
            call()

    return (call, 1) if calls == 1 else (block, calls)


def _timed(work: Call) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _agree(what: str, ours: Any, theirs: Any, tolerance: float) -> None:
    """Fail where results differ: a race that is won by computing something else is no race."""
    pairs = list(zip(_arrays(ours), _arrays(theirs), strict=True))
    for a, b in pairs:
        assert a.shape == b.shape, f"{what}: shapes {b.shape} and {a.shape}"
        error = np.linalg.norm(np.subtract(a, b, dtype=np.float64)) / (np.linalg.norm(a.astype(np.float64)) + 1e-12)
        if not error <= tolerance:
            pytest.fail(f"{what} differs by {error:.1e}")


def _arrays(value: Any) -> Iterable[np.ndarray[Any, Any]]:
    if isinstance(value, (tuple, list)):
        for part in value:
            yield from _arrays(part)
    else:
        yield np.asarray(value.detach() if hasattr(value, "detach") else value)
