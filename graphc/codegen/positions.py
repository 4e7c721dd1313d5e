"""Where among the lanes a position is: cheaper than to make all positions and compare each.

p = <i, i + 1, i + 2, …>           d = y - i, or -1 where that is no lane
c = p == y                    →    c = <0, 1, 2, …> == d          in 32 bits instead of 64
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..ir.dtype import int64
from ..loop.ir import Operand, Ref

if TYPE_CHECKING:
    from .emit import FunctionEmitter


def emit_is_position(e: FunctionEmitter, args: tuple[Operand, ...], lanes: int) -> str | None:
    """Whether each lane's position is a number that all lanes share; None where that is not what is compared."""
    for position, number in (args, args[::-1]):
        if not isinstance(position, Ref) or position.name not in e.positions or position.lanes != lanes:
            continue
        if number.lanes == 1 and number.dtype is int64:
            return _compared(e, e.positions[position.name], e.operand(number, 1), lanes)
    return None


def _compared(e: FunctionEmitter, first: str, number: str, lanes: int) -> str:
    distance = e.line(f"sub i64 {number}, {first}")
    inside = e.line(f"icmp ult i64 {distance}, {lanes}")
    short = e.line(f"trunc i64 {distance} to i32")
    lane = e.repeat(e.line(f"select i1 {inside}, i32 {short}, i32 -1"), "i32", f"<{lanes} x i32>", lanes)
    counting = ", ".join(f"i32 {n}" for n in range(lanes))
    return e.line(f"icmp eq <{lanes} x i32> {lane}, <{counting}>")
