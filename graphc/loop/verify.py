"""The verifier of the loop IR: names are bound before use, lanes and dtypes agree, indices stay inside buffers."""

from __future__ import annotations

from ..ir.affine import Affine, Var, number, variable
from ..ir.errors import CompileError
from ..ir.open_size import ROWS, OpenSize, run_time
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
    LoopFn,
    Operand,
    Position,
    Ref,
    Scan,
    Statement,
    Store,
    Tile,
)


def verify_function(fn: LoopFn) -> None:
    """Check a function.

    Raises:
        CompileError: a name used before it is bound or with another type, an unknown buffer, a register index out of
            range, an unmasked access that may leave its buffer, or lanes that do not fit.
    """
    _Checker(fn).body(fn.body, {}, {ROWS.name: ROWS} if fn.is_open else {}, 1)


class _Checker:
    def __init__(self, fn: LoopFn) -> None:
        self.name = fn.name
        self.buffers: set[Buffer] = {*fn.arguments, *fn.workspaces}
        self.values = {ROWS: number(fn.most_rows)}
        """What is known of variables: as many rows as there may be, the only lane of a vector loop that counts."""

    def fail(self, what: str) -> None:
        raise CompileError(f"verify: {self.name}: {what}")

    def body(self, body: tuple[Statement, ...], names: dict[str, Ref], loops: dict[str, Var], lanes: int) -> None:
        """Check statements with these names and loop variables known."""
        names = dict(names)
        for statement in body:
            if isinstance(statement, Let):
                self._let(statement, names, loops, lanes)
            elif isinstance(statement, Store):
                self._access(statement.buffer, statement.at, statement.mask, names, loops)
                self._operand(statement.value, names)
                if statement.value.dtype is not statement.buffer.dtype:
                    self.fail(f"a {statement.value.dtype} is stored into {statement.buffer.name}")
            elif isinstance(statement, Allocate):
                self.buffers.add(statement.buffer)
            elif isinstance(statement, Accumulate):
                self._accumulate(statement, names)
            elif isinstance(statement, Scan):
                self._scan(statement, names, lanes)
            elif isinstance(statement, Check):
                self._check(statement, names)
            elif isinstance(statement, Combine):
                if not {*statement.into, *statement.vectors} <= self.buffers:
                    self.fail("lanes of unknown registers are combined")
            elif isinstance(statement, Tile):
                self._tile(statement, names, loops, lanes)
            elif isinstance(statement, For):
                self._loop(statement, names, loops, lanes)
            elif isinstance(statement, If):
                self._form(statement.form, names, loops)
                self.body(statement.body, names, loops, lanes)

    def _loop(self, loop: For, names: dict[str, Ref], loops: dict[str, Var], lanes: int) -> None:
        if loop.lanes > 1 and lanes > 1:
            self.fail(f"the loop over {loop.var} makes vectors of vectors")
        if loop.active >= max(loop.lanes, 1) and loop.active:
            self.fail(f"the loop over {loop.var} has {loop.active} of {loop.lanes} lanes active")
        for form in (loop.start, loop.stop, run_time(loop.active), run_time(loop.limit or 0)):
            self._form(form, names, loops)
        if self._extent(loop.var) == 0:
            return  # nothing in it ever runs
        if loop.active == 1:
            self.values[loop.var] = Affine()
        self.body(loop.body, names, {**loops, loop.var.name: loop.var}, max(lanes, loop.lanes))
        self.values.pop(loop.var, None)

    def _let(self, let: Let, names: dict[str, Ref], loops: dict[str, Var], lanes: int) -> None:
        value, ref = let.value, let.ref
        if ref.lanes not in (1, lanes):
            self.fail(f"{ref.name} has {ref.lanes} lanes in a loop of {lanes}")
        if isinstance(value, Apply):
            for arg in value.args:
                self._operand(arg, names)
                if arg.lanes not in (1, ref.lanes):
                    self.fail(f"{ref.name} with {ref.lanes} lanes is made of {arg.lanes} lanes")
        elif isinstance(value, Load):
            self._access(value.buffer, value.at, value.mask, names, loops)
            if value.buffer.dtype is not ref.dtype:
                self.fail(f"{ref.name} is not of the dtype of {value.buffer.name}")
        else:
            assert isinstance(value, Position)
            self._form(value.at, names, loops)
        names[ref.name] = ref

    def _operand(self, operand: Operand, names: dict[str, Ref]) -> None:
        if isinstance(operand, Const):
            return
        if names.get(operand.name) != operand:
            self.fail(f"{operand.name} is used as {operand}, bound as {names.get(operand.name)}")

    def _accumulate(self, statement: Accumulate, names: dict[str, Ref]) -> None:
        for register in statement.registers:
            if register not in self.buffers or not 0 <= statement.at < register.size:
                self.fail(f"there is no register {register.name}[{statement.at}]")
        for value in statement.values:
            self._operand(value, names)
            if value.lanes not in (1, statement.registers[0].lanes):
                self.fail(f"{value} does not have the lanes of {statement.registers[0].name}")

    def _scan(self, statement: Scan, names: dict[str, Ref], lanes: int) -> None:
        ref, register = statement.ref, statement.register
        if register not in self.buffers or register.space != "register":
            self.fail(f"there is no register {register.name}")
        if ref.lanes not in (1, lanes) or register.lanes not in (1, ref.lanes) or ref.dtype is not register.dtype:
            self.fail(f"{ref.name} does not have the lanes or the dtype of {register.name}")
        for value in statement.values:
            self._operand(value, names)
        names[ref.name] = ref

    def _tile(self, tile: Tile, names: dict[str, Ref], loops: dict[str, Var], lanes: int) -> None:
        registers = tile.registers
        if registers not in self.buffers or registers.space != "register":
            self.fail(f"there are no registers {registers.name}")
        if registers.size != registers.lanes or registers.lanes != lanes or registers.dtype is not tile.buffer.dtype:
            self.fail(f"a square of {tile.buffer.name} does not fit {registers.name}")
        last = tile.at + (registers.size - 1)
        for corner in (tile.at, last):
            self._access(tile.buffer, corner, None, names, loops)

    def _check(self, check: Check, names: dict[str, Ref]) -> None:
        for operand in (check.value, *check.operands, *([check.mask] if check.mask is not None else [])):
            self._operand(operand, names)
        if not {check.cell, *([check.witness] if check.witness else [])} <= self.buffers:
            self.fail(f"a check of {check.value} uses unknown buffers")
        if not 0 <= check.at < check.cell.size or not 0 <= check.number < 2**31:
            self.fail(f"a check reports {check.number} to {check.cell.name}[{check.at}]")
        if (check.kind == "within") is check.value.dtype.is_float:
            self.fail(f"a {check.value.dtype} is checked to be {check.kind}")

    def _access(
        self, buffer: Buffer, index: Affine, mask: Operand | None, names: dict[str, Ref], loops: dict[str, Var]
    ) -> None:
        if buffer not in self.buffers:
            self.fail(f"the buffer {buffer.name} is unknown")
        if mask is not None:
            self._operand(mask, names)
        self._form(index, names, loops)
        open_ones = (v for v in index.variables() if isinstance(v.extent, OpenSize))
        counted = {var: variable(Var(var.name, self._extent(var))) for var in open_ones}
        low, high = index.substitute({**counted, **self.values}).range()
        if mask is None and buffer.space == "argument" and (low < 0 or high >= buffer.size):
            self.fail(f"{buffer.name}[{index}] reaches {low}…{high} of {buffer.size}")

    def _extent(self, var: Var) -> int:
        """How many values a variable has; of an open number, with as many rows as there may be."""
        return run_time(var.extent).substitute(self.values).constant

    def _form(self, form: Affine, names: dict[str, Ref], loops: dict[str, Var]) -> None:
        for var in form.variables():
            if var.name not in loops and var.name not in names:
                self.fail(f"the index {form} uses the unknown {var.name}")
