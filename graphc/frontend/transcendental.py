"""Exponentials, logarithms, trigonometry, hyperbolic and special functions, by the array API standard's names.

Integers and bool become float32. Outside a function's domain the result is nan.
"""

from __future__ import annotations

from ..ir.expr import Expr
from ..ops import scalar, transcendental
from .lifting import ArrayLike, floating

# Exponentials and logarithms -----------------------------------------------------------------------------------


def exp(x: ArrayLike, /) -> Expr:
    """eˣ."""
    return scalar.exp(*floating("exp", x))


def exp2(x: ArrayLike, /) -> Expr:
    """2ˣ."""
    return transcendental.exp2(*floating("exp2", x))


def expm1(x: ArrayLike, /) -> Expr:
    """eˣ - 1, accurate near 0."""
    return scalar.expm1(*floating("expm1", x))


def log(x: ArrayLike, /) -> Expr:
    """The natural logarithm of x; -inf at 0, nan below."""
    return scalar.log(*floating("log", x))


def log2(x: ArrayLike, /) -> Expr:
    """The logarithm of x to the base 2; -inf at 0, nan below."""
    return transcendental.log2(*floating("log2", x))


def log10(x: ArrayLike, /) -> Expr:
    """The logarithm of x to the base 10; -inf at 0, nan below."""
    return transcendental.log10(*floating("log10", x))


def log1p(x: ArrayLike, /) -> Expr:
    """ln(1 + x), accurate near 0."""
    return scalar.log1p(*floating("log1p", x))


def logaddexp(x1: ArrayLike, x2: ArrayLike, /) -> Expr:
    """ln(eˣ¹ + eˣ²), which neither overflows nor underflows on the way; -inf of -inf and -inf."""
    return transcendental.logaddexp(*floating("logaddexp", x1, x2))


# Trigonometry --------------------------------------------------------------------------------------------------


def sin(x: ArrayLike, /) -> Expr:
    """The sine of x radians."""
    return transcendental.sin(*floating("sin", x))


def cos(x: ArrayLike, /) -> Expr:
    """The cosine of x radians."""
    return transcendental.cos(*floating("cos", x))


def tan(x: ArrayLike, /) -> Expr:
    """The tangent of x radians."""
    return transcendental.tan(*floating("tan", x))


def asin(x: ArrayLike, /) -> Expr:
    """The angle between -π/2 and π/2 whose sine is x; nan for |x| > 1."""
    return transcendental.asin(*floating("asin", x))


def acos(x: ArrayLike, /) -> Expr:
    """The angle between 0 and π whose cosine is x; nan for |x| > 1."""
    return transcendental.acos(*floating("acos", x))


def atan(x: ArrayLike, /) -> Expr:
    """The angle between -π/2 and π/2 whose tangent is x."""
    return transcendental.atan(*floating("atan", x))


def atan2(x1: ArrayLike, x2: ArrayLike, /) -> Expr:
    """The angle, between -π and π, of the point with the ordinate x1 and the abscissa x2.

    The signs of zeros choose the side, as in NumPy. The derivatives at the origin are taken as 0.
    """
    return transcendental.atan2(*floating("atan2", x1, x2))


def hypot(x1: ArrayLike, x2: ArrayLike, /) -> Expr:
    """√(x1² + x2²), which does not overflow on the way; inf if either is infinite, even beside nan.

    The derivatives at the origin are taken as 0.
    """
    return transcendental.hypot(*floating("hypot", x1, x2))


# Hyperbolic ----------------------------------------------------------------------------------------------------


def sinh(x: ArrayLike, /) -> Expr:
    """The hyperbolic sine, (eˣ - e⁻ˣ) / 2."""
    return transcendental.sinh(*floating("sinh", x))


def cosh(x: ArrayLike, /) -> Expr:
    """The hyperbolic cosine, (eˣ + e⁻ˣ) / 2."""
    return transcendental.cosh(*floating("cosh", x))


def tanh(x: ArrayLike, /) -> Expr:
    """The hyperbolic tangent."""
    return scalar.tanh(*floating("tanh", x))


def asinh(x: ArrayLike, /) -> Expr:
    """The number whose hyperbolic sine is x."""
    return transcendental.asinh(*floating("asinh", x))


def acosh(x: ArrayLike, /) -> Expr:
    """The number ≥ 0 whose hyperbolic cosine is x; nan below 1."""
    return transcendental.acosh(*floating("acosh", x))


def atanh(x: ArrayLike, /) -> Expr:
    """The number whose hyperbolic tangent is x; ±inf at ±1, nan beyond."""
    return transcendental.atanh(*floating("atanh", x))


# Roots and special functions -----------------------------------------------------------------------------------


def sqrt(x: ArrayLike, /) -> Expr:
    """√x; nan below 0."""
    return scalar.sqrt(*floating("sqrt", x))


def rsqrt(x: ArrayLike, /) -> Expr:
    """1 / √x; inf at 0, nan below."""
    (real,) = floating("rsqrt", x)
    return scalar.divide(scalar.like(1, real), scalar.sqrt(real))


def cbrt(x: ArrayLike, /) -> Expr:
    """The cube root of x, negative where x is."""
    return transcendental.cbrt(*floating("cbrt", x))


def erf(x: ArrayLike, /) -> Expr:
    """The error function, 2/√π ∫₀ˣ e^(-t²) dt."""
    return scalar.erf(*floating("erf", x))


def erfc(x: ArrayLike, /) -> Expr:
    """1 - erf(x), accurate where that is small."""
    return transcendental.erfc(*floating("erfc", x))


def lgamma(x: ArrayLike, /) -> Expr:
    """ln |Γ(x)|, the logarithm of the gamma function; inf at 0, -1, -2, …"""
    return transcendental.lgamma(*floating("lgamma", x))


def digamma(x: ArrayLike, /) -> Expr:
    """ψ(x), the derivative of ln Γ(x); -inf at 0.0, inf at -0.0, nan at -1, -2, …"""
    return transcendental.digamma(*floating("digamma", x))


def trigamma(x: ArrayLike, /) -> Expr:
    """ψ'(x), the second derivative of ln Γ(x); inf at 0, -1, -2, …"""
    return transcendental.trigamma(*floating("trigamma", x))
