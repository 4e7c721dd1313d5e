"""Reductions of much to little, in pieces that threads can share.

    register s = 0                         parallel for c in 0..32:
    for i0 in 0..1000000:                    register s = 0
      s sum= load x[i0]             →        for i0 in 0..31250:
    store out[0] = s                           s sum= load x[31250*c + i0]
                                             store partial[c] = s
                                           for c in 0..32: s sum= load partial[c]

Sweeps that need the results of earlier ones are cut alike, one after the other; what they read of those results lies
in memory meanwhile. The pieces depend on the sizes alone, so that results do not depend on the number of threads;
sums of pieces are also more exact than one long sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from ..ir.affine import Affine, Var, ravel, variable
from ..ir.dtype import int64
from ..ir.expr import Expr
from ..ir.graph import ExprTable
from ..ir.open_size import OpenSize, divided, run_time
from ..ir.open_size import pieces as pieces_of
from .ir import Accumulate, Buffer, Statement, Store
from .lower import Index, flat
from .nest import POSITIONS, STEPS, Nest, identity, taken

FOLDED = POSITIONS | frozenset(STEPS)
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
OPEN_PIECE, FEWEST_ROWS = 2**17, 64
"""Elements and rows of a piece, at least, where only a call says how many rows there are."""
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
    """May be open, as the count."""
    rows: int
    """How many results each reduction has."""
    along: bool = False
    """Whether a piece is read in the order of memory, its results staying in the cache, and not column by column."""

    @property
    def partials(self) -> int:
        """Elements of a workspace that holds the results of all pieces."""
        return (int(self.count) + bool(self.rest)) * self.rows


def pieces(domain: tuple[int, ...], axes: tuple[int, ...], nodes: tuple[Expr, ...]) -> Pieces | None:
    """How to cut a kernel's reductions; None where it does not pay or is not possible."""
    reductions = reduced(nodes)
    if not axes or any(n.op.kind == "cumulative" for n in nodes) or any(n.op.name not in FOLDED for n in reductions):
        return None
    kept = [n for a, n in enumerate(domain) if a not in axes]
    rows = prod(kept)
    is_ordered = axes == tuple(range(len(axes))) and not any(n.op.name in POSITIONS for n in reductions)
    along = is_ordered and LONG <= rows <= MOST_ROWS
    if isinstance(domain[0], OpenSize):
        return None if isinstance(rows, OpenSize) else _open_pieces(domain, rows, along)
    if prod(domain) < LARGE:
        return None
    along = along and prod(domain) >= BIG
    last_is_kept = len(domain) - 1 not in axes
    independent = rows // kept[-1] * -(-kept[-1] // LANES) if last_is_kept else rows
    if (independent >= WIDE and not along) or prod(domain) // rows < DEEP:
        return None
    axis = axes[0]
    count = _nearby_divisor(domain[axis], min(prod(domain) // PIECE, MOST_PIECES, max(MOST_PARTIALS // rows, WIDE)))
    if count < 2:
        return None
    size = -(-domain[axis] // count)
    whole, rest = divmod(domain[axis], size)
    return Pieces(axis, whole, size, rest, rows, along)


def _open_pieces(domain: tuple[int, ...], rows: int, along: bool) -> Pieces | None:
    """How to cut a first axis of which only a call says how long it is.

    The most it can be has no say in it, or results would depend on that: even what fits in a piece is cut.
    """
    if not 0 < rows <= MOST_ROWS:
        return None
    size = max(-(-OPEN_PIECE // max(prod(domain[1:]), 1)), FEWEST_ROWS)
    whole, rest = divided(domain[0], size)
    return Pieces(0, whole, size, rest, rows, along)


def _nearby_divisor(n: int, most: int) -> int:
    """In how many pieces to cut an axis, at most: if it can be, equal ones, which need no code for a rest."""
    most = min(n, most)
    return next((count for count in range(most, most // 2, -1) if n % count == 0), most)


def reduced(nodes: tuple[Expr, ...]) -> list[Expr]:
    """The reductions among a kernel's nodes."""
    return [n for n in nodes if n.op.kind == "reduce"]


class SplitNest(Nest):
    """A reduce kernel written as pieces and what puts them together."""

    def __init__(
        self, domain: tuple[int, ...], axes: tuple[int, ...], outputs: tuple[Expr, ...], nodes: tuple[Expr, ...],
        inputs: ExprTable[Buffer], into: ExprTable[Buffer], cut: Pieces,
    ) -> None:  # fmt: skip
        super().__init__(domain, axes, outputs, nodes, ExprTable(inputs.items()), into)
        self.cut = cut
        self.last = max(number for number, roots in enumerate(self._sweeps()) if roots)
        self.partials = ExprTable((r, self._partials(f"partial{i}", r)) for i, r in enumerate(reduced(nodes)))
        self.between = ExprTable(
            (node, Buffer(f"row{i}", node.dtype, cut.rows, "workspace")) for i, node in enumerate(self._rows_between())
        )

    @property
    def workspaces(self) -> tuple[Buffer, ...]:
        """For the results of pieces, and for rows between sweeps."""
        return (*(b for partials in self.partials.values() for b in partials), *self.between.values())

    def _partials(self, name: str, reduction: Expr) -> tuple[Buffer, ...]:
        """One for the values, and one for their places if those are asked for."""
        size = self.cut.partials
        values = Buffer(name, reduction.args[0].dtype, size, "workspace")
        if reduction.op.name not in POSITIONS:
            return (values,)
        return values, Buffer(f"{name}at", int64, size, "workspace")

    def _rows_between(self) -> list[Expr]:
        """What is known of rows after one sweep and read in a later one. Of a single row the names stay bound."""
        if not self.last or self.cut.rows == 1:
            return []
        found = ExprTable((o, None) for o in self.outputs if self.is_row(o) and self.levels[o])
        seen: ExprTable[None] = ExprTable()
        stack = [root for roots in self._sweeps() for root in roots]
        stack += [node for output in found for node in self._earlier(output)]
        while stack:
            node = stack.pop()
            if node in seen or node not in self._own:
                continue
            seen[node] = None
            if self.levels[node] and self.is_row(node) and node.op.kind in ("reduce", "elementwise"):
                found[node] = None
                stack += self._earlier(node)
            else:
                stack += node.args
        return list(found)

    def _earlier(self, row: Expr) -> list[Expr]:
        """What a row is made of that earlier sweeps than its own have given."""
        found, stack = [], list(row.args)
        seen: ExprTable[None] = ExprTable()
        while stack:
            node = stack.pop()
            if node in seen or node not in self._own:
                continue
            seen[node] = None
            if self.levels[node] < self.levels[row]:
                found.append(node)
            elif node.op.kind != "reduce":
                stack += node.args
        return found

    def write_pieces(self) -> list[tuple[Statement, ...]]:
        """The loops, in turn: of each sweep the whole pieces, the rest, and what they come to together."""
        parts: list[tuple[Statement, ...]] = []
        for sweep in range(self.last + 1):
            for write in (self._whole_pieces, self._rest, self._together):
                before = len(self.builder.body)
                write(sweep)
                parts.append(self.builder.body[before:])
        return parts

    def _whole_pieces(self, sweep: int) -> None:
        if int(self.cut.count):
            piece = Var("c", self.cut.count)
            with self.builder.loop(piece):
                self._piece(sweep, variable(piece), self.cut.size)

    def _rest(self, sweep: int) -> None:
        if self.cut.rest:
            self._piece(sweep, run_time(self.cut.count), self.cut.rest)

    def _piece(self, sweep: int, number: Affine, size: int) -> None:
        """Reduce one piece; elements that are outputs themselves are stored on the way."""
        axis, whole = self.cut.axis, self.vars
        at = Var(whole[axis].name, size)
        self.vars = (*whole[:axis], at, *whole[axis + 1 :])
        index: Index = tuple(
            number * self.cut.size + variable(at) if a == axis else variable(v) for a, v in enumerate(whole)
        )
        if self.cut.along:
            self._along(sweep, number, index)
        else:
            self._across(sweep, number, index)
        self.vars = whole

    def _row_flat(self) -> Affine:
        return ravel([variable(v) for v in self.outer], [v.extent for v in self.outer])

    def _across(self, sweep: int, number: Affine, index: Index) -> None:
        """Reduce a piece into registers, one result after the other."""
        b, reductions = self.builder, self.reductions_in(sweep)
        self.element = index
        with b.loops(self.outer):
            registers = [self._registers(r) for r in reductions]
            self._call_witnesses(reductions)
            with b.loops(self.inner):
                b.store(*((output, index) for output in self.outputs_in(sweep)))
                for reduction, into in zip(reductions, registers, strict=True):
                    self._accumulate(reduction, into)
            at = number * self.cut.rows + self._row_flat()
            for reduction, into in zip(reductions, registers, strict=True):
                values = [b.load(register, Affine()) for register in into]
                self._question(reduction, values[0])
                for partial, value in zip(self.partials[reduction], values, strict=True):
                    b.add(Store(partial, at, value))

    def _along(self, sweep: int, number: Affine, index: Index) -> None:
        """Reduce a piece row by row, into results that lie in memory."""
        b, at, reductions = self.builder, number * self.cut.rows + self._row_flat(), self.reductions_in(sweep)
        if reductions:
            with b.loops(self.outer):
                for reduction in reductions:
                    b.add(Store(self.partials[reduction][0], at, identity(reduction.op.name, reduction.dtype)))
        *around, rows = self.inner
        axis = self.axes[-1]
        begin = index[axis] - variable(rows)
        with b.loops(around):
            left, first = rows.extent, Affine()
            for together in (UNROLLED, 1) if reductions else (1,):
                whole, left = divided(left, together)
                if int(whole):
                    step = Var(f"r{together}", whole)
                    with b.loop(step), b.loops(self.outer):
                        here = begin + variable(step) * together + first
                        rounds = [(*index[:axis], here + row, *index[axis + 1 :]) for row in range(together)]
                        self._take_in(sweep, rounds, at)
                first = first + run_time(whole) * together

    def _take_in(self, sweep: int, rows: list[Index], at: Affine) -> None:
        """Take an element of each of these rows into the results."""
        b, reductions = self.builder, self.reductions_in(sweep)
        values = [b.load(self.partials[r][0], at) for r in reductions]
        for row in rows:
            b.store(*((output, row) for output in self.outputs_in(sweep)))
            values = [taken(b, r, row, v, self._own) for r, v in zip(reductions, values, strict=True)]
        for reduction, value in zip(reductions, values, strict=True):
            b.add(Store(self.partials[reduction][0], at, value))

    def _together(self, sweep: int) -> None:
        """Put the pieces together, in order; keep what later sweeps read of the rows, and finish them at the end."""
        b, reductions = self.builder, self.reductions_in(sweep)
        between = [node for node in self.between if self.levels[node] == sweep + 1]
        rows = [output for output in self.outputs if self.is_row(output)] if sweep == self.last else []
        if not (reductions or between or rows):
            return
        with b.loops(self.outer):
            self._fold(reductions)
            for node in between:
                at = self.row(node)
                b.add(Store(self.between[node], flat(node, at), b.pull(node, at)))
            b.store(*((output, self.row(output)) for output in rows))
        for node in between:
            b.inputs[node] = self.between[node]

    def _fold(self, reductions: list[Expr]) -> None:
        """Reduce the results of the pieces to one."""
        b = self.builder
        registers = [self._registers(r) for r in reductions]
        self._call_witnesses(reductions)
        piece = Var("p", pieces_of(self.domain[self.cut.axis], self.cut.size))
        with b.loop(piece):
            at = variable(piece) * self.cut.rows + self._row_flat()
            for reduction, into in zip(reductions, registers, strict=True):
                parts = tuple(b.load(partial, at) for partial in self.partials[reduction])
                self._see(reduction, parts)
                b.add(Accumulate(reduction.op.name, into, 0, parts))
        for reduction, into in zip(reductions, registers, strict=True):
            value = b.load(into[-1], Affine())
            b.know(reduction, self.row(reduction), value)
            self._question(reduction, value)
