"""Writing LLVM IR for the body of an elementary function: values with arithmetic, masks, bits, one rare branch."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from .formats import FORMATS, Format

T = TypeVar("T")

_LONGEST_CHAIN: Final = 10
_INTEGER_OF: Final = {"float": "i32", "double": "i64"}
_REAL_OF: Final = {"i32": "float", "i64": "double"}
_SHORT: Final = {"float": "f32", "double": "f64"}


class Value:
    """An SSA value or a constant: its text and its element type, with the arithmetic IR has for it.

    Operators take Python numbers for constants. Comparisons give masks, and those of floats are ordered: false for
    NaN. Masks and integers have `&`, `|` and `^`.
    """

    __slots__ = ("body", "element", "text")

    def __init__(self, body: Body, element: str, text: str) -> None:
        self.body = body
        self.element = element
        self.text = text

    @property
    def kind(self) -> str:
        """The type of all lanes together."""
        return self.body.type_of(self.element)

    @property
    def format(self) -> Format:
        """The format of a float, or that of an integer's width."""
        return FORMATS[32 if self.element in ("float", "i32") else 64]

    def _binary(self, float_opcode: str, integer_opcode: str, other: Value | float) -> Value:
        opcode = integer_opcode if self.element.startswith("i") else float_opcode
        right = self.body.constant(self.element, other)
        return self.body.emit(self.element, f"{opcode} {self.kind} {self.text}, {right.text}")

    def _compare(self, float_predicate: str, integer_predicate: str, other: Value | float) -> Value:
        right = self.body.constant(self.element, other)
        word = f"icmp {integer_predicate}" if self.element.startswith("i") else f"fcmp {float_predicate}"
        return self.body.emit("i1", f"{word} {self.kind} {self.text}, {right.text}")

    def __add__(self, other: Value | float) -> Value:
        return self._binary("fadd", "add", other)

    def __sub__(self, other: Value | float) -> Value:
        return self._binary("fsub", "sub", other)

    def __rsub__(self, other: float) -> Value:
        return self.body.constant(self.element, other) - self

    def __mul__(self, other: Value | float) -> Value:
        return self._binary("fmul", "mul", other)

    def __truediv__(self, other: Value | float) -> Value:
        return self._binary("fdiv", "", other)

    def __rtruediv__(self, other: float) -> Value:
        return self.body.constant(self.element, other) / self

    def __neg__(self) -> Value:
        return self.body.emit(self.element, f"fneg {self.kind} {self.text}")

    def __and__(self, other: Value | int) -> Value:
        return self._binary("", "and", other)

    def __or__(self, other: Value | int) -> Value:
        return self._binary("", "or", other)

    def __xor__(self, other: Value | int) -> Value:
        return self._binary("", "xor", other)

    def __invert__(self) -> Value:
        return self ^ -1

    def __lshift__(self, other: int) -> Value:
        return self._binary("", "shl", other)

    def __rshift__(self, other: int) -> Value:
        return self._binary("", "ashr", other)

    def __lt__(self, other: Value | float) -> Value:
        return self._compare("olt", "slt", other)

    def __gt__(self, other: Value | float) -> Value:
        return self._compare("ogt", "sgt", other)

    def equals(self, other: Value | float) -> Value:
        return self._compare("oeq", "eq", other)

    def differs(self, other: Value | float) -> Value:
        """Unequal or NaN."""
        return self._compare("une", "ne", other)


class Body:
    """The body of one function under construction: its instructions and what they need from the module."""

    def __init__(self, bits: int, lanes: int, *, fma: bool) -> None:
        self.bits = bits
        self.lanes = lanes
        self.has_fma = fma
        self.format: Format = FORMATS[bits]
        self.real = "float" if bits == 32 else "double"
        self.integer = f"i{bits}"
        self.lines: list[str] = []
        self.slots: list[str] = []
        self.declarations: dict[str, None] = {}
        self.helpers: dict[str, None] = {}
        self.block = "entry"

    # Text ----------------------------------------------------------------------------------------------------

    def type_of(self, element: str) -> str:
        return element if self.lanes == 1 else f"<{self.lanes} x {element}>"

    def argument(self, name: str) -> Value:
        return Value(self, self.real, name)

    def emit(self, element: str, instruction: str) -> Value:
        """Append an instruction with a value."""
        name = f"%v{len(self.lines)}"
        self.lines.append(f"{name} = {instruction}")
        return Value(self, element, name)

    def do(self, instruction: str) -> None:
        """Append an instruction without a value."""
        self.lines.append(instruction)

    def constant(self, element: str, value: Value | float) -> Value:
        if isinstance(value, Value):
            return value
        text = str(value) if element.startswith("i") else float_text(value, element)
        if self.lanes > 1:
            text = f"splat ({element} {text})"
        return Value(self, element, text)

    def real_constant(self, value: float) -> Value:
        return self.constant(self.real, value)

    def pick(self, by_bits: Mapping[int, T]) -> T:
        """The entry for this function's format."""
        return by_bits[self.bits]

    def _intrinsic(self, name: str, *operands: Value) -> Value:
        element, kind = operands[0].element, operands[0].kind
        short = _SHORT.get(element, element)
        suffix = short if self.lanes == 1 else f"v{self.lanes}{short}"
        symbol_name = f"@llvm.{name}.{suffix}"
        self.declarations[f"declare {kind} {symbol_name}({', '.join([kind] * len(operands))})"] = None
        arguments = ", ".join(f"{kind} {operand.text}" for operand in operands)
        return self.emit(element, f"call {kind} {symbol_name}({arguments})")

    # Arithmetic ----------------------------------------------------------------------------------------------

    def fma(self, a: Value, b: Value | float, c: Value | float) -> Value:
        """a*b + c, with one rounding if the target fuses and with two if it does not."""
        right, addend = self.constant(a.element, b), self.constant(a.element, c)
        return self._intrinsic("fma", a, right, addend) if self.has_fma else a * right + addend

    def magnitude(self, x: Value) -> Value:
        return self._intrinsic("fabs", x)

    def with_sign_of(self, magnitude: Value, sign: Value) -> Value:
        return self._intrinsic("copysign", magnitude, sign)

    def sqrt(self, x: Value) -> Value:
        return self._intrinsic("sqrt", x)

    def integer_max(self, a: Value, b: int) -> Value:
        return self._intrinsic("smax", a, self.constant(a.element, b))

    def integer_min(self, a: Value, b: int) -> Value:
        return self._intrinsic("smin", a, self.constant(a.element, b))

    def select(self, condition: Value, yes: Value | float, no: Value | float) -> Value:
        element = yes.element if isinstance(yes, Value) else no.element if isinstance(no, Value) else self.real
        left, right = self.constant(element, yes), self.constant(element, no)
        return self.emit(
            element, f"select {condition.kind} {condition.text}, {left.kind} {left.text}, {left.kind} {right.text}"
        )

    def at_least(self, x: Value, bound: Value | float) -> Value:
        """max(x, bound), NaN staying NaN."""
        return self.select(x < bound, bound, x)

    def at_most(self, x: Value, bound: Value | float) -> Value:
        """min(x, bound), NaN staying NaN."""
        return self.select(x > bound, bound, x)

    def polynomial(self, x: Value, coefficients: Sequence[float]) -> Value:
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
            total = self.constant(x.element, coefficients[-1])
            coefficients = coefficients[:-1]
        for coefficient in reversed(coefficients):
            total = self.fma(x, total, coefficient)
        return total

    # Numbers of two words ------------------------------------------------------------------------------------

    def fast_two_sum(self, a: Value, b: Value) -> tuple[Value, Value]:
        """a + b rounded and what that lost, for |a| >= |b| or a = 0 (Dekker 1971)."""
        total = a + b
        return total, b - (total - a)

    def two_sum(self, a: Value, b: Value) -> tuple[Value, Value]:
        """a + b rounded and what that lost, whichever is larger (Knuth)."""
        total = a + b
        rest = total - a
        return total, (a - (total - rest)) + (b - rest)

    def two_product(self, a: Value, b: Value) -> tuple[Value, Value]:
        """a*b rounded and what that lost (without fma by halves of the significands, Veltkamp and Dekker)."""
        product = a * b
        if self.has_fma:
            return product, self.fma(a, b, -product)
        a_high, a_low = self._halves(a)
        b_high, b_low = (a_high, a_low) if b is a else self._halves(b)
        rest = a_high * b_high - product
        return product, ((rest + a_high * b_low) + a_low * b_high) + a_low * b_low

    def _halves(self, a: Value) -> tuple[Value, Value]:
        """a as a sum of two numbers of half the digits."""
        bits = 12 if a.element == "float" else 27
        high = self.from_bits(self.to_bits(a) & -(1 << bits))
        return high, a - high

    # Formats -------------------------------------------------------------------------------------------------

    def to_bits(self, x: Value) -> Value:
        element = _INTEGER_OF[x.element]
        return self.emit(element, f"bitcast {x.kind} {x.text} to {self.type_of(element)}")

    def from_bits(self, x: Value) -> Value:
        element = _REAL_OF[x.element]
        return self.emit(element, f"bitcast {x.kind} {x.text} to {self.type_of(element)}")

    def to_real(self, x: Value) -> Value:
        """A small integer as a float. Below AVX-512 no instruction converts 64 bits: add 1.5*2^52 instead."""
        if x.element == "i64":
            return self.from_bits(x + FORMATS[64].round_shift_bits) - FORMATS[64].round_shift
        return self.emit("float", f"sitofp {x.kind} {x.text} to {self.type_of('float')}")

    def widen(self, x: Value) -> Value:
        """As float64 or i64, keeping value and sign."""
        if x.element in ("double", "i64"):
            return x
        opcode, element = ("fpext", "double") if x.element == "float" else ("sext", "i64")
        return self.emit(element, f"{opcode} {x.kind} {x.text} to {self.type_of(element)}")

    def narrow(self, x: Value) -> Value:
        """A float64 rounded to float32, the low half of an i64."""
        opcode, element = ("fptrunc", "float") if x.element == "double" else ("trunc", "i32")
        return self.emit(element, f"{opcode} {x.kind} {x.text} to {self.type_of(element)}")

    # Branches ------------------------------------------------------------------------------------------------

    def slot(self, element: str) -> str:
        """The address of memory for one value."""
        name = f"%slot{len(self.slots)}"
        self.slots.append(f"{name} = alloca {self.type_of(element)}, align 64")
        return name

    def store(self, x: Value, slot: str) -> None:
        self.do(f"store {x.kind} {x.text}, ptr {slot}, align 64")

    def load(self, element: str, slot: str) -> Value:
        return self.emit(element, f"load {self.type_of(element)}, ptr {slot}, align 64")

    def call(self, helper: str, arguments: str) -> None:
        """A call of a function that is not dissolved here."""
        self.helpers[helper] = None
        self.do(f"call void @gc.{helper}({arguments})")

    def if_any(self, condition: Value, values: Sequence[Value], others: Callable[[], Sequence[Value]]) -> list[Value]:
        """The values, or `others()` if the condition holds in any lane: a branch, for what is rare and long."""
        some = condition.text
        if self.lanes > 1:
            name = f"@llvm.vector.reduce.or.v{self.lanes}i1"
            self.declarations[f"declare i1 {name}({condition.kind})"] = None
            some = self.emit("i1", f"call i1 {name}({condition.kind} {condition.text})").text
        before, number = self.block, len(self.lines)
        self.do(f"br i1 {some}, label %rare{number}, label %go{number}")
        self._label(f"rare{number}")
        replaced = others()
        self.do(f"br label %go{number}")
        after = self.block
        self._label(f"go{number}")
        return [
            self.emit(x.element, f"phi {x.kind} [ {x.text}, %{before} ], [ {y.text}, %{after} ]")
            for x, y in zip(values, replaced, strict=True)
        ]

    def _label(self, name: str) -> None:
        self.do(f"{name}:")
        self.block = name


def float_text(value: float, element: str) -> str:
    """A constant as IR writes it: the bits of a double, which a float constant has to fit exactly."""
    if element == "float":
        value = struct.unpack("<f", struct.pack("<f", value))[0]
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"
