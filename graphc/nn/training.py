"""The loop around a compiled step: batches in, means out.

All arithmetic happens in the step, which is one native call; what is left to Python is to gather a batch and to add
up the numbers that come back. A step either happens as a whole or not at all, so whatever interrupts the loop
leaves parameters and optimizer state as some step left them.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from ..ir.expr import Expr
from .data import Array, minibatches
from .progress import Progress

Step: TypeAlias = Callable[[Array, Array], Mapping[str, Any]]


@dataclass(frozen=True, eq=False)
class TrainingGraph:
    """What a compiled model is made of, for `gc.draw`, `gc.derive` and everything else that takes expressions."""

    x: Expr
    """The samples: an input of shape (batch, …)."""
    y: Expr
    """The targets: an input, one label for each sample or like the output."""
    output: Expr
    """The prediction for x."""
    loss: Expr
    """The mean loss of the batch, a scalar."""
    metrics: dict[str, Expr]
    """The mean of each metric over the batch, scalars."""

    @property
    def values(self) -> dict[str, Expr]:
        """The loss and the metrics by name: what a step reports."""
        return {"loss": self.loss, **self.metrics}


class Means:
    """Means over the samples seen so far, from means over batches of different sizes."""

    def __init__(self) -> None:
        self._totals: dict[str, float] = {}
        self._samples = 0

    def add(self, values: Mapping[str, Any], samples: int) -> None:
        """Take the means over a batch of so many samples into account."""
        self._samples += samples
        totals = self._totals
        for name, value in values.items():
            totals[name] = totals.get(name, 0.0) + samples * float(value)

    def values(self) -> dict[str, float]:
        """The means by name."""
        return {name: total / self._samples for name, total in self._totals.items()}


class LossGuard:
    """Says once, and where, that the loss is no finite number any more."""

    def __init__(self) -> None:
        self._silent = False

    def watch(self, loss: float, epoch: int, step: int) -> None:
        """Warn if `loss` is nan or infinite.

        Warns:
            RuntimeWarning: at the first such loss.
        """
        if self._silent or math.isfinite(loss):
            return
        self._silent = True
        warnings.warn(
            f"the loss became {loss} in epoch {epoch + 1}, step {step + 1}; a smaller learning rate or scaled inputs "
            "may help, and the parameters may hold nan by now",
            RuntimeWarning,
            stacklevel=4,
        )


def train_epoch(
    step: Step,
    arrays: tuple[Array, Array],
    batch_size: int,
    order: Array | None,
    guard: LossGuard,
    shown: Progress,
    epoch: int,
) -> tuple[dict[str, float], float]:
    """One pass over the data.

    Args:
        step: the compiled step, `(x, y) -> {"loss": mean, ...}`.
        arrays: x and y.
        order: the order of the samples, None for as they stand.

    Returns:
        The means of the loss and the metrics over the samples, as they were while training; and the seconds it took.
    """
    means = Means()
    shown.begin(epoch, math.ceil(len(arrays[0]) / batch_size))
    begun = time.perf_counter()
    for number, (x, y) in enumerate(minibatches(arrays, batch_size, order)):
        values = step(x, y)
        means.add(values, len(x))
        guard.watch(float(values["loss"]), epoch, number)
        shown.step(means.values)
    return means.values(), time.perf_counter() - begun


def mean_values(step: Step, arrays: tuple[Array, Array], batch_size: int) -> dict[str, float]:
    """The means of the loss and the metrics over the samples."""
    means = Means()
    for x, y in minibatches(arrays, batch_size):
        means.add(step(x, y), len(x))
    return means.values()


def map_batches(function: Callable[[Array], Array], x: Array, batch_size: int) -> Array:
    """The function's result for every sample, in order."""
    results: Iterable[Array] = (np.asarray(function(batch)) for (batch,) in minibatches((x,), batch_size))
    return np.concatenate(list(results))
