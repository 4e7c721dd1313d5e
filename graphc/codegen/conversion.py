"""Conversions between dtypes in LLVM IR: a row of the table in `scalars`.

Floats saturate into integers, and nan becomes 0. The instructions of the hardware do neither, and what they do is
poison in LLVM. So a float is brought into range before, by the two extrema that are one instruction each:

    float32 → int32                                  float32 → int8
    a = max(x, -2³¹), of nan the latter              a = min(max(x, -128), 127)
    b = a if x < 2³¹ else -2³¹                       as int32, narrowed; 0 where x is nan
    as int32; 2³¹ - 1 where x ≥ 2³¹, 0 where it is nan

The bounds on the left are floats, the largest int32 is none; on the right both ends are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..ir.dtype import DType, int32
from .whole import Writer

if TYPE_CHECKING:
    from .emit import FunctionEmitter

_DIGITS = {32: 24, 64: 53}
"""Binary digits of a float."""


def convert(e: FunctionEmitter, args: list[str], dtype: DType, out: DType, lanes: int) -> str:
    """Conversion: integers wrap, floats saturate into integers with nan as 0, anything but zero is true."""
    if dtype is out:
        return args[0]
    source, target, x = e.type(dtype, lanes), e.type(out, lanes), args[0]
    if out.kind == "bool":
        word = "fcmp une" if dtype.is_float else "icmp ne"
        return e.line(f"{word} {source} {x}, {e.constant(0, dtype, lanes)}")
    if dtype.is_float and out.is_float:
        return e.line(f"{'fpext' if out.bits > dtype.bits else 'fptrunc'} {source} {x} to {target}")
    if dtype.is_float:
        return _saturated(Writer(e, dtype, lanes), x, out)
    if out.is_float:
        return e.line(f"{'sitofp' if dtype.kind == 'int' else 'uitofp'} {source} {x} to {target}")
    if dtype.kind != "bool" and out.bits == dtype.bits:
        return x
    if dtype.kind != "bool" and out.bits < dtype.bits:
        return e.line(f"trunc {source} {x} to {target}")
    return e.line(f"{'sext' if dtype.kind == 'int' else 'zext'} {source} {x} to {target}")


def _saturated(w: Writer, x: str, out: DType) -> str:
    """A float as the nearest integer toward 0 that there is."""
    digits = out.bits - (out.kind == "int")
    lowest, above = -(2.0**digits) if out.kind == "int" else 0.0, 2.0**digits
    is_exact = digits <= _DIGITS[w.dtype.bits]
    to = w.of(int32 if out.bits < 32 else out)
    word = "fptosi" if out.bits < 32 or out.kind == "int" else "fptoui"
    x_in = w.select(w("fcmp ogt", x, w.number(lowest)), x, w.number(lowest))
    if is_exact:
        x_in = w.select(w("fcmp olt", x_in, w.number(above - 1)), x_in, w.number(above - 1))
    else:
        is_below = w("fcmp olt", x_in, w.number(above))
        x_in = w.select(is_below, x_in, w.number(lowest))
    found = w.e.line(f"{word} {w.type} {x_in} to {to.type}")
    if not is_exact:
        found = to.select(is_below, found, to.number(2**digits - 1))
    if out.kind == "int":
        found = to.select(w("fcmp uno", x, x), to.number(0), found)
    return found if to.dtype is out else w.e.line(f"trunc {to.type} {found} to {w.of(out).type}")
