"""Adam and its relatives: steps from running means of the gradient and of its size."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

import graphc as gc

from ..ir.expr import Expr
from .optimizer import Optimizer, Updates, require
from .schedules import Schedule


@dataclass(eq=False, repr=False)
class _TwoMeans(Optimizer):
    """What the family shares: a running mean m of the gradient g, and another v of its square or size."""

    learning_rate: float | Schedule = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, beta_1=0 <= self.beta_1 < 1, beta_2=0 <= self.beta_2 < 1, epsilon=self.epsilon >= 0)

    def _moment(self, name: str, param: Expr, value: Expr, beta: float) -> tuple[Expr, Expr]:
        """The running mean of this name, and the new one: m + (1 - beta) (value - m)."""
        mean = self.slot(name, param)
        return mean, mean + (value - mean) * (1 - beta)

    def _step_number(self, like: Expr, ahead: int = 1) -> Expr:
        return gc.astype(self.iterations + ahead, like.dtype)


@dataclass(eq=False, repr=False)
class Adam(_TwoMeans):
    """Kingma and Ba 2015, in the form before their section 2.1 (epsilon is their "epsilon hat"), as Keras 3 has it.

    For a parameter w with gradient g, in step t = 1, 2, ...:

        m ← m + (1 - beta_1) (g - m)
        v ← v + (1 - beta_2) (g² - v)
        α = learning_rate √(1 - beta_2ᵗ) / (1 - beta_1ᵗ)
        w ← w - α m / (√v + epsilon)

    With `amsgrad` the largest v so far stands in place of v (Reddi et al. 2018).
    """

    amsgrad: bool = False

    def step(self, param: Expr, value: Expr, gradient: Expr, rate: Expr) -> tuple[Expr, Updates]:
        """The new values of the param, of its two running means and, with amsgrad, of the largest."""
        t = self._step_number(param)
        m, new_m = self._moment("momentum", param, gradient, self.beta_1)
        v, new_v = self._moment("velocity", param, gc.square(gradient), self.beta_2)
        new = {m: new_m, v: new_v}
        size = new_v
        if self.amsgrad:
            largest = self.slot("velocity_max", param)
            size = new[largest] = gc.maximum(largest, new_v)
        alpha = rate * gc.sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)
        return value - new_m * alpha / (gc.sqrt(size) + self.epsilon), new


@dataclass(eq=False, repr=False)
class AdamW(Adam):
    """Adam with weight decay apart from the gradient (Loshchilov and Hutter 2019): w loses
    learning_rate · weight_decay · w before it is moved."""

    weight_decay: float | None = field(default=0.004, kw_only=True)


@dataclass(eq=False, repr=False)
class Adamax(_TwoMeans):
    """Adam with the largest size of late in place of the root mean square (Kingma and Ba 2015, section 7.1):

    m ← m + (1 - beta_1) (g - m)
    u ← max(beta_2 u, |g|)
    w ← w - learning_rate m / ((1 - beta_1ᵗ) (u + epsilon))
    """

    def step(self, param: Expr, value: Expr, gradient: Expr, rate: Expr) -> tuple[Expr, Updates]:
        """The new values of the param, of its mean gradient and of the largest."""
        m, new_m = self._moment("momentum", param, gradient, self.beta_1)
        u = self.slot("norm", param)
        new_u = gc.maximum(self.beta_2 * u, gc.abs(gradient))
        correction = 1 - self.beta_1 ** self._step_number(param)
        return value - rate * new_m / (correction * (new_u + self.epsilon)), {m: new_m, u: new_u}


@dataclass(eq=False, repr=False)
class Nadam(_TwoMeans):
    """Adam with Nesterov's look ahead (Dozat 2016), its momentum growing as u_t = beta_1 (1 - 0.96ᵗ / 2):

    m ← m + (1 - beta_1) (g - m),   v ← v + (1 - beta_2) (g² - v),   U ← U u_t
    m̂ = u_{t+1} m / (1 - U u_{t+1}) + (1 - u_t) g / (1 - U)
    w ← w - learning_rate m̂ / (√(v / (1 - beta_2ᵗ)) + epsilon)
    """

    def step(self, param: Expr, value: Expr, gradient: Expr, rate: Expr) -> tuple[Expr, Updates]:
        """The new values of the param, of its two running means and of the product of all u."""
        product = self.shared("momentum_product", np.ones((), np.float64))
        new_product = product * self._momentum_at(gc.astype(self.iterations + 1, "float64"))
        u, u_next = (self._momentum_at(self._step_number(param, ahead)) for ahead in (1, 2))
        done = gc.astype(new_product, param.dtype)
        m, new_m = self._moment("momentum", param, gradient, self.beta_1)
        v, new_v = self._moment("velocity", param, gc.square(gradient), self.beta_2)
        ahead_m = u_next * new_m / (1 - done * u_next) + (1 - u) * gradient / (1 - done)
        size = new_v / (1 - self.beta_2 ** self._step_number(param))
        move = rate * ahead_m / (gc.sqrt(size) + self.epsilon)
        return value - move, {product: new_product, m: new_m, v: new_v}

    def _momentum_at(self, t: Expr) -> Expr:
        return self.beta_1 * (1 - 0.5 * gc.pow(0.96, t))
