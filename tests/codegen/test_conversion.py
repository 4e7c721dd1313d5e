"""Floats become the nearest integers toward zero that there are, and nan becomes 0, at every edge."""

from __future__ import annotations

import math

import numpy as np
import pytest

import graphc as gc

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")


def edges(dtype: str) -> list[float]:
    """Numbers around the ends of all integer dtypes, in both signs, and those that are no numbers."""
    found = [0.0, 0.5, 0.99, 1.5, 1e30, math.inf]
    for bits in (7, 8, 15, 16, 31, 32, 63, 64):
        power = np.dtype(dtype).type(2.0**bits)
        found += [float(power) + d for d in (-2, -1, -0.5, 0, 0.5, 1, 2)]
        found += [float(np.nextafter(power, np.dtype(dtype).type(towards))) for towards in (0, math.inf)]
    return [math.nan, *found, *(-x for x in found)]


def saturated(x: float, lowest: int, highest: int) -> int:
    """The integer that x becomes. Python compares integers and floats exactly."""
    if math.isnan(x):
        return 0
    return lowest if x <= lowest else highest if x >= highest else int(x)


@pytest.mark.parametrize("to", INTEGERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("repeats", [1, 7])
def test_floats_saturate(dtype: str, to: str, repeats: int) -> None:
    value = np.array(edges(dtype) * repeats, dtype)
    info = np.iinfo(to)
    expected = [saturated(float(v), int(info.min), int(info.max)) for v in value]
    x = gc.input("x", value.shape, dtype=dtype)
    np.testing.assert_array_equal(gc.compile([x], gc.astype(x, to))(value), np.array(expected, to))
