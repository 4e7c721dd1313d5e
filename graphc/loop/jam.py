"""Rows that are summed up together, where each is multiplied by the same vector.

    for i in 0..784:                          for ir in 0..196:
      register s = 0                            registers s0, s1, s2, s3 = 0
      for k in 0..4096 by 16 as 16 lanes:       for k in 0..4096 by 16 as 16 lanes:
        a = load x[4096*i + k]                    b = load y[k]
        b = load y[k]                    →        s0 fma= load x[16384*ir + k], b
        s fma= a, b                               s1 fma= load x[16384*ir + k + 4096], b
      store out[i] = s                            ...
                                                store out[4*ir] = s0, out[4*ir + 1] = s1, ...

What all rows have in common is read once for several of them, and the memory is asked for several lines at a time.
Each row is summed up as before: no result changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..ir.affine import Affine, Var, variable
from ..ir.open_size import divided, run_time
from .ir import (
    Accumulate,
    Allocate,
    Apply,
    Buffer,
    Check,
    Combine,
    Const,
    For,
    Let,
    Load,
    Operand,
    Ref,
    Statement,
    Store,
    full_range,
)

TOGETHER = 4
"""Rows at most."""
LIGHT = 6
"""Operations of a step at most: more of them keep the registers busy with a single row."""


def jammed(body: tuple[Statement, ...], vector_bytes: int, vector_registers: int) -> tuple[Statement, ...]:
    """The loops, with several rows at a time where that saves reading."""
    result: list[Statement] = []
    for statement in body:
        if isinstance(statement, For):
            result += _jammed(statement, vector_bytes, vector_registers)
        else:
            result.append(statement)
    return tuple(result)


def _jammed(loop: For, vector_bytes: int, vector_registers: int) -> tuple[Statement, ...]:
    is_plain = (loop.start, loop.stop) == full_range(loop.var) and loop.step == loop.lanes == 1
    if not is_plain or not loop.parallel:
        return (loop,)
    if not _is_row(loop.body) or not any(isinstance(s, For) and _has_common(s, loop.var) for s in loop.body):
        return (loop,)
    allocated = [s.buffer for s in loop.body if isinstance(s, Allocate)]
    taken = sum(max(b.lanes * b.dtype.bytes // vector_bytes, 1) for b in allocated if b.lanes > 1)
    rows = min(TOGETHER, vector_registers // 2 // max(taken, 1))
    if rows < 2 or loop.var.extent < 2 * rows:
        return (loop,)
    whole, rest = divided(loop.var.extent, rows)
    block = Var(f"{loop.var.name}r", whole)
    first = variable(block) * rows
    body = together(loop.body, [Row(loop.var, first + row, row) for row in range(rows)])
    loops = [For(block, *full_range(block), body, parallel=True)]
    if rest:
        left = Var(f"{loop.var.name}l", rest)
        single = together(loop.body, [Row(loop.var, variable(left) + run_time(whole) * rows, 0)])
        loops.append(For(left, *full_range(left), single, parallel=True))
    return tuple(loops)


def _is_row(body: tuple[Statement, ...]) -> bool:
    """Whether a row is summed up in registers of its own, and little is done in a step."""
    own = {s.buffer for s in body if isinstance(s, Allocate)}
    for statement in body:
        if isinstance(statement, For):
            steps = statement.body
            if not all(isinstance(s, (Let, Accumulate)) for s in steps) or len(steps) > LIGHT:
                return False
            if statement.limit is not None or statement.lanes == 1:
                return False
        elif isinstance(statement, Allocate):
            if statement.buffer.space != "register":
                return False
        elif isinstance(statement, Combine):
            if not own.issuperset(statement.into):
                return False
        elif not isinstance(statement, (Let, Store)):
            return False
    return True


def _has_common(steps: For, outer: Var) -> bool:
    """Whether a step reads elements that are other rows' too, beside those of the row."""
    forms = [s.value.at for s in steps.body if isinstance(s, Let) and isinstance(s.value, Load)]
    moving = [f for f in forms if steps.var in f.variables()]
    own = [f for f in moving if outer in f.variables()]
    return 0 < len(own) < len(moving) and steps.stop.constant >= 2 * steps.step


class Row:
    """One of the rows that are written together: what is its own has a name of its own."""

    def __init__(self, outer: Var, at: Affine, number: int, known: Mapping[Load, Buffer] | None = None) -> None:
        self.outer = outer
        self.at = at
        self.number = number
        self.known = known or {}
        """What registers hold of memory, one of them for each row."""
        self._own: dict[str, str] = {}

    def statement(self, s: Statement) -> Statement:
        """The row's statement, which is the other rows' too if nothing in it is the row's own."""
        if isinstance(s, Let):
            return self._let(s)
        if isinstance(s, Allocate):
            return Allocate(self._register(s.buffer), s.initial)
        if isinstance(s, Accumulate):
            registers, values = tuple(map(self._register, s.registers)), tuple(map(self._operand, s.values))
            return s._replace(registers=registers, values=values)
        if isinstance(s, Combine):
            return Combine(s.op, tuple(map(self._register, s.into)), tuple(map(self._register, s.vectors)))
        if isinstance(s, Check):
            witness = None if s.witness is None else self._register(s.witness)
            mask = None if s.mask is None else self._operand(s.mask)
            operands = tuple(map(self._operand, s.operands))
            return s._replace(value=self._operand(s.value), operands=operands, witness=witness, mask=mask)
        assert isinstance(s, Store)
        mask = None if s.mask is None else self._operand(s.mask)
        return s._replace(at=self._form(s.at), value=self._operand(s.value), mask=mask)

    def _let(self, let: Let) -> Let:
        value = let.value
        if isinstance(value, Apply):
            value = value._replace(args=tuple(map(self._operand, value.args)))
        elif isinstance(value, Load) and value in self.known:
            value = Load(self.known[value], Affine((), self.number))
        elif isinstance(value, Load):
            mask = None if value.mask is None else self._operand(value.mask)
            value = Load(self._register(value.buffer), self._form(value.at), mask)
        else:
            value = value._replace(at=self._form(value.at))
        if self.number and value != let.value:
            self._own[let.ref.name] = f"{let.ref.name}_{self.number}"
        return Let(self._bound(let.ref), value)

    def _form(self, form: Affine) -> Affine:
        """The form where the row stands. Names in it, as of an index that was read, may be the row's own."""
        named = {v: variable(Var(self._own[v.name], v.extent)) for v in form.variables() if v.name in self._own}
        return form.substitute({self.outer: self.at, **named})

    def _register(self, buffer: Buffer) -> Buffer:
        if buffer.space != "register" or not self.number:
            return buffer
        return buffer._replace(name=f"{buffer.name}_{self.number}")

    def _operand(self, operand: Operand) -> Operand:
        return operand if isinstance(operand, Const) else self._bound(operand)

    def _bound(self, ref: Ref) -> Ref:
        return ref._replace(name=self._own.get(ref.name, ref.name))


def together(body: tuple[Statement, ...], rows: Sequence[Row]) -> tuple[Statement, ...]:
    """All rows' statements, each beside its like, and those that they have in common once."""
    result: list[Statement] = []
    for statement in body:
        if isinstance(statement, For):
            result.append(statement._replace(body=together(statement.body, rows)))
            continue
        for row in rows:
            own = row.statement(statement)
            if not (row.number and isinstance(own, Let) and own == result[-1]):
                result.append(own)
    return tuple(result)
