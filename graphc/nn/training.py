"""The loop around a compiled step: batches in, running sums kept natively.

All arithmetic happens in the step, which is one native call; what is left to Python is to choose a batch and to look
whether the loss is a number. A step either happens as a whole or not at all, so whatever interrupts the loop leaves
parameters and optimizer state as some step left them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from ..ir.expr import Expr
from ..ir.graph import ExprTable
from .callbacks import CallbackList
from .data import Array, minibatches
from .progress import Progress
from .tally import Tally

Function: TypeAlias = Callable[..., Mapping[str, Any]]


@dataclass(frozen=True, eq=False)
class Step:
    """A compiled step, and the running sums it keeps."""

    function: Any
    """The compiled (samples..., targets..., weights...) -> {"loss": of the batch}."""
    tally: Tally


class NotFiniteError(Exception):
    """Something became nan or infinite in a step."""

    def __init__(self, step: int, what: str) -> None:
        super().__init__(step, what)
        self.step, self.what = step, what


class Snapshot:
    """The last good value of every param: the first one, and those taken when no other param than at first is nan or
    infinite."""

    def __init__(self, params: Callable[[], Sequence[Expr]]) -> None:
        self._params = params
        self._values = [(param, param.value) for param in params()]
        self.odd = ExprTable((param, None) for param in _not_finite(self._values))
        """The params that were nan or infinite at first."""

    def take(self) -> list[Expr]:
        """Keep the values of now, unless params have become nan or infinite; the list of these."""
        values = [(param, param.value) for param in self._params()]
        wrong = [param for param in _not_finite(values) if param not in self.odd]
        if not wrong:
            self._values = values
        return wrong

    def restore(self) -> None:
        """Give the kept values back."""
        for param, value in self._values:
            param.value = value


def _not_finite(values: Iterable[tuple[Expr, Array]]) -> list[Expr]:
    return [param for param, value in values if not np.isfinite(value).all()]


def train_epoch(
    step: Step, arrays: tuple[Array, ...], size: int, order: Array | None, shown: Progress, callbacks: CallbackList
) -> float:
    """One pass over the data.

    Args:
        step: the compiled step.
        arrays: samples, targets and weights, in the order the step takes them.
        size: of a batch.
        order: the order of the samples, None for as they stand.
        shown: the progress.
        callbacks: whose batch hooks are called.

    Returns:
        How many seconds it took.

    Raises:
        NotFiniteError: the loss of a step is nan or infinite.
    """
    function, values = step.function, step.tally.values
    before, after = callbacks.listeners("on_train_batch_begin"), callbacks.listeners("on_train_batch_end")
    step.tally.reset()
    begun = time.perf_counter()
    for number, batch in enumerate(minibatches(arrays, size, order)):
        for hook in before:
            hook(number, {})
        loss = float(function(*batch)["loss"])
        if not math.isfinite(loss):
            raise NotFiniteError(number, f"the loss became {loss}")
        for hook in after:
            hook(number, values())
        shown.step(values)
    return time.perf_counter() - begun


def mean_values(step: Step, arrays: tuple[Array, ...], size: int, callbacks: CallbackList) -> dict[str, Any]:
    """The loss and the metrics over the samples."""
    before, after = callbacks.listeners("on_test_batch_begin"), callbacks.listeners("on_test_batch_end")
    step.tally.reset()
    callbacks.call("on_test_begin", {})
    for number, batch in enumerate(minibatches(arrays, size)):
        for hook in before:
            hook(number, {})
        step.function(*batch)
        for hook in after:
            hook(number, step.tally.values())
    values = step.tally.values()
    callbacks.call("on_test_end", values)
    return values


def map_batches(
    function: Callable[..., Sequence[Array]], arrays: tuple[Array, ...], size: int, callbacks: CallbackList
) -> list[Array]:
    """The function's results for every sample, in order."""
    before, after = callbacks.listeners("on_predict_batch_begin"), callbacks.listeners("on_predict_batch_end")
    callbacks.call("on_predict_begin", {})
    results: list[Sequence[Array]] = []
    for number, batch in enumerate(minibatches(arrays, size)):
        for hook in before:
            hook(number, {})
        results.append(function(*batch))
        for hook in after:
            hook(number, {"outputs": results[-1]})
    callbacks.call("on_predict_end", {})
    return [np.concatenate([np.asarray(part) for part in parts]) for parts in zip(*results, strict=True)]


def in_words(params: Iterable[Expr]) -> str:
    """The names of a few params, in a sentence."""
    names = [str(param.name) for param in params]
    return " and ".join(names if len(names) < 5 else [*names[:3], f"{len(names) - 3} others"])


def why_not_finite(
    error: NotFiniteError, epoch: int, arrays: Iterable[tuple[str, Array]], odd: Iterable[Expr], when: str
) -> str:
    """What to tell the user about it.

    Args:
        error: what was found.
        epoch: in which epoch.
        arrays: the data by name.
        odd: params that were nan or infinite before training.
        when: the time of the parameters that the model got back.
    """
    wrong = [name for name, array in arrays if array.dtype.kind == "f" and not np.isfinite(array).all()]
    before = in_words(odd)
    reason = "a smaller learning rate, clipped gradients or scaled inputs may help"
    if before:
        reason = f"{before} held nan or infinite numbers before training"
    if wrong:
        reason = f"{' and '.join(wrong)} hold nan or infinite numbers"
    return (
        f"training stopped: {error.what} in epoch {epoch + 1}, step {error.step + 1}; {reason}. "
        f"The model has the parameters back that it had {when}"
    )
