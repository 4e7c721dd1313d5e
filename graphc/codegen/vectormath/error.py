"""erf and erfc."""

from __future__ import annotations

from typing import Final

from .exponential import EXPM1
from .scaling import nearest, power_of_two, power_of_two_split
from .writing import Body, Value

_EXP2: Final = {
    # 2^r on |r| <= 1/2: -23.0
    32: (1.00000012, 0.693147242, 0.240219116, 0.0555008352, 0.00968555175, 0.00135214813),
    # 2^r on |r| <= 1/2: -56.7
    64: (
        1.0,
        0.6931471805599453,
        0.2402265069591011,
        0.055504108664821736,
        0.0096181291076004,
        0.001333355814653822,
        0.0001540353045069164,
        1.5252733645151066e-05,
        1.3215437930740873e-06,
        1.0178154663530081e-07,
        7.07340454519932e-09,
        4.439666307554688e-10,
    ),
}
_ERFC: Final = {
    # ((1 + 2x) exp(x^2) erfc(x) - 1)/u in 2u - 1 for u = x/(x + 3) on 0 <= x <= 10.2: -26.8
    32: (
        0.506016135,
        -0.777258456,
        0.682133079,
        -0.422839671,
        0.184303463,
        -0.0477121882,
        9.49260357e-05,
        0.00502541708,
        -0.000995216076,
        -0.000524909468,
    ),
    # the same for u = x/(x + 4) on 0 <= x <= 27.3: -55.8
    64: (
        0.465990237251105,
        -0.7452324709322308,
        0.7759917751374737,
        -0.6397976666280016,
        0.4377195345552434,
        -0.25025386456156845,
        0.11759313293950198,
        -0.04325810181566075,
        0.010862633686802408,
        -0.0007986941683879273,
        -0.0007168524444956688,
        0.0003183414190620458,
        -1.709721878577555e-05,
        -3.170919029427242e-05,
        9.260342235937106e-06,
        2.1758530470360563e-06,
        -1.5742325476250924e-06,
        -9.705995760233578e-08,
        2.2325196642854436e-07,
        8.515067555166297e-09,
        -2.4013912032154285e-08,
        -3.794429706389102e-09,
    ),
}
_ERFC_CENTRE: Final = {32: 3.0, 64: 4.0}
_ERFC_HIGHEST: Final = {32: 10.2, 64: 27.3}
"""From here up erfc is 0."""
_ERF_NEAR: Final = {
    # erf(sqrt(y))/sqrt(y) - 1 on 0 <= y <= 1: -29.4
    32: (
        0.128379166,
        -0.37612626,
        0.112835787,
        -0.0268533472,
        0.0051871622,
        -0.00079978531,
        7.80690316e-05,
    ),
    # erf(sqrt(y))/sqrt(y) - 1 on 0 <= y <= 1: -56.3
    64: (
        0.1283791670955126,
        -0.376126389031841,
        0.11283791670971105,
        -0.02686617064803582,
        0.005223977652796707,
        -0.0008548328546576847,
        0.000120553868001083,
        -1.4926901755693826e-05,
        1.648148062514669e-06,
        -1.6562634707073966e-07,
        1.6057142995897964e-08,
        -1.666045207412519e-09,
        1.4717039907100955e-10,
    ),
}
_LOG2_ERFC: Final = {
    # log2(erfc(x)) on 0.9375 <= x <= 4, weighted for erf: -29.4
    32: (
        -0.000322488602,
        -1.62672687,
        -0.919536412,
        -0.149699852,
        0.0319506414,
        -0.00436144415,
        0.000279733009,
    ),
    # log2(erfc(x)) on 1 <= x <= 6, weighted for erf: -55.7
    64: (
        -2.591334866671948e-07,
        -1.6279043772108708,
        -0.91846076374777,
        -0.1482329512726455,
        0.027523959573754336,
        0.0004046617859398067,
        -0.0025521316800672157,
        0.0009250200042936235,
        -6.466780867174889e-05,
        -0.0001015159010426753,
        6.497434182827824e-05,
        -2.3824242216566866e-05,
        6.2425033618032995e-06,
        -1.2270978041299098e-06,
        1.8135052665486862e-07,
        -1.965879663763471e-08,
        1.4797441991080429e-09,
        -6.919080147464491e-11,
        1.5142522498500618e-12,
    ),
}

# The error function


def erf(b: Body, x: Value) -> Value:
    """x + x P(x^2) near 0, 1 - 2^Q(|x|) elsewhere, Q being a polynomial close to log2(erfc)."""
    t = b.format
    near = b.fma(x, b.polynomial(x * x, b.pick(_ERF_NEAR)), x)
    size = b.magnitude(x)
    exponent = b.polynomial(b.at_most(size, t.erf_highest), b.pick(_LOG2_ERFC))
    n, biased = nearest(b, exponent, 1.0, t.bias)
    far = 1.0 - b.polynomial(exponent - n, b.pick(_EXP2)) * power_of_two(b, biased)
    return b.select(size < t.erf_split, near, b.with_sign_of(far, x))


def erfc(b: Body, x: Value) -> Value:
    """exp(-x^2) (1 + u Q(u))/(1 + 2x) for x >= 0 with u = x/(x + k), 2 less that for negative x.

    The quotient and x^2 are kept in two parts, and exp(-x^2) is not rounded before it multiplies: the tail has to be
    right in its own last digits.
    """
    t = b.format
    size = b.at_most(b.magnitude(x), b.pick(_ERFC_HIGHEST))
    u = size / (size + b.pick(_ERFC_CENTRE))
    change = u * b.polynomial(b.fma(u, 2.0, -1.0), b.pick(_ERFC))
    numerator, numerator_low = b.fast_two_sum(b.real_constant(1.0), change)
    twice = size + size
    denominator, denominator_low = b.two_sum(b.real_constant(1.0), twice)
    inverse = 1.0 / denominator
    quotient = numerator * inverse
    back, back_low = b.two_product(quotient, denominator)
    rest = ((numerator - back) - back_low) + b.fma(quotient, -denominator_low, numerator_low)
    square, square_low = b.two_product(size, size)
    n, biased = nearest(b, square, -t.inverse_ln2, t.bias)
    r, lost = b.fast_two_sum(b.fma(n, -t.ln2_high, -square), b.fma(n, -t.ln2_low, -square_low))
    growth = r + b.fma(r * r, b.polynomial(r, b.pick(EXPM1)), lost)
    first, second = power_of_two_split(b, biased)
    rest = rest * inverse
    tail = (quotient + b.fma(quotient, growth, b.fma(rest, growth, rest))) * first * second
    return b.select(x < 0.0, 2.0 - tail, tail)
