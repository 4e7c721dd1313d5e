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
    with pytest.raises(gc.ShapeError, match="one label for each row"):
        metrics.sparse_categorical_accuracy(gc.input("y", ("batch", 3), dtype="int64"), p)
    with pytest.raises(gc.DTypeError, match="labels must be integers"):
        metrics.sparse_categorical_accuracy(gc.input("y", ("batch",)), p)


def test_mean_absolute_error():
    a, b = gc.input("a", ("batch", 2)), gc.input("b", ("batch", 2))
    u, v = np.array([[1, 2], [3, 4]], "float32"), np.array([[0, 4], [3, 0]], "float32")
    np.testing.assert_array_equal(gc.interpret(metrics.mean_absolute_error(a, b), {a: u, b: v}), [1.5, 2])


def test_names_are_found_and_others_answered():
    assert metrics.get("sparse_categorical_accuracy") == metrics.SparseCategoricalAccuracy()
    assert metrics.get("mae") == metrics.FunctionMetric(own=metrics.mean_absolute_error, name="mae")
    assert metrics.get(metrics.mean_absolute_error).name == "mean_absolute_error"
    given = metrics.Precision()
    assert metrics.get(given) is given
    with pytest.raises(gc.GraphError, match=r"no metric 'acuracy'; known are acc, accuracy"):
        metrics.get("acuracy")
