"""Squares of memory that are turned in registers.

Each of log2(n) stages exchanges blocks across the diagonal, of half the size of those before:

    a b c d        a b i j        a e i m
    e f g h   2    e f m n   1    b f j n
    i j k l   →    c d k l   →    c g k o
    m n o p        g h o p        d h l p
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..loop.ir import Tile

if TYPE_CHECKING:
    from .emit import FunctionEmitter


def emit_tile(e: FunctionEmitter, tile: Tile) -> None:
    """Load the rows of a square, turn it, and put its columns into the registers."""
    size, dtype = tile.registers.size, tile.buffer.dtype
    t, element = e.type(dtype, size), e.type(dtype)
    first = e.element(tile.buffer, e.uniform(tile.at))
    rows = []
    for row in range(size):
        place = e.line(f"getelementptr {element}, ptr {first}, i64 {row * tile.stride}") if row else first
        rows.append(e.line(f"load {t}, ptr {place}, align {dtype.bytes}"))
    step = size // 2
    while step:
        for row in (r for r in range(size) if not r & step):
            upper, lower = rows[row], rows[row + step]
            kept = [lane if not lane & step else size + lane - step for lane in range(size)]
            moved = [lane + step if not lane & step else size + lane for lane in range(size)]
            rows[row], rows[row + step] = (_shuffled(e, t, upper, lower, order) for order in (kept, moved))
        step //= 2
    for number, column in enumerate(rows):
        e.do(f"store {t} {column}, ptr {e.slots[tile.registers.name, number]}")


def _shuffled(e: FunctionEmitter, t: str, a: str, b: str, order: list[int]) -> str:
    lanes = ", ".join(f"i32 {lane}" for lane in order)
    return e.line(f"shufflevector {t} {a}, {t} {b}, <{len(order)} x i32> <{lanes}>")
