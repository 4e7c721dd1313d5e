"""Metrics against NumPy."""

import numpy as np
import pytest

import graphc as gc
from graphc.nn import metrics


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8"])
def test_accuracy_counts_the_largest(dtype):
    p, y = gc.input("p", ("batch", 3)), gc.input("y", ("batch",), dtype=dtype)
    predictions = np.array([[0.2, 0.5, 0.3], [0.9, 0.05, 0.05], [0.1, 0.2, 0.7]], "float32")
    hit = metrics.sparse_categorical_accuracy(y, p)
    assert hit.dtype is p.dtype
    np.testing.assert_array_equal(gc.interpret(hit, {p: predictions, y: np.array([1, 2, 2], dtype)}), [1, 0, 1])


def test_accuracy_needs_a_label_for_each_row():
    p = gc.input("p", ("batch", 3))
    for y in (gc.input("y", ("batch", 3), dtype="int64"), gc.input("y", ("batch",))):
        with pytest.raises(gc.ShapeError, match="one integer label for each row"):
            metrics.sparse_categorical_accuracy(y, p)


def test_mean_absolute_error():
    a, b = gc.input("a", ("batch", 2)), gc.input("b", ("batch", 2))
    u, v = np.array([[1, 2], [3, 4]], "float32"), np.array([[0, 4], [3, 0]], "float32")
    np.testing.assert_array_equal(gc.interpret(metrics.mean_absolute_error(a, b), {a: u, b: v}), [1.5, 2])


def test_names_are_found_and_others_answered():
    assert metrics.get("accuracy") == ("accuracy", metrics.sparse_categorical_accuracy)
    assert metrics.get(metrics.mean_absolute_error) == ("mean_absolute_error", metrics.mean_absolute_error)
    with pytest.raises(gc.GraphError, match=r"no metric 'acuracy'; known are acc, accuracy"):
        metrics.get("acuracy")
