"""Callbacks: when they are called, and what the ready-made ones do."""

import csv
import os

import numpy as np
import pytest

import graphc as gc
from graphc import nn, optim
from graphc.nn import callbacks


def data(samples=64):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(samples, 3)).astype("float32")
    return x, x @ np.array([[1.0], [2.0], [-1.0]])


def model(optimizer=None):
    made = nn.Sequential([nn.Dense(1)], seed=0)
    made.compile(optimizer or optim.SGD(0.05), "mse", ["mae"])
    made.build((None, 3))
    return made


class Fed(callbacks.Callback):
    """Puts the next of some numbers into the logs under "val_loss"."""

    def __init__(self, *numbers):
        self.numbers = list(numbers)

    def on_epoch_end(self, epoch, logs=None):
        logs["val_loss"] = self.numbers[epoch]


def fit(made, *callbacks_, epochs=10, **options):
    x, y = data()
    return made.fit(x, y, epochs=epochs, callbacks=callbacks_, shuffle=False, verbose=0, **options)


class Recorder(callbacks.Callback):
    """Writes down every call."""

    def __init__(self):
        self.calls = []

    def __getattribute__(self, name):
        if name in callbacks.HOOKS:
            return lambda *args: self.calls.append((name, *(a for a in args if isinstance(a, int))))
        return super().__getattribute__(name)


def test_hooks_are_called_in_order_with_their_numbers():
    recorder = Recorder()
    x, y = data(5)
    made = model()
    made.fit(x, y, epochs=2, batch_size=3, validation_data=(x[:3], y[:3]), callbacks=[recorder], verbose=0)
    epoch = [
        *(("on_train_batch_begin", 0), ("on_train_batch_end", 0)),
        *(("on_train_batch_begin", 1), ("on_train_batch_end", 1)),
        *[("on_test_begin",), ("on_test_batch_begin", 0), ("on_test_batch_end", 0), ("on_test_end",)],
    ]
    expected = [("on_train_begin",)]
    for number in range(2):
        expected += [("on_epoch_begin", number), *epoch, ("on_epoch_end", number)]
    assert recorder.calls == [*expected, ("on_train_end",)]
    recorder.calls.clear()
    made.evaluate(x, y, batch_size=5, callbacks=[recorder])
    made.predict(x, batch_size=5, callbacks=[recorder])
    assert [name for name, *_ in recorder.calls] == [
        "on_test_begin", "on_test_batch_begin", "on_test_batch_end", "on_test_end",
        "on_predict_begin", "on_predict_batch_begin", "on_predict_batch_end", "on_predict_end",
    ]  # fmt: skip


def test_logs_of_a_batch_are_means_so_far_and_those_of_an_epoch_are_kept():
    seen = []
    callback = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(logs["loss"]))
    history = fit(model(), callback, epochs=1, batch_size=16)
    assert len(seen) == 4
    assert seen[-1] == history.history["loss"][0]
    assert len(set(seen)) == 4


def test_a_callback_knows_its_model_and_how_it_is_trained():
    class Checked(callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.model.told = dict(self.params)

    made = model()
    fit(made, Checked(), epochs=3, batch_size=30)
    assert made.told == {"epochs": 3, "steps": 3, "verbose": 0}


def test_one_callback_or_none_need_no_list():
    recorder, (x, y) = Recorder(), data(5)
    made = model()
    made.fit(x, y, callbacks=recorder, verbose=0)
    assert recorder.calls[0] == ("on_train_begin",)
    made.fit(x, y, callbacks=None, verbose=0)
    made.evaluate(x, y, callbacks=None)
    made.predict(x, callbacks=None)


def test_what_is_no_callback_or_no_hook_is_refused():
    for given in (lambda: None, [lambda: None]):
        with pytest.raises(gc.GraphError, match=r"made of nn.callbacks.Callback, not of function"):
            model().fit(*data(5), callbacks=given, verbose=0)
    with pytest.raises(gc.GraphError, match="there is no hook 'on_epoch'; there are on_train_begin"):
        callbacks.LambdaCallback(on_epoch=print)


# Early stopping ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("numbers", "options", "epochs"),
    [
        ([3, 2, 1, 1, 1, 1], {}, 4),
        ([3, 2, 1, 1, 1, 1], {"patience": 2}, 5),
        ([3, 2.95, 2.9, 2.85, 2.8], {"min_delta": 0.2}, 2),
        ([1, 2, 3, 3, 3], {"mode": "max"}, 4),
        ([5, 5, 5, 4, 4, 4], {"start_from_epoch": 3}, 5),
        ([3, 2.5, 2.2, 2.1], {"baseline": 1.0, "patience": 2}, 4),
        ([3, 1, 2, 1.5, 0.5, 0.4], {"patience": 3}, 6),
    ],
)
def test_early_stopping(numbers, options, epochs):
    made = model()
    history = fit(made, Fed(*numbers), callbacks.EarlyStopping(**options), epochs=len(numbers))
    assert len(history.epoch) == epochs


def test_early_stopping_restores_the_best_weights(capsys):
    made, weights = model(), []
    keep = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: weights.append(made.get_weights()))
    stopping = callbacks.EarlyStopping(patience=2, restore_best_weights=True, verbose=1)
    fit(made, keep, Fed(3, 1, 2, 2), stopping, epochs=4)
    for a, b in zip(weights[1], made.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert stopping.stopped_epoch == 3
    assert "Epoch 4: early stopping" in (out := capsys.readouterr().out)
    assert "the best epoch: 2" in out


def test_a_number_that_is_not_there_is_warned_about():
    with pytest.warns(RuntimeWarning, match="watches 'val_loss', which is not there; there are loss, mae"):
        fit(model(), callbacks.EarlyStopping(), epochs=1)


def test_the_direction_follows_from_the_metric():
    made = nn.Sequential([nn.Dense(3, "softmax")])
    made.compile("sgd", "categorical_crossentropy", ["accuracy", nn.metrics.AUC(name="area"), lambda y, p: p])
    made.build((None, 2))
    assert [made.better(n) for n in ("loss", "accuracy", "area", "lambda")] == ["min", "max", "max", "unknown"]
    stopping = callbacks.EarlyStopping("val_lambda")
    stopping.set_model(made)
    with pytest.raises(gc.GraphError, match="say mode='min' or mode='max'"):
        stopping.improves(1.0, 2.0)
    with pytest.raises(gc.GraphError, match="mode is auto, min or max"):
        callbacks.EarlyStopping(mode="up")


# Learning rates ---------------------------------------------------------------------------------------------------


def test_the_rate_is_reduced_on_a_plateau():
    made = model()
    reduce = callbacks.ReduceLROnPlateau(factor=0.5, patience=2, cooldown=1, min_lr=0.01)
    history = fit(made, Fed(3, 2, 2, 2, 2, 2, 2, 2, 2, 2), reduce)
    np.testing.assert_allclose(
        history.history["learning_rate"], [0.05, 0.05, 0.05, 0.05, 0.025, 0.025, 0.0125, 0.0125, 0.01, 0.01]
    )
    assert made.optimizer.learning_rate == 0.01


def test_a_function_of_the_epoch_sets_the_rate_without_compiling_again():
    made = model()
    step = made.train_step
    history = fit(made, callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2), epochs=3)
    np.testing.assert_allclose(history.history["learning_rate"], [0.025, 0.0125, 0.00625])
    assert made.train_step is step
    before = made.get_weights()
    fit(made, callbacks.LearningRateScheduler(lambda epoch, rate: 0.0), epochs=1)
    for a, b in zip(before, made.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_schedule_cannot_be_set_from_outside():
    made = model(optim.SGD(optim.schedules.CosineDecay(0.1, 100)))
    with pytest.raises(gc.GraphError, match="no number that can be changed, but CosineDecay"):
        fit(made, callbacks.LearningRateScheduler(lambda epoch, rate: 0.1))


# Files ------------------------------------------------------------------------------------------------------------


def test_checkpoints_of_every_epoch_and_of_the_best(tmp_path):
    made, weights = model(), []
    keep = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: weights.append(made.get_weights()))
    every = callbacks.ModelCheckpoint(tmp_path / "{epoch:02d}-{val_loss:.1f}.safetensors")
    best = callbacks.ModelCheckpoint(tmp_path / "best.safetensors", save_best_only=True, save_weights_only=True)
    fit(made, keep, Fed(3, 1, 2), every, best, epochs=3)
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["01-3.0.safetensors", "02-1.0.safetensors", "03-2.0.safetensors", "best.safetensors"]
    for epoch, name in enumerate(names[:3]):
        for a, b in zip(nn.load_model(tmp_path / name).get_weights(), weights[epoch], strict=True):
            np.testing.assert_array_equal(a, b)
    made.load_weights(tmp_path / "best.safetensors")
    for a, b in zip(made.get_weights(), weights[1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_checkpoint_that_names_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(gc.GraphError, match="names 'val_acc'; there are loss, mae"):
        fit(model(), callbacks.ModelCheckpoint(tmp_path / "{val_acc}.safetensors"), epochs=1)


@pytest.mark.parametrize("name", ["x{}.safetensors", "{epoch:q}.safetensors", "{.safetensors"])
def test_a_checkpoint_whose_name_cannot_be_filled_in_is_refused(tmp_path, name):
    with pytest.raises(gc.GraphError, match=r"ModelCheckpoint: .* cannot be filled in"):
        fit(model(), callbacks.ModelCheckpoint(tmp_path / name), epochs=1)


def test_a_checkpoint_makes_its_folder(tmp_path):
    fit(model(), callbacks.ModelCheckpoint(tmp_path / "runs" / "{epoch}" / "m.safetensors"), epochs=1)
    assert (tmp_path / "runs" / "1" / "m.safetensors").exists()


def test_logs_are_written_line_by_line(tmp_path):
    made, file = model(), tmp_path / "log.csv"
    history = fit(made, callbacks.CSVLogger(file), epochs=2)
    fit(made, callbacks.CSVLogger(file, append=True), epochs=1)
    with open(file, encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    assert [row["epoch"] for row in rows] == ["0", "1", "0"]
    np.testing.assert_array_equal([float(row["loss"]) for row in rows[:2]], history.history["loss"])


def test_every_line_has_every_column(tmp_path):
    made, file = model(), tmp_path / "log.csv"
    x, y = data(8)
    log = callbacks.CSVLogger(file, append=True)
    made.fit(x, y, epochs=3, validation_data=(x, y), validation_freq=2, callbacks=log, verbose=0)
    made.fit(x, y, callbacks=log, verbose=0)
    with open(file, encoding="utf-8") as opened:
        head, *rows = csv.reader(opened)
    assert head == ["epoch", "loss", "mae", "val_loss", "val_mae"]
    assert [row[3] == "NA" for row in rows] == [True, False, True, True]
    assert {len(row) for row in rows} == {5}


def test_no_file_stays_open_after_an_error(tmp_path):
    def fail(epoch, logs):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        fit(model(), callbacks.CSVLogger(tmp_path / "log.csv"), callbacks.LambdaCallback(on_epoch_end=fail))
    open_files = [
        os.readlink(f"/proc/self/fd/{fd}")
        for fd in os.listdir("/proc/self/fd")
        if os.path.exists(f"/proc/self/fd/{fd}")
    ]
    assert str(tmp_path / "log.csv") not in open_files


def test_terminate_on_nan_ends_training():
    made = model()
    callback = callbacks.TerminateOnNaN()
    callback.set_model(made)
    callback.on_train_batch_end(0, {"loss": 1.0})
    assert not made.stop_training
    callback.on_train_batch_end(0, {"loss": float("nan")})
    assert made.stop_training
