"""Canonical forms of elementary functions: symmetries, whole numbers, and bits of integers.

    %1 = negative %0                              %1 = sin %0
    %2 = sin %1                             →     %2 = negative %1

A sign moves out of an odd function, to where a sum takes it up, and vanishes in an even one. What is whole is rounded
no more. All of it holds to the bit, for infinities, nan and signed zeros as well.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ir.expr import Expr, make
from ..ops.bitwise import bitwise_and, bitwise_right_shift
from ..ops.rounding import copysign
from ..ops.scalar import absolute, astype, like, logical_not, negative
from ..ops.transcendental import hypot
from .canonicalize import floating, integer
from .engine import Rule
from .pattern import OneOf, P, const, number, scalar_value, var

ODD = ("sin", "tan", "asin", "atan", "sinh", "tanh", "asinh", "atanh", "cbrt", "erf", "round", "trunc")
EVEN = ("cos", "cosh", "isfinite", "isinf", "isnan")
_ROUNDING = ("ceil", "floor", "round", "trunc")
_WHOLE = (*_ROUNDING, "sign", "floor_divide")


def whole(expr: Expr) -> bool:
    """Whether every element is a float that is a whole number, infinite or nan."""
    return expr.dtype.is_float and (expr.op.name in _WHOLE or of_integers(expr))


def of_integers(expr: Expr) -> bool:
    """Whether every element was an integer or a truth value."""
    return expr.op.name == "astype" and not expr.args[0].dtype.is_float


def _every_bit(value: Any) -> bool:
    return bool(isinstance(value, np.integer) and value == ~value.dtype.type(0))


def _whole_power_of_two(value: Any) -> bool:
    return bool(isinstance(value, np.integer) and value > 0 and int(value).bit_count() == 1)


def _shifted(x: Expr, c: Expr) -> Expr:
    return bitwise_right_shift(x, like(int(scalar_value(c)).bit_length() - 1, x))


x, y, c = var("x"), var("y"), number("c")
f, i = var("x", floating), var("x", integer)
signless = OneOf(("negative", "abs"), (x,))

SYMMETRIES = (
    Rule("odd-of-negative", OneOf(ODD, (P.negative(x),)), lambda out, x: negative(make(out.op, (x,))),
         becomes="negative(f(x))"),
    Rule("even-of-signed", OneOf(EVEN, (signless,)), lambda out, x: make(out.op, (x,)), becomes="f(x)"),
    Rule("hypot-of-signed", P.hypot(signless, y), lambda x, y: hypot(x, y), becomes="hypot(x, y)"),
    Rule("copysign-of-signed", P.copysign(signless, y), lambda x, y: copysign(x, y), becomes="copysign(x, y)"),
    Rule("abs-of-copysign", P.abs(P.copysign(x, y)), lambda x: absolute(x), becomes="abs(x)"),
    Rule("square-of-copysign", P.square(P.copysign(x, y)), lambda out, x: make(out.op, (x,)), becomes="square(x)"),
    Rule("copysign-self", P.copysign(x, x), lambda x: x, becomes="x"),
)  # fmt: skip

WHOLE_NUMBERS = (
    Rule("round-whole", OneOf(_ROUNDING, (var("x", whole),)), lambda x: x, becomes="x, where whole"),
    Rule("integer-of-trunc", P.astype(P.trunc(x)), lambda out, x: astype(x, out.dtype) if integer(out) else None,
         becomes="astype(x), to integers"),
    Rule("integers-are-finite", OneOf(("isinf", "isnan"), (var("x", of_integers),)), lambda out: like(False, out),
         becomes="false, of integers"),
    Rule("integers-are-finite-indeed", P.isfinite(var("x", of_integers)), lambda out: like(True, out),
         becomes="true, of integers"),
    Rule("floor-divide-by-one", P.floor_divide(i, const(1)), lambda x: x, becomes="x, integers"),
    Rule("remainder-by-one", P.remainder(i, const(1)), lambda x: like(0, x), becomes="0, integers"),
    Rule("floor-divide-by-power-of-two", P.floor_divide(i, number("c", _whole_power_of_two)),
         _shifted, becomes="bitwise_right_shift(x, log2(c)), integers"),
    Rule("remainder-by-power-of-two", P.remainder(i, number("c", _whole_power_of_two)),
         lambda x, c: bitwise_and(x, like(int(scalar_value(c)) - 1, x)), becomes="bitwise_and(x, c - 1), integers"),
)  # fmt: skip

BITS = (
    Rule("bits-self", OneOf(("bitwise_and", "bitwise_or"), (x, x)), lambda x: x, becomes="x"),
    Rule("bits-differ-not", P.bitwise_xor(x, x), lambda x: like(0, x), becomes="0"),
    Rule("bits-and-none", P.bitwise_and(x, const(0)), lambda x: like(0, x), becomes="0"),
    Rule("bits-and-all", P.bitwise_and(x, number("c", _every_bit)), lambda x: x, becomes="x"),
    Rule("bits-or-none", P.bitwise_or(x, const(0)), lambda x: x, becomes="x"),
    Rule("bits-or-all", P.bitwise_or(x, number("c", _every_bit)), lambda c: c, becomes="c"),
    Rule("bits-xor-none", P.bitwise_xor(x, const(0)), lambda x: x, becomes="x"),
    Rule("invert-twice", P.bitwise_invert(P.bitwise_invert(x)), lambda x: x, becomes="x"),
    Rule("shift-by-none", OneOf(("bitwise_left_shift", "bitwise_right_shift"), (x, const(0))), lambda x: x,
         becomes="x"),
    Rule("xor-self", P.logical_xor(x, x), lambda x: like(False, x), becomes="false"),
    Rule("xor-false", P.logical_xor(x, const(False)), lambda x: x, becomes="x"),
    Rule("xor-true", P.logical_xor(x, const(True)), lambda x: logical_not(x), becomes="logical_not(x)"),
)  # fmt: skip

ELEMENTARY = SYMMETRIES + WHOLE_NUMBERS + BITS
