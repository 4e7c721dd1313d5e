"""pow, cbrt and hypot."""

from __future__ import annotations

import math
from typing import Final

from .exponential import EXP2_RANGE, exp2_of_sum
from .logarithmic import split, split_positive
from .scaling import nearest, power_of_two
from .writing import Body, Value

_LOG2_IN_S: Final = (
    # log2((1 + s)/(1 - s))/s in s^2 behind the first two terms, for |s| <= (sqrt(2) - 1)/(sqrt(2) + 1): -73.5
    0.5770780163555851,
    0.4121985831113457,
    0.32059889791277996,
    0.2623081986591012,
    0.22195227022864114,
    0.19240132918198563,
    0.16845133470984408,
    0.17281911060429056,
)
_TWO_OVER_LN2: Final = (2.8853900817779268, 4.0710547481862066e-17)
_TWO_THIRDS_OVER_LN2: Final = (0.9617966939259756, 5.0577616648125907e-17)
_LOG2_IN_F: Final = (
    # log2(1 + f)/f on sqrt(1/2) <= 1 + f <= sqrt(2), for float32 in float64: -31.6
    1.4426950409152342,
    -0.7213475254680215,
    0.48089833281173167,
    -0.3606727644220148,
    0.28853965014612915,
    -0.24050514948099908,
    0.20612564770464994,
    -0.1790516205032596,
    0.15863728818270847,
    -0.1566354800921606,
    0.1564367400375481,
    -0.08871248878740223,
)
_TWICE_EXP2: Final = (
    # 2*2^r on |r| <= 1/2, for float32 in float64: -34.3
    2.0,
    1.3862943614087526,
    0.48045302132939294,
    0.11100820733117902,
    0.019236076282937188,
    0.0026667869245741376,
    0.00030933509408353728,
    3.0392500084475546e-05,
)
_CBRT: Final = {
    # cbrt on sqrt(1/2) ... sqrt(2): -13.7
    32: (0.492509484, 0.739718139, -0.290379316, 0.0582209453),
    # the same: -19.6
    64: (
        0.4216897867830779,
        1.0560148597688315,
        -0.8360690448886018,
        0.510964901558175,
        -0.1795562849230724,
        0.026954795285765984,
    ),
}


def pow(b: Body, x: Value, y: Value) -> Value:
    """2^(y log2|x|) with the sign, and NaN, as C wants them.

    y log2|x| is known to some 12 digits more than the format has, for they are lost when its integer part is
    split off: as a sum of two numbers for float64. For float32 it is a float64: half as many operations, on
    twice as many vectors.
    """
    size = b.magnitude(x)
    value = _pow_in_double(b, size, y) if b.bits == 32 else _pow_in_two(b, size, y)
    distance = b.magnitude(y)
    integral, odd = _is_integral(b, distance), ~_is_integral(b, distance * 0.5)
    negative = b.to_bits(x) < 0
    value = b.select(negative & integral & odd, -value, value)
    undefined = (x < 0.0) & (x > -math.inf) & ~integral
    value = b.select(undefined, math.nan, value)
    return b.select(x.equals(1.0) | y.equals(0.0), 1.0, value)


def _is_integral(b: Body, x: Value) -> Value:
    """Whether x >= 0 is an integer."""
    unit = 2.0**b.format.mantissa_bits
    capped = b.at_most(x, unit)
    return ((capped + unit) - unit).equals(capped)


def _at_ends(b: Body, x: Value, log2: Value) -> Value:
    """log2(x) also for 0, inf and NaN."""
    return b.select(x.equals(0.0), -math.inf, b.select(x < math.inf, log2, x))


def _bounded(b: Body, y: Value) -> Value:
    """An exponent whose product with 0 is 0, and with any other logarithm is the same to all purposes."""
    return b.at_most(b.at_least(y, -(2.0**1000)), 2.0**1000)


def _pow_in_double(b: Body, x: Value, y: Value) -> Value:
    e, f = (b.widen(part) for part in split_positive(b, x))
    log2 = _at_ends(b, b.widen(x), b.fma(f, b.polynomial(f, _LOG2_IN_F), e))
    product = log2 * _bounded(b, b.widen(y))
    lowest, highest = b.pick(EXP2_RANGE)
    product = b.at_most(b.at_least(product, lowest - 1), highest)
    n, biased = nearest(b, product, 1.0, product.format.bias - 1)
    return b.narrow(b.polynomial(product - n, _TWICE_EXP2) * power_of_two(b, biased))


def _pow_in_two(b: Body, x: Value, y: Value) -> Value:
    high, low = _log2_in_two(b, x)
    y = _bounded(b, y)
    product, rest = b.two_product(_at_ends(b, x, high), y)
    rest = b.fma(low, y, rest)
    lowest, highest = b.pick(EXP2_RANGE)
    # 2^1024 itself may be the rounding of a smaller product.
    within = (product > lowest) & ~(product > highest)
    product = b.at_most(b.at_least(product, lowest), highest)
    return exp2_of_sum(b, product, b.select(within, rest, 0.0))


def _log2_in_two(b: Body, x: Value) -> tuple[Value, Value]:
    """log2(x) to some 66 bits, in two parts: e + s (c0 + c1 s^2 + ...) for s = f/(2 + f)."""
    e, f = split_positive(b, x)
    denominator, denominator_low = b.fast_two_sum(b.real_constant(2.0), f)
    inverse = 1.0 / denominator
    s = f * inverse
    back, back_low = b.two_product(s, denominator)
    s_low = (((f - back) - back_low) - s * denominator_low) * inverse
    square, square_low = b.two_product(s, s)
    square_low = b.fma(s + s, s_low, square_low)
    c1, c1_low = _TWO_THIRDS_OVER_LN2
    slope, slope_low = b.fast_two_sum(b.real_constant(c1), square * b.polynomial(square, _LOG2_IN_S))
    term, term_low = b.two_product(square, slope)
    term_low = term_low + b.fma(square, slope_low + c1_low, square_low * slope)
    c0, c0_low = _TWO_OVER_LN2
    factor, factor_low = b.fast_two_sum(b.real_constant(c0), term)
    factor_low = factor_low + (term_low + c0_low)
    y, y_low = b.two_product(s, factor)
    y_low = y_low + b.fma(s, factor_low, s_low * factor)
    whole, lost = b.fast_two_sum(e, y)
    return b.fast_two_sum(whole, lost + y_low)


def cbrt(b: Body, x: Value) -> Value:
    """2^q t of 2^(3q) m: t by a polynomial, then once by Halley's iteration t (2 m + t^3)/(m + 2 t^3).

    t is first cut to half its digits, so that its square is exact.
    """
    fmt = b.format
    size = b.magnitude(x)
    denormal = size < fmt.smallest_normal
    thirds = 8 if b.bits == 32 else 18
    _, e, f = split(b, b.select(denormal, size * 2.0 ** (3 * thirds), size))
    q, biased = nearest(b, e, 1 / 3, fmt.bias)
    rest = b.fma(q, -3.0, e)
    above, below = rest > 0.5, rest < -0.5
    significand = f + 1.0
    guess = b.polynomial(significand, b.pick(_CBRT))
    guess = guess * b.select(above, 2 ** (1 / 3), b.select(below, b.real_constant(0.5 ** (1 / 3)), 1.0))
    m = significand * b.select(above, 2.0, b.select(below, b.real_constant(0.5), 1.0))
    cut = 12 if b.bits == 32 else 27
    t = b.from_bits((b.to_bits(guess) + (1 << (cut - 1))) & -(1 << cut))
    quotient = m / (t * t)
    root = b.fma(t, (quotient - t) / ((t + t) + quotient), t)
    root = root * (power_of_two(b, biased) * b.select(denormal, b.real_constant(2.0**-thirds), 1.0))
    unchanged = ~((size > 0.0) & (size < math.inf))
    return b.select(unchanged, x, b.with_sign_of(root, x))


def hypot(b: Body, x: Value, y: Value) -> Value:
    """sqrt(x^2 + y^2), scaled where squares would overflow or vanish; infinite if either is, even beside NaN."""
    width, height = b.magnitude(x), b.magnitude(y)
    longer, shorter = b.select(width < height, height, width), b.select(width < height, width, height)
    reach = b.format.bias // 2 - 2
    huge, tiny = longer > 2.0**reach, longer < 2.0 ** (b.format.mantissa_bits - reach)
    scale = 2.0 ** (reach + 3 + b.format.mantissa_bits)
    up = b.select(huge, 1 / scale, b.select(tiny, b.real_constant(scale), 1.0))
    down = b.select(huge, scale, b.select(tiny, b.real_constant(1 / scale), 1.0))
    longer, shorter = longer * up, shorter * up
    length = b.sqrt(b.fma(longer, longer, shorter * shorter)) * down
    infinite = width.equals(math.inf) | height.equals(math.inf)
    return b.select(infinite, math.inf, length)
