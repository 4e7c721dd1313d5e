"""asin, acos, atan and atan2: an odd polynomial on a half, square roots and quotients to get there."""

from __future__ import annotations

import math
from typing import Final

from .writing import Body, Value

_ASIN: Final = {
    # (asin(s)/s - 1)/s^2 in s^2 on 0 <= s <= 1/2: -27.6
    32: (0.166667521, 0.0749530941, 0.0454691499, 0.0241847802, 0.0421582982),
    # the same: -55.9
    64: (
        0.16666666666665408,
        0.07500000000337141,
        0.04464285682823206,
        0.030381959140661257,
        0.02237175796587272,
        0.017359706003268093,
        0.013885223434521692,
        0.012169289643391867,
        0.006527641319605498,
        0.019529170865007387,
        -0.01622566141509004,
        0.031913226539655254,
    ),
}
_ATAN: Final = {
    # (atan(t)/t - 1)/t^2 in t^2 on 0 <= t <= 1/2: -27.5
    32: (-0.33333233, 0.19994168, -0.141742125, 0.101558395, -0.0512522981),
    # the same: -57.8
    64: (
        -0.3333333333333298,
        0.1999999999990311,
        -0.1428571427638564,
        0.11111110659614645,
        -0.09090896243922263,
        0.07692073896085344,
        -0.06663810416481988,
        0.05858297374497527,
        -0.0512199824009727,
        0.041864814439926214,
        -0.02743455896164821,
        0.010116559809745644,
    ),
}
_HALF_PI: Final = {32: (1.57079637, -4.37113883e-08), 64: (1.5707963267948966, 6.123233995736766e-17)}
_QUARTER_PI: Final = {32: (0.785398006, 1.56958237e-07), 64: (0.7853981633974483, 3.061616997868383e-17)}
"""In two pieces, the first so short that three times it is exact."""


def asin(b: Body, x: Value) -> Value:
    """s + s^3 P(s^2) for s = |x| up to 1/2, pi/2 less twice that for s = sqrt((1 - |x|)/2) above."""
    s, change, beyond = _asin_of_half(b, x)
    high, low = b.pick(_HALF_PI)
    far, lost = b.fast_two_sum(b.real_constant(high), s * -2.0)
    far = far + (lost - b.fma(change, 2.0, -low))
    return b.with_sign_of(b.select(beyond, far, s + change), x)


def acos(b: Body, x: Value) -> Value:
    """pi/2 - asin(x), where |x| > 1/2 twice what asin subtracts, or pi less that."""
    s, change, beyond = _asin_of_half(b, x)
    y = s + change
    high, low = b.pick(_HALF_PI)
    twice = b.with_sign_of(y + y, x)
    once = -b.with_sign_of(y, x)
    quarters = b.select(beyond, b.select(x < 0.0, b.real_constant(2.0), 0.0), 1.0)
    return b.fma(quarters, high, b.fma(quarters, low, b.select(beyond, twice, once)))


def _asin_of_half(b: Body, x: Value) -> tuple[Value, Value, Value]:
    """s and s^3 P(s^2) as above, and whether |x| > 1/2."""
    size = b.magnitude(x)
    beyond = size > 0.5
    square = b.select(beyond, b.fma(size, -0.5, 0.5), size * size)
    s = b.select(beyond, b.sqrt(square), size)
    return s, s * (square * b.polynomial(square, b.pick(_ASIN))), beyond


def atan(b: Body, x: Value) -> Value:
    size = b.magnitude(x)
    steep = size > 1.0
    angle = _first_octant(b, b.select(steep, 1.0, size), b.select(steep, size, 1.0))
    return b.with_sign_of(_turned(b, *angle, steep, None), x)


def atan2(b: Body, y: Value, x: Value) -> Value:
    """The angle of (x, y), in [-pi, pi]; the signs of zeros and infinities count as in C."""
    height, width = b.magnitude(y), b.magnitude(x)
    steep = height > width
    longer, shorter = b.select(steep, height, width), b.select(steep, width, height)
    # Far out both are shortened, so that their sum is finite; then infinities become 1 and 1, or 0 and 1.
    infinite = longer.equals(math.inf)
    shrink = b.select(longer > 2.0 ** (b.format.bias - 2), b.select(infinite, 0.0, 0.25), 1.0)
    shorter = b.select(shorter.equals(math.inf), 1.0, shorter * shrink)
    longer = b.select(infinite, 1.0, b.select(longer.equals(0.0), 1.0, longer * shrink))
    backward = b.to_bits(x) < 0
    return b.with_sign_of(_turned(b, *_first_octant(b, shorter, longer), steep, backward), y)


def _first_octant(b: Body, y: Value, x: Value) -> tuple[Value, Value]:
    """k and a small angle t so that atan(y/x) = k pi/4 + t, for 0 <= y <= x."""
    beyond = (y + y) > x
    quotient = b.select(beyond, y - x, y) / b.select(beyond, y + x, x)
    square = quotient * quotient
    angle = b.fma(quotient, square * b.polynomial(square, b.pick(_ATAN)), quotient)
    return b.select(beyond, b.real_constant(1.0), 0.0), angle


def _turned(b: Body, eighths: Value, angle: Value, steep: Value, backward: Value | None) -> Value:
    """The angle itself, its complement where it is steep, its supplement where it points backward."""
    eighths, angle = b.select(steep, 2.0 - eighths, eighths), b.select(steep, -angle, angle)
    if backward is not None:
        eighths, angle = b.select(backward, 4.0 - eighths, eighths), b.select(backward, -angle, angle)
    high, low = b.pick(_QUARTER_PI)
    return b.fma(eighths, high, b.fma(eighths, low, angle))
