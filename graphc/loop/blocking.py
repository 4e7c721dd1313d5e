"""Blocks for maps that read along one axis and write along another, as transpositions do.

    for i in 0..2000:                          for ib in 0..32:
      for j in 0..2000 by 16 as 16 lanes:        for j in 0..2000 by 16 as 16 lanes:
        a = load x[2000*j + i]            →        for i in 64*ib..min(64*ib + 64, 2000):
        store out[2000*i + j] = a                    a = load x[2000*j + i]
                                                     store out[2000*i + j] = a

On the left each line of x is fetched again for each of its elements, one row of the result later; on the right it is
still in the cache when the next element is read. Where as many rows of a block as there are lanes make a square, it is
read by rows and turned in registers:

        for i in 4*ib..min(4*ib + 4, 125):
          t = tile of x[2000*j + 16*i], 2000 apart
          store out[32000*i + j] = t[0]
          store out[32000*i + j + 2000] = t[1]
          ...
"""

from __future__ import annotations

from collections.abc import Callable

from ..ir.affine import Affine, Var, variable
from ..ir.open_size import OpenSize
from .ir import Accumulate, Allocate, Buffer, Const, For, If, Let, Load, Scan, Statement, Store, Tile, full_range, walk
from .jam import Row, together

BLOCK = 64
"""Rows of a block: some cache lines of each column, and few enough pages."""
FAR = 16
"""Elements between the lanes of a load, from which on each is in a line of its own."""
LIGHT = 8
"""Statements that are written out for each row of a square at most."""


def blocked(body: tuple[Statement, ...]) -> tuple[Statement, ...]:
    """The loops with blocks where something is read across the lanes."""
    return tuple(_blocked(s) if isinstance(s, For) else s for s in body)


def _blocked(loop: For) -> For:
    whole = (loop.start, loop.stop) == full_range(loop.var) and loop.step == loop.lanes == 1
    if not whole or not _is_nest(loop):
        return loop
    if loop.var.extent <= BLOCK or isinstance(loop.var.extent, OpenSize) or not _across(loop.body, loop.var):
        return loop._replace(body=blocked(loop.body))
    block = Var(f"{loop.var.name}b", -(-loop.var.extent // BLOCK))
    first = variable(block) * BLOCK

    def inside(lanes: For) -> For:
        across = _turned(lanes, loop.var)
        if across is not None:
            return lanes._replace(body=_in_squares(lanes, loop.var, block, across))
        return lanes._replace(body=(For(loop.var, first, first + BLOCK, lanes.body, limit=loop.var.extent),))

    return For(block, Affine(), Affine((), block.extent), _within(loop.body, inside), parallel=loop.parallel)


def reads_across(loop: For) -> bool:
    """Whether something is read far apart along a loop."""
    forms = [s.value.at for s in walk(loop.body) if isinstance(s, Let) and isinstance(s.value, Load)]
    return any(form.coefficient(loop.var) >= FAR for form in forms)


def _turned(lanes: For, outer: Var) -> Load | None:
    """The load to read in squares, if a loop over lanes has just one, of elements of a register's size."""
    if lanes.active or BLOCK % lanes.lanes or len(lanes.body) > LIGHT:
        return None
    if not all(isinstance(s, (Let, Store)) for s in lanes.body):
        return None
    found = {s.value for s in lanes.body if isinstance(s, Let) and isinstance(s.value, Load) and s.ref.lanes > 1}
    across = [load for load in found if abs(load.at.coefficient(lanes.var)) != 1]
    if len(across) != 1 or across[0].mask is not None or across[0].buffer.dtype.bytes < 4:
        return None
    at = across[0].at
    return across[0] if _is_plain(at) and at.coefficient(outer) == 1 and at.coefficient(lanes.var) >= FAR else None


def _in_squares(lanes: For, outer: Var, block: Var, across: Load) -> tuple[Statement, ...]:
    """The rows of a block, as many at a time as there are lanes, and those that are left over in the last block."""
    size = lanes.lanes
    squares, rest = divmod(outer.extent, size)
    square, each = Var(f"{outer.name}t", squares), BLOCK // size
    registers = Buffer(f"{outer.name}square", across.buffer.dtype, size, "register", lanes=size)
    begin = variable(square) * size
    rows = [Row(outer, begin + row, row, {across: registers}) for row in range(size)]
    tile = Tile(registers, across.buffer, across.at.substitute({outer: begin}), across.at.coefficient(lanes.var))
    fresh = Allocate(registers, Const(0, across.buffer.dtype, size))
    start = variable(block) * each
    whole = For(square, start, start + each, (fresh, tile, *together(lanes.body, rows)), limit=squares)
    if not rest:
        return (whole,)
    last = block.extent - 1
    start = variable(block) * BLOCK + (squares * size - last * BLOCK)
    return whole, If(variable(block), last, last + 1, (For(outer, start, start + rest, lanes.body),))


def _is_nest(loop: For) -> bool:
    """Whether nothing but loops stands outside of the loops over lanes."""
    return all(isinstance(s, For) and (s.lanes > 1 or _is_nest(s)) for s in loop.body)


def _within(body: tuple[Statement, ...], change: Callable[[For], For]) -> tuple[Statement, ...]:
    """The loops with those over lanes changed."""
    result: list[Statement] = []
    for s in body:
        assert isinstance(s, For)
        result.append(change(s) if s.lanes > 1 else s._replace(body=_within(s.body, change)))
    return tuple(result)


def _across(body: tuple[Statement, ...], outer: Var) -> bool:
    """Whether every loop over lanes reads far apart what lies together along the outer loop."""
    return all(isinstance(s, For) and (_crosses(s, outer) if s.lanes > 1 else _across(s.body, outer)) for s in body)


def _crosses(lanes: For, outer: Var) -> bool:
    """Whether a loop over lanes reads far apart what lies together along the outer loop, and does nothing else."""
    statements = list(walk(lanes.body))
    if lanes.lanes == 1 or any(isinstance(s, (For, Accumulate, Allocate, Scan)) for s in statements):
        return False
    forms = [s.value.at for s in statements if isinstance(s, Let) and isinstance(s.value, Load)]
    return any(
        abs(form.coefficient(outer)) == 1 and abs(form.coefficient(lanes.var)) >= FAR and _is_plain(form)
        for form in forms
    )


def _is_plain(form: Affine) -> bool:
    return all(isinstance(atom, Var) for atom, _ in form.terms)
