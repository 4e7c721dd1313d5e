"""One form for what can be written in many: algebra that holds for every float and every integer.

    %2 = multiply %0, %1    # %1 = -1.0             %2 = subtract %3, %0
    %4 = add %3, %2                          →

Signed zeros are NumPy's. `x - 0`, `x + (-0.0)`, `x·1` and `x/1` are x to the bit; `x + 0.0` turns -0.0 into 0.0 and
is x only for integers and for what is never -0.0 (an exp, a square, ...). Negations move outward until a sum or a
difference takes them up; numbers are folded as soon as they meet.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..ir.dtype import DType, bool_
from ..ir.expr import Expr
from ..ops.leaf import IOTA
from ..ops.scalar import (
    absolute,
    add,
    astype,
    divide,
    equal,
    greater,
    greater_equal,
    less,
    less_equal,
    like,
    multiply,
    negative,
    not_equal,
    sqrt,
    square,
    subtract,
    where,
)
from ..ops.shape import BROADCAST
from .engine import Rule
from .pattern import OneOf, P, const, number, scalar_value, var

_POSITIVE_ZERO_OR_MORE = ("exp", "exp2", "sigmoid", "softplus", "square", "abs", "cosh", "erfc", "hypot")


def floating(expr: Expr) -> bool:
    """Whether the expression is of floats."""
    return expr.dtype.is_float


def integer(expr: Expr) -> bool:
    """Whether the expression is of integers, signed or not."""
    return expr.dtype.is_integer


def signed(expr: Expr) -> bool:
    """Whether the expression is of numbers that have a negative."""
    return expr.dtype.kind in ("float", "int")


def signed_integer(expr: Expr) -> bool:
    """Whether the expression is of signed integers."""
    return expr.dtype.kind == "int"


def never_negative(expr: Expr) -> bool:
    """Whether every element is a float that is 0.0, positive or nan: neither negative nor -0.0."""
    if not expr.dtype.is_float:
        return False
    if expr.op.name in _POSITIVE_ZERO_OR_MORE:
        return True
    if expr.op is BROADCAST:
        return expr.args[0].op.name in _POSITIVE_ZERO_OR_MORE
    return expr.op is IOTA


def never_negative_zero(expr: Expr, depth: int = 3) -> bool:
    """Whether no element is -0.0. A sum is -0.0 only where both of its terms are."""
    if not expr.dtype.is_float or expr.op.name in _POSITIVE_ZERO_OR_MORE or expr.op is IOTA:
        return True
    value = scalar_value(expr)
    if value is not None:
        return not (value == 0 and math.copysign(1.0, value) < 0)
    if depth and expr.op.name == "add":
        return any(never_negative_zero(a, depth - 1) for a in expr.args)
    if depth and expr.op.name in ("broadcast_to", "reshape", "permute_dims", "slice", "stop_gradient"):
        return never_negative_zero(expr.args[0], depth - 1)
    return expr.op.name == "astype" and not expr.args[0].dtype.is_float


def nonzero_number(value: Any) -> bool:
    """Whether a number is neither 0 nor nan."""
    return bool(value == value and value != 0)


def _power_of_two(value: Any) -> bool:
    return bool(np.isfinite(value)) and value != 0 and abs(math.frexp(float(value))[0]) == 0.5


def _has_exact_reciprocal(value: Any) -> bool:
    """A power of two whose reciprocal is a normal number, so that multiplying by it is dividing, to the bit."""
    if not _power_of_two(value):
        return False
    limits = np.finfo(value.dtype)
    return bool(limits.smallest_normal <= abs(1 / float(value)) <= limits.max)


def _scales_up_exactly(value: Any) -> bool:
    """A power of two of at least 1: two such factors in a row are their product, to the bit, while it is finite."""
    return _power_of_two(value) and abs(value) >= 1


def _combine_exact_factors(x: Expr, c: Expr, d: Expr) -> Expr | None:
    if not integer(x):
        first, second = scalar_value(c), scalar_value(d)
        limit = float(np.finfo(first.dtype).max)
        if not (_scales_up_exactly(first) and _scales_up_exactly(second) and abs(float(first)) <= limit / abs(second)):
            return None
    return multiply(x, multiply(c, d))


def _negative_product(out: Expr, x: Expr, y: Expr) -> Expr:
    """The factors stay in their order, so that equal products stay one expression."""
    return negative(multiply(y, x) if out.args[0] is y else multiply(x, y))


def _square_root_power(x: Expr) -> Expr:
    """x^0.5, which unlike √x is 0.0 at -0.0 and inf at -inf."""
    return where(equal(x, like(-math.inf, x)), like(math.inf, x), sqrt(add(x, like(0.0, x))))


# Conversions ---------------------------------------------------------------------------------------------------

_WHOLE_BITS = {"float32": 24, "float64": 53}


def holds(wide: DType, narrow: DType) -> bool:
    """Whether every value of `narrow` is a value of `wide`."""
    if wide is narrow or narrow is bool_:
        return True
    if wide is bool_ or (narrow.is_float and not wide.is_float):
        return False
    if wide.is_float:
        return wide.bits >= narrow.bits if narrow.is_float else _WHOLE_BITS[wide.name] >= narrow.bits
    if wide.kind == narrow.kind:
        return wide.bits >= narrow.bits
    return wide.kind == "int" and wide.bits > narrow.bits


def _astype_chain(out: Expr, x: Expr, between: Expr) -> Expr | None:
    """Leave out a conversion that loses nothing. Floats saturate where integers wrap, so those do not stand in."""
    if not holds(between.dtype, x.dtype):
        return None
    saturates = between.dtype.is_float and x.dtype.is_integer and out.dtype.is_integer
    if saturates and not holds(out.dtype, x.dtype):
        return None
    return astype(x, out.dtype)


x, y, z = var("x"), var("y"), var("z")
c, d = number("c"), number("d")
f, i, s = var("x", floating), var("x", integer), var("x", signed)
condition = var("condition")

ARITHMETIC = (
    Rule("double-negative", P.negative(P.negative(x)), lambda x: x, becomes="x"),
    Rule("multiply-one", P.multiply(x, const(1)), lambda x: x, becomes="x"),
    Rule("divide-one", P.divide(x, const(1)), lambda x: x, becomes="x"),
    Rule("subtract-zero", P.subtract(x, const(0)), lambda x: x, becomes="x"),
    Rule("add-negative-zero", P.add(f, const(-0.0)), lambda x: x, becomes="x"),
    Rule("add-zero", P.add(var("x", never_negative_zero), const(0)), lambda x: x, becomes="x, never -0.0"),
    Rule("negative-zero-minus", P.subtract(const(-0.0), f), lambda x: negative(x), becomes="negative(x)"),
    Rule("zero-minus-integer", P.subtract(const(0), var("x", signed_integer)), lambda x: negative(x),
         becomes="negative(x), integers"),
    Rule("multiply-zero-integer", P.multiply(i, const(0)), lambda x: like(0, x), becomes="0, integers"),
    Rule("subtract-self-integer", P.subtract(i, i), lambda x: like(0, x), becomes="0, integers"),
    Rule("multiply-minus-one", P.multiply(s, const(-1)), lambda x: negative(x), becomes="negative(x)"),
    Rule("divide-minus-one", P.divide(x, const(-1)), lambda x: negative(x), becomes="negative(x)"),
    Rule("add-negative", P.add(x, P.negative(y)), lambda x, y: subtract(x, y), becomes="subtract(x, y)"),
    Rule("subtract-negative", P.subtract(x, P.negative(y)), lambda x, y: add(x, y), becomes="add(x, y)"),
    Rule("negative-of-scaled", P.negative(P.multiply(x, c)), lambda x, c: multiply(x, negative(c)),
         becomes="multiply(x, -c)"),
    Rule("negative-of-divided", P.negative(P.divide(x, c)), lambda x, c: divide(x, negative(c)),
         becomes="divide(x, -c)"),
    Rule("negative-of-quotient", P.negative(P.divide(c, x)), lambda x, c: divide(negative(c), x),
         becomes="divide(-c, x)"),
    Rule("multiply-negative-number", P.multiply(P.negative(x), c), lambda x, c: multiply(x, negative(c)),
         becomes="multiply(x, -c)"),
    Rule("divide-negative-number", P.divide(P.negative(x), c), lambda x, c: divide(x, negative(c)),
         becomes="divide(x, -c)"),
    Rule("divide-by-negative-number", P.divide(c, P.negative(x)), lambda x, c: divide(negative(c), x),
         becomes="divide(-c, x)"),
    Rule("multiply-negative", P.multiply(P.negative(x), y), _negative_product, becomes="negative(multiply(x, y))"),
    Rule("divide-negative", P.divide(P.negative(x), y), lambda x, y: negative(divide(x, y)),
         becomes="negative(divide(x, y))"),
    Rule("divide-by-negative", P.divide(x, P.negative(y)), lambda x, y: negative(divide(x, y)),
         becomes="negative(divide(x, y))"),
    Rule("negative-of-difference-integer", P.negative(P.subtract(i, y)), lambda x, y: subtract(y, x),
         becomes="subtract(y, x), integers"),
    Rule("combine-factors", P.multiply(P.multiply(x, c), d), _combine_exact_factors,
         becomes="multiply(x, c·d), integers and powers of two"),
    Rule("combine-terms-integer", P.add(P.add(i, c), d), lambda x, c, d: add(x, add(c, d)),
         becomes="add(x, c + d), integers"),
    Rule("divide-by-power-of-two", P.divide(x, number("c", _has_exact_reciprocal)),
         lambda x, c: multiply(x, divide(like(1, c), c)), becomes="multiply(x, 1/c)"),
)  # fmt: skip

POWERS = (
    Rule("multiply-self", P.multiply(x, x), lambda x: square(x), becomes="square(x)"),
    Rule("square-of-negative", P.square(P.negative(x)), lambda x: square(x), becomes="square(x)"),
    Rule("square-of-abs", P.square(P.abs(x)), lambda x: square(x), becomes="square(x)"),
    Rule("abs-of-negative", P.abs(P.negative(x)), lambda x: absolute(x), becomes="abs(x)"),
    Rule("abs-of-never-negative", P.abs(var("x", never_negative)), lambda x: x, becomes="x, where x ≥ 0"),
    Rule("relu-of-never-negative", P.relu(var("x", never_negative)), lambda x: x, becomes="x, where x ≥ 0"),
    Rule("relu-twice", P.relu(P.relu(x)), lambda out: out.args[0], becomes="relu(x)"),
    Rule("sign-twice", P.sign(P.sign(x)), lambda out: out.args[0], becomes="sign(x)"),
    Rule("pow-one", P.pow(x, const(1)), lambda x: x, becomes="x"),
    Rule("pow-zero", P.pow(x, number("c", lambda value: value == 0)), lambda x: like(1, x), becomes="1"),
    Rule("pow-two", P.pow(f, const(2)), lambda x: square(x), "stabilize", "square(x)"),
    Rule("pow-three", P.pow(f, const(3)), lambda x: multiply(x, square(x)), "stabilize", "multiply(x, square(x))"),
    Rule("pow-minus-one", P.pow(f, const(-1)), lambda x: divide(like(1, x), x), "stabilize", "divide(1, x)"),
    Rule("pow-half-of-never-negative", P.pow(var("x", never_negative), const(0.5)), lambda x: sqrt(x), "stabilize",
         "sqrt(x), where x ≥ 0"),
    Rule("pow-half", P.pow(f, const(0.5)), _square_root_power, "stabilize", "where(x = -inf, inf, sqrt(x + 0.0))"),
)  # fmt: skip

CHOICES = (
    Rule("where-same", P.where(condition, x, x), lambda x: x, becomes="x"),
    Rule("where-true", P.where(const(True), x, y), lambda x: x, becomes="x"),
    Rule("where-false", P.where(const(False), x, y), lambda y: y, becomes="y"),
    Rule("where-not", P.where(P.logical_not(condition), x, y), lambda condition, x, y: where(condition, y, x),
         becomes="where(condition, y, x)"),
    Rule("choose-same", P.choose(condition, x, x), lambda x: x, becomes="x"),
    Rule("choose-true", P.choose(const(True), x, y), lambda x: x, becomes="x"),
    Rule("choose-false", P.choose(const(False), x, y), lambda y: y, becomes="y"),
    Rule("maximum-self", P.maximum(x, x), lambda x: x, becomes="x"),
    Rule("minimum-self", P.minimum(x, x), lambda x: x, becomes="x"),
    Rule("and-self", P.logical_and(x, x), lambda x: x, becomes="x"),
    Rule("and-true", P.logical_and(x, const(True)), lambda x: x, becomes="x"),
    Rule("and-false", P.logical_and(x, const(False)), lambda x: like(False, x), becomes="false"),
    Rule("or-self", P.logical_or(x, x), lambda x: x, becomes="x"),
    Rule("or-true", P.logical_or(x, const(True)), lambda x: like(True, x), becomes="true"),
    Rule("or-false", P.logical_or(x, const(False)), lambda x: x, becomes="x"),
    Rule("not-twice", P.logical_not(P.logical_not(x)), lambda x: x, becomes="x"),
    Rule("not-equal", P.logical_not(P.equal(x, y)), lambda x, y: not_equal(x, y), becomes="not_equal(x, y)"),
    Rule("not-not-equal", P.logical_not(P.not_equal(x, y)), lambda x, y: equal(x, y), becomes="equal(x, y)"),
    Rule("not-less-integer", P.logical_not(P.less(i, y)), lambda x, y: greater_equal(x, y),
         becomes="greater_equal(x, y), integers"),
    Rule("not-less-equal-integer", P.logical_not(P.less_equal(i, y)), lambda x, y: greater(x, y),
         becomes="greater(x, y), integers"),
    Rule("not-greater-integer", P.logical_not(P.greater(i, y)), lambda x, y: less_equal(x, y),
         becomes="less_equal(x, y), integers"),
    Rule("not-greater-equal-integer", P.logical_not(P.greater_equal(i, y)), lambda x, y: less(x, y),
         becomes="less(x, y), integers"),
    Rule("same-integer", OneOf(("equal", "less_equal", "greater_equal"), (i, i)),
         lambda out: like(True, out), becomes="true, integers"),
    Rule("same-integer-differs", OneOf(("not_equal", "less", "greater"), (i, i)),
         lambda out: like(False, out), becomes="false, integers"),
)  # fmt: skip

CONVERSIONS = (
    Rule("astype-same", P.astype(x), lambda out, x: x if out.dtype is x.dtype else None, becomes="x, of that dtype"),
    Rule("astype-chain", P.astype(P.astype(x, name="between")), _astype_chain, becomes="astype(x), nothing lost"),
)  # fmt: skip

FAST_ALGEBRA = (
    Rule("fast-add-zero", P.add(x, const(0)), lambda x: x, "fast_math", "x"),
    Rule("fast-subtract-self", P.subtract(x, x), lambda x: like(0, x), "fast_math", "0"),
    Rule("fast-multiply-zero", P.multiply(x, const(0)), lambda x: like(0, x), "fast_math", "0"),
    Rule("fast-divide-self", P.divide(x, x), lambda x: like(1, x), "fast_math", "1"),
    Rule("fast-zero-divided", P.divide(const(0), x), lambda x: like(0, x), "fast_math", "0"),
    Rule("fast-zero-minus", P.subtract(const(0), x), lambda x: negative(x), "fast_math", "negative(x)"),
    Rule("fast-negative-of-difference", P.negative(P.subtract(x, y)), lambda x, y: subtract(y, x), "fast_math",
         "subtract(y, x)"),
    Rule("fast-combine-factors", P.multiply(P.multiply(x, c), d), lambda x, c, d: multiply(x, multiply(c, d)),
         "fast_math", "multiply(x, c·d)"),
    Rule("fast-combine-terms", P.add(P.add(x, c), d), lambda x, c, d: add(x, add(c, d)), "fast_math", "add(x, c + d)"),
    Rule("fast-divide-by-number", P.divide(x, number("c", nonzero_number)),
         lambda x, c: multiply(x, divide(like(1, c), c)), "fast_math", "multiply(x, 1/c)"),
    Rule("fast-multiply-then-divide", P.divide(P.multiply(x, y), y), lambda x: x, "fast_math", "x"),
    Rule("fast-divide-then-multiply", P.multiply(P.divide(x, y), y), lambda x: x, "fast_math", "x"),
    Rule("fast-add-then-subtract", P.subtract(P.add(x, y), y), lambda x: x, "fast_math", "x"),
    Rule("fast-exp-of-log", P.exp(P.log(x)), lambda x: x, "fast_math", "x"),
    Rule("fast-square-of-sqrt", P.square(P.sqrt(x)), lambda x: x, "fast_math", "x"),
)  # fmt: skip

ALGEBRA = ARITHMETIC + POWERS + CHOICES + CONVERSIONS
