"""Adagrad and Adadelta: steps divided by the size of all gradients so far, or of late."""

from __future__ import annotations

from dataclasses import dataclass

import graphc as gc

from ..ir.expr import Expr
from .optimizer import Optimizer, Updates, require
from .schedules import Schedule


@dataclass(eq=False, repr=False)
class Adagrad(Optimizer):
    """Duchi et al. 2011. For w with gradient g, and s = initial_accumulator_value at first:

    s ← s + g²
    w ← w - learning_rate g / √(s + epsilon)
    """

    learning_rate: float | Schedule = 0.001
    initial_accumulator_value: float = 0.1
    epsilon: float = 1e-7

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, initial_accumulator_value=self.initial_accumulator_value >= 0, epsilon=self.epsilon >= 0)

    def step(self, param: Expr, value: Expr, gradient: Expr, rate: Expr) -> tuple[Expr, Updates]:
        """The new values of the param and of the sum of squares."""
        total = self.slot("accumulator", param, self.initial_accumulator_value)
        new_total = total + gc.square(gradient)
        return value - rate * gradient / gc.sqrt(new_total + self.epsilon), {total: new_total}


@dataclass(eq=False, repr=False)
class Adadelta(Optimizer):
    """Zeiler 2012, algorithm 1. For w with gradient g:

    s ← rho s + (1 - rho) g²
    d = g √(p + epsilon) / √(s + epsilon)
    p ← rho p + (1 - rho) d²
    w ← w - learning_rate d
    """

    learning_rate: float | Schedule = 0.001
    rho: float = 0.95
    epsilon: float = 1e-7

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, rho=0 <= self.rho <= 1, epsilon=self.epsilon >= 0)

    def step(self, param: Expr, value: Expr, gradient: Expr, rate: Expr) -> tuple[Expr, Updates]:
        """The new values of the param and of the mean squares of gradients and moves."""
        gradients, moves = self.slot("accumulated_gradient", param), self.slot("accumulated_move", param)
        new_gradients = self.rho * gradients + (1 - self.rho) * gc.square(gradient)
        move = gradient * gc.sqrt(moves + self.epsilon) / gc.sqrt(new_gradients + self.epsilon)
        new_moves = self.rho * moves + (1 - self.rho) * gc.square(move)
        return value - rate * move, {gradients: new_gradients, moves: new_moves}
