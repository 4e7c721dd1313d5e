"""Reduction of any angle to its nearest multiple of pi, and to within a half or quarter turn of it.

    x = n*pi + r      for sin and cos, where cos takes n = ..., -1/2, 1/2, 3/2, ...
    x = n*pi/2 + r    for tan

Angles up to some thousands of turns go by Cody and Waite's subtraction of n times pi in pieces: three pieces of full
length where products are fused with the subtraction, else four so short that the products are exact. Beyond, all
of 2/pi is needed that meets the digits of x (Payne and Hanek, "Radian reduction for trigonometric functions", 1983):
lanes with such an angle are done one by one, in integers of 192 bits, by a function that is called if there are any.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .writing import Body, Value

_INVERSE_PI: Final = 0.3183098861837907

_PI: Final = {
    32: (3.1415925, 1.50995788e-07, 1.07806051e-14),
    64: (3.141592653589793, 1.224646799147353e-16, 2.1657133478438278e-32),
}
"""pi in pieces of full length, all positive so that -0.0 stays what it is."""

_PI_SHORT: Final = {
    32: (3.1415926534682512, 1.2154201013012384e-10),
    64: (3.1415926534682512, 1.2154201012607932e-10, 4.044532497422333e-21, 1.69568553207378e-31),
}
"""pi in pieces of 33 bits and a last one of full length, all float64."""

FARTHEST: Final = {(32, True): 2.0**17, (32, False): 2.0**17, (64, True): 2.0**40, (64, False): 2.0**20}
"""The largest angle reduced without a call, by bits and fma."""

FAR_ANGLE: Final = "far_angle"


def half_turns(b: Body, x: Value, *, between: bool = False) -> tuple[Value, Value]:
    """r and an integer whose lowest bit is that of n; `between`: n is a half-integer and the bit that of n + 1/2."""
    shift = b.format.round_shift
    if between:
        shifted = b.fma(x, _INVERSE_PI, 0.5) + shift
        n = (shifted - shift) - 0.5
    else:
        shifted = b.fma(x, _INVERSE_PI, shift)
        n = shifted - shift
    r, count = _subtract(b, x, n), b.to_bits(shifted)
    is_far = _is_far(b, x)

    def far() -> tuple[Value, Value]:
        high, low, far_count = _far(b, x, f"i64 {int(between)}, i64 127")
        far_r = high + low if b.bits == 64 else b.narrow(high + low)
        return b.select(is_far, far_r, r), b.select(is_far, far_count, count)

    r, count = b.if_any(is_far, (r, count), far)
    return r, count


def quarter_turns(b: Body, x: Value) -> tuple[Value, Value, Value]:
    """r and how much it is too large by, and an integer whose lowest bit is that of n."""
    shift = b.format.round_shift
    shifted = b.fma(x, 2 * _INVERSE_PI, shift)
    near = (*_subtract_in_two(b, x, (shifted - shift) * 0.5), b.to_bits(shifted))
    is_far = _is_far(b, x)

    def far() -> list[Value]:
        high, low, count = _far(b, x, "i64 0, i64 126")
        parts = (high, -low) if b.bits == 64 else _narrow(b, high + low)
        return [b.select(is_far, *pair) for pair in zip((*parts, count), near, strict=True)]

    r, excess, count = b.if_any(is_far, near, far)
    return r, excess, count


def _is_far(b: Body, x: Value) -> Value:
    return b.magnitude(x) > FARTHEST[b.bits, b.has_fma]


def _subtract(b: Body, x: Value, n: Value) -> Value:
    """x - n*pi."""
    if b.has_fma:
        for piece in b.pick(_PI):
            x = b.fma(n, -piece, x)
        return x
    if b.bits == 64:
        return _subtract_exactly(x, n, b.pick(_PI_SHORT))
    # Two pieces in float64 do more than five in float32 could, in as many operations.
    return b.narrow(_subtract_exactly(b.widen(x), b.widen(n), b.pick(_PI_SHORT)))


def _subtract_in_two(b: Body, x: Value, n: Value) -> tuple[Value, Value]:
    """x - n*pi and how much that is too large by."""
    if not b.has_fma and b.bits == 32:
        return _narrow(b, _subtract_exactly(b.widen(x), b.widen(n), b.pick(_PI_SHORT)))
    first, second, *rest = b.pick(_PI if b.has_fma else _PI_SHORT)
    before = b.fma(n, -first, x)
    product = n * second
    r = before - product
    excess = (r - before) + product
    if b.has_fma:
        excess = excess + b.fma(n, second, -product)
    for piece in rest:
        excess = b.fma(n, piece, excess)
    if b.has_fma:
        return r, excess
    nearer = r - excess  # for the third short piece still counts in r
    return nearer, (nearer - r) + excess


def _subtract_exactly(x: Value, n: Value, pieces: Sequence[float]) -> Value:
    """x minus n times each piece in turn, where the products are exact."""
    for piece in pieces:
        x = x - n * piece
    return x


def _narrow(b: Body, wide: Value) -> tuple[Value, Value]:
    """A float64 as a float32 and how much that is too large by."""
    rounded = b.narrow(wide)
    return rounded, b.narrow(b.widen(rounded) - wide)


def _far(b: Body, x: Value, mode: str) -> tuple[Value, Value, Value]:
    """r in two parts of float64 and the integer with the count's lowest bit, by integers."""
    angles, highs, lows, counts = (b.slot(element) for element in ("double", "double", "double", "i64"))
    b.store(b.widen(x), angles)
    b.call(FAR_ANGLE, f"ptr {angles}, ptr {highs}, ptr {lows}, ptr {counts}, i64 {b.lanes}, {mode}")
    count = b.load("i64", counts)
    return b.load("double", highs), b.load("double", lows), count if b.bits == 64 else b.narrow(count)


_TWO_OVER_PI: Final = (
    "A2F9836E4E441529FC2757D1F534DDC0DB6295993C439041FE5163ABDEBBC561B7246E3A4"
    "24DD2E006492EEA09D1921CFE1DEB1CB129A73EE88235F52EBB4484E99C7026B45F7E4139"
    "91D639835339F49C845F8BBDF9283B1FF897FFDE05980FEF2F118B5A0A6D1F6D367ECF27C"
    "B09B74F463F669E5FEA2D7527BAC7EBE5F17B3D0739F78A5292EA6BFB5FB11F8D5D085603"
)
"""1168 binary digits of 2/pi behind the point, in hexadecimal."""

_HALF_PI: Final = 0xC90FDAA22168C235
"""pi/2 in units of 2^-63."""

FAR_ANGLE_TEXT: Final = f"""
@gc.two_over_pi = private unnamed_addr constant i1280 {int(_TWO_OVER_PI, 16)}
declare i128 @llvm.ctlz.i128(i128, i1 immarg)

; For each lane: n and r in two parts as above, r being NaN for |x| < 2^16 and for infinities. `step` is 127 to count
; half turns and 126 to count quarters: the angle is a fixed-point number of quarter turns with 126 binary digits
; behind the point, modulo 4.
define internal void @gc.{FAR_ANGLE}(ptr %angles, ptr %highs, ptr %lows, ptr %counts, i64 %lanes,
                                     i64 %half, i64 %step) cold noinline nounwind {{
entry:
  %w.half = zext i64 %half to i128
  %turned = shl i128 %w.half, 126
  %w.step = zext i64 %step to i128
  %unit = shl i128 1, %w.step
  %middle = lshr i128 %unit, 1
  br label %head
head:
  %lane = phi i64 [ 0, %entry ], [ %next, %tail ]
  %at.x = getelementptr double, ptr %angles, i64 %lane
  %bits = load i64, ptr %at.x
  %unsigned = and i64 %bits, 9223372036854775807
  %biased = lshr i64 %unsigned, 52
  %excess = sub i64 %biased, 1039
  %wanted = icmp ult i64 %excess, 1008
  br i1 %wanted, label %reduce, label %tail
reduce:
  ; x = m*2^e; digits e - 1 to e + 190 of 2/pi are those that count modulo 4
  %fraction = and i64 %bits, 4503599627370495
  %m = or i64 %fraction, 4503599627370496
  %below = sub i64 2053, %biased
  %byte = lshr i64 %below, 3
  %rest = and i64 %below, 7
  %at.digits = getelementptr i8, ptr @gc.two_over_pi, i64 %byte
  %digits = load i256, ptr %at.digits, align 1
  %w.rest = zext i64 %rest to i256
  %shifted = lshr i256 %digits, %w.rest
  %window = trunc i256 %shifted to i192
  %w.m = zext i64 %m to i192
  %product = mul i192 %window, %w.m
  %top = lshr i192 %product, 64
  %quarters = trunc i192 %top to i128
  %negative = icmp slt i64 %bits, 0
  %mirrored = sub i128 0, %quarters
  %signed = select i1 %negative, i128 %mirrored, i128 %quarters
  %angle = add i128 %signed, %turned
  ; the nearest multiple of the unit, and what is left of the angle
  %raised = add i128 %angle, %middle
  %n = lshr i128 %raised, %w.step
  %whole = shl i128 %n, %w.step
  %left = sub i128 %angle, %whole
  %back = icmp slt i128 %left, 0
  %opposite = sub i128 0, %left
  %length = select i1 %back, i128 %opposite, i128 %left
  ; times pi/2, as a float
  %zeros = call i128 @llvm.ctlz.i128(i128 %length, i1 false)
  %normal = shl i128 %length, %zeros
  %w.upper = lshr i128 %normal, 64
  %long = mul i128 %w.upper, {_HALF_PI}
  %w.radians = lshr i128 %long, 64
  %radians = trunc i128 %w.radians to i64
  %upper = and i64 %radians, -2048
  %lower = and i64 %radians, 2047
  %real = uitofp i64 %upper to double
  %real.low = uitofp i64 %lower to double
  %n.zeros = trunc i128 %zeros to i64
  %exponent = sub i64 962, %n.zeros
  %power.bits = shl i64 %exponent, 52
  %power = bitcast i64 %power.bits to double
  %minus = fneg double %power
  %scale = select i1 %back, double %minus, double %power
  %r.high = fmul double %real, %scale
  %r.low = fmul double %real.low, %scale
  %n.count = trunc i128 %n to i64
  br label %tail
tail:
  %count = phi i64 [ 0, %head ], [ %n.count, %reduce ]
  %high = phi double [ 0x7FF8000000000000, %head ], [ %r.high, %reduce ]
  %low = phi double [ 0.0, %head ], [ %r.low, %reduce ]
  %at.count = getelementptr i64, ptr %counts, i64 %lane
  %at.high = getelementptr double, ptr %highs, i64 %lane
  %at.low = getelementptr double, ptr %lows, i64 %lane
  store i64 %count, ptr %at.count
  store double %high, ptr %at.high
  store double %low, ptr %at.low
  %next = add i64 %lane, 1
  %more = icmp ult i64 %next, %lanes
  br i1 %more, label %head, label %done
done:
  ret void
}}
"""
