"""Reductions of much to little, in pieces that threads can share.

    register s = 0                         parallel for c in 0..32:
    for i0 in 0..1000000:                    register s = 0
      s sum= load x[i0]             →        for i0 in 0..31250:
    store out[0] = s                           s sum= load x[31250*c + i0]
                                             store partial[c] = s
                                           for c in 0..32: s sum= load partial[c]

The pieces depend on the sizes alone, so that results do not depend on the number of threads; sums of pieces are also
more exact than one long sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from ..ir.affine import Affine, Var, ravel, variable
from ..ir.expr import Expr
from ..ir.graph import ExprTable
from .ir import Accumulate, Apply, Buffer, Operand, Ref, Statement, Store
from .lower import Index
from .nest import Nest, identity

STEPS = {
    "sum": "add", "prod": "multiply", "max": "maximum", "min": "minimum", "any": "logical_or", "all": "logical_and",
}  # fmt: skip
FOLDED = frozenset(STEPS)
"""Reductions that can be put together from those of pieces."""
LARGE = 2**16
"""Elements from which on a reduction is cut."""
DEEP = 256
"""Elements that each result should at least be reduced from."""
WIDE = 8
"""Independent loops, or blocks of lanes of one, that are enough for threads without cutting."""
LANES = 64
LONG, MOST_ROWS = 512, 2**13
"""Results from which on a reduction of columns reads row after row, and how many fit the nearest cache."""
BIG = 2**20
"""Elements that do not fit the caches."""
UNROLLED = 4
"""Rows that are added at once."""
PIECE = 2**14
"""Elements of a piece, at least."""
MOST_PARTIALS = 2**14
"""Results of pieces, over all rows, at most; and of one row at most `MOST_PIECES`, which add up exactly enough."""
MOST_PIECES = 256


@dataclass(frozen=True, slots=True)
class Pieces:
    """How the first reduced axis is cut: `count` pieces of `size`, then one of `rest` elements if that is not 0."""

    axis: int
    count: int
    size: int
    rest: int
    rows: int
    """How many results each reduction has."""
    along: bool = False
    """Whether a piece is read in the order of memory, its results staying in the cache, and not column by column."""

    @property
    def partials(self) -> int:
        """Elements of a workspace that holds the results of all pieces."""
        return (self.count + bool(self.rest)) * self.rows


def pieces(domain: tuple[int, ...], axes: tuple[int, ...], nodes: tuple[Expr, ...]) -> Pieces | None:
    """How to cut a kernel's reductions; None where it does not pay or is not possible."""
    if prod(domain) < LARGE or not axes or any(n.op.kind == "cumulative" for n in nodes):
        return None
    reductions = reduced(nodes)
    if any(n.op.name not in FOLDED for n in reductions) or not _one_sweep(domain, nodes):
        return None
    kept = [n for a, n in enumerate(domain) if a not in axes]
    rows = prod(kept)
    last_is_kept = len(domain) - 1 not in axes
    along = axes == tuple(range(len(axes))) and LONG <= rows <= MOST_ROWS and prod(domain) >= BIG
    independent = rows // kept[-1] * -(-kept[-1] // LANES) if last_is_kept else rows
    if (independent >= WIDE and not along) or prod(domain) // rows < DEEP:
        return None
    axis = axes[0]
    count = min(prod(domain) // PIECE, MOST_PIECES, max(MOST_PARTIALS // rows, WIDE), domain[axis])
    if count < 2:
        return None
    size = -(-domain[axis] // count)
    whole, rest = divmod(domain[axis], size)
    return Pieces(axis, whole, size, rest, rows, along and len(axes) == 1)


def reduced(nodes: tuple[Expr, ...]) -> list[Expr]:
    """The reductions among a kernel's nodes."""
    return [n for n in nodes if n.op.kind == "reduce"]


def _one_sweep(domain: tuple[int, ...], nodes: tuple[Expr, ...]) -> bool:
    """Whether no reduction, and no element, needs the result of another reduction."""
    after: ExprTable[None] = ExprTable()
    for node in nodes:
        if any(a in after for a in node.args):
            if node.op.kind == "reduce" or tuple(node.shape) == domain:
                return False
            after[node] = None
        elif node.op.kind == "reduce":
            after[node] = None
    return True


class SplitNest(Nest):
    """A reduce kernel written as pieces and what puts them together."""

    def __init__(
        self, domain: tuple[int, ...], axes: tuple[int, ...], outputs: tuple[Expr, ...], nodes: tuple[Expr, ...],
        inputs: ExprTable[Buffer], into: ExprTable[Buffer], cut: Pieces,
    ) -> None:  # fmt: skip
        super().__init__(domain, axes, outputs, nodes, inputs, into)
        self.cut = cut
        self.partials = ExprTable(
            (node, Buffer(f"partial{i}", node.dtype, cut.partials, "workspace", aligned=True))
            for i, node in enumerate(reduced(nodes))
        )

    def write_pieces(self) -> list[tuple[Statement, ...]]:
        """The loops, in turn: whole pieces, the rest, and all together."""
        cut, b = self.cut, self.builder
        piece = Var("c", cut.count)
        with b.loop(piece):
            self._piece(variable(piece) if cut.count > 1 else Affine(), cut.size)
        ends = [len(b.body)]
        if cut.rest:
            self._piece(Affine((), cut.count), cut.rest)
            ends.append(len(b.body))
        self._gather()
        starts = [0, *ends]
        return [b.body[start:end] for start, end in zip(starts, [*ends, len(b.body)], strict=True)]

    def _row_flat(self) -> Affine:
        return ravel([variable(v) for v in self.outer], [v.extent for v in self.outer])

    def _piece(self, number: Affine, size: int) -> None:
        """Reduce one piece; elements that are outputs themselves are stored on the way."""
        b, axis = self.builder, self.cut.axis
        whole = self.vars
        at = Var(whole[axis].name, size)
        self.vars = (*whole[:axis], at, *whole[axis + 1 :])
        inside = variable(at) if size > 1 else Affine()
        index: Index = tuple(number * self.cut.size + inside if a == axis else variable(v) for a, v in enumerate(whole))
        self.element = index
        outputs = [o for o in self.outputs if not self.is_row(o)]
        if self.cut.along:
            self._along(number, size, outputs)
            self.vars = whole
            return
        with b.loops(self.outer):
            registers = [self._registers(r) for r in self.partials]
            with b.loops(self.inner):
                b.store(*((output, self.element) for output in outputs))
                for reduction, into in zip(self.partials, registers, strict=True):
                    self._accumulate(reduction, into)
            for reduction, into in zip(self.partials, registers, strict=True):
                value = b.load(into[-1], Affine())
                b.add(Store(self.partials[reduction], number * self.cut.rows + self._row_flat(), value))
        self.vars = whole

    def _along(self, number: Affine, size: int, outputs: list[Expr]) -> None:
        """Reduce a piece row by row, into results that lie in memory."""
        b, at = self.builder, number * self.cut.rows + self._row_flat()
        with b.loops(self.outer):
            for reduction, partial in self.partials.items():
                b.add(Store(partial, at, identity(reduction.op.name, reduction.dtype)))
        first = 0
        for together in (UNROLLED, 1):
            rounds = (size - first) // together
            step = Var(f"r{together}", rounds)
            if rounds:
                with b.loop(step), b.loops(self.outer):
                    begin = (variable(step) * together if rounds > 1 else Affine()) + first
                    rows = [number * self.cut.size + begin + row for row in range(together)]
                    self._take_in(rows, at, outputs)
            first += rounds * together

    def _take_in(self, rows: list[Affine], at: Affine, outputs: list[Expr]) -> None:
        """Take an element of each of these rows into the results."""
        b = self.builder
        values = [b.load(partial, at) for partial in self.partials.values()]
        for row in rows:
            self.element = (*self.element[: self.cut.axis], row, *self.element[self.cut.axis + 1 :])
            b.store(*((output, self.element) for output in outputs))
            values = [self._taken(r, v) for r, v in zip(self.partials, values, strict=True)]
        for partial, value in zip(self.partials.values(), values, strict=True):
            b.add(Store(partial, at, value))

    def _taken(self, reduction: Expr, before: Operand) -> Ref:
        b, argument, op = self.builder, reduction.args[0], reduction.op.name
        if op == "sum" and argument.op.name == "multiply" and argument.dtype.is_float and argument in self._own:
            factors = (b.pull(a, self.element) for a in argument.args)
            return b.let(reduction.dtype, Apply("fma", (*factors, before)))
        return b.let(reduction.dtype, Apply(STEPS[op], (before, b.pull(argument, self.element))))

    def _gather(self) -> None:
        """Put the pieces together, in order, and finish the rows."""
        b, count = self.builder, self.cut.count + bool(self.cut.rest)
        piece = Var("p", count)
        with b.loops(self.outer):
            registers = [self._registers(r) for r in self.partials]
            with b.loop(piece):
                number = variable(piece) if count > 1 else Affine()
                for reduction, into in zip(self.partials, registers, strict=True):
                    part = b.load(self.partials[reduction], number * self.cut.rows + self._row_flat())
                    b.add(Accumulate(reduction.op.name, into, 0, (part,)))
            for reduction, into in zip(self.partials, registers, strict=True):
                b.know(reduction, self.row(reduction), b.load(into[-1], Affine()))
            b.store(*((output, self.row(output)) for output in self.outputs if self.is_row(output)))
