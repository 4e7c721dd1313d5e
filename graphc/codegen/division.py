"""Quotients and remainders of index forms by numbers.

Forms are almost always ≥ 0, and below 2³¹: then vectors divide as unsigned 32-bit numbers, for which LLVM multiplies
or shifts; it has no such way with vectors of 64-bit numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..ir.affine import Quotient, Remainder

if TYPE_CHECKING:
    from .emit import FunctionEmitter


def divide(e: FunctionEmitter, atom: Quotient | Remainder, value: str, lanes: int) -> str:
    """The quotient or remainder of a form's value, an i64 in every lane."""
    low, high = atom.of.range()
    sign = "u" if low >= 0 else "s"
    word = f"{sign}{'div' if isinstance(atom, Quotient) else 'rem'}"
    if lanes == 1:
        return e.line(f"{word} i64 {value}, {atom.by}")
    wide, narrow = f"<{lanes} x i64>", f"<{lanes} x i32>"
    if low < 0 or high >= 2**31:
        return e.line(f"{word} {wide} {value}, splat (i64 {atom.by})")
    short = e.line(f"trunc {wide} {value} to {narrow}")
    result = e.line(f"{word} {narrow} {short}, splat (i32 {atom.by})")
    return e.line(f"zext {narrow} {result} to {wide}")
