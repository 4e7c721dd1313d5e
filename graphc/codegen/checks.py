"""How checks are written in LLVM IR: a compare and a branch that is never taken, and what happens where it is.

    %bad = |value| is not below inf                      hot: three instructions a check
    br any lane of %bad, %report, %on
  report:                                                cold: whether it is the op's own fault, and the first lane
    cell = min(cell, number·2³² + what the value is)     atomic: threads may share a loop

`@verdict` is what a program asks when all kernels have run: the first kernel that has a report, and the report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..ir.dtype import bool_, int64
from ..loop.checks import CELL_BYTES, NOTHING
from ..loop.ir import Check
from .whole import Writer

if TYPE_CHECKING:
    from .emit import FunctionEmitter

NEVER = '!0 = !{!"branch_weights", i32 1, i32 1048575}'
"""The branch to a report is hardly ever taken."""
LARGEST = 2**31 - 1
"""The largest position that is told; it stands for all beyond it."""

VERDICT = f"""\
@failure = global i64 0

define internal i32 @verdict(ptr %cells, i64 %count, i64 %stride) ATTRIBUTES {{
start:
  br label %next
next:
  %i = phi i64 [ 0, %start ], [ %following, %well ]
  %offset = mul i64 %i, {CELL_BYTES}
  %cell = getelementptr i8, ptr %cells, i64 %offset
  %report = load i64, ptr %cell
  %is_well = icmp eq i64 %report, {NOTHING}
  br i1 %is_well, label %well, label %found
well:
  %following = add i64 %i, 1
  %more = icmp slt i64 %following, %count
  br i1 %more, label %next, label %done
done:
  ret i32 0
found:
  %number = ashr i64 %report, 32
  %before = mul i64 %i, %stride
  %place = add i64 %before, %number
  %status = add i64 %place, 1
  %high = shl i64 %status, 32
  %low = and i64 %report, {2**32 - 1}
  %failure = or i64 %high, %low
  store atomic i64 %failure, ptr @failure monotonic, align 8
  %short = trunc i64 %status to i32
  ret i32 %short
}}
"""


def emit_check(e: FunctionEmitter, check: Check) -> None:
    """Write a check."""
    lanes = max(o.lanes for o in (check.value, *check.operands, check.mask) if o is not None)
    w = Writer(e, check.value.dtype, lanes)
    value = e.operand(check.value, lanes)
    bad = _suspects(w, check, value)
    masks = e.active(lanes), None if check.mask is None else e.operand(check.mask, lanes)
    for mask in masks:
        if mask is not None:
            bad = w.of(bool_)("and", bad, mask)
    some = _some(w, bad)
    number = some.removeprefix("%t")
    e.do(f"br i1 {some}, label %report{number}, label %on{number}, !prof !0")
    e.module.checked = True
    e.label(f"report{number}")
    _report(w, check, value, _guilty(w, check, value, bad) if check.kind == "finite" else bad)
    e.do(f"br label %on{number}")
    e.label(f"on{number}")


def _suspects(w: Writer, check: Check, value: str) -> str:
    """The lanes that may be wrong."""
    if check.kind == "within":
        return w("icmp uge", value, w.number(check.size))
    if check.kind == "number":
        return w("fcmp uno", value, value)
    return w("fcmp uge", w.intrinsic("fabs", value), w.number(float("inf")))


def _guilty(w: Writer, check: Check, value: str, bad: str) -> str:
    """Those of them that are worse than what they were made of."""
    both = w.of(bool_)
    all_finite = all_numbers = both.number(True)
    for operand in check.operands:
        of, x = w.of(operand.dtype), w.e.operand(operand, w.lanes)
        all_finite = both("and", all_finite, of("fcmp olt", of.intrinsic("fabs", x), of.number(float("inf"))))
        all_numbers = both("and", all_numbers, of("fcmp ord", x, x))
    if check.witness is not None:
        seen = w.e.line(f"load {w.type}, ptr {w.e.slots[check.witness.name, 0]}")
        all_finite = w("fcmp ord", seen, seen)
    is_new_nan = both("and", w("fcmp uno", value, value), all_numbers)
    return both("and", bad, both("or", all_finite, is_new_nan))


def _some(w: Writer, lanes: str) -> str:
    """Whether any lane is set."""
    if w.lanes == 1:
        return w.of(bool_)("and", lanes, "true")
    return w.e.line(f"icmp ne i{w.lanes} {_bits(w, lanes)}, 0")


def _bits(w: Writer, lanes: str) -> str:
    return w.e.line(f"bitcast {w.of(bool_).type} {lanes} to i{w.lanes}")


def _report(w: Writer, check: Check, value: str, guilty: str) -> None:
    """Write the first of the lanes that are to blame into the cell, if there is one and nothing smaller is there."""
    e, one = w.e, w.of(w.dtype)
    if w.lanes > 1:
        wide = max(w.lanes, 64)
        bits = e.line(f"zext i{w.lanes} {_bits(w, guilty)} to i64") if w.lanes < wide else _bits(w, guilty)
        e.module.declarations[f"declare i{wide} @llvm.cttz.i{wide}(i{wide}, i1)"] = None
        first = e.line(f"call i{wide} @llvm.cttz.i{wide}(i{wide} {bits}, i1 false)")
        first = e.line(f"trunc i{wide} {first} to i64") if wide > 64 else first
        value = e.line(f"extractelement {w.type} {value}, i64 {first}")
        one = Writer(e, w.dtype, 1)
    what = _position(one, value) if check.kind == "within" else _class(one, value)
    word = Writer(e, int64, 1)
    report = word.select(_some(w, guilty), word("or", what, word.number(check.number << 32)), word.number(NOTHING))
    cell = e.element(check.cell, str(check.at))
    e.do(f"atomicrmw min ptr {cell}, i64 {report} monotonic, align 8")


def _class(w: Writer, value: str) -> str:
    """0 for nan, 1 for inf, 2 for -inf, as an i64."""
    word = w.of(int64)
    negative = word.select(w("fcmp olt", value, w.number(0)), word.number(2), word.number(1))
    return word.select(w("fcmp uno", value, value), word.number(0), negative)


def _position(w: Writer, value: str) -> str:
    """The lower half of a position as an i64; one that needs more bits becomes the last that fits."""
    word = w.of(int64)
    if w.dtype.kind == "uint":
        if w.dtype.bits >= 32:
            value = w.intrinsic("umin", value, w.number(LARGEST))
        wide = value if w.dtype.bits == 64 else w.e.line(f"zext {w.type} {value} to i64")
    else:
        wide = word.intrinsic("smax", word.intrinsic("smin", value, word.number(LARGEST)), word.number(-LARGEST))
    return word("and", wide, word.number(2**32 - 1))
