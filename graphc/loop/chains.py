"""Reductions of few columns, added up in several chains.

    for i1 in 0..8 by 8 as 8 lanes:           for i1 in 0..8 by 8 as 8 lanes:
      register s = 0                            registers s, s_1, s_2, s_3 = 0
      for i0 in 0..4096:                        for i0c in 0..1024:
        a = load x[8*i0 + i1]          →          s sum= load x[32*i0c + i1]
        s sum= a                                  s_1 sum= load x[32*i0c + i1 + 8]
      store out[i1] = s                           ...
                                                s sum= s_1, s_2, s_3
                                                store out[i1] = s

Each addition waits for the one before: of a single chain the processor sees one end in the time of four.
"""

from __future__ import annotations

from ..ir.affine import Affine, Var, variable
from ..ir.open_size import OpenSize, divided, run_time
from .ir import Accumulate, Allocate, Buffer, Check, For, If, Let, Load, Ref, Statement, full_range
from .jam import Row, together

CHAINS = 4
"""Chains at most, and vectors that are enough to keep the adders busy."""
LIGHT = 6
"""Values of a step at most: more of them take longer than the addition that waits."""
SHORTEST = 64
"""Steps from which on it pays."""
_ORDERLESS = {"sum": "sum", "fma": "sum", "prod": "prod", "max": "max", "min": "min", "any": "any", "all": "all"}
"""By what a step does to a register, what brings two registers together."""


def chained(body: tuple[Statement, ...], vector_bytes: int) -> tuple[Statement, ...]:
    """The loops, with several chains where one would be waited for. This depends on sizes alone."""
    result: list[Statement] = []
    own: dict[Buffer, Allocate] = {}
    for s in body:
        if isinstance(s, Allocate) and s.buffer.space == "register":
            own[s.buffer] = s
        if isinstance(s, For) and (ops := _reduced(s, own)):
            vectors = max(max(b.lanes * b.dtype.bytes for b in ops) // vector_bytes, 1)
            count = max(CHAINS // vectors, 2) if vectors <= CHAINS else 1
            if 1 < count <= s.var.extent and max(b.lanes for b in ops) > 1:
                result += _in_chains(s, count, ops, own)
                continue
        if isinstance(s, (For, If)):
            s = s._replace(body=chained(s.body, vector_bytes))
        result.append(s)
    return tuple(result)


def _reduced(loop: For, own: dict[Buffer, Allocate]) -> dict[Buffer, str]:
    """What a loop that does nothing else does to which registers; nothing for others."""
    is_plain = (loop.start, loop.stop) == full_range(loop.var) and loop.step == loop.lanes == 1
    is_short = loop.var.extent < SHORTEST and not isinstance(loop.var.extent, OpenSize)
    if not is_plain or loop.limit is not None or loop.parts or is_short:
        return {}
    found: dict[Buffer, str] = {}
    values = 0
    for s in loop.body:
        if isinstance(s, Let):
            values += 1
        elif isinstance(s, Accumulate) and s.op in _ORDERLESS and s.at == 0 and s.registers[0] in own:
            if found.setdefault(s.registers[0], s.op) != s.op:
                return {}
        elif not isinstance(s, Check):
            return {}
    return found if values <= LIGHT else {}


def _in_chains(loop: For, count: int, ops: dict[Buffer, str], own: dict[Buffer, Allocate]) -> list[Statement]:
    whole, rest = divided(loop.var.extent, count)
    step = Var(f"{loop.var.name}c", whole)
    rows = [Row(loop.var, variable(step) * count + chain, chain) for chain in range(count)]
    result: list[Statement] = [rows[c].statement(own[register]) for register in ops for c in range(1, count)]
    result.append(For(step, *full_range(step), together(loop.body, rows)))
    for register, op in ops.items():
        for chain in range(1, count):
            value = Ref(f"{register.name}_{chain}sum", register.dtype, register.lanes)
            ours = register._replace(name=f"{register.name}_{chain}")
            result.append(Let(value, Load(ours, Affine())))
            result.append(Accumulate(_ORDERLESS[op], (register,), 0, (value,)))
    if rest:
        left = Var(f"{loop.var.name}l", rest)
        last = Row(loop.var, variable(left) + run_time(whole) * count, 0)
        result.append(For(left, *full_range(left), together(loop.body, [last])))
    return result
