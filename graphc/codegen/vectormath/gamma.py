"""The logarithm of the gamma function and its first two derivatives.

Near 1 and 2, by polynomials; up to some six units further, by the recurrence Gamma(x + 1) = x Gamma(x); beyond, by
Stirling's series, cut to what the format needs; for negative arguments, by reflection, behind a branch.
"""

from __future__ import annotations

import math
from typing import Final

from .logarithmic import log_in_two, log_join, split_positive
from .trigonometric import sine_of_half_turn
from .writing import Body, Value

_LGAMMA: Final = {
    # lgamma(2 + y)/y on |y| <= 1/2: -25.9
    32: (
        0.422784328,
        0.322467029,
        -0.0673519,
        0.020581359,
        -0.007391972,
        0.0028807004,
        -0.00115378853,
        0.000566445116,
        -0.000312356278,
    ),
    # the same: -56.1
    64: (
        0.42278433509846713,
        0.32246703342411326,
        -0.06735230105319702,
        0.02058080842777746,
        -0.007385551028742368,
        0.002890510331162371,
        -0.001192753909749558,
        0.0005096695126866409,
        -0.0002231547879615968,
        9.945770568193031e-05,
        -4.49259879497085e-05,
        2.0505369819502005e-05,
        -9.4406094374028e-06,
        4.38558651978707e-06,
        -2.037323472961621e-06,
        9.181581988150832e-07,
        -4.4507519168255126e-07,
        2.8043354174528995e-07,
        -1.2208756684539522e-07,
    ),
}
_LGAMMA_FAR: Final = {
    # what lgamma(z) is more than (z - 1/2) log(z) - z + log(2 pi)/2, times z, in 1/z^2 for z >= 5.5: -25.0
    32: (0.0833333358, -0.00277803978, 0.000782755087),
    # the same for z >= 8.5: -54.0
    64: (
        0.08333333333333333,
        -0.0027777777777528235,
        0.000793650771780946,
        -0.0005952310157295165,
        0.0008406910987197741,
        -0.0018401977131695447,
        0.003854059132237172,
    ),
}
_LGAMMA_STEPS: Final = {32: 3, 64: 6}
_DIGAMMA: Final = {
    # digamma(z)/(z - its zero) in z - 3/2 on 1 <= z <= 2: -25.1
    32: (
        0.951055884,
        -0.423627406,
        0.240539119,
        -0.148403823,
        0.0951063037,
        -0.0619836748,
        0.0394236259,
        -0.0261755791,
        0.0238109212,
        -0.0156786405,
    ),
    # the same: -53.6
    64: (
        0.951055876031833,
        -0.4236274212814605,
        0.2405424842407582,
        -0.14840492305390318,
        0.09498872445632645,
        -0.06192213327354076,
        0.040760833757526,
        -0.026975796737598815,
        0.017907253635129884,
        -0.011908218400533906,
        0.007926928992090358,
        -0.005279959695880521,
        0.003519134857896262,
        -0.0023453098278881273,
        0.0015559661794823365,
        -0.0010374199764236806,
        0.0007254408846521051,
        -0.00048288665599451036,
        0.00022347435236190336,
        -0.00015026803195283524,
        0.0002625487582721394,
        -0.00017404752601197043,
    ),
}
_DIGAMMA_ZERO: Final = {32: (1.46163213, 1.24381501e-08), 64: (1.4616321449683622, 9.549995429965697e-17)}
_DIGAMMA_FAR: Final = {
    # (log(z) - 1/(2z) - digamma(z)) z^2 in 1/z^2 for z >= 5.5: -24.0
    32: (0.0833333284, -0.00833073072, 0.00376462168),
    # the same for z >= 8.5: -54.0
    64: (
        0.08333333333333333,
        -0.008333333333301239,
        0.00396825393187343,
        -0.004166651159924173,
        0.007572591407421843,
        -0.02075664087983821,
        0.06504224625300792,
    ),
}
_DIGAMMA_STEPS: Final = {32: 4, 64: 7}
_TRIGAMMA_FAR: Final = {
    # (trigamma(z) - 1/z - 1/(2z^2)) z^3 in 1/z^2 for z >= 5.5: -22.0
    32: (0.166666627, -0.0333126262, 0.0221940577),
    # the same for z >= 8.5: -51.2
    64: (
        0.1666666666666666,
        -0.033333333332877316,
        0.023809523284758917,
        -0.03333310617251067,
        0.07571043929506727,
        -0.24802046153756704,
        0.883637796790095,
    ),
}
_TRIGAMMA_STEPS: Final = {32: 6, 64: 9}
_HALF_LOG_TWO_PI_LESS_HALF: Final = 0.41893853320467274


def lgamma(b: Body, x: Value) -> Value:
    """log|Gamma(x)|: for x < 0, -log(|x sin(pi x)|/pi) - lgamma(-x)."""
    size = b.magnitude(x)
    y = _lgamma_of_positive(b, size)
    # Next to 0, log|Gamma| is even.
    reflected = x < -(b.format.epsilon**2)

    def others() -> list[Value]:
        sine, _, _ = _sine_and_cosine(b, size)
        sine = b.magnitude(sine)
        other = -log_join(b, *split_positive(b, sine * size * (1 / math.pi))) - y
        return [b.select(reflected, b.select(sine > 0.0, other, math.inf), y)]

    (y,) = b.if_any(reflected, [y], others)
    return b.select(size < math.inf, y, size)


def _lgamma_of_positive(b: Body, z: Value) -> Value:
    """lgamma(2 + y) with the logarithm of the factors that lead there, or Stirling's series."""
    steps = b.pick(_LGAMMA_STEPS)
    far, below, low = z > 2.5 + steps, z < 1.5, z < 0.5
    y = b.select(low, z, b.select(below, z - 1.0, z - 2.0))
    factors = b.select(low, z * (z + 1.0), b.select(below, z, 1.0))
    for _ in range(steps):
        over = y > 0.5
        y = b.select(over, y - 1.0, y)
        factors = b.select(over, factors * (y + 2.0), factors)
    whole, tail = log_in_two(b, *split_positive(b, b.select(far, z, factors)))
    first, *others = b.pick(_LGAMMA)
    small = b.fma(y * y, b.polynomial(y, others), b.select(below, -tail, tail))
    near = b.fma(y, first, b.select(below, -whole, whole)) + small
    inverse = 1.0 / z
    series = b.fma(inverse, b.polynomial(inverse * inverse, b.pick(_LGAMMA_FAR)), _HALF_LOG_TWO_PI_LESS_HALF)
    less, lost = b.fast_two_sum(whole, b.real_constant(-1.0))
    product, rest = b.two_product(z - 0.5, less)
    distant = product + (rest + b.fma(z - 0.5, lost + tail, series))
    distant = b.select(product < math.inf, distant, product)
    return b.select(z > 0.0, b.select(far, distant, near), math.inf)


def _sine_and_cosine(b: Body, z: Value) -> tuple[Value, Value, Value]:
    """sin and cos of pi times the distance r to the nearest integer, and r, for z >= 0."""
    unit = 2.0**b.format.mantissa_bits
    capped = b.select(z < math.inf, b.at_most(z, unit), math.nan)
    r = capped - ((capped + unit) - unit)
    quarter = 0.5 - b.magnitude(r)
    return sine_of_half_turn(b, r * math.pi), sine_of_half_turn(b, quarter * math.pi), r


def digamma(b: Body, x: Value) -> Value:
    """The derivative of log Gamma: for x < 0, digamma(-x) - 1/x + pi cot(-pi x). A factor has its zero near 1.46."""
    size = b.magnitude(x)
    y = _digamma_of_positive(b, size)
    negative = x < 0.0

    def others() -> list[Value]:
        sine, cosine, r = _sine_and_cosine(b, size)
        inverse = 1.0 / size
        other = (y + inverse) + cosine / sine * math.pi
        # Where 1/x overflows, y is as infinite with the other sign.
        other = b.select(size < b.format.smallest_normal, inverse, other)
        return [b.select(negative, b.select(r.equals(0.0), math.nan, other), y)]

    (y,) = b.if_any(negative, [y], others)
    y = b.select(size.equals(0.0), -b.with_sign_of(b.real_constant(math.inf), x), y)
    return b.select(size < math.inf, y, b.select(x > 0.0, b.real_constant(math.inf), math.nan))


def _digamma_of_positive(b: Body, z: Value) -> Value:
    steps = b.pick(_DIGAMMA_STEPS)
    far, below = z > 2.0 + steps, z < 1.0
    base = b.select(below, z + 1.0, z)
    numerator = b.select(below, b.real_constant(-1.0), 0.0)
    denominator = b.select(below, z, 1.0)
    for _ in range(steps):
        over = base > 2.0
        base = b.select(over, base - 1.0, base)
        numerator = b.select(over, b.fma(numerator, base, denominator), numerator)
        denominator = b.select(over, denominator * base, denominator)
    zero, zero_low = b.pick(_DIGAMMA_ZERO)
    near = ((base - zero) - zero_low) * b.polynomial(base - 1.5, b.pick(_DIGAMMA)) + numerator / denominator
    inverse = 1.0 / z
    square = inverse * inverse
    series = b.fma(inverse, 0.5, square * b.polynomial(square, b.pick(_DIGAMMA_FAR)))
    return b.select(far, log_join(b, *split_positive(b, z)) - series, near)


def trigamma(b: Body, x: Value) -> Value:
    """The second derivative of log Gamma: for x < 0, (pi/sin(pi x))^2 + 1/x^2 - trigamma(-x)."""
    size = b.magnitude(x)
    largest = (2 - 2.0**-b.format.mantissa_bits) * 2.0**b.format.bias
    y = _trigamma_of_positive(b, size)
    negative = x < 0.0

    def others() -> list[Value]:
        sine, _, _ = _sine_and_cosine(b, size)
        inverse, cosecant = 1.0 / size, math.pi / sine
        return [b.select(negative, b.fma(cosecant, cosecant, b.fma(inverse, inverse, -b.at_most(y, largest))), y)]

    (y,) = b.if_any(negative, [y], others)
    return y


def _trigamma_of_positive(b: Body, z: Value) -> Value:
    """1/z^2 + ... + 1/(z + n - 1)^2, the terms after the first as one fraction, and the series for z + n."""
    steps = b.pick(_TRIGAMMA_STEPS)
    far = z > steps
    near = b.at_most(z, float(steps))
    numerator, denominator = b.real_constant(0.0), b.real_constant(1.0)
    for step in range(steps - 1, 0, -1):
        square = (near + float(step)) * (near + float(step))
        numerator = b.fma(numerator, square, denominator)
        denominator = denominator * square
    distant = b.select(far, z, z + float(steps))
    inverse = 1.0 / distant
    square = inverse * inverse
    series = b.fma(square * inverse, b.polynomial(square, b.pick(_TRIGAMMA_FAR)), square * 0.5) + inverse
    first = 1.0 / z
    return b.select(far, series, b.fma(first, first, numerator / denominator + series))
