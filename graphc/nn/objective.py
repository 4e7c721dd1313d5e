"""What a model is trained for: its outputs against targets, as one graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import graphc as gc

from ..ir.errors import GraphError
from ..ir.expr import Expr
from . import losses, metrics
from .losses import Loss
from .metrics import Metric
from .network import Network, activity_penalties, while_training
from .registry import free_name
from .tally import Measured


@dataclass(frozen=True, eq=False)
class TrainingGraph:
    """What a compiled model is made of, for `gc.draw`, `gc.derive` and everything else that takes expressions."""

    inputs: tuple[Expr, ...]
    """The samples: inputs of shape (batch, …)."""
    targets: tuple[Expr, ...]
    """The targets, for each output with a loss or metrics: one label for each sample, or like the output."""
    weights: tuple[Expr, ...]
    """The weight of each sample for each target, where there are weights."""
    outputs: tuple[Expr, ...]
    """The predictions."""
    loss: Expr
    """The loss of the batch, a scalar."""
    measured: dict[str, Measured] = field(repr=False)
    """The loss and the metrics by name."""

    @property
    def fed(self) -> list[Expr]:
        """The arguments of a step, in order."""
        return [*self.inputs, *self.targets, *self.weights]

    @property
    def x(self) -> Expr:
        """The samples of a model with one input."""
        return self.inputs[0]

    @property
    def y(self) -> Expr:
        """The targets of a model with one output."""
        return self.targets[0]

    @property
    def output(self) -> Expr:
        """The prediction of a model with one output."""
        return self.outputs[0]


@dataclass(frozen=True, eq=False)
class Objective:
    """What `model.compile` was told, output by output."""

    names: tuple[str, ...]
    """The outputs' names."""
    losses: tuple[Loss | None, ...]
    loss_weights: tuple[float, ...]
    metrics: tuple[tuple[Any, ...], ...]
    weighted_metrics: tuple[tuple[Any, ...], ...]
    labelled: tuple[bool, ...]
    """Whether the targets are labels, of an output without a loss to say so."""

    @property
    def measured(self) -> list[int]:
        """Which outputs have targets: those with a loss or metrics."""
        told = zip(self.losses, self.metrics, self.weighted_metrics, strict=True)
        return [i for i, (loss, *watched) in enumerate(told) if loss is not None or any(watched)]

    def takes_labels(self, output: int) -> bool:
        """Whether the targets of an output are one integer label for each sample."""
        loss = self.losses[output]
        if loss is not None:
            return loss.labels
        watched = (*self.metrics[output], *self.weighted_metrics[output])
        return self.labelled[output] or any(metrics.get(m).labels for m in watched)

    def graph(
        self,
        network: Network,
        penalties: Sequence[Expr],
        *,
        training: bool,
        weighted: bool,
    ) -> TrainingGraph:
        """Loss and metrics of what a network gives.

        Args:
            network: inputs and outputs.
            penalties: what its parameters cost, scalars.
            training: whether the graph is for training.
            weighted: whether samples have weights.
        """
        costs = activity_penalties(network.calls)
        read = [network.calls.logits_of(o) for o in network.outputs.leaves]
        given = [*network.outputs.leaves, *(pair[1] for pair in read if pair), *costs]
        placed = iter(while_training(given, training))
        outputs = [next(placed) for _ in read]
        logits = [None if pair is None else (pair[0], next(placed)) for pair in read]
        penalties = [*penalties, *placed]
        targets = {i: self._target(i, outputs[i]) for i in self.measured}
        weights = {
            i: gc.input(self._called("sample_weight", i), outputs[i].shape[:1], outputs[i].dtype) for i in targets
        }
        kept = weights if weighted else {}
        trained = [i for i in targets if self.losses[i] is not None]
        parts = {i: self._loss(i, targets[i], outputs[i], kept.get(i), logits[i]) for i in trained}
        loss = _total([*(parts[i] * w if (w := self.loss_weights[i]) != 1 else parts[i] for i in parts), *penalties])
        loss = loss if loss.name else gc.name(loss, "loss")
        measured = {"loss": _mean_over_samples(loss, outputs[0])}
        if len(outputs) > 1:
            measured |= {f"{self.names[i]}_loss": _mean_over_samples(part, outputs[i]) for i, part in parts.items()}
        for i, target in targets.items():
            measured |= self._measured(i, target, outputs[i], kept.get(i))
        return TrainingGraph(
            network.inputs, tuple(targets.values()), tuple(kept.values()), tuple(outputs), loss, measured
        )

    def _called(self, what: str, output: int) -> str:
        return what if len(self.names) == 1 else f"{what}_{self.names[output]}"

    def _target(self, output: int, value: Expr) -> Expr:
        name = self._called("y", output)
        if self.takes_labels(output):
            return gc.input(name, value.shape[:-1], dtype="int64")
        return gc.input(name, value.shape, dtype=value.dtype)

    def _loss(
        self, output: int, target: Expr, value: Expr, weight: Expr | None, logits: tuple[str, Expr] | None
    ) -> Expr:
        loss = self.losses[output]
        assert loss is not None
        result = loss(target, value, weight, logits)
        if result.ndim:
            of = "" if len(self.names) == 1 else f" of the output {self.names[output]!r}"
            raise GraphError(
                f"the loss{of} is no scalar: its reduction is {loss.reduction!r}; a model is trained on a reduced loss"
            )
        return result

    def _measured(self, output: int, target: Expr, value: Expr, weight: Expr | None) -> dict[str, Measured]:
        found: dict[str, Measured] = {}
        groups = (("", self.metrics[output], None), ("weighted_", self.weighted_metrics[output], weight))
        for prefix, given, used in ((prefix, one, w) for prefix, group, w in groups for one in group):
            metric = metrics.accuracy_for(target, value, given) if given in ("accuracy", "acc") else metrics.get(given)
            of = "" if len(self.names) == 1 else f"{self.names[output]}_"
            name = f"{of}{prefix if f'{of}{metric.name}' in found else ''}{metric.name}"
            if name in found or name == "loss":
                raise GraphError(f"two metrics are called {name!r}")
            found[name] = Measured(_named_sums(name, metric.sums(target, value, used)), metric.value)
        return found

    def config(self) -> dict[str, Any]:
        """All of it in plain data."""
        return {
            "losses": [None if loss is None else loss.config() for loss in self.losses],
            "loss_weights": list(self.loss_weights),
            "metrics": [[_metric_config(m) for m in group] for group in self.metrics],
            "weighted_metrics": [[_metric_config(m) for m in group] for group in self.weighted_metrics],
        }


def _named_sums(name: str, sums: Mapping[str, Expr]) -> Mapping[str, Expr]:
    for part, value in sums.items():
        if not value.name and value.op.name != "size":
            gc.name(value, f"{name}_{part}")
    return sums


def _total(parts: Sequence[Expr]) -> Expr:
    total = parts[0]
    for part in parts[1:]:
        total = total + gc.astype(part, total.dtype)
    return total


def _mean_over_samples(loss: Expr, output: Expr) -> Measured:
    """Batches count by their samples, as Keras has it."""
    samples = gc.astype(gc.size(output, 0), "float64")
    return Measured(
        {"total": gc.astype(loss, "float64") * samples, "count": samples},
        lambda sums: float(sums["total"] / sums["count"]) if sums["count"] else 0.0,
    )


def _metric_config(given: Any) -> Any:
    return given if isinstance(given, str) else metrics.get(given).config()


def read_metrics(configs: Sequence[Sequence[Any]], custom: Mapping[str, Any]) -> list[list[Any]]:
    """The metrics of a config, output by output."""
    return [[m if isinstance(m, str) else metrics.from_config(m, custom) for m in group] for group in configs]


def objective(
    names: Sequence[str], loss: Any, metrics_: Any, loss_weights: Any = None, weighted_metrics: Any = None
) -> Objective:
    """What `model.compile` was told, sorted by output.

    Raises:
        GraphError: a name is unknown, there is no loss, or what is said does not fit the outputs.
    """
    many = len(names) > 1
    said = (
        by_output("loss", loss, names) if not many or isinstance(loss, (Mapping, list, tuple)) else [loss] * len(names)
    )
    chosen = tuple(None if given is None else losses.get(given) for given in said)
    if all(one is None for one in chosen):
        raise GraphError("a model is trained with a loss for one output at least")
    weights = [1.0] * len(names) if loss_weights is None else by_output("loss_weights", loss_weights, names)
    return Objective(
        tuple(names),
        chosen,
        tuple(1.0 if w is None else float(w) for w in weights),
        _by_output_lists("metrics", metrics_, names),
        _by_output_lists("weighted_metrics", weighted_metrics, names),
        (False,) * len(names),
    )


def by_output(role: str, given: Any, names: Sequence[str]) -> list[Any]:
    """What is said about each output: in a list, in a dict by their names, or as it is for a single one.

    Raises:
        GraphError: it does not fit the outputs.
    """
    if isinstance(given, Mapping):
        unknown = [name for name in given if name not in names]
        if unknown:
            raise GraphError(f"{role}: there is no output {unknown[0]!r}; the outputs are {', '.join(names)}")
        return [given.get(name) for name in names]
    if len(names) == 1:
        return list(given) if isinstance(given, (list, tuple)) and len(given) == 1 else [given]
    if not isinstance(given, (list, tuple)) or len(given) != len(names):
        raise GraphError(f"{role} is a list or a dict with an entry for each of the outputs {', '.join(names)}")
    return list(given)


def _by_output_lists(role: str, given: Any, names: Sequence[str]) -> tuple[tuple[Any, ...], ...]:
    if given is None or (isinstance(given, (list, tuple)) and not given):
        return ((),) * len(names)
    if isinstance(given, (str, Metric)) or (callable(given) and not isinstance(given, Mapping)):
        raise GraphError(f"{role} is a list, such as [{given!r}]")
    groups = [given] if len(names) == 1 and not isinstance(given, Mapping) else by_output(role, given, names)
    return tuple(
        _metrics(list(group) if isinstance(group, (list, tuple)) else [] if group is None else [group])
        for group in groups
    )


def _metrics(given: Sequence[Any]) -> tuple[Metric | str, ...]:
    chosen: dict[str, Metric | str] = {}
    for one in given:
        metric = metrics.get(one)
        if not isinstance(one, (str, Metric)):
            metric.name = free_name(metric.name, chosen)
        if metric.name in chosen or metric.name == "loss":
            raise GraphError(f"two metrics are called {metric.name!r}")
        chosen[metric.name] = one if isinstance(one, str) else metric
    return tuple(chosen.values())


__all__ = ["Objective", "TrainingGraph", "by_output", "objective", "read_metrics"]
