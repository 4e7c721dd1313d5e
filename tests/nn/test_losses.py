"""Losses against their formulas in plain NumPy, and their gradients against the textbook."""

import json

import numpy as np
import pytest

import graphc as gc
from graphc import nn
from graphc.nn import losses


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return rng.normal(size=(5, 4)), rng.integers(0, 4, 5)


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def inputs(dtype="float64"):
    return gc.input("z", ("batch", 4), dtype=dtype), gc.input("y", ("batch",), dtype="int64")


def test_crossentropy_of_probabilities(batch):
    values, labels = batch
    p, y = inputs()
    # Twice the probabilities: they are scaled to sum 1 first.
    got = gc.interpret(losses.sparse_categorical_crossentropy(y, p), {p: 2 * softmax(values), y: labels})
    np.testing.assert_allclose(got, -np.log(softmax(values)[np.arange(5), labels]), rtol=1e-12)


def test_crossentropy_of_logits_and_its_gradient(batch):
    values, labels = batch
    z, y = inputs()
    loss = losses.sparse_categorical_crossentropy(y, z, from_logits=True)
    got, gradient = gc.interpret([loss, gc.grad(gc.mean(loss), z)], {z: values, y: labels})
    np.testing.assert_allclose(got, -np.log(softmax(values)[np.arange(5), labels]), rtol=1e-12)
    np.testing.assert_allclose(gradient, (softmax(values) - np.eye(4)[labels]) / 5, rtol=1e-9, atol=1e-12)


def test_probabilities_of_zero_and_one_stay_finite():
    p, y = inputs("float32")
    got = gc.interpret(
        losses.sparse_categorical_crossentropy(y, p), {p: np.eye(4, dtype="float32")[[0, 0]], y: np.array([0, 1])}
    )
    np.testing.assert_allclose(got, [-np.log1p(-1e-7), -np.log(1e-7)], rtol=1e-5, atol=1e-7)


def test_logits_of_any_size_stay_exact():
    z, y = inputs("float32")
    loss = losses.sparse_categorical_crossentropy(y, z, from_logits=True)
    logits = np.array([[1e4, 0, 0, 0], [0, 1e4, 0, -1e4]], "float32")
    got, gradient = gc.interpret([loss, gc.grad(gc.sum(loss), z)], {z: logits, y: np.array([1, 1])})
    np.testing.assert_array_equal(got, [1e4, 0])
    np.testing.assert_array_equal(gradient, [[1, -1, 0, 0], [0, 0, 0, 0]])


def test_mean_squared_error_is_one_number_a_sample():
    a, b = gc.input("a", ("batch", 3)), gc.input("b", ("batch", 3))
    rng = np.random.default_rng(1)
    u, v = rng.normal(size=(2, 6, 3)).astype("float32")
    got = gc.interpret(losses.mean_squared_error(a, b), {a: u, b: v})
    np.testing.assert_allclose(got, ((u - v) ** 2).mean(axis=1), rtol=1e-6)


def test_labels_must_be_integers_one_for_each_row():
    z, _ = inputs()
    with pytest.raises(gc.DTypeError, match="labels must be integers"):
        losses.sparse_categorical_crossentropy(gc.input("y", ("batch",)), z)
    with pytest.raises(gc.ShapeError, match="one label for each row"):
        losses.sparse_categorical_crossentropy(gc.input("y", ("batch", 4), dtype="int64"), z)


def test_names_and_functions_are_found():
    assert losses.get("mse") == losses.MeanSquaredError()
    assert losses.get("sparse_categorical_crossentropy").labels
    assert losses.get(losses.sparse_categorical_crossentropy).labels

    def huber(y_true, y_pred):
        return gc.abs(y_true - y_pred)

    assert losses.get(huber).name == "huber"
    with pytest.raises(gc.GraphError, match=r"no loss 'crossentropy'; known are .*sparse_categorical"):
        losses.get("crossentropy")


def test_a_reduction_has_a_name():
    with pytest.raises(gc.GraphError, match="Huber: there is no reduction 'average'; known are 'sum_over_batch_size'"):
        losses.Huber(reduction="average")
    x = np.ones((4, 2))
    model = nn.Sequential([nn.Dense(2)])
    model.compile("sgd", losses.MeanSquaredError(reduction="none"))
    with pytest.raises(gc.GraphError, match="the loss is no scalar: its reduction is 'none'; a model is trained"):
        model.fit(x, x, verbose=0)


def test_options_may_be_numpy_numbers():
    made = losses.Huber(delta=np.float32(2))
    assert made == losses.Huber(delta=2.0)
    assert losses.from_config(json.loads(json.dumps(made.config())), {}) == made


def test_shapes_that_would_only_broadcast_are_refused():
    a, b = gc.input("a", ("batch", 3)), gc.input("b", ("batch", 4))
    with pytest.raises(gc.ShapeError, match=r"huber: y_true and y_pred differ in shape[\s\S]*test_losses"):
        losses.huber(a, b)
    column, row = gc.input("c", ("batch", 1)), gc.input("r", ("batch",))
    assert losses.mean_squared_error(row, column).shape == column.shape[:1]
    with pytest.raises(gc.ShapeError, match="one weight for each sample"):
        losses.MeanSquaredError()(a, a, gc.input("w", (7,)))


@pytest.mark.parametrize("name", sorted(losses.CLASSES))
def test_a_loss_comes_back_from_its_plain_data(name):
    made = losses.CLASSES[name](reduction="sum", name="mine")
    assert losses.from_config(json.loads(json.dumps(made.config())), {}) == made
