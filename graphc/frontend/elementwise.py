"""Elementwise functions, by the array API standard's names.

Every function lifts, promotes and broadcasts its operands as `lifting` says, so that each line below only names the
raw operation. Functions of real numbers turn integers and bool into float32.
"""

from __future__ import annotations

import numpy as np

from ..ir import dtype as dtypes
from ..ir.dtype import as_dtype, promote
from ..ir.errors import DTypeError
from ..ir.expr import Expr
from ..ops import scalar
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


def sqrt(x: ArrayLike, /) -> Expr:
    """√x; nan below 0."""
    return scalar.sqrt(*floating("sqrt", x))


def pow(x1: ArrayLike, x2: ArrayLike, /) -> Expr:
    """x1 to the power x2.

    An exponent that is a number gives the simplest graph: `x ** 2` is a square, `x ** 0.5` a square root, and an
    integer base with a whole exponent ≥ 0 is multiplied repeatedly (integers wrap).

    Raises:
        DTypeError: both are integers and the exponent is not a number ≥ 0 known here.
    """
    exponent = _known_exponent(x2)
    if exponent is not None and isinstance(x1, Expr):
        strong = None if isinstance(x2, (int, float)) else as_dtype(type(x2))
        return _power_of_number(scalar.astype(x1, promote(x1.dtype, strong)) if strong else x1, exponent)
    base, power = promoted("pow", x1, x2)
    if not base.dtype.is_float:
        raise DTypeError(
            "pow: an exponent that is an array of integers needs a floating point base; "
            f"convert one of them with gc.astype(x, 'float32'){roles(base, power)}"
        )
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
        raise DTypeError(
            f"pow: an integer to the power {exponent} is no integer; convert it with gc.astype(x, 'float32')"
            f"{roles(base)}"
        )
    result: Expr | None = None
    factor = base
    while exponent:
        if exponent & 1:
            result = factor if result is None else scalar.multiply(result, factor)
        exponent >>= 1
        if exponent:
            factor = scalar.square(factor)
    return scalar.like(1, base) if result is None else result


# Exponentials and what is made of them -------------------------------------------------------------------------


def exp(x: ArrayLike, /) -> Expr:
    """eˣ."""
    return scalar.exp(*floating("exp", x))


def expm1(x: ArrayLike, /) -> Expr:
    """eˣ - 1, accurate near 0."""
    return scalar.expm1(*floating("expm1", x))


def log(x: ArrayLike, /) -> Expr:
    """The natural logarithm of x; -inf at 0, nan below."""
    return scalar.log(*floating("log", x))


def log1p(x: ArrayLike, /) -> Expr:
    """ln(1 + x), accurate near 0."""
    return scalar.log1p(*floating("log1p", x))


def tanh(x: ArrayLike, /) -> Expr:
    """The hyperbolic tangent."""
    return scalar.tanh(*floating("tanh", x))


def sigmoid(x: ArrayLike, /) -> Expr:
    """1 / (1 + e⁻ˣ), the logistic function."""
    return scalar.sigmoid(*floating("sigmoid", x))


def softplus(x: ArrayLike, /) -> Expr:
    """ln(1 + eˣ), a smooth relu."""
    return scalar.softplus(*floating("softplus", x))


def erf(x: ArrayLike, /) -> Expr:
    """The error function, 2/√π ∫₀ˣ e^(-t²) dt."""
    return scalar.erf(*floating("erf", x))


# Piecewise and choosing ----------------------------------------------------------------------------------------


def relu(x: ArrayLike, /) -> Expr:
    """max(x, 0). The derivative at 0 is taken as 0."""
    return scalar.relu(lift("relu", x))


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


def isfinite(x: ArrayLike, /) -> Expr:
    """Whether x is neither infinite nor nan, bool."""
    return scalar.isfinite(*floating("isfinite", x))


# Conversions and marks -----------------------------------------------------------------------------------------


def astype(x: ArrayLike, dtype: DTypeLike, /) -> Expr:
    """x converted to another dtype. Float to integer saturates and nan becomes 0; integers wrap."""
    return scalar.astype(lift("astype", x), as_dtype(dtype))


def stop_gradient(x: ArrayLike, /) -> Expr:
    """x, taken as a constant by derivatives."""
    return scalar.stop_gradient(lift("stop_gradient", x))
