"""Lion: steps of one size, in the direction of the sign."""

from __future__ import annotations

from dataclasses import dataclass

import graphc as gc

from ..ir.expr import Expr
from .optimizer import Optimizer, Updates, require
from .schedules import Schedule


@dataclass(eq=False, repr=False)
class Lion(Optimizer):
    """Chen et al. 2023, program 1. For w with gradient g:

    w ← w - learning_rate sign(beta_1 m + (1 - beta_1) g)
    m ← beta_2 m + (1 - beta_2) g
    """

    learning_rate: float | Schedule = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.99

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, beta_1=0 < self.beta_1 <= 1, beta_2=0 <= self.beta_2 <= 1)

    def step(self, param: Expr, value: Expr, gradient: Expr, rate: Expr) -> tuple[Expr, Updates]:
        """The new values of the param and of its mean gradient."""
        m = self.slot("momentum", param)
        direction = gc.sign(m * self.beta_1 + gradient * (1 - self.beta_1))
        return value - rate * direction, {m: m * self.beta_2 + gradient * (1 - self.beta_2)}
