"""Elementwise arithmetic, rounding, choosing, comparison, logic and bits, by the array API standard's names.

Every function lifts, promotes and broadcasts its operands as `lifting` says, so that each line below only names the
raw operation. `transcendental` has the functions of real numbers, `activations` those of networks.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..ir import dtype as dtypes
from ..ir.dtype import as_dtype, promote
from ..ir.errors import DTypeError, GraphError
from ..ir.expr import Expr
from ..ops import bitwise, rounding, scalar
from .lifting import ArrayLike, DTypeLike, broadcast, floating, lift, operands, promoted, roles

# Arithmetic ----------------------------------------------------------------------------------------------------


def add(x1: ArrayLike, x2: ArrayLike, /) -> Expr:
    """x1 + x2. Integers wrap."""
    return scalar.add(*operands("add", x1, x2))


def subtract(x1: ArrayLike, x2: ArrayLike, /) -> Expr:
    """x1 - x2. Integers wrap."""
    return scalar.subtract(*operands("subtract", x1, x2))


def multiply(x1: ArrayLike, x2: ArrayLike, /) -> Expr:
    """x1 · x2. Integers wrap."""
    return scalar.multiply(*operands("multiply", x1, x2))


def divide(x1: ArrayLike, x2: ArrayLike, /) -> Expr:
    """x1 / x2; of two integers, float32."""
    return scalar.divide(*floating("divide", x1, x2))


def negative(x: ArrayLike, /) -> Expr:
    """-x. Unsigned integers wrap."""
    expr = lift("negative", x)
    return scalar.subtract(scalar.like(0, expr), expr) if expr.dtype.kind == "uint" else scalar.negative(expr)


def abs(x: ArrayLike, /) -> Expr:
    """|x|. The derivative at 0 is taken as 0."""
    return scalar.absolute(lift("abs", x))


def sign(x: ArrayLike, /) -> Expr:
    """-1, 0 or 1 as x is negative, zero or positive; nan for nan."""
    return scalar.sign(lift("sign", x))


def square(x: ArrayLike, /) -> Expr:
    """x²."""
    return scalar.square(lift("square", x))


def positive(x: ArrayLike, /) -> Expr:
    """x itself, which is a number.

    Raises:
        DTypeError: x is bool.
    """
    expr = lift("positive", x)
    if expr.dtype is dtypes.bool_:
        raise DTypeError(f"positive is defined for float/int/uint, not bool{roles(expr)}")
    return expr


def reciprocal(x: ArrayLike, /) -> Expr:
    """1 / x; of integers, float32."""
    (real,) = floating("reciprocal", x)
    return scalar.divide(scalar.like(1, real), real)


def pow(x1: ArrayLike, x2: ArrayLike, /) -> Expr:
    """x1 to the power x2.

    An exponent that is a number gives the simplest graph: `x ** 2` is a square, `x ** 0.5` a square root, and an
    integer base with a whole exponent ≥ 0 is multiplied repeatedly. Integers wrap; to an exponent that turns out to
    be negative in a call, they give the whole part of 1 / x^|y|, which is 0 unless x is 1 or -1.

    Raises:
        GraphError: both are integers, and the exponent is known here and negative.
        DTypeError: both are bool.
    """
    exponent = _known_exponent(x2)
    if exponent is not None and isinstance(x1, Expr):
        strong = None if isinstance(x2, (int, float)) else as_dtype(type(x2))
        return _power_of_number(scalar.astype(x1, promote(x1.dtype, strong)) if strong else x1, exponent)
    base, power = promoted("pow", x1, x2)
    if base.dtype.is_integer and power.op.name == "constant" and np.any(power.attrs["value"].array < 0):
        raise _negative_power(base, power)
    return scalar.power(*broadcast("pow", base, power))


def _known_exponent(x2: object) -> int | float | None:
    if isinstance(x2, bool):
        return None
    if isinstance(x2, (int, float)):
        return x2
    number: int | float | None = x2.item() if isinstance(x2, (np.integer, np.floating)) else None
    return number


def _power_of_number(base: Expr, exponent: int | float) -> Expr:
    if base.dtype.kind == "bool":
        raise DTypeError(f"pow: convert bool with gc.astype first{roles(base)}")
    if base.dtype.is_integer and isinstance(exponent, float):
        base = scalar.astype(base, dtypes.float32)
    if exponent == 1:
        return base
    if exponent == 2:
        return scalar.square(base)
    if base.dtype.is_integer:
        return _integer_power(base, int(exponent))
    if exponent == 0.5:
        return scalar.sqrt(base)
    if exponent == -1:
        return scalar.divide(scalar.like(1, base), base)
    return scalar.power(*broadcast("pow", base, lift("pow", exponent, base.dtype)))


def _integer_power(base: Expr, exponent: int) -> Expr:
    """By squaring: x¹³ = x · x⁴ · x⁸."""
    if exponent < 0:
        raise _negative_power(base)
    result: Expr | None = None
    factor = base
    while exponent:
        if exponent & 1:
            result = factor if result is None else scalar.multiply(result, factor)
        exponent >>= 1
        if exponent:
            factor = scalar.square(factor)
    return scalar.like(1, base) if result is None else result


def _negative_power(*operands: Expr) -> GraphError:
    return GraphError(
        "pow: an integer to a negative power is no integer; convert it with gc.astype(x, 'float32'), or write the "
        f"exponent as a float{roles(*operands)}"
    )


# Rounding, remainders and signs --------------------------------------------------------------------------------


def ceil(x: ArrayLike, /) -> Expr:
    """The smallest whole number ≥ x, in x's dtype. Its derivative is taken as 0, as that of all rounding."""
    return _rounded("ceil", rounding.ceil, x)


def floor(x: ArrayLike, /) -> Expr:
    """The largest whole number ≤ x, in x's dtype."""
    return _rounded("floor", rounding.floor, x)


def round(x: ArrayLike, /) -> Expr:
    """The whole number nearest to x, the even one of two, in x's dtype."""
    return _rounded("round", rounding.round, x)


def trunc(x: ArrayLike, /) -> Expr:
    """The whole number nearest to x on the side of 0, in x's dtype."""
    return _rounded("trunc", rounding.trunc, x)


def _rounded(name: str, function: Callable[[Expr], Expr], x: ArrayLike) -> Expr:
    expr = lift(name, x)
    return function(expr) if expr.dtype.is_float else expr


def floor_divide(x1: ArrayLike, x2: ArrayLike, /) -> Expr:
    """⌊x1 / x2⌋. An integer divided by 0 gives 0, the smallest one by -1 wraps. The derivatives are taken as 0."""
    return rounding.floor_divide(*operands("floor_divide", x1, x2))


def remainder(x1: ArrayLike, x2: ArrayLike, /) -> Expr:
    """x1 - x2 ⌊x1 / x2⌋, which has the sign of x2, as Python's `%`. By 0 it is 0 for integers, nan for floats."""
    return rounding.remainder(*operands("remainder", x1, x2))


def copysign(x1: ArrayLike, x2: ArrayLike, /) -> Expr:
    """|x1| with the sign of x2, where -0.0 is negative. The derivative at x1 = 0 is taken as 0."""
    return rounding.copysign(*floating("copysign", x1, x2))


def nextafter(x1: ArrayLike, x2: ArrayLike, /) -> Expr:
    """The float next to x1 in the direction of x2; x2 where they are equal."""
    return rounding.nextafter(*floating("nextafter", x1, x2))


def signbit(x: ArrayLike, /) -> Expr:
    """Whether x is negative, where -0.0 and nan may be, bool."""
    return rounding.signbit(*floating("signbit", x))


# Choosing ------------------------------------------------------------------------------------------------------


def maximum(x1: ArrayLike, x2: ArrayLike, /) -> Expr:
    """The larger of x1 and x2; nan if either is. Equal operands share the gradient equally."""
    return scalar.maximum(*operands("maximum", x1, x2))


def minimum(x1: ArrayLike, x2: ArrayLike, /) -> Expr:
    """The smaller of x1 and x2; nan if either is. Equal operands share the gradient equally."""
    return scalar.minimum(*operands("minimum", x1, x2))


def clip(x: ArrayLike, /, min: ArrayLike | None = None, max: ArrayLike | None = None) -> Expr:
    """x, but no less than `min` and no more than `max`, of which either may be None; x's dtype is kept.

    Raises:
        DTypeError: a bound that is a number does not fit x's dtype.
    """
    result = lift("clip", x)
    if min is not None:
        result = scalar.maximum(*broadcast("clip", result, _bound(result, min)))
    if max is not None:
        result = scalar.minimum(*broadcast("clip", result, _bound(result, max)))
    return result


def _bound(x: Expr, bound: ArrayLike) -> Expr:
    return scalar.astype(lift("clip", bound, x.dtype), x.dtype)


def where(condition: ArrayLike, x1: ArrayLike, x2: ArrayLike, /) -> Expr:
    """x1 where the condition (bool) holds, else x2.

    Raises:
        DTypeError: the condition is not bool.
    """
    chosen = lift("where", condition)
    if chosen.dtype is not dtypes.bool_:
        raise DTypeError(f"where: the condition must be bool, such as x > 0{roles(chosen)}")
    return scalar.where(*broadcast("where", chosen, *promoted("where", x1, x2)))


# Comparison and logic ------------------------------------------------------------------------------------------


def equal(x1: ArrayLike, x2: ArrayLike, /) -> Expr:
    """x1 == x2, elementwise, bool."""
    return scalar.equal(*operands("equal", x1, x2))


def not_equal(x1: ArrayLike, x2: ArrayLike, /) -> Expr:
    """x1 != x2, elementwise, bool."""
    return scalar.not_equal(*operands("not_equal", x1, x2))


def less(x1: ArrayLike, x2: ArrayLike, /) -> Expr:
    """x1 < x2, elementwise, bool."""
    return scalar.less(*operands("less", x1, x2))


def less_equal(x1: ArrayLike, x2: ArrayLike, /) -> Expr:
    """x1 ≤ x2, elementwise, bool."""
    return scalar.less_equal(*operands("less_equal", x1, x2))


def greater(x1: ArrayLike, x2: ArrayLike, /) -> Expr:
    """x1 > x2, elementwise, bool."""
    return scalar.greater(*operands("greater", x1, x2))


def greater_equal(x1: ArrayLike, x2: ArrayLike, /) -> Expr:
    """x1 ≥ x2, elementwise, bool."""
    return scalar.greater_equal(*operands("greater_equal", x1, x2))


def logical_and(x1: ArrayLike, x2: ArrayLike, /) -> Expr:
    """x1 and x2, elementwise; both are bool."""
    return scalar.logical_and(*operands("logical_and", x1, x2))


def logical_or(x1: ArrayLike, x2: ArrayLike, /) -> Expr:
    """x1 or x2, elementwise; both are bool."""
    return scalar.logical_or(*operands("logical_or", x1, x2))


def logical_not(x: ArrayLike, /) -> Expr:
    """Not x, elementwise; x is bool."""
    return scalar.logical_not(lift("logical_not", x))


def logical_xor(x1: ArrayLike, x2: ArrayLike, /) -> Expr:
    """x1 or x2 but not both, elementwise; both are bool."""
    return scalar.logical_xor(*operands("logical_xor", x1, x2))


def isfinite(x: ArrayLike, /) -> Expr:
    """Whether x is neither infinite nor nan, bool."""
    return scalar.isfinite(*floating("isfinite", x))


def isinf(x: ArrayLike, /) -> Expr:
    """Whether x is inf or -inf, bool."""
    return scalar.isinf(*floating("isinf", x))


def isnan(x: ArrayLike, /) -> Expr:
    """Whether x is nan, bool."""
    return scalar.isnan(*floating("isnan", x))


# Bits ----------------------------------------------------------------------------------------------------------


def bitwise_and(x1: ArrayLike, x2: ArrayLike, /) -> Expr:
    """The bits that are set in x1 and in x2: of integers, or of bool."""
    return _bits("bitwise_and", bitwise.bitwise_and, scalar.logical_and, x1, x2)


def bitwise_or(x1: ArrayLike, x2: ArrayLike, /) -> Expr:
    """The bits that are set in x1 or in x2: of integers, or of bool."""
    return _bits("bitwise_or", bitwise.bitwise_or, scalar.logical_or, x1, x2)


def bitwise_xor(x1: ArrayLike, x2: ArrayLike, /) -> Expr:
    """The bits in which x1 and x2 differ: of integers, or of bool."""
    return _bits("bitwise_xor", bitwise.bitwise_xor, scalar.logical_xor, x1, x2)


def bitwise_invert(x: ArrayLike, /) -> Expr:
    """Every bit of x turned: of integers, or of bool."""
    return _bits("bitwise_invert", bitwise.bitwise_invert, scalar.logical_not, x)


def _bits(name: str, of_integers: Callable[..., Expr], of_bool: Callable[..., Expr], *values: ArrayLike) -> Expr:
    exprs = operands(name, *values)
    return of_bool(*exprs) if exprs[0].dtype is dtypes.bool_ else of_integers(*exprs)


def bitwise_left_shift(x1: ArrayLike, x2: ArrayLike, /) -> Expr:
    """The bits of x1 moved up by x2 places; 0 where x2 is negative, or the width of the dtype or more."""
    return bitwise.bitwise_left_shift(*operands("bitwise_left_shift", x1, x2))


def bitwise_right_shift(x1: ArrayLike, x2: ArrayLike, /) -> Expr:
    """The bits of x1 moved down by x2 places, the sign above.

    Where x2 is negative, or the width of the dtype or more: 0, or -1 of negative numbers.
    """
    return bitwise.bitwise_right_shift(*operands("bitwise_right_shift", x1, x2))


# Complex numbers, of which there are none ----------------------------------------------------------------------


def conj(x: ArrayLike, /) -> Expr:
    """x itself, which is real."""
    return lift("conj", x)


def real(x: ArrayLike, /) -> Expr:
    """x itself, which is real."""
    return lift("real", x)


def imag(x: ArrayLike, /) -> Expr:
    """Refused: there are no complex dtypes.

    Raises:
        DTypeError: always.
    """
    expr = lift("imag", x)
    raise DTypeError(f"imag: graphc has no complex dtypes, so it would be 0 everywhere{roles(expr)}")


# Conversions and marks -----------------------------------------------------------------------------------------


def astype(x: ArrayLike, dtype: DTypeLike, /) -> Expr:
    """x converted to another dtype. Float to integer saturates and nan becomes 0; integers wrap."""
    return scalar.astype(lift("astype", x), as_dtype(dtype))


def stop_gradient(x: ArrayLike, /) -> Expr:
    """x, taken as a constant by derivatives."""
    return scalar.stop_gradient(lift("stop_gradient", x))
