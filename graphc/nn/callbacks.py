"""What happens beside training: `model.fit(x, y, callbacks=[nn.callbacks.EarlyStopping(patience=3)])`.

Hooks, names and defaults are Keras 3's. `logs` hold the loss and the metrics by name; what a callback writes into the
logs of an epoch is in the history.
"""

from __future__ import annotations

import csv
import math
import os
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from ..ir.errors import GraphError

if TYPE_CHECKING:
    from .model import Model

Logs = dict[str, Any]

HOOKS = tuple(
    f"on_{what}_{when}"
    for what in ("train", "epoch", "train_batch", "test", "test_batch", "predict", "predict_batch")
    for when in ("begin", "end")
)


class Callback:
    """Does nothing. Subclasses do something at the moments they are named for.

    Attributes:
        model: the model that is trained.
        params: {"epochs", "steps", "verbose"}.
    """

    model: Model
    params: Mapping[str, Any]

    def set_model(self, model: Model) -> None:
        """Say which model it is about."""
        self.model = model

    def set_params(self, params: Mapping[str, Any]) -> None:
        """Say how it is trained."""
        self.params = params

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """`fit` begins."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """`fit` is done."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """An epoch begins, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """An epoch is done, validation included."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """A step begins, counted from 0 in each epoch."""

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """A step is done; the logs are means so far."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """`evaluate`, or validation, begins."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """`evaluate`, or validation, is done."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """A batch of it begins."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """A batch of it is done."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """`predict` begins."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """`predict` is done."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """A batch of it begins."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """A batch of it is done."""


Callbacks: TypeAlias = Iterable[Callback] | Callback | None
"""What `fit` takes: several callbacks, one, or none."""


class CallbackList:
    """Several callbacks, called one after the other; what nobody listens to costs nothing."""

    def __init__(self, callbacks: Callbacks, model: Any, params: Mapping[str, Any]) -> None:
        if not isinstance(callbacks, Iterable):
            callbacks = [] if callbacks is None else [callbacks]
        self.callbacks = list(callbacks)
        for callback in self.callbacks:
            if not isinstance(callback, Callback):
                raise GraphError(f"callbacks are made of nn.callbacks.Callback, not of {type(callback).__name__}")
            callback.set_params(params)
            callback.set_model(model)

    def listeners(self, hook: str) -> list[Callable[..., None]]:
        """The methods that do something at this hook."""
        methods = [getattr(c, hook) for c in self.callbacks]
        return [m for m in methods if getattr(m, "__func__", m) is not getattr(Callback, hook)]

    def call(self, hook: str, *args: Any) -> None:
        """Call all that listen to this hook."""
        for method in self.listeners(hook):
            method(*args)


class LambdaCallback(Callback):
    """Functions as hooks: `LambdaCallback(on_epoch_end=lambda epoch, logs: print(logs))`."""

    def __init__(self, **hooks: Callable[..., Any]) -> None:
        unknown = [name for name in hooks if name not in HOOKS]
        if unknown:
            raise GraphError(f"there is no hook {unknown[0]!r}; there are {', '.join(HOOKS)}")
        for name, function in hooks.items():
            setattr(self, name, function)


class _Monitor(Callback):
    """What callbacks that watch one number share."""

    def __init__(self, monitor: str, mode: str, min_delta: float) -> None:
        if mode not in ("auto", "min", "max"):
            raise GraphError(f"{type(self).__name__}: mode is auto, min or max, not {mode!r}")
        self.monitor, self.mode, self.min_delta = monitor, mode, abs(min_delta)
        self.best: float | None = None

    def current(self, logs: Logs | None) -> float | None:
        """The number, or None with a warning."""
        value = (logs or {}).get(self.monitor)
        if value is None:
            warnings.warn(
                f"{type(self).__name__} watches {self.monitor!r}, which is not there; there are "
                f"{', '.join(logs or {})}",
                RuntimeWarning,
                stacklevel=3,
            )
        return value

    def improves(self, value: float, than: float | None) -> bool:
        """Whether the value is better by more than min_delta."""
        if than is None:
            return True
        if self._better() == "min":
            return value + self.min_delta < than
        return value - self.min_delta > than

    def _better(self) -> str:
        if self.mode != "auto":
            return self.mode
        found = self.model.better(self.monitor.removeprefix("val_"))
        if found not in ("min", "max"):
            raise GraphError(
                f"{type(self).__name__} does not know whether {self.monitor!r} should be small or large: "
                "say mode='min' or mode='max'"
            )
        return found


class EarlyStopping(_Monitor):
    """Stops when a number has not improved for some epochs.

    Args:
        monitor: which one.
        min_delta: by how much it has to improve.
        patience: for how many epochs it need not.
        verbose: 1 says so.
        mode: "min", "max" or "auto".
        baseline: what it has to improve on, beside the best so far.
        restore_best_weights: whether the model gets the weights of its best epoch back.
        start_from_epoch: before this one nothing is looked at.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        self.on_train_begin()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget an earlier training."""
        self.wait, self.stopped_epoch, self.best_epoch = 0, 0, 0
        self.best = None
        self.best_weights: list[Any] | None = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Look at the number."""
        value = self.current(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        if self.improves(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self.improves(value, self.baseline):
                self.wait = 0
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Restore the best weights, if that is wanted."""
        if self.stopped_epoch and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                print(f"Restoring the weights of the best epoch: {self.best_epoch + 1}")
            self.model.set_weights(self.best_weights)


class ReduceLROnPlateau(_Monitor):
    """Multiplies the learning rate by `factor` when a number has not improved for some epochs.

    Args:
        monitor, mode, min_delta, patience, verbose: as `EarlyStopping`.
        factor: below 1.
        cooldown: for how many epochs after that nothing is looked at.
        min_lr: below which the learning rate does not go.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        if not 0 <= factor < 1:
            raise GraphError(f"ReduceLROnPlateau: factor is a number from 0 up to 1, not {factor!r}")
        self.factor, self.patience, self.verbose = factor, patience, verbose
        self.cooldown, self.min_lr = cooldown, min_lr
        self.on_train_begin()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget an earlier training."""
        self.best, self.wait, self.cooling = None, 0, 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Look at the number."""
        rate = learning_rate_of(self.model)
        if logs is not None:
            logs["learning_rate"] = rate
        value = self.current(logs)
        if value is None:
            return
        if self.cooling:
            self.cooling -= 1
            self.wait = 0
        if self.improves(value, self.best):
            self.best, self.wait = value, 0
        elif not self.cooling:
            self.wait += 1
            if self.wait >= self.patience and rate > self.min_lr:
                self._reduce(rate, epoch)

    def _reduce(self, rate: float, epoch: int) -> None:
        lower = max(rate * self.factor, self.min_lr)
        set_learning_rate(self.model, lower)
        if self.verbose:
            print(f"Epoch {epoch + 1}: the learning rate is reduced to {lower}")
        self.cooling, self.wait = self.cooldown, 0


class LearningRateScheduler(Callback):
    """Sets the learning rate at the begin of every epoch.

    Args:
        schedule: a function (epoch, learning rate) -> learning rate.
        verbose: 1 says so.
    """

    def __init__(self, schedule: Callable[[int, float], float], verbose: int = 0) -> None:
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Set the rate."""
        rate = self.schedule(epoch, learning_rate_of(self.model))
        set_learning_rate(self.model, float(rate))
        if self.verbose:
            print(f"Epoch {epoch + 1}: the learning rate is {rate}")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Put the rate into the history."""
        if logs is not None:
            logs["learning_rate"] = learning_rate_of(self.model)


def learning_rate_of(model: Model) -> float:
    """The learning rate of the model's optimizer.

    Raises:
        GraphError: it follows a schedule.
    """
    rate = model.optimizer.learning_rate if model.optimizer is not None else None
    if not isinstance(rate, (int, float)):
        raise GraphError(f"the learning rate is no number that can be changed, but {rate!r}")
    return float(rate)


def set_learning_rate(model: Model, rate: float) -> None:
    """Change the learning rate of the model's optimizer.

    Raises:
        GraphError: it follows a schedule, or the rate makes no sense.
    """
    assert model.optimizer is not None
    model.optimizer.learning_rate = rate


class ModelCheckpoint(_Monitor):
    """Saves the model, as a whole or not at all, at the end of epochs.

    Args:
        filepath: where; {epoch} (from 1) and the names in the logs are filled in, as in
            "m-{epoch:02d}-{val_loss:.3f}.safetensors". Its folder is made if need be.
        monitor, mode, verbose: as `EarlyStopping`.
        save_best_only: only when the number has improved.
        save_weights_only: without the architecture and the optimizer.
        initial_value_threshold: what it has to improve on at first.
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, 0.0)
        self.filepath, self.verbose = os.fspath(filepath), verbose
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        self.best = initial_value_threshold

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Save, if it is time to."""
        if self.save_best_only:
            value = self.current(logs)
            if value is None or not self.improves(value, self.best):
                return
            self.best = value
        try:
            path = self.filepath.format(epoch=epoch + 1, **(logs or {}))
        except KeyError as error:
            known = ", ".join(logs or {})
            raise GraphError(f"ModelCheckpoint: {self.filepath!r} names {error}; there are {known}") from None
        except (IndexError, ValueError, TypeError, AttributeError) as error:
            raise GraphError(f"ModelCheckpoint: {self.filepath!r} cannot be filled in: {error}") from None
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        (self.model.save_weights if self.save_weights_only else self.model.save)(path)
        if self.verbose:
            print(f"Epoch {epoch + 1}: saved to {path}")


class CSVLogger(Callback):
    """Writes the logs of every epoch into a file, a line each. What is logged for the first time becomes a column, with
    NA in the lines before; NA also stands for what is not logged in an epoch.

    Args:
        filename: where.
        separator: between the numbers.
        append: whether to go on with a file that is there.
    """

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        self.filename, self.separator, self.append = Path(filename), separator, append
        self._columns: list[str] = []

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Begin the file, or see what is in it."""
        self._columns, _ = self._read() if self.append and self.filename.exists() else ([], [])
        if not self._columns:
            self._write("w", [])

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write a line."""
        row = {"epoch": epoch, **(logs or {})}
        if new := [name for name in row if name not in self._columns]:
            self._columns, rows = self._read()
            self._columns += new
            self._write("w", [dict(zip(self._columns, self._columns, strict=True)), *rows])
        self._write("a", [row])

    def _read(self) -> tuple[list[str], list[dict[str, Any]]]:
        with open(self.filename, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, delimiter=self.separator, restval="NA")
            return list(reader.fieldnames or ()), list(reader)

    def _write(self, mode: str, rows: Iterable[Mapping[str, Any]]) -> None:
        with open(self.filename, mode, newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self._columns, "NA", "ignore", delimiter=self.separator).writerows(rows)


class TerminateOnNaN(Callback):
    """Ends training at the first loss that is no finite number. `fit` does so of itself, and gives the last good
    parameters back; this is here for programs written for Keras."""

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Look at the loss."""
        loss = (logs or {}).get("loss")
        if loss is not None and not math.isfinite(loss):
            self.model.stop_training = True
