"""The statements and values of the loop IR.

A function is a list of statements over buffers. Values are in administrative normal form: every operand is a name or
a constant, so nothing here nests and every transformation is a walk along a list.

    kernel0(x: f32[4096], out: f32[4096])
      for i in 0..4096 by 16:
        a: f32x16 = load x[i]
        b: f32x16 = exp a
        store out[i] = b

A `For` with lanes > 1 executes `lanes` neighbouring iterations at once: its variable stands for a base plus the lane
number, and names bound inside are vectors where they depend on it. `active` says how many of the lanes count (the
rest are masked: not loaded, not stored, not accumulated). An operand with one lane in an operation with more is
repeated. Positions are `ir.affine` forms over loop variables and integer names.

All of it is plain tuples with named fields: equal where the fields are, cheap to make and never changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

from ..ir.affine import Affine, Var
from ..ir.dtype import DType
from ..ir.open_size import run_time

Space: TypeAlias = Literal["argument", "workspace", "stack", "register"]


class Buffer(NamedTuple):
    """Memory of `size` elements: an argument, scratch that lives during the call, or registers.

    Scratch starts at a multiple of 64 bytes; an argument wherever a user's array does.

    Registers hold `lanes`-wide vectors and are indexed by constants only.
    """

    name: str
    dtype: DType
    size: int
    space: Space = "argument"
    lanes: int = 1


class Ref(NamedTuple):
    """A name bound by a `Let`."""

    name: str
    dtype: DType
    lanes: int = 1


class Const(NamedTuple):
    """A number. NaN and signed zeros are told apart by their bits when constants are printed."""

    value: float | int | bool
    dtype: DType
    lanes: int = 1


Operand: TypeAlias = Ref | Const

# Values --------------------------------------------------------------------------------------------------------


class Apply(NamedTuple):
    """An op of the scalar table, lane by lane.

    Here only: `fma` (a·b + c, rounded once) and `bitcast` (the same bits as a number of another dtype).
    """

    op: str
    args: tuple[Operand, ...]


class Load(NamedTuple):
    """The element at a position; neighbouring lanes read neighbours, or gather where the form says otherwise.

    Where `mask` is false nothing is read and the value is zero.
    """

    buffer: Buffer
    at: Affine
    mask: Operand | None = None


class Position(NamedTuple):
    """The value of an index form, as an integer."""

    at: Affine


Value: TypeAlias = Apply | Load | Position

# Statements ----------------------------------------------------------------------------------------------------


class Let(NamedTuple):
    """Bind a name to a value."""

    ref: Ref
    value: Value


class Store(NamedTuple):
    """Write an element; `mask` as in `Load`."""

    buffer: Buffer
    at: Affine
    value: Operand
    mask: Operand | None = None


class Accumulate(NamedTuple):
    """registers[at] = op(registers[at], values).

    Ops: sum, prod, max, min, any, all, fma (two values), argmax and argmin (value, position).
    """

    op: str
    registers: tuple[Buffer, ...]
    at: int
    values: tuple[Operand, ...]


class Scan(NamedTuple):
    """register = op(register, values), and `ref` is what it holds then, or where `exclusive` what it held before.

    Ops: sum, prod, recur (values[0] · register + values[1]). Lanes that share one scalar register take their turns:
    each continues where its neighbour stopped. Lanes with a vector register have a run each.
    """

    ref: Ref
    op: str
    register: Buffer
    values: tuple[Operand, ...]
    exclusive: bool = False


class Combine(NamedTuple):
    """Fold the lanes of vector registers into scalar ones, in a fixed order: halves, then halves of those."""

    op: str
    into: tuple[Buffer, ...]
    vectors: tuple[Buffer, ...]


class Tile(NamedTuple):
    """Bring a square of memory into vector registers, its rows as their lanes.

    registers[r], lane l = buffer[at + r + stride·l]: each line of memory is read once, and turned in registers.
    """

    registers: Buffer
    buffer: Buffer
    at: Affine
    stride: int


class Allocate(NamedTuple):
    """Bring a stack or register buffer into being, each element holding `initial` (stack memory: undefined)."""

    buffer: Buffer
    initial: Const | None = None


class For(NamedTuple):
    """var = start, start + step, ... while var < stop. Bounds may depend on outer variables; `limit` caps stop.

    The limit and the number of active lanes may be open.
    """

    var: Var
    start: Affine
    stop: Affine
    body: tuple[Statement, ...]
    step: int = 1
    limit: int | None = None
    lanes: int = 1
    active: int = 0
    """How many lanes count; 0 for all."""
    parallel: bool = False
    """Whether iterations may run in any order and at the same time."""
    parts: int = 0
    """In how many parts a team of threads shares the iterations; 0 for not at all."""


class If(NamedTuple):
    """Run the body when first ≤ value of the form < last."""

    form: Affine
    first: int
    last: int
    body: tuple[Statement, ...]


class Check(NamedTuple):
    """Report a wrong value: `cell[at]` becomes the smallest report of all.

    Kinds: "number": the value is nan. "finite": it is worse than the operands it was made of, which is infinite where
    all are finite, or nan where none is. `witness` stands for operands that were summed up: it is nan if one of them
    was not finite. "within": it is none of 0 … size - 1. A report is `number` above 32 bits that say what the value
    is: 0 for nan, 1 for inf, 2 for -inf, or a position.
    """

    kind: Literal["number", "finite", "within"]
    number: int
    value: Operand
    cell: Buffer
    at: int = 0
    operands: tuple[Operand, ...] = ()
    witness: Buffer | None = None
    size: int = 0
    mask: Operand | None = None


Statement: TypeAlias = Let | Store | Accumulate | Scan | Combine | Tile | Allocate | For | If | Check


class LoopFn(NamedTuple):
    """A kernel: its argument buffers in order, the workspaces it needs, and what it does."""

    name: str
    arguments: tuple[Buffer, ...]
    workspaces: tuple[Buffer, ...]
    body: tuple[Statement, ...]
    most_rows: int = 0
    """How many rows there may be, where it is told how many there are: forms in it may use `ROWS` then, and buffers are
    for the most. 0 where all sizes are known."""

    @property
    def is_open(self) -> bool:
        """Whether it has to be told how many rows there are."""
        return self.most_rows > 0


def walk(body: tuple[Statement, ...]) -> Iterator[Statement]:
    """All statements, outer before inner, in order."""
    for statement in body:
        yield statement
        if isinstance(statement, (For, If)):
            yield from walk(statement.body)


def full_range(var: Var) -> tuple[Affine, Affine]:
    """The bounds of a loop over all of a variable's values."""
    return Affine(), run_time(var.extent)
