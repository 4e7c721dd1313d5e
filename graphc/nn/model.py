"""`Sequential`: a stack of layers, and training in Keras's conventions.

    model = nn.Sequential([nn.Dense(512, activation="relu"), nn.Dense(10, activation="softmax")], seed=0)
    model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x_train, y_train, epochs=5, batch_size=128)

A model is a layer itself, and everything it does is graph: `model.graph` holds the expressions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

import graphc as gc

from .. import optim
from ..ir.dim import Dim, Shape, Size, show
from ..ir.dtype import DType, as_dtype
from ..ir.errors import GraphError, ShapeError
from ..ir.expr import Expr
from . import activations, losses, metrics
from .data import Array, as_array, as_samples, at_least_one, check_labels, check_same_length
from .history import History
from .initializers import Seed
from .layers import Dense, Input, Layer
from .losses import Loss, LossFunction
from .metrics import Metric
from .progress import progress
from .training import LossGuard, TrainingGraph, map_batches, mean_values, train_epoch


class Sequential(Layer):
    """Layers, each applied to the result of the one before.

    Args:
        layers: the layers; an `nn.Input` in front says what the model is fed. Without one this is read off the
            data of the first `fit`, `evaluate` or `predict`.
        name: what the model is called.
        seed: makes parameters and shuffling the same every time.

    Attributes:
        history: the `History` of the last `fit`, also of one that was interrupted.
        optimizer: the optimizer it was compiled with.
    """

    kind = "sequential"

    def __init__(self, layers: Iterable[Layer | Input] = (), name: str | None = None, *, seed: Seed = None) -> None:
        super().__init__(name, seed)
        self.layers: list[Layer] = []
        self.history = History()
        self.optimizer: optim.Optimizer | None = None
        self._input: Input | None = None
        self._output_shapes: list[Shape] = []
        self._loss: Loss | None = None
        self._metrics: dict[str, Metric] = {}
        self._shuffling: np.random.Generator = np.random.default_rng()
        for layer in layers:
            self.add(layer)

    # Structure -----------------------------------------------------------------------------------------------------

    def add(self, layer: Layer | Input) -> None:
        """Put a layer on top, or say what the model is fed with an `nn.Input` before the first one.

        Raises:
            GraphError: the model is built already, it is no layer, or two layers have the same name.
        """
        if self.built:
            raise GraphError("a layer cannot be added to a model that is built already")
        if isinstance(layer, Input):
            if self.layers or self._input:
                raise GraphError("nn.Input comes first in a model, and once")
            self._input = layer
            return
        if not isinstance(layer, Layer):
            raise GraphError(f"a model is made of layers such as nn.Dense(10), not of {layer!r}")
        if layer.name is None:
            layer.name = self._free_name(layer.kind)
            layer.suffix = str(len(self.layers) + 1)
        elif any(other.name == layer.name for other in self.layers):
            raise GraphError(f"two layers of the model are called {layer.name!r}")
        self.layers.append(layer)

    def _free_name(self, kind: str) -> str:
        taken = {layer.name for layer in self.layers}
        names = (f"{kind}_{i}" if i else kind for i in range(len(self.layers) + 1))
        return next(n for n in names if n not in taken)

    @property
    def params(self) -> list[Expr]:
        """The parameters of all layers, the first layer's first; none before the model is built."""
        return [p for layer in self.layers for p in layer.params]

    @property
    def input_shape(self) -> Shape:
        """The shape of what the model is fed, with the batch in front.

        Raises:
            GraphError: it is not known yet.
        """
        return (Dim.named("batch"), *self._require_input().shape)

    @property
    def output_shape(self) -> Shape:
        """The shape of what the model gives, with the batch in front.

        Raises:
            GraphError: it is not known yet.
        """
        self._require_built()
        return self._output_shapes[-1]

    def build(self, shape: Sequence[Size | str | None], dtype: DType | str = "float32") -> None:
        """Make all parameters.

        Args:
            shape: of what the model is fed, with the batch in front: (None, 784), or ("batch", 784).
            dtype: of what the model is fed.

        Raises:
            ShapeError: the shape does not begin with a batch, or the layers cannot take it.
            GraphError: there are no layers, or the model was built for another shape.
        """
        if len(shape) < 2 or any(not isinstance(d, int) for d in shape[1:]):
            raise ShapeError(f"build takes a shape with the batch in front, such as (None, 784), not {tuple(shape)}")
        sample = Input(tuple(shape[1:]), as_dtype(dtype).name)  # type: ignore[arg-type]
        if self._input is not None and self._input != sample:
            raise GraphError(f"the model takes {self._input}, not {sample}")
        if self.built:
            return
        if not self.layers:
            raise GraphError("the model has no layers")
        self._input = sample
        self._seed_layers()
        value = gc.input("x", ("batch", *sample.shape), dtype=sample.dtype)
        self._output_shapes = []
        for layer in self.layers:
            value = layer(value)
            self._output_shapes.append(value.shape)
        self.built = True

    def _seed_layers(self) -> None:
        """Independent seeds for every layer that has none of its own, and for shuffling."""
        rng = np.random.default_rng(self.seed)
        *children, shuffling = rng.spawn(len(self.layers) + 1)
        for layer, child in zip(self.layers, children, strict=True):
            layer.seed = child if layer.seed is None else layer.seed
        self._shuffling = shuffling

    def apply(self, x: Expr) -> Expr:
        """The last layer's value when the first is fed x."""
        return self._forward(x)[0]

    def _forward(self, x: Expr) -> tuple[Expr, Expr | None]:
        """The output; and the logits where it is a softmax, since losses read those without rounding to 0 or 1."""
        *inner, last = self.layers
        for layer in inner:
            x = layer(x)
        softmax_last = isinstance(last, Dense) and last.activation in (activations.softmax, gc.softmax)
        return last(x), last.preactivation(x) if softmax_last and isinstance(last, Dense) else None

    def summary(self, print_fn: Callable[[str], object] = print) -> None:
        """Print the layers, the shapes they give and how many parameters they have."""
        rows = [("Layer (type)", "Output shape", "Params")]
        for i, layer in enumerate(self.layers):
            shape = show(self._output_shapes[i]) if self.built else "not built yet"
            rows.append((f"{layer.name} ({type(layer).__name__})", shape, f"{_count(layer.params):,}"))
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}" for a, b, c in rows]
        rule = "─" * len(lines[0])
        total = f"{_count(self.params):,} params" if self.built else "no params before the model is built"
        print_fn("\n".join([f"Model: {self.name or self.kind}", rule, lines[0], rule, *lines[1:], rule, total]))

    # Training ------------------------------------------------------------------------------------------------------

    def compile(
        self,
        optimizer: str | optim.Optimizer = "rmsprop",
        loss: str | Loss | LossFunction = "sparse_categorical_crossentropy",
        metrics: Iterable[str | Metric] = (),
    ) -> None:
        """Say how the model is to be trained. Parameters stay as they are; the optimizer starts anew.

        Args:
            optimizer: a name (see `graphc.optim`) or an optimizer.
            loss: a name (see `nn.losses`), a `Loss`, or a function `(y_true, y_pred) -> the loss of each sample`.
            metrics: names (see `nn.metrics`) or such functions.

        Raises:
            GraphError: a name is unknown, or two metrics have the same.
        """
        chosen_metrics = _named_metrics(metrics)
        chosen_loss = losses.get(loss)
        self.optimizer = optim.get(optimizer)
        self._loss, self._metrics = chosen_loss, chosen_metrics
        for name in ("graph", "train_step", "test_step"):
            self.__dict__.pop(name, None)

    @cached_property
    def graph(self) -> TrainingGraph:
        """The expressions: inputs, output, loss and metrics.

        Raises:
            GraphError: the model is not compiled, or not built.
        """
        loss_kind = self._require_compiled()
        fed = self._require_built()
        x = gc.input("x", ("batch", *fed.shape), dtype=fed.dtype)
        output, logits = self._forward(x)
        if loss_kind.labels:
            y = gc.input("y", output.shape[:-1], dtype="int64")
        else:
            y = gc.input("y", output.shape, dtype=output.dtype)
        if logits is not None and loss_kind.of_logits is not None:
            each = loss_kind.of_logits(y, logits)
        else:
            each = loss_kind.function(y, output)
        measured = {name: gc.name(gc.mean(metric(y, output)), name) for name, metric in self._metrics.items()}
        return TrainingGraph(x, y, output, gc.name(gc.mean(each), "loss"), measured)

    @cached_property
    def train_step(self) -> Any:
        """The compiled training step `(x, y) -> {"loss": ..., ...}`: forward, backward, metrics, optimizer and the
        updates of all parameters in one native call.

        Raises:
            GraphError: the model is not compiled, or not built.
        """
        graph = self.graph
        assert self.optimizer is not None
        updates = self.optimizer.updates(graph.loss, self.params)
        return gc.compile([graph.x, graph.y], graph.values, updates=updates, name="train_step")

    @cached_property
    def test_step(self) -> Any:
        """The compiled `(x, y) -> {"loss": ..., ...}` that changes nothing.

        Raises:
            GraphError: the model is not compiled, or not built.
        """
        return gc.compile([self.graph.x, self.graph.y], self.graph.values, name="test_step")

    @cached_property
    def _predict_step(self) -> Any:
        fed = self._require_built()
        x = gc.input("x", ("batch", *fed.shape), dtype=fed.dtype)
        return gc.compile([x], self(x), name="predict_step")

    def fit(
        self,
        x: object,
        y: object,
        *,
        epochs: int = 1,
        batch_size: int = 32,
        validation_data: tuple[object, object] | None = None,
        validation_split: float = 0.0,
        shuffle: bool = True,
        seed: int | None = None,
        verbose: object = "auto",
    ) -> History:
        """Train.

        Args:
            x: samples, (n, ...): numbers that convert to the model's input dtype.
            y: targets: n integer labels, or numbers of the output's shape, as the loss takes them.
            epochs: how often to go through the data.
            batch_size: samples in a step; the last step of an epoch takes what is left.
            validation_data: (x, y) to evaluate after every epoch.
            validation_split: instead, the fraction of samples at the end to keep apart for that.
            shuffle: a new order of the samples in every epoch.
            seed: of that order; without it the model's own seed.
            verbose: 0 silent, 1 a progress bar, 2 a line for each epoch, "auto" as fits where it is shown.

        Returns:
            The `History`, also kept as `model.history`.

        Raises:
            GraphError: the model is not compiled, or an argument makes no sense.
            ShapeError, DTypeError: x and y do not fit the model.
            KeyboardInterrupt: Ctrl-C, passed on between two steps; the parameters are those of the last step done.

        Warns:
            RuntimeWarning: once, when the loss is nan or infinite.
        """
        self._require_compiled()
        epochs, batch_size = at_least_one("epochs", epochs), at_least_one("batch_size", batch_size)
        arrays = self._samples_and_targets(x, y)
        if validation_data is not None:
            validation: tuple[Array, Array] | None = self._samples_and_targets(*validation_data)
        else:
            arrays, validation = _split(arrays, validation_split)
        rng = self._shuffling if seed is None else np.random.default_rng(seed)
        history = self.history = History()
        guard, step = LossGuard(), self.train_step
        with progress(verbose, epochs) as shown:
            for epoch in range(epochs):
                order = rng.permutation(len(arrays[0])) if shuffle else None
                values, seconds = train_epoch(step, arrays, batch_size, order, guard, shown, epoch)
                if validation is not None:
                    measured = mean_values(self.test_step, validation, batch_size)
                    values |= {f"val_{name}": value for name, value in measured.items()}
                history.record(epoch, values, seconds)
                shown.end(values)
        return history

    def evaluate(
        self, x: object, y: object, batch_size: int = 32, verbose: int = 0, return_dict: bool = False
    ) -> float | list[float] | dict[str, float]:
        """The mean loss and metrics over the samples.

        Returns:
            The loss; with metrics [loss, *metrics]; or `return_dict` all of them by name.

        Raises:
            As `fit`.
        """
        self._require_compiled()
        arrays = self._samples_and_targets(x, y)
        values = mean_values(self.test_step, arrays, at_least_one("batch_size", batch_size))
        if verbose:
            print(" - ".join(f"{name}: {value:.4f}" for name, value in values.items()))
        if return_dict:
            return values
        return list(values.values()) if len(values) > 1 else values["loss"]

    def predict(self, x: object, batch_size: int = 32) -> Array:
        """The output for every sample, (n, ...).

        Raises:
            ShapeError, DTypeError: x does not fit the model.
        """
        samples = self._samples(x)
        return map_batches(self._predict_step, samples, at_least_one("batch_size", batch_size))

    # Checks --------------------------------------------------------------------------------------------------------

    def _require_input(self) -> Input:
        if self._input is None:
            raise GraphError(
                "what the model is fed is not known yet: put nn.Input((784,)) in front, or call "
                "model.build((None, 784)) or fit"
            )
        return self._input

    def _require_built(self) -> Input:
        fed = self._require_input()
        self.build((None, *fed.shape), fed.dtype)
        return fed

    def _require_compiled(self) -> Loss:
        if self._loss is None:
            raise GraphError('the model does not know its loss yet: call model.compile(loss="...", ...) first')
        return self._loss

    def _samples(self, x: object) -> Array:
        """x as the model takes it; the first data a model sees says what it is fed."""
        fed = self._input or Input(as_array("x", x).shape[1:] or (1,))
        samples = as_samples("x", x, fed.shape, as_dtype(fed.dtype))
        self.build((None, *fed.shape), fed.dtype)
        return samples

    def _samples_and_targets(self, x: object, y: object) -> tuple[Array, Array]:
        samples = self._samples(x)
        y_input = self.graph.y
        sample = tuple(d for d in y_input.shape[1:] if isinstance(d, int))
        targets = as_samples("y", y, sample, y_input.dtype)
        check_same_length(samples, targets)
        if self._loss is not None and self._loss.labels:
            classes = self.output_shape[-1]
            check_labels(targets, classes if isinstance(classes, int) else 0)
        return samples, targets


def _count(params: Iterable[Expr]) -> int:
    return sum(math.prod(p.value.shape) for p in params)


def _named_metrics(given: Iterable[str | Metric]) -> dict[str, Metric]:
    if isinstance(given, str):
        raise GraphError(f"metrics is a list, such as [{given!r}]")
    found: dict[str, Metric] = {}
    for name, metric in map(metrics.get, given):
        if name in found or name == "loss":
            raise GraphError(f"two metrics are called {name!r}")
        found[name] = metric
    return found


def _split(arrays: tuple[Array, Array], fraction: float) -> tuple[tuple[Array, Array], tuple[Array, Array] | None]:
    """The samples to train on, and the last `fraction` of them to validate with."""
    if not 0 <= fraction < 1:
        raise GraphError(f"validation_split is a fraction from 0 up to 1, not {fraction!r}")
    if fraction == 0:
        return arrays, None
    x, y = arrays
    at = math.floor(len(x) * (1 - fraction))
    if at in (0, len(x)):
        raise GraphError(f"validation_split={fraction!r} leaves nothing to train on or to validate with")
    return (x[:at], y[:at]), (x[at:], y[at:])
