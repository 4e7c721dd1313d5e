"""exp, exp2, expm1, sigmoid, tanh and softplus."""

from __future__ import annotations

from typing import Final

from .logarithmic import log_tail
from .scaling import nearest, power_of_two, power_of_two_split
from .writing import Body, Value

_TWICE_EXP: Final = {
    # 2 exp(r) on |r| <= log(2)/2: -28.2
    32: (2.0, 2.0, 0.999999881, 0.333330423, 0.083336547, 0.0167373661, 0.0027640108),
    # 2 exp(r) on |r| <= log(2)/2: -57.9
    64: (
        2.0,
        2.0,
        1.0000000000000022,
        0.33333333333332915,
        0.08333333333305655,
        0.016666666666946675,
        0.002777777788777967,
        0.0003968253908397972,
        4.9602985894804973e-05,
        5.511512176911276e-06,
        5.526056180458579e-07,
        5.001353457825706e-08,
    ),
}
_TWICE_EXP2: Final = {
    # 2*2^r on |r| <= 1/2: -31.9
    32: (2.0, 1.38629436, 0.480453014, 0.1110081, 0.0192361772, 0.00266758422, 0.00030905084, 2.86719118e-05),
    # the same: -57.1
    64: (
        2.0,
        1.3862943611198906,
        0.48045301391820344,
        0.11100821732964915,
        0.019236258215154088,
        0.0026667116291132506,
        0.00030807060957866237,
        3.0505469481767827e-05,
        2.6430848853841712e-06,
        2.03553079459390e-07,
        1.4151256739147388e-08,
        9.039411874269868e-10,
    ),
}
EXP2_RANGE: Final = {32: (-150.0, 128.0), 64: (-1076.0, 1024.0)}
"""Where 2^x is neither 0 nor inf, and a little more."""
EXPM1: Final = {
    # (exp(r) - 1 - r)/r^2 on the same: -26.1
    32: (0.49999997, 0.166665465, 0.0416674353, 0.00836626161, 0.00138706574),
    # (exp(r) - 1 - r)/r^2 on the same: -61.6
    64: (
        0.5,
        0.16666666666666677,
        0.041666666666666685,
        0.00833333333332176,
        0.0013888888888891006,
        0.00019841269885426154,
        2.4801587286654876e-05,
        2.75572450915495e-06,
        2.7557322277106104e-07,
        2.5108699907652468e-08,
        2.0896185151748504e-09,
    ),
}
_LOG_OF_UNIT: Final = {
    # (log(1 + z) - z)/z^2 on 0 <= z <= 1: -27.4
    32: (
        -0.499999315,
        0.333304644,
        -0.24958083,
        0.196930468,
        -0.153496727,
        0.106727034,
        -0.0576028824,
        0.0201786403,
        -0.00331385271,
    ),
    # the same on 0 <= f <= 1: -57.7
    64: (
        0.6666666666666631,
        0.40000000000156216,
        0.28571428547960087,
        0.22222223963825743,
        0.18181744124424148,
        0.15386555620417564,
        0.13301033171626309,
        0.1210557431045861,
        0.08342579269895153,
        0.17013425495461437,
    ),
}
_TANH_NEAR: Final = {
    # (tanh(sqrt(y))/sqrt(y) - 1)/y on 0 <= y <= 0.5625^2: -29.4
    32: (-0.333333135, 0.13332437, -0.0538357981, 0.0210007187, -0.00617030077),
    # (tanh(sqrt(y))/sqrt(y) - 1)/y on 0 <= y <= 0.5625^2: -59.4
    64: (
        -0.33333333333333276,
        0.13333333333322825,
        -0.053968253961549466,
        0.02186948832237281,
        -0.008863231558035907,
        0.0035920814562556405,
        -0.001455474538880551,
        0.0005881626328187873,
        -0.00023266268134994997,
        8.228419701065956e-05,
        -1.885669026328291e-05,
    ),
}

# Exponentials: x = n*log(2) + r with |r| <= log(2)/2, exp(x) = 2^n exp(r). Where 2^n could overflow although
# the result does not, it is 2^(n-1) that is formed.


def _reduce(b: Body, x: Value, offset: int = -1) -> tuple[Value, Value]:
    """An integer with the low bits n + bias + offset, and r."""
    t = b.format
    n, biased = nearest(b, x, t.inverse_ln2, t.bias + offset)
    return biased, b.fma(n, -t.ln2_low, b.fma(n, -t.ln2_high, x))


def exp(b: Body, x: Value) -> Value:
    t = b.format
    biased, r = _reduce(b, b.at_most(b.at_least(x, t.exp_lowest), t.exp_highest))
    first, second = power_of_two_split(b, biased)
    return b.polynomial(r, b.pick(_TWICE_EXP)) * first * second


def exp2(b: Body, x: Value) -> Value:
    """2^n 2^r for the nearest integer n."""
    lowest, highest = b.pick(EXP2_RANGE)
    return exp2_of_sum(b, b.at_most(b.at_least(x, lowest), highest), None)


def exp2_of_sum(b: Body, x: Value, low: Value | None) -> Value:
    """2^(x + low) for x within the range of results and a small rest."""
    n, biased = nearest(b, x, 1.0, b.format.bias - 1)
    first, second = power_of_two_split(b, biased)
    r = x - n
    return b.polynomial(r if low is None else r + low, b.pick(_TWICE_EXP2)) * first * second


def expm1(b: Body, x: Value) -> Value:
    """2^n exp(r) - 1 = (2^n - 1) + 2^n (r + r^2 q(r)), halved until the end.

    The large part of r joins 2^n - 1 first, so that only the small rest is rounded twice.
    """
    t = b.format
    clamped = b.at_most(b.at_least(x, t.expm1_lowest), t.exp_highest)
    n, biased = nearest(b, clamped, t.inverse_ln2, t.bias - 1)
    power = power_of_two(b, biased)
    large = b.fma(n, -t.ln2_high, clamped)
    small = n * -t.ln2_low
    r = large + small
    rest = b.fma(r * r, b.polynomial(r, b.pick(EXPM1)), small)
    half = b.fma(power, rest, b.fma(power, large, power - 0.5))
    return b.select(b.magnitude(x) < t.epsilon, x, half + half)


def sigmoid(b: Body, x: Value) -> Value:
    """1/(1 + exp(-x)), all of it scaled by a power of two with which 1 + exp(-x) stays finite.

    exp(-x) itself is never rounded: 1 + 2^n exp(r) = (2^n + 1) + 2^n (r + r^2 q(r)).
    """
    t = b.format
    clamped = b.at_most(b.at_least(x, t.exp_lowest), t.sigmoid_highest)
    biased, r = _reduce(b, -clamped, -t.sigmoid_scale)
    power = power_of_two(b, biased)
    one = b.constant(b.real, 2.0**-t.sigmoid_scale)
    whole = power + one
    lost = one - (whole - power)
    growth = b.fma(r * r, b.polynomial(r, b.pick(EXPM1)), r)
    return one / (whole + b.fma(power, growth, lost))


def tanh(b: Body, x: Value) -> Value:
    """x + x^3 P(x^2) near 0, 1 - 2/(exp(2|x|) + 1) elsewhere."""
    t = b.format
    square = x * x
    near = b.fma(x, square * b.polynomial(square, b.pick(_TANH_NEAR)), x)
    size = b.magnitude(x)
    biased, r = _reduce(b, b.at_most(size + size, t.tanh_highest))
    far = 1.0 - 2.0 / b.fma(b.polynomial(r, b.pick(_TWICE_EXP)), power_of_two(b, biased), 1.0)
    return b.with_sign_of(b.select(size < t.tanh_split, near, far), x)


def softplus(b: Body, x: Value) -> Value:
    """max(x, 0) + log(1 + z) for z = exp(-|x|), and what was lost when z was rounded.

    log(1 + z + lost) is log(1 + z) + lost/(1 + z), and 1 - z/2 is near enough to 1/(1 + z) here.
    """
    t = b.format
    biased, r = _reduce(b, b.at_least(-b.magnitude(x), t.exp_lowest))
    first, second = power_of_two_split(b, biased)
    growth = r * b.polynomial(r, b.pick(_TWICE_EXP)[1:])
    whole = growth + 2.0
    z = whole * first * second
    lost = (growth - (whole - 2.0)) * first * second * b.fma(z, -0.5, 1.0)
    return (b.at_least(x, 0.0) + log_tail(b, z, lost, b.pick(_LOG_OF_UNIT))) + z
