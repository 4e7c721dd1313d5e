"""Elementary functions as straight-line LLVM IR: exp, expm1, log, log1p, tanh, erf, sigmoid and softplus.

TODO docstring
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final

from graphc.codegen.vectormath_tables import TABLES, Table

_LANES: Final = (1, 2, 4, 8, 16, 32)


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

    def __truediv__(self, other: _Value) -> _Value:
        return self._binary("fdiv", "sdiv", other)

    def __rtruediv__(self, other: float) -> _Value:
        return self.body.constant(self.element, other) / self

    def __neg__(self) -> _Value:
        return self.body.emit(self.element, f"fneg {self.body.type_of(self.element)} {self.text}")

    def __and__(self, other: int) -> _Value:
        return self._binary("and", "and", other)

    def __lshift__(self, other: int) -> _Value:
        return self._binary("shl", "shl", other)

    def __rshift__(self, other: int) -> _Value:
        return self._binary("ashr", "ashr", other)

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

    def real_constant(self, value: float) -> _Value:
        return self.constant(self.real, value)

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
        element = next(v.element for v in (yes, no, self.argument) if isinstance(v, _Value))
        kind = self.type_of(element)
        left, right = self.constant(element, yes), self.constant(element, no)
        mask = f"{self.type_of('i1')} {condition.text}"
        return self.emit(element, f"select {mask}, {kind} {left.text}, {kind} {right.text}")

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

    def polynomial(self, x: _Value, coefficients: Sequence[float]) -> _Value:
        """c0 + c1 x + c2 x^2 + ... by Horner's rule."""
        total = self.real_constant(coefficients[-1])
        for coefficient in reversed(coefficients[:-1]):
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


def _scale_halved(b: _Body, y: _Value, biased: _Value) -> _Value:
    """y * 2^(n-1), rounded once, from the low bits n - 1 + bias; also where 2^(n-1) is denormal.

    2^(n-1) is split into 2^max(n-1, smallest normal exponent) and the rest, which is 1 almost always.
    The caller passes twice the wanted factor, so that the largest n does not overflow.
    """
    t = b.table
    exponent = biased << t.mantissa_bits
    normal = b.integer_max(exponent, 1 << t.mantissa_bits)
    rest = exponent - normal + t.one_bits
    return y * b.from_bits(normal) * b.from_bits(rest)


def _subtract_multiple(b: _Body, x: _Value, n: _Value, high: float, low: float) -> _Value:
    """x - n*(high + low): Cody and Waite, high having so few bits that n*high is exact."""
    return b.fma(n, -low, b.fma(n, -high, x))


# ---------------------------------------------------------------------------------------------------------
# The functions


def _exp_of_clamped(b: _Body, x: _Value) -> _Value:
    t = b.table
    n, biased = _nearest(b, x, t.inverse_ln2, t.bias - 1)
    r = _subtract_multiple(b, x, n, t.ln2_high, t.ln2_low)
    return _scale_halved(b, b.polynomial(r, t.twice_exp), biased)


def _exp(b: _Body, x: _Value) -> _Value:
    t = b.table
    return _exp_of_clamped(b, b.at_most(b.at_least(x, t.exp_lowest), t.exp_highest))


def _exp_of_negative(b: _Body, x: _Value) -> _Value:
    """exp(x) for x <= 0."""
    return _exp_of_clamped(b, b.at_least(x, b.table.exp_lowest))


def _expm1(b: _Body, x: _Value) -> _Value:
    """2^n exp(r) - 1 = 2^n (r + r^2 q(r)) + (2^n - 1), all halved until the end lest 2^n overflow.

    The large part of r joins 2^n - 1 first, so that what is rounded twice is only the small rest.
    """
    t = b.table
    clamped = b.at_most(b.at_least(x, t.expm1_lowest), t.exp_highest)
    n, biased = _nearest(b, clamped, t.inverse_ln2, t.bias - 1)
    half_power = _power_of_two(b, biased)
    half = _scaled_expm1(b, clamped, n, half_power, 0.5, (t.ln2_high, t.ln2_low), t.expm1)
    return b.select(b.magnitude(x) < t.epsilon, x, half + half)


def _scaled_expm1(
    b: _Body,
    x: _Value,
    n: _Value,
    power: _Value,
    one: float,
    step: tuple[float, float],
    coefficients: Sequence[float],
) -> _Value:
    """power*(c0 r + r^2 (c1 + c2 r + ...)) + power - one for r = x - n*step."""
    high, low = step
    large = b.fma(n, -high, x)
    small = n * -low
    r = large + small
    first = coefficients[0]
    if first != 1:
        large, small = large * first, small * first
    rest = b.fma(r * r, b.polynomial(r, coefficients[1:]), small)
    return b.fma(power, rest, b.fma(power, large, power - one))


def _log_split(b: _Body, x: _Value) -> tuple[_Value, _Value, _Value]:
    """e * 2^mantissa_bits as an integer, e as a float and f, with x = 2^e (1 + f), 1 + f in [sqrt 1/2, sqrt 2)."""
    t = b.table
    shifted = b.to_bits(x) - t.sqrt_half_bits
    exponent = shifted & -(1 << t.mantissa_bits)
    significand = b.from_bits((shifted & ((1 << t.mantissa_bits) - 1)) + t.sqrt_half_bits)
    e = shifted >> t.mantissa_bits
    if b.integer == "i32":
        kind, target = b.type_of(b.integer), b.type_of(b.real)
        real_e = b.emit(b.real, f"sitofp {kind} {e.text} to {target}")
    else:  # below AVX-512 only 32-bit integers convert
        real_e = b.from_bits(e + t.round_shift_bits) - t.round_shift
    return exponent, real_e, significand - 1.0


def _log_join(b: _Body, e: _Value, f: _Value, correction: _Value | None = None) -> _Value:
    """e*log(2) + log(1 + f) + correction."""
    t = b.table
    small = e * t.ln2_low
    if correction is not None:
        small = small + correction
    if b.real == "float":
        square = f * f
        tail = b.fma(square, b.polynomial(f, t.log), small)
        return b.fma(e, t.ln2_high, f) + tail
    s = f / (f + 2.0)
    z = s * s
    half_square = f * f * 0.5
    r = z * b.polynomial(z, t.log)
    tail = b.fma(s, half_square + r, small) - half_square
    return b.fma(e, t.ln2_high, f) + tail


def _log(b: _Body, x: _Value) -> _Value:
    t = b.table
    denormal = x < t.smallest_normal
    scaled = b.select(denormal, x * (2.0 ** (t.mantissa_bits + 1)), x)
    _, e, f = _log_split(b, scaled)
    e = b.select(denormal, e - (t.mantissa_bits + 1.0), e)
    return _log_special(b, x, _log_join(b, e, f), 0.0)


def _log_special(b: _Body, x: _Value, y: _Value, pole: float) -> _Value:
    """y, but -inf at the pole, NaN below it, and x itself for +inf and NaN."""
    y = b.select(x < float("inf"), y, x)
    outside = b.select(x.equals(pole), float("-inf"), float("nan"))
    return b.select(x > pole, y, outside)


def _log1p(b: _Body, x: _Value) -> _Value:
    """log(u) for u = 1 + x rounded, what the rounding lost going into f; f is x itself while e is 0."""
    t = b.table
    u = x + 1.0
    lost = x - (u - 1.0)
    exponent, e, f = _log_split(b, u)
    inverse_power = b.from_bits(t.one_bits - b.integer_min(exponent, (t.bias - 1) << t.mantissa_bits))
    lost = lost * inverse_power
    whole = f + lost
    y = _log_join(b, e, whole)
    return b.with_sign_of(_log_special(b, x, y, -1.0), x)


def _tanh(b: _Body, x: _Value) -> _Value:
    """E/(E + 2) for E = exp(2|x|) - 1, reduced by multiples of log(2)/2."""
    t = b.table
    clamped = b.at_most(b.magnitude(x), t.tanh_highest)
    n, biased = _nearest(b, clamped, 2 * t.inverse_ln2, t.bias)
    power = _power_of_two(b, biased)
    halves = (t.ln2_high / 2, t.ln2_low / 2)
    e = _scaled_expm1(b, clamped, n, power, 1.0, halves, t.expm1_of_twice)
    return b.with_sign_of(e / (e + 2.0), x)


def _erf(b: _Body, x: _Value) -> _Value:
    """x + x P(x^2) near 0, 1 - 2^Q(|x|) elsewhere, Q a polynomial close to log2(erfc)."""
    t = b.table
    near = b.fma(x, b.polynomial(x * x, t.erf_near), x)
    size = b.magnitude(x)
    exponent = b.polynomial(b.at_most(size, t.erf_highest), t.log2_erfc)
    n, biased = _nearest(b, exponent, 1.0, t.bias)
    far = 1.0 - b.polynomial(exponent - n, t.exp2) * _power_of_two(b, biased)
    return b.select(size < t.erf_split, near, b.with_sign_of(far, x))


def _sigmoid(b: _Body, x: _Value) -> _Value:
    """z/(1 + z) for negative x and 1/(1 + z) for the others, z = exp(-|x|)."""
    z = _exp_of_negative(b, -b.magnitude(x))
    return b.select(x < 0.0, z, 1.0) / (z + 1.0)


def _softplus(b: _Body, x: _Value) -> _Value:
    """max(x, 0) + log(1 + z) for z = exp(-|x|)."""
    z = _exp_of_negative(b, -b.magnitude(x))
    larger = b.at_least(x, 0.0)
    if b.real == "float":
        return larger + b.fma(z * z, b.polynomial(z, b.table.log1p_of_unit), z)
    u = z + 1.0
    _, e, f = _log_split(b, u)
    return larger + _log_join(b, e, f + (z - (u - 1.0)))


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
