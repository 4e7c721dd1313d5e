"""Stores of a few lanes."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as gc


@pytest.mark.parametrize("to", ["uint8", "int8", "int16", "uint16", "int32", "bool"])
@pytest.mark.parametrize("of", ["float64", "float32", "int64", "int32", "uint32"])
@pytest.mark.parametrize("n", [17, 18, 19, 33])
def test_a_conversion_writes_nothing_beside_the_lanes_that_count(n: int, of: str, to: str) -> None:
    """The frame around the matrix is written before the last columns, which lie next to it in memory."""
    x = gc.input("x", (n, n), of)
    framed = gc.astype(gc.pad(x, 1, constant_values=1), to)
    at = (np.arange(n * n).reshape(n, n) % 5).astype(of)
    np.testing.assert_array_equal(gc.compile([x], framed, threads=1)(at), np.pad(at, 1, constant_values=1).astype(to))
