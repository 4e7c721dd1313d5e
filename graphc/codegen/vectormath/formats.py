"""What the functions need to know of float32 and float64: constants of the formats, and bounds of arguments.

Coefficients stand with the functions that use them. They are of weighted minimax polynomials found with Remez's
exchange algorithm in 50 digits (Remez 1934; Muller, "Elementary Functions", 3rd ed., ch. 3), rounded one after the
other from the lowest power, the others fitted again after each rounding (ch. 4); where the interval goes through 0, by
least squares at Chebyshev's points, which is close to that. The comments give what is approximated, where, and log2 of
the largest relative error of the approximation alone.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Format(NamedTuple):
    """What the functions need to know of one float format."""

    mantissa_bits: int
    bias: int
    one_bits: int
    sqrt_half_bits: int
    round_shift: float  # 1.5 * 2^mantissa_bits: adding it rounds to an integer
    round_shift_bits: int
    smallest_normal: float
    epsilon: float  # half a unit in the last place of 1
    inverse_ln2: float
    ln2_high: float  # so short that its product with any exponent is exact
    ln2_low: float
    exp_lowest: float  # exp is 0 from here down
    exp_highest: float  # exp is inf from here up
    expm1_lowest: float  # expm1 is -1 from here down
    sigmoid_highest: float  # sigmoid is 1 from here up
    sigmoid_scale: int  # half the exponent of 1/(smallest denormal), about
    tanh_split: float  # tanh goes by its near form below
    tanh_highest: float  # tanh of half of this is 1
    erf_split: float  # erf goes by its near form below
    erf_highest: float  # erf is 1 from here up


_FLOAT32: Final = Format(
    mantissa_bits=23,
    bias=127,
    one_bits=0x3F800000,
    sqrt_half_bits=0x3F3504F3,
    round_shift=1.5 * 2.0**23,
    round_shift_bits=0x4B400000,
    smallest_normal=2.0**-126,
    epsilon=2.0**-24,
    inverse_ln2=1.4426950408889634,
    ln2_high=0.693145751953125,  # 15 bits
    ln2_low=1.428606765330187e-06,
    exp_lowest=-104.0,
    exp_highest=89.0,
    expm1_lowest=-18.0,
    sigmoid_highest=18.0,
    sigmoid_scale=64,
    tanh_split=0.5625,
    tanh_highest=18.5,
    erf_split=0.9375,
    erf_highest=4.0,
)

_FLOAT64: Final = Format(
    mantissa_bits=52,
    bias=1023,
    one_bits=0x3FF0000000000000,
    sqrt_half_bits=0x3FE6A09E667F3BCD,
    round_shift=1.5 * 2.0**52,
    round_shift_bits=0x4338000000000000,
    smallest_normal=2.0**-1022,
    epsilon=2.0**-53,
    inverse_ln2=1.4426950408889634,
    ln2_high=0.6931471805601177,  # 41 bits
    ln2_low=-1.7239444525614835e-13,
    exp_lowest=-746.0,
    exp_highest=710.0,
    expm1_lowest=-38.0,
    sigmoid_highest=38.0,
    sigmoid_scale=512,
    tanh_split=0.5625,
    tanh_highest=38.5,
    erf_split=1.0,
    erf_highest=6.0,
)

FORMATS: Final[dict[int, Format]] = {32: _FLOAT32, 64: _FLOAT64}
"""The constants by the width of the format in bits."""
