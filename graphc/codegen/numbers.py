"""Python's and NumPy's numbers as arguments: what `@entry` takes for an input without axes, besides an array.

For each dtype a function

    define internal i1 @take_float64(ptr %x, ptr %class, ptr %place)

that writes the value of `x`, an object of `class`, to `place`, and says whether it did. It takes what `ir.arguments`
converts without a second thought: floats where the dtype is of floats, ints that the dtype holds exactly. The rest
of the world, a float too large for float32 or an int out of range, is for the slow path, which knows what to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

CLASSES: tuple[type, ...] = (float, int, np.float64, np.float32)
"""What is looked for, exactly: a subclass may be anything. Their addresses are words of `@state`, in this order."""

_LLVM = {"float64": "double", "float32": "float"}
_EXACT = 2**53
"""Ints below it are floats, too; floats below it are in the range of float32."""

DECLARATIONS = """\
declare double @PyFloat_AsDouble(ptr)
declare i64 @PyLong_AsLongLongAndOverflow(ptr, ptr)
declare double @llvm.fabs.f64(double)
"""


def takes_numbers(dtype: str) -> bool:
    """Whether there is a function for this dtype."""
    return dtype != "bool"


def emit(dtypes: Iterable[str], words: Mapping[type, str]) -> str:
    """The functions for these dtypes. `words` are the places in `@state` of the classes."""
    return "".join(_function(d, _for_floats(d, words) if d in _LLVM else _for_ints(d, words)) for d in dtypes)


def _function(dtype: str, body: str) -> str:
    return f"""
define internal i1 @take_{dtype}(ptr %x, ptr %class, ptr %place) ATTRIBUTES {{
{body}
  ret i1 true
refuse:
  ret i1 false
}}
"""


def _is(known: type, words: Mapping[type, str], then: str, otherwise: str) -> str:
    name = known.__name__
    return f"""\
  %{name} = load ptr, ptr {words[known]}
  %is_{name} = icmp eq ptr %class, %{name}
  br i1 %is_{name}, label %{then}, label %{otherwise}"""


def _whole(low: int, high: int, words: Mapping[type, str]) -> str:
    """%whole = the value of an int that lies between the two."""
    return f"""\
{_is(int, words, "an_int", "refuse")}
an_int:
  %overflow = alloca i32
  %whole = call i64 @PyLong_AsLongLongAndOverflow(ptr %x, ptr %overflow)
  %overflowed = load i32, ptr %overflow
  %fits = icmp eq i32 %overflowed, 0
  %above = icmp sge i64 %whole, {low}
  %below = icmp sle i64 %whole, {high}
  %inside = and i1 %above, %below
  %good = and i1 %fits, %inside
  br i1 %good, label %integer, label %refuse
integer:"""


_NARROW = f"""\
  %size = call double @llvm.fabs.f64(double %value)
  %moderate = fcmp olt double %size, {float(_EXACT)!r}
  %narrows = or i1 %is_float32, %moderate
  br i1 %narrows, label %keep, label %refuse
keep:
  %kept = fptrunc double %value to float
  store float %kept, ptr %place"""
"""Any other float than float32's own is a float64: one beyond the range, or a nan, is left to the slow path."""


def _for_floats(dtype: str, words: Mapping[type, str]) -> str:
    return f"""\
{_is(np.float32, words, "number", "other")}
other:
{_is(float, words, "number", "another")}
another:
{_is(np.float64, words, "number", "perhaps_int")}
number:
  %value = call double @PyFloat_AsDouble(ptr %x)
{_NARROW if dtype == "float32" else "  store double %value, ptr %place"}
  ret i1 true
perhaps_int:
{_whole(1 - _EXACT, _EXACT - 1, words)}
  %real = sitofp i64 %whole to {_LLVM[dtype]}
  store {_LLVM[dtype]} %real, ptr %place"""


def _for_ints(dtype: str, words: Mapping[type, str]) -> str:
    limits = np.iinfo(dtype)
    narrow = "" if limits.bits == 64 else f"  %kept = trunc i64 %whole to i{limits.bits}\n"
    return f"""\
{_whole(int(limits.min), min(int(limits.max), 2**63 - 1), words)}
{narrow}  store i{limits.bits} %{"kept" if narrow else "whole"}, ptr %place"""
