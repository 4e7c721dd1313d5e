"""Trigonometry, hyperbolic functions, other bases, and special functions: a row for each, as in `scalar`.

Derivatives are written so that they neither overflow on the way nor lose digits near the ends of the domain:
1 - x² is (1 - x)(1 + x). Where a function has no derivative (hypot and atan2 at the origin) it is taken as 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..ir.expr import Expr
from ..ir.op import Array
from .rounding import round
from .scalar import (
    Build,
    add,
    divide,
    equal,
    exp,
    isfinite,
    less,
    like,
    logical_and,
    logical_not,
    multiply,
    negative,
    row,
    sigmoid,
    sqrt,
    square,
    subtract,
    where,
)

# Derivatives refer to rows further down.
cos: Build
cosh: Build
digamma: Build
hypot: Build
trigamma: Build


def _one_over(denominator: Callable[[Expr, Expr], Expr]) -> dict[str, Any]:
    """The derivative 1/denominator(out, x): a cotangent is divided at once, with one rounding."""
    return {
        "partials": lambda out, x: (divide(like(1, x), denominator(out, x)),),
        "vjp": lambda g, out, x: (divide(g, denominator(out, x)),),
    }


def _minus_one_over(denominator: Callable[[Expr, Expr], Expr]) -> dict[str, Any]:
    return _one_over(lambda out, x: negative(denominator(out, x)))


def _one_minus_square(x: Expr) -> Expr:
    return multiply(subtract(like(1, x), x), add(like(1, x), x))


# Trigonometry --------------------------------------------------------------------------------------------------

sin = row("sin", 1, np.sin, lambda out, x: (cos(x),), flags="expensive odd", doc="the sine of x radians")
cos = row("cos", 1, np.cos, lambda out, x: (negative(sin(x)),), flags="expensive even", doc="the cosine of x radians")
tan = row("tan", 1, np.tan, lambda out, x: (add(like(1, x), square(out)),), domain=((-1.3, 1.3),),
          flags="expensive odd", doc="the tangent of x radians")  # fmt: skip
asin = row("asin", 1, np.arcsin, **_one_over(lambda out, x: sqrt(_one_minus_square(x))), domain=((-0.9, 0.9),),
           flags="expensive monotone odd", doc="the angle between -π/2 and π/2 whose sine is x")  # fmt: skip
acos = row("acos", 1, np.arccos, **_minus_one_over(lambda out, x: sqrt(_one_minus_square(x))), domain=((-0.9, 0.9),),
           flags="expensive", doc="the angle between 0 and π whose cosine is x")  # fmt: skip
atan = row("atan", 1, np.arctan, **_one_over(lambda out, x: add(like(1, x), square(x))),
           flags="expensive monotone odd", doc="the angle between -π/2 and π/2 whose tangent is x")  # fmt: skip


def _radius(x: Expr, y: Expr) -> Expr:
    """√(x² + y²), but 1 at the origin, so that quotients by it are 0 there."""
    radius = hypot(x, y)
    return where(equal(radius, like(0, radius)), like(1, radius), radius)


def _atan2_partials(out: Expr, y: Expr, x: Expr) -> tuple[Expr | None, ...]:
    radius = _radius(x, y)
    return divide(divide(x, radius), radius), negative(divide(divide(y, radius), radius))


def _hypot_partials(out: Expr, x: Expr, y: Expr) -> tuple[Expr | None, ...]:
    radius = where(equal(out, like(0, out)), like(1, out), out)
    return divide(x, radius), divide(y, radius)


atan2 = row("atan2", 2, np.arctan2, _atan2_partials, flags="expensive",
            doc="the angle of the point (y, x), its ordinate first: between -π and π")  # fmt: skip
hypot = row("hypot", 2, np.hypot, _hypot_partials, flags="expensive commutative",
            doc="√(x² + y²), without overflow on the way; inf if either is")  # fmt: skip

# Hyperbolic ----------------------------------------------------------------------------------------------------

sinh = row("sinh", 1, np.sinh, lambda out, x: (cosh(x),), flags="expensive monotone odd",
           doc="hyperbolic sine, (eˣ - e⁻ˣ) / 2")  # fmt: skip
cosh = row("cosh", 1, np.cosh, lambda out, x: (sinh(x),), flags="expensive even",
           doc="hyperbolic cosine, (eˣ + e⁻ˣ) / 2")  # fmt: skip
asinh = row("asinh", 1, np.arcsinh, **_one_over(lambda out, x: sqrt(add(square(x), like(1, x)))),
            flags="expensive monotone odd", doc="the number whose hyperbolic sine is x")  # fmt: skip
acosh = row("acosh", 1, np.arccosh,
            **_one_over(lambda out, x: multiply(sqrt(subtract(x, like(1, x))), sqrt(add(x, like(1, x))))),
            domain=((1.2, 4),), flags="expensive monotone",
            doc="the number ≥ 0 whose hyperbolic cosine is x")  # fmt: skip
atanh = row("atanh", 1, np.arctanh, **_one_over(lambda out, x: _one_minus_square(x)), domain=((-0.9, 0.9),),
            flags="expensive monotone odd", doc="the number whose hyperbolic tangent is x")  # fmt: skip

# Other bases and roots -----------------------------------------------------------------------------------------


def _logaddexp_partials(out: Expr, x: Expr, y: Expr) -> tuple[Expr | None, ...]:
    """σ(x - y) and σ(y - x); infinities that are equal share."""
    tied = logical_and(equal(x, y), logical_not(isfinite(x)))
    difference = where(tied, like(0, x), subtract(x, y))
    return sigmoid(difference), sigmoid(negative(difference))


exp2 = row("exp2", 1, np.exp2, lambda out, x: (multiply(like(math.log(2), x), out),), flags="expensive monotone",
           standard=None, doc="2ˣ")  # fmt: skip
log2 = row("log2", 1, np.log2, **_one_over(lambda out, x: multiply(like(math.log(2), x), x)), domain=((0.2, 4),),
           flags="expensive monotone", doc="the logarithm of x to the base 2")  # fmt: skip
log10 = row("log10", 1, np.log10, **_one_over(lambda out, x: multiply(like(math.log(10), x), x)), domain=((0.2, 4),),
            flags="expensive monotone", doc="the logarithm of x to the base 10")  # fmt: skip
logaddexp = row("logaddexp", 2, np.logaddexp, _logaddexp_partials, flags="expensive commutative",
                doc="ln(eˣ + eʸ), without overflow on the way")  # fmt: skip
cbrt = row("cbrt", 1, np.cbrt, **_one_over(lambda out, x: multiply(like(3, x), square(out))), domain=((0.2, 4),),
           flags="expensive monotone odd", standard=None, doc="the cube root of x, negative where x is")  # fmt: skip

# Special functions ---------------------------------------------------------------------------------------------


def _erfc(x: Array) -> Array:
    return np.asarray(np.vectorize(math.erfc, otypes=[np.float64])(x), x.dtype)


def _lgamma(x: Array) -> Array:
    def one(value: float) -> float:
        is_pole = value <= 0 and value.is_integer()
        try:
            return math.inf if is_pole else math.lgamma(value)
        except OverflowError:
            return math.inf

    with np.errstate(over="ignore"):
        return np.asarray(np.vectorize(one, otypes=[np.float64])(x.astype(np.float64)), x.dtype)


# ψ(x) ~ ln x - 1/(2x) - Σ B₂ₖ/(2k x²ᵏ), and its derivatives term by term: Abramowitz and Stegun, "Handbook of
# Mathematical Functions", 6.3.18, 6.4.12 and 6.4.13.
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)
_STEPS = 10
"""ψ(x) = ψ(x + 1) - 1/x, this many times, takes x ≥ 0 to where the terms above are enough for float64."""
_PI = np.longdouble("3.14159265358979323846")


def _split(x: Array) -> tuple[Array, Array, Array]:
    """x, its distance to the nearest integer, and x or 1 - x, which is not negative.

    In long double, where that is wider, since the terms of the sums cancel.
    """
    wide = np.asarray(x, np.longdouble)
    return wide, np.asarray(wide - np.rint(wide)), np.where(wide < 0, 1 - wide, wide)


def _digamma(x: Array) -> Array:
    """On the left by ψ(x) = ψ(1 - x) - π cot(πx); nan at the poles, but at 0, where the sign tells the side, ∓inf."""
    wide, fraction, start = _split(x)
    far = start + _STEPS
    series = sum(b / (2 * k * far ** (2 * k)) for k, b in enumerate(_BERNOULLI, 1))
    right = np.log(far) - 1 / (2 * far) - series - sum(1 / (start + k) for k in range(_STEPS))
    left = np.where(fraction == 0, np.nan, right - _PI / np.tan(_PI * fraction))
    value = np.where(wide == 0, -np.copysign(np.inf, wide), np.where(wide < 0, left, right))
    return np.asarray(value, x.dtype)


def _trigamma(x: Array) -> Array:
    """On the left by ψ'(x) = (π/sin(πx))² - ψ'(1 - x); inf at the poles."""
    wide, fraction, start = _split(x)
    far = start + _STEPS
    series = sum(b / far ** (2 * k + 1) for k, b in enumerate(_BERNOULLI, 1))
    right = 1 / far + 1 / (2 * far**2) + series + sum(1 / (start + k) ** 2 for k in range(_STEPS))
    left = np.where(fraction == 0, np.inf, (_PI / np.sin(_PI * fraction)) ** 2 - right)
    return np.asarray(np.where(wide < 0, left, right), x.dtype)


def _tetragamma(x: Expr) -> Expr:
    """ψ''(x), made of the ops above; on the left ψ''(1 - x) - 2π³ cos(πx)/sin³(πx).

    The derivatives of its terms are those of the next function's, so that all higher derivatives are as accurate.
    """

    def number(value: float) -> Expr:
        return like(value, x)

    is_left = less(x, number(0))
    start = where(is_left, subtract(number(1), x), x)
    total = number(0)
    for k in range(_STEPS):
        term = add(start, number(k))
        total = add(total, divide(number(2), multiply(term, square(term))))
    inverse = divide(number(1), add(start, number(_STEPS)))
    inverse_square = square(inverse)
    series = number(0)
    for k, b in reversed([*enumerate(_BERNOULLI, 1)]):
        series = multiply(inverse_square, add(number((2 * k + 1) * b), series))
    series = multiply(inverse_square, add(add(number(1), inverse), series))
    right = negative(add(total, series))
    # Where the right arm is taken, the left one has to be finite: 0·inf would reach the derivative.
    angle = multiply(number(math.pi), where(is_left, subtract(x, round(x)), number(0.5)))
    sine = sin(angle)
    slope = divide(multiply(number(2 * math.pi**3), cos(angle)), multiply(sine, square(sine)))
    return where(is_left, subtract(right, slope), right)


erfc = row("erfc", 1, _erfc,
           lambda out, x: (multiply(like(-2 / math.sqrt(math.pi), x), exp(negative(square(x)))),),
           flags="expensive", standard=None, doc="1 - erf(x), accurate where that is small")  # fmt: skip
lgamma = row("lgamma", 1, _lgamma, lambda out, x: (digamma(x),), domain=((0.3, 4),), flags="expensive",
             standard=None, doc="ln |Γ(x)|, the logarithm of the gamma function")  # fmt: skip
digamma = row("digamma", 1, _digamma, lambda out, x: (trigamma(x),), domain=((0.4, 4),), flags="expensive",
              standard=None, doc="ψ(x), the derivative of ln Γ(x)")  # fmt: skip
trigamma = row("trigamma", 1, _trigamma, lambda out, x: (_tetragamma(x),), domain=((0.4, 4),), flags="expensive",
               standard=None, doc="ψ'(x), the second derivative of ln Γ(x)")  # fmt: skip
