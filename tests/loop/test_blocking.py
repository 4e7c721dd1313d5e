"""Transpositions in blocks: right at every size, alone and together with what is read along the lanes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import graphc as gc

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "bool"])
@pytest.mark.parametrize("shape", [(70, 65), (64, 64), (129, 200), (500, 17), (17, 500), (1, 300), (66, 1)], ids=str)
def test_transposed_matrices(shape: tuple[int, int], dtype: str) -> None:
    value = (10 * RNG.normal(size=shape)).astype(dtype)
    x = gc.input("x", shape, dtype=dtype)
    for threads in (1, 2):
        np.testing.assert_array_equal(gc.compile([x], gc.permute_dims(x, (1, 0)), threads=threads)(value), value.T)
        mixed = gc.compile([x], gc.where(gc.permute_dims(x, (1, 0)) != 0, 2.0, 3.0), threads=threads)(value)
        np.testing.assert_array_equal(mixed, np.where(value.T != 0, np.float32(2), np.float32(3)))


@pytest.mark.parametrize("axes", list(itertools.permutations(range(3))), ids=str)
def test_permuted_stacks(axes: tuple[int, int, int]) -> None:
    value = RNG.normal(size=(70, 66, 80)).astype(np.float32)
    x = gc.input("x", value.shape)
    y = gc.permute_dims(x, axes)
    other = gc.input("other", y.shape)
    beside = RNG.normal(size=value.transpose(axes).shape).astype(np.float32)
    got = gc.compile([x, other], y * 2 + other)(value, beside)
    np.testing.assert_array_equal(got, value.transpose(axes) * np.float32(2) + beside)


def test_blocks_are_for_what_is_read_across() -> None:
    x = gc.input("x", (500, 500))
    assert "i0b" in gc.compile([x], gc.permute_dims(x, (1, 0)) + 1).dump("loops")
    assert "i0b" not in gc.compile([x], x + 1).dump("loops")


def test_squares_are_turned_in_registers() -> None:
    x, y = gc.input("x", (500, 300)), gc.input("y", (300, 500))
    assert "tile of" in gc.compile([x, y], gc.permute_dims(x, (1, 0)) * y).dump("loops")
    small = gc.input("small", (500, 300), dtype="int8")
    assert "tile of" not in gc.compile([small], gc.permute_dims(small, (1, 0)) * 2).dump("loops")


@pytest.mark.parametrize("shape", [(65, 16), (80, 79), (333, 128), (96, 1000)], ids=str)
def test_what_is_read_across_meets_what_is_read_along(shape: tuple[int, int]) -> None:
    value, beside = RNG.normal(size=shape), RNG.normal(size=shape[::-1])
    row, column = RNG.normal(size=shape[0]), RNG.normal(size=(shape[1], 1))
    x, y = gc.input("x", shape, dtype="float64"), gc.input("y", shape[::-1], dtype="float64")
    r, c = gc.input("r", row.shape, dtype="float64"), gc.input("c", column.shape, dtype="float64")
    for threads in (1, 3):
        got = gc.compile([x, y, r, c], gc.permute_dims(x, (1, 0)) * y + r * c, threads=threads)
        np.testing.assert_allclose(got(value, beside, row, column), value.T * beside + row * column, rtol=1e-12)


def test_threads_share_blocks() -> None:
    value = RNG.normal(size=(700, 900)).astype(np.float32)
    x = gc.input("x", value.shape)
    function = gc.compile([x], gc.permute_dims(x, (1, 0)), threads=2)
    np.testing.assert_array_equal(function(value), value.T)
    (blocks,) = (line for line in function.dump("loops").splitlines() if "for i0b in" in line)
    assert "parts" in blocks
