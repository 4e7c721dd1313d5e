"""Positions compared with a number that all lanes share."""

from __future__ import annotations

import re

import numpy as np
import pytest

import graphc as gc

NUMBERS = np.array([0, 1, 15, 16, 31, 32, 99, 100, -1, -(2**32), 2**32, 2**32 + 3, 2**63 - 1, -(2**63)])
"""Among them some that agree with a position in their lower half only."""


@pytest.mark.parametrize("n", [3, 16, 77, 100])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int8"])
def test_only_the_position_itself_is_equal(n: int, dtype: str) -> None:
    y, x = gc.input("y", NUMBERS.shape, dtype="int64"), gc.input("x", (len(NUMBERS), n), dtype=dtype)
    value = np.arange(1, len(NUMBERS) * n + 1).reshape(-1, n).astype(dtype)
    for shift in (0, 5):
        chosen = gc.where(gc.arange(n) + shift == gc.expand_dims(y, axis=1), x, 0)
        expected = np.where(np.arange(n) + shift == NUMBERS[:, None], value, np.zeros((), dtype))
        np.testing.assert_array_equal(gc.compile([y, x], chosen)(NUMBERS, value), expected)


def test_the_comparison_takes_no_positions() -> None:
    y, x = gc.input("y", (64,), dtype="int64"), gc.input("x", (64, 100))
    text = gc.compile([y, x], gc.where(gc.arange(100) == gc.expand_dims(y, axis=1), x, 0)).dump("llvm")
    assert "icmp ult i64" in text
    assert not re.search(r"icmp eq <\d+ x i64>", text)
