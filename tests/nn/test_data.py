"""What `fit` accepts as data, how it is converted, and what it says about the rest."""

import numpy as np
import pytest

from graphc.ir.dtype import float32, int64
from graphc.ir.errors import DTypeError, GraphError, ShapeError
from graphc.nn.data import as_array, as_samples, at_least_one, check_labels, check_same_length, minibatches


@pytest.mark.parametrize("dtype", ["float64", "uint8", "int64", "bool", ">f4", "float16"])
def test_numbers_of_the_kind_are_converted(dtype):
    data = np.ones((4, 3), dtype)
    converted = as_samples("x", data, (3,), float32)
    assert converted.dtype == np.float32
    assert converted.dtype.isnative
    np.testing.assert_array_equal(converted, np.ones((4, 3)))


def test_what_fits_already_is_not_copied():
    data = np.ones((4, 3), np.float32)
    assert as_samples("x", data, (3,), float32) is data


def test_strided_data_become_contiguous():
    data = np.arange(24, dtype=np.float32).reshape(4, 6)[:, ::-2]
    converted = as_samples("x", data, (3,), float32)
    assert converted.flags.c_contiguous
    np.testing.assert_array_equal(converted, data)


def test_one_number_a_sample_may_come_as_a_row_or_a_column():
    assert as_samples("y", [1.0, 2.0], (1,), float32).shape == (2, 1)
    assert as_samples("y", [[1], [2]], (), int64).shape == (2,)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.ones((4, 5)), r"x must have the shape \(samples, 3\).*it has \(4, 5\)"),
        (np.ones((4,)), r"it has \(4,\)"),
        (np.ones((0, 3)), r"x is empty: its shape is \(0, 3\)"),
        ([[1, 2], [3]], "rows differ in shape"),
        (5.0, "single number"),
    ],
)
def test_shapes_that_do_not_fit(data, message):
    with pytest.raises(ShapeError, match=message):
        as_samples("x", data, (3,), float32)


@pytest.mark.parametrize("data", [np.ones((4, 3), complex), [["a"] * 3], np.full((2, 3), None), object()])
def test_what_is_no_number(data):
    with pytest.raises(DTypeError, match="x must be an array of numbers"):
        as_array("x", data)


def test_float_labels_are_refused_with_a_remedy():
    with pytest.raises(DTypeError, match=r"int64.*float64.*astype\('int64'\)"):
        as_samples("y", np.ones(3), (), int64)


@pytest.mark.parametrize(("labels", "named"), [([0, 9, 10, 12], r"10 \(y\[2\]\).*2 of 4"), ([-1, 3], r"-1 \(y\[0\]\)")])
def test_labels_out_of_range_are_named(labels, named):
    with pytest.raises(GraphError, match=f"the label {named}"):
        check_labels(np.array(labels), 10)


def test_labels_in_range_pass():
    check_labels(np.arange(10), 10)


def test_lengths_must_agree():
    with pytest.raises(ShapeError, match="x has 3, y has 4"):
        check_same_length(np.ones((3, 2)), np.ones(4))


@pytest.mark.parametrize("value", [0, -1, 1.5, "32", None, True])
def test_counts_are_integers_from_one(value):
    with pytest.raises(GraphError, match="batch_size must be an integer of at least 1"):
        at_least_one("batch_size", value)


def test_counts_may_be_numpy_integers():
    assert at_least_one("epochs", np.int32(3)) == 3


@pytest.mark.parametrize("size", [1, 3, 4, 10, 11])
def test_batches_cover_every_row_once_in_order(size):
    x, y = np.arange(20.0).reshape(10, 2), np.arange(10)
    order = np.random.default_rng(0).permutation(10)
    for given in (None, order):
        parts = [(a.copy(), b.copy()) for a, b in minibatches((x, y), size, given)]
        assert [len(a) for a, _ in parts] == [min(size, 10 - i) for i in range(0, 10, size)]
        rows = np.arange(10) if given is None else order
        np.testing.assert_array_equal(np.concatenate([a for a, _ in parts]), x[rows])
        np.testing.assert_array_equal(np.concatenate([b for _, b in parts]), y[rows])


def test_batches_in_an_order_reuse_their_buffers():
    x = np.arange(6.0).reshape(6, 1)
    first, second = minibatches((x,), 3, np.arange(6))
    assert np.shares_memory(first[0], second[0])
    assert not np.shares_memory(first[0], x)
