"""Runs against NumPy and their derivatives against the definition, where factors are 0 and where lanes meet."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as gc
from graphc.ops import cumulative

RNG = np.random.default_rng(0)


def run(kind: str, x: gc.Expr, axis: int, *, exclusive: bool, reverse: bool) -> gc.Expr:
    build = cumulative.cumulative_sum if kind == "sum" else cumulative.cumulative_prod
    return build(x, axis, exclusive=exclusive, reverse=reverse)


def expected_run(kind: str, x: np.ndarray, axis: int, *, exclusive: bool, reverse: bool) -> np.ndarray:
    """The definition, element by element."""
    rows = np.moveaxis(x, axis, 0)
    out = np.empty_like(rows)
    for i in range(len(rows)):
        first = i + 1 if exclusive else i
        window = rows[first:] if reverse else rows[: (i if exclusive else i + 1)]
        out[i] = (np.sum if kind == "sum" else np.prod)(window, axis=0)
    return np.moveaxis(out, 0, axis)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("kind", ["sum", "prod"])
@pytest.mark.parametrize(("shape", "axis"), [((100,), 0), ((3, 67), 1), ((67, 3), 0), ((2, 33, 5), 1), ((5, 1), 1)])
def test_native_runs_are_those_of_the_definition(
    shape: tuple[int, ...], axis: int, kind: str, exclusive: bool, reverse: bool
) -> None:
    values = RNG.uniform(0.5, 1.5, shape)
    x = gc.input("x", shape, "float64")
    f = gc.compile([x], run(kind, x, axis, exclusive=exclusive, reverse=reverse))
    assert len(f.kernels) == 1
    expected = expected_run(kind, values, axis, exclusive=exclusive, reverse=reverse)
    np.testing.assert_allclose(f(values), expected, rtol=1e-13)


@pytest.mark.parametrize("dtype", ["int8", "uint64", "int32"])
@pytest.mark.parametrize("kind", ["sum", "prod"])
def test_integers_wrap(kind: str, dtype: str) -> None:
    values = RNG.integers(1, 100, 77).astype(dtype)
    x = gc.input("x", (77,), dtype)
    found = gc.compile([x], run(kind, x, 0, exclusive=False, reverse=False))(values)
    np.testing.assert_array_equal(found, (np.cumsum if kind == "sum" else np.cumprod)(values, dtype=dtype))


def test_float_products_go_from_lane_to_lane() -> None:
    """Grouped in pairs, 1e30 · 1e30 would overflow and 0 · inf be nan."""
    values = np.array([1e-30, 1e-30, 1e30, 1e30] * 20, "float32")
    x = gc.input("x", (80,))
    found = gc.compile([x], gc.cumulative_prod(x))(values)
    np.testing.assert_array_equal(found, np.cumprod(values))


def jacobian(f: gc.Expr, x: gc.Expr, at: np.ndarray) -> np.ndarray:
    rows = [gc.vjp(f, x, row) for row in np.eye(len(at))]
    return np.array(gc.interpret(rows, {x: at}))


@pytest.mark.parametrize("row", [[2.0, 3.0, -1.0, 0.5], [2.0, 0.0, -1.0, 0.5], [0.0, 0.0, 3.0, 0.0]])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("exclusive", [False, True])
def test_the_derivative_of_a_running_product_is_right_with_zeros(
    exclusive: bool, reverse: bool, row: list[float]
) -> None:
    at, n = np.array(row), 4
    x = gc.input("x", (n,), "float64")
    y = run("prod", x, 0, exclusive=exclusive, reverse=reverse)
    expected = np.zeros((n, n))
    for i in range(n):
        factors = [j for j in range(n) if (j > i if reverse else j < i) or (j == i and not exclusive)]
        for j in factors:
            expected[i, j] = np.prod([at[k] for k in factors if k != j])
    np.testing.assert_allclose(jacobian(y, x, at), expected, rtol=1e-14)
    moved = np.array(gc.interpret([gc.jvp(y, x, e) for e in np.eye(n)], {x: at}))
    np.testing.assert_allclose(moved.T, expected, rtol=1e-14)


def test_the_recurrence_is_a_filter() -> None:
    signal = pytest.importorskip("scipy.signal")
    values = RNG.normal(size=(4, 200))
    x = gc.input("x", values.shape, "float64")
    y = cumulative.linear_recurrence(gc.full_like(x, 0.9), 0.1 * x, 1)
    np.testing.assert_allclose(gc.compile([x], y)(values), signal.lfilter([0.1], [1, -0.9], values), rtol=1e-12)


def test_a_run_joins_the_loops_of_its_neighbours() -> None:
    x = gc.input("x", (50, 64))
    share = gc.cumulative_sum(gc.softmax(x), axis=1)
    f = gc.compile([x], [share, gc.max(share, axis=1)])
    assert len(f.kernels) == 1
    values = RNG.normal(size=(50, 64)).astype("float32")
    powers = np.exp(values)
    expected = np.cumsum(powers / powers.sum(1, keepdims=True), 1)
    for found, wanted in zip(f(values), (expected, expected.max(1)), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_a_run_that_is_read_in_a_later_sweep_is_there_again() -> None:
    values = RNG.normal(size=(6, 5000))
    x = gc.input("x", values.shape, "float64")
    y = gc.cumulative_sum(x, axis=1)
    expected = np.cumsum(values, 1)
    for axis in (0, 1):
        f = gc.compile([x], y / gc.max(y, axis=axis, keepdims=True))
        np.testing.assert_allclose(f(values), expected / expected.max(axis, keepdims=True), rtol=1e-10)


@pytest.mark.parametrize("both", [False, True])
def test_directions_do_not_mix(both: bool) -> None:
    values = np.array([[3.0, 1.0, 3.0, 0.5]] * 3)
    x = gc.input("x", values.shape, "float64")
    back = run("sum", x, 1, exclusive=False, reverse=True)
    outputs = [back, gc.argmax(x, axis=1)] + ([gc.cumulative_sum(x, axis=1)] if both else [])
    found = gc.compile([x], outputs)(values)
    np.testing.assert_allclose(found[0], np.cumsum(values[:, ::-1], 1)[:, ::-1])
    np.testing.assert_array_equal(found[1], [0, 0, 0])


def test_what_does_not_fit_is_refused() -> None:
    x = gc.input("x", (3,), "float64")
    with pytest.raises(gc.ShapeError, match=r"(?s)no axis 1.*test_cumulative\.py"):
        cumulative.cumulative_sum(x, 1)
    with pytest.raises(gc.DTypeError, match="bool"):
        cumulative.cumulative_prod(x > 0, 0)
    with pytest.raises(gc.ShapeError, match="differ in shape"):
        cumulative.linear_recurrence(x, gc.input("y", (4,), "float64"), 0)
