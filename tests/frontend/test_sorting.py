from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc.loop.sort import COUNTED, WIDE_FROM

DTYPES = ("float32", "float64", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool")
SIZES = (1, 2, 3, 17, COUNTED // 2 + 1, COUNTED, COUNTED + 1, 200, WIDE_FROM + 3)

Array = np.ndarray[Any, Any]


def awkward(dtype: str, shape: tuple[int, ...]) -> Array:
    """Ties everywhere, the ends of the range, and for floats nan of both signs, infinities and both zeros."""
    rng = np.random.default_rng(len(dtype) + shape[-1])
    if dtype == "bool":
        return rng.random(shape) < 0.5
    if not dtype.startswith("f"):
        ends = np.iinfo(dtype)
        values = rng.integers(ends.min, ends.max, shape, dtype, endpoint=True)
        values[..., ::3] = rng.choice(np.array([ends.min, ends.max, 0, 1], dtype), values[..., ::3].shape)
        return values
    values = rng.normal(size=shape).round(1)
    special = rng.choice([np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324], shape)
    return np.asarray(np.where(rng.random(shape) < 0.3, special, values), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_order_is_numpys_at_every_size(dtype: str) -> None:
    """Interpreted and compiled: short rows are ordered by counting, long ones digit by digit."""
    for size in SIZES:
        array = awkward(dtype, (3, size))
        x = gc.input("x", array.shape, dtype)
        outputs = [gc.sort(x), gc.argsort(x), gc.argsort(x, descending=True), gc.sort(x, axis=0), gc.argsort(x, axis=0)]
        compiled = gc.compile([x], outputs)(array)
        for found in (gc.interpret(outputs, {x: array}), compiled):
            np.testing.assert_array_equal(found[0], np.sort(array))
            np.testing.assert_array_equal(found[1], np.argsort(array, kind="stable"))
            np.testing.assert_array_equal(found[3], np.sort(array, axis=0))
            np.testing.assert_array_equal(found[4], np.argsort(array, axis=0, kind="stable"))
            assert all(np.all(np.sort(row) == np.arange(size)) for row in found[2])
        np.testing.assert_array_equal(compiled[2], gc.interpret(outputs[2], {x: array}))


@pytest.mark.parametrize("dtype", DTYPES)
def test_descending_keeps_what_is_equal_in_order(dtype: str) -> None:
    array = awkward(dtype, (500,))
    values, order = gc.interpret([gc.sort(array, descending=True), gc.argsort(array, descending=True)])
    np.testing.assert_array_equal(values, np.sort(array)[::-1])
    np.testing.assert_array_equal(array[order], values)
    same = values[1:] == values[:-1]
    assert same.any() and np.all(np.diff(order)[same] > 0)


@pytest.mark.parametrize("size", [5, 40, 300])
def test_topk_are_the_first_in_descending_order(size: int) -> None:
    array = awkward("float32", (4, size))
    x = gc.input("x", ("n", size))
    for k in (0, 1, 5):
        outputs = [*gc.topk(x, k=k), gc.sort(x, descending=True), gc.argsort(x, descending=True)]
        for values, positions, whole, order in (gc.interpret(outputs, {x: array}), gc.compile([x], outputs)(array)):
            np.testing.assert_array_equal(values, whole[:, :k])
            np.testing.assert_array_equal(positions, order[:, :k])


def test_gradients_go_back_to_where_elements_came_from() -> None:
    x = gc.input("x", (4,), "float64")
    weights = np.array([1.0, 10.0, 100.0, 1000.0])
    array = np.array([3.0, -1.0, 2.0, 7.0])
    assert gc.interpret(gc.grad(gc.sum(gc.sort(x) * weights), x), {x: array}).tolist() == [100, 1, 10, 1000]
    values, _ = gc.topk(x, 2)
    assert gc.interpret(gc.grad(gc.sum(values * weights[:2]), x), {x: array}).tolist() == [10, 0, 0, 1]
    pushed = gc.jvp(gc.sort(x, descending=True), x, weights)
    assert gc.interpret(pushed, {x: array}).tolist() == [1000, 1, 100, 10]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [0, 1, 2, 7, 64, 100])
def test_searchsorted_is_numpys(dtype: str, size: int) -> None:
    sequence = np.sort(awkward(dtype, (size,)))
    values = np.concatenate([sequence, awkward(dtype, (50,))]).reshape(-1, 2 if size % 2 == 0 else 1)
    s, v = gc.input("s", ("n",), dtype), gc.input("v", values.shape, dtype)
    outputs = [gc.searchsorted(s, v, side="left"), gc.searchsorted(s, v, side="right")]
    references = [np.searchsorted(sequence, values, "left"), np.searchsorted(sequence, values, "right")]
    given = {s: sequence, v: values}
    for found, compiled, reference in zip(
        gc.interpret(outputs, given), gc.compile([s, v], outputs)(sequence, values), references, strict=True
    ):
        np.testing.assert_array_equal(found, reference)
        np.testing.assert_array_equal(compiled, reference)


def test_searchsorted_takes_a_sorter_and_promotes() -> None:
    shuffled = np.random.default_rng(0).permutation(20).astype("float32")
    x = gc.input("x", (20,))
    found = gc.searchsorted(x, [3, 2.5, 100], sorter=gc.argsort(x))
    np.testing.assert_array_equal(gc.compile([x], found)(shuffled), [3, 3, 20])
    assert gc.interpret(gc.searchsorted([1, 2, 3], 2.5)) == 2


def test_sorts_compile_with_named_sizes_and_what_surrounds_them() -> None:
    x = gc.input("x", ("n", "m"), "float64")
    median = gc.sort(x * x, axis=1)[:, 2] + 1
    f = gc.compile([x], [median, gc.sum(gc.sort(gc.reshape(x, -1))[:3])])
    for shape in ((3, 5), (1, 3), (4, 200)):
        array = np.random.default_rng(1).normal(size=shape)
        found, smallest = f(array)
        np.testing.assert_allclose(found, np.sort(array**2, axis=1)[:, 2] + 1, rtol=1e-15)
        np.testing.assert_allclose(smallest, np.sort(array.ravel())[:3].sum(), rtol=1e-14)


def test_refusals() -> None:
    x = gc.input("x", (3, 4))
    with pytest.raises(gc.ShapeError, match=r"(?s)sort: axis 2 does not exist.*test_sorting\.py"):
        gc.sort(x, axis=2)
    with pytest.raises(gc.ShapeError, match="axis 0 does not exist"):
        gc.argsort(1.0, axis=0)
    with pytest.raises(gc.ShapeError, match=r"(?s)^topk: .*there are no 5 largest.*test_sorting\.py"):
        gc.topk(x, 5)
    for k in (-1, 1.5, True):
        with pytest.raises(gc.ShapeError, match="k is an integer"):
            gc.topk(x, k)  # type: ignore[arg-type]
    with pytest.raises(gc.ShapeError, match=r"(?s)'left' or 'right', not 'middle'.*test_sorting\.py"):
        gc.searchsorted(x[0], 1.0, side="middle")
    with pytest.raises(gc.ShapeError, match="x1 has one axis"):
        gc.searchsorted(x, 1.0)
