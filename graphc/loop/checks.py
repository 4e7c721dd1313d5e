"""What checked kernels look at besides computing: indices before they are clamped, and floats that go wrong.

    v0: f32 = load x[i0]                       check cell[0] 0: v0 number
    v1: f32 = log v0                           check cell[0] 4: v1 finite of v0

A value is an op's own fault when it is infinite though all operands were finite, or nan though none of them was:
masks of infinities pass, and so does what only carries them on. Reports are numbered in the order in which values are
computed, and the smallest wins, so the fault that came first is told and not what followed from it.

Sums and products look back when the run is over: a witness that takes in 0·x is nan if some x was infinite or nan. A
contraction, where even that would be dear, only suspects; its operands are gone through once it does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from ..ir.affine import Affine, Var, variable
from ..ir.dtype import bool_, int64
from ..ir.expr import Expr
from ..ir.graph import ExprTable
from .ir import Accumulate, Allocate, Buffer, Check, Const, If, Operand, Statement, Store

if TYPE_CHECKING:
    from .lower import Builder

NOTHING = 2**63 - 1
"""What stands in a cell when all is well."""
CELL_BYTES = 16

_HARMLESS = frozenset((
    "where", "choose", "maximum", "minimum", "negative", "abs", "sign", "relu", "floor", "ceil", "trunc", "round",
    "copysign", "tanh", "sigmoid", "erf", "erfc", "atan", "atan2", "asinh", "cbrt", "softplus", "stop_gradient",
))  # fmt: skip
"""Ops whose result is never worse than the worst operand."""
_GROWING = frozenset(("sum", "prod", "cumulative_sum", "cumulative_prod", "linear_recurrence"))
"""Ops over many elements that may overflow."""


class Watch:
    """Where the checks of one kernel report, and under which numbers."""

    def __init__(self, cell: Buffer, exprs: Iterable[Expr]) -> None:
        self.cell = cell
        self.loads = True
        """Whether inputs are looked at when they are read."""
        self._numbers = ExprTable((expr, number) for number, expr in enumerate(exprs))

    def loaded(self, b: Builder, node: Expr, index: tuple[Affine, ...], mask: Operand | None, value: Operand) -> None:
        """Look at an element of an input, a param or a constant."""
        if self.loads and node.op.kind == "leaf" and node.dtype.is_float and b.is_news(node, index, mask):
            b.check(Check("number", self.number(node), value, self.cell, mask=mask))

    def computed(
        self, b: Builder, node: Expr, index: tuple[Affine, ...], mask: Operand | None, value: Operand,
        args: Iterable[Operand],
    ) -> None:  # fmt: skip
        """Look at an element that an op made of others."""
        operands = tuple(a for a in args if a.dtype.is_float)
        harmless = node.op.name in _HARMLESS or not operands
        if node.dtype.is_float and not harmless and b.is_news(node, index, mask):
            b.check(Check("finite", self.number(node), value, self.cell, operands=operands, mask=mask))

    def positioned(
        self, b: Builder, node: Expr, raw: Operand, position: Operand, size: int, mask: Operand | None = None
    ) -> None:
        """Look at an index: `position` is `raw` with negative ones counted from the end."""
        value = raw if raw.dtype.kind == "uint" else position
        if value.dtype.kind != "uint" or size < 2**value.dtype.bits:
            b.check(Check("within", self.number(node) + 1, value, self.cell, size=size, mask=mask))

    def grown(self, b: Builder, reduction: Expr, value: Operand, operands: Iterable[Operand]) -> None:
        """Look at a sum or product that lies in memory, after it has taken in more."""
        if reduction.op.name in _GROWING and reduction.dtype.is_float:
            b.check(Check("finite", self.number(reduction), value, self.cell, operands=tuple(operands)))

    def suspected(self, b: Builder, product: Expr, value: Operand) -> None:
        """Look at an element of a contraction."""
        if product.dtype.is_float:
            b.check(Check("finite", self.number(product), value, self.cell, at=1))

    def number(self, node: Expr) -> int:
        """The number of reports about a value; the next one is for those about an index."""
        return 2 * self._numbers[node]

    @property
    def start(self) -> tuple[Statement, ...]:
        """What a kernel begins with."""
        return tuple(Store(self.cell, Affine((), at), Const(NOTHING, int64)) for at in range(self.cell.size))


class Watched(ExprTable[Buffer]):
    """Buffers of a kernel's results, and the watch over what goes there."""

    __slots__ = ("watch",)

    def __init__(self, watch: Watch, buffers: ExprTable[Buffer]) -> None:
        super().__init__(buffers)
        self.watch = watch


WITNESS = "witness"


def is_witness(register: Buffer) -> bool:
    """Whether a register is there for checks alone: schedules do not look at it, or bits would depend on it."""
    return register.name.startswith(WITNESS)


class Witness(NamedTuple):
    """What is known after a sweep of the operands of a sum or product: registers that see each of them.

    Of a running one they also see the values on the way, whose greatest and least are those to look at.
    """

    watch: Watch
    seen: Buffer
    extremes: tuple[tuple[str, Buffer], ...]

    @staticmethod
    def of(b: Builder, node: Expr, name: str) -> Witness | None:
        """A witness for a node, if it can go wrong and its kernel is checked."""
        if b.watch is None or node.op.name not in _GROWING or not node.dtype.is_float:
            return None
        words = ("max", "min") if node.op.kind == "cumulative" else ()
        extremes = tuple((word, Buffer(f"{name}{word}", node.dtype, 1, "register")) for word in words)
        witness = Witness(b.watch, Buffer(name, node.dtype, 1, "register"), extremes)
        for register in (witness.seen, *(r for _, r in extremes)):
            b.add(Allocate(register, Const(0.0, node.dtype)))
        return witness

    def see(self, b: Builder, operands: Iterable[Operand], value: Operand | None = None) -> None:
        """Take in operands, and the value a run has come to."""
        for operand in operands:
            b.add(Accumulate("fma", (self.seen,), 0, (operand, Const(0.0, operand.dtype))))
        if value is not None:
            for word, register in self.extremes:
                b.add(Accumulate(word, (register,), 0, (value,)))

    def question(self, b: Builder, node: Expr, value: Operand | None) -> None:
        """Look at what the sum or product came to."""
        values = [b.load(register, Affine()) for _, register in self.extremes] if value is None else [value]
        for each in values:
            b.check(Check("finite", self.watch.number(node), each, self.watch.cell, witness=self.seen))


def explain(b: Builder, watch: Watch, product: Expr) -> None:
    """Where a contraction made something infinite or nan, go through its operands for what it was given.

    An input with a nan is reported itself, and infinities excuse infinities.
    """
    suspicion = b.load(watch.cell, Affine((), 1))
    infinite = Buffer("infinite", bool_, 1, "register")
    with b.scope() as scope:
        b.add(Allocate(infinite, Const(False, bool_)))
        for number, expr in enumerate(_floats_below(b, product)):
            at = Var(f"s{number}", b.inputs[expr].size)
            with b.loop(at):
                value = b.load(b.inputs[expr], variable(at))
                if expr.op.kind == "leaf":
                    b.check(Check("number", watch.number(expr), value, watch.cell))
                b.add(Accumulate("any", (infinite,), 0, (b.apply("isinf", bool_, value),)))
        is_infinite = b.apply("not_equal", bool_, b.apply("bitwise_and", int64, suspicion, Const(3, int64)), _ZERO)
        excused = b.apply("logical_and", bool_, is_infinite, b.load(infinite, Affine()))
        report = b.apply("where", int64, excused, Const(NOTHING, int64), suspicion)
        first = b.apply("minimum", int64, b.load(watch.cell, Affine()), report)
        b.add(Store(watch.cell, Affine(), first))
        body = tuple(scope.statements)
    b.add(If(b.as_index(suspicion, 2), 0, NOTHING, body))


_ZERO = Const(0, int64)


def _floats_below(b: Builder, product: Expr) -> list[Expr]:
    """The floats in memory that a product is made of."""
    found: ExprTable[None] = ExprTable()
    stack = list(product.args)
    while stack:
        node = stack.pop()
        if node in found:
            continue
        found[node] = None
        if node not in b.inputs:
            stack += node.args
    return [n for n in found if n in b.inputs and n.dtype.is_float and b.inputs[n].size]
