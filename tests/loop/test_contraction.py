"""Schedules of matmul against NumPy, by the ways they can go: what is packed, shared, cut, and fused."""

from __future__ import annotations

import platform

import numpy as np
import pytest

import graphc as gc

RNG = np.random.default_rng(0)
SHAPES = {
    "one block": (5, 20, 9),
    "one element": (1, 1, 1),
    "rest of rows, panels and chains": (3, 37, 67),
    "chains in parts": (2, 900, 3001),
    "one row, strips of a wide B": (1, 2100, 700),
    "few rows, strips of a wide B": (8, 1500, 701),
    "bands of one block": (500, 70, 90),
    "conflicting rows": (257, 8, 4096),
    "swaths": (40, 2100, 530),
    "swaths in parts, the last shorter": (130, 300, 2051),
    "bands in parts, the last shorter": (600, 300, 2003),
    "bands of several blocks": (600, 600, 600),
}
TOLERANCE = {"float32": 2e-5, "float64": 1e-13}


def _compiled(layout: str, dtype: str, shape: tuple[int, int, int], threads: int | None = None) -> gc.Function:
    m, n, k = shape
    a = gc.input("a", (m, k) if layout[0] == "n" else (k, m), dtype=dtype)
    b = gc.input("b", (k, n) if layout[1] == "n" else (n, k), dtype=dtype)
    left, right = a if layout[0] == "n" else a.T, b if layout[1] == "n" else b.T
    return gc.compile([a, b], left @ right, threads=threads)


def _operands(layout: str, dtype: str, shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both as stored, and their product."""
    m, n, k = shape
    x, y = RNG.standard_normal((m, k)), RNG.standard_normal((k, n))
    x, y = x.astype(dtype), y.astype(dtype)
    exact = x.astype(np.float64) @ y.astype(np.float64)
    return (x if layout[0] == "n" else x.T.copy()), (y if layout[1] == "n" else y.T.copy()), exact


@pytest.mark.parametrize("layout", ["nn", "nt", "tn", "tt"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SHAPES)
def test_the_same_as_numpy_for_any_number_of_threads(name: str, dtype: str, layout: str) -> None:
    x, y, exact = _operands(layout, dtype, SHAPES[name])
    single = _compiled(layout, dtype, SHAPES[name], threads=1)(x, y)
    error = np.abs(single - exact).max() / np.abs(exact).max()
    assert error < TOLERANCE[dtype]
    np.testing.assert_array_equal(_compiled(layout, dtype, SHAPES[name], threads=3)(x, y), single)


@pytest.mark.parametrize("level", ["x86-64-v3", "x86-64"])
@pytest.mark.parametrize("name", ["chains in parts", "swaths in parts, the last shorter", "bands of several blocks"])
def test_other_registers(name: str, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if platform.machine().lower() not in ("x86_64", "amd64"):
        pytest.skip("levels of x86-64")
    monkeypatch.setenv("GRAPHC_CPU", level)
    x, y, exact = _operands("nn", "float32", SHAPES[name])
    got = _compiled("nn", "float32", SHAPES[name], threads=2)(x, y)
    assert np.abs(got - exact).max() / np.abs(exact).max() < TOLERANCE["float32"]


@pytest.mark.parametrize("name", SHAPES)
def test_what_follows_is_the_same_as_afterwards(name: str) -> None:
    m, n, k = SHAPES[name]
    x, y, _ = _operands("nn", "float32", SHAPES[name])
    bias = RNG.standard_normal(n).astype(np.float32)
    a, b, c = gc.input("a", (m, k)), gc.input("b", (k, n)), gc.input("c", (n,))
    fused = gc.compile([a, b, c], gc.relu(a @ b + c))(x, y, bias)
    apart = _compiled("nn", "float32", SHAPES[name])(x, y)
    np.testing.assert_array_equal(fused, np.maximum(apart + bias, np.float32(0)))


@pytest.mark.parametrize("shape", [(300, 200, 100), (20, 300, 100), (500, 40, 1100)], ids=str)
def test_operands_computed_while_packing(shape: tuple[int, int, int]) -> None:
    m, n, k = shape
    x, y, _ = _operands("nn", "float64", shape)
    a, b = gc.input("a", (m, k), dtype="float64"), gc.input("b", (k, n), dtype="float64")
    got = gc.compile([a, b], gc.abs(a) @ (b * 2.0))(x, y)
    np.testing.assert_allclose(got, np.abs(x) @ (y * 2.0), rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8"])
def test_integers(dtype: str) -> None:
    x, y = RNG.integers(0, 50, (70, 130)).astype(dtype), RNG.integers(0, 50, (130, 90)).astype(dtype)
    a, b = gc.input("a", x.shape, dtype=dtype), gc.input("b", y.shape, dtype=dtype)
    np.testing.assert_array_equal(gc.compile([a, b], a @ b)(x, y), x @ y)


@pytest.mark.parametrize("shape", [(3, 4, 5, 6, 7), (9, 2, 40, 70, 33), (2, 1, 300, 260, 300)], ids=str)
def test_stacks(shape: tuple[int, ...]) -> None:
    *stack, m, n, k = shape
    x, y = RNG.standard_normal((*stack, m, k)), RNG.standard_normal((*stack, k, n))
    a, b = gc.input("a", x.shape, dtype="float64"), gc.input("b", y.shape, dtype="float64")
    several, single = (gc.compile([a, b], a @ b, threads=threads)(x, y) for threads in (2, 1))
    np.testing.assert_allclose(several, x @ y, rtol=1e-12, atol=1e-11)
    np.testing.assert_array_equal(several, single)
