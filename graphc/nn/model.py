"""`Model`: layers from inputs to outputs, and training in Keras's conventions.

    x = nn.Input((784,))
    h = nn.Dense(512, activation="relu")(x)
    model = nn.Model(x, nn.Dense(10, activation="softmax")(h))
    model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x_train, y_train, epochs=5, batch_size=128)

A model is a layer itself, and everything it does is graph: `model.graph` holds the expressions.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

import graphc as gc

from .. import optim
from ..ir.dim import Shape
from ..ir.errors import GraphError, ShapeError
from ..ir.expr import Expr, post_order
from ..ir.graph import ExprTable
from ..ir.tree import expressions
from . import metrics as metrics_
from . import saving
from .callbacks import Callback, CallbackList
from .calls import Call, call_of, logits_of, record
from .data import Array, as_samples, as_weights, at_least_one, by_name, check_labels, check_same_length, split
from .history import History
from .initializers import Seed
from .layer import Layer
from .network import Network, while_training
from .objective import Objective, TrainingGraph, by_output, objective
from .progress import progress, show
from .summary import summary
from .tally import Tally
from .training import NotFiniteError, Snapshot, Step, map_batches, mean_values, train_epoch, why_not_finite

COMPILED = ("graph", "_training", "_testing", "_weighted_training", "_weighted_testing")


class Model(Layer):
    """Layers from inputs to outputs.

    Args:
        inputs: what `nn.Input` made: one, a list or a dict.
        outputs: expressions made of them: one, or lists, tuples and dicts.
        name: what the model is called.
        seed: makes shuffling the same every time.

    Attributes:
        history: the `History` of the last `fit`, also of one that was interrupted.
        optimizer: the optimizer it was compiled with.
        stop_training: callbacks set it to end `fit` after the epoch.
    """

    kind = "model"
    _input_names: tuple[str, ...] | None
    _shuffling: np.random.Generator

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, *, seed: Seed = None) -> None:
        self._begin(name, seed)
        self._input_names = tuple(inputs) if isinstance(inputs, Mapping) else None
        self._install(
            Network(expressions(inputs, "a model's inputs").leaves, expressions(outputs, "a model's outputs"))
        )
        self._shuffling = np.random.default_rng(seed)

    def _begin(self, name: str | None, seed: Seed) -> None:
        super().__init__(name, seed)
        self.history = History()
        self.optimizer: optim.Optimizer | None = None
        self.stop_training = False
        self._objective: Objective | None = None
        self._told: dict[str, Any] | None = None
        self._network: Network | None = None
        self._input_names = None
        self._shuffling = np.random.default_rng()

    def _install(self, network: Network) -> None:
        self._network = network
        self.built = True
        taken = [layer.name for layer in self.layers if layer.name is not None]
        repeated = next((name for name in taken if taken.count(name) > 1), None)
        if repeated is not None:
            raise GraphError(f"two layers of the model are called {repeated!r}")
        for layer in self.layers:
            if layer.name is None:
                layer.name = free_name(layer.kind, taken)
                taken.append(layer.name)

    # Structure -----------------------------------------------------------------------------------------------------

    @property
    def network(self) -> Network:
        """The model's graph.

        Raises:
            GraphError: what the model is fed is not known yet.
        """
        assert self._network is not None
        return self._network

    @property
    def layers(self) -> list[Layer]:
        """The layers, in the order they are applied."""
        return self.network.layers

    @property
    def inputs(self) -> list[Expr]:
        """What the model is fed."""
        return list(self.network.inputs)

    @property
    def outputs(self) -> list[Expr]:
        """What the model gives."""
        return list(self.network.outputs.leaves)

    @property
    def input_shape(self) -> Shape | list[Shape]:
        """The shape of what the model is fed, with the batch in front; a list for several inputs."""
        shapes = [x.shape for x in self.network.inputs]
        return shapes[0] if len(shapes) == 1 else shapes

    @property
    def output_shape(self) -> Shape | list[Shape]:
        """The shape of what the model gives, with the batch in front; a list for several outputs."""
        shapes = [y.shape for y in self.network.outputs.leaves]
        return shapes[0] if len(shapes) == 1 else shapes

    @property
    def input_names(self) -> list[str]:
        """The names by which a dict of samples is sorted."""
        return list(self._input_names or (str(x.name) for x in self.network.inputs))

    @property
    def output_names(self) -> list[str]:
        """The names of outputs in logs and in dicts: their keys, or the names of the layers they come from."""
        tree = self.network.outputs
        if isinstance(tree.skeleton, dict):
            return [str(key) for key in tree.skeleton]
        calls = [call_of(y) for y in tree.leaves]
        found = [c.layer.name if c is not None and c.layer is not None else None for c in calls]
        return [n if n and found.count(n) == 1 else f"output_{i + 1}" for i, n in enumerate(found)]

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of this name, or at this place.

        Raises:
            GraphError: there is none.
        """
        named = {str(layer.name): layer for layer in self.layers}
        if index is not None and -len(self.layers) <= index < len(self.layers):
            return self.layers[index]
        if name not in named:
            raise GraphError(f"there is no layer {name or index!r}; there are {', '.join(named)}")
        return named[str(name)]

    def __call__(self, x: Any) -> Any:
        """The model as a layer: its outputs for other expressions than its inputs."""
        given = self._arguments(x)
        results = self._results(x, given)
        for position, result in enumerate(results):
            inner = call_of(result)
            if inner is None or inner.layer is not self:
                record(result, Call(self, tuple(given), logits_of(result), position, inner))
        return self.network.outputs.rebuild(results)

    def _arguments(self, x: Any) -> list[Expr]:
        listed = [x] if isinstance(x, Expr) else by_name("x", x, self.input_names)
        return list(expressions(listed, "a model is called on").leaves)

    def _results(self, x: Any, given: Sequence[Expr]) -> list[Expr]:
        return self.network.at(given)

    def apply(self, x: Any) -> Any:
        """The outputs for x."""
        return self(x)

    def ensure_built(self) -> None:
        """Make the parameters, if it is known what the model is fed."""

    # Parameters ----------------------------------------------------------------------------------------------------

    def weights(self) -> dict[str, Expr]:
        """All parameters and state, by "layer/role"."""
        self.ensure_built()
        found: dict[str, Expr] = {}
        seen: set[int] = set()
        pairs = [(f"{layer.name}/{role}", p) for layer in self.layers for role, p in layer.weights().items()]
        loose = self._network.loose_params() if self._network is not None else []
        for path, param in [*pairs, *((str(p.name), p) for p in loose)]:
            if path in found:
                raise GraphError(f"two parameters of the model are called {path!r}")
            if id(param) not in seen:
                seen.add(id(param))
                found[path] = param
        return found

    @property
    def params(self) -> list[Expr]:
        """The parameters that gradients move, the first layer's first; none before the model is built."""
        return self._distinct("params")

    @property
    def state(self) -> list[Expr]:
        """Params that gradients do not move."""
        return self._distinct("state")

    @property
    def trainable_params(self) -> list[Expr]:
        """The parameters that training moves."""
        return self._distinct("trainable_params") if self.trainable else []

    def _distinct(self, kind: str) -> list[Expr]:
        self.ensure_built()
        listed = [p for layer in self.layers for p in getattr(layer, kind)]
        if self._network is not None and kind != "state":
            listed += self._network.loose_params()
        return list({id(p): p for p in listed}.values())

    def get_weights(self) -> list[Array]:
        """The values of all parameters and all state, in the order of `weights()`."""
        return [p.value for p in self.weights().values()]

    def set_weights(self, values: Sequence[Any]) -> None:
        """Give all parameters and all state these values, or none of them.

        Raises:
            ShapeError: there is another number of arrays, or an array of another shape; nothing is changed.
        """
        params = self.weights()
        if len(values) != len(params):
            raise ShapeError(f"the model has {len(params)} weights, {len(values)} arrays were given")
        arrays = [np.asarray(v) for v in values]
        for (path, param), array in zip(params.items(), arrays, strict=True):
            if array.shape != param.value.shape:
                raise ShapeError(f"the weight {path!r} has the shape {param.value.shape}, not {array.shape}")
        for param, array in zip(params.values(), arrays, strict=True):
            param.value = array

    def count_params(self) -> int:
        """How many numbers there are in all parameters and all state."""
        return sum(p.value.size for p in self.weights().values())

    def penalties(self) -> list[Expr]:
        """What the parameters cost in the loss, scalars."""
        return [penalty for layer in self.layers for penalty in layer.penalties()]

    def updates(self) -> dict[Expr, Expr]:
        """What a training step does to the layers' state."""
        return {param: new for layer in self.layers for param, new in layer.updates().items()}

    def summary(self, print_fn: Callable[[str], object] = print) -> None:
        """Print the layers, the shapes they give, how many parameters they have, and what they are fed by."""
        print_fn(summary(self))

    # Compiling -----------------------------------------------------------------------------------------------------

    def compile(
        self,
        optimizer: str | optim.Optimizer = "rmsprop",
        loss: Any = "sparse_categorical_crossentropy",
        metrics: Any = (),
        loss_weights: Any = None,
        weighted_metrics: Any = (),
    ) -> None:
        """Say how the model is to be trained. Parameters stay as they are; the optimizer starts anew.

        Args:
            optimizer: a name (see `graphc.optim`) or an optimizer.
            loss: a name (see `nn.losses`), a `Loss`, or a function `(y_true, y_pred) -> the loss of each sample`; for
                several outputs one for all, a list, or a dict by their names. None leaves an output out.
            metrics: a list of names (see `nn.metrics`), of `Metric` and of such functions; for several outputs a list
                of lists, or a dict by their names. They do without the samples' weights.
            loss_weights: how much the loss of each of several outputs counts.
            weighted_metrics: metrics that heed the samples' weights.

        Raises:
            GraphError: a name is unknown, or two metrics have the same.
        """
        told = {"loss": loss, "metrics_": metrics, "loss_weights": loss_weights, "weighted_metrics": weighted_metrics}
        chosen = objective(self.output_names, **told) if self._network is not None else objective(("output",), **told)
        self.optimizer = optim.get(optimizer)
        self._objective, self._told = chosen, told
        for name in COMPILED:
            self.__dict__.pop(name, None)

    def _require_objective(self) -> Objective:
        if self._objective is None or self._told is None:
            raise GraphError('the model does not know its loss yet: call model.compile(loss="...", ...) first')
        if self._network is not None and self._objective.names != tuple(self.output_names):
            self._objective = objective(self.output_names, **self._told)
        return self._objective

    def _training_graph(self, *, training: bool, weighted: bool) -> TrainingGraph:
        chosen, network = self._require_objective(), self.network
        return chosen.graph(
            network.inputs, network.outputs.leaves, self.penalties(), training=training, weighted=weighted
        )

    @cached_property
    def graph(self) -> TrainingGraph:
        """The expressions: inputs, targets, outputs and loss, as in training.

        Raises:
            GraphError: the model is not compiled, or not built.
        """
        return self._training_graph(training=True, weighted=False)

    @property
    def train_step(self) -> Any:
        """The compiled training step `(x, y) -> {"loss": ...}`: forward, backward, metrics, optimizer and the updates
        of all parameters in one native call.

        Raises:
            GraphError: the model is not compiled, or not built.
        """
        return self._training.function

    @property
    def test_step(self) -> Any:
        """The compiled `(x, y) -> {"loss": ...}` that changes nothing but the running sums of the metrics.

        Raises:
            GraphError: the model is not compiled, or not built.
        """
        return self._testing.function

    @cached_property
    def _training(self) -> Step:
        return self._train_step(self.graph)

    @cached_property
    def _weighted_training(self) -> Step:
        return self._train_step(self._training_graph(training=True, weighted=True))

    @cached_property
    def _testing(self) -> Step:
        return _test_step(self._training_graph(training=False, weighted=False))

    @cached_property
    def _weighted_testing(self) -> Step:
        return _test_step(self._training_graph(training=False, weighted=True))

    def _train_step(self, graph: TrainingGraph) -> Step:
        tally = Tally(graph.measured)
        updates = {**self._moves(graph), **self.updates(), **tally.updates}
        return Step(gc.compile(graph.fed, {"loss": graph.loss}, updates=updates, name="train_step"), tally)

    def _moves(self, graph: TrainingGraph) -> dict[Expr, Expr]:
        assert self.optimizer is not None
        # An output without a loss moves nothing.
        reached = ExprTable((node, None) for node in post_order([graph.loss]))
        params = [p for p in self.trainable_params if p in reached]
        return self.optimizer.updates(graph.loss, params) if params else {}

    @cached_property
    def _predict_step(self) -> Any:
        network = self.network
        outputs = while_training(network.outputs.leaves, False)
        return gc.compile(list(network.inputs), outputs, name="predict_step")

    def better(self, metric: str) -> str:
        """Whether the metric of this name should be small ("min") or large ("max"), or "unknown"."""
        if metric == "loss" or metric.endswith("_loss"):
            return "min"
        chosen = self._require_objective()
        for i, name in enumerate(chosen.names):
            for given in (*chosen.metrics[i], *chosen.weighted_metrics[i]):
                found = metrics_.get(given)
                if metric in (found.name, f"{name}_{found.name}"):
                    return found.better
        return "unknown"

    # Training ------------------------------------------------------------------------------------------------------

    def fit(
        self,
        x: object,
        y: object,
        *,
        epochs: int = 1,
        batch_size: int = 32,
        validation_data: Sequence[Any] | None = None,
        validation_split: float = 0.0,
        sample_weight: object = None,
        class_weight: Mapping[int, float] | None = None,
        callbacks: Iterable[Callback] = (),
        initial_epoch: int = 0,
        validation_freq: int = 1,
        shuffle: bool = True,
        seed: int | None = None,
        verbose: object = "auto",
    ) -> History:
        """Train.

        Args:
            x: samples, (n, ...): numbers that convert to the model's input dtype; for several inputs a list, or a dict
                by their names.
            y: targets: n integer labels, or numbers of the output's shape, as the loss takes them; for several outputs
                a list, or a dict by their names.
            epochs: how often to go through the data.
            batch_size: samples in a step; the last step of an epoch takes what is left.
            validation_data: (x, y) or (x, y, sample_weight) to evaluate after an epoch.
            validation_split: instead, the fraction of samples at the end to keep apart for that.
            sample_weight: how much each sample counts in the loss; for several outputs also a list or dict.
            class_weight: how much samples of each class count; of those not named, 1.
            callbacks: see `nn.callbacks`.
            initial_epoch: where to begin to count, to go on with an earlier training.
            validation_freq: after every how many epochs to validate.
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
            RuntimeWarning: the loss became nan or infinite. Training ends there, and the model gets back the parameters
                it had after the last epoch in which all was finite.
        """
        self._require_objective()
        epochs, batch_size = at_least_one("epochs", epochs), at_least_one("batch_size", batch_size)
        arrays = self._arrays(x, y, sample_weight, class_weight)
        if validation_data is not None:
            validation: tuple[Array, ...] | None = self._arrays(*validation_data)
        else:
            arrays, validation = split(arrays, validation_split)
        rng = self._shuffling if seed is None else np.random.default_rng(seed)
        history = self.history = History()
        step = self._training if len(arrays) == len(self.graph.fed) else self._weighted_training
        steps = -(-len(arrays[0]) // batch_size)
        listening = CallbackList(callbacks, self, {"epochs": epochs, "steps": steps, "verbose": verbose})
        good, good_epoch = Snapshot(self._memory), initial_epoch
        self.stop_training = False
        with progress(verbose, epochs) as shown:
            listening.call("on_train_begin", {})
            for epoch in range(initial_epoch, epochs):
                listening.call("on_epoch_begin", epoch, {})
                shown.begin(epoch, steps)
                order = rng.permutation(len(arrays[0])) if shuffle else None
                try:
                    seconds = train_epoch(step, arrays, batch_size, order, shown, listening)
                except NotFiniteError as error:
                    good.restore()
                    when = f"after epoch {good_epoch}" if good_epoch else "before training"
                    names = [str(e.name) for e in self.graph.fed]
                    reason = why_not_finite(error, epoch, zip(names, arrays, strict=False))
                    warnings.warn(reason + when, RuntimeWarning, stacklevel=2)
                    break
                values = step.tally.values()
                if validation is not None and (epoch + 1) % validation_freq == 0:
                    measured = self._measure(validation, batch_size, listening)
                    values |= {f"val_{name}": value for name, value in measured.items()}
                good_epoch = epoch + 1 if good.take() else good_epoch
                listening.call("on_epoch_end", epoch, values)
                history.record(epoch, values, seconds)
                shown.end(values)
                if self.stop_training:
                    break
            listening.call("on_train_end", {})
        return history

    def evaluate(
        self,
        x: object,
        y: object,
        batch_size: int = 32,
        verbose: int = 0,
        sample_weight: object = None,
        return_dict: bool = False,
        callbacks: Iterable[Callback] = (),
    ) -> Any:
        """The loss and metrics over the samples.

        Returns:
            The loss; with metrics [loss, *metrics]; or `return_dict` all of them by name.

        Raises:
            As `fit`.
        """
        self._require_objective()
        arrays = self._arrays(x, y, sample_weight)
        values = self._measure(arrays, at_least_one("batch_size", batch_size), CallbackList(callbacks, self, {}))
        if verbose:
            print(show(values, " - "))
        if return_dict:
            return values
        return list(values.values()) if len(values) > 1 else values["loss"]

    def _measure(self, arrays: tuple[Array, ...], batch_size: int, callbacks: CallbackList) -> dict[str, Any]:
        step = self._testing if len(arrays) == len(self.graph.fed) else self._weighted_testing
        return mean_values(step, arrays, batch_size, callbacks)

    def predict(self, x: object, batch_size: int = 32, callbacks: Iterable[Callback] = ()) -> Any:
        """The outputs for every sample, (n, ...), in the structure of the model's outputs.

        Raises:
            ShapeError, DTypeError: x does not fit the model.
        """
        samples, size = tuple(self._samples(x)), at_least_one("batch_size", batch_size)
        results = map_batches(self._predict_step, samples, size, CallbackList(callbacks, self, {}))
        return self.network.outputs.rebuild(results)

    def _memory(self) -> list[Expr]:
        """Everything training changes."""
        remembered = self.optimizer.state if self.optimizer is not None else []
        return [*self.weights().values(), *remembered]

    # Data ----------------------------------------------------------------------------------------------------------

    def _samples(self, x: object) -> list[Array]:
        fed = self.network.inputs
        given = by_name("x", x, self.input_names) if len(fed) > 1 or isinstance(x, Mapping) else [x]
        roles = ["x"] if len(fed) == 1 else [f"x ({name})" for name in self.input_names]
        samples = [as_samples(role, one, _sizes(e), e.dtype) for role, one, e in zip(roles, given, fed, strict=True)]
        for role, one in zip(roles, samples, strict=True):
            check_same_length(samples[0], one, roles[0], role)
        return samples

    def _arrays(
        self, x: object, y: object, sample_weight: object = None, class_weight: Mapping[int, float] | None = None
    ) -> tuple[Array, ...]:
        """Samples, targets and, if there are any, weights, as a step takes them."""
        samples = self._samples(x)
        chosen = self._require_objective()
        fed, names = self.graph.targets, chosen.names
        given = [y] if len(names) == 1 and not isinstance(y, Mapping) else by_output("y", y, names)
        targets = []
        for output, expr in zip(chosen.trained, fed, strict=True):
            role = "y" if len(names) == 1 else f"y ({names[output]})"
            target = as_samples(role, given[output], _sizes(expr), expr.dtype)
            check_same_length(samples[0], target, "x", role)
            loss, classes = chosen.losses[output], self.outputs[output].shape[-1:]
            if loss is not None and loss.labels and classes and isinstance(classes[0], int):
                check_labels(target, classes[0])
            targets.append(target)
        if sample_weight is None and class_weight is None:
            return (*samples, *targets)
        if class_weight is not None and len(targets) > 1:
            raise GraphError("class_weight is for models with one output; give sample_weight for each of them")
        many = len(names) > 1 and isinstance(sample_weight, (list, tuple, Mapping))
        listed = by_output("sample_weight", sample_weight, names) if many else [sample_weight] * len(names)
        weights = [
            as_weights(listed[output], class_weight, target, self.outputs[output].dtype)
            for output, target in zip(chosen.trained, targets, strict=True)
        ]
        return (*samples, *targets, *weights)

    # Saving --------------------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything into one file: architecture, weights, what it was compiled with, the optimizer's state and
        where shuffling stands. `nn.load_model(path)` goes on exactly where this one is.

        The file is replaced as a whole or not at all.

        Raises:
            GraphError: a part has no plain form, such as a lambda.
            OSError: the file cannot be written.
        """
        saving.save_model(self, path)

    def save_weights(self, path: str | os.PathLike[str]) -> None:
        """Write the weights into a safetensors file. The file is replaced as a whole or not at all."""
        saving.save_weights(self, path)

    def load_weights(self, path: str | os.PathLike[str]) -> None:
        """Read weights from a file of `save` or `save_weights`: all of them or, with an error, none.

        Raises:
            GraphError: the file is no such file, or holds other weights than the model has.
            OSError: it cannot be read.
        """
        saving.load_weights(self, path)

    def config(self) -> dict[str, Any]:
        """The architecture in plain data.

        Raises:
            GraphError: a part has no plain form.
        """
        return saving.network_config(self.network, self._input_names)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom: dict[str, Any]) -> Layer:
        """A model of a `config()`."""
        read = dict(config)
        name = read.pop("name", None)
        inputs, outputs = saving.network_from(read, custom)
        return cls(inputs, outputs, name)


def _test_step(graph: TrainingGraph) -> Step:
    tally = Tally(graph.measured)
    return Step(gc.compile(graph.fed, {"loss": graph.loss}, updates=tally.updates, name="test_step"), tally)


def _sizes(fed: Expr) -> tuple[int, ...]:
    return tuple(d for d in fed.shape[1:] if isinstance(d, int))


def free_name(kind: str, taken: Sequence[str]) -> str:
    """The first of dense, dense_1, dense_2, ... that nobody has."""
    names = (f"{kind}_{i}" if i else kind for i in range(len(taken) + 1))
    return next(n for n in names if n not in taken)


__all__ = ["Model", "free_name"]
