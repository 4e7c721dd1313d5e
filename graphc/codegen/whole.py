"""Whole numbers, powers, remainders, bits and neighbouring floats in LLVM IR: rows of the table in `scalars`.

Hardware traps on division by zero and on the smallest integer by -1, in lanes nobody looks at as well, and a shift by
the width or more is poison. So the divisor and the count are replaced before, and the result is chosen after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..ir.dtype import DType, bool_, int32, int64

if TYPE_CHECKING:
    from .emit import FunctionEmitter


class Writer:
    """Writes instructions whose operands are values of one dtype."""

    def __init__(self, e: FunctionEmitter, dtype: DType, lanes: int) -> None:
        self.e, self.dtype, self.lanes = e, dtype, lanes
        self.type = e.type(dtype, lanes)

    def __call__(self, instruction: str, *operands: str) -> str:
        return self.e.line(f"{instruction} {self.type} {', '.join(operands)}")

    def number(self, value: float) -> str:
        return self.e.constant(value, self.dtype, self.lanes)

    def select(self, condition: str, x: str, y: str) -> str:
        mask = self.e.type(bool_, self.lanes)
        return self.e.line(f"select {mask} {condition}, {self.type} {x}, {self.type} {y}")

    def intrinsic(self, name: str, *operands: str) -> str:
        return self.e.intrinsic(name, self.dtype, self.lanes, list(operands))

    def cast(self, x: str, to: Writer) -> str:
        """The same bits."""
        return self.e.line(f"bitcast {self.type} {x} to {to.type}")

    def of(self, dtype: DType) -> Writer:
        """Writes on as many values of another dtype."""
        return Writer(self.e, dtype, self.lanes)

    def is_negative(self, x: str) -> str:
        return self("fcmp olt" if self.dtype.is_float else "icmp slt", x, self.number(0))


def _quotient_is_above(w: Writer, rest: str, divisor: str) -> str:
    """Whether rounding toward 0 rounded the quotient up: the remainder is not 0 and not of the divisor's sign."""
    mask = w.of(bool_)
    moved = w("fcmp une" if w.dtype.is_float else "icmp ne", rest, w.number(0))
    return mask("and", moved, mask("xor", w.is_negative(rest), w.is_negative(divisor)))


# Integers ------------------------------------------------------------------------------------------------------


def _divided(w: Writer, x: str, y: str) -> tuple[str, str]:
    """⌊x/y⌋ and the remainder of integers; both 0 where y is 0, and -x wrapped where it is -1."""
    zero, one = w.number(0), w.number(1)
    by_zero = w("icmp eq", y, zero)
    divisor = w.select(by_zero, one, y)
    if w.dtype.kind == "uint":
        quotient = w("udiv", x, divisor)
        rest = w("sub", x, w("mul", quotient, divisor))
    else:
        by_minus_one = w("icmp eq", y, w.number(-1))
        divisor = w.select(by_minus_one, one, divisor)
        quotient = w("sdiv", x, divisor)
        rest = w("sub", x, w("mul", quotient, divisor))
        above = _quotient_is_above(w, rest, divisor)
        quotient = w.select(above, w("sub", quotient, one), quotient)
        rest = w.select(above, w("add", rest, divisor), rest)
        quotient = w.select(by_minus_one, w("sub", zero, x), quotient)
    return w.select(by_zero, zero, quotient), w.select(by_zero, zero, rest)


_POWER = """define internal TYPE @NAME(TYPE %x, TYPE %y) alwaysinline nounwind {
entry:
  br label %test
test:
  %r = phi TYPE [ ONE, %entry ], [ %longer, %step ]
  %factor = phi TYPE [ %x, %entry ], [ %squared, %step ]
  %left = phi TYPE [ %y, %entry ], [ %halved, %step ]
  %more = icmp ne TYPE %left, ZERO
  %any = ANY
  br i1 %any, label %step, label %done
step:
  %bit = and TYPE %left, ONE
  %odd = icmp ne TYPE %bit, ZERO
  %product = mul TYPE %r, %factor
  %longer = select MASK %odd, TYPE %product, TYPE %r
  %squared = mul TYPE %factor, %factor
  %halved = lshr TYPE %left, ONE
  br label %test
done:
  ret TYPE %r
}
"""
"""By squaring, for as many bits as the largest exponent among the lanes has."""


def power(e: FunctionEmitter, args: list[str], dtype: DType, out: DType, lanes: int) -> str:
    """x to the power y. Of an integer to a negative power the whole part: 0, or 1 or -1 where x is one of them."""
    if dtype.is_float:
        return e.elementary("pow", dtype, lanes, args)
    w, (x, y) = Writer(e, dtype, lanes), args
    if dtype.kind == "int":
        one, is_inverse = w.number(1), w.is_negative(y)
        size_one = w.of(bool_)("or", w("icmp eq", x, one), w("icmp eq", x, w.number(-1)))
        small = w.select(size_one, x, w.number(0))
        like_y = w("add", w("and", y, one), w.number(2))  # an exponent > 0 that is odd where y is
        x, y = w.select(is_inverse, small, x), w.select(is_inverse, like_y, y)
    name = f"gc.pow.i{dtype.bits}x{lanes}"
    text = _POWER.replace("ZERO", w.number(0)).replace("ONE", w.number(1))
    e.module.helpers[name] = _for_lanes(w, text, name, "%more")
    return w.e.line(f"call {w.type} @{name}({w.type} {x}, {w.type} {y})")


def _for_lanes(w: Writer, text: str, name: str, condition: str) -> str:
    """The text of a helper that goes on while a condition holds in any lane."""
    mask = w.of(bool_).type
    test = f"or i1 {condition}, {condition}"
    if w.lanes > 1:
        reduction = f"@llvm.vector.reduce.or.v{w.lanes}i1"
        w.e.module.declarations[f"declare i1 {reduction}({mask})"] = None
        test = f"call i1 {reduction}({mask} {condition})"
    for word, meaning in (("ANY", test), ("TYPE", w.type), ("NAME", name), ("MASK", mask)):
        text = text.replace(word, meaning)
    return text


# Floats --------------------------------------------------------------------------------------------------------

_REDUCE = """define internal TYPE @NAME.reduce(TYPE %x, TYPE %d) alwaysinline nounwind {
entry:
  br label %test
test:
  %r = phi TYPE [ %x, %entry ], [ %less, %step ]
  %size = call TYPE @llvm.fabs.SUFFIX(TYPE %r)
  %large = fcmp oge TYPE %size, %d
  %any = ANY
  br i1 %any, label %step, label %done
step:
  %ratio = fdiv TYPE %r, %d
  %times = call TYPE @llvm.trunc.SUFFIX(TYPE %ratio)
  %minus = fneg TYPE %times
  %rest = call TYPE @llvm.fma.SUFFIX(TYPE %minus, TYPE %d, TYPE %r)
  %less = select MASK %large, TYPE %rest, TYPE %r
  br label %test
done:
  ret TYPE %r
}
"""
"""x less a multiple of d that leaves less than d, in a few steps of the digits a quotient has. Every step is exact: the
multiple and x agree in their leading digits, so that a fused multiply-add has nothing to round. The sign may turn."""

_SCALES = {32: 2.0**75, 64: 2.0**537}
"""Twice this takes the smallest float to 1 or more. A number is reduced by such a multiple first, so that no ratio
overflows."""


def _reduced(w: Writer, x: str, d: str) -> str:
    name = f"gc.fmod.f{w.dtype.bits}x{w.lanes}"
    suffix = w.e.suffix(w.dtype, w.lanes)
    declarations = w.e.module.declarations
    for intrinsic, arity in (("fabs", 1), ("trunc", 1), ("fma", 3)):
        declarations[f"declare {w.type} @llvm.{intrinsic}.{suffix}({', '.join([w.type] * arity)})"] = None
    w.e.module.helpers[name] = _for_lanes(w, _REDUCE.replace("SUFFIX", suffix), name, "%large")
    return w.e.line(f"call {w.type} @{name}.reduce({w.type} {x}, {w.type} {d})")


def _toward_zero(w: Writer, x: str, y: str) -> str:
    """The exact remainder x - y·trunc(x/y), which C calls fmod. Without fused multiply-add, the C library's."""
    if not w.e.module.has_fma:
        return w("frem", x, y)
    divisor = w.intrinsic("fabs", y)
    multiples = [divisor]
    for _ in range(2):
        below_one = w("fcmp olt", multiples[-1], w.number(1))
        larger = w("fmul", multiples[-1], w.number(_SCALES[w.dtype.bits]))
        multiples.append(w.select(below_one, larger, multiples[-1]))
    rest = x
    for multiple in reversed(multiples):
        rest = _reduced(w, rest, multiple)
    turned = _quotient_is_above(w, rest, x)
    rest = w.select(turned, w("fadd", rest, w.intrinsic("copysign", divisor, x)), rest)
    return w.select(w("fcmp uno", x, y), w("fadd", x, y), rest)


def _float_remainder(w: Writer, x: str, y: str) -> str:
    """The exact remainder, of y's sign: where that of the division toward 0 is of the other, y more."""
    toward_zero = _toward_zero(w, x, y)
    rest = w.select(_quotient_is_above(w, toward_zero, y), w("fadd", toward_zero, y), toward_zero)
    signed_zero = w.intrinsic("copysign", w.number(0), y)
    return w.select(w("fcmp oeq", rest, w.number(0)), signed_zero, rest)


def _float_floor_divide(w: Writer, x: str, y: str) -> str:
    """(x - remainder)/y, which is whole but for rounding, made whole; x/y where y is 0."""
    zero, one = w.number(0), w.number(1)
    toward_zero = _toward_zero(w, x, y)
    quotient = w("fdiv", w("fsub", x, toward_zero), y)
    quotient = w.select(_quotient_is_above(w, toward_zero, y), w("fsub", quotient, one), quotient)
    down = w.intrinsic("floor", quotient)
    is_nearer_up = w("fcmp ogt", w("fsub", quotient, down), w.number(0.5))
    nearest = w.select(is_nearer_up, w("fadd", down, one), down)
    exact = w("fdiv", x, y)
    signed_zero = w.intrinsic("copysign", zero, exact)
    whole = w.select(w("fcmp oeq", quotient, zero), signed_zero, nearest)
    return w.select(w("fcmp oeq", y, zero), exact, whole)


def remainder(e: FunctionEmitter, args: list[str], dtype: DType, out: DType, lanes: int) -> str:
    """x - y ⌊x/y⌋."""
    w = Writer(e, dtype, lanes)
    return _float_remainder(w, *args) if dtype.is_float else _divided(w, *args)[1]


def floor_divide(e: FunctionEmitter, args: list[str], dtype: DType, out: DType, lanes: int) -> str:
    """⌊x/y⌋."""
    w = Writer(e, dtype, lanes)
    return _float_floor_divide(w, *args) if dtype.is_float else _divided(w, *args)[0]


# Bits ----------------------------------------------------------------------------------------------------------


def _of_bits(w: Writer) -> Writer:
    """Writes on the integers in whose bits floats are stored."""
    return w.of(int64 if w.dtype.bits == 64 else int32)


def sign_bit(e: FunctionEmitter, args: list[str], dtype: DType, out: DType, lanes: int) -> str:
    """Whether the sign bit of a float is set."""
    w = Writer(e, dtype, lanes)
    bits = _of_bits(w)
    return bits.is_negative(w.cast(args[0], bits))


def next_after(e: FunctionEmitter, args: list[str], dtype: DType, out: DType, lanes: int) -> str:
    """The float next to x on the way to y. The bits, taken as an integer, grow by one with each float away from 0."""
    x, y = args
    w = Writer(e, dtype, lanes)
    bits, zero = _of_bits(w), w.number(0)
    at, one = w.cast(x, bits), bits.number(1)
    is_inward = w.of(bool_)("xor", w("fcmp ogt", y, x), w("fcmp ogt", x, zero))
    moved = bits.cast(bits.select(is_inward, bits("sub", at, one), bits("add", at, one)), w)
    smallest = w.intrinsic("copysign", bits.cast(one, w), y)
    moved = w.select(w("fcmp oeq", x, zero), smallest, moved)
    moved = w.select(w("fcmp oeq", x, y), y, moved)
    return w.select(w("fcmp uno", x, y), w("fadd", x, y), moved)


def invert(e: FunctionEmitter, args: list[str], dtype: DType, out: DType, lanes: int) -> str:
    """Every bit turned."""
    w = Writer(e, dtype, lanes)
    return w("xor", args[0], w.number(-1))


def left_shift(e: FunctionEmitter, args: list[str], dtype: DType, out: DType, lanes: int) -> str:
    """x·2^y; 0 for counts the hardware does not have, negative ones being huge."""
    w = Writer(e, dtype, lanes)
    fits, count = _count(w, args[1])
    return w.select(fits, w("shl", args[0], count), w.number(0))


def right_shift(e: FunctionEmitter, args: list[str], dtype: DType, out: DType, lanes: int) -> str:
    """⌊x/2^y⌋; 0 or -1 for counts the hardware does not have."""
    w = Writer(e, dtype, lanes)
    fits, count = _count(w, args[1])
    if dtype.kind == "int":
        return w("ashr", args[0], count)
    return w.select(fits, w("lshr", args[0], count), w.number(0))


def _count(w: Writer, y: str) -> tuple[str, str]:
    """Whether the hardware has that count, and the largest one where it has not."""
    fits = w("icmp ult", y, w.number(w.dtype.bits))
    return fits, w.select(fits, y, w.number(w.dtype.bits - 1))
