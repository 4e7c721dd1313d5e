"""How accumulations are written in LLVM IR, and how the lanes of vector accumulators become one value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..ir.dtype import DType, bool_, int64
from ..loop.ir import Accumulate, Combine
from .scalars import SCALARS

if TYPE_CHECKING:
    from .emit import FunctionEmitter

_FOLDS = {"prod": "multiply", "max": "maximum", "min": "minimum", "any": "logical_or", "all": "logical_and"}
"""Accumulations by an op of the scalar table that takes the new value first."""
_BETTER = {"argmax": "greater", "argmin": "less"}
"""When a new value takes the place of the one a position is kept of."""


def emit_accumulate(e: FunctionEmitter, statement: Accumulate) -> None:
    """Take values into registers; lanes that do not count leave theirs as they are."""
    lanes, dtype = statement.registers[0].lanes, statement.registers[0].dtype
    slots = [e.slots[r.name, statement.at] for r in statement.registers]
    types = [e.type(r.dtype, lanes) for r in statement.registers]
    old = [e.line(f"load {t}, ptr {slot}") for t, slot in zip(types, slots, strict=True)]
    values = [e.operand(v, lanes) for v in statement.values]
    new = _accumulated(e, statement.op, old, values, dtype, lanes)
    mask = e.active(lanes)
    for before, after, slot, t in zip(old, new, slots, types, strict=True):
        kept = after if mask is None else e.line(f"select <{lanes} x i1> {mask}, {t} {after}, {t} {before}")
        e.do(f"store {t} {kept}, ptr {slot}")


def _accumulated(e: FunctionEmitter, op: str, old: list[str], values: list[str], dtype: DType, lanes: int) -> list[str]:
    """The registers after taking in the values."""
    if op == "fma":
        return [e.fma(values[0], values[1], old[0], dtype, lanes)]
    if op == "sum":
        return [SCALARS["add"](e, [old[0], values[0]], dtype, dtype, lanes)]
    if op in _FOLDS:
        return [SCALARS[_FOLDS[op]](e, [values[0], old[0]], dtype, dtype, lanes)]
    better = SCALARS[_BETTER[op]](e, [values[0], old[0]], dtype, bool_, lanes)
    if dtype.is_float:
        t = e.type(dtype, lanes)
        nan = e.line(f"fcmp uno {t} {values[0]}, {values[0]}")
        known = e.line(f"fcmp ord {t} {old[0]}, {old[0]}")
        first = e.line(f"and {e.type(bool_, lanes)} {nan}, {known}")
        better = e.line(f"or {e.type(bool_, lanes)} {better}, {first}")
    best = SCALARS["where"](e, [better, values[0], old[0]], dtype, dtype, lanes)
    return [best, SCALARS["where"](e, [better, values[1], old[1]], int64, int64, lanes)]


def emit_combine(e: FunctionEmitter, statement: Combine) -> None:
    """Fold the lanes of vector registers into scalar ones: halves, then halves of those."""
    dtype, lanes = statement.vectors[0].dtype, statement.vectors[0].lanes
    folded = [e.line(f"load {e.type(v.dtype, lanes)}, ptr {e.slots[v.name, 0]}") for v in statement.vectors]
    width = lanes
    while width > 1:
        width //= 2
        halves = [_halves(e, f, v.dtype, width) for f, v in zip(folded, statement.vectors, strict=True)]
        low, high = [h[0] for h in halves], [h[1] for h in halves]
        folded = _joined(e, statement.op, low, high, dtype, width)
    slots = [e.slots[r.name, 0] for r in statement.into]
    old = [e.line(f"load {e.type(r.dtype)}, ptr {s}") for r, s in zip(statement.into, slots, strict=True)]
    new = _accumulated(e, statement.op, old, folded, dtype, 1)
    for register, slot, value in zip(statement.into, slots, new, strict=True):
        e.do(f"store {e.type(register.dtype)} {value}, ptr {slot}")


def _halves(e: FunctionEmitter, value: str, dtype: DType, width: int) -> tuple[str, str]:
    t = e.type(dtype, 2 * width)
    if width == 1:
        return e.line(f"extractelement {t} {value}, i64 0"), e.line(f"extractelement {t} {value}, i64 1")
    parts = []
    for start in (0, width):
        lanes = ", ".join(f"i32 {start + lane}" for lane in range(width))
        parts.append(e.line(f"shufflevector {t} {value}, {t} poison, <{width} x i32> <{lanes}>"))
    return parts[0], parts[1]


def _joined(e: FunctionEmitter, op: str, low: list[str], high: list[str], dtype: DType, lanes: int) -> list[str]:
    """Two halves folded into one; of positions the earlier wins between equals."""
    if op not in _BETTER:
        return _accumulated(e, op, low, high, dtype, lanes)
    best = SCALARS["maximum" if op == "argmax" else "minimum"](e, [high[0], low[0]], dtype, dtype, lanes)
    far = e.constant(2**63 - 1, int64, lanes)
    positions = []
    for value, position in zip((low[0], high[0]), (low[1], high[1]), strict=True):
        same = SCALARS["equal"](e, [value, best], dtype, bool_, lanes)
        if dtype.is_float:
            nan = e.line(f"fcmp uno {e.type(dtype, lanes)} {value}, {value}")
            same = e.line(f"or {e.type(bool_, lanes)} {same}, {nan}")
        positions.append(SCALARS["where"](e, [same, position, far], int64, int64, lanes))
    return [best, SCALARS["minimum"](e, positions, int64, int64, lanes)]
