"""Kernels of rows that sum up columns on the way, as those of gains and biases of normalized rows do.

    for i0 in 0..8192:                       parallel for c in 0..21:
      ... a row, in several sweeps             for j: store partial[768*c + j] = 0
      for i1 in 0..768:                        for i0 in 391*c..min(391*c + 391, 8192):
        store out[768*i0 + i1] = v       →       ... the row, in as many sweeps
    for i1 in 0..768:                            for i1 in 0..768:
      for i0 in 0..8192:                           store out[768*i0 + i1] = v
        s sum= ... of the same elements            store partial[768*c + i1] = load partial[768*c + i1] + v
      store sums[i1] = s                       for j: for c: s sum= load partial[768*c + j] ...

What the rows are made of is read once. The pieces depend on the sizes alone, and so do the sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from ..ir.affine import Affine, Var, variable
from ..ir.expr import Expr
from ..ir.graph import ExprTable
from ..ir.open_size import OpenSize, pieces
from .ir import Accumulate, Allocate, Buffer, For, Statement, Store
from .nest import Nest, identity, taken

MOST_PARTIALS = 2**14
"""Results of pieces, over all columns: they share the nearest cache with a row. But there are `FEWEST` pieces."""
FEWEST, MOST = 8, 64
FEW_ROWS = 64
"""Rows of a piece where only a call says how many rows there are."""


def columns(axes: tuple[int, ...], nodes: tuple[Expr, ...]) -> tuple[Expr, ...]:
    """The reductions of a kernel that are over other axes than its own."""
    return tuple(n for n in nodes if n.op.kind == "reduce" and n.attrs.get("axes", axes) != axes)


class ColumnNest(Nest):
    """A kernel of rows, its reductions of columns apart."""

    def __init__(
        self, domain: tuple[int, ...], axes: tuple[int, ...], outputs: tuple[Expr, ...], nodes: tuple[Expr, ...],
        inputs: ExprTable[Buffer], into: ExprTable[Buffer],
    ) -> None:  # fmt: skip
        self.columns = columns(axes, nodes)
        apart = ExprTable((c, None) for c in self.columns)
        self.when: ExprTable[int] = ExprTable()
        rows = tuple(o for o in outputs if o not in apart), tuple(n for n in nodes if n not in apart)
        super().__init__(domain, axes, *rows, inputs, into)
        self.when.update((c, self._sweep_of(c.args[0])) for c in self.columns)
        self.width = domain[-1]
        self.rows_of_piece = self._rows_of_piece()
        self.piece = Var("c", pieces(domain[0], self.rows_of_piece))
        size = self.width * int(self.piece.extent)
        self.partials = ExprTable(
            (c, Buffer(f"partial{i}", c.dtype, size, "workspace")) for i, c in enumerate(self.columns)
        )

    def _rows_of_piece(self) -> int:
        """How much of the first axis makes a piece."""
        first, *others = self.domain[:-1]
        if isinstance(first, OpenSize):
            return max(FEW_ROWS // prod(others), 1)
        return -(-first // min(max(MOST_PARTIALS // self.width, FEWEST), MOST, first))

    @property
    def workspaces(self) -> tuple[Buffer, ...]:
        """For the results of pieces."""
        return tuple(self.partials.values())

    def _sweeps(self) -> list[list[Expr]]:
        sweeps = super()._sweeps()
        for column, number in self.when.items():
            sweeps[number].append(column.args[0])
        return sweeps

    def _sweep_of(self, argument: Expr) -> int:
        """The first sweep that knows the elements of a column and looks at them, or at least knows them."""
        known = self.levels.get(argument, 0)
        for number, roots in enumerate(super()._sweeps()):
            if number >= known and any(node is argument for node in _below(roots)):
                return number
        return known

    def write(self, keep: list[Expr]) -> tuple[Statement, ...]:
        """The loops. `keep` lists the values to hold in scratch between sweeps."""
        b, (first, *others) = self.builder, self.outer
        self._bring_scratch(keep)
        (along,) = self.inner
        with b.loop(self.piece):
            with b.loop(along):
                for column, partial in self.partials.items():
                    b.add(Store(partial, self._at(variable(along)), identity(column.op.name, column.dtype)))
            with b.scope(first) as scope:
                with b.loops(others):
                    self._row()
                body = tuple(scope.statements)
            start = variable(self.piece) * self.rows_of_piece
            b.add(For(first, start, start + self.rows_of_piece, body, limit=first.extent))
        with b.loop(along):
            self._put_together(variable(along))
        return b.body

    def _at(self, place: Affine) -> Affine:
        return variable(self.piece) * self.width + place

    def _finish_element(self, number: int) -> None:
        """Take the element into its columns."""
        b, at = self.builder, self._at(self.element[-1])
        for column in self.columns:
            if self.when[column] == number:
                before = b.load(self.partials[column], at)
                b.add(Store(self.partials[column], at, taken(b, column, self.element, before, self._own)))

    def _put_together(self, place: Affine) -> None:
        """Reduce the results of the pieces to one, in order."""
        b = self.builder
        registers = [Buffer(f"column{i}", c.dtype, 1, "register") for i, c in enumerate(self.columns)]
        for column, register in zip(self.columns, registers, strict=True):
            b.add(Allocate(register, identity(column.op.name, column.dtype)))
        self._call_witnesses(list(self.columns))
        with b.loop(self.piece):
            for column, register in zip(self.columns, registers, strict=True):
                part = b.load(self.partials[column], self._at(place))
                self._see(column, [part])
                b.add(Accumulate(column.op.name, (register,), 0, (part,)))
        for column, register in zip(self.columns, registers, strict=True):
            value = b.load(register, Affine())
            self._question(column, value)
            b.add(Store(b.outputs[column], place, value))


def _below(roots: list[Expr]) -> Iterator[Expr]:
    """The roots and all they are made of, down to the reductions of earlier sweeps."""
    seen: ExprTable[None] = ExprTable()
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node not in seen:
            seen[node] = None
            yield node
            if node.op.kind != "reduce":
                stack += node.args
