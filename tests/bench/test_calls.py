"""What a call costs when there is next to nothing to compute."""

from __future__ import annotations

from typing import Any

from bench.contestants import forward, normal
from bench.race import Race

GROUP = "calls"


def test_one_small_array(compete: Race) -> None:
    compete("x + 1, 8 elements", forward(lambda xp, x: x + 1, normal(8)))


def test_two_small_arrays(compete: Race) -> None:
    def work(xp: Any, x: Any, w: Any) -> Any:
        return xp.tanh(x @ w) * 0.5

    compete("tanh(x @ w)·½, 8×8", forward(work, normal(8, 8), normal(8, 8)))
