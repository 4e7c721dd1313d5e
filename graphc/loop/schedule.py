"""Which loop becomes lanes, and how many of them.

The loop whose neighbours lie next to each other in memory is the one to vectorize: for a sum over rows that is the
reduced axis, for a sum over columns the axis that stays. Lanes beyond the hardware's vector keep several chains of
accumulation in flight.
"""

from __future__ import annotations

from math import inf, prod
from typing import NamedTuple

from ..ir.affine import Var
from ..ir.expr import Expr
from ..ir.graph import ExprTable
from ..ir.op import REGISTRY
from ..ir.open_size import OpenSize
from .blocking import blocked, reads_across
from .boxes import box_index, boxes
from .chains import chained
from .checks import is_witness
from .columns import ColumnNest, columns
from .ir import Accumulate, Apply, Buffer, For, If, Let, Load, Position, Scan, Statement, Store, walk
from .jam import jammed
from .nest import SCRATCH_BYTES, Nest
from .split import SplitNest, pieces
from .vectorize import merge, vectorize

ENDLESS = 2**20
"""Values of a variable whose number only a call brings, as far as vectors are concerned."""
GATHER_COST = 12
SCATTER_COST = 16
BACKWARD_COST = 1.5
"""Of neighbours in descending order: a contiguous access and a shuffle."""


class Machine(NamedTuple):
    """What schedules need to know of the CPU."""

    vector_bytes: int = 32
    vector_registers: int = 16
    l1_bytes: int = 32 * 1024
    l2_bytes: int = 512 * 1024
    l3_bytes: int = 8 * 1024 * 1024
    threads: int = 1


def nest_in_pieces(
    domain: tuple[int, ...], axes: tuple[int, ...], outputs: tuple[Expr, ...], nodes: tuple[Expr, ...],
    inputs: ExprTable[Buffer], into: ExprTable[Buffer], machine: Machine,
) -> ColumnNest | SplitNest | None:  # fmt: skip
    """The nest of a reduce kernel that keeps results of pieces in memory; None for those that do not."""
    if columns(axes, nodes):
        return ColumnNest(domain, axes, outputs, nodes, inputs, into)
    cut = pieces(domain, axes, nodes)
    return None if cut is None else SplitNest(domain, axes, outputs, nodes, inputs, into, cut)


def schedule_reduction(
    domain: tuple[int, ...], axes: tuple[int, ...], outputs: tuple[Expr, ...], nodes: tuple[Expr, ...],
    inputs: ExprTable[Buffer], into: ExprTable[Buffer], machine: Machine,
) -> tuple[tuple[Statement, ...], tuple[Buffer, ...]]:  # fmt: skip
    """The loops of a reduce kernel, in pieces if that pays, and the workspaces they need."""
    nest = nest_in_pieces(domain, axes, outputs, nodes, inputs, into, machine)
    if nest is None:
        return schedule_nest(domain, axes, outputs, nodes, inputs, into, machine), ()
    if isinstance(nest, SplitNest):
        parts = (vectorized(merge(part), machine) for part in nest.write_pieces())
        body = tuple(s for part in parts for s in chained(part, machine.vector_bytes))
    else:
        # Neighbours in a row are neighbours in the results of columns, too: they are the lanes.
        body = _apply(nest.write(_affordable(nest)), nest.inner[0], machine)
    return tuple(_parallel(s) for s in body), nest.workspaces


def schedule_nest(
    domain: tuple[int, ...], axes: tuple[int, ...], outputs: tuple[Expr, ...], nodes: tuple[Expr, ...],
    inputs: ExprTable[Buffer], into: ExprTable[Buffer], machine: Machine,
) -> tuple[Statement, ...]:  # fmt: skip
    """The vectorized loops of a map or reduce kernel."""
    if not axes:
        return _schedule_map(domain, outputs, nodes, inputs, into, machine)
    nest = Nest(domain, axes, outputs, nodes, inputs, into)
    body = nest.write([])
    var = best_lane_axis(body, machine)
    if axes and var is not None and var in nest.inner:
        keep = _affordable(nest)
        if keep:
            # Scratch is one row: it can only be shared by lanes that belong to the same row.
            body = _apply(Nest(domain, axes, outputs, nodes, inputs, into).write(keep), var, machine)
            return tuple(_parallel(s) for s in body)
    rows = tuple(_parallel(s) for s in chained(vectorized(merge(body), machine), machine.vector_bytes))
    return jammed(rows, machine.vector_bytes, machine.vector_registers)


def _schedule_map(
    domain: tuple[int, ...], outputs: tuple[Expr, ...], nodes: tuple[Expr, ...],
    inputs: ExprTable[Buffer], into: ExprTable[Buffer], machine: Machine,
) -> tuple[Statement, ...]:  # fmt: skip
    """A nest for each part of the domain, one after the other."""
    body: list[Statement] = []
    for box in boxes(domain, outputs, nodes, inputs):
        sizes = tuple(size for _, size in box)
        nest = Nest(sizes, (), outputs, nodes, inputs, into, element=box_index(box))
        body += blocked(vectorized(merge(nest.write([])), machine))
    return tuple(_parallel(s) for s in body)


def _affordable(nest: Nest) -> list[Expr]:
    """The dear values that fit the scratch together; none of an open number."""
    size = prod(var.extent for var in nest.inner)
    if isinstance(size, OpenSize):
        return []
    keep, left = [], SCRATCH_BYTES
    for node in nest.dear():
        if size * node.dtype.bytes <= left:
            keep.append(node)
            left -= size * node.dtype.bytes
    return keep


def vectorized(body: tuple[Statement, ...], machine: Machine) -> tuple[Statement, ...]:
    """Vectorize the best axis of a nest, in every sweep over it."""
    var = best_lane_axis(body, machine)
    return body if var is None else _apply(body, var, machine)


def _apply(body: tuple[Statement, ...], var: Var, machine: Machine) -> tuple[Statement, ...]:
    result: list[Statement] = []
    for statement in body:
        if isinstance(statement, For) and statement.var == var:
            result += vectorize(statement, lanes_for(statement, machine))
        elif isinstance(statement, (For, If)):
            result.append(statement._replace(body=_apply(statement.body, var, machine)))
        else:
            result.append(statement)
    return tuple(result)


def best_lane_axis(body: tuple[Statement, ...], machine: Machine) -> Var | None:
    """The loop variable along which the innermost memory accesses are closest; None if there are no loops."""
    costs: dict[Var, float] = {}
    for path, innermost in _innermost(body):
        for loop in path:
            cost = sum(_cost(s, loop.var) for s in innermost)
            costs[loop.var] = costs.get(loop.var, 0.0) + _waste(loop.var, machine) * (1 + cost)
    best = min(costs, key=lambda v: (costs[v], -_length(v)), default=None)
    return None if best is None or costs[best] == inf else best


def _innermost(
    body: tuple[Statement, ...], path: tuple[For, ...] = ()
) -> list[tuple[tuple[For, ...], tuple[Statement, ...]]]:
    found = []
    for statement in body:
        if isinstance(statement, For):
            deeper = _innermost(statement.body, (*path, statement))
            found += deeper or [((*path, statement), statement.body)]
    return found


def _length(var: Var) -> int:
    """How many values a variable has. Results may depend on it: of one that is open, the most says nothing."""
    return ENDLESS if isinstance(var.extent, OpenSize) else var.extent


def _waste(var: Var, machine: Machine) -> float:
    length = _length(var)
    if length == 0:
        return 1.0
    lanes = min(machine.vector_bytes // 4, _power_of_two(length))
    return -(-length // lanes) * lanes / length * (machine.vector_bytes // 4 / lanes)


def _cost(statement: Statement, var: Var) -> float:
    apart = GATHER_COST
    if isinstance(statement, Store):
        form, apart = statement.at, SCATTER_COST
        if var not in form.variables():
            return inf  # each iteration goes on from what the one before has written
    elif isinstance(statement, Let) and isinstance(statement.value, Load):
        form = statement.value.at
    else:
        return 0.0
    if any(not isinstance(a, Var) and var in a.of.variables() for a, _ in form.terms):
        return apart
    step = form.coefficient(var)
    return {0: 0.0, 1: 1.0, -1: BACKWARD_COST}.get(step, apart)


def _power_of_two(n: int) -> int:
    return 1 << max(n - 1, 0).bit_length()


def _is_expensive(op: str) -> bool:
    """Of an op of the scalar table, which has a few that are none of the graph."""
    return op in REGISTRY and REGISTRY[op].is_expensive


def lanes_for(loop: For, machine: Machine) -> int:
    """How many iterations of this loop to run at once."""
    widest, operations, accumulates, dear, scans = 4, 0, 0, 0, 0
    for statement in walk(loop.body):
        if isinstance(statement, Accumulate):
            accumulates += not is_witness(statement.registers[0])
        elif isinstance(statement, Scan):
            scans += 1
            widest = max(widest, statement.ref.dtype.bytes)
        elif isinstance(statement, Let):
            operations += 1
            if statement.ref.dtype.is_float:
                widest = max(widest, statement.ref.dtype.bytes)
            if isinstance(statement.value, Apply) and _is_expensive(statement.value.op):
                dear += 1
            if isinstance(statement.value, Position):
                operations += 2
    hardware = max(machine.vector_bytes // widest, 1)
    lanes = min(hardware, _power_of_two(_length(loop.var)))
    wide = 1 if dear > 1 or operations > 24 or scans else 2 if dear or operations > 12 else 4
    if not accumulates:
        wide = 1 if reads_across(loop) else min(wide, 2)
    elif accumulates == 1 and operations <= 6 and _sums_columns(loop):
        return lanes * _columns_at_once(_length(loop.var), lanes, machine)
    while wide > 1 and _length(loop.var) < 2 * wide * lanes:
        wide //= 2
    return lanes * wide


def _columns_at_once(count: int, lanes: int, machine: Machine) -> int:
    """How many vectors of columns to sum up in one go: each go visits every row, and takes all vectors, full or not."""
    widths = [1 << n for n in range((machine.vector_registers // 2).bit_length())]
    return min(widths, key=lambda wide: (-(-count // (wide * lanes)) * (wide + 1), wide))


def _sums_columns(loop: For) -> bool:
    """Whether the lanes accumulate in a loop of their own: a visit to each row should read much of it."""
    return any(isinstance(s, For) and any(isinstance(t, Accumulate) for t in s.body) for s in loop.body)


def _parallel(statement: Statement) -> Statement:
    """Iterations of an outermost loop that owns its accumulators may run at the same time."""
    if not isinstance(statement, For):
        return statement
    return statement._replace(parallel=not any(isinstance(s, (Accumulate, Scan)) for s in statement.body))
