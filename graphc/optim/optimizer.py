"""What all optimizers share: the learning rate, clipping, weight decay, and the state kept for each parameter."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypeAlias

import numpy as np

import graphc as gc

from ..ir.dtype import DType
from ..ir.errors import DTypeError, GraphError, describe
from ..ir.expr import Expr
from ..ir.graph import ExprTable
from . import schedules
from .plain import make_plain, plain
from .schedules import Schedule

Updates: TypeAlias = dict[Expr, Expr]
"""New values of params in terms of the old ones."""


@dataclass(eq=False, repr=False)
class Optimizer(ABC):
    """Hyperparameters, and the state of the parameters it has met.

    Args:
        learning_rate: a number, or a schedule (see `optim.schedules`).
        weight_decay: what every param loses of itself in a step, times the learning rate, before it is moved.
        clipnorm: gradients of a larger Euclidean norm are scaled down to this one, each param's by itself.
        global_clipnorm: the same for the norm of all gradients together.
        clipvalue: every element of a gradient is kept within ± this. At most one of the three is given.
        use_ema: whether a moving average of every param is kept, which the params become when `fit` ends.
        ema_momentum: how much of the average a step leaves; it begins with the values after the first step.
        ema_overwrite_frequency: after every so many steps the params become their averages as well.
        gradient_accumulation_steps: only every so many calls are a step, against the mean of the gradients since the
            last one; a schedule counts all calls.

    The state belongs to the optimizer: asking again for the updates of the same parameter goes on with it. Only
    `learning_rate` may be assigned afterwards, and compiled steps go by it at once: it is a param of theirs. The
    other hyperparameters are part of the compiled code.
    """

    learning_rate: float | Schedule
    weight_decay: float | None = field(default=None, kw_only=True)
    clipnorm: float | None = field(default=None, kw_only=True)
    global_clipnorm: float | None = field(default=None, kw_only=True)
    clipvalue: float | None = field(default=None, kw_only=True)
    use_ema: bool = field(default=False, kw_only=True)
    ema_momentum: float = field(default=0.99, kw_only=True)
    ema_overwrite_frequency: int | None = field(default=None, kw_only=True)
    gradient_accumulation_steps: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        self._slots: dict[str, ExprTable[Expr]] = {}
        self._shared: dict[str, Expr] = {}
        self._undecayed: ExprTable[None] = ExprTable()
        make_plain(self)
        self._check_rate(self.learning_rate)
        self._check_numbers()
        limits = {name: getattr(self, name) for name in ("clipnorm", "global_clipnorm", "clipvalue")}
        require(self, **{name: limit is None or limit > 0 for name, limit in limits.items()})
        require(
            self,
            weight_decay=self.weight_decay is None or 0 <= self.weight_decay < math.inf,
            ema_momentum=0 <= self.ema_momentum <= 1,
            ema_overwrite_frequency=_is_count(self.ema_overwrite_frequency, 1),
            gradient_accumulation_steps=_is_count(self.gradient_accumulation_steps, 2),
        )
        given = [name for name, limit in limits.items() if limit is not None]
        if len(given) > 1:
            raise GraphError(f"{type(self).__name__}: gradients are clipped in one way, not by {' and '.join(given)}")
        self._rate: Expr | None = None
        if not isinstance(self.learning_rate, Schedule):
            # float64 whatever the params are: each gets the number rounded once, to its own dtype.
            self._rate = gc.param("learning_rate", np.array(self.learning_rate, np.float64))
        self._made = True

    def __setattr__(self, name: str, value: object) -> None:
        if "_made" in self.__dict__ and name != "_made":
            if name != "learning_rate":
                raise AttributeError(f"{name} is fixed once a {type(self).__name__} is made; only learning_rate is not")
            value = self._change_rate(value)
        object.__setattr__(self, name, value)

    def _check_numbers(self) -> None:
        shared = {f.name for f in fields(Optimizer)}
        for f in fields(self):
            value = getattr(self, f.name)
            is_number = isinstance(value, (int, float, Schedule)) or (value is None and f.default is None)
            if not is_number and (f.name in shared or isinstance(f.default, (int, float))):
                raise DTypeError(f"{type(self).__name__}: {f.name} must be a number, not {value!r}")

    def _check_rate(self, rate: object) -> None:
        number = isinstance(rate, (int, float)) and not isinstance(rate, bool) and 0 <= rate < math.inf
        if not (number or isinstance(rate, Schedule)):
            raise GraphError(f"{type(self).__name__}: learning_rate={rate!r} is outside what makes sense")

    def _change_rate(self, given: object) -> float:
        rate = plain(given)
        self._check_rate(rate)
        if self._rate is None or isinstance(rate, Schedule):
            raise GraphError(
                f"{type(self).__name__}: a schedule is chosen when the optimizer is made, not changed later"
            )
        self._rate.value = np.array(rate, np.float64)
        return float(rate)

    def __repr__(self) -> str:
        shown = [
            f"{f.name}={getattr(self, f.name)!r}"
            for f in sorted(fields(self), key=lambda f: bool(f.kw_only))
            if not (f.kw_only and getattr(self, f.name) == f.default)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    # Steps ---------------------------------------------------------------------------------------------------------

    def updates(self, loss: Expr, params: Sequence[Expr]) -> Updates:
        """One step downhill, for `gc.compile(inputs, loss, updates=...)`.

        Args:
            loss: a float scalar.
            params: the params to move, each once.

        Returns:
            The new value of every param and of the optimizer's own state, all in terms of the old values.

        Raises:
            GraphError: what is to be moved is no param or is given twice, or the loss cannot be differentiated.
        """
        wanted = list(params)
        _check_params(wanted)
        return self.apply(gc.grad(loss, wanted), wanted)

    def apply(self, gradients: Sequence[Expr], params: Sequence[Expr]) -> Updates:
        """One step against these gradients, which may come from anywhere.

        Raises:
            GraphError: what is to be moved is no param or is given twice, or there is not one gradient for each.
        """
        _check_params(params)
        if len(gradients) != len(params):
            raise GraphError(f"there are {len(gradients)} gradients for {len(params)} params")
        new = (self._accumulated if self.gradient_accumulation_steps else self._moved)(gradients, params)
        if self.use_ema:
            new.update(self._averaged(new, params))
        if "iterations" in self._shared:
            new[self._calls] = self._calls + 1
        return new

    def _moved(self, gradients: Sequence[Expr], params: Sequence[Expr]) -> Updates:
        new: Updates = {}
        for param, gradient in zip(params, self._clipped(list(gradients)), strict=True):
            rate = self._rate_now(param.dtype)
            new[param], remembered = self.step(param, self._decayed(param, rate), gradient, rate)
            new.update(remembered)
        return new

    def _accumulated(self, gradients: Sequence[Expr], params: Sequence[Expr]) -> Updates:
        """A step where enough gradients have come together, and otherwise one more of them."""
        steps = self.gradient_accumulation_steps
        sums = [self.slot("gradient_sum", param) for param in params]
        totals = [s + g for s, g in zip(sums, gradients, strict=True)]
        moved = self._moved([total / steps for total in totals], params)
        is_step = (self._calls + 1) % steps == 0
        held, waiting = [*moved, *sums], [*moved, *totals]
        done = [*moved.values(), *(gc.zeros_like(s) for s in sums)]
        return dict(zip(held, gc.cond(is_step, lambda: done, lambda: waiting), strict=True))

    def _averaged(self, new: Updates, params: Sequence[Expr]) -> Updates:
        """The averages after a step, and where they take the place of the params, these too."""
        result: Updates = {}
        is_first = self.iterations == 0
        for param in params:
            average, value = self.slot("average", param), new[param]
            kept = average * self.ema_momentum + value * (1 - self.ema_momentum)
            result[average] = gc.where(is_first, value, kept)
            if self.ema_overwrite_frequency is not None:
                is_time = (self.iterations + 1) % self.ema_overwrite_frequency == 0
                result[param] = gc.where(is_time, result[average], value)
        return result

    def finalize_variable_values(self, params: Sequence[Expr]) -> None:
        """Give params the values of their averages, where averages are kept and a step was taken; `fit` ends so."""
        averages = self._slots.get("average", ExprTable())
        if not self.use_ema or int(self._calls.value) == 0:
            return
        for param in params:
            if param in averages:
                param.value = averages[param].value

    @abstractmethod
    def step(self, param: Expr, value: Expr, gradient: Expr, rate: Expr) -> tuple[Expr, Updates]:
        """The param's new value, and new values of what is remembered about it.

        Args:
            param: the param to move.
            value: where it moves from: itself, or what weight decay leaves of it.
            gradient: of its shape and dtype.
            rate: the learning rate of this step, a scalar of its dtype.
        """

    def _rate_now(self, dtype: DType) -> Expr:
        if isinstance(self.learning_rate, Schedule):
            return gc.astype(self.learning_rate(self._calls), dtype)
        assert self._rate is not None
        return gc.astype(self._rate, dtype)

    def _decayed(self, param: Expr, rate: Expr) -> Expr:
        if not self.weight_decay or param in self._undecayed:
            return param
        return param - param * self.weight_decay * rate

    def exclude_from_weight_decay(self, params: Sequence[Expr]) -> None:
        """Spare these params, such as biases. To be said before the step is compiled."""
        _check_params(params)
        for param in params:
            self._undecayed[param] = None

    def _clipped(self, gradients: list[Expr]) -> list[Expr]:
        if self.clipvalue is not None:
            return [gc.clip(g, -self.clipvalue, self.clipvalue) for g in gradients]
        if self.clipnorm is not None:
            return [g * self.clipnorm / gc.maximum(_norm([g]), self.clipnorm) for g in gradients]
        if self.global_clipnorm is not None and gradients:
            scale = self.global_clipnorm / gc.maximum(_norm(gradients), self.global_clipnorm)
            return [g * gc.astype(scale, g.dtype) for g in gradients]
        return gradients

    # State ---------------------------------------------------------------------------------------------------------

    @property
    def iterations(self) -> Expr:
        """How many steps were taken, int64: a param, which counts once a step or a schedule has asked for it; where
        gradients are accumulated an expression."""
        steps = self.gradient_accumulation_steps
        return self._calls if steps is None else self._calls // steps

    @property
    def _calls(self) -> Expr:
        """A param that counts the calls of what `updates` gave."""
        return self.shared("iterations", np.zeros((), np.int64))

    @property
    def state(self) -> list[Expr]:
        """The params that hold the optimizer's memory, in the order they were made."""
        return [value for _, _, value in self.memory()]

    def memory(self) -> Iterator[tuple[str, Expr | None, Expr]]:
        """Everything remembered: its name, the param it is about (None for all of them), and the param it is in."""
        for name, value in self._shared.items():
            yield name, None, value
        for name, table in self._slots.items():
            for param, value in table.items():
                yield name, param, value

    def shared(self, name: str, value: Any) -> Expr:
        """What is remembered under this name once for all params: a param with this value at first."""
        if name not in self._shared:
            self._shared[name] = gc.param(name, value)
        return self._shared[name]

    def slot(self, name: str, param: Expr, value: float = 0.0) -> Expr:
        """What is remembered about `param` under this name: a param like it, filled with a number at first."""
        table = self._slots.setdefault(name, ExprTable())
        if param not in table:
            table[param] = gc.param(f"{param.name}.{name}", np.full_like(param.value, value))
        return table[param]

    def config(self) -> dict[str, Any]:
        """The name and the hyperparameters in plain data, which `optim.get` turns back into such an optimizer."""
        rate = self.learning_rate
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        plain["learning_rate"] = rate.config() if isinstance(rate, Schedule) else float(rate)
        return {"name": type(self).__name__, **plain}


def _norm(gradients: Sequence[Expr]) -> Expr:
    total = gc.sum(gc.square(gradients[0]))
    for gradient in gradients[1:]:
        total = total + gc.sum(gc.square(gradient))
    return gc.sqrt(total)


def _is_count(given: object, least: int) -> bool:
    return given is None or (isinstance(given, int) and not isinstance(given, bool) and given >= least)


def require(optimizer: Optimizer, **conditions: bool) -> None:
    """Refuse a hyperparameter whose condition does not hold.

    Raises:
        GraphError: naming the hyperparameter and its value.
    """
    for name, holds in conditions.items():
        if not holds:
            value = getattr(optimizer, name)
            raise GraphError(f"{type(optimizer).__name__}: {name}={value!r} is outside what makes sense")


def _check_params(params: Sequence[Expr]) -> None:
    seen: ExprTable[None] = ExprTable()
    for param in params:
        if not isinstance(param, Expr) or param.op.name != "param":
            what = describe(given=param) if isinstance(param, Expr) else f", not {param!r}"
            raise GraphError(f"an optimizer moves params{what}")
        if param in seen:
            raise GraphError(f"an optimizer moves each param once{describe(given_twice=param)}")
        seen[param] = None


def get(given: str | Optimizer | Mapping[str, Any]) -> Optimizer:
    """The given optimizer, a new one of that name with the default hyperparameters, or one from its `config()`.

    Raises:
        GraphError: no optimizer has this name, or these hyperparameters.
    """
    from . import KNOWN

    if isinstance(given, Optimizer):
        return given
    name, options = (given.get("name"), dict(given)) if isinstance(given, Mapping) else (given, {})
    if not isinstance(name, str) or name.lower() not in KNOWN:
        raise GraphError(f"there is no optimizer {name!r}; known are {', '.join(sorted(KNOWN))}, and optim.Optimizer")
    options.pop("name", None)
    if isinstance(options.get("learning_rate"), Mapping):
        options["learning_rate"] = schedules.get(options["learning_rate"])
    try:
        return KNOWN[name.lower()](**options)
    except TypeError as error:
        raise GraphError(f"{name} cannot be made of {options}: {error}") from None
