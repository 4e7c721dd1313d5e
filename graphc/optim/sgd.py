"""Stochastic gradient descent."""

from __future__ import annotations

from dataclasses import dataclass

from ..ir.expr import Expr
from .optimizer import Optimizer, Updates, require
from .schedules import Schedule


@dataclass(eq=False, repr=False)
class SGD(Optimizer):
    """Gradient descent, with momentum if asked for. For a parameter w with gradient g and velocity v:

    w ← w - learning_rate g                           without momentum
    v ← momentum v - learning_rate g
    w ← w + v                                         with momentum (Polyak 1964)
    w ← w + momentum v - learning_rate g              nesterov, v being the new one (Sutskever et al. 2013)
    """

    learning_rate: float | Schedule = 0.01
    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, momentum=0 <= self.momentum <= 1)

    def step(self, param: Expr, value: Expr, gradient: Expr, rate: Expr) -> tuple[Expr, Updates]:
        """The new values of the param and, with momentum, of its velocity."""
        downhill = gradient * rate
        if self.momentum == 0:
            return value - downhill, {}
        velocity = self.slot("velocity", param)
        new_velocity = velocity * self.momentum - downhill
        move = new_velocity * self.momentum - downhill if self.nesterov else new_velocity
        return value + move, {velocity: new_velocity}
