"""Training in Keras's conventions: what a model does once its graph is known.

`compile` says what for, `fit` moves the parameters, `evaluate` and `predict` use them. Each is one compiled step,
called batch by batch.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

import graphc as gc

from .. import optim
from ..ir.errors import GraphError
from ..ir.expr import Expr, post_order
from ..ir.graph import ExprTable
from . import initializers
from . import metrics as metrics_
from .callbacks import CallbackList, Callbacks
from .data import (
    Array,
    are_labels,
    as_samples,
    as_validation,
    as_weights,
    at_least_one,
    by_name,
    check_labels,
    check_same_length,
    split,
)
from .history import History
from .initializers import Seed
from .layer import Layer
from .losses import FunctionLoss, SparseCategoricalCrossentropy
from .network import Network, while_training
from .objective import Objective, TrainingGraph, by_output, objective
from .progress import progress, show
from .tally import Tally
from .training import NotFiniteError, Snapshot, Step, in_words, map_batches, mean_values, train_epoch, why_not_finite

COMPILED = ("graph", "_training", "_testing", "_weighted_training", "_weighted_testing")


class Trainer(Layer):
    """What can be trained.

    Attributes:
        history: the `History` of the last `fit`, also of one that was interrupted.
        optimizer: the optimizer it was compiled with.
        stop_training: callbacks set it to end `fit` after the epoch.
    """

    _network: Network | None
    _input_names: tuple[str, ...] | None
    _shuffling: np.random.Generator
    _source: np.random.Generator | None

    def __init__(self, name: str | None = None, seed: Seed = None) -> None:
        super().__init__(name, seed)
        self.history = History()
        self.optimizer: optim.Optimizer | None = None
        self.stop_training = False
        self._objective: Objective | None = None
        self._told: dict[str, Any] | None = None

    @property
    @abstractmethod
    def network(self) -> Network:
        """The graph of what is trained."""

    @property
    @abstractmethod
    def input_names(self) -> list[str]:
        """The names by which a dict of samples is sorted."""

    @property
    @abstractmethod
    def output_names(self) -> list[str]:
        """The names of outputs in logs and in dicts."""

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
                several outputs one for all, a list, or a dict by their names. None leaves an output out of training.
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
        self._forget_steps()

    def _require_objective(self) -> Objective:
        if self._objective is None or self._told is None:
            raise GraphError('the model does not know its loss yet: call model.compile(loss="...", ...) first')
        if self._network is not None and self._objective.names != tuple(self.output_names):
            self._objective = objective(self.output_names, **self._told)
        return self._objective

    def _training_graph(self, *, training: bool, weighted: bool) -> TrainingGraph:
        chosen = self._require_objective()
        return chosen.graph(self.network, self.penalties(), training=training, weighted=weighted)

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
                called = (found.name, f"weighted_{found.name}")
                if metric in (*called, *(f"{name}_{own}" for own in called)):
                    return found.better
        return "unknown"

    # Training ------------------------------------------------------------------------------------------------------

    def fit(
        self,
        x: object,
        y: object = None,
        *,
        epochs: int = 1,
        batch_size: int = 32,
        validation_data: Sequence[Any] | None = None,
        validation_split: float = 0.0,
        sample_weight: object = None,
        class_weight: Mapping[int, float] | None = None,
        callbacks: Callbacks = None,
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
            callbacks: see `nn.callbacks`: a list of them, or one.
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
            RuntimeWarning: the loss, or after an epoch a parameter, became nan or infinite. Training ends there, and
                the model gets back the parameters it had after the last epoch in which all was finite.
        """
        self._require_objective()
        epochs, batch_size = at_least_one("epochs", epochs), at_least_one("batch_size", batch_size)
        validation_freq = at_least_one("validation_freq", validation_freq)
        arrays = self._arrays(x, y, sample_weight, class_weight)
        if validation_data is not None:
            validation: tuple[Array, ...] | None = self._arrays(*as_validation(validation_data))
        else:
            arrays, validation = split(arrays, validation_split)
        rng = self._order_source() if seed is None else np.random.default_rng(seed)
        history = self.history = History()
        step = self._step_for(arrays, training=True)
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
                    wrong = good.take()
                    self._check_moved(wrong, steps - 1)
                    good_epoch = good_epoch if wrong else epoch + 1
                except NotFiniteError as error:
                    good.restore()
                    when = f"after epoch {good_epoch}" if good_epoch else "before training"
                    fed = zip((str(e.name) for e in self.graph.fed), arrays, strict=False)
                    reason = why_not_finite(error, epoch, fed, good.odd, when)
                    warnings.warn(reason, RuntimeWarning, stacklevel=2)
                    break
                values = step.tally.values()
                if validation is not None and (epoch + 1) % validation_freq == 0:
                    measured = self._measure(validation, batch_size, listening)
                    values |= {f"val_{name}": value for name, value in measured.items()}
                listening.call("on_epoch_end", epoch, values)
                history.record(epoch, values, seconds)
                shown.end(values)
                if self.stop_training:
                    break
            assert self.optimizer is not None
            self.optimizer.finalize_variable_values(self.trainable_params)
            listening.call("on_train_end", {})
        return history

    def _check_moved(self, wrong: Sequence[Expr], step: int) -> None:
        moved = ExprTable((param, None) for param in self.trainable_params)
        if gone := in_words(param for param in wrong if param in moved):
            raise NotFiniteError(step, f"{gone} became nan or infinite")

    def evaluate(
        self,
        x: object,
        y: object = None,
        batch_size: int = 32,
        verbose: object = 0,
        sample_weight: object = None,
        return_dict: bool = False,
        callbacks: Callbacks = None,
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
        return _results(values, return_dict)

    def _measure(self, arrays: tuple[Array, ...], batch_size: int, callbacks: CallbackList) -> dict[str, Any]:
        return mean_values(self._step_for(arrays, training=False), arrays, batch_size, callbacks)

    def train_on_batch(
        self,
        x: object,
        y: object,
        sample_weight: object = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """One step of training with these samples, for loops of one's own.

        Returns:
            As `evaluate`, of these samples before the step.

        Raises:
            As `fit`. A loss that is not finite is returned as it is.
        """
        return self._on_batch(self._arrays(x, y, sample_weight, class_weight), return_dict, training=True)

    def test_on_batch(self, x: object, y: object, sample_weight: object = None, return_dict: bool = False) -> Any:
        """The loss and metrics of these samples, in one step.

        Returns:
            As `evaluate`.

        Raises:
            As `fit`.
        """
        return self._on_batch(self._arrays(x, y, sample_weight), return_dict, training=False)

    def _on_batch(self, arrays: tuple[Array, ...], return_dict: bool, *, training: bool) -> Any:
        step = self._step_for(arrays, training=training)
        step.tally.reset()
        step.function(*arrays)
        return _results(step.tally.values(), return_dict)

    def _step_for(self, arrays: tuple[Array, ...], *, training: bool) -> Step:
        """The compiled step for samples and targets, with or without weights behind them."""
        if len(arrays) == len(self.graph.fed):
            return self._training if training else self._testing
        return self._weighted_training if training else self._weighted_testing

    def predict_on_batch(self, x: object) -> Any:
        """The outputs for these samples, in one step.

        Raises:
            As `predict`.
        """
        samples = self._samples(x)
        return self.network.outputs.rebuild(self._predict_step(*samples))

    def predict(self, x: object, batch_size: int = 32, verbose: object = 0, callbacks: Callbacks = None) -> Any:
        """The outputs for every sample, (n, ...), in the structure of the model's outputs. Nothing is shown meanwhile,
        whatever `verbose` is.

        Raises:
            ShapeError, DTypeError: x does not fit the model.
        """
        samples, size = tuple(self._samples(x)), at_least_one("batch_size", batch_size)
        results = map_batches(self._predict_step, samples, size, CallbackList(callbacks, self, {}))
        return self.network.outputs.rebuild(results)

    def _order_source(self) -> np.random.Generator:
        """What shuffling draws from; anew where `nn.set_random_seed` was called meanwhile and the model has no seed."""
        if self.seed is None and self._source is not initializers.source():
            self._source, self._shuffling = initializers.source(), initializers.generator(None)
        return self._shuffling

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
        if y is None:
            raise GraphError(
                "a model is trained and measured with samples x and targets y, both arrays; where batches come one by "
                "one, as from a generator, call model.train_on_batch(x, y) for each of them"
            )
        samples = self._samples(x)
        names = self._require_objective().names
        given = [y] if len(names) == 1 and not isinstance(y, Mapping) else by_output("y", y, names)
        chosen, fed = self._suited(given), self.graph.targets
        targets = []
        for output, expr in zip(chosen.measured, fed, strict=True):
            role = "y" if len(names) == 1 else f"y ({names[output]})"
            target = as_samples(role, given[output], _sizes(expr), expr.dtype)
            check_same_length(samples[0], target, "x", role)
            loss, classes = chosen.losses[output], self.network.outputs.leaves[output].shape[-1:]
            if isinstance(loss, SparseCategoricalCrossentropy) and classes and isinstance(classes[0], int):
                check_labels(target, classes[0], loss.ignore_class)
            targets.append(target)
        if sample_weight is None and class_weight is None:
            return (*samples, *targets)
        if class_weight is not None and len(targets) > 1:
            raise GraphError("class_weight is for models with one output; give sample_weight for each of them")
        many = len(names) > 1 and isinstance(sample_weight, (list, tuple, Mapping))
        listed = by_output("sample_weight", sample_weight, names) if many else [sample_weight] * len(names)
        weights = [
            as_weights(listed[output], class_weight, target, self.network.outputs.leaves[output].dtype)
            for output, target in zip(chosen.measured, targets, strict=True)
        ]
        return (*samples, *targets, *weights)

    def _suited(self, targets: Sequence[Any]) -> Objective:
        """The objective, in which losses that are the user's own functions, and metrics without a loss, take targets as
        they come: integer labels, or numbers of the output's shape."""
        chosen = self._require_objective()
        losses, labelled = list(chosen.losses), list(chosen.labelled)
        for i in chosen.measured:
            loss, output = losses[i], self.network.outputs.leaves[i]
            if loss is None:
                labelled[i] = are_labels(targets[i], output.shape)
            elif isinstance(loss, FunctionLoss):
                losses[i] = loss.for_labels(are_labels(targets[i], output.shape))
        suited = replace(chosen, losses=tuple(losses), labelled=tuple(labelled))
        if (suited.losses, suited.labelled) != (chosen.losses, chosen.labelled):
            self._objective = chosen = suited
            self._forget_steps()
        return chosen

    def _forget_steps(self) -> None:
        for name in COMPILED:
            self.__dict__.pop(name, None)


def _results(values: dict[str, Any], return_dict: bool) -> Any:
    """What Keras returns: the loss, with metrics a list of it and them, or all by name."""
    if return_dict:
        return values
    return list(values.values()) if len(values) > 1 else values["loss"]


def _test_step(graph: TrainingGraph) -> Step:
    tally = Tally(graph.measured)
    return Step(gc.compile(graph.fed, {"loss": graph.loss}, updates=tally.updates, name="test_step"), tally)


def _sizes(fed: Expr) -> tuple[int, ...]:
    return tuple(d for d in fed.shape[1:] if isinstance(d, int))
