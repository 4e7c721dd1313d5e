"""What all optimizers share: checks, gradients, and the state kept for each parameter."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

import graphc as gc

from ..ir.errors import GraphError, describe
from ..ir.expr import Expr
from ..ir.graph import ExprTable


@dataclass(frozen=True, eq=False)
class Optimizer(ABC):
    """Hyperparameters, fixed once it is made, and the state of the parameters it has met.

    The state belongs to the optimizer: asking again for the updates of the same parameter goes on with it.
    """

    learning_rate: float
    _slots: dict[str, ExprTable[Expr]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        require(self, learning_rate=0 <= self.learning_rate < math.inf)

    def updates(self, loss: Expr, params: Sequence[Expr]) -> dict[Expr, Expr]:
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
        new: dict[Expr, Expr] = {}
        for param, gradient in zip(wanted, gc.grad(loss, wanted), strict=True):
            new.update(self.step(param, gradient))
        return new

    @abstractmethod
    def step(self, param: Expr, gradient: Expr) -> dict[Expr, Expr]:
        """The new values of a param and of what is remembered about it, given its gradient."""

    @property
    def state(self) -> list[Expr]:
        """The params that hold the optimizer's memory, in the order they were made."""
        return [slot for table in self._slots.values() for slot in table.values()]

    def slot(self, name: str, param: Expr) -> Expr:
        """What is remembered about `param` under this name: a param like it, zero at first."""
        table = self._slots.setdefault(name, ExprTable())
        if param not in table:
            table[param] = gc.param(f"{param.name}.{name}", np.zeros_like(param.value))
        return table[param]


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


def get(given: str | Optimizer) -> Optimizer:
    """The given optimizer, or a new one of that name with the default hyperparameters.

    Raises:
        GraphError: no optimizer has this name.
    """
    from . import SGD, Adam, RMSprop

    known: dict[str, type[Optimizer]] = {"sgd": SGD, "rmsprop": RMSprop, "adam": Adam}
    if isinstance(given, Optimizer):
        return given
    if not isinstance(given, str) or given.lower() not in known:
        raise GraphError(f"there is no optimizer {given!r}; known are {', '.join(sorted(known))}, and optim.Optimizer")
    return known[given.lower()]()  # type: ignore[call-arg]
