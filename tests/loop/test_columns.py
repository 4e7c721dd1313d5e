"""Kernels of rows that sum columns on the way: the same as NumPy's, the same for any number of threads, read once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

import graphc as gc

RNG = np.random.default_rng(0)
Array = npt.NDArray[np.float64]
SHAPES = ((1100, 70), (300, 300), (64, 2000), (33, 40, 96), (9, 20_000))


def normalized(x: gc.Expr, gain: gc.Expr, bias: gc.Expr) -> gc.Expr:
    centred = x - gc.mean(x, axis=-1, keepdims=True)
    return centred / gc.sqrt(gc.mean(centred * centred, axis=-1, keepdims=True) + 1e-5) * gain + bias


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_layer_norm_with_its_gradients(shape: tuple[int, ...]) -> None:
    shapes = zip("xgbw", (shape, shape[-1:], shape[-1:], shape), strict=True)
    x, gain, bias, weight = (gc.input(name, of, dtype="float64") for name, of in shapes)
    values = [RNG.normal(size=e.shape) for e in (x, gain, bias, weight)]
    y = normalized(x, gain, bias)
    outputs = [y, *gc.grad(gc.sum(y * weight), [x, gain, bias])]
    function = gc.compile([x, gain, bias, weight], outputs, threads=1)
    got = function(*values)
    again = gc.compile([x, gain, bias, weight], outputs, threads=3)(*values)
    for ours, theirs, expected in zip(got, again, layer_norm(*values), strict=True):
        np.testing.assert_array_equal(ours, theirs)
        np.testing.assert_allclose(ours, expected, rtol=1e-10, atol=1e-10)
    assert len(function.dump("kernels").split("\n\n")) == 1


def layer_norm(x: Array, gain: Array, bias: Array, weight: Array) -> tuple[Array, ...]:
    """The values and the gradients, by the formula on paper."""
    rest = tuple(range(x.ndim - 1))
    deviation = np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
    unit = (x - x.mean(axis=-1, keepdims=True)) / deviation
    g = weight * gain
    back = (g - g.mean(-1, keepdims=True) - unit * (g * unit).mean(-1, keepdims=True)) / deviation
    return unit * gain + bias, back, (weight * unit).sum(axis=rest), weight.sum(axis=rest)


def test_bias_gradient_of_a_classifier() -> None:
    logits, labels = RNG.normal(size=(700, 101)), RNG.integers(0, 101, 700)
    x, y = gc.input("x", logits.shape, dtype="float64"), gc.input("y", labels.shape, dtype="int64")
    b = gc.input("b", (101,), dtype="float64")
    loss = -gc.mean(gc.take_along_axis(gc.log_softmax(x + b), y[:, None], axis=1))
    shift = RNG.normal(size=101)
    dx, db = gc.compile([x, b, y], gc.grad(loss, [x, b]))(logits, shift, labels)
    p = np.exp(logits + shift)
    expected = p / p.sum(1, keepdims=True)
    expected[np.arange(700), labels] -= 1
    np.testing.assert_allclose(dx, expected / 700, rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(db, expected.sum(0) / 700, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize(
    ("ours", "theirs"), [(gc.sum, np.sum), (gc.max, np.max), (gc.min, np.min), (gc.any, np.any), (gc.all, np.all)]
)
def test_every_reduction_of_columns(ours: Callable[..., gc.Expr], theirs: Callable[..., Array]) -> None:
    value = RNG.normal(size=(900, 128))
    value[77, 5] = np.nan
    x = gc.input("x", value.shape, dtype="float64")
    e = x - gc.max(x, axis=1, keepdims=True)
    sign = e > -3 if ours in (gc.any, gc.all) else e
    function = gc.compile([x], [gc.sum(x, axis=1), e, ours(sign, axis=0)])
    rows, elements, columns = function(value)
    expected = value - value.max(axis=1, keepdims=True)
    np.testing.assert_allclose(rows, value.sum(axis=1), rtol=1e-12, atol=1e-12)  # of 128 numbers near 1
    np.testing.assert_array_equal(elements, expected)
    reduced = theirs(expected > -3 if ours in (gc.any, gc.all) else expected, axis=0)
    np.testing.assert_allclose(columns, reduced, rtol=1e-12, atol=1e-12)
    assert "partial0" in function.dump("loops")


def test_what_follows_from_columns_waits_for_all_of_them() -> None:
    value = RNG.uniform(0.5, 1.5, size=(500, 500))
    x = gc.input("x", value.shape, dtype="float64")
    shares = x / gc.sum(x, axis=1, keepdims=True)
    got = gc.compile([x], shares / gc.sum(shares, axis=0))(value)
    expected = value / value.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(got, expected / expected.sum(axis=0), rtol=1e-12)


def test_columns_of_runs_that_go_backward() -> None:
    value = RNG.normal(size=(800, 90))
    x = gc.input("x", value.shape, dtype="float64")
    runs = gc.flip(gc.cumulative_sum(gc.flip(x, axis=1), axis=1), axis=1)
    scaled = runs * gc.sum(x, axis=1, keepdims=True)
    got, columns = gc.compile([x], [scaled, gc.sum(scaled, axis=0)])(value)
    expected = value[:, ::-1].cumsum(1)[:, ::-1] * value.sum(1, keepdims=True)
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(columns, expected.sum(0), rtol=1e-9, atol=1e-9)


def test_checked_columns_name_the_sum() -> None:
    value = np.full((1000, 100), 1e38, np.float32)
    x = gc.input("x", value.shape)
    outputs = [x - gc.max(x, axis=1, keepdims=True), gc.sum(x, axis=0)]
    with pytest.raises(gc.GraphcError, match="sum"):
        gc.compile([x], outputs, check=True)(value)
