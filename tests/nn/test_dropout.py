"""Dropout, and the random numbers behind it."""

import numpy as np
import pytest

import graphc as gc
from graphc import nn, optim
from graphc.nn.dropout import dropout, random_bits


def bits(shape, key=(1, 2), **sizes):
    return gc.interpret(random_bits(shape, gc.constant(np.array(key, np.uint32))), {})


def test_bits_are_even_independent_and_differ_by_key():
    first, second, third = bits((100, 1000)), bits((100, 1000), (1, 3)), bits((100, 1000), (2, 2))
    ones = np.unpackbits(first.view(np.uint8).reshape(-1, 4), axis=1, bitorder="little")
    assert np.abs(ones.mean(axis=0) - 0.5).max() < 0.008  # five deviations of 100,000 coins
    assert np.abs(np.corrcoef(ones.T.astype(float)) - np.eye(32)).max() < 0.016
    for other in (second, third):
        assert (first == other).mean() < 1e-3
        assert abs(np.corrcoef(first.ravel(), other.ravel())[0, 1]) < 0.016
    for lag in (1, 2, 10, 1000):
        assert abs(np.corrcoef(first.ravel()[lag:], first.ravel()[:-lag])[0, 1]) < 0.016
    counts, _ = np.histogram(first, 100, (0, 2**32))
    chi_squared = ((counts - 1000) ** 2 / 1000).sum()
    assert 50 < chi_squared < 170


def test_bits_follow_the_position_in_any_shape():
    np.testing.assert_array_equal(bits((4, 6)).ravel(), bits((24,)))
    np.testing.assert_array_equal(bits((2, 2, 6)).ravel()[:12], bits((12,)))


def test_compiled_and_interpreted_draws_are_the_same():
    x = gc.input("x", ("batch", 37))
    key = gc.input("key", (2,), dtype="uint32")
    y = dropout(x, 0.4, key)
    data, drawn = np.ones((19, 37), "float32"), np.array([5, 2**32 - 1], np.uint32)
    compiled = gc.compile([x, key], y)(data, drawn)
    np.testing.assert_array_equal(compiled, gc.interpret(y, {x: data, key: drawn}))
    np.testing.assert_allclose(np.unique(compiled), [0, 1 / 0.6], rtol=1e-6)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_rate_and_the_mean_are_kept(rate):
    x = gc.constant(np.ones((400, 500), "float32"))
    values = gc.interpret(dropout(x, rate, gc.constant(np.array([3, 4], np.uint32))), {})
    assert (values == 0).mean() == pytest.approx(rate, abs=0.006)
    assert values.mean() == pytest.approx(1, abs=0.02)


def test_it_is_off_outside_of_training_and_new_in_every_step():
    model = nn.Sequential([nn.Input((200,)), nn.Dropout(0.5)], seed=3)
    model.compile(optim.SGD(0.1), "mse")
    x = np.ones((50, 200), "float32")
    np.testing.assert_array_equal(model.predict(x), x)
    assert model.evaluate(x, x) == 0
    losses = [float(model.train_step(x, np.zeros_like(x))["loss"]) for _ in range(4)]
    assert len(set(losses)) == 4
    assert np.mean(losses) == pytest.approx(2, abs=0.1)  # half of them are 2² = 4
    assert model.layers[0].steps.value == 4


def test_a_seed_repeats_a_training():
    def train(seed):
        model = nn.Sequential([nn.Dense(16, "relu"), nn.Dropout(0.5), nn.Dense(1)], seed=seed)
        model.compile("adam", "mse")
        x = np.random.default_rng(0).normal(size=(40, 4))
        return model.fit(x, x[:, :1], epochs=3, verbose=0).history["loss"]

    assert train(1) == train(1)
    assert train(1) != train(2)


def test_gradients_go_through_what_is_kept():
    x, key = gc.param("x", np.ones(1000, "float32")), gc.constant(np.array([1, 2], np.uint32))
    y = dropout(x, 0.25, key)
    value, gradient = gc.interpret([y, gc.grad(gc.sum(y), x)], {})
    np.testing.assert_array_equal(gradient, value)


def test_training_may_be_said_outright():
    x = gc.input("x", (3, 100))
    layer = nn.Dropout(0.5, seed=1)
    assert layer(x, training=False) is x
    dropped = gc.interpret(layer(x, training=True), {x: np.ones((3, 100))})
    assert 0.3 < (dropped == 0).mean() < 0.7
    flagged = nn.Dropout(0.5, seed=1)(x)
    for training, expected in ((True, dropped), (False, np.ones((3, 100)))):
        got = gc.interpret(flagged, {x: np.ones((3, 100)), nn.TRAINING: np.array(training)})
        np.testing.assert_array_equal(got, expected)


def test_its_key_and_steps_are_saved_but_are_no_weights(tmp_path):
    inner = nn.Sequential([nn.Dense(2), nn.Dropout(np.float32(0.5))], name="inner")
    model = nn.Sequential([nn.Input((4,)), inner, nn.Dense(1)])
    model.compile("sgd", "mse")
    assert [w.shape for w in model.get_weights()] == [(4, 2), (2,), (2, 1), (1,)]
    assert model.count_params() == 13
    assert inner.layers[1].get_weights() == []
    x = np.random.default_rng(0).normal(size=(40, 4))
    model.fit(x, x[:, 0], verbose=0)
    steps = inner.layers[1].steps.value
    model.set_weights([w + 1 for w in model.get_weights()])
    assert inner.layers[1].steps.value == steps == 2
    model.save(tmp_path / "m.safetensors")
    again = nn.load_model(tmp_path / "m.safetensors")
    assert again.train_on_batch(x, x[:, 0]) == model.train_on_batch(x, x[:, 0])


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan"), "half", np.float32(2)])
def test_rates_that_make_no_sense_are_refused(rate):
    with pytest.raises(gc.GraphError, match="Dropout: rate is a number from 0 up to 1"):
        nn.Dropout(rate)


def test_a_rate_of_zero_changes_nothing():
    x = gc.input("x", ("batch", 3))
    assert nn.Dropout(0)(x) is x


def test_each_call_draws_numbers_of_its_own():
    layer = nn.Dropout(0.5, seed=0)
    x = gc.input("x", (1000,))
    first, second = gc.compile([x], [layer(x, training=True), layer(x * 2, training=True)])(np.ones(1000, "float32"))
    assert 400 < np.sum((first == 0) != (second == 0)) < 600
