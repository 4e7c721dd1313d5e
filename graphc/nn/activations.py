"""Activations by name, for `Dense(512, activation="relu")`. Names, options and defaults are Keras 3's.

Each is a function of an expression. Options are bound with `functools.partial(activations.relu, max_value=6.0)`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import graphc as gc

from ..ir.errors import ShapeError, describe
from ..ir.expr import Expr
from . import registry

Activation: TypeAlias = Callable[[Expr], Expr]


def linear(x: Expr) -> Expr:
    """x itself."""
    return x


def relu(x: Expr, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Expr:
    """max(x, 0). With options: x above the threshold, no more than max_value, and negative_slope · (x - threshold)
    below it."""
    above = gc.where(x > threshold, x, 0) if threshold else gc.relu(x)
    if max_value is not None:
        above = gc.clip(above, 0, max_value)
    return above - negative_slope * gc.relu(threshold - x) if negative_slope else above


def leaky_relu(x: Expr, negative_slope: float = 0.2) -> Expr:
    """x above 0, negative_slope · x below."""
    return gc.leaky_relu(x, negative_slope)


def relu6(x: Expr) -> Expr:
    """min(max(x, 0), 6)."""
    return gc.minimum(gc.relu(x), 6)


def elu(x: Expr, alpha: float = 1.0) -> Expr:
    """x above 0, alpha (eˣ - 1) below: Clevert et al. 2016."""
    return gc.elu(x, alpha)


def selu(x: Expr) -> Expr:
    """A scaled elu that keeps mean 0 and variance 1: Klambauer et al. 2017."""
    return gc.selu(x)


def celu(x: Expr, alpha: float = 1.0) -> Expr:
    """max(x, 0) + min(alpha (e^(x/alpha) - 1), 0): Barron 2017."""
    return gc.relu(x) + alpha * gc.expm1(gc.minimum(x, 0) / alpha)


def gelu(x: Expr, approximate: bool = False) -> Expr:
    """x Φ(x), Φ being the normal distribution (Hendrycks and Gimpel 2016); approximate: by their tanh formula."""
    return gc.gelu(x, approximate)


def silu(x: Expr) -> Expr:
    """x · sigmoid(x), also called swish."""
    return gc.silu(x)


def softplus(x: Expr) -> Expr:
    """ln(1 + eˣ)."""
    return gc.softplus(x)


def softsign(x: Expr) -> Expr:
    """x / (1 + |x|)."""
    return gc.softsign(x)


def squareplus(x: Expr, b: float = 4.0) -> Expr:
    """(x + √(x² + b)) / 2."""
    return (x + gc.sqrt(gc.square(x) + b)) / 2


def tanh(x: Expr) -> Expr:
    """The hyperbolic tangent."""
    return gc.tanh(x)


def hard_tanh(x: Expr) -> Expr:
    """x, kept in [-1, 1]."""
    return gc.clip(x, -1, 1)


def tanh_shrink(x: Expr) -> Expr:
    """x - tanh(x)."""
    return x - gc.tanh(x)


def soft_shrink(x: Expr, threshold: float = 0.5) -> Expr:
    """x, moved towards 0 by the threshold, and 0 within it."""
    return gc.relu(x - threshold) - gc.relu(-x - threshold)


def hard_shrink(x: Expr, threshold: float = 0.5) -> Expr:
    """x, and 0 within the threshold."""
    return gc.where(gc.abs(x) > threshold, x, 0)


def sigmoid(x: Expr) -> Expr:
    """1 / (1 + e⁻ˣ)."""
    return gc.sigmoid(x)


def log_sigmoid(x: Expr) -> Expr:
    """ln of the sigmoid."""
    return -gc.softplus(-x)


def hard_sigmoid(x: Expr) -> Expr:
    """x / 6 + 1/2, kept in [0, 1]."""
    return gc.clip(x / 6 + 0.5, 0, 1)


def hard_silu(x: Expr) -> Expr:
    """x · hard_sigmoid(x), also called hard_swish."""
    return x * hard_sigmoid(x)


def exponential(x: Expr) -> Expr:
    """eˣ."""
    return gc.exp(x)


def mish(x: Expr) -> Expr:
    """x · tanh(softplus(x)): Misra 2019."""
    return x * gc.tanh(gc.softplus(x))


def glu(x: Expr, axis: int = -1) -> Expr:
    """The first half of the axis times the sigmoid of the second: Dauphin et al. 2017.

    Raises:
        ShapeError: the axis has no number of elements that two divides.
    """
    length = x.shape[axis] if -x.ndim <= axis < x.ndim else None
    if not isinstance(length, int) or length % 2:
        raise ShapeError(f"glu: axis {axis} has to be of even length{describe(x=x)}")
    ahead = (slice(None),) * (axis % x.ndim)
    value, gate = x[(*ahead, slice(None, length // 2))], x[(*ahead, slice(length // 2, None))]
    return value * gc.sigmoid(gate)


def softmax(x: Expr, axis: int = -1) -> Expr:
    """eˣ over its sum along the axis."""
    return gc.softmax(x, axis=axis)


def log_softmax(x: Expr, axis: int = -1) -> Expr:
    """ln of the softmax."""
    return gc.log_softmax(x, axis=axis)


KNOWN: Mapping[str, Activation] = {
    f.__name__: f
    for f in (
        linear, relu, leaky_relu, relu6, elu, selu, celu, gelu, silu, softplus, softsign, squareplus, tanh, hard_tanh,
        tanh_shrink, soft_shrink, hard_shrink, sigmoid, log_sigmoid, hard_sigmoid, hard_silu, exponential, mish, glu,
        softmax, log_softmax,
    )
} | {"swish": silu, "hard_swish": hard_silu}  # fmt: skip


def get(given: str | Activation | None) -> Activation:
    """The activation of that name, the given function itself, or `linear` for None.

    Raises:
        GraphError: no activation has this name.
    """
    if given is None:
        return linear
    return given if callable(given) else registry.find("activation", KNOWN, given)


def logits_of(activation: Activation) -> str | None:
    """Which activation this is, of those that losses can do without: "softmax" (along the last axis) or "sigmoid"."""
    if activation in (softmax, gc.softmax):
        return "softmax"
    return "sigmoid" if activation in (sigmoid, gc.sigmoid) else None
