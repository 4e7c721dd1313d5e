"""The schedule of matmul: packed panels, a block of registers, and what follows fused into the last step.

    for jp in panels of B's columns:
      for ip in blocks of A's rows:
        for j in jp·NR … +NR as NR lanes:
          register acc[MR] = 0
          for k in 0..K:
            acc[r] fma= A[ip·MR + r, k], B[k, j]      # for each r
          out[ip·MR + r, j] = epilogue(acc[r])        # bias, activation, update: whatever was fused

The blocking is that of Goto and van de Geijn (Anatomy of High-Performance Matrix Multiplication, ACM TOMS 34, 2008)
with the loops around the register block as in BLIS; `contraction_blocks` says in which order they stand and what is
packed where. Operands are read by `Builder.pull`, so views and cheap elementwise work on them are done while packing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import NamedTuple

from ..ir.affine import Affine, Var, variable
from ..ir.expr import Expr
from ..ir.graph import ExprTable
from ..ir.open_size import OpenSize, divided, pieces, run_time
from .checks import explain
from .contraction_blocks import SWATH
from .contraction_plan import CONFLICTING, Planned
from .ir import Accumulate, Allocate, Buffer, Const, For, If, Operand, Statement, Store, full_range
from .schedule import Machine
from .vectorize import Widening, vectorize

UNROLLED_EPILOGUE = 28
"""Operations after a register block that are written out row by row; more of them go into a loop."""

FEW = (4, 2, 1)
"""Rows that are taken together of a block that is not full, when nobody knows yet how many it has."""


class _Strip(NamedTuple):
    """Rows of the result that a block of registers holds."""

    panel: Affine
    """Of A, the rows of a full block."""
    start: Affine
    """The first row within the panel."""
    rows: int


class Contraction(Planned):
    """One matmul kernel being written as loops."""

    def write(self) -> tuple[Statement, ...]:
        """The loops."""
        b = self.builder
        if 0 in (self.m, self.n) or 0 in [v.extent for v in self.batch]:
            return ()
        if b.watch is not None:
            b.watch.loads = False
        with self._stack():
            if self.blocks.by_rows:
                self._by_rows()
            else:
                self._by_columns()
        if b.watch is not None and self.product.dtype.is_float:
            explain(b, b.watch, self.product)
        return b.body

    @contextmanager
    def _stack(self) -> Iterator[None]:
        """Loops over the matrices of a stack, which threads share when each has room for its packing."""
        first = next((i for i, v in enumerate(self.batch) if v.extent > 1), 0)
        with ExitStack() as loops:
            for i, var in enumerate(self.batch):
                loops.enter_context(self.builder.loop(var, parallel=i == first and self.shares_stack))
            yield

    def _by_rows(self) -> None:
        """Threads share bands of rows, and B."""
        b = self.builder
        with b.loop(self.block):
            self._allocate(self.partial)
            if self.packed_b is not None:
                self._allocate(self.packed_b)
                per = SWATH if self.n > SWATH * self.blocks.lanes else 1
                group = Var("gb", -(-self.n // (self.blocks.lanes * per)))
                with b.loop(group, parallel=True):
                    self._pack_b(group, per)
            with b.loop(self.band, parallel=True):
                if self.packed_a is not None:
                    self._allocate(self.packed_a)
                    self._pack_a()
                self._panels()

    def _by_columns(self) -> None:
        """Threads share swaths of columns, and A."""
        b = self.builder
        if self.packed_a is not None:
            self._allocate(self.packed_a)
            self._pack_a()
        self._allocate(self.partial)
        with b.loop(self.swath, parallel=True), b.loop(self.block):
            if self.packed_b is not None:
                self._allocate(self.packed_b)
                self._pack_b(self.swath, self.blocks.swath)
            self._panels()

    def _allocate(self, buffer: Buffer | None) -> None:
        if buffer is not None and buffer.space == "stack":
            self.builder.add(Allocate(buffer))

    def _panels(self) -> None:
        """All register blocks of the band and the swath at hand: row by row where the swath stays in the nearest cache,
        for then what is written lies together, else column by column."""
        blocks = self.blocks
        rows = partial(self._each, "ip", self.m, blocks.rows, self.band, blocks.band)
        columns = partial(self._each, "jp", self.n, blocks.lanes, self.swath, blocks.swath)

        def block(panel_a: Affine, left: int, panel: Affine, active: int) -> None:
            if isinstance(left, OpenSize):
                self._few_rows(panel_a, left, panel, active)
            else:
                self._block(_Strip(panel_a, Affine(), left or blocks.rows), panel, active)

        if self._swath_bytes() <= self.machine.l1_bytes // 2:
            rows(lambda i, left: columns(lambda j, active: block(i, left, j, active)))
        else:
            columns(lambda j, active: rows(lambda i, left: block(i, left, j, active)))

    def _swath_bytes(self) -> int:
        blocks = self.blocks
        return blocks.lanes * blocks.swath * min(blocks.depth, self.k) * self.product.dtype.bytes

    def _each(
        self, name: str, size: int, unit: int, group: Var, per: int, write: Callable[[Affine, int], None],
        *, parallel: bool = False,
    ) -> None:  # fmt: skip
        """Do something for each piece of the group at hand: in a loop over the whole ones, then for the rest."""
        b = self.builder
        whole, rest = divided(size, unit)
        piece, first = Var(name, whole), variable(group) * per
        if group.extent == 1:
            if int(whole):
                with b.loop(piece, parallel=parallel):
                    write(variable(piece), 0)
        elif per == 1 and not rest:
            write(variable(group), 0)
        elif int(whole):
            with b.scope(piece) as scope:
                write(variable(piece), 0)
                body = tuple(scope.statements)
            b.add(For(piece, first, first + per, body, limit=None if whole == group.extent * per else whole))
        if isinstance(rest, OpenSize):
            self._last_piece(Var(f"{name}l", pieces(size, unit)), run_time(whole), group, per, rest, write)
        elif rest and group.extent == 1:
            write(Affine((), whole), rest)
        elif rest:
            last = group.extent - 1
            self._if(variable(group), last, last + 1, lambda: write(first + (whole - last * per), rest))

    def _last_piece(
        self, piece: Var, number: Affine, group: Var, per: int, rest: int, write: Callable[[Affine, int], None]
    ) -> None:
        """Do something for the piece of this number, which is not whole, if there is one and it is in the group."""
        with self.builder.scope(piece) as scope:
            write(variable(piece), rest)
            body = tuple(scope.statements)
        if group.extent == 1:
            loop = For(piece, number, run_time(piece.extent), body)
        else:
            start = variable(group) * per
            loop = For(piece, start, start + per, (If(variable(piece) - number, 0, 1, body),), limit=piece.extent)
        self.builder.add(loop)

    def _if(self, form: Affine, first: int, last: int, write: Callable[[], None]) -> None:
        """Do something only where a form is in first … last - 1."""
        with self.builder.scope() as scope:
            write()
            body = tuple(scope.statements)
        self.builder.add(If(form, first, last, body))

    def _lane(self, active: int) -> Var:
        """The column within a panel."""
        return Var("j", max(active, 2) if active else self.blocks.lanes)

    # Packing ---------------------------------------------------------------------------------------------------

    def _depth_loop(self, body: tuple[Statement, ...], k: Var) -> For:
        """A loop over the part of the contracted axis at hand."""
        start = variable(self.block) * self.blocks.depth
        if self.block.extent == 1:
            return For(k, start, run_time(self.k), body)
        return For(k, start, start + self.blocks.depth, body, limit=self.k)

    def _local(self, k: Affine) -> Affine:
        """Position within the part of the contracted axis at hand."""
        return k - variable(self.block) * self.blocks.depth

    def _pack_b(self, group: Var, per: int) -> None:
        """Copy panels of B's columns so that each step of the contraction reads one contiguous run.

        What lies in order is followed as far as it goes: a row through all panels, or as many columns as the nearest
        cache holds lines of, whatever lies between them.
        """
        k, lanes = Var("k", self.k), self.blocks.lanes

        def copy(panel: Affine, active: int) -> None:
            self._copy_columns(k, panel, Affine(), self._lane(active), lanes, active)

        def copy_all_steps(panel: Affine, active: int) -> None:
            if active or lanes <= CONFLICTING:
                self._steps_of(k, lambda: copy(panel, active))
                return
            few = Var("jq", lanes // CONFLICTING)
            with self.builder.loop(few):
                first, j = variable(few) * CONFLICTING, Var("j", CONFLICTING)
                self._steps_of(k, lambda: self._copy_columns(k, panel, first, j, CONFLICTING, 0))

        if self._is_ordered():
            self._steps_of(k, lambda: self._each("jp", self.n, lanes, group, per, copy))
        else:
            self._each("jp", self.n, lanes, group, per, copy_all_steps)

    def _steps_of(self, k: Var, write: Callable[[], None]) -> None:
        """A loop over the part of the contracted axis at hand."""
        with self.builder.scope(k) as scope:
            write()
            body = tuple(scope.statements)
        self.builder.add(self._depth_loop(body, k))

    def _copy_columns(self, k: Var, panel: Affine, first: Affine, j: Var, lanes: int, active: int) -> None:
        """A step of some columns of a panel, from the first of them on."""
        b = self.builder
        assert self.packed_b is not None
        with b.scope(j) as inner:
            value = b.pull(self.b, self._in_b(variable(k), panel * self.blocks.lanes + first + variable(j)))
            b.add(Store(self.packed_b, self._in_packed_b(variable(k), panel, j) + first, value))
            copied = tuple(inner.statements)
        for statement in self._as_lanes(j, lanes, active, copied):
            b.add(statement)

    def _in_packed_b(self, k: Affine, panel: Affine, j: Var) -> Affine:
        slot = panel - variable(self.swath) * self.blocks.swath
        return slot * (self.blocks.depth * self.blocks.lanes) + self._local(k) * self.blocks.lanes + variable(j)

    def _pack_a(self) -> None:
        """Copy the band's part of A, so that the rows of a register block lie near each other."""
        blocks = self.blocks
        copy = self._copy_rows if self.pitch else self._interleave_rows
        self._each("ip", self.m, blocks.rows, self.band, blocks.band, copy, parallel=True)

    def _interleave_rows(self, panel: Affine, rest: int) -> None:
        """Pack the rows of a register block side by side: as lanes, or one by one if nobody knows how many they are."""
        b, blocks = self.builder, self.blocks
        rows = rest or blocks.rows
        lanes = 1 << max(blocks.rows - 1, 0).bit_length()
        k = Var("k", self.k)
        with b.scope(k) as outer:
            if isinstance(rest, OpenSize):
                r = Var("r", rest)
                with b.loop(r):
                    self._copy_element(k, panel, r)
            else:
                r = Var("r", max(rows, 2) if lanes > 1 else 1)
                with b.scope(r) as inner:
                    self._copy_element(k, panel, r)
                    copied = tuple(inner.statements)
                outer.statements += self._as_lanes(r, lanes, rows if rows < lanes else 0, copied)
            body = tuple(outer.statements)
        b.add(self._depth_loop(body, k) if blocks.by_rows else For(k, *full_range(k), body))

    def _copy_element(self, k: Var, panel: Affine, r: Var) -> None:
        b = self.builder
        assert self.packed_a is not None
        value = b.pull(self.a, self._in_a(panel * self.blocks.rows + variable(r), variable(k)))
        b.add(Store(self.packed_a, self._in_packed_a(variable(k), panel) + variable(r), value))

    def _copy_rows(self, panel: Affine, rest: int) -> None:
        """Pack rows as they are, one after the other."""
        b, depth = self.builder, self.blocks.depth
        rows = rest or self.blocks.rows
        if not self.blocks.by_rows or self.block.extent == 1:
            self._copy_run(panel, rows, Affine(), self.k)
            return
        whole, left = divided(self.k, depth)
        if not left:
            self._copy_run(panel, rows, variable(self.block) * depth, depth)
            return
        early, block = Var("ke", whole), variable(self.block)
        with b.scope(early) as scope:
            self._copy_run(panel, rows, variable(early) * depth, depth)
            body = tuple(scope.statements)
        b.add(For(early, block, block + 1, body, limit=whole))
        done = run_time(whole) * depth
        self._if(block - run_time(whole), 0, 1, lambda: self._copy_run(panel, rows, done, left))

    def _copy_run(self, panel: Affine, rows: int, start: Affine, count: int) -> None:
        b, blocks = self.builder, self.blocks
        assert self.packed_a is not None
        k, r = Var("k", count), Var("r", rows)
        slot = panel - variable(self.band) * blocks.band
        with b.loop(r):
            with b.scope(k) as inner:
                value = b.pull(self.a, self._in_a(panel * blocks.rows + variable(r), start + variable(k)))
                b.add(Store(self.packed_a, (slot * blocks.rows + variable(r)) * self.pitch + variable(k), value))
                copied = tuple(inner.statements)
            loop = For(k, *full_range(k), copied)
            for statement in vectorize(loop, max(self.machine.vector_bytes // self.product.dtype.bytes, 1)):
                b.add(statement)

    def _in_packed_a(self, k: Affine, panel: Affine) -> Affine:
        """Where the first row of a register block lies."""
        blocks = self.blocks
        slot = panel - variable(self.band) * blocks.band
        at, deep = (self._local(k), blocks.depth) if blocks.by_rows else (k, int(self.k))
        if self.pitch:
            return slot * (blocks.rows * self.pitch) + at
        return slot * (blocks.rows * deep) + at * blocks.rows

    def _as_lanes(self, var: Var, lanes: int, active: int, body: tuple[Statement, ...]) -> list[Statement]:
        """A single step of a loop with all of its iterations as lanes."""
        wide = body if lanes == 1 else Widening(var, lanes, {}).body(body)
        return [For(var, Affine(), Affine((), lanes), wide, step=lanes, lanes=lanes, active=active)]

    # The register block ----------------------------------------------------------------------------------------

    def _few_rows(self, panel_a: Affine, left: int, panel_b: Affine, active: int) -> None:
        """The rows of a block that is not full: a few at a time, then one by one."""
        start = Affine()
        for rows in FEW:
            whole, left = divided(left, rows)
            if int(whole):
                piece = Var(f"r{rows}", whole)
                with self.builder.loop(piece):
                    self._block(_Strip(panel_a, start + variable(piece) * rows, rows), panel_b, active)
            start = start + run_time(whole) * rows

    def _block(self, strip: _Strip, panel_b: Affine, active: int) -> None:
        """Accumulate a block of the result in registers, then finish it."""
        b, lanes, chains = self.builder, self.blocks.lanes, self.blocks.chains
        j = self._lane_var = self._lane(active)
        row, column = strip.panel * self.blocks.rows + strip.start, panel_b * lanes + variable(j)
        acc = Buffer("acc", self.product.dtype, strip.rows * chains, "register")
        zero = Const(0.0 if self.product.dtype.is_float else 0, self.product.dtype)
        with b.scope(j) as scope:
            b.add(Allocate(acc, zero))
            if self.partial is not None:
                self._if(variable(self.block), 1, int(self.block.extent), lambda: self._resume(acc, row, column))
            self._contract(acc, strip, panel_b, j)
            if self.partial is None:
                self._finish(acc, strip.rows, row, column)
            else:
                self._if_before_last(lambda: self._suspend(acc, row, column))
                self._if_last(lambda: self._finish(acc, strip.rows, row, column))
            body = tuple(scope.statements)
        for statement in self._as_lanes(j, lanes, active, body):
            b.add(statement)

    def _if_before_last(self, write: Callable[[], None]) -> None:
        """Do something in all parts of the contracted axis but the last."""
        self._if(variable(self.block) - (run_time(self.block.extent) - 1), -int(self.block.extent), 0, write)

    def _if_last(self, write: Callable[[], None]) -> None:
        """Do something in the last part of the contracted axis."""
        self._if(variable(self.block) - (run_time(self.block.extent) - 1), 0, 1, write)

    def _partial_at(self, row: Affine, column: Affine, at: int) -> Affine:
        """Where the sum of a register is kept between two parts of the contracted axis."""
        return (row * self.blocks.chains + at) * self.n + column

    def _resume(self, acc: Buffer, row: Affine, column: Affine) -> None:
        assert self.partial is not None
        for at in range(acc.size):
            before = self.builder.load(self.partial, self._partial_at(row, column, at))
            self.builder.add(Accumulate("sum", (acc,), at, (before,)))

    def _suspend(self, acc: Buffer, row: Affine, column: Affine) -> None:
        assert self.partial is not None
        for at in range(acc.size):
            value = self.builder.load(acc, Affine((), at))
            self.builder.add(Store(self.partial, self._partial_at(row, column, at), value))

    def _contract(self, acc: Buffer, strip: _Strip, panel_b: Affine, j: Var) -> None:
        """Add up the products; where an element has several chains, they take turns."""
        chains = self.blocks.chains
        if chains == 1:
            k = Var("k", self.k)
            self._steps_of(k, lambda: self._step(acc, strip, panel_b, variable(k), j, 0))
            return
        whole = self.k - self.k % chains
        if whole:
            k = Var("k", whole - chains + 1)
            with self.builder.scope(k) as scope:
                for chain in range(chains):
                    self._step(acc, strip, panel_b, variable(k) + chain, j, chain)
                body = tuple(scope.statements)
            loop = self._depth_loop(body, k)
            limit = whole if loop.limit is not None or whole < self.k else None
            self.builder.add(loop._replace(step=chains, limit=limit))
        if whole < self.k:
            self._if_last(lambda: self._remaining_steps(acc, strip, panel_b, j, whole))

    def _remaining_steps(self, acc: Buffer, strip: _Strip, panel_b: Affine, j: Var, whole: int) -> None:
        for k in range(whole, self.k):
            self._step(acc, strip, panel_b, Affine((), k), j, k - whole)

    def _step(self, acc: Buffer, strip: _Strip, panel_b: Affine, k: Affine, j: Var, chain: int) -> None:
        """One step along the contracted axis, for every row of the block."""
        b, chains = self.builder, self.blocks.chains
        right = self._right(k, panel_b, j)
        for r in range(strip.rows):
            left = self._left(k, strip, r)
            at = r * chains + chain
            if self.product.dtype.is_float:
                b.add(Accumulate("fma", (acc,), at, (left, right)))
            else:
                b.add(Accumulate("sum", (acc,), at, (b.apply("multiply", acc.dtype, left, right),)))

    def _right(self, k: Affine, panel: Affine, j: Var) -> Operand:
        b, lanes = self.builder, self.blocks.lanes
        if self.packed_b is None:
            return b.pull(self.b, self._in_b(k, panel * lanes + variable(j)))
        return b.load(self.packed_b, self._in_packed_b(k, panel, j))

    def _left(self, k: Affine, strip: _Strip, r: int) -> Operand:
        b, row = self.builder, strip.start + r
        if self.packed_a is None:
            return b.pull(self.a, self._in_a(strip.panel * self.blocks.rows + row, k))
        return b.load(self.packed_a, self._in_packed_a(k, strip.panel) + row * (self.pitch or 1))

    def _total(self, acc: Buffer, r: int) -> Operand:
        """What a row of the block came to: the sum of its chains."""
        b, chains = self.builder, self.blocks.chains
        sums: list[Operand] = [b.load(acc, Affine((), r * chains + chain)) for chain in range(chains)]
        while len(sums) > 1:
            sums = [
                b.apply("add", acc.dtype, *sums[i : i + 2]) if i + 1 < len(sums) else sums[i]
                for i in range(0, len(sums), 2)
            ]
        return sums[0]

    def _finish(self, acc: Buffer, rows: int, row: Affine, column: Affine) -> None:
        """Write the outputs that follow from a finished block: row by row, or in a loop when there is much to do."""
        if rows * len(self.epilogue) > UNROLLED_EPILOGUE:
            self._finish_in_loop(acc, rows, row, column)
            return
        for r in range(rows):
            self._finish_row(row + r, column, self._total(acc, r))

    def _finish_in_loop(self, acc: Buffer, rows: int, row: Affine, column: Affine) -> None:
        """The same from a copy of the block on the stack, so that the code for a row stands once."""
        b, lanes = self.builder, self.blocks.lanes
        tile = Buffer(f"tile{rows}", acc.dtype, rows * lanes, "stack")
        lane = Affine(tuple(t for t in column.terms if t[0] == self._lane_var))
        b.add(Allocate(tile))
        for r in range(rows):
            b.add(Store(tile, lane + r * lanes, self._total(acc, r)))
        at = Var("r", rows)
        with b.loop(at):
            self._finish_row(row + variable(at), column, b.load(tile, variable(at) * lanes + lane))

    def _finish_row(self, row: Affine, column: Affine, value: Operand) -> None:
        index = self._in_a(row, column)
        b = self.builder
        b.know(self.product, index, value)
        if b.watch is None:
            b.store(*((output, index) for output in self.outputs))
            return
        b.watch.suspected(b, self.product, value)
        b.watch.loads = True
        b.store(*((output, index) for output in self.outputs))
        b.watch.loads = False


def schedule_contraction(
    product: Expr, outputs: tuple[Expr, ...], inputs: ExprTable[Buffer], into: ExprTable[Buffer], machine: Machine
) -> tuple[tuple[Statement, ...], tuple[Buffer, ...]]:
    """The loops of a contraction kernel, and the workspaces they need."""
    contraction = Contraction(product, outputs, inputs, into, machine)
    return contraction.write(), tuple(contraction.workspaces)
