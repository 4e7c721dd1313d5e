"""Blocks for maps that read along one axis and write along another, as transpositions do.

    for i in 0..2000:                          for ib in 0..32:
      for j in 0..2000 by 16 as 16 lanes:        for j in 0..2000 by 16 as 16 lanes:
        a = load x[2000*j + i]            →        for i in 64*ib..min(64*ib + 64, 2000):
        store out[2000*i + j] = a                    a = load x[2000*j + i]
                                                     store out[2000*i + j] = a

On the left each line of x is fetched again for each of its elements, one row of the result later; on the right it is
still in the cache when the next element is read.
"""

from __future__ import annotations

from collections.abc import Callable

from ..ir.affine import Affine, Var, variable
from .ir import Accumulate, Allocate, For, Let, Load, Scan, Statement, full_range, walk

BLOCK = 64
"""Rows of a block: some cache lines of each column, and few enough pages."""
FAR = 16
"""Elements between the lanes of a load, from which on each is in a line of its own."""


def blocked(body: tuple[Statement, ...]) -> tuple[Statement, ...]:
    """The loops with blocks where something is read across the lanes."""
    return tuple(_blocked(s) if isinstance(s, For) else s for s in body)


def _blocked(loop: For) -> For:
    whole = (loop.start, loop.stop) == full_range(loop.var) and loop.step == loop.lanes == 1
    if not whole or not _is_nest(loop):
        return loop
    if loop.var.extent <= BLOCK or not _across(loop.body, loop.var):
        return loop._replace(body=blocked(loop.body))
    block = Var(f"{loop.var.name}b", -(-loop.var.extent // BLOCK))
    first = variable(block) * BLOCK

    def inside(lanes: For) -> For:
        return lanes._replace(body=(For(loop.var, first, first + BLOCK, lanes.body, limit=loop.var.extent),))

    return For(block, Affine(), Affine((), block.extent), _within(loop.body, inside), parallel=loop.parallel)


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
