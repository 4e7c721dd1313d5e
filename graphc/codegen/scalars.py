"""How each elementwise op is written in LLVM IR: one row for each, keyed by the op's name.

A row gets the emitter, the argument values, their dtype, and the result's dtype, and returns the value. Vectors and
scalars are written alike; `Lines` knows the type texts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..ir.dtype import DType, bool_
from . import whole
from .conversion import convert

if TYPE_CHECKING:
    from .emit import FunctionEmitter

Emit = Callable[["FunctionEmitter", list[str], DType, DType, int], str]


def _binary(on_float: str, on_int: str) -> Emit:
    def emit(e: FunctionEmitter, args: list[str], dtype: DType, out: DType, lanes: int) -> str:
        word = on_float if dtype.is_float else on_int
        return e.line(f"{word} {e.type(dtype, lanes)} {args[0]}, {args[1]}")

    return emit


def _compare(on_float: str, signed: str, unsigned: str) -> Emit:
    def emit(e: FunctionEmitter, args: list[str], dtype: DType, out: DType, lanes: int) -> str:
        kind = {"float": f"fcmp {on_float}", "int": f"icmp {signed}"}.get(dtype.kind, f"icmp {unsigned}")
        return e.line(f"{kind} {e.type(dtype, lanes)} {args[0]}, {args[1]}")

    return emit


_greater = _compare("ogt", "sgt", "ugt")
_less = _compare("olt", "slt", "ult")


def _select(e: FunctionEmitter, condition: str, x: str, y: str, dtype: DType, lanes: int) -> str:
    t = e.type(dtype, lanes)
    return e.line(f"select {e.type(bool_, lanes)} {condition}, {t} {x}, {t} {y}")


def _extremum(first_wins: Emit) -> Emit:
    """The larger or smaller value, and nan if either is: the first where it wins or is nan, else the second.

    The first selection is one instruction of most processors. The second condition does not wait for it, so that an
    accumulator that is the second value goes through two quick instructions only.
    """

    def emit(e: FunctionEmitter, args: list[str], dtype: DType, out: DType, lanes: int) -> str:
        x, y = args
        best = _select(e, first_wins(e, [x, y], dtype, bool_, lanes), x, y, dtype, lanes)
        if not dtype.is_float:
            return best
        t = e.type(dtype, lanes)
        kept = e.line(f"freeze {t} {best}")  # LLVM would join the conditions and select once
        return _select(e, e.line(f"fcmp uno {t} {x}, {x}"), x, kept, dtype, lanes)

    return emit


def _relu(e: FunctionEmitter, args: list[str], dtype: DType, out: DType, lanes: int) -> str:
    zero = e.constant(0, dtype, lanes)
    negative = _greater(e, [zero, args[0]], dtype, bool_, lanes)
    return _select(e, negative, zero, args[0], dtype, lanes)


def _intrinsic(name: str) -> Emit:
    def emit(e: FunctionEmitter, args: list[str], dtype: DType, out: DType, lanes: int) -> str:
        return e.intrinsic(name, dtype, lanes, args)

    return emit


def _absolute(e: FunctionEmitter, args: list[str], dtype: DType, out: DType, lanes: int) -> str:
    if dtype.kind == "uint":
        return args[0]
    if dtype.is_float:
        return e.intrinsic("fabs", dtype, lanes, args)
    zero = e.constant(0, dtype, lanes)
    negated = e.line(f"sub {e.type(dtype, lanes)} {zero}, {args[0]}")
    return _select(e, _less(e, [args[0], zero], dtype, bool_, lanes), negated, args[0], dtype, lanes)


def _negative(e: FunctionEmitter, args: list[str], dtype: DType, out: DType, lanes: int) -> str:
    t = e.type(dtype, lanes)
    if dtype.is_float:
        return e.line(f"fneg {t} {args[0]}")
    return e.line(f"sub {t} {e.constant(0, dtype, lanes)}, {args[0]}")


def _sign(e: FunctionEmitter, args: list[str], dtype: DType, out: DType, lanes: int) -> str:
    zero, one = e.constant(0, dtype, lanes), e.constant(1, dtype, lanes)
    x = args[0]
    rest = x if not dtype.is_float else _select(
        e, e.line(f"fcmp oeq {e.type(dtype, lanes)} {x}, {zero}"), zero, x, dtype, lanes
    )  # fmt: skip
    if dtype.kind != "uint":
        below = _less(e, [x, zero], dtype, bool_, lanes)
        rest = _select(e, below, e.constant(-1, dtype, lanes), rest, dtype, lanes)
    return _select(e, _greater(e, [x, zero], dtype, bool_, lanes), one, rest, dtype, lanes)


def _square(e: FunctionEmitter, args: list[str], dtype: DType, out: DType, lanes: int) -> str:
    return _binary("fmul", "mul")(e, [args[0], args[0]], dtype, out, lanes)


def _against_infinity(predicate: str) -> Emit:
    def emit(e: FunctionEmitter, args: list[str], dtype: DType, out: DType, lanes: int) -> str:
        magnitude = e.intrinsic("fabs", dtype, lanes, args)
        return e.line(f"fcmp {predicate} {e.type(dtype, lanes)} {magnitude}, {e.constant(math.inf, dtype, lanes)}")

    return emit


def _is_nan(e: FunctionEmitter, args: list[str], dtype: DType, out: DType, lanes: int) -> str:
    return e.line(f"fcmp uno {e.type(dtype, lanes)} {args[0]}, {args[0]}")


def _logical_not(e: FunctionEmitter, args: list[str], dtype: DType, out: DType, lanes: int) -> str:
    return e.line(f"xor {e.type(bool_, lanes)} {args[0]}, {e.constant(True, bool_, lanes)}")


def _where(e: FunctionEmitter, args: list[str], dtype: DType, out: DType, lanes: int) -> str:
    return _select(e, args[0], args[1], args[2], out, lanes)


def _choose(e: FunctionEmitter, args: list[str], dtype: DType, out: DType, lanes: int) -> str:
    """What was not taken has never been written. Frozen, so that no masked load comes of it: one that is all masked
    is a trap of some hundred cycles where the memory has not been touched yet."""
    taken, other = (e.line(f"freeze {e.type(out, lanes)} {side}") for side in args[1:])
    return _select(e, args[0], taken, other, out, lanes)


def _same(e: FunctionEmitter, args: list[str], dtype: DType, out: DType, lanes: int) -> str:
    return args[0]


def _inline(name: str) -> Emit:
    def emit(e: FunctionEmitter, args: list[str], dtype: DType, out: DType, lanes: int) -> str:
        return e.elementary(name, dtype, lanes, args)

    return emit


# Functions -----------------------------------------------------------------------------------------------------


def _log_add_exp(e: FunctionEmitter, args: list[str], dtype: DType, out: DType, lanes: int) -> str:
    """max(x, y) + ln(1 + e^-|x - y|), infinities that are equal having no distance."""
    x, y = args
    t = e.type(dtype, lanes)
    distance = e.intrinsic("fabs", dtype, lanes, [e.line(f"fsub {t} {x}, {y}")])
    same = e.line(f"fcmp oeq {t} {x}, {y}")
    distance = _select(e, same, e.constant(0, dtype, lanes), distance, dtype, lanes)
    rest = e.elementary("softplus", dtype, lanes, [e.line(f"fneg {t} {distance}")])
    return e.line(f"fadd {t} {_extremum(_greater)(e, args, dtype, out, lanes)}, {rest}")


SCALARS: dict[str, Emit] = {
    "add": _binary("fadd", "add"),
    "subtract": _binary("fsub", "sub"),
    "multiply": _binary("fmul", "mul"),
    "divide": _binary("fdiv", "sdiv"),
    "negative": _negative,
    "abs": _absolute,
    "sign": _sign,
    "square": _square,
    "sqrt": _intrinsic("sqrt"),
    "pow": whole.power,
    "exp": _inline("exp"),
    "log": _inline("log"),
    "expm1": _inline("expm1"),
    "log1p": _inline("log1p"),
    "tanh": _inline("tanh"),
    "sigmoid": _inline("sigmoid"),
    "softplus": _inline("softplus"),
    "erf": _inline("erf"),
    "relu": _relu,
    "maximum": _extremum(_greater),
    "minimum": _extremum(_less),
    "equal": _compare("oeq", "eq", "eq"),
    "not_equal": _compare("une", "ne", "ne"),
    "less": _less,
    "less_equal": _compare("ole", "sle", "ule"),
    "greater": _greater,
    "greater_equal": _compare("oge", "sge", "uge"),
    "logical_and": _binary("and", "and"),
    "logical_or": _binary("or", "or"),
    "logical_not": _logical_not,
    "logical_xor": _binary("xor", "xor"),
    "isfinite": _against_infinity("one"),
    "isinf": _against_infinity("oeq"),
    "isnan": _is_nan,
    "ceil": _intrinsic("ceil"),
    "floor": _intrinsic("floor"),
    "round": _intrinsic("rint"),
    "trunc": _intrinsic("trunc"),
    "floor_divide": whole.floor_divide,
    "remainder": whole.remainder,
    "copysign": _intrinsic("copysign"),
    "nextafter": whole.next_after,
    "signbit": whole.sign_bit,
    "bitwise_and": _binary("and", "and"),
    "bitwise_or": _binary("or", "or"),
    "bitwise_xor": _binary("xor", "xor"),
    "bitwise_invert": whole.invert,
    "bitwise_left_shift": whole.left_shift,
    "bitwise_right_shift": whole.right_shift,
    "logaddexp": _log_add_exp,
    **{
        name: _inline(name)
        for name in (
            "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "hypot", "sinh", "cosh", "asinh", "acosh", "atanh",
            "exp2", "log2", "log10", "cbrt", "erfc", "lgamma", "digamma", "trigamma",
        )
    },
    "where": _where,
    "choose": _choose,
    "astype": convert,
    "probe": _same,
    "stop_gradient": _same,
}  # fmt: skip
