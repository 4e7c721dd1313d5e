"""sinh, cosh and the inverses of the hyperbolic functions."""

from __future__ import annotations

import math
from typing import Final

from .logarithmic import log_join, split
from .scaling import nearest
from .writing import Body, Value

_SINH: Final = {
    # (sinh(r)/r - 1)/r^2 in r^2 on |r| <= log(2)/2: -26.2
    32: (0.166665435, 0.00836653542),
    # the same: -61.7
    64: (
        0.16666666666666677,
        0.008333333333321376,
        0.00019841269886865468,
        2.75572433810174e-06,
        2.5109352119855082e-08,
    ),
}
_COSH: Final = {
    # (cosh(r) - 1)/r^2 in r^2 on |r| <= log(2)/2: -32.8
    32: (0.5, 0.0416664891, 0.00139327324),
    # the same: -69.2
    64: (
        0.5,
        0.04166666666666667,
        0.0013888888888880947,
        2.4801587334322926e-05,
        2.7557264040135107e-07,
        2.091815108557996e-09,
    ),
}
_HIGHEST: Final = {32: 89.5, 64: 710.6}
"""From here up sinh and cosh are inf."""

# With |x| = n*log(2) + r, of which both take half:
#
#     2 sinh(x) = (2^n - 2^-n) cosh(r) + (2^n + 2^-n) sinh(r)
#     2 cosh(x) = (2^n + 2^-n) cosh(r) + (2^n - 2^-n) sinh(r)


def sinh(b: Body, x: Value) -> Value:
    large, small, r, rest, growth = _parts(b, x)
    plus, minus = large + small, large - small
    half = minus + b.fma(plus, r, b.fma(minus, growth, plus * rest))
    return b.select(b.magnitude(x) < b.format.epsilon, x, b.with_sign_of(half + half, x))


def cosh(b: Body, x: Value) -> Value:
    large, small, r, rest, growth = _parts(b, x)
    plus, minus = large + small, large - small
    half = large + (b.fma(minus, r, b.fma(plus, growth, minus * rest)) + small)
    return half + half


def _parts(b: Body, x: Value) -> tuple[Value, Value, Value, Value, Value]:
    """2^n/4, 2^-n/4, r, sinh(r) - r and cosh(r) - 1: quarters, so that nothing overflows too early."""
    t = b.format
    size = b.at_most(b.magnitude(x), b.pick(_HIGHEST))
    n, biased = nearest(b, size, t.inverse_ln2, t.bias - 2)
    r, lost = b.fast_two_sum(b.fma(n, -t.ln2_high, size), n * -t.ln2_low)
    exponent = biased << t.mantissa_bits
    mirrored = b.constant(b.integer, (2 * t.bias - 4) << t.mantissa_bits) - exponent
    small = b.from_bits(b.integer_max(mirrored, 0))
    square = r * r
    rest = b.fma(r, square * b.polynomial(square, b.pick(_SINH)), lost)
    return b.from_bits(exponent), small, r, rest, square * b.polynomial(square, b.pick(_COSH))


# The inverses are logarithms of sums and quotients of which the lost part is known too, so that nothing is lost where
# they come close to 1: log(y + lost) = log(y) + lost/y.


def asinh(b: Body, x: Value) -> Value:
    """log(|x| + sqrt(x^2 + 1)) with the sign of x."""
    return b.with_sign_of(_log_of_sum(b, b.magnitude(x), 1.0), x)


def acosh(b: Body, x: Value) -> Value:
    """log(x + sqrt(x^2 - 1)), NaN below 1."""
    return b.select(x < 1.0, math.nan, _log_of_sum(b, x, -1.0))


def atanh(b: Body, x: Value) -> Value:
    """log((1 + |x|)/(1 - |x|))/2 with the sign of x; infinite at 1 and NaN beyond."""
    one, size = b.real_constant(1.0), b.magnitude(x)
    above, above_lost = b.fast_two_sum(one, size)
    below, below_lost = b.fast_two_sum(one, -size)
    quotient = above / below
    back, back_lost = b.two_product(quotient, below)
    lost = ((above - back) - back_lost) + b.fma(quotient, -below_lost, above_lost)
    _, e, f = split(b, quotient)
    y = log_join(b, e, f, lost / above) * 0.5
    outside = b.select(size.equals(1.0), b.real_constant(math.inf), math.nan)
    return b.with_sign_of(b.select(size < 1.0, y, outside), x)


def _log_of_sum(b: Body, x: Value, term: float) -> Value:
    """log(x + sqrt(x^2 + term)) for x >= 0, which is log(2x) when x is large."""
    limit = 2.0 ** (b.format.mantissa_bits // 2 + 3)
    large = x > limit
    a = b.at_most(x, limit)
    square, square_lost = b.two_product(a, a)
    radicand, radicand_lost = b.two_sum(square, b.real_constant(term))
    root = b.sqrt(radicand)
    back, back_lost = b.two_product(root, root)
    root_lost = ((radicand - back) - back_lost) + (radicand_lost + square_lost)  # times 2*root
    total, total_lost = b.fast_two_sum(root, a) if term > 0.0 else b.fast_two_sum(a, root)
    lost = b.fma(total_lost + total_lost, root, root_lost) / ((root + root) * total)
    lost = b.select(large | root.equals(0.0), 0.0, lost)
    _, e, f = split(b, b.select(large, x, total))
    y = log_join(b, b.select(large, e + 1.0, e), f, lost)
    return b.select(x < math.inf, y, x)
