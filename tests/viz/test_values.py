"""Arrays in a few words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphc.viz.values import summary


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.float32(2.5), "2.5"),
        (np.array([[-3]]), "−3"),
        (np.array([1.0, 0.25]), "[1, 0.25]"),
        (np.zeros((3, 4)), "all 0"),
        (np.zeros((0, 4)), "empty"),
        (np.arange(10.0), "0 … 9, mean 4.5"),
        (np.arange(-50000, 50001), "−50000 … 50000, mean 0"),
        (np.array([True, False, True, True, False]), "60% true"),
        (np.array([[1.0, np.nan], [np.inf, 3.0]]), "1 nan; 1 ∞; 1 … 3, mean 2"),
        (np.full((2, 2), np.nan), "4 nan"),
        (np.full((2, 2), 3.0e38, np.float32), "all 3e38"),
        (np.array([[-0.0, 1.0]]), "0 … 1, mean 0.5"),
    ],
)
def test_summary(array: Any, text: str) -> None:
    assert summary(np.asarray(array)) == text
