"""The schedule of matmul: packed panels, a block of registers, and what follows fused into the last step.

    for jp in panels of B's columns:
      for k: pack B[k, jp·NR … +NR] into a panel
      for ip in panels of A's rows:
        for j in jp·NR … +NR as NR lanes:
          register acc[MR] = 0
          for k in 0..K:
            acc[r] fma= A[ip·MR + r, k], B[k, j]      # for each r
          out[ip·MR + r, j] = epilogue(acc[r])        # bias, activation, update: whatever was fused

The blocking is that of Goto and van de Geijn (Anatomy of High-Performance Matrix Multiplication, ACM TOMS 34, 2008)
with the loops around the register block as in BLIS. Operands are read by `Builder.pull`, so views and cheap
elementwise work on them are done while packing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from math import prod

from ..ir.affine import Affine, Var, unravel, variable
from ..ir.expr import Expr
from ..ir.graph import ExprTable
from .checks import explain
from .ir import Accumulate, Allocate, Buffer, Const, For, If, Let, Load, Operand, Statement, Store, full_range
from .lower import Builder, Index, flat
from .schedule import Machine
from .vectorize import Widening, vectorize

ENOUGH = 2
"""Panels a thread should have at least, for threads to share panels."""
STACK_BYTES = 256 * 1024
"""What a thread may use of its stack for a panel."""
CONFLICTING = 8
"""Rows at the same place of different pages that the nearest cache holds at a time."""
PADDING = 16
"""Elements between packed rows, so that they do not fall onto each other in the cache."""
UNROLLED_EPILOGUE = 24
"""Operations after a register block that are written out row by row; more of them go into a loop."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """Sizes of the blocking, in elements."""

    rows: int
    """Rows of a register block."""
    lanes: int
    """Columns of a register block."""
    depth: int
    """Steps of the contracted axis between two passes over the result."""
    height: int
    """Rows whose part of A stays in the second-level cache; a multiple of `rows`."""


def choose_blocks(m: int, n: int, k: int, element_bytes: int, machine: Machine) -> Blocks:
    """Block sizes from the matrix, the registers and the caches."""
    hardware = max(machine.vector_bytes // element_bytes, 1)
    if n <= hardware:
        lanes, vectors = 1 << max(n - 1, 0).bit_length(), 1
    else:
        vectors = 4 if m <= 6 and n >= 4 * hardware else 2
        lanes = hardware * vectors
    most = max((machine.vector_registers - vectors - 2) // vectors, 1)
    rows = min(range(max(most // 2, 1), most + 1), key=lambda r: (_row_cost(m, r, vectors), -r)) if m > most else m
    depth = min(k, max(machine.l2_bytes // 2 // (lanes * element_bytes), 256))
    depth = max(min(depth, 2048), 1)
    depth = -(-k // -(-k // depth)) if k else 1
    fits = max(machine.l2_bytes // 2 // (depth * element_bytes) // max(rows, 1), 1)
    return Blocks(max(rows, 1), lanes, depth, fits * max(rows, 1))


def _row_cost(m: int, rows: int, vectors: int) -> float:
    """How long a column of register blocks takes: each has an overhead, and short ones wait for their own chains."""
    overhead = 1.5
    panels, rest = divmod(m, rows)
    return panels * (rows + overhead) + (max(rest, 8 / vectors) + overhead if rest else 0)


class Contraction:
    """One matmul kernel being written as loops."""

    def __init__(
        self, product: Expr, outputs: tuple[Expr, ...], inputs: ExprTable[Buffer], into: ExprTable[Buffer],
        machine: Machine,
    ) -> None:  # fmt: skip
        self.product = product
        self.outputs = outputs
        self.builder = Builder(inputs, into)
        self.machine = machine
        self.a, self.b = product.args
        *batch, self.m, self.n = (int(d) for d in product.shape)
        self.k = int(self.a.shape[-1])
        self.batch = tuple(Var(f"i{axis}", size) for axis, size in enumerate(batch))
        self.row_shape: tuple[int, ...] = (self.m,)
        """What the index of a row stands for: one axis, or all but the last of a stack times one matrix."""
        if batch and self._is_one_matrix(self.b):
            self.row_shape = (*batch, self.m)
            self.m, self.batch = prod(self.row_shape), ()
        self.spare: Index = (Affine(),) * (len(batch) - len(self.batch))
        self.blocks = choose_blocks(self.m, self.n, self.k, product.dtype.bytes, machine)
        self.workspaces: list[Buffer] = []
        self.shares_stack = False
        self.pitch = 0
        """Elements from one packed row of A to the next; 0 where the rows of a block lie side by side instead."""
        self.packed_a: Buffer | None = None
        self.packed_b: Buffer | None = None
        self.partial: Buffer | None = None
        self.block = Var("kb", max(-(-self.k // self.blocks.depth), 1))
        self.band = Var("ib", -(-self.m // self.blocks.height))
        self.epilogue = _after(product, outputs)
        self._lane_var: Var | None = None
        self._plan()

    def _plan(self) -> None:
        """Decide what is packed and what is read where it lies."""
        size, blocks = self.product.dtype.bytes, self.blocks
        panels = -(-self.n // blocks.lanes)
        again = panels > 1 or (self.m > CONFLICTING and self._collides(self.a))
        if again and not self._small(self.a, self.m, size) and not self._reads_well(self.a):
            if self.k == self.block.extent * blocks.depth and self._runs_along(self.a):
                self.pitch = blocks.depth + PADDING
            self.packed_a = self._workspace("pa", blocks.height * (self.pitch or blocks.depth))
        if self.band.extent > 1 or self.m > blocks.rows:
            step = self._steps(self.b, self.k, self.n, self._in_b)
            whole = step is not None and step[1] == 1 and (panels == 1 or self.k * self.n * size <= 32 * 1024)
            if not whole and self.band.extent == 1 and self._shares_panels():
                # Each thread packs the panel it works on, into memory of its own.
                size = blocks.lanes * blocks.depth
                self.packed_b = Buffer("pb", self.product.dtype, size, "stack", aligned=True)
            elif not whole:
                width = self.n if self.band.extent > 1 else blocks.lanes
                columns = -(-width // blocks.lanes) * blocks.lanes
                self.packed_b = self._workspace("pb", columns * blocks.depth)
        if self.block.extent > 1:
            self.partial = self._workspace("partial", self.m * self.n)
        self._divide_stack()

    def _divide_stack(self) -> None:
        """Give each thread room of its own for packing where threads share the matrices of a stack."""
        used = sum(w.size * w.dtype.bytes for w in self.workspaces)
        enough = prod(v.extent for v in self.batch) >= ENOUGH * self.machine.threads
        self.shares_stack = self.machine.threads > 1 and enough and used <= STACK_BYTES
        if self.shares_stack:
            self.packed_a, self.packed_b, self.partial = (
                None if buffer is None else replace(buffer, space="stack")
                for buffer in (self.packed_a, self.packed_b, self.partial)
            )
            self.workspaces.clear()

    def _runs_along(self, operand: Expr) -> bool:
        """Whether what A is computed from lies, row by row, in the order of its columns."""
        b = self.builder
        row, column = Var("row", self.m), Var("column", self.k)
        with b.scope(*self.batch), b.scope(row) as rows, b.scope(column) as columns:
            b.pull(operand, self._in_a(variable(row), variable(column)))
            found = [*rows.statements, *columns.statements]
        forms = [s.value.index for s in found if isinstance(s, Let) and isinstance(s.value, Load)]
        whole = all(isinstance(a, Var) or column not in a.of.variables() for form in forms for a, _ in form.terms)
        return whole and all(form.coefficient(column) in (0, 1) for form in forms)

    def _workspace(self, name: str, size: int) -> Buffer:
        buffer = Buffer(name, self.product.dtype, size, "workspace", aligned=True)
        self.workspaces.append(buffer)
        return buffer

    def _shares_panels(self) -> bool:
        """Whether threads share the panels of columns, rather than the rows of each."""
        panels = self.n // self.blocks.lanes
        private = self.blocks.lanes * self.blocks.depth * self.product.dtype.bytes
        return self.machine.threads > 1 and panels >= ENOUGH * self.machine.threads and private <= STACK_BYTES

    def _small(self, operand: Expr, rows: int, size: int) -> bool:
        return self._steps(operand, rows, self.k, self._in_a) is not None and rows * self.k * size <= 16 * 1024

    def _reads_well(self, operand: Expr) -> bool:
        """Whether rows of A can be read in place: each contiguous, and not falling onto each other in the cache."""
        steps = self._steps(operand, self.m, self.k, self._in_a)
        if steps is None or steps[1] != 1:
            return False
        stride = steps[0] * self.product.dtype.bytes
        return stride % 1024 != 0 and self.m * self.k * self.product.dtype.bytes <= self.machine.l2_bytes // 2

    def _collides(self, operand: Expr) -> bool:
        """Whether the rows of A fall onto each other in the cache, so that even reading them once takes long."""
        steps = self._steps(operand, self.m, self.k, self._in_a)
        return steps is not None and steps[1] == 1 and steps[0] * self.product.dtype.bytes % 4096 == 0

    def _is_one_matrix(self, operand: Expr) -> bool:
        """Whether all matrices of a stack are the same one."""
        index: Index = (*map(variable, self.batch), variable(Var("row", self.k)), variable(Var("column", self.n)))
        while (view := operand.op.view) is not None and operand not in self.builder.inputs:
            index = view(operand, index)
            operand = operand.args[0]
        used = {v for form in index for v in form.variables()}
        return operand not in self.builder.outputs and used.isdisjoint(self.batch)

    def _in_a(self, row: Affine, column: Affine) -> Index:
        """The index of an element of the left operand, or with a column of the result, of that."""
        return (*map(variable, self.batch), *unravel(row, self.row_shape), column)

    def _in_b(self, row: Affine, column: Affine) -> Index:
        return (*map(variable, self.batch), *self.spare, row, column)

    def _steps(
        self, operand: Expr, rows: int, columns: int, at: Callable[[Affine, Affine], Index]
    ) -> tuple[int, int] | None:
        """Elements between neighbouring rows and columns where the operand is a view of memory; None elsewhere."""
        row, column = Var("row", rows), Var("column", columns)
        node, index = operand, at(variable(row), variable(column))
        while node not in self.builder.inputs:
            view = node.op.view
            if view is None:
                return None
            node, index = node.args[0], view(node, index)
        form = flat(node, index)
        if any(not isinstance(atom, Var) for atom, _ in form.terms):
            return None
        return form.coefficient(row), form.coefficient(column)

    # Loops -----------------------------------------------------------------------------------------------------

    def write(self) -> tuple[Statement, ...]:
        """The loops."""
        b = self.builder
        if 0 in (self.m, self.n) or 0 in [v.extent for v in self.batch]:
            return ()
        if b.watch is not None:
            b.watch.loads = False
        with self._stack(), b.loop(self.block):
            for buffer in (self.packed_a, self.packed_b, self.partial):
                if buffer is not None and buffer.space == "stack" and self.shares_stack:
                    b.add(Allocate(buffer))
            if self.packed_b is not None and self.band.extent > 1:
                self._panels(self._pack_b)
            with b.loop(self.band):
                if self.packed_a is not None:
                    self._pack_a()
                self._panels(self._column_of_blocks)
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

    def _panels(self, write: Callable[[Affine, int], None]) -> None:
        """Do something for each panel of columns: a loop over the whole ones, then the rest."""
        whole, rest = divmod(self.n, self.blocks.lanes)
        panel = Var("jp", whole)
        if whole:
            with self.builder.loop(panel, parallel=self._shares_panels()):
                write(variable(panel), 0)
        if rest:
            write(Affine((), whole), rest)

    def _column_of_blocks(self, panel: Affine, active: int) -> None:
        """All register blocks of one panel of columns."""
        b, rows = self.builder, self.blocks.rows
        if self.packed_b is not None and self.band.extent == 1:
            self._pack_b(panel, active)
        whole, rest = divmod(self.m, rows)
        if self.band.extent > 1:
            self._banded(panel, active, whole, rest)
            return
        ip = Var("ip", whole)
        if whole:
            with b.loop(ip, parallel=True):
                self._block(variable(ip), rows, panel, active)
        if rest:
            self._block(Affine((), whole), rest, panel, active)

    def _banded(self, panel: Affine, active: int, whole: int, rest: int) -> None:
        """The blocks of the band of rows at hand; the last band may be shorter."""
        b, rows = self.builder, self.blocks.rows
        per_band = self.blocks.height // rows
        first = variable(self.band) * per_band
        ip = Var("ip", max(whole, 1))
        with b.scope(ip) as scope:
            self._block(variable(ip), rows, panel, active)
            body = tuple(scope.statements)
        b.add(For(ip, first, first + per_band, body, limit=whole, parallel=True))
        if rest:
            with b.scope() as scope:
                self._block(Affine((), whole), rest, panel, active)
                body = tuple(scope.statements)
            b.add(If(variable(self.band), self.band.extent - 1, self.band.extent, body))

    def _lane(self, active: int) -> Var:
        """The column within a panel."""
        return Var("j", max(active, 2) if active else self.blocks.lanes)

    # Packing ---------------------------------------------------------------------------------------------------

    def _depth_loop(self, body: tuple[Statement, ...], k: Var) -> For:
        """A loop over the part of the contracted axis at hand."""
        start = variable(self.block) * self.blocks.depth
        whole = self.block.extent == 1
        stop = Affine((), self.k) if whole else start + self.blocks.depth
        return For(k, start, stop, body, limit=None if whole else self.k)

    def _local(self, k: Var) -> Affine:
        """Position within the part of the contracted axis at hand."""
        at = variable(k) if k.extent > 1 else Affine()
        return at - variable(self.block) * self.blocks.depth

    def _pack_b(self, panel: Affine, active: int) -> None:
        """Copy a panel of B's columns so that each step of the contraction reads one contiguous run."""
        b, lanes = self.builder, self.blocks.lanes
        assert self.packed_b is not None
        if self.packed_b.space == "stack" and not self.shares_stack:
            b.add(Allocate(self.packed_b))
        k, j = Var("k", self.k), self._lane(active)
        base = panel * (self.blocks.depth * lanes) if self.band.extent > 1 else Affine()
        with b.scope(k) as outer:
            with b.scope(j) as inner:
                column = panel * lanes + variable(j)
                value = b.pull(self.b, self._in_b(variable(k), column))
                b.add(Store(self.packed_b, base + self._local(k) * lanes + variable(j), value))
                copied = tuple(inner.statements)
            outer.statements += self._as_lanes(j, lanes, active, copied)
            body = tuple(outer.statements)
        b.add(self._depth_loop(body, k))

    def _pack_a(self) -> None:
        """Copy the band's part of A, panel by panel, so that the rows of a register block lie side by side."""
        b, blocks = self.builder, self.blocks
        whole, rest = divmod(self.m, blocks.rows)
        per_band = blocks.height // blocks.rows
        first = variable(self.band) * per_band
        ip = Var("ip", max(whole, 1))
        with b.scope(ip) as scope:
            self._pack_rows(variable(ip), variable(ip) - first, blocks.rows)
            body = tuple(scope.statements)
        if whole:
            b.add(For(ip, first, first + per_band, body, limit=whole, parallel=True))
        if rest:
            with b.scope() as scope:
                self._pack_rows(Affine((), whole), Affine((), whole) - first, rest)
                body = tuple(scope.statements)
            b.add(If(variable(self.band), self.band.extent - 1, self.band.extent, body))

    def _pack_rows(self, panel: Affine, slot: Affine, rows: int) -> None:
        b, blocks = self.builder, self.blocks
        assert self.packed_a is not None
        if self.pitch:
            self._copy_rows(panel, slot, rows)
            return
        lanes = 1 << max(blocks.rows - 1, 0).bit_length()
        k, r = Var("k", self.k), Var("r", max(rows, 2) if lanes > 1 else 1)
        with b.scope(k) as outer:
            with b.scope(r) as inner:
                row = panel * blocks.rows + variable(r)
                value = b.pull(self.a, self._in_a(row, variable(k)))
                where = slot * (blocks.rows * blocks.depth) + self._local(k) * blocks.rows + variable(r)
                b.add(Store(self.packed_a, where, value))
                copied = tuple(inner.statements)
            outer.statements += self._as_lanes(r, lanes, rows if rows < lanes else 0, copied)
            body = tuple(outer.statements)
        b.add(self._depth_loop(body, k))

    def _copy_rows(self, panel: Affine, slot: Affine, rows: int) -> None:
        """Pack rows as they are, one after the other."""
        b, blocks = self.builder, self.blocks
        assert self.packed_a is not None
        k, r = Var("k", blocks.depth), Var("r", rows)
        with b.loop(r):
            with b.scope(k) as inner:
                row = panel * blocks.rows + (variable(r) if rows > 1 else 0)
                column = variable(self.block) * blocks.depth + variable(k)
                value = b.pull(self.a, self._in_a(row, column))
                where = slot * (blocks.rows * self.pitch) + variable(k)
                b.add(Store(self.packed_a, where + (variable(r) * self.pitch if rows > 1 else 0), value))
                copied = tuple(inner.statements)
            loop = For(k, *full_range(k), copied)
            for statement in vectorize(loop, max(self.machine.vector_bytes // self.product.dtype.bytes, 1)):
                b.add(statement)

    def _as_lanes(self, var: Var, lanes: int, active: int, body: tuple[Statement, ...]) -> list[Statement]:
        """A single step of a loop with all of its iterations as lanes."""
        wide = body if lanes == 1 else Widening(var, lanes, {}).body(body)
        return [For(var, Affine(), Affine((), lanes), wide, step=lanes, lanes=lanes, active=active)]

    # The register block ----------------------------------------------------------------------------------------

    def _block(self, panel_a: Affine, rows: int, panel_b: Affine, active: int) -> None:
        """Accumulate a block of the result in registers, then finish it."""
        b, lanes = self.builder, self.blocks.lanes
        j = self._lane_var = self._lane(active)
        row, column = panel_a * self.blocks.rows, panel_b * lanes + variable(j)
        acc = Buffer("acc", self.product.dtype, rows, "register")
        zero = Const(0.0 if self.product.dtype.is_float else 0, self.product.dtype)
        with b.scope(j) as scope:
            b.add(Allocate(acc, zero))
            if self.partial is not None:
                self._if_block(1, self.block.extent, lambda: self._resume(acc, rows, row, column))
            self._contract(acc, panel_a, rows, panel_b, j)
            if self.partial is None:
                self._finish(acc, rows, row, column)
            else:
                last = self.block.extent - 1
                self._if_block(0, last, lambda: self._suspend(acc, rows, row, column))
                self._if_block(last, last + 1, lambda: self._finish(acc, rows, row, column))
            body = tuple(scope.statements)
        for statement in self._as_lanes(j, lanes, active, body):
            b.add(statement)

    def _if_block(self, first: int, last: int, write: Callable[[], None]) -> None:
        with self.builder.scope() as scope:
            write()
            body = tuple(scope.statements)
        self.builder.add(If(variable(self.block), first, last, body))

    def _partial_at(self, row: Affine, column: Affine) -> Affine:
        return row * self.n + column

    def _resume(self, acc: Buffer, rows: int, row: Affine, column: Affine) -> None:
        assert self.partial is not None
        for r in range(rows):
            before = self.builder.load(self.partial, self._partial_at(row + r, column))
            self.builder.add(Accumulate("sum", (acc,), r, (before,)))

    def _suspend(self, acc: Buffer, rows: int, row: Affine, column: Affine) -> None:
        assert self.partial is not None
        for r in range(rows):
            value = self.builder.load(acc, Affine((), r))
            self.builder.add(Store(self.partial, self._partial_at(row + r, column), value))

    def _contract(self, acc: Buffer, panel_a: Affine, rows: int, panel_b: Affine, j: Var) -> None:
        b = self.builder
        k = Var("k", self.k)
        if self.k == 0:
            return
        with b.scope(k) as scope:
            right = self._right(k, panel_b, j)
            for r in range(rows):
                left = self._left(k, panel_a, r)
                if self.product.dtype.is_float:
                    b.add(Accumulate("fma", (acc,), r, (left, right)))
                else:
                    b.add(Accumulate("sum", (acc,), r, (b.apply("multiply", acc.dtype, left, right),)))
            body = tuple(scope.statements)
        b.add(self._depth_loop(body, k))

    def _right(self, k: Var, panel: Affine, j: Var) -> Operand:
        b, lanes = self.builder, self.blocks.lanes
        if self.packed_b is None:
            return b.pull(self.b, self._in_b(variable(k), panel * lanes + variable(j)))
        base = panel * (self.blocks.depth * lanes) if self.band.extent > 1 else Affine()
        return b.load(self.packed_b, base + self._local(k) * lanes + variable(j))

    def _left(self, k: Var, panel: Affine, r: int) -> Operand:
        b, blocks = self.builder, self.blocks
        if self.packed_a is None:
            return b.pull(self.a, self._in_a(panel * blocks.rows + r, variable(k)))
        slot = panel - variable(self.band) * (blocks.height // blocks.rows)
        if self.pitch:
            return b.load(self.packed_a, slot * (blocks.rows * self.pitch) + self._local(k) + r * self.pitch)
        return b.load(self.packed_a, slot * (blocks.rows * blocks.depth) + self._local(k) * blocks.rows + r)

    def _finish(self, acc: Buffer, rows: int, row: Affine, column: Affine) -> None:
        """Write the outputs that follow from a finished block: row by row, or in a loop when there is much to do."""
        if rows * len(self.epilogue) > UNROLLED_EPILOGUE:
            self._finish_in_loop(acc, rows, row, column)
            return
        for r in range(rows):
            self._finish_row(row + r, column, self.builder.load(acc, Affine((), r)))

    def _finish_in_loop(self, acc: Buffer, rows: int, row: Affine, column: Affine) -> None:
        """The same from a copy of the block on the stack, so that the code for a row stands once."""
        b, lanes = self.builder, self.blocks.lanes
        tile = Buffer(f"tile{rows}", acc.dtype, rows * lanes, "stack", aligned=True)
        lane = Affine(tuple(t for t in column.terms if t[0] == self._lane_var))
        b.add(Allocate(tile))
        for r in range(rows):
            b.add(Store(tile, lane + r * lanes, b.load(acc, Affine((), r))))
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


def _after(product: Expr, outputs: tuple[Expr, ...]) -> list[Expr]:
    """What is computed between the product and the outputs."""
    found: ExprTable[None] = ExprTable()
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node is not product and node not in found and node.op.kind == "elementwise":
            found[node] = None
            stack.extend(node.args)
        elif node.op.view is not None:
            stack.extend(node.args)
    return list(found)


def schedule_contraction(
    product: Expr, outputs: tuple[Expr, ...], inputs: ExprTable[Buffer], into: ExprTable[Buffer], machine: Machine
) -> tuple[tuple[Statement, ...], tuple[Buffer, ...]]:
    """The loops of a contraction kernel, and the workspaces they need."""
    contraction = Contraction(product, outputs, inputs, into, machine)
    return contraction.write(), tuple(contraction.workspaces)
