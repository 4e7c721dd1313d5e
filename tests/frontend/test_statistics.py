from __future__ import annotations

import numpy as np
import pytest

import graphc as gc

X = np.random.default_rng(0).normal(size=(2, 3, 5)).astype("float32")


@pytest.mark.parametrize("correction", [0, 1, 0.5])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2)])
@pytest.mark.parametrize("name", ["var", "std"])
def test_spreads_are_numpys(name: str, axis: object, keepdims: bool, correction: float) -> None:
    x = gc.input("x", ("a", 3, "c"))
    made = getattr(gc, name)(x, axis=axis, correction=correction, keepdims=keepdims)
    expected = getattr(np, name)(X, axis=axis, ddof=correction, keepdims=keepdims)
    for found in (gc.interpret(made, {x: X}), gc.compile([x], made)(X)):
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_large_mean_costs_no_digits() -> None:
    values = np.random.default_rng(1).normal(size=1000) + 1e8
    x = gc.input("x", (1000,), "float64")
    np.testing.assert_allclose(gc.compile([x], gc.var(x))(values), np.var(values), rtol=1e-12)


def test_of_too_few() -> None:
    np.testing.assert_array_equal(gc.interpret(gc.var(X, axis=())), np.zeros_like(X))
    assert np.isnan(gc.interpret(gc.var([3.0], correction=1)))
    assert np.isinf(gc.interpret(gc.var([3.0, 4.0], correction=2)))
    n = gc.input("n", ("n",))
    assert np.isnan(gc.interpret(gc.std(n, correction=1), {n: [3.0]}))


def test_gradients_of_spreads() -> None:
    x = gc.input("x", X.shape, "float64")
    centred, spread = X - X.astype("float64").mean(1, keepdims=True), X.astype("float64").std(1, ddof=1, keepdims=True)
    for function, expected in ((gc.var, centred), (gc.std, centred / (2 * spread))):
        found = gc.interpret(gc.grad(gc.sum(function(x, axis=1, correction=1)), x), {x: X})
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)  # 2 / (n - 1) is 1 for three


def test_the_gradient_of_a_standard_deviation_of_equal_numbers_is_zero() -> None:
    x = gc.input("x", (4,))
    assert gc.interpret(gc.std(x), {x: np.ones(4)}) == 0
    np.testing.assert_array_equal(gc.interpret(gc.grad(gc.std(x), x), {x: np.ones(4)}), np.zeros(4))
    values = np.array([1.0, 2.0, 4.0, 8.0])
    found = gc.interpret(gc.grad(gc.std(x), x), {x: values})
    np.testing.assert_allclose(found, (values - values.mean()) / (4 * values.std()), rtol=1e-5)


@pytest.mark.parametrize("include_initial", [False, True])
@pytest.mark.parametrize("name", ["cumulative_sum", "cumulative_prod"])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_runs_are_numpys(name: str, axis: int, include_initial: bool) -> None:
    x = gc.input("x", ("a", 3, 5))
    made = getattr(gc, name)(x, axis=axis, include_initial=include_initial)
    expected = (np.cumsum if name == "cumulative_sum" else np.cumprod)(X, axis)
    if include_initial:
        one = np.full_like(expected.take([0], axis), 0 if name == "cumulative_sum" else 1)
        expected = np.concatenate([one, expected], axis)
    for found in (gc.interpret(made, {x: X}), gc.compile([x], made)(X)):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_runs_of_small_integers_are_wide_and_need_an_axis() -> None:
    ones = np.ones(300, "uint8")
    assert gc.cumulative_sum(ones).dtype == "uint64"
    assert gc.cumulative_prod(np.ones(3, bool)).dtype == "int64"
    assert gc.cumulative_sum(ones, dtype="int16").dtype == "int16"
    assert gc.interpret(gc.cumulative_sum(ones))[-1] == 300
    with pytest.raises(gc.ShapeError, match=r"(?s)needs axis=.*test_statistics\.py"):
        gc.cumulative_sum(gc.input("x", (2, 3)))


@pytest.mark.parametrize("n", [0, 1, 2, 6])
@pytest.mark.parametrize("axis", [0, -1])
def test_differences_are_numpys(n: int, axis: int) -> None:
    x = gc.input("x", X.shape)
    np.testing.assert_allclose(gc.interpret(gc.diff(x, n=n, axis=axis), {x: X}), np.diff(X, n=n, axis=axis), rtol=1e-6)


def test_differences_with_more_at_the_ends() -> None:
    values = np.array([1, 4, 9, 16])
    found = gc.interpret(gc.diff(values, prepend=np.array([0]), append=np.array([25, 36])))
    np.testing.assert_array_equal(found, np.diff(values, prepend=[0], append=[25, 36]))
    np.testing.assert_array_equal(gc.interpret(gc.diff(values, n=0, prepend=np.array([0]), append=9)), values)
    with pytest.raises(gc.ShapeError, match="n is an integer"):
        gc.diff(values, n=-1)
    with pytest.raises(gc.DTypeError, match="bool"):
        gc.diff(values > 3)


def test_numpys_own_names_build_graph() -> None:
    x = gc.input("x", X.shape)
    for function, options in (
        (np.var, {"ddof": 1}), (np.std, {"axis": 1}), (np.cumsum, {}), (np.cumprod, {"axis": 0}), (np.diff, {}),
        (np.prod, {"axis": 2}), (np.argmin, {"axis": 0}), (np.any, {}), (np.all, {"axis": 1}),
    ):  # fmt: skip
        found = gc.interpret(function(x, **options), {x: X})
        np.testing.assert_allclose(found, function(X, **options), rtol=1e-5, atol=1e-6)
