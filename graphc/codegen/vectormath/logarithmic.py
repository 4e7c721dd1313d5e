"""log, log1p, log2 and log10."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from .writing import Body, Value

_LOG: Final = {
    # (log(1 + f) - f)/f^2 on sqrt(1/2) <= 1 + f <= sqrt(2): -27.3
    32: (
        -0.5,
        0.333333313,
        -0.250008196,
        0.200012416,
        -0.166234091,
        0.142015785,
        -0.131596059,
        0.127622262,
        -0.0763646662,
    ),
    # (2 artanh(s)/s - 2)/s^2 in s^2 for s = f/(2 + f), f as above: -59.5
    64: (
        0.6666666666666734,
        0.39999999999416636,
        0.28571428742058985,
        0.2222219859843333,
        0.18183563369182695,
        0.1531406744730157,
        0.1479584581283424,
    ),
}

_INVERSE_LN2: Final = {32: (1.44269502, 1.92596303e-08), 64: (1.4426950408889634, 2.0355273740931033e-17)}
_INVERSE_LN10: Final = {32: (0.434294492, -1.010305e-08), 64: (0.4342944819032518, 1.0983196502167651e-17)}
_LOG10_OF_2: Final = {32: (0.301025391, 4.60503907e-06), 64: (0.30102999566406652, -8.5323443170571066e-14)}
"""In two pieces, the first so short that its product with any exponent is exact."""

# Logarithms: x = 2^e (1 + f) with sqrt(1/2) <= 1 + f < sqrt(2), log(x) = e*log(2) + log(1 + f)


def split(b: Body, x: Value) -> tuple[Value, Value, Value]:
    """2^e as the exponent field's change, e and f."""
    t = b.format
    shifted = b.to_bits(x) - t.sqrt_half_bits
    field = shifted & -(1 << t.mantissa_bits)
    significand = b.from_bits((shifted & ((1 << t.mantissa_bits) - 1)) + t.sqrt_half_bits)
    return field, b.to_real(shifted >> t.mantissa_bits), significand - 1.0


def log_tail(b: Body, f: Value, addend: Value, coefficients: Sequence[float]) -> Value:
    """log(1 + f) - f + addend: a polynomial for float32; for float64 with s = f/(2 + f)

    log(1 + f) = 2 artanh(s) = f - f^2/2 + s (f^2/2 + s^2 R(s^2)), which halves the polynomial's degree.
    """
    if b.real == "float":
        return b.fma(f * f, b.polynomial(f, coefficients), addend)
    s = f / (f + 2.0)
    half_square = f * f * 0.5
    rest = b.fma(s * s, b.polynomial(s * s, coefficients), half_square)
    return b.fma(s, rest, addend) - half_square


def log_join(b: Body, e: Value, f: Value, rest: Value | None = None) -> Value:
    """e*log(2) + log(1 + f) + rest."""
    whole, tail = log_in_two(b, e, f, rest)
    return whole + tail


def log_in_two(b: Body, e: Value, f: Value, rest: Value | None = None) -> tuple[Value, Value]:
    """The same as a large part and a small one."""
    t = b.format
    small = e * t.ln2_low if rest is None else b.fma(e, t.ln2_low, rest)
    whole = b.fma(e, t.ln2_high, f)
    if b.real == "double":  # two-sum: half an ulp for four instructions of fifty
        small = small + (f - (whole - e * t.ln2_high))
    return whole, log_tail(b, f, small, b.pick(_LOG))


def log_ends(b: Body, x: Value, y: Value, pole: float) -> Value:
    """y, but -inf at the pole, NaN below it, and x itself for +inf and NaN."""
    inside = b.select(x < math.inf, y, x)
    outside = b.select(x.equals(pole), -math.inf, math.nan)
    return b.select(x > pole, inside, outside)


def split_positive(b: Body, x: Value) -> tuple[Value, Value]:
    """e and f of a number that may be denormal."""
    t = b.format
    denormal = x < t.smallest_normal
    lift = t.mantissa_bits + 1.0
    _, e, f = split(b, b.select(denormal, x * 2.0**lift, x))
    return b.select(denormal, e - lift, e), f


def log(b: Body, x: Value) -> Value:
    """e*log(2) + log(1 + f)."""
    return log_ends(b, x, log_join(b, *split_positive(b, x)), 0.0)


def log2(b: Body, x: Value) -> Value:
    """e + log(1 + f)/log(2)."""
    e, f = split_positive(b, x)
    high, low = b.pick(_INVERSE_LN2)
    y = f + log_tail(b, f, b.real_constant(0.0), b.pick(_LOG))
    return log_ends(b, x, b.fma(y, high, b.fma(y, low, e)), 0.0)


def log10(b: Body, x: Value) -> Value:
    """e*log10(2) + log(1 + f)/log(10)."""
    e, f = split_positive(b, x)
    high, low = b.pick(_INVERSE_LN10)
    two_high, two_low = b.pick(_LOG10_OF_2)
    y = f + log_tail(b, f, b.real_constant(0.0), b.pick(_LOG))
    return log_ends(b, x, b.fma(e, two_high, b.fma(y, high, b.fma(y, low, e * two_low))), 0.0)


def log1p(b: Body, x: Value) -> Value:
    """log(u) for u = 1 + x rounded, what the rounding lost going into f, which is x itself while e is 0."""
    t = b.format
    u = x + 1.0
    lost = x - (u - 1.0)
    field, e, f = split(b, u)
    inverse_power = b.from_bits(t.one_bits - b.integer_min(field, (t.bias - 1) << t.mantissa_bits))
    y = log_join(b, e, b.fma(lost, inverse_power, f))
    return b.with_sign_of(log_ends(b, x, y, -1.0), x)
