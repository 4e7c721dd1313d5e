"""Sequential: training against a training written out in NumPy, Keras's conventions, and what is refused."""

import dataclasses
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

import graphc as gc
from graphc import nn, optim


def blobs(samples=200, features=6, classes=3, seed=0):
    """Points around `classes` centres: learnable, and not by chance."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, samples)
    centres = np.random.default_rng(99).normal(size=(classes, features)) * 2
    return (centres[y] + rng.normal(size=(samples, features))).astype("float32"), y


def classifier(seed=0, **compiled):
    model = nn.Sequential([nn.Dense(16, activation="relu"), nn.Dense(3, activation="softmax")], seed=seed)
    model.compile(**{"optimizer": "rmsprop", "metrics": ["accuracy"], **compiled})
    return model


X, Y = blobs(20)


def regressor(**compiled):
    model = nn.Sequential([nn.Dense(1)], seed=0)
    model.compile(**{"optimizer": optim.SGD(0.05), "loss": "mse", **compiled})
    return model


def step_through(model, wrap):
    """Let `fit` call wrap(step) in place of the compiled step."""
    real = model._training
    model.__dict__["_training"] = dataclasses.replace(real, function=wrap(real.function))


def values(model):
    return [p.value for p in model.params]


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def numpy_forward(params, x):
    W1, b1, W2, b2 = params
    h = np.maximum(x @ W1 + b1, 0)
    return h, softmax(h @ W2 + b2)


def numpy_epoch(params, x, y, size, rate):
    """An epoch of SGD on the softmax classifier, the gradient by hand; the mean loss over the samples."""
    total = 0.0
    for start in range(0, len(x), size):
        xb, yb = x[start : start + size], y[start : start + size]
        W2 = params[2]
        h, p = numpy_forward(params, xb)
        total += -np.log(p[np.arange(len(yb)), yb]).sum()
        dz2 = (p - np.eye(3)[yb]) / len(yb)
        dz1 = (dz2 @ W2.T) * (h > 0)
        gradients = [xb.T @ dz1, dz1.sum(0), h.T @ dz2, dz2.sum(0)]
        params = [w - rate * g for w, g in zip(params, gradients, strict=True)]
    return params, total / len(x)


# Training ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [32, 64, 500])
def test_fit_is_the_training_written_out_by_hand(batch_size):
    x, y = blobs()
    model = classifier(optimizer=optim.SGD(0.1))
    model.build((None, 6))
    params = [v.astype("float64") for v in values(model)]
    history = model.fit(x, y, epochs=3, batch_size=batch_size, shuffle=False, verbose=0)
    losses = []
    for _ in range(3):
        params, loss = numpy_epoch(params, x, y, batch_size, 0.1)
        losses.append(loss)
    np.testing.assert_allclose(history.history["loss"], losses, rtol=1e-4)
    for got, expected in zip(values(model), params, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-5)


def test_evaluate_and_predict_are_means_and_rows_over_all_samples():
    x, y = blobs(75)
    model = classifier()
    predictions = model.predict(x, batch_size=32)
    _, expected = numpy_forward(values(model), x)
    assert predictions.shape == (75, 3)
    np.testing.assert_allclose(predictions, expected, rtol=1e-4, atol=1e-6)
    loss, accuracy = model.evaluate(x, y, batch_size=32)
    assert loss == pytest.approx(-np.log(expected[np.arange(75), y]).mean(), rel=1e-4)
    assert accuracy == pytest.approx((expected.argmax(1) == y).mean())
    assert model.evaluate(x, y, return_dict=True) == pytest.approx({"loss": loss, "accuracy": accuracy})


def test_it_learns():
    x, y = blobs(400)
    model = classifier(optimizer=optim.RMSprop(0.01))
    history = model.fit(x, y, epochs=15, validation_data=blobs(100, seed=1), verbose=0)
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]
    assert history.history["val_accuracy"][-1] > 0.85
    assert history.epoch == list(range(15))
    assert len(history.seconds) == 15
    assert model.history is history


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam"])
def test_regression_finds_the_line(optimizer):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(256, 2))
    y = x @ [2.0, -1.0] + 0.5
    rate = {"sgd": optim.SGD(0.1), "rmsprop": optim.RMSprop(0.02), "adam": optim.Adam(0.05)}[optimizer]
    model = regressor(optimizer=rate, metrics=["mae"])
    model.fit(x, y, epochs=40, verbose=0)
    kernel, bias = values(model)
    np.testing.assert_allclose(kernel[:, 0], [2, -1], atol=0.05)
    np.testing.assert_allclose(bias, [0.5], atol=0.05)
    assert model.evaluate(x, y, return_dict=True)["mae"] < 0.05


def test_a_seed_repeats_everything_and_another_does_not():
    x, y = blobs()

    def train(model_seed, fit_seed=None):
        model = classifier(seed=model_seed)
        model.fit(x, y, epochs=2, seed=fit_seed, verbose=0)
        return np.concatenate([v.ravel() for v in values(model)])

    np.testing.assert_array_equal(train(1), train(1))
    assert (train(1) != train(2)).any()
    np.testing.assert_array_equal(train(1, 5), train(1, 5))
    assert (train(1, 5) != train(1, 6)).any()


def test_fitting_on_goes_on_where_it_was():
    x, y = blobs()
    once, twice = classifier(), classifier()
    once.fit(x, y, epochs=4, verbose=0)
    twice.fit(x, y, epochs=1, verbose=0)
    twice.fit(x, y, epochs=3, verbose=0)
    for a, b in zip(values(once), values(twice), strict=True):
        np.testing.assert_array_equal(a, b)


def test_compiling_again_keeps_parameters_and_resets_the_optimizer():
    x, y = blobs()
    model = classifier()
    model.fit(x, y, verbose=0)
    before, state = values(model), model.optimizer.state
    assert any((s.value != 0).any() for s in state)
    model.compile("rmsprop", metrics=["accuracy"])
    assert model.optimizer.state == []
    for a, b in zip(before, values(model), strict=True):
        np.testing.assert_array_equal(a, b)
    model.fit(x, y, verbose=0)
    assert all(s is not t for s in state for t in model.optimizer.state)


def test_validation_split_takes_the_last_samples():
    x, y = blobs(100)
    a, b = classifier(), classifier()
    split = a.fit(x, y, validation_split=0.25, epochs=2, verbose=0)
    given = b.fit(x[:75], y[:75], validation_data=(x[75:], y[75:]), epochs=2, verbose=0)
    assert split.history == given.history


def test_a_step_is_one_call_and_the_last_batch_is_trained_too():
    x, y = blobs(70)
    model = classifier()
    model.build((None, 6))
    sizes = []

    def watch(step):
        return lambda xb, yb: (sizes.append((len(xb), len(yb))), step(xb, yb))[1]

    step_through(model, watch)
    model.fit(x, y, epochs=2, batch_size=32, verbose=0)
    assert sizes == [(32, 32), (32, 32), (6, 6)] * 2


def test_softmax_and_crossentropy_together_are_stable():
    """Logits of ±10000 would be log(0) if the loss were taken from the rounded probabilities."""
    model = nn.Sequential(
        [nn.Dense(3, "softmax", kernel_initializer=lambda s, seed, dtype: 1e4 * np.eye(3, dtype=dtype))]
    )
    model.compile(optim.SGD(1.0))
    x = np.eye(3, dtype="float32")
    assert model.evaluate(x, np.array([1, 2, 0])) == pytest.approx(1e4)
    model.fit(x, np.array([1, 2, 0]), verbose=0)
    assert all(np.isfinite(v).all() for v in values(model))


def test_logits_give_the_training_that_probabilities_give():
    x, y = blobs()

    def train(last, loss):
        model = nn.Sequential([nn.Dense(3, activation=last)], seed=3)
        model.compile("sgd", loss)
        return model.fit(x, y, epochs=2, verbose=0).history["loss"]

    from_logits = train(None, nn.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert train("softmax", "sparse_categorical_crossentropy") == pytest.approx(from_logits, rel=1e-5)
    assert train(gc.softmax, nn.losses.sparse_categorical_crossentropy) == pytest.approx(from_logits, rel=1e-5)


def test_a_loss_and_a_metric_may_be_functions():
    def mean_quartic(y_true, y_pred):
        return gc.mean((y_true - y_pred) ** 4, axis=-1)

    x = np.linspace(-1, 1, 64)[:, None]
    model = regressor(loss=mean_quartic, metrics=[nn.losses.mean_squared_error])
    history = model.fit(x, 3 * x, epochs=20, verbose=0)
    assert set(history.history) == {"loss", "mean_squared_error"}
    assert history.history["loss"][-1] < 0.1 * history.history["loss"][0]


# Weights of samples ------------------------------------------------------------------------------------------------


def test_a_sample_of_weight_two_is_there_twice():
    x, y = blobs(40)
    weights = np.random.default_rng(0).integers(0, 3, 40)
    repeated = np.repeat(np.arange(40), weights)
    whole = classifier(optimizer=optim.SGD(0.1))
    loss, accuracy = whole.evaluate(x[repeated], y[repeated])
    model = nn.Sequential(whole.layers)
    model.compile("sgd", nn.losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight"),
                  weighted_metrics=["accuracy"])  # fmt: skip
    got = model.evaluate(x, y, sample_weight=weights, batch_size=40)
    assert got == pytest.approx([loss, accuracy], rel=1e-5)


def test_weights_of_zero_train_on_nothing_else():
    x, y = blobs(64)
    weighted, fewer = (classifier(optimizer=optim.SGD(0.1)) for _ in range(2))
    weighted.compile(optim.SGD(0.1), nn.losses.SparseCategoricalCrossentropy(reduction="sum"))
    fewer.compile(optim.SGD(0.1), nn.losses.SparseCategoricalCrossentropy(reduction="sum"))
    weighted.fit(x, y, sample_weight=np.arange(64) < 32, batch_size=64, verbose=0, shuffle=False)
    fewer.fit(x[:32], y[:32], batch_size=64, verbose=0, shuffle=False)
    for a, b in zip(values(weighted), values(fewer), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_class_weights_are_weights_of_samples():
    x, y = blobs(50)
    by_class, by_sample = classifier(), classifier()
    by_class.fit(x, y, class_weight={0: 2.0, 2: 0.25}, epochs=2, verbose=0)
    by_sample.fit(x, y, sample_weight=np.array([2.0, 1.0, 0.25])[y], epochs=2, verbose=0)
    for a, b in zip(values(by_class), values(by_sample), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(19), "y has 20, sample_weight has 19"),
        (np.ones((20, 3)), r"sample_weight must have the shape \(samples,\)"),
        (-np.ones(20), "finite numbers of at least 0"),
        (np.full(20, np.nan), "finite numbers of at least 0"),
    ],
)
def test_weights_that_make_no_sense_are_refused(weights, message):
    with pytest.raises(gc.GraphcError, match=message):
        classifier().fit(X, Y, sample_weight=weights, verbose=0)


# Interruptions and trouble ----------------------------------------------------------------------------------------


def test_ctrl_c_leaves_the_parameters_of_the_last_step():
    x, y = blobs()
    interrupted, whole = classifier(), classifier()
    for model in (interrupted, whole):
        model.build((None, 6))
    calls = []

    def interrupt(step):
        def interrupting(xb, yb):
            if len(calls) == 10:
                raise KeyboardInterrupt
            calls.append(None)
            return step(xb, yb)

        return interrupting

    step_through(interrupted, interrupt)
    with pytest.raises(KeyboardInterrupt):
        interrupted.fit(x, y, epochs=5, batch_size=50, shuffle=False, verbose=0)
    assert interrupted.history.epoch == [0, 1]
    for _ in range(2):
        whole.fit(x, y, batch_size=50, shuffle=False, verbose=0)
    for xb, yb in ((x[:50], y[:50]), (x[50:100], y[50:100])):
        whole.train_step(xb, yb)
    for a, b in zip(values(interrupted), values(whole), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_real_ctrl_c_is_passed_on_and_training_can_go_on():
    # A shell that runs the tests in the background has them ignore Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        _interrupt_and_go_on()
    finally:
        signal.signal(signal.SIGINT, before)


def _interrupt_and_go_on():
    x, y = blobs()
    model = classifier()
    model.fit(x, y, verbose=0)
    timer = threading.Timer(0.2, signal.raise_signal, [signal.SIGINT])
    timer.start()
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, epochs=10**6, verbose=0)
    timer.join()
    assert time.monotonic() - begun < 10
    assert all(np.isfinite(v).all() for v in values(model))
    assert np.isfinite(model.fit(x, y, verbose=0).history["loss"][0])


INTERRUPTED = """
    import os, signal, sys, threading
    import numpy as np
    from graphc import nn

    signal.signal(signal.SIGINT, signal.default_int_handler)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(400, 6)), rng.integers(0, 3, 400)
    model = nn.Sequential([nn.Dense(32, "relu"), nn.Dense(3, "softmax")], seed=0)
    model.compile("adam")
    model.fit(x, y, verbose=0)
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        model.fit(x, y, epochs=10**6, batch_size=16, shuffle=False, verbose=0)
    except KeyboardInterrupt:
        done = int(model.optimizer.iterations.value)
    before = [p.value for p in model._memory()]
    # The same number of steps without an interruption ends in the same place.
    again = nn.Sequential([nn.Dense(32, "relu"), nn.Dense(3, "softmax")], seed=0)
    again.compile("adam")
    again.fit(x, y, verbose=0)
    while int(again.optimizer.iterations.value) < done:
        start = (int(again.optimizer.iterations.value) - 13) % 25 * 16
        again.train_step(x[start : start + 16].astype("float32"), y[start : start + 16])
    same = all(np.array_equal(a, p.value) for a, p in zip(before, again._memory()))
    print(done, same)
"""


def test_ctrl_c_in_a_process_of_its_own_leaves_whole_steps():
    code = [sys.executable, "-c", textwrap.dedent(INTERRUPTED)]
    run = subprocess.run(code, capture_output=True, text=True, timeout=100)
    done, same = run.stdout.split()
    assert int(done) > 20, run.stderr
    assert same == "True"


def test_nan_in_the_data_stops_training_and_names_them():
    x, y = blobs(96)
    x[40, 0] = np.nan
    model = classifier()
    model.build((None, 6))
    before = values(model)
    with pytest.warns(
        RuntimeWarning, match=r"the loss became nan in epoch 1, step 2; x hold nan.*before training"
    ) as seen:
        history = model.fit(x, y, epochs=2, batch_size=32, shuffle=False, verbose=0)
    assert len(seen) == 1
    assert seen[0].filename == __file__
    assert history.epoch == []
    for a, b in zip(before, values(model), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_training_that_runs_away_keeps_the_parameters_of_the_last_good_epoch():
    x, y = blobs(96)
    model, reference = (regressor(optimizer=optim.SGD(0.01, momentum=0.9)) for _ in range(2))
    reference.fit(x, y, epochs=2, shuffle=False, verbose=0)

    def run_away(epoch, logs):
        if epoch == 1:
            model.optimizer.learning_rate = 1e30

    callback = nn.callbacks.LambdaCallback(on_epoch_end=run_away)
    with pytest.warns(RuntimeWarning, match=r"epoch 3, step \d+; a smaller learning rate.*it had after epoch 2"):
        history = model.fit(x, y, epochs=9, shuffle=False, callbacks=[callback], verbose=0)
    assert history.epoch == [0, 1]
    for a, b in zip(values(reference), values(model), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(reference.optimizer.state, model.optimizer.state, strict=True):
        np.testing.assert_array_equal(a.value, b.value)
    model.optimizer.learning_rate = 0.01
    reference.fit(x, y, epochs=1, shuffle=False, verbose=0)
    model.fit(x, y, epochs=1, shuffle=False, verbose=0)
    for a, b in zip(values(reference), values(model), strict=True):
        np.testing.assert_array_equal(a, b)


# Structure --------------------------------------------------------------------------------------------------------


def test_the_graph_is_there_to_be_looked_at():
    model = classifier()
    model.build(("batch", 6))
    graph = model.graph
    assert graph.x.shape[1:] == (6,)
    assert str(graph.x.shape[0]) == "batch"
    assert graph.loss.shape == ()
    assert graph.loss.name == "loss"
    assert list(graph.measured) == ["loss", "accuracy"]
    assert [p.name for p in model.params] == ["W1", "b1", "W2", "b2"]
    assert graph.output.name == "a2"
    assert model.graph is graph


def test_a_model_is_a_layer():
    inner = nn.Sequential([nn.Dense(4, "tanh"), nn.Dense(2)], name="inner")
    outer = nn.Sequential([inner, nn.Dense(3, "softmax")], seed=0)
    outer.compile()
    x, y = blobs()
    outer.fit(x, y, verbose=0)
    assert len(outer.params) == 6
    z = gc.input("z", (5, 6))
    W1, b1, W2, b2 = (p.value for p in inner.params)
    got = gc.interpret(inner(z), {z: x[:5]})
    np.testing.assert_allclose(got, np.tanh(x[:5] @ W1 + b1) @ W2 + b2, rtol=1e-4, atol=1e-6)


def test_shapes_are_read_off_the_data_or_the_input():
    model = classifier()
    with pytest.raises(gc.GraphError, match=r"put nn.Input\(\(784,\)\) in front"):
        _ = model.input_shape
    model.predict(np.zeros((2, 6)))
    assert [str(d) for d in model.input_shape] == ["batch", "6"]
    assert [str(d) for d in model.output_shape] == ["batch", "3"]
    fed = nn.Sequential([nn.Input((4,), dtype="float64"), nn.Dense(2)])
    assert fed.input_shape[1:] == (4,)
    assert fed.output_shape[1:] == (2,)
    assert fed.params[0].dtype is gc.float64
    assert fed.predict(np.zeros((3, 4))).dtype == np.float64


def test_one_feature_may_come_as_a_row_of_numbers():
    x = np.linspace(0, 1, 20)
    model = regressor()
    model.fit(x, 2 * x, verbose=0)
    assert model.predict(x).shape == (20, 1)


def test_summary_lists_layers_shapes_and_params(capsys):
    model = classifier()
    model.summary()
    assert "not built yet" in capsys.readouterr().out
    model.build((None, 6))
    model.summary()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Model: sequential"
    assert any(line.split() == ["dense", "(Dense)", "(batch,", "16)", "112"] for line in lines)
    assert any(line.split() == ["dense_1", "(Dense)", "(batch,", "3)", "51"] for line in lines)
    assert lines[-1] == "163 params"


def test_layers_are_checked_as_they_are_added():
    model = nn.Sequential([nn.Dense(3, name="a")])
    with pytest.raises(gc.GraphError, match="two layers of the model are called 'a'"):
        model.add(nn.Dense(3, name="a"))
    with pytest.raises(gc.GraphError, match="made of layers such as"):
        model.add(gc.relu)
    with pytest.raises(gc.GraphError, match=r"nn.Input comes first"):
        model.add(nn.Input((3,)))
    model.build((None, 2))
    with pytest.raises(gc.GraphError, match="built already"):
        model.add(nn.Dense(2))


@pytest.mark.parametrize("shape", [(784,), ("batch", "n"), ()])
def test_build_wants_a_batch_and_numbers(shape):
    with pytest.raises(gc.ShapeError, match="with the batch in front"):
        nn.Sequential([nn.Dense(2)]).build(shape)


def test_building_for_two_shapes_is_refused():
    model = nn.Sequential([nn.Dense(2)])
    model.build((None, 4))
    model.build((None, 4))
    with pytest.raises(gc.GraphError, match="the model takes"):
        model.build((None, 5))
    with pytest.raises(gc.GraphError, match="no layers"):
        nn.Sequential().build((None, 4))


# Refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["fit", "evaluate"])
def test_an_uncompiled_model_says_what_to_do(action):
    x, y = blobs()
    with pytest.raises(gc.GraphError, match=r"call model.compile\(loss="):
        getattr(nn.Sequential([nn.Dense(3)]), action)(x, y)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"optimizer": "rmsprob"}, r"no optimizer 'rmsprob'; known are adadelta, .*sgd"),
        ({"loss": "crossentropy"}, r"no loss 'crossentropy'; known are"),
        ({"metrics": ["precise"]}, r"no metric 'precise'; known are .*precision"),
        ({"metrics": "accuracy"}, r"metrics is a list, such as \['accuracy'\]"),
        ({"metrics": ["mse", "mse"]}, r"two metrics are called 'mse'"),
    ],
)
def test_unknown_names_are_answered_and_change_nothing(arguments, message):
    model = nn.Sequential([nn.Dense(3)])
    with pytest.raises(gc.GraphError, match=message):
        model.compile(**arguments)
    assert model.optimizer is None


@pytest.mark.parametrize(
    ("x", "y", "kind", "message"),
    [
        (X[:, :5], Y, gc.ShapeError, r"x must have the shape \(samples, 6\).*it has \(20, 5\)"),
        (X, Y[:19], gc.ShapeError, "x has 20, y has 19"),
        (X[:0], Y[:0], gc.ShapeError, "x is empty"),
        (X, Y.astype("float32"), gc.DTypeError, r"astype\('int64'\)"),
        (X, np.eye(3)[Y], gc.ShapeError, r"y must have the shape \(samples,\).*it has \(20, 3\)"),
        (X, np.where(Y == 2, 7, Y), gc.GraphError, "the label 7 .*outside 0 … 2"),
        (X, Y - 1, gc.GraphError, "the label -1"),
        (X.astype(complex), Y, gc.DTypeError, "x must be an array of numbers"),
        ([*X.tolist()[:-1], [1.0]], Y, gc.ShapeError, "rows differ in shape"),
        (None, Y, gc.DTypeError, "x must be an array of numbers; it is NoneType"),
    ],
)
def test_data_that_do_not_fit_are_refused_and_change_nothing(x, y, kind, message):
    model = classifier()
    model.build((None, 6))
    before = values(model)
    for action in (model.fit, model.evaluate):
        with pytest.raises(kind, match=message):
            action(x, y)
    for a, b in zip(before, values(model), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 0}, "batch_size must be an integer of at least 1, not 0"),
        ({"batch_size": -3}, "not -3"),
        ({"epochs": 0}, "epochs must be"),
        ({"validation_split": 1.0}, "validation_split is a fraction"),
        ({"validation_split": 0.001, "x": X[:1], "y": Y[:1]}, "leaves nothing"),
        ({"verbose": 7}, "verbose is"),
        ({"validation_data": (X[:, :2], Y)}, r"it has \(20, 2\)"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments, message):
    with pytest.raises(gc.GraphcError, match=message):
        classifier().fit(**{"x": X, "y": Y, "verbose": 0, **arguments})


def test_accuracy_is_the_one_that_fits_the_output():
    x = np.random.default_rng(0).normal(size=(40, 2)).astype("float32")
    y = (x[:, 0] > 0).astype("int64")
    outputs = {
        "binary": ([nn.Dense(1, "sigmoid")], "binary_crossentropy", y),
        "sparse": ([nn.Dense(2, "softmax")], "sparse_categorical_crossentropy", y),
        "categorical": ([nn.Dense(2, "softmax")], "categorical_crossentropy", np.eye(2)[y]),
    }
    for name, (layers, loss, targets) in outputs.items():
        model = nn.Sequential(layers, seed=0)
        model.compile(optim.SGD(0.5), loss, ["accuracy"])
        model.fit(x, targets, epochs=3, verbose=0)
        p = model.predict(x)
        chosen = (p[:, 0] > 0.5) if name == "binary" else p.argmax(1)
        assert model.evaluate(x, targets)[1] == pytest.approx((chosen == y).mean()), name


def test_data_of_every_numeric_kind_are_taken():
    model = classifier(seed=1)
    expected = model.predict(X)
    for x in (X.tolist(), X.astype("float64"), X.astype(">f4"), np.asfortranarray(X), np.repeat(X, 2, axis=0)[::2]):
        np.testing.assert_array_equal(model.predict(x), expected)
    for y in (Y.tolist(), Y.astype("uint8"), Y[:, None], Y.astype(">i4")):
        assert model.evaluate(X, y) == model.evaluate(X, Y)
