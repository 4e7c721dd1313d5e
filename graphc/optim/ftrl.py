"""FTRL: follow the regularized leader, for sparse linear models."""

from __future__ import annotations

from dataclasses import dataclass

import graphc as gc

from ..ir.expr import Expr
from .optimizer import Optimizer, Updates, require
from .schedules import Schedule


@dataclass(eq=False, repr=False)
class Ftrl(Optimizer):
    """McMahan et al. 2013, algorithm 1, with l2 shrinkage. For w with gradient g, p = learning_rate_power, and
    n = initial_accumulator_value and z = 0 at first:

    n' = n + g²
    z ← z + (g + 2 shrinkage w) - (n'^-p - n^-p) w / learning_rate
    q = n'^-p / learning_rate + 2 l2 + beta / learning_rate
    w ← (clip(z, -l1, l1) - z) / q,   n ← n'
    """

    learning_rate: float | Schedule = 0.001
    learning_rate_power: float = -0.5
    initial_accumulator_value: float = 0.1
    l1_regularization_strength: float = 0.0
    l2_regularization_strength: float = 0.0
    l2_shrinkage_regularization_strength: float = 0.0
    beta: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            self,
            learning_rate_power=self.learning_rate_power <= 0,
            initial_accumulator_value=self.initial_accumulator_value >= 0,
            l1_regularization_strength=self.l1_regularization_strength >= 0,
            l2_regularization_strength=self.l2_regularization_strength >= 0,
            l2_shrinkage_regularization_strength=self.l2_shrinkage_regularization_strength >= 0,
        )

    def step(self, param: Expr, value: Expr, gradient: Expr, rate: Expr) -> tuple[Expr, Updates]:
        """The new values of the param, of the sum of squares and of the linear term."""
        total, linear = self.slot("accumulator", param, self.initial_accumulator_value), self.slot("linear", param)
        new_total = total + gc.square(gradient)
        power, new_power = (n ** (-self.learning_rate_power) for n in (total, new_total))
        shrunk = gradient + 2 * self.l2_shrinkage_regularization_strength * value
        new_linear = linear + shrunk - (new_power - power) / rate * value
        quadratic = new_power / rate + 2 * (self.l2_regularization_strength + self.beta / (2 * rate))
        strength = self.l1_regularization_strength
        new = (gc.clip(new_linear, -strength, strength) - new_linear) / quadratic
        return new, {total: new_total, linear: new_linear}
