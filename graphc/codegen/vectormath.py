"""Elementary functions as straight-line LLVM IR: exp, expm1, log, log1p, tanh, erf, sigmoid and softplus.

Each is one function of one vector (or scalar) without branches, tables in memory or calls, to be inlined
into the loop that uses it. `definition("exp", 32, 16, fma=True)` begins

    define internal <16 x float> @gc.exp.f32x16(<16 x float> %x) alwaysinline nounwind {
      %v0 = fcmp olt <16 x float> %x, splat (float 0xC05A000000000000)
      %v1 = select <16 x i1> %v0, <16 x float> splat (float 0xC05A000000000000), <16 x float> %x
      ...

float32 is computed in float32. The results are NumPy's for NaN, infinities and signed zeros; denormals are
kept on both sides; nothing overflows on the way. All lanes do the same operations, so that scalars and
vectors of any length round alike, and so do all processors given the same `fma`.

Methods: reduction of the argument in two steps by a constant with trailing zero bits (Cody and Waite,
"Software Manual for the Elementary Functions", 1980); what a sum lost in rounding by the fast two-sum
(Dekker, "A floating-point technique for extending the available precision", 1971); log(1 + f) as
2 artanh(f/(2 + f)) and the rest (Muller, "Elementary Functions", 3rd ed.); minimax polynomials, see
`vectormath_tables`.

The largest errors seen, in units in the last place of the exact result:

                 float32          float64
              fma   no fma     fma   no fma
    exp       0.89    1.17     0.84    1.13
    expm1     1.24    1.25     1.18    1.13
    log       1.52    1.52     0.76    0.76
    log1p     1.63    1.65     1.15    1.15
    tanh      1.50    1.45     1.46    1.42
    erf       1.52    1.62     1.09    1.13
    sigmoid   1.72    1.75     1.49    1.49
    softplus  1.68    1.99     1.51    1.64

float32 was measured against float64 on every seventh bit pattern (softplus on every one between 2^-9 and 1),
float64 against mpmath on some 120,000 numbers each, so that its worst cases may be a little worse.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final

from graphc.codegen.vectormath_tables import TABLES, Table

_LONGEST_CHAIN: Final = 10


# ---------------------------------------------------------------------------------------------------------
# Writing IR


class _Value:
    """An SSA value or a constant: its text and its element type, with the arithmetic IR has for it.

    Operators take Python numbers for constants. Comparisons are ordered (false for NaN) and give masks.
    """

    __slots__ = ("body", "element", "text")

    def __init__(self, body: _Body, element: str, text: str) -> None:
        self.body = body
        self.element = element
        self.text = text

    def _binary(self, float_opcode: str, integer_opcode: str, other: _Value | float) -> _Value:
        opcode = integer_opcode if self.element.startswith("i") else float_opcode
        right = self.body.constant(self.element, other)
        kind = self.body.type_of(self.element)
        return self.body.emit(self.element, f"{opcode} {kind} {self.text}, {right.text}")

    def _compare(self, predicate: str, other: _Value | float) -> _Value:
        right = self.body.constant(self.element, other)
        kind = self.body.type_of(self.element)
        return self.body.emit("i1", f"fcmp {predicate} {kind} {self.text}, {right.text}")

    def __add__(self, other: _Value | float) -> _Value:
        return self._binary("fadd", "add", other)

    def __sub__(self, other: _Value | float) -> _Value:
        return self._binary("fsub", "sub", other)

    def __rsub__(self, other: float) -> _Value:
        return self.body.constant(self.element, other) - self

    def __mul__(self, other: _Value | float) -> _Value:
        return self._binary("fmul", "mul", other)

    def __truediv__(self, other: _Value | float) -> _Value:
        return self._binary("fdiv", "", other)

    def __rtruediv__(self, other: float) -> _Value:
        return self.body.constant(self.element, other) / self

    def __neg__(self) -> _Value:
        return self.body.emit(self.element, f"fneg {self.body.type_of(self.element)} {self.text}")

    def __and__(self, other: int) -> _Value:
        return self._binary("", "and", other)

    def __lshift__(self, other: int) -> _Value:
        return self._binary("", "shl", other)

    def __rshift__(self, other: int) -> _Value:
        return self._binary("", "ashr", other)

    def __lt__(self, other: _Value | float) -> _Value:
        return self._compare("olt", other)

    def __gt__(self, other: _Value | float) -> _Value:
        return self._compare("ogt", other)

    def equals(self, other: _Value | float) -> _Value:
        return self._compare("oeq", other)


class _Body:
    """The body of one function under construction: instructions and the intrinsics they call."""

    def __init__(self, bits: int, lanes: int, *, fma: bool) -> None:
        self.lanes = lanes
        self.has_fma = fma
        self.table: Table = TABLES[bits]
        self.real = "float" if bits == 32 else "double"
        self.integer = f"i{bits}"
        self.lines: list[str] = []
        self.intrinsics: dict[str, None] = {}
        self.argument = _Value(self, self.real, "%x")

    def type_of(self, element: str) -> str:
        return element if self.lanes == 1 else f"<{self.lanes} x {element}>"

    def emit(self, element: str, instruction: str) -> _Value:
        name = f"%v{len(self.lines)}"
        self.lines.append(f"{name} = {instruction}")
        return _Value(self, element, name)

    def constant(self, element: str, value: _Value | float) -> _Value:
        if isinstance(value, _Value):
            return value
        text = str(value) if element.startswith("i") else _float_text(value, element)
        if self.lanes > 1:
            text = f"splat ({element} {text})"
        return _Value(self, element, text)

    def _intrinsic(self, name: str, *operands: _Value) -> _Value:
        element = operands[0].element
        kind = self.type_of(element)
        short = {"float": "f32", "double": "f64"}.get(element, element)
        suffix = short if self.lanes == 1 else f"v{self.lanes}{short}"
        symbol_name = f"@llvm.{name}.{suffix}"
        self.intrinsics[f"declare {kind} {symbol_name}({', '.join([kind] * len(operands))})"] = None
        arguments = ", ".join(f"{kind} {operand.text}" for operand in operands)
        return self.emit(element, f"call {kind} {symbol_name}({arguments})")

    def fma(self, a: _Value, b: _Value | float, c: _Value | float) -> _Value:
        """a*b + c, with one rounding if the target fuses and with two if it does not."""
        right, addend = self.constant(a.element, b), self.constant(a.element, c)
        return self._intrinsic("fma", a, right, addend) if self.has_fma else a * right + addend

    def magnitude(self, x: _Value) -> _Value:
        return self._intrinsic("fabs", x)

    def with_sign_of(self, magnitude: _Value, sign: _Value) -> _Value:
        return self._intrinsic("copysign", magnitude, sign)

    def integer_max(self, a: _Value, b: int) -> _Value:
        return self._intrinsic("smax", a, self.constant(a.element, b))

    def integer_min(self, a: _Value, b: int) -> _Value:
        return self._intrinsic("smin", a, self.constant(a.element, b))

    def select(self, condition: _Value, yes: _Value | float, no: _Value | float) -> _Value:
        kind = self.type_of(self.real)
        left, right = self.constant(self.real, yes), self.constant(self.real, no)
        mask = f"{self.type_of('i1')} {condition.text}"
        return self.emit(self.real, f"select {mask}, {kind} {left.text}, {kind} {right.text}")

    def at_least(self, x: _Value, bound: float) -> _Value:
        """max(x, bound), NaN staying NaN."""
        return self.select(x < bound, bound, x)

    def at_most(self, x: _Value, bound: float) -> _Value:
        """min(x, bound), NaN staying NaN."""
        return self.select(x > bound, bound, x)

    def to_bits(self, x: _Value) -> _Value:
        kind, target = self.type_of(self.real), self.type_of(self.integer)
        return self.emit(self.integer, f"bitcast {kind} {x.text} to {target}")

    def from_bits(self, x: _Value) -> _Value:
        kind, target = self.type_of(self.integer), self.type_of(self.real)
        return self.emit(self.real, f"bitcast {kind} {x.text} to {target}")

    def to_real(self, x: _Value) -> _Value:
        """A small integer as a float. Below AVX-512 no instruction converts 64 bits: add 1.5*2^52 instead."""
        if self.integer == "i64":
            return self.from_bits(x + self.table.round_shift_bits) - self.table.round_shift
        return self.emit(self.real, f"sitofp {self.type_of('i32')} {x.text} to {self.type_of(self.real)}")

    def polynomial(self, x: _Value, coefficients: Sequence[float]) -> _Value:
        """c0 + c1 x + c2 x^2 + ... by Horner's rule.

        The far terms of a long one, whose roundings hardly count, go by even and odd parts: two chains
        that overlap.
        """
        if len(coefficients) > _LONGEST_CHAIN:
            square = x * x
            far = coefficients[2:]
            odd = self.polynomial(square, far[1::2])
            total = self.fma(x, odd, self.polynomial(square, far[0::2]))
            coefficients = coefficients[:2]
        else:
            total = self.constant(self.real, coefficients[-1])
            coefficients = coefficients[:-1]
        for coefficient in reversed(coefficients):
            total = self.fma(x, total, coefficient)
        return total


def _float_text(value: float, element: str) -> str:
    """A constant as IR writes it: the bits of a double, which a float constant has to fit exactly."""
    if element == "float":
        value = struct.unpack("<f", struct.pack("<f", value))[0]
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


# ---------------------------------------------------------------------------------------------------------
# Powers of two


def _nearest(b: _Body, x: _Value, factor: float, offset: int) -> tuple[_Value, _Value]:
    """n = round(x*factor) as a float, and an integer whose low bits are n + offset.

    Adding 1.5*2^(p-1) makes the sum's last place 1, so that the addition rounds and the low bits of the
    sum are the integer in two's complement; no conversion, hence no value out of its range.
    """
    shift = b.table.round_shift + offset
    shifted = b.fma(x, factor, shift)
    return shifted - shift, b.to_bits(shifted)


def _power_of_two(b: _Body, biased: _Value) -> _Value:
    """2^n from an integer whose low bits are n + bias, for normal 2^n."""
    return b.from_bits(biased << b.table.mantissa_bits)


def _power_of_two_split(b: _Body, biased: _Value) -> tuple[_Value, _Value]:
    """Two factors of 2^n, where 2^n may be denormal: y*first*second rounds once.

    They are 2^max(n, smallest normal exponent) and the rest, which is 1 almost always.
    """
    t = b.table
    exponent = biased << t.mantissa_bits
    normal = b.integer_max(exponent, 1 << t.mantissa_bits)
    return b.from_bits(normal), b.from_bits(exponent - normal + t.one_bits)


# ---------------------------------------------------------------------------------------------------------
# Exponentials: x = n*log(2) + r with |r| <= log(2)/2, exp(x) = 2^n exp(r). Where 2^n could overflow although
# the result does not, it is 2^(n-1) that is formed.


def _reduce(b: _Body, x: _Value, offset: int = -1) -> tuple[_Value, _Value]:
    """An integer with the low bits n + bias + offset, and r."""
    t = b.table
    n, biased = _nearest(b, x, t.inverse_ln2, t.bias + offset)
    return biased, b.fma(n, -t.ln2_low, b.fma(n, -t.ln2_high, x))


def _exp(b: _Body, x: _Value) -> _Value:
    t = b.table
    biased, r = _reduce(b, b.at_most(b.at_least(x, t.exp_lowest), t.exp_highest))
    first, second = _power_of_two_split(b, biased)
    return b.polynomial(r, t.twice_exp) * first * second


def _expm1(b: _Body, x: _Value) -> _Value:
    """2^n exp(r) - 1 = (2^n - 1) + 2^n (r + r^2 q(r)), halved until the end.

    The large part of r joins 2^n - 1 first, so that only the small rest is rounded twice.
    """
    t = b.table
    clamped = b.at_most(b.at_least(x, t.expm1_lowest), t.exp_highest)
    n, biased = _nearest(b, clamped, t.inverse_ln2, t.bias - 1)
    power = _power_of_two(b, biased)
    large = b.fma(n, -t.ln2_high, clamped)
    small = n * -t.ln2_low
    r = large + small
    rest = b.fma(r * r, b.polynomial(r, t.expm1), small)
    half = b.fma(power, rest, b.fma(power, large, power - 0.5))
    return b.select(b.magnitude(x) < t.epsilon, x, half + half)


def _sigmoid(b: _Body, x: _Value) -> _Value:
    """1/(1 + exp(-x)), all of it scaled by a power of two with which 1 + exp(-x) stays finite.

    exp(-x) itself is never rounded: 1 + 2^n exp(r) = (2^n + 1) + 2^n (r + r^2 q(r)).
    """
    t = b.table
    clamped = b.at_most(b.at_least(x, t.exp_lowest), t.sigmoid_highest)
    biased, r = _reduce(b, -clamped, -t.sigmoid_scale)
    power = _power_of_two(b, biased)
    one = b.constant(b.real, 2.0**-t.sigmoid_scale)
    whole = power + one
    lost = one - (whole - power)
    growth = b.fma(r * r, b.polynomial(r, t.expm1), r)
    return one / (whole + b.fma(power, growth, lost))


def _tanh(b: _Body, x: _Value) -> _Value:
    """x + x^3 P(x^2) near 0, 1 - 2/(exp(2|x|) + 1) elsewhere."""
    t = b.table
    square = x * x
    near = b.fma(x, square * b.polynomial(square, t.tanh_near), x)
    size = b.magnitude(x)
    biased, r = _reduce(b, b.at_most(size + size, t.tanh_highest))
    far = 1.0 - 2.0 / b.fma(b.polynomial(r, t.twice_exp), _power_of_two(b, biased), 1.0)
    return b.with_sign_of(b.select(size < t.tanh_split, near, far), x)


def _softplus(b: _Body, x: _Value) -> _Value:
    """max(x, 0) + log(1 + z) for z = exp(-|x|), and what was lost when z was rounded.

    log(1 + z + lost) is log(1 + z) + lost/(1 + z), and 1 - z/2 is near enough to 1/(1 + z) here.
    """
    t = b.table
    biased, r = _reduce(b, b.at_least(-b.magnitude(x), t.exp_lowest))
    first, second = _power_of_two_split(b, biased)
    growth = r * b.polynomial(r, t.twice_exp[1:])
    whole = growth + 2.0
    z = whole * first * second
    lost = (growth - (whole - 2.0)) * first * second * b.fma(z, -0.5, 1.0)
    return (b.at_least(x, 0.0) + _log_tail(b, z, lost, t.log_of_unit)) + z


# ---------------------------------------------------------------------------------------------------------
# Logarithms: x = 2^e (1 + f) with sqrt(1/2) <= 1 + f < sqrt(2), log(x) = e*log(2) + log(1 + f)


def _split(b: _Body, x: _Value) -> tuple[_Value, _Value, _Value]:
    """2^e as the exponent field's change, e and f."""
    t = b.table
    shifted = b.to_bits(x) - t.sqrt_half_bits
    field = shifted & -(1 << t.mantissa_bits)
    significand = b.from_bits((shifted & ((1 << t.mantissa_bits) - 1)) + t.sqrt_half_bits)
    return field, b.to_real(shifted >> t.mantissa_bits), significand - 1.0


def _log_tail(b: _Body, f: _Value, addend: _Value, coefficients: Sequence[float]) -> _Value:
    """log(1 + f) - f + addend: a polynomial for float32; for float64 with s = f/(2 + f)

    log(1 + f) = 2 artanh(s) = f - f^2/2 + s (f^2/2 + s^2 R(s^2)), which halves the polynomial's degree.
    """
    if b.real == "float":
        return b.fma(f * f, b.polynomial(f, coefficients), addend)
    s = f / (f + 2.0)
    half_square = f * f * 0.5
    rest = b.fma(s * s, b.polynomial(s * s, coefficients), half_square)
    return b.fma(s, rest, addend) - half_square


def _log_join(b: _Body, e: _Value, f: _Value) -> _Value:
    """e*log(2) + log(1 + f)."""
    t = b.table
    small = e * t.ln2_low
    whole = b.fma(e, t.ln2_high, f)
    if b.real == "double":  # two-sum: half an ulp for four instructions of fifty
        small = small + (f - (whole - e * t.ln2_high))
    return whole + _log_tail(b, f, small, t.log)


def _log_ends(b: _Body, x: _Value, y: _Value, pole: float) -> _Value:
    """y, but -inf at the pole, NaN below it, and x itself for +inf and NaN."""
    inside = b.select(x < math.inf, y, x)
    outside = b.select(x.equals(pole), -math.inf, math.nan)
    return b.select(x > pole, inside, outside)


def _log(b: _Body, x: _Value) -> _Value:
    t = b.table
    denormal = x < t.smallest_normal
    lift = t.mantissa_bits + 1.0
    _, e, f = _split(b, b.select(denormal, x * 2.0**lift, x))
    return _log_ends(b, x, _log_join(b, b.select(denormal, e - lift, e), f), 0.0)


def _log1p(b: _Body, x: _Value) -> _Value:
    """log(u) for u = 1 + x rounded, what the rounding lost going into f, which is x itself while e is 0."""
    t = b.table
    u = x + 1.0
    lost = x - (u - 1.0)
    field, e, f = _split(b, u)
    inverse_power = b.from_bits(t.one_bits - b.integer_min(field, (t.bias - 1) << t.mantissa_bits))
    y = _log_join(b, e, b.fma(lost, inverse_power, f))
    return b.with_sign_of(_log_ends(b, x, y, -1.0), x)


# ---------------------------------------------------------------------------------------------------------
# The error function


def _erf(b: _Body, x: _Value) -> _Value:
    """x + x P(x^2) near 0, 1 - 2^Q(|x|) elsewhere, Q being a polynomial close to log2(erfc)."""
    t = b.table
    near = b.fma(x, b.polynomial(x * x, t.erf_near), x)
    size = b.magnitude(x)
    exponent = b.polynomial(b.at_most(size, t.erf_highest), t.log2_erfc)
    n, biased = _nearest(b, exponent, 1.0, t.bias)
    far = 1.0 - b.polynomial(exponent - n, t.exp2) * _power_of_two(b, biased)
    return b.select(size < t.erf_split, near, b.with_sign_of(far, x))


# ---------------------------------------------------------------------------------------------------------
# The table


_FUNCTIONS: Final[dict[str, Callable[[_Body, _Value], _Value]]] = {
    "erf": _erf,
    "exp": _exp,
    "expm1": _expm1,
    "log": _log,
    "log1p": _log1p,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "tanh": _tanh,
}

FUNCTIONS: Final = frozenset(_FUNCTIONS)
"""The names of the functions there are."""


@cache
def _build(name: str, bits: int, lanes: int, fma: bool) -> tuple[str, tuple[str, ...]]:
    """The definition and the declarations it needs."""
    if name not in FUNCTIONS:
        raise KeyError(f"no elementary function {name!r}; there are {', '.join(sorted(FUNCTIONS))}")
    if bits not in TABLES or lanes < 1:
        raise ValueError(f"{name}: {bits} bits, {lanes} lanes; bits are 32 or 64, lanes at least 1")
    body = _Body(bits, lanes, fma=fma)
    result = _FUNCTIONS[name](body, body.argument)
    kind = body.type_of(body.real)
    head = f"define internal {kind} @{symbol(name, bits, lanes)}({kind} %x) alwaysinline nounwind {{"
    lines = (head, *(f"  {line}" for line in body.lines), f"  ret {kind} {result.text}", "}", "")
    return "\n".join(lines), tuple(body.intrinsics)


def symbol(name: str, bits: int, lanes: int) -> str:
    """The function's name in IR, without the `@`: `gc.exp.f32x16`."""
    return f"gc.{name}.f{bits}x{lanes}"


def definition(name: str, bits: int, lanes: int, *, fma: bool) -> str:
    """IR text of the function on `lanes` floats of `bits` bits (a scalar for one lane).

    With `fma` its multiplications and additions are fused by `llvm.fma`, which wants a target that has
    the instruction; without they are rounded one by one.

    Raises:
        KeyError: there is no such function.
        ValueError: `bits` is neither 32 nor 64, or there is no lane.
    """
    return _build(name, bits, lanes, fma)[0]


def declarations(name: str, bits: int, lanes: int, *, fma: bool) -> tuple[str, ...]:
    """The `declare` lines of the intrinsics that the definition calls, each once."""
    return _build(name, bits, lanes, fma)[1]


def dependencies(name: str) -> tuple[str, ...]:
    """Other functions of this table that `name` calls: none, every body is complete in itself."""
    if name not in FUNCTIONS:
        raise KeyError(f"no elementary function {name!r}; there are {', '.join(sorted(FUNCTIONS))}")
    return ()
