"""Sums along either axis of wide and tall arrays, and over everything."""

from __future__ import annotations

from typing import Any

import pytest
from bench.contestants import forward, normal
from bench.race import Race

GROUP = "reductions"


@pytest.mark.parametrize("shape", [(64, 65536), (65536, 64), (2048, 2048)])
@pytest.mark.parametrize("axis", [0, 1])
def test_along_an_axis(compete: Race, shape: tuple[int, int], axis: int) -> None:
    rows, columns = shape
    compete(f"sum over axis {axis} of {rows}×{columns}", forward(lambda xp, x: xp.sum(x, axis=axis), normal(*shape)))


def test_of_everything(compete: Race) -> None:
    compete("Σx², 4 M", forward(lambda xp, x: xp.sum(x * x), normal(4_000_000)))


def test_variance(compete: Race) -> None:
    def work(xp: Any, x: Any) -> Any:
        mean = xp.mean(x, axis=0)
        return xp.mean(x * x, axis=0) - mean * mean

    compete("mean and variance of columns, 8192×512", forward(work, normal(8192, 512)))
