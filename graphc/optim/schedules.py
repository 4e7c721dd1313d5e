"""Learning rates that follow a curve: `optim.Adam(optim.schedules.CosineDecay(1e-3, decay_steps=1000))`.

A schedule is a function of the number of steps taken, in graph operations on float64: the compiled step computes its
own learning rate. Formulas, argument names and defaults are Keras 3's. Called with a number it gives a number.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, overload

import graphc as gc

from ..ir.errors import GraphError
from ..ir.expr import Expr
from .plain import plain


class Schedule(ABC):
    """A learning rate as a function of the number of steps taken."""

    @overload
    def __call__(self, step: Expr) -> Expr: ...
    @overload
    def __call__(self, step: int | float) -> float: ...
    def __call__(self, step: Expr | int | float) -> Expr | float:
        """The learning rate after so many steps: a float64 scalar expression for an expression, else a number."""
        if isinstance(step, Expr):
            return self.at(gc.astype(step, "float64"))
        return float(gc.interpret(self.at(gc.constant(float(step), dtype="float64")), {}))

    @abstractmethod
    def at(self, step: Expr) -> Expr:
        """The learning rate at `step`, both float64 scalars."""

    def config(self) -> dict[str, Any]:
        """The name and the options in plain data, which `schedules.get` turns back into such a schedule."""
        return {"schedule": type(self).__name__, **plain(asdict(self))}  # type: ignore[call-overload]

    def _require(self, **conditions: bool) -> None:
        for name, holds in conditions.items():
            if not holds:
                raise GraphError(f"{type(self).__name__}: {name}={getattr(self, name)!r} is outside what makes sense")


@dataclass(frozen=True)
class ExponentialDecay(Schedule):
    """initial_learning_rate · decay_rate^(step / decay_steps); staircase: in whole multiples of decay_steps."""

    initial_learning_rate: float
    decay_steps: float
    decay_rate: float
    staircase: bool = False

    def __post_init__(self) -> None:
        self._require(decay_steps=self.decay_steps > 0)

    def at(self, step: Expr) -> Expr:
        """The learning rate at `step`."""
        return self.initial_learning_rate * gc.pow(self.decay_rate, _periods(step, self.decay_steps, self.staircase))


@dataclass(frozen=True)
class InverseTimeDecay(Schedule):
    """initial_learning_rate / (1 + decay_rate · step / decay_steps); staircase: in whole multiples of decay_steps."""

    initial_learning_rate: float
    decay_steps: float
    decay_rate: float
    staircase: bool = False

    def __post_init__(self) -> None:
        self._require(decay_steps=self.decay_steps > 0)

    def at(self, step: Expr) -> Expr:
        """The learning rate at `step`."""
        return self.initial_learning_rate / (1 + self.decay_rate * _periods(step, self.decay_steps, self.staircase))


@dataclass(frozen=True)
class PiecewiseConstantDecay(Schedule):
    """values[i] from behind boundaries[i - 1] up to and including boundaries[i]."""

    boundaries: Sequence[float]
    values: Sequence[float]

    def __post_init__(self) -> None:
        bounds, values = tuple(self.boundaries), tuple(self.values)
        object.__setattr__(self, "boundaries", bounds)
        object.__setattr__(self, "values", values)
        self._require(values=len(values) == len(bounds) + 1, boundaries=list(bounds) == sorted(set(bounds)))

    def at(self, step: Expr) -> Expr:
        """The learning rate at `step`."""
        rate = gc.constant(float(self.values[-1]), dtype="float64")
        for bound, value in zip(reversed(self.boundaries), reversed(self.values[:-1]), strict=True):
            rate = gc.where(step <= bound, float(value), rate)
        return rate


@dataclass(frozen=True)
class PolynomialDecay(Schedule):
    """From initial_learning_rate to end_learning_rate as (1 - step / decay_steps)^power, and there it stays; or, with
    `cycle`, decay_steps is lengthened to its next multiple whenever it is passed."""

    initial_learning_rate: float
    decay_steps: float
    end_learning_rate: float = 0.0001
    power: float = 1.0
    cycle: bool = False

    def __post_init__(self) -> None:
        self._require(decay_steps=self.decay_steps > 0)

    def at(self, step: Expr) -> Expr:
        """The learning rate at `step`."""
        if self.cycle:
            part = step / (self.decay_steps * gc.maximum(gc.ceil(step / self.decay_steps), 1.0))
        else:
            part = gc.minimum(step, float(self.decay_steps)) / self.decay_steps
        span = self.initial_learning_rate - self.end_learning_rate
        return span * gc.pow(1 - part, float(self.power)) + self.end_learning_rate


@dataclass(frozen=True)
class CosineDecay(Schedule):
    """Half a cosine from initial_learning_rate to alpha times that (Loshchilov and Hutter 2016). With a warmup_target,
    first a straight line from initial_learning_rate up to it in warmup_steps, and the cosine from there."""

    initial_learning_rate: float
    decay_steps: float
    alpha: float = 0.0
    warmup_target: float | None = None
    warmup_steps: float = 0

    def __post_init__(self) -> None:
        self._require(decay_steps=self.decay_steps > 0, warmup_steps=self.warmup_steps >= 0)

    def at(self, step: Expr) -> Expr:
        """The learning rate at `step`."""
        if self.warmup_target is None:
            return self.initial_learning_rate * self._fall(step)
        fall = self.warmup_target * self._fall(step - self.warmup_steps)
        if not self.warmup_steps:
            return fall
        rise = (self.warmup_target - self.initial_learning_rate) * (step / self.warmup_steps)
        return gc.where(step < self.warmup_steps, rise + self.initial_learning_rate, fall)

    def _fall(self, step: Expr) -> Expr:
        part = gc.minimum(step, float(self.decay_steps)) / self.decay_steps
        return (1 - self.alpha) * _half_cosine(part) + self.alpha


@dataclass(frozen=True)
class CosineDecayRestarts(Schedule):
    """Half cosines one after another, each t_mul times as long as the one before and from m_mul times as high
    (Loshchilov and Hutter 2016)."""

    initial_learning_rate: float
    first_decay_steps: float
    t_mul: float = 2.0
    m_mul: float = 1.0
    alpha: float = 0.0

    def __post_init__(self) -> None:
        self._require(first_decay_steps=self.first_decay_steps > 0, t_mul=self.t_mul >= 1)

    def at(self, step: Expr) -> Expr:
        """The learning rate at `step`."""
        done = step / self.first_decay_steps
        if self.t_mul == 1:
            restarts = gc.floor(done)
            part = done - restarts
        else:
            # The first n cosines last (t_mulⁿ - 1) / (t_mul - 1) times the first one.
            restarts = gc.floor(gc.log(1 + done * (self.t_mul - 1)) / math.log(self.t_mul))
            length = gc.pow(self.t_mul, restarts)
            part = (done - (length - 1) / (self.t_mul - 1)) / length
        height = gc.pow(self.m_mul, restarts)
        return self.initial_learning_rate * ((1 - self.alpha) * height * _half_cosine(part) + self.alpha)


def _periods(step: Expr, length: float, whole: bool) -> Expr:
    return gc.floor(step / length) if whole else step / length


def _half_cosine(part: Expr) -> Expr:
    """From 1 at 0 down to 0 at 1."""
    return 0.5 * (1 + gc.cos(math.pi * part))


KNOWN: dict[str, type[Schedule]] = {
    kind.__name__: kind
    for kind in (
        ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay, PolynomialDecay, CosineDecay, CosineDecayRestarts,
    )
}  # fmt: skip


def get(config: Mapping[str, Any]) -> Schedule:
    """The schedule of a `config()`.

    Raises:
        GraphError: there is none of that name, or with these options.
    """
    options = dict(config)
    name = options.pop("schedule", None)
    if name not in KNOWN:
        raise GraphError(f"there is no schedule {name!r}; known are {', '.join(sorted(KNOWN))}")
    try:
        return KNOWN[name](**options)
    except TypeError as error:
        raise GraphError(f"{name} cannot be made of {options}: {error}") from None
