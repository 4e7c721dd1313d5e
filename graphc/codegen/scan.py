"""How a step of a run is written in LLVM IR: one after the other, or over the lanes of a vector at once.

Sums, and everything of integers, are taken over the lanes in log₂(lanes) steps: each adds what stands 1, 2, 4, …
lanes before. Float products and recurrences go from lane to lane, in the order they are meant: grouped otherwise, a
product of large and small factors could overflow where the run never does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..ir.dtype import DType
from ..loop.ir import Scan
from .scalars import SCALARS

if TYPE_CHECKING:
    from .emit import FunctionEmitter


def emit_scan(e: FunctionEmitter, scan: Scan) -> None:
    """Write the step, bind the name to its value, keep the state for the next."""
    ref, register = scan.ref, scan.register
    slot = e.slots[register.name, 0]
    t = e.type(register.dtype, register.lanes)
    before = e.line(f"load {t}, ptr {slot}")
    values = [e.operand(v, ref.lanes) for v in scan.values]
    if register.lanes == ref.lanes:
        after = _step(e, scan.op, before, values, ref.dtype, ref.lanes)
        e.values[ref.name] = before if scan.exclusive else after
    elif scan.op == "recur" or (scan.op == "prod" and ref.dtype.is_float):
        e.values[ref.name], after = _lane_by_lane(e, scan, before, values)
    else:
        e.values[ref.name], after = _all_lanes(e, scan, before, values[0])
    e.do(f"store {t} {after}, ptr {slot}")
    e.mark_vector(ref)


def _step(e: FunctionEmitter, op: str, state: str, values: list[str], dtype: DType, lanes: int) -> str:
    if op == "recur":
        return e.fma(values[0], state, values[1], dtype, lanes)
    return SCALARS["add" if op == "sum" else "multiply"](e, [state, values[0]], dtype, dtype, lanes)


def _lane_by_lane(e: FunctionEmitter, scan: Scan, state: str, values: list[str]) -> tuple[str, str]:
    """The vector of what the run comes to in each lane, and what it comes to in the last."""
    dtype, lanes = scan.ref.dtype, scan.ref.lanes
    element, vector = e.type(dtype), e.type(dtype, lanes)
    result = "poison"
    for lane in range(lanes):
        here = [e.line(f"extractelement {vector} {v}, i64 {lane}") for v in values]
        after = _step(e, scan.op, state, here, dtype, 1)
        shown = state if scan.exclusive else after
        result = e.line(f"insertelement {vector} {result}, {element} {shown}, i64 {lane}")
        state = after
    return result, state


def _all_lanes(e: FunctionEmitter, scan: Scan, state: str, value: str) -> tuple[str, str]:
    """The same by doubling distances."""
    dtype, lanes = scan.ref.dtype, scan.ref.lanes
    element, vector = e.type(dtype), e.type(dtype, lanes)
    neutral = e.constant(int(scan.op == "prod"), dtype, lanes)
    distance = 1
    while distance < lanes:
        value = _step(e, scan.op, _moved_up(e, value, neutral, vector, lanes, distance), [value], dtype, lanes)
        distance *= 2
    spread = e.repeat(state, element, vector, lanes)
    total = _step(e, scan.op, spread, [value], dtype, lanes)
    shown = _moved_up(e, total, spread, vector, lanes, 1) if scan.exclusive else total
    return shown, e.line(f"extractelement {vector} {total}, i64 {lanes - 1}")


def _moved_up(e: FunctionEmitter, value: str, fill: str, vector: str, lanes: int, distance: int) -> str:
    """Each lane's value moved `distance` lanes on; the first lanes are filled."""
    places = [lane - distance if lane >= distance else lanes + lane for lane in range(lanes)]
    picked = ", ".join(f"i32 {p}" for p in places)
    return e.line(f"shufflevector {vector} {value}, {vector} {fill}, <{lanes} x i32> <{picked}>")
