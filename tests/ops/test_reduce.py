"""Derivatives of reductions where they are delicate: products with zeros, ties."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as gc

ROWS = {
    "none": [2.0, -3.0, 0.5, 1.5],
    "one": [2.0, 0.0, 0.5, 1.5],
    "two": [0.0, 3.0, 0.0, 1.5],
    "three": [0.0, 0.0, 0.0, 4.0],
    "large": [1e-100, 1e200, 1e-50, 1e100],
}


def others(x: np.ndarray) -> np.ndarray:
    return np.array([np.prod(np.delete(x, i)) for i in range(len(x))])


@pytest.mark.parametrize("zeros", ROWS)
def test_the_gradient_of_a_product_is_the_product_of_the_others(zeros: str) -> None:
    row = np.array(ROWS[zeros])
    x = gc.input("x", (4,), "float64")
    found = gc.compile([x], gc.grad(gc.prod(x), x))(row)
    np.testing.assert_allclose(found, others(row), rtol=1e-14)
    along = gc.jvp(gc.prod(x), x, np.eye(4)[2])
    np.testing.assert_allclose(gc.interpret(along, {x: row}), others(row)[2], rtol=1e-14)


@pytest.mark.parametrize("zeros", ["none", "one", "two", "three"])
def test_the_second_derivative_of_a_product_is_right_with_zeros(zeros: str) -> None:
    row = np.array(ROWS[zeros])
    x = gc.input("x", (4,), "float64")
    gradient = gc.grad(gc.prod(x), x)
    for i in range(4):
        expected = [0.0 if i == j else np.prod(np.delete(row, [i, j])) for j in range(4)]
        for second in (gc.grad(gradient[i], x), gc.vjp(gradient, x, np.eye(4)[i])):
            np.testing.assert_allclose(gc.interpret(second, {x: row}), expected, rtol=1e-14)
        np.testing.assert_allclose(gc.interpret(gc.jvp(gradient, x, np.eye(4)[i]), {x: row}), expected, rtol=1e-14)


def test_products_over_several_axes_of_which_none_is_the_last() -> None:
    values = np.random.default_rng(0).normal(size=(2, 3, 4))
    values[0, 1, 2] = values[1, 0, 2] = 0
    x = gc.input("x", ("a", "b", "c"), "float64")
    found = gc.interpret(gc.grad(gc.sum(gc.prod(x, axis=(0, 1))), x), {x: values})
    expected = np.stack([others(values[:, :, k].ravel()).reshape(2, 3) for k in range(4)], axis=2)
    np.testing.assert_allclose(found, expected, rtol=1e-13)


@pytest.mark.parametrize(("name", "row"), [("max", [3.0, 1.0, 3.0, 2.0]), ("min", [1.0, 4.0, 1.0, 1.0])])
def test_ties_share_the_gradient(name: str, row: list[float]) -> None:
    x = gc.input("x", (4,), "float64")
    extremum = getattr(gc, name)(x)
    attained = np.array(row) == getattr(np, name)(row)
    found = gc.compile([x], gc.grad(extremum, x))(row)
    np.testing.assert_array_equal(found, attained / attained.sum())
    moved = gc.interpret(gc.jvp(extremum, x, np.arange(4.0)), {x: row})
    assert moved == np.arange(4.0)[attained].mean()


@pytest.mark.parametrize("dtype", ["float32", "int8", "uint16"])
@pytest.mark.parametrize("name", ["min", "max", "argmin", "argmax"])
def test_extrema_at_the_ends_of_a_dtype(name: str, dtype: str) -> None:
    """What a reduction starts from is no element."""
    info = np.finfo(dtype) if dtype == "float32" else np.iinfo(dtype)
    ends = [np.inf, -np.inf] if dtype == "float32" else [info.min, info.max]
    for value in (*ends, info.max, info.min):
        row = np.full((3, 37), value, dtype)
        found = gc.compile([], getattr(gc, name)(gc.stop_gradient(gc.constant(row)), axis=1), optimize=0)()
        np.testing.assert_array_equal(found, getattr(np, name)(row, axis=1))


@pytest.mark.parametrize("name", ["min", "argmin", "max", "argmax"])
@pytest.mark.parametrize("axis", [0, 1])
def test_nan_is_found_wherever_it_stands(name: str, axis: int) -> None:
    values = np.random.default_rng(0).normal(size=(40, 43)).astype("float32")
    values[np.arange(40), np.arange(40)] = np.nan
    x = gc.input("x", values.shape)
    found = gc.compile([x], getattr(gc, name)(x, axis=axis))(values)
    np.testing.assert_array_equal(found, getattr(np, name)(values, axis=axis))


def test_reductions_over_the_same_rows_share_their_sweeps() -> None:
    x = gc.input("x", (64, 100))
    outputs = [f(x, axis=1) for f in (gc.sum, gc.prod, gc.max, gc.min, gc.argmax, gc.argmin, gc.var, gc.count_nonzero)]
    outputs += [gc.any(x > 2, axis=1), gc.all(x > -2, axis=1)]
    f = gc.compile([x], outputs)
    assert len(f.kernels) == 1
    loops = f.dump("loops")
    assert loops.count("for i1 in 0..") == 2  # one sweep for all, and one for the squares around the mean
    values = np.random.default_rng(0).normal(size=(64, 100)).astype("float32")
    references = [np.sum, np.prod, np.max, np.min, np.argmax, np.argmin, np.var, np.count_nonzero]
    expected = [r(values, axis=1) for r in references] + [(values > 2).any(1), (values > -2).all(1)]
    for found, wanted in zip(f(values), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=3e-5, atol=1e-5)
