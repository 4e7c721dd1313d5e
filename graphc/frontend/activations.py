"""Activation functions: what networks put between their layers, elementwise. The names and defaults are Keras's.

Those that are not ops of their own are compositions, which the compiler fuses. Arms of a choice that are not taken
get a harmless argument, so that no 0·inf reaches a derivative.
"""

from __future__ import annotations

import math

from ..ir.expr import Expr
from ..ops import scalar, transcendental
from .elementwise import clip
from .lifting import ArrayLike, floating, lift

_SELU_SCALE = 1.0507009873554805
_SELU_ALPHA = 1.6732632423543772
"""Fixed point of mean 0 and variance 1: Klambauer et al., "Self-Normalizing Neural Networks", 2017, equation 14."""


def relu(x: ArrayLike, /) -> Expr:
    """max(x, 0). The derivative at 0 is taken as 0."""
    return scalar.relu(lift("relu", x))


def leaky_relu(x: ArrayLike, /, negative_slope: float = 0.2) -> Expr:
    """x where it is positive or 0, else negative_slope · x.

    Source: Maas et al., "Rectifier Nonlinearities Improve Neural Network Acoustic Models", 2013.
    """
    (real,) = floating("leaky_relu", x)
    return scalar.where(_is_positive_or_zero(real), real, _scaled(negative_slope, real))


def sigmoid(x: ArrayLike, /) -> Expr:
    """1 / (1 + e⁻ˣ), the logistic function."""
    return scalar.sigmoid(*floating("sigmoid", x))


def softplus(x: ArrayLike, /) -> Expr:
    """ln(1 + eˣ), a smooth relu."""
    return scalar.softplus(*floating("softplus", x))


def softsign(x: ArrayLike, /) -> Expr:
    """x / (1 + |x|)."""
    (real,) = floating("softsign", x)
    return scalar.divide(real, scalar.add(scalar.like(1, real), scalar.absolute(real)))


def elu(x: ArrayLike, /, alpha: float = 1.0) -> Expr:
    """x where it is positive, else alpha · (eˣ - 1). The derivative at 0 is taken as alpha.

    Source: Clevert et al., "Fast and Accurate Deep Network Learning by Exponential Linear Units", 2015.
    """
    (real,) = floating("elu", x)
    is_positive = scalar.greater(real, scalar.like(0, real))
    at_most_zero = scalar.where(is_positive, scalar.like(0, real), real)
    return scalar.where(is_positive, real, _scaled(alpha, scalar.expm1(at_most_zero)))


def selu(x: ArrayLike, /) -> Expr:
    """1.0507 · elu(x, 1.6733): layers keep mean 0 and variance 1.

    Source: Klambauer et al., "Self-Normalizing Neural Networks", 2017.
    """
    return _scaled(_SELU_SCALE, elu(x, _SELU_ALPHA))


def gelu(x: ArrayLike, /, approximate: bool = False) -> Expr:
    """x Φ(x), Φ the distribution function of the normal distribution.

    Exactly, or with `approximate` as x/2 (1 + tanh(√(2/π) (x + 0.044715 x³))).
    Source: Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016.
    """
    (real,) = floating("gelu", x)
    half = _scaled(0.5, real)
    if not approximate:
        return scalar.multiply(half, transcendental.erfc(_scaled(-math.sqrt(0.5), real)))
    cubic = scalar.add(real, _scaled(0.044715, scalar.multiply(real, scalar.square(real))))
    curve = scalar.tanh(_scaled(math.sqrt(2 / math.pi), cubic))
    return scalar.multiply(half, scalar.add(scalar.like(1, real), curve))


def silu(x: ArrayLike, /) -> Expr:
    """x / (1 + e⁻ˣ), also called swish.

    Source: Elfwing et al., "Sigmoid-Weighted Linear Units for Neural Network Function Approximation", 2017.
    """
    (real,) = floating("silu", x)
    return scalar.multiply(real, scalar.sigmoid(real))


def mish(x: ArrayLike, /) -> Expr:
    """x tanh(ln(1 + eˣ)).

    Source: Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", 2019.
    """
    (real,) = floating("mish", x)
    return scalar.multiply(real, scalar.tanh(scalar.softplus(real)))


def hard_sigmoid(x: ArrayLike, /) -> Expr:
    """x/6 + 1/2, but no less than 0 and no more than 1."""
    (real,) = floating("hard_sigmoid", x)
    return _scaled(1 / 6, clip(scalar.add(real, scalar.like(3, real)), 0, 6))


def hard_swish(x: ArrayLike, /) -> Expr:
    """x · hard_sigmoid(x), 0 at -inf. The derivative at 3 is taken as 1.

    Source: Howard et al., "Searching for MobileNetV3", 2019.
    """
    (real,) = floating("hard_swish", x)
    three = scalar.like(3, real)
    is_linear = scalar.greater_equal(real, three)
    curved = scalar.where(is_linear, scalar.like(0, real), scalar.maximum(real, scalar.negative(three)))
    share = _scaled(1 / 6, scalar.add(curved, three))
    return scalar.where(is_linear, real, scalar.multiply(curved, share))


def _scaled(factor: float, x: Expr) -> Expr:
    return scalar.multiply(scalar.like(factor, x), x)


def _is_positive_or_zero(x: Expr) -> Expr:
    return scalar.greater_equal(x, scalar.like(0, x))
