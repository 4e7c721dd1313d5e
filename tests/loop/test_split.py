"""Reductions in pieces: the same as NumPy's, the same for any number of threads, and more exact than one long sum."""

from __future__ import annotations

import platform
from collections.abc import Callable

import numpy as np
import pytest

import graphc as gc

RNG = np.random.default_rng(0)
SHAPES = (
    (2100, 600),
    (1033, 1024),
    (100_000,),
    (131_101,),
    (3000, 40),
    (40, 3000),
    (17, 9001),
    (300, 7, 50),
    (2, 70_001),
    (70_001, 3),
)
REDUCTIONS: dict[str, Callable[..., gc.Expr]] = {
    "sum": gc.sum,
    "max": gc.max,
    "min": gc.min,
    "mean": gc.mean,
    "all": lambda x, axis: gc.all(x > -9, axis=axis),
}
ORACLES: dict[str, Callable[..., object]] = {
    "sum": np.sum,
    "max": np.max,
    "min": np.min,
    "mean": np.mean,
    "all": lambda x, axis: np.all(x > -9, axis),
}


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_pieces_make_the_whole(shape: tuple[int, ...], name: str) -> None:
    value = RNG.normal(size=shape)
    axes = [None, 0, len(shape) - 1]
    x = gc.input("x", shape, dtype="float64")
    outputs = [REDUCTIONS[name](x, axis=axis) for axis in axes]
    single = gc.compile([x], outputs, threads=1)(value)
    several = gc.compile([x], outputs, threads=3)(value)
    for axis, got, again in zip(axes, single, several, strict=True):
        np.testing.assert_allclose(got, ORACLES[name](value, axis=axis), rtol=1e-12, atol=1e-12)
        np.testing.assert_array_equal(got, again)


def test_what_is_stored_on_the_way_and_what_follows() -> None:
    value = RNG.normal(size=(4000, 24))
    x = gc.input("x", value.shape, dtype="float64")
    e = gc.exp(x)
    function = gc.compile([x], {"e": e, "s": gc.sqrt(gc.sum(e, axis=0)), "m": gc.max(e, axis=0)})
    got = function(value)
    np.testing.assert_allclose(got["e"], np.exp(value), rtol=1e-14)
    np.testing.assert_allclose(got["s"], np.sqrt(np.exp(value).sum(axis=0)), rtol=1e-13)
    np.testing.assert_allclose(got["m"], np.exp(value).max(axis=0), rtol=1e-14)
    assert "partial0" in function.dump("loops")


@pytest.mark.parametrize(
    ("shape", "axis"), [((200_000,), 0), ((4000, 24), 0), ((3000, 600), 0), ((70, 40, 50), (0, 1))]
)
def test_elements_that_need_the_whole_wait_for_it(shape: tuple[int, ...], axis: int) -> None:
    value = RNG.uniform(0.5, 1.5, size=shape)
    x = gc.input("x", shape, dtype="float64")
    shares = gc.compile([x], x / gc.sum(x, axis=axis, keepdims=True), threads=2)(value)
    np.testing.assert_allclose(shares, value / value.sum(axis, keepdims=True), rtol=1e-12)
    scaled = gc.compile([x], gc.softmax(x, axis=0))(value)
    np.testing.assert_allclose(scaled, np.exp(value) / np.exp(value).sum(0, keepdims=True), rtol=1e-12)


@pytest.mark.parametrize("shape", [(300, 300), (300, 1, 300), (1000, 100), (70_000, 2), (70_000,)], ids=str)
def test_rows_that_are_made_of_rows_of_earlier_sweeps(shape: tuple[int, ...]) -> None:
    x = gc.input("x", shape, "float64")
    y = gc.log_softmax(x, axis=0)
    of_rows = gc.logsumexp(x, axis=0) * gc.max(x, axis=0) / gc.sum(gc.exp(y), axis=0)
    outputs = [y, gc.grad(gc.sum(gc.square(y)), x), of_rows]
    at = RNG.normal(size=shape)
    for outs in (outputs, outputs[1:], outputs[2:]):
        for found, expected in zip(gc.compile([x], outs)(at), gc.interpret(outs, {x: at}), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_nan_and_infinity_go_through_pieces() -> None:
    value = np.zeros(200_000, np.float32)
    value[150_003] = np.nan
    x = gc.input("x", value.shape)
    total, largest = gc.compile([x], [gc.sum(x), gc.max(x)])(value)
    assert np.isnan(total) and np.isnan(largest)
    value[150_003] = np.inf
    assert gc.compile([x], gc.sum(x))(value) == np.inf


def test_a_long_sum_is_nearly_exact() -> None:
    value = np.full(2**22, 0.1, np.float32)
    x = gc.input("x", value.shape)
    exact = float(value[0]) * value.size
    # Equal numbers round the same way again and again, which is the worst there is: 256 steps in each lane of a piece.
    assert abs(float(gc.compile([x], gc.sum(x))(value)) / exact - 1) < 256 * 2**-24


def test_small_reductions_are_left_alone() -> None:
    x = gc.input("x", (128, 512))
    assert "partial0" not in gc.compile([x], gc.sum(x, axis=1)).dump("loops")
    assert "partial0" not in gc.compile([x], gc.sum(x[:16], axis=0)).dump("loops")


@pytest.mark.parametrize("shape", [(300_000,), (8192, 24), (4096, 600), (70_001, 3), (64, 50, 40)], ids=str)
def test_sweeps_that_follow_each_other_are_cut_alike(shape: tuple[int, ...]) -> None:
    value = RNG.normal(size=shape) + 3
    axes = tuple(range(max(len(shape) - 1, 1)))
    x = gc.input("x", shape, dtype="float64")
    centred = x - gc.mean(x, axis=axes)
    spread = gc.sqrt(gc.mean(centred * centred, axis=axes))
    outputs = [gc.mean(x, axis=axes), spread, centred / spread]
    function = gc.compile([x], outputs, threads=1)
    for threads in (1, 3):
        mean, deviation, scaled = gc.compile([x], outputs, threads=threads)(value)
        np.testing.assert_allclose(mean, value.mean(axes), rtol=1e-12)
        np.testing.assert_allclose(deviation, value.std(axes), rtol=1e-11)
        np.testing.assert_allclose(scaled, (value - value.mean(axes)) / value.std(axes), rtol=1e-9, atol=1e-9)
        np.testing.assert_array_equal(scaled, function(value)[2])
    assert "partial1" in function.dump("loops")


@pytest.mark.parametrize("shape", [(300_000,), (8192, 24), (70_001, 3)], ids=str)
def test_positions_come_from_the_first_piece_that_has_them(shape: tuple[int, ...]) -> None:
    value = RNG.integers(0, 50, size=shape).astype(np.float32)
    x = gc.input("x", shape)
    function = gc.compile([x], [gc.argmax(x, axis=0), gc.argmin(x, axis=0)])
    assert "partial0at" in function.dump("loops")
    for found in (value, np.full_like(value, -np.inf), np.where(value == 7, np.float32(np.nan), value)):
        largest, smallest = function(found)
        np.testing.assert_array_equal(largest, found.argmax(axis=0))
        np.testing.assert_array_equal(smallest, found.argmin(axis=0))


@pytest.mark.parametrize("level", ["native", "x86-64-v3", "x86-64"])
@pytest.mark.parametrize("shape", [(2003, 600), (1999, 1030), (3001, 513)], ids=str)
def test_rows_that_are_left_over_are_added_one_after_the_other(
    shape: tuple[int, int], level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each goes on from what the one before has left in memory: they are no lanes, however few there are."""
    if level != "native" and platform.machine().lower() not in ("x86_64", "amd64"):
        pytest.skip("levels of x86-64")
    monkeypatch.setenv("GRAPHC_CPU", level)
    value = RNG.normal(size=shape).astype(np.float32)
    x = gc.input("x", shape)
    total, largest = gc.compile([x], (gc.sum(x, axis=0), gc.max(x, axis=0)))(value)
    np.testing.assert_allclose(total, value.sum(0, dtype=np.float64), atol=1e-3)
    np.testing.assert_array_equal(largest, value.max(0))
