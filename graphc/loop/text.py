"""The printed form of the loop IR."""

from __future__ import annotations

from ..ir.open_size import run_time
from .ir import (
    Accumulate,
    Allocate,
    Apply,
    Buffer,
    Check,
    Combine,
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
    Value,
)


def show_function(fn: LoopFn) -> str:
    """The whole function as text."""
    arguments = ", ".join([*map(_declare, fn.arguments), *(["rows"] if fn.is_open else [])])
    lines = [f"{fn.name}({arguments})"]
    lines += [f"  workspace {_declare(b)}" for b in fn.workspaces]
    for statement in fn.body:
        lines += _statement(statement, "  ")
    return "\n".join(lines) + "\n"


def _declare(buffer: Buffer) -> str:
    wide = f"x{buffer.lanes}" if buffer.lanes > 1 else ""
    return f"{buffer.name}: {buffer.dtype.short}{wide}[{buffer.size}]"


def _operand(operand: Operand) -> str:
    if isinstance(operand, Ref):
        return operand.name
    return repr(operand.value)


def _type(ref: Ref) -> str:
    return ref.dtype.short + (f"x{ref.lanes}" if ref.lanes > 1 else "")


def _value(value: Value) -> str:
    if isinstance(value, Apply):
        return f"{value.op} {', '.join(map(_operand, value.args))}"
    if isinstance(value, Load):
        mask = f" where {_operand(value.mask)}" if value.mask is not None else ""
        return f"load {value.buffer.name}[{value.at}]{mask}"
    assert isinstance(value, Position)
    return f"position {value.at}"


def _statement(statement: Statement, indent: str) -> list[str]:
    if isinstance(statement, Let):
        return [f"{indent}{statement.ref.name}: {_type(statement.ref)} = {_value(statement.value)}"]
    if isinstance(statement, Store):
        mask = f" where {_operand(statement.mask)}" if statement.mask is not None else ""
        return [f"{indent}store {statement.buffer.name}[{statement.at}] = {_operand(statement.value)}{mask}"]
    if isinstance(statement, Accumulate):
        targets = ", ".join(f"{r.name}[{statement.at}]" for r in statement.registers)
        return [f"{indent}{targets} {statement.op}= {', '.join(map(_operand, statement.values))}"]
    if isinstance(statement, Scan):
        before = " before" if statement.exclusive else ""
        step = f"{statement.register.name} {statement.op}= {', '.join(map(_operand, statement.values))}"
        return [f"{indent}{statement.ref.name}: {_type(statement.ref)} = running{before} {step}"]
    if isinstance(statement, Combine):
        into = ", ".join(b.name for b in statement.into)
        return [f"{indent}{into} {statement.op}= lanes of {', '.join(b.name for b in statement.vectors)}"]
    if isinstance(statement, Tile):
        place = f"{statement.buffer.name}[{statement.at}]"
        return [f"{indent}{statement.registers.name} = tile of {place}, {statement.stride} apart"]
    if isinstance(statement, Check):
        return [f"{indent}{_check(statement)}"]
    if isinstance(statement, Allocate):
        initial = f" = {_operand(statement.initial)}" if statement.initial is not None else ""
        return [f"{indent}{statement.buffer.space} {_declare(statement.buffer)}{initial}"]
    if isinstance(statement, If):
        lines = [f"{indent}if {statement.first} <= {statement.form} < {statement.last}:"]
    else:
        lines = [f"{indent}{_header(statement)}"]
    for inner in statement.body:
        lines += _statement(inner, indent + "  ")
    return lines


def _check(check: Check) -> str:
    made_of = [_operand(o) for o in check.operands] + ([check.witness.name] if check.witness else [])
    words = [f"check {check.cell.name}[{check.at}] {check.number}: {_operand(check.value)} {check.kind}"]
    words += [str(check.size)] if check.kind == "within" else []
    words += [f"of {', '.join(made_of)}"] if made_of else []
    words += [f"where {_operand(check.mask)}"] if check.mask is not None else []
    return " ".join(words)


def _header(loop: For) -> str:
    stop = f"min({loop.stop}, {run_time(loop.limit)})" if loop.limit is not None else str(loop.stop)
    words = [f"{'parallel ' if loop.parallel else ''}for {loop.var} in {loop.start}..{stop}"]
    if loop.step != 1:
        words.append(f"by {loop.step}")
    if loop.lanes > 1:
        words.append(f"as {loop.lanes} lanes" + (f", {run_time(loop.active)} active" if loop.active else ""))
    if loop.parts:
        words.append(f"in {loop.parts} parts")
    return " ".join(words) + ":"
