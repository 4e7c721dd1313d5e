"""Adam: steps from running means of the gradient and of its square."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

import graphc as gc

from ..ir.expr import Expr
from .optimizer import Optimizer, require


@dataclass(frozen=True, eq=False)
class Adam(Optimizer):
    """Kingma and Ba 2015, in the form before their section 2.1 (epsilon is their "epsilon hat"), as Keras 3 has it.

    For a parameter w with gradient g, in step t = 1, 2, ...:

        m ← m + (1 - beta_1) (g - m)
        v ← v + (1 - beta_2) (g² - v)
        α = learning_rate √(1 - beta_2ᵗ) / (1 - beta_1ᵗ)
        w ← w - α m / (√v + epsilon)
    """

    learning_rate: float = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    _iterations: Expr = field(init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, beta_1=0 <= self.beta_1 < 1, beta_2=0 <= self.beta_2 < 1, epsilon=self.epsilon >= 0)
        object.__setattr__(self, "_iterations", gc.param("iterations", np.zeros((), np.int64)))

    @property
    def state(self) -> list[Expr]:
        """The number of steps taken (int64), then the running means in the order they were made."""
        return [self._iterations, *super().state]

    def step(self, param: Expr, gradient: Expr) -> dict[Expr, Expr]:
        """The new values of the param, of its two running means and of the number of steps taken."""
        m, v = self.slot("momentum", param), self.slot("velocity", param)
        iterations = self._iterations + 1
        t = gc.astype(iterations, param.dtype)
        new_m = m + (gradient - m) * (1 - self.beta_1)
        new_v = v + (gc.square(gradient) - v) * (1 - self.beta_2)
        alpha = self.learning_rate * gc.sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)
        move = new_m * alpha / (gc.sqrt(new_v) + self.epsilon)
        return {self._iterations: iterations, m: new_m, v: new_v, param: param - move}
