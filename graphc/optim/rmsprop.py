"""RMSprop: each parameter's step divided by the size its gradients have had lately."""

from __future__ import annotations

from dataclasses import dataclass

import graphc as gc

from ..ir.expr import Expr
from .optimizer import Optimizer, Updates, require
from .schedules import Schedule


@dataclass(eq=False, repr=False)
class RMSprop(Optimizer):
    """Tieleman and Hinton 2012 (lecture 6e), with epsilon inside the root as in Keras 3. For w with gradient g:

    v ← rho v + (1 - rho) g²
    a ← rho a + (1 - rho) g                           centered only (Graves 2013, equation 39); else a = 0
    d = learning_rate g / √(v - a² + epsilon)
    m ← momentum m + d                                with momentum only; else m = d
    w ← w - m
    """

    learning_rate: float | Schedule = 0.001
    rho: float = 0.9
    momentum: float = 0.0
    epsilon: float = 1e-7
    centered: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, rho=0 <= self.rho <= 1, momentum=0 <= self.momentum <= 1, epsilon=self.epsilon >= 0)

    def step(self, param: Expr, value: Expr, gradient: Expr, rate: Expr) -> tuple[Expr, Updates]:
        """The new values of the param, of its mean square, and of its mean and momentum where they are asked for."""
        velocity = self.slot("velocity", param)
        new = {velocity: self.rho * velocity + (1 - self.rho) * gc.square(gradient)}
        spread = new[velocity]
        if self.centered:
            average = self.slot("average_gradient", param)
            new[average] = self.rho * average + (1 - self.rho) * gradient
            spread = spread - gc.square(new[average])
        move = rate * gradient / gc.sqrt(spread + self.epsilon)
        if self.momentum > 0:
            momentum = self.slot("momentum", param)
            move = new[momentum] = self.momentum * momentum + move
        return value - move, new
