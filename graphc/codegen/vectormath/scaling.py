"""Integers and powers of two inside floats: rounding to an integer, forming 2^n."""

from __future__ import annotations

from .writing import Body, Value


def nearest(b: Body, x: Value, factor: float, offset: int) -> tuple[Value, Value]:
    """n = round(x*factor) as a float, and an integer whose low bits are n + offset.

    Adding 1.5*2^(p-1) makes the sum's last place 1, so that the addition rounds and the low bits of the
    sum are the integer in two's complement; no conversion, hence no value out of its range.
    """
    shift = x.format.round_shift + offset
    shifted = b.fma(x, factor, shift)
    return shifted - shift, b.to_bits(shifted)


def power_of_two(b: Body, biased: Value) -> Value:
    """2^n from an integer whose low bits are n + bias, for normal 2^n."""
    return b.from_bits(biased << biased.format.mantissa_bits)


def power_of_two_split(b: Body, biased: Value) -> tuple[Value, Value]:
    """Two factors of 2^n, where 2^n may be denormal: y*first*second rounds once.

    They are 2^max(n, smallest normal exponent) and the rest, which is 1 almost always.
    """
    t = biased.format
    exponent = biased << t.mantissa_bits
    normal = b.integer_max(exponent, 1 << t.mantissa_bits)
    return b.from_bits(normal), b.from_bits(exponent - normal + t.one_bits)
