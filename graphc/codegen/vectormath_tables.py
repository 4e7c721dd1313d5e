"""Constants of `vectormath`: formats, reductions and minimax coefficients for float32 and float64.

The coefficients are of weighted minimax polynomials found with Remez's exchange algorithm in 50 digits
(Remez 1934; Muller, "Elementary Functions", 3rd ed., ch. 3), rounded one after the other from the lowest
power, the others fitted again after each rounding (ch. 4). The comments give what is approximated, where,
and log2 of the largest relative error of the approximation alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Table:
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
    twice_exp: tuple[float, ...]
    expm1: tuple[float, ...]
    log: tuple[float, ...]
    log_of_unit: tuple[float, ...]
    tanh_near: tuple[float, ...]
    exp2: tuple[float, ...]
    erf_near: tuple[float, ...]
    log2_erfc: tuple[float, ...]


_FLOAT32: Final = Table(
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
    # 2 exp(r) on |r| <= log(2)/2: -28.2
    twice_exp=(2.0, 2.0, 0.999999881, 0.333330423, 0.083336547, 0.0167373661, 0.0027640108),
    # (exp(r) - 1 - r)/r^2 on the same: -26.1
    expm1=(0.49999997, 0.166665465, 0.0416674353, 0.00836626161, 0.00138706574),
    # (log(1 + f) - f)/f^2 on sqrt(1/2) <= 1 + f <= sqrt(2): -27.3
    log=(
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
    # (log(1 + z) - z)/z^2 on 0 <= z <= 1: -27.4
    log_of_unit=(
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
    # (tanh(sqrt(y))/sqrt(y) - 1)/y on 0 <= y <= 0.5625^2: -29.4
    tanh_near=(-0.333333135, 0.13332437, -0.0538357981, 0.0210007187, -0.00617030077),
    # 2^r on |r| <= 1/2: -23.0
    exp2=(1.00000012, 0.693147242, 0.240219116, 0.0555008352, 0.00968555175, 0.00135214813),
    # erf(sqrt(y))/sqrt(y) - 1 on 0 <= y <= 1: -29.4
    erf_near=(
        0.128379166,
        -0.37612626,
        0.112835787,
        -0.0268533472,
        0.0051871622,
        -0.00079978531,
        7.80690316e-05,
    ),
    # log2(erfc(x)) on 0.9375 <= x <= 4, weighted for erf: -29.4
    log2_erfc=(
        -0.000322488602,
        -1.62672687,
        -0.919536412,
        -0.149699852,
        0.0319506414,
        -0.00436144415,
        0.000279733009,
    ),
)

_FLOAT64: Final = Table(
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
    # 2 exp(r) on |r| <= log(2)/2: -57.9
    twice_exp=(
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
    # (exp(r) - 1 - r)/r^2 on the same: -61.6
    expm1=(
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
    # (2 artanh(s)/s - 2)/s^2 in s^2 for s = f/(2 + f), f as above: -59.5
    log=(
        0.6666666666666734,
        0.39999999999416636,
        0.28571428742058985,
        0.2222219859843333,
        0.18183563369182695,
        0.1531406744730157,
        0.1479584581283424,
    ),
    # the same on 0 <= f <= 1: -57.7
    log_of_unit=(
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
    # (tanh(sqrt(y))/sqrt(y) - 1)/y on 0 <= y <= 0.5625^2: -59.4
    tanh_near=(
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
    # 2^r on |r| <= 1/2: -56.7
    exp2=(
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
    # erf(sqrt(y))/sqrt(y) - 1 on 0 <= y <= 1: -56.3
    erf_near=(
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
    # log2(erfc(x)) on 1 <= x <= 6, weighted for erf: -55.7
    log2_erfc=(
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
)

TABLES: Final[dict[int, Table]] = {32: _FLOAT32, 64: _FLOAT64}
"""The constants by the width of the format in bits."""
