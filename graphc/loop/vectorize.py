"""Transformations of loops: merging neighbours into one, and executing iterations as lanes of vectors.

for i in 0..1000:                          register s
  s sum= load x[i]             →           register sv: f32x64
                                           for i in 0..960 by 64 as 64 lanes:
                                             sv sum= load x[i]
                                           for i in 960..1000 by 64 as 64 lanes, 40 active:
                                             sv sum= load x[i]
                                           s sum= lanes of sv
"""

from __future__ import annotations

from collections.abc import Mapping

from ..ir.affine import Affine, Var, variable
from ..ir.open_size import OpenSize, divided, run_time
from .ir import (
    Accumulate,
    Allocate,
    Apply,
    Buffer,
    Check,
    Combine,
    Const,
    For,
    If,
    Let,
    Load,
    Operand,
    Position,
    Ref,
    Scan,
    Statement,
    Store,
    full_range,
    walk,
)

# Merging -------------------------------------------------------------------------------------------------------


def merge(body: tuple[Statement, ...]) -> tuple[Statement, ...]:
    """Make one loop of two that are perfectly nested, wherever memory is walked as if it were one axis."""
    merged: list[Statement] = []
    for statement in body:
        if isinstance(statement, For):
            statement = statement._replace(body=merge(statement.body))
            if len(statement.body) == 1 and isinstance(statement.body[0], For):
                statement = _merged(statement, statement.body[0]) or statement
        merged.append(statement)
    return tuple(merged)


def _merged(outer: For, inner: For) -> For | None:
    n = inner.var.extent
    if not (_is_whole(outer) and _is_whole(inner)) or isinstance(n, OpenSize):
        return None
    for form in _forms(inner.body):
        if form.coefficient(outer.var) != n * form.coefficient(inner.var):
            return None
        if any(not isinstance(a, Var) and {outer.var, inner.var} & a.of.variables() for a, _ in form.terms):
            return None
    both = Var(inner.var.name, outer.var.extent * n)
    values = {outer.var: Affine(), inner.var: variable(both)}
    body = tuple(_substituted(s, values) for s in inner.body)
    return For(both, *full_range(both), body, parallel=outer.parallel)


def _is_whole(loop: For) -> bool:
    return (loop.start, loop.stop) == full_range(loop.var) and loop.step == loop.lanes == 1


def _forms(body: tuple[Statement, ...]) -> list[Affine]:
    found = []
    for statement in walk(body):
        if isinstance(statement, Let) and isinstance(statement.value, (Load, Position)):
            found.append(statement.value.at)
        elif isinstance(statement, Store):
            found.append(statement.at)
        elif isinstance(statement, If):
            found.append(statement.form)
    return found


def _substituted(statement: Statement, values: Mapping[Var, Affine]) -> Statement:
    if isinstance(statement, Let) and isinstance(statement.value, (Load, Position)):
        index = statement.value.at.substitute(values)
        return statement._replace(value=statement.value._replace(at=index))
    if isinstance(statement, Store):
        return statement._replace(at=statement.at.substitute(values))
    if isinstance(statement, (For, If)):
        return statement._replace(body=tuple(_substituted(s, values) for s in statement.body))
    return statement


# Vectorizing ---------------------------------------------------------------------------------------------------


def vectorize(loop: For, lanes: int) -> tuple[Statement, ...]:
    """The loop with `lanes` iterations at once: the whole ones, then what is left over, masked.

    Registers that are declared outside and accumulated into inside become vectors for the duration.
    """
    vectors, prologue, epilogue = _partials(loop, lanes)
    whole, rest = divided(loop.var.extent, lanes)
    end = run_time(whole) * lanes
    body = Widening(loop.var, lanes, vectors).body(loop.body)
    loops: list[Statement] = []
    common = loop._replace(body=body, step=lanes, lanes=lanes)
    if int(whole):
        loops.append(common._replace(stop=end))
    if rest:
        loops.append(common._replace(start=end, active=rest))
    return (*prologue, *loops, *epilogue)


def _partials(loop: For, lanes: int) -> tuple[dict[Buffer, Buffer], list[Statement], list[Statement]]:
    """Vector registers for the accumulators that outlive the loop, how they start and how they are folded."""
    inside = {s.buffer for s in walk(loop.body) if isinstance(s, Allocate)}
    vectors: dict[Buffer, Buffer] = {}
    prologue: list[Statement] = []
    epilogue: list[Statement] = []
    for statement in walk(loop.body):
        if not isinstance(statement, Accumulate) or statement.registers[0] in inside:
            continue
        if statement.registers[0] in vectors:
            continue
        wide = tuple(r._replace(name=f"{r.name}v", lanes=lanes) for r in statement.registers)
        vectors.update(zip(statement.registers, wide, strict=True))
        prologue += [Allocate(r, _start(statement.op, r, statement.registers[0])) for r in wide]
        epilogue.append(Combine("sum" if statement.op == "fma" else statement.op, statement.registers, wide))
    return vectors, prologue, epilogue


def _start(op: str, register: Buffer, first: Buffer) -> Const:
    from .nest import POSITIONS, identity

    if op in POSITIONS and register.dtype is not first.dtype:
        return Const(0, register.dtype, register.lanes)
    known = identity("sum" if op == "fma" else op, register.dtype)
    return known._replace(lanes=register.lanes)


class Widening:
    """Rewrites the body of a loop whose variable becomes a vector."""

    def __init__(self, var: Var, lanes: int, vectors: dict[Buffer, Buffer]) -> None:
        self.lanes = lanes
        self.vectors = vectors
        self.varying = {var.name}

    def body(self, statements: tuple[Statement, ...]) -> tuple[Statement, ...]:
        return tuple(self._statement(s) for s in statements)

    def _statement(self, statement: Statement) -> Statement:
        if isinstance(statement, Let):
            return self._let(statement)
        if isinstance(statement, Store):
            return statement._replace(value=self._wide(statement.value), mask=self._wide_mask(statement.mask))
        if isinstance(statement, Accumulate):
            registers = tuple(self.vectors.get(r, r) for r in statement.registers)
            return statement._replace(registers=registers, values=tuple(map(self._wide, statement.values)))
        if isinstance(statement, Scan):
            return self._scan(statement)
        if isinstance(statement, Check):
            return self._check(statement)
        if isinstance(statement, Allocate) and statement.buffer.space == "register":
            wide = statement.buffer._replace(lanes=self.lanes)
            self.vectors[statement.buffer] = wide
            initial = None if statement.initial is None else statement.initial._replace(lanes=self.lanes)
            return Allocate(wide, initial)
        if isinstance(statement, (For, If)):
            return statement._replace(body=self.body(statement.body))
        return statement

    def _check(self, check: Check) -> Check:
        operands = tuple(map(self._wide, check.operands))
        witness = None if check.witness is None else self.vectors.get(check.witness, check.witness)
        value, mask = self._wide(check.value), self._wide_mask(check.mask)
        return check._replace(value=value, operands=operands, witness=witness, mask=mask)

    def _scan(self, scan: Scan) -> Scan:
        """Where the run's register lies outside the loop, its lanes are neighbours in one run."""
        self.varying.add(scan.ref.name)
        register = self.vectors.get(scan.register, scan.register)
        ref = scan.ref._replace(lanes=self.lanes)
        return scan._replace(ref=ref, register=register, values=tuple(map(self._wide, scan.values)))

    def _let(self, let: Let) -> Let:
        value = let.value
        if isinstance(value, Apply):
            args = tuple(self._wide(a) for a in value.args)
            varies = any(a.lanes > 1 for a in args)
            value = value._replace(args=args)
        else:
            varies = any(v.name in self.varying for v in value.at.variables())
            if isinstance(value, Load):
                mask = self._wide_mask(value.mask)
                varies = varies or (mask is not None and mask.lanes > 1) or value.buffer in self.vectors
                value = value._replace(buffer=self.vectors.get(value.buffer, value.buffer), mask=mask)
        if not varies:
            return let._replace(value=value)
        self.varying.add(let.ref.name)
        return Let(let.ref._replace(lanes=self.lanes), value)

    def _wide_mask(self, mask: Operand | None) -> Operand | None:
        return None if mask is None else self._wide(mask)

    def _wide(self, operand: Operand) -> Operand:
        if isinstance(operand, Ref) and operand.name in self.varying:
            return operand._replace(lanes=self.lanes)
        return operand
