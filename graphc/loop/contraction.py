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
from math import gcd, prod

from ..ir.affine import Affine, Var, unravel, variable
from ..ir.expr import Expr
from ..ir.graph import ExprTable
from .checks import explain
from .contraction_blocks import STACK_BYTES, SWATH, choose_blocks
from .ir import Accumulate, Allocate, Buffer, Const, For, If, Let, Load, Operand, Statement, Store, full_range
from .lower import Builder, Index, flat
from .schedule import Machine
from .vectorize import Widening, vectorize

ENOUGH = 2
"""Matrices of a stack a thread should have at least, for threads to share them."""
CONFLICTING = 8
"""Lines at the same place of different pages that the nearest cache holds at a time, one of them B's."""
PAGE = 4096
PADDING = 16
"""Elements between packed rows, so that they do not fall onto each other in the cache."""
NEAREST = 16 * 1024
"""Bytes of a matrix that is read where it lies, however it lies."""
MANY_ROWS = 10
"""Rows of a register block from which on so little of B is read that it may lie far apart, if not too far."""
KNOWN_PAGES = 1280
"""Pages whose addresses the processor remembers, beside those of the other matrices."""
UNROLLED_EPILOGUE = 28
"""Operations after a register block that are written out row by row; more of them go into a loop."""


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
        self.blocks = choose_blocks(self.m, self.n, self.k, product.dtype.bytes, machine, ordered=self._is_ordered())
        self.workspaces: list[Buffer] = []
        self.shares_stack = False
        self.pitch = 0
        """Elements from one packed row of A to the next; 0 where the rows of a block lie side by side instead."""
        self.packed_a: Buffer | None = None
        self.packed_b: Buffer | None = None
        self.partial: Buffer | None = None
        self.block = Var("kb", max(-(-self.k // self.blocks.depth), 1))
        self.band = Var("ib", -(-self.m // (self.blocks.rows * self.blocks.band)))
        self.swath = Var("jb", -(-self.n // (self.blocks.lanes * self.blocks.swath)))
        self.epilogue = _after(product, outputs)
        self._lane_var: Var | None = None
        self._plan()

    def _plan(self) -> None:
        """Decide what is packed and what is read where it lies."""
        blocks = self.blocks
        if self._packs_a():
            deep = blocks.depth if blocks.by_rows else self.k
            if self._runs_along(self.a):
                self.pitch = deep + PADDING
            self.packed_a = self._scratch("pa", blocks.rows * blocks.band * (self.pitch or deep), blocks.by_rows)
        if self._packs_b():
            self.packed_b = self._scratch("pb", blocks.lanes * blocks.swath * blocks.depth, not blocks.by_rows)
        if self.block.extent > 1:
            self.partial = self._scratch("partial", self.m * blocks.chains * self.n, False)
        self._divide_stack()

    def _scratch(self, name: str, size: int, is_private: bool) -> Buffer:
        """Memory to pack into: of one thread, or of all."""
        buffer = Buffer(name, self.product.dtype, size, "stack" if is_private else "workspace")
        if not is_private:
            self.workspaces.append(buffer)
        return buffer

    def _divide_stack(self) -> None:
        """Give each thread room of its own for packing where threads share the matrices of a stack."""
        packed = [buffer for buffer in (self.packed_a, self.packed_b, self.partial) if buffer is not None]
        used = sum(buffer.size * buffer.dtype.bytes for buffer in packed)
        enough = prod(v.extent for v in self.batch) >= ENOUGH * self.machine.threads
        self.shares_stack = self.machine.threads > 1 and enough and used <= STACK_BYTES
        if self.shares_stack:
            self.packed_a, self.packed_b, self.partial = (
                None if buffer is None else buffer._replace(space="stack")
                for buffer in (self.packed_a, self.packed_b, self.partial)
            )
            self.workspaces.clear()

    def _packs_a(self) -> bool:
        """Whether A is packed: not if its rows can be read in place as well as from anywhere."""
        size, again = self.product.dtype.bytes, self.n > self.blocks.lanes
        steps = self._steps(self.a, self.m, self.k, self._in_a)
        if steps is None:
            return again
        if self.m * self.k * size <= NEAREST:
            return False
        if steps[1] != 1:
            return again
        stride = steps[0] * size
        if min(self.m, self.blocks.rows) >= CONFLICTING * PAGE // gcd(stride, PAGE):
            return True
        is_far = self.m * self.k * size > self.machine.l2_bytes // 2
        return again and (is_far or stride % (PAGE // 4) == 0)

    def _packs_b(self) -> bool:
        """Whether B is packed: if blocks of rows share it, and its panels do not lie there already."""
        if self.m <= self.blocks.rows:
            return False
        steps = self._steps(self.b, self.k, self.n, self._in_b)
        if steps is None or steps[1] != 1:
            return True
        row = self.n * self.product.dtype.bytes
        if self.blocks.rows >= MANY_ROWS:
            is_short = row < 2 * PAGE and row % PAGE != 0 and self.k * row <= KNOWN_PAGES * PAGE
        else:
            is_short = row <= PAGE // 4
        return self.n > self.blocks.lanes and self.k * row > 2 * NEAREST and not is_short

    def _is_ordered(self) -> bool:
        """Whether B is read along its rows."""
        steps = self._steps(self.b, self.k, self.n, self._in_b)
        return steps is None or steps[0] != 1

    def _runs_along(self, operand: Expr) -> bool:
        """Whether what A is computed from lies, row by row, in the order of its columns."""
        b = self.builder
        row, column = Var("row", self.m), Var("column", self.k)
        with b.scope(*self.batch), b.scope(row) as rows, b.scope(column) as columns:
            b.pull(operand, self._in_a(variable(row), variable(column)))
            found = [*rows.statements, *columns.statements]
        forms = [s.value.at for s in found if isinstance(s, Let) and isinstance(s.value, Load)]
        whole = all(isinstance(a, Var) or column not in a.of.variables() for form in forms for a, _ in form.terms)
        return whole and all(form.coefficient(column) in (0, 1) for form in forms)

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

        def block(panel_a: Affine, rows_: int, panel: Affine, active: int) -> None:
            self._block(panel_a, rows_ or blocks.rows, panel, active)

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
        whole, rest = divmod(size, unit)
        piece = Var(name, whole)
        if group.extent == 1:
            if whole:
                with b.loop(piece, parallel=parallel):
                    write(variable(piece), 0)
            if rest:
                write(Affine((), whole), rest)
            return
        if per == 1 and not rest:
            write(variable(group), 0)
            return
        first, last = variable(group) * per, group.extent - 1
        if whole:
            with b.scope(piece) as scope:
                write(variable(piece), 0)
                body = tuple(scope.statements)
            b.add(For(piece, first, first + per, body, limit=None if whole == group.extent * per else whole))
        if rest:
            with b.scope() as scope:
                write(first + (whole - last * per), rest)
                body = tuple(scope.statements)
            b.add(If(variable(group), last, last + 1, body))

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
        """Pack the rows of a register block side by side."""
        b, blocks = self.builder, self.blocks
        assert self.packed_a is not None
        rows = rest or blocks.rows
        lanes = 1 << max(blocks.rows - 1, 0).bit_length()
        k, r = Var("k", self.k), Var("r", max(rows, 2) if lanes > 1 else 1)
        with b.scope(k) as outer:
            with b.scope(r) as inner:
                value = b.pull(self.a, self._in_a(panel * blocks.rows + variable(r), variable(k)))
                b.add(Store(self.packed_a, self._in_packed_a(variable(k), panel) + variable(r), value))
                copied = tuple(inner.statements)
            outer.statements += self._as_lanes(r, lanes, rows if rows < lanes else 0, copied)
            body = tuple(outer.statements)
        b.add(self._depth_loop(body, k) if blocks.by_rows else For(k, *full_range(k), body))

    def _copy_rows(self, panel: Affine, rest: int) -> None:
        """Pack rows as they are, one after the other."""
        b, depth, last = self.builder, self.blocks.depth, self.block.extent - 1
        rows = rest or self.blocks.rows
        if not self.blocks.by_rows:
            self._copy_run(panel, rows, Affine(), self.k)
        elif self.k == self.block.extent * depth:
            self._copy_run(panel, rows, variable(self.block) * depth, depth)
        else:
            early, block = Var("ke", last), variable(self.block)
            with b.scope(early) as scope:
                self._copy_run(panel, rows, variable(early) * depth, depth)
                body = tuple(scope.statements)
            b.add(For(early, block, block + 1, body, limit=last))
            done = last * depth
            self._if_block(last, last + 1, lambda: self._copy_run(panel, rows, Affine((), done), self.k - done))

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
        at, deep = (self._local(k), blocks.depth) if blocks.by_rows else (k, self.k)
        if self.pitch:
            return slot * (blocks.rows * self.pitch) + at
        return slot * (blocks.rows * deep) + at * blocks.rows

    def _as_lanes(self, var: Var, lanes: int, active: int, body: tuple[Statement, ...]) -> list[Statement]:
        """A single step of a loop with all of its iterations as lanes."""
        wide = body if lanes == 1 else Widening(var, lanes, {}).body(body)
        return [For(var, Affine(), Affine((), lanes), wide, step=lanes, lanes=lanes, active=active)]

    # The register block ----------------------------------------------------------------------------------------

    def _block(self, panel_a: Affine, rows: int, panel_b: Affine, active: int) -> None:
        """Accumulate a block of the result in registers, then finish it."""
        b, lanes, chains = self.builder, self.blocks.lanes, self.blocks.chains
        j = self._lane_var = self._lane(active)
        row, column = panel_a * self.blocks.rows, panel_b * lanes + variable(j)
        acc = Buffer("acc", self.product.dtype, rows * chains, "register")
        zero = Const(0.0 if self.product.dtype.is_float else 0, self.product.dtype)
        with b.scope(j) as scope:
            b.add(Allocate(acc, zero))
            if self.partial is not None:
                self._if_block(1, self.block.extent, lambda: self._resume(acc, row, column))
            self._contract(acc, panel_a, rows, panel_b, j)
            if self.partial is None:
                self._finish(acc, rows, row, column)
            else:
                last = self.block.extent - 1
                self._if_block(0, last, lambda: self._suspend(acc, row, column))
                self._if_block(last, last + 1, lambda: self._finish(acc, rows, row, column))
            body = tuple(scope.statements)
        for statement in self._as_lanes(j, lanes, active, body):
            b.add(statement)

    def _if_block(self, first: int, last: int, write: Callable[[], None]) -> None:
        with self.builder.scope() as scope:
            write()
            body = tuple(scope.statements)
        self.builder.add(If(variable(self.block), first, last, body))

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

    def _contract(self, acc: Buffer, panel_a: Affine, rows: int, panel_b: Affine, j: Var) -> None:
        """Add up the products; where an element has several chains, they take turns."""
        chains = self.blocks.chains
        whole = self.k - self.k % chains
        if whole:
            k = Var("k", whole - chains + 1)
            with self.builder.scope(k) as scope:
                for chain in range(chains):
                    self._step(acc, panel_a, rows, panel_b, variable(k) + chain, j, chain)
                body = tuple(scope.statements)
            loop = self._depth_loop(body, k)
            limit = whole if loop.limit is not None or whole < self.k else None
            self.builder.add(loop._replace(step=chains, limit=limit))
        if whole < self.k:
            last = self.block.extent - 1
            self._if_block(last, last + 1, lambda: self._remaining_steps(acc, panel_a, rows, panel_b, j, whole))

    def _remaining_steps(
        self, acc: Buffer, panel_a: Affine, rows: int, panel_b: Affine, j: Var, whole: int
    ) -> None:  # fmt: skip
        for k in range(whole, self.k):
            self._step(acc, panel_a, rows, panel_b, Affine((), k), j, k - whole)

    def _step(
        self, acc: Buffer, panel_a: Affine, rows: int, panel_b: Affine, k: Affine, j: Var, chain: int
    ) -> None:  # fmt: skip
        """One step along the contracted axis, for every row of the block."""
        b, chains = self.builder, self.blocks.chains
        right = self._right(k, panel_b, j)
        for r in range(rows):
            left = self._left(k, panel_a, r)
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

    def _left(self, k: Affine, panel: Affine, r: int) -> Operand:
        b = self.builder
        if self.packed_a is None:
            return b.pull(self.a, self._in_a(panel * self.blocks.rows + r, k))
        return b.load(self.packed_a, self._in_packed_a(k, panel) + r * (self.pitch or 1))

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
