"""Loops of one's own, losses of one's own, and averages of parameters."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as gc
from graphc import nn, optim

rng = np.random.default_rng(0)
X = rng.normal(size=(50, 6)).astype("float32")
Y = (X @ rng.normal(size=(6, 3))).argmax(1)


def classifier(optimizer="adam", loss="sparse_categorical_crossentropy"):
    model = nn.Sequential([nn.Dense(8, "relu"), nn.Dense(3, "softmax")], seed=0)
    model.compile(optimizer, loss, ["accuracy"])
    return model


def assert_same_weights(a, b):
    for one, other in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


# Batches ----------------------------------------------------------------------------------------------------------


def test_batches_by_hand_are_an_epoch():
    by_hand, by_fit = classifier(), classifier()
    before = by_hand.test_on_batch(X[:20], Y[:20])
    assert by_hand.train_on_batch(X[:20], Y[:20]) == before
    for start in (20, 40):
        told = by_hand.train_on_batch(X[start : start + 20], Y[start : start + 20], return_dict=True)
        assert list(told) == ["loss", "accuracy"]
    by_fit.fit(X, Y, batch_size=20, shuffle=False, verbose=0)
    assert_same_weights(by_hand, by_fit)
    np.testing.assert_array_equal(by_hand.predict_on_batch(X), by_fit.predict(X, batch_size=50, verbose=0))
    assert by_hand.test_on_batch(X, Y) == by_fit.evaluate(X, Y, batch_size=50)


def test_weights_of_samples_count_in_batches_by_hand():
    weight = rng.uniform(0, 2, 50)
    weighted, twice = classifier(), classifier()
    loss, _ = weighted.train_on_batch(X, Y, sample_weight=weight, class_weight={0: 2.0})
    assert loss == twice.train_on_batch(X, Y, sample_weight=weight * np.where(Y == 0, 2, 1))[0]
    assert loss == pytest.approx(classifier().evaluate(X, Y, 50, sample_weight=weight * np.where(Y == 0, 2, 1))[0])
    assert_same_weights(weighted, twice)


def test_batches_from_a_generator_have_a_method_of_their_own():
    with pytest.raises(gc.GraphError, match=r"both arrays; .* call model\.train_on_batch\(x, y\) for each of them"):
        classifier().fit((X[i : i + 5], Y[i : i + 5]) for i in range(0, 50, 5))


# Losses and layers of one's own -----------------------------------------------------------------------------------


def brier(y_true, y_pred):
    return gc.mean(gc.square(gc.one_hot(y_true, 3, dtype=y_pred.dtype) - y_pred), axis=-1)


@pytest.mark.parametrize("labels", [Y, Y[:, None], Y.astype("uint8"), Y.tolist()])
def test_a_function_of_labels_is_a_loss(labels):
    model = classifier(loss=brier)
    p = model.predict(X)
    expected = np.mean(np.square(np.eye(3)[Y] - p))
    assert model.evaluate(X, labels)[0] == pytest.approx(expected, rel=1e-6)
    losses = model.fit(X, labels, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_a_function_of_one_hot_targets_is_a_loss_of_the_same_model():
    model = classifier(
        loss=lambda y_true, y_pred: gc.mean(gc.square(gc.astype(y_true, y_pred.dtype) - y_pred), axis=-1)
    )
    expected = np.mean(np.square(np.eye(3)[Y] - model.predict(X)))
    for targets in (np.eye(3)[Y], np.eye(3, dtype="int64")[Y]):
        assert model.evaluate(X, targets)[0] == pytest.approx(expected, rel=1e-6)
    column = nn.Sequential([nn.Dense(1)], seed=0)
    column.compile("sgd", lambda y_true, y_pred: gc.mean(gc.square(y_true - y_pred), axis=-1))
    expected = np.mean(np.square(Y[:, None] - column.predict(X)))
    assert column.evaluate(X, Y) == pytest.approx(expected, rel=1e-6)


def test_an_error_in_a_loss_names_the_line_that_trains():
    model = classifier(loss=lambda y_true, y_pred: np.asarray(y_true))
    with pytest.raises(gc.GraphError, match=r"no value before it is computed[\s\S]*built at \S*test_trainer\.py"):
        model.fit(X, Y, verbose=0)


def test_a_layer_written_for_keras_is_told_what_to_write():
    with pytest.raises(gc.GraphError, match=r"Scale: a layer says what it gives in apply\(self, x\), not in call"):

        class Scale(nn.Layer):
            def call(self, x):
                return x


def test_layers_give_and_take_their_weights():
    model = classifier()
    model.build((None, 6))
    kernel, bias = model.layers[0].get_weights()
    model.layers[0].set_weights([kernel * 2, bias + 1])
    np.testing.assert_array_equal(model.get_weights()[0], kernel * 2)
    assert model.layers[0].count_params() == 6 * 8 + 8
    with pytest.raises(gc.ShapeError, match="the dense has 2 weights, 1 arrays were given"):
        model.layers[0].set_weights([kernel])
    with pytest.raises(gc.ShapeError, match=r"the weight 'bias' has the shape \(8,\), not \(3,\)"):
        model.layers[0].set_weights([kernel, bias[:3]])
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], kernel * 2)


# Classes left out -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [["a"], [1j], [None]])
def test_weights_that_are_no_numbers_change_nothing(wrong):
    model = nn.Sequential([nn.Input((4,)), nn.Dense(1)])
    before = model.get_weights()
    with pytest.raises(gc.DTypeError, match="the weight 'dense/bias'"):
        model.set_weights([np.ones((4, 1)), np.array(wrong)])
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_model_written_for_keras_is_told_what_to_write():
    with pytest.raises(gc.GraphError, match=r"Mine: a model is told .* super\(\).__init__\(inputs, outputs\)"):

        class Mine(nn.Model):
            def call(self, x):
                return x


def test_samples_of_an_ignored_class_do_not_train():
    loss = nn.losses.SparseCategoricalCrossentropy(ignore_class=-1)
    padded = np.where(np.arange(50) < 30, Y, -1)
    some, few = classifier(loss=loss), classifier()
    assert some.train_on_batch(X, padded)[0] == pytest.approx(few.train_on_batch(X[:30], Y[:30])[0], rel=1e-6)
    for one, other in zip(some.get_weights(), few.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    assert some.evaluate(X, np.full(50, -1))[0] == 0
    with pytest.raises(gc.GraphError, match="the label 7"):
        some.fit(X, np.where(padded < 0, 7, padded), verbose=0)


# Averages and sums of gradients -----------------------------------------------------------------------------------


def test_accumulated_gradients_are_those_of_a_larger_batch():
    parts = classifier(optim.SGD(0.1, momentum=0.9, gradient_accumulation_steps=5))
    whole = classifier(optim.SGD(0.1, momentum=0.9))
    start = parts.predict(X)
    for model, size in ((parts, 5), (whole, 25)):
        model.fit(X, Y, epochs=3, batch_size=size, shuffle=False, verbose=0)
    for one, other in zip(parts.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    assert np.abs(parts.predict(X) - start).max() > 0.01


def test_between_steps_nothing_moves():
    model = classifier(optim.Adam(gradient_accumulation_steps=3, use_ema=True, weight_decay=0.1))
    model.build((None, 6))
    before = model.get_weights()
    for moved in (False, False, True):
        model.train_on_batch(X, Y)
        assert any(not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)) == moved


def test_fit_ends_with_the_averages_of_the_parameters():
    averaged, plain = classifier(optim.SGD(0.1, use_ema=True, ema_momentum=0.75)), classifier(optim.SGD(0.1))
    expected = None
    for _ in range(4):
        plain.train_on_batch(X, Y)
        now = plain.get_weights()
        expected = now if expected is None else [0.75 * e + 0.25 * w for e, w in zip(expected, now, strict=True)]
    averaged.fit(X, Y, epochs=4, batch_size=50, shuffle=False, verbose=0)
    for found, one in zip(averaged.get_weights(), expected, strict=True):
        np.testing.assert_allclose(found, one, rtol=1e-5, atol=1e-6)


def test_averages_and_sums_are_saved(tmp_path):
    model = classifier(optim.Adam(gradient_accumulation_steps=3, use_ema=True, ema_overwrite_frequency=2))
    for _ in range(4):
        model.train_on_batch(X, Y)
    model.save(tmp_path / "m.safetensors")
    loaded = nn.load_model(tmp_path / "m.safetensors")
    for _ in range(5):
        assert model.train_on_batch(X, Y) == loaded.train_on_batch(X, Y)
    assert_same_weights(model, loaded)


@pytest.mark.parametrize(
    "options",
    [{"gradient_accumulation_steps": 1}, {"gradient_accumulation_steps": 2.0}, {"ema_momentum": 1.5},
     {"ema_overwrite_frequency": 0}, {"ema_overwrite_frequency": True}],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(options):
    (name,) = options
    with pytest.raises(gc.GraphError, match=rf"SGD: {name}=.* is outside what makes sense"):
        optim.SGD(use_ema=True, **options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"validation_data": X}, r"validation_data is \(x, y\) or \(x, y, sample_weight\), not a ndarray"),
        ({"validation_data": (X,)}, "not a tuple of 1"),
        ({"validation_data": [X, Y, None, None]}, "not a list of 4"),
        ({"validation_freq": 0}, "validation_freq must be an integer of at least 1, not 0"),
        ({"class_weight": {"a": 2.0}}, "class_weight is a dict of numbers by class, .*, not {'a': 2.0}"),
        ({"class_weight": {0: "heavy"}}, "class_weight is a dict of numbers by class"),
        ({"class_weight": [1.0, 2.0]}, r"class_weight is a dict of numbers by class, .*, not \[1.0, 2.0\]"),
    ],
)
def test_what_fit_does_not_understand_is_refused(arguments, message):
    with pytest.raises(gc.GraphError, match=message):
        classifier().fit(X, Y, verbose=0, **arguments)


# What is not finite --------------------------------------------------------------------------------------------


def test_a_last_step_that_runs_away_is_noticed():
    model = regressor(optim.SGD(1e30))
    before = model.get_weights()
    with pytest.warns(RuntimeWarning, match=r"W1 became .* in epoch 1, step 1; a smaller .* it had before training"):
        history = model.fit(X * 1e5, X[:, 0], batch_size=len(X), verbose=0)
    assert history.epoch == []
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_parameters_that_were_nan_before_training_are_named():
    model = regressor()
    model.set_weights([np.full((6, 1), np.nan), np.ones(1)])
    with pytest.warns(RuntimeWarning, match="W1 held nan or infinite numbers before training"):
        model.fit(X, X[:, 0], verbose=0)


def test_state_may_be_infinite():
    class Lowest(nn.Layer):
        def build(self, shape, dtype):
            initial = nn.initializers.Constant(np.inf)
            self.lowest = self.add_weight("lowest", (), initial, dtype, trainable=False)

        def apply(self, x):
            return x + 0 * gc.exp(-self.lowest)

    model = nn.Sequential([Lowest(), nn.Dense(1)])
    model.compile("sgd", "mse")
    assert model.fit(X, X[:, 0], epochs=2, verbose=0).epoch == [0, 1]


def regressor(optimizer="sgd"):
    model = nn.Sequential([nn.Input((6,)), nn.Dense(1)])
    model.compile(optimizer, "mse")
    return model
