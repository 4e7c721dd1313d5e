"""Metrics against NumPy."""

import json

import numpy as np
import pytest

import graphc as gc
from graphc import nn
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


@pytest.mark.parametrize("k", [1, 2, 9])
def test_nan_is_among_the_largest_but_no_hit(k):
    predictions = np.array([[np.nan, 0.1, 0.3], [np.nan] * 3, [0.1, 0.2, 0.7]])
    expected = [k > 1, 0, 1]
    p, y = gc.constant(predictions), gc.constant(np.array([2, 1, 2]))
    hits = gc.interpret(metrics.sparse_top_k_categorical_accuracy(y, p, k), {})
    np.testing.assert_array_equal(hits, expected)
    np.testing.assert_array_equal(
        gc.interpret(metrics.top_k_categorical_accuracy(gc.one_hot(y, 3), p, k), {}), expected
    )


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


def test_a_metric_in_a_model_is_the_metric_alone():
    """Over batches of different sizes, weighted and not, where means of batches would be something else."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(90, 3)).astype("float32"), rng.integers(0, 2, 90)
    weights = rng.uniform(0, 2, 90)
    watched = [metrics.AUC(), metrics.Precision(), metrics.Recall(thresholds=0.3), metrics.RootMeanSquaredError()]
    model = nn.Sequential([nn.Dense(1, "sigmoid")], seed=0)
    model.compile("sgd", "binary_crossentropy", weighted_metrics=watched)
    predicted = model.predict(x)
    for given in (None, weights):
        got = model.evaluate(x, y, batch_size=32, sample_weight=given, return_dict=True)
        for metric in watched:
            metric.reset_state()
            assert got[metric.name] == pytest.approx(metric(y[:, None], predicted, given), rel=1e-5), metric.name


def test_the_area_is_the_share_of_pairs_in_the_right_order():
    rng = np.random.default_rng(1)
    y, p = rng.integers(0, 2, 300), rng.integers(0, 100, 300) / 100
    pairs = p[y == 1][:, None] - p[y == 0]
    expected = ((pairs > 0) + 0.5 * (pairs == 0)).mean()
    assert metrics.AUC(num_thresholds=1001)(y, p) == pytest.approx(expected, abs=1e-9)


def test_a_metric_forgets_when_it_is_told_to():
    metric = metrics.BinaryAccuracy()
    assert metric([1, 1], [0.9, 0.1]) == 0.5
    assert metric([1, 1], [0.9, 0.9]) == 0.75
    metric.reset_state()
    with pytest.raises(gc.GraphError, match="'binary_accuracy' has seen no batch yet"):
        metric.result()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: metrics.Precision(thresholds=1.5), r"thresholds lie between 0 and 1, not \[1.5\]"),
        (lambda: metrics.AUC(curve="PRC"), "no curve of AUC 'PRC'; known are PR, ROC"),
        (lambda: metrics.AUC(summation_method="x"), "no summation_method of AUC 'x'"),
        (lambda: metrics.AUC(num_thresholds=1), "num_thresholds has to be 2 or more"),
    ],
)
def test_options_that_make_no_sense_are_refused(make, message):
    with pytest.raises(gc.GraphError, match=message):
        make()


def test_thresholds_may_come_from_numpy():
    levels = np.array([0.25, 0.5], "float32")
    for kind in (metrics.Precision, metrics.AUC):
        metric, listed = kind(thresholds=levels), kind(thresholds=[0.25, 0.5])
        y, p = [0, 1, 1], [0.3, 0.4, 0.7]
        np.testing.assert_array_equal(metric(y, p), listed(y, p))
        assert json.loads(json.dumps(metric.config())) == listed.config()
    assert metrics.Recall(thresholds=np.float32(0.5))([0, 1], [0.3, 0.7]) == 1.0


def test_functions_of_the_same_name_are_numbered():
    model = nn.Sequential([nn.Input((2,)), nn.Dense(1)])
    watched = [lambda y, p: gc.abs(y - p), lambda y, p: gc.abs(y + p), "mae"]
    model.compile("sgd", "mse", watched, weighted_metrics=["mae"])
    names = list(model.evaluate(np.ones((3, 2)), np.ones(3), return_dict=True))
    assert names == ["loss", "lambda", "lambda_1", "mae", "weighted_mae"]
    assert model.better("lambda_1") == "unknown"
    assert model.better("weighted_mae") == "min"


def test_nothing_to_count_is_zero():
    assert metrics.Precision()([0, 0], [0.1, 0.2]) == 0
    assert metrics.AUC()([0, 0], [0.1, 0.2]) == 0
