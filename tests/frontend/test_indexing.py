from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphc as gc

BOUNDS = st.one_of(st.none(), st.integers(-8, 8))
STEPS = st.one_of(st.none(), st.integers(-3, 3).filter(bool))
KEYS = st.one_of(st.builds(slice, BOUNDS, BOUNDS, STEPS), st.integers(-3, 2), st.none())


@settings(max_examples=150)
@given(st.lists(KEYS, max_size=4), st.integers(0, 4), st.booleans())
def test_basic_indexing_is_numpys(keys: list[object], dots: int, named: bool) -> None:
    """Over every bound and step; along a named dimension the window is right for the sizes that come."""
    array = np.arange(5 * 4 * 3.0).reshape(5, 4, 3)
    key = (*keys[:dots], ..., *keys[dots:]) if dots <= len(keys) else tuple(keys)
    x = gc.input("x", ("n", "m", 3) if named else array.shape, dtype="float64")
    try:
        expected = array[key]
    except IndexError:
        with pytest.raises(gc.ShapeError):
            gc.interpret(x[key], {x: array})
        return
    np.testing.assert_array_equal(gc.interpret(x[key], {x: array}), expected)


@settings(max_examples=200)
@given(st.builds(slice, BOUNDS, BOUNDS, STEPS), st.integers(0, 9))
def test_one_slice_is_right_at_every_size(key: slice, size: int) -> None:
    x = gc.input("x", ("n",), dtype="int64")
    values = np.arange(size)
    np.testing.assert_array_equal(gc.interpret(x[key], {x: values}), values[key])


def test_windows_of_one_size_have_one_form() -> None:
    x = gc.input("x", ("n",))
    assert (x[1:] - x[:-1]).shape == x[1:].shape
    assert x[::-1].shape == x.shape
    assert x[2:].shape == x[:-2].shape == x[1:-1].shape
    assert x[-3:].shape == x[:3].shape
    assert x[:] is x
    assert x[...] is x


def test_bounds_may_be_sizes() -> None:
    x, y = gc.input("x", ("n",)), gc.input("y", ("m",))
    given_ = {x: np.arange(7.0), y: np.zeros(4)}
    half = x.shape[0] // 2
    np.testing.assert_array_equal(gc.interpret(x[:half], {x: np.arange(7.0)}), [0, 1, 2])
    np.testing.assert_array_equal(gc.interpret(x[half:], {x: np.arange(7.0)}), [3, 4, 5, 6])
    np.testing.assert_array_equal(gc.interpret([x[: y.shape[0]], y], given_)[0], [0, 1, 2, 3])
    assert x[: x.shape[0]] is x
    assert gc.interpret(x[x.shape[0] - 1], {x: np.arange(7.0)}) == 6


def test_positions_outside_an_axis_are_refused() -> None:
    x = gc.input("x", (3, "n"))
    for key in (3, -4):
        with pytest.raises(gc.ShapeError, match=rf"(?s)indexing: {key} is outside axis 0 of size 3.*test_indexing\.py"):
            x[key]
    last = x[:, 4]
    with pytest.raises(gc.ShapeError, match=r"(?s)slice: .*axis 1 of size 2.*test_indexing\.py"):
        gc.interpret(last, {x: np.zeros((3, 2))})
    with pytest.raises(gc.ShapeError, match=r"(?s)slice: .*axis 1 of size 2"):
        gc.interpret(x[:, -3], {x: np.zeros((3, 2))})


@pytest.mark.parametrize("key", [[0, 1], np.array([0, 1]), np.array([True, False, True]), True, (0, [1])])
def test_indexing_by_arrays_says_what_to_use(key: object) -> None:
    x = gc.input("x", (3, 4))
    with pytest.raises(gc.DTypeError, match=r"(?s)gc\.take_along_axis.*gc\.one_hot.*gc\.where.*test_indexing\.py"):
        x[key]


def test_other_keys_that_are_none() -> None:
    x = gc.input("x", (3, 4))
    with pytest.raises(gc.DTypeError, match=r"gc\.take_along_axis"):
        x[gc.argmax(x, axis=0)]
    for key in ("a", 1.0, slice("a", None)):
        with pytest.raises(gc.DTypeError, match=r"(?s)is no index.*test_indexing\.py"):
            x[key]
    with pytest.raises(gc.ShapeError, match="3 indices for 2 axes"):
        x[0, 0, 0]
    with pytest.raises(gc.ShapeError, match="only one"):
        x[..., 0, ...]
    with pytest.raises(gc.ShapeError, match="other than 0"):
        x[::0]
    assert x[np.int64(1)].shape == (4,)


def test_take_along_axis_is_numpys() -> None:
    rng = np.random.default_rng(0)
    x, at = rng.normal(size=(4, 5, 3)), rng.integers(-5, 5, (4, 2, 3))
    np.testing.assert_array_equal(gc.interpret(gc.take_along_axis(x, at, axis=1)), np.take_along_axis(x, at, 1))
    row = rng.integers(0, 3, (1, 1, 2))
    np.testing.assert_array_equal(gc.interpret(gc.take_along_axis(x, row)), np.take_along_axis(x, row, -1))


def test_indices_outside_are_clamped_and_their_gradient_is_dropped() -> None:
    x = gc.input("x", (3,), dtype="float64")
    taken = gc.take_along_axis(x, np.array([0, 5, -9, -1, 0]), axis=0)
    values = np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(gc.interpret(taken, {x: values}), [1, 3, 1, 3, 1])
    np.testing.assert_array_equal(gc.interpret(gc.grad(gc.sum(taken), x), {x: values}), [2, 0, 1])


def test_take_along_axis_refuses() -> None:
    x = gc.input("x", (4, 5))
    with pytest.raises(gc.DTypeError, match=r"(?s)indices must be integers.*test_indexing\.py"):
        gc.take_along_axis(x, gc.input("at", (4, 1)))
    with pytest.raises(gc.ShapeError, match="same number of axes"):
        gc.take_along_axis(x, np.array([1]))
    with pytest.raises(gc.ShapeError, match="do not broadcast"):
        gc.take_along_axis(x, np.zeros((3, 1), int))
    with pytest.raises(gc.ShapeError, match="nothing to take"):
        gc.take_along_axis(gc.input("e", (4, 0)), np.zeros((4, 1), int))


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_one_hot(axis: int) -> None:
    labels = np.array([[0, 2, 1], [3, -1, 7]])
    expected = np.moveaxis((labels[..., None] == np.arange(4)).astype("float32"), -1, axis)
    found = gc.interpret(gc.one_hot(labels, 4, axis=axis))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)


def test_one_hot_of_any_integer_and_any_size() -> None:
    assert gc.interpret(gc.one_hot(np.array([255], "uint8"), 300)).argmax() == 255
    assert gc.interpret(gc.one_hot(np.array([2**64 - 1], "uint64"), 3)).sum() == 0
    assert gc.one_hot(np.array([1]), 3, dtype="int8").dtype == "int8"
    labels = gc.input("labels", ("n",), dtype="int32")
    assert gc.one_hot(labels, "n").shape == (labels.shape[0],) * 2
    with pytest.raises(gc.DTypeError, match=r"(?s)one_hot: labels must be integers.*test_indexing\.py"):
        gc.one_hot(gc.input("x", (3,)), 4)
    with pytest.raises(gc.ShapeError):
        gc.one_hot(labels, -1)
