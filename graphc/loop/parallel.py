"""Which loops a team of threads shares, and in how many parts.

    parallel for i in 0..4096 by 16 as 16 lanes in 8 parts:

The outermost loop whose iterations are independent is split, if it is long enough to pay. The parts depend on the
problem and never on the number of threads, and no accumulation crosses them: results are the same bits however many
threads there are.
"""

from __future__ import annotations

from ..ir.op import REGISTRY
from .ir import (
    Accumulate,
    Allocate,
    Apply,
    Buffer,
    Combine,
    For,
    If,
    Let,
    Load,
    LoopFn,
    Scan,
    Statement,
    Store,
    Tile,
    walk,
)

WORTH = 60_000
"""Cost from which on a loop is shared: about 15 µs, many times what it takes to wake a team and wait for it."""
GRAIN = 15_000
"""The least cost of a part."""
MOST_PARTS = 64
TURNED = 5.0
"""For each row of a square that is turned in registers: a load, and a shuffle at each stage."""
DEAR = 12
"""Simple operations that an elementary function takes the time of."""


def parallelize(fn: LoopFn, vector_bytes: int) -> LoopFn:
    """The function with `parts` on the loops to share."""
    return fn._replace(body=_shared(fn.body, fn.body, vector_bytes))


def is_shared(fn: LoopFn) -> bool:
    """Whether a team has something to do in a function."""
    return any(isinstance(s, For) and s.parts for s in walk(fn.body))


def _shared(body: tuple[Statement, ...], whole: tuple[Statement, ...], vector_bytes: int) -> tuple[Statement, ...]:
    result: list[Statement] = []
    for statement in body:
        if isinstance(statement, For):
            parts = _parts(statement, vector_bytes) if statement.parallel and _independent(statement, whole) else 0
            if parts:
                statement = statement._replace(parts=parts)
            else:
                statement = statement._replace(body=_shared(statement.body, whole, vector_bytes))
        elif isinstance(statement, If):
            statement = statement._replace(body=_shared(statement.body, whole, vector_bytes))
        result.append(statement)
    return tuple(result)


def _parts(loop: For, vector_bytes: int) -> int:
    """In how many parts to share a loop; 0 to leave it alone."""
    trips = _trips(loop)
    cost = trips * sum(_cost(s, vector_bytes) for s in loop.body)
    if trips < 2 or cost < WORTH:
        return 0
    return int(min(trips, MOST_PARTS, cost // GRAIN))


def _trips(loop: For) -> int:
    """How often a loop runs, at most."""
    if loop.active:
        return 1
    distance = min((loop.stop - loop.start).range()[1], int(loop.var.extent))
    return -(-min(distance, int(loop.limit or distance)) // loop.step)


def _cost(statement: Statement, vector_bytes: int) -> float:
    """What a statement takes, in operations on a hardware vector."""
    if isinstance(statement, For):
        return _trips(statement) * (1 + sum(_cost(s, vector_bytes) for s in statement.body))
    if isinstance(statement, If):
        return 1 + sum(_cost(s, vector_bytes) for s in statement.body)
    if isinstance(statement, Let):
        op = REGISTRY.get(statement.value.op) if isinstance(statement.value, Apply) else None
        once = DEAR if op is not None and op.is_expensive else 1
        return once * _vectors(statement.ref.lanes, statement.ref.dtype.bytes, vector_bytes)
    if isinstance(statement, Accumulate):
        register = statement.registers[0]
        return _vectors(register.lanes, register.dtype.bytes, vector_bytes)
    if isinstance(statement, Tile):
        return statement.registers.size * TURNED
    if isinstance(statement, Scan):
        return 4.0 * max(statement.ref.lanes, 1)
    return 1.0


def _vectors(lanes: int, element_bytes: int, vector_bytes: int) -> float:
    return max(lanes * element_bytes / vector_bytes, 1.0)


def _independent(loop: For, whole: tuple[Statement, ...]) -> bool:
    """Whether every iteration writes elsewhere, has its accumulators to itself, and uses nobody else's scratch."""
    inside = list(walk(loop.body))
    written = [s for s in inside if isinstance(s, Store) and s.buffer.space in ("argument", "workspace")]
    places = _places(loop)
    if any(places.isdisjoint(v.name for v in s.at.variables()) for s in written):
        return False
    own = {s.buffer for s in inside if isinstance(s, Allocate)}
    used = {b for s in inside for b in _buffers(s) if b.space in ("register", "stack")}
    outside = [s for s in walk(whole) if not any(s is t for t in inside)] if used - own else []
    shared = {b for s in outside if not isinstance(s, Allocate) for b in _buffers(s)}
    return all(b.space == "stack" and b not in shared for b in used - own)


def _places(loop: For) -> frozenset[str]:
    """Variables that differ between any two iterations of a loop: its own, and those that go over a window of it."""
    windows = {
        s.var.name
        for s in walk(loop.body)
        if isinstance(s, For) and 0 < (s.stop - s.start).range()[1] <= abs(s.start.coefficient(loop.var)) * loop.step
    }
    return frozenset({loop.var.name, *windows})


def _buffers(statement: Statement) -> tuple[Buffer, ...]:
    if isinstance(statement, Let) and isinstance(statement.value, Load):
        return (statement.value.buffer,)
    if isinstance(statement, Store):
        return (statement.buffer,)
    if isinstance(statement, Accumulate):
        return statement.registers
    if isinstance(statement, Scan):
        return (statement.register,)
    if isinstance(statement, Combine):
        return (*statement.into, *statement.vectors)
    return ()
