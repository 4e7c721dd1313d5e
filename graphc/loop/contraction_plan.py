"""What a contraction packs and where: decided from how its operands lie in memory, before a loop is written."""

from __future__ import annotations

from collections.abc import Callable
from math import gcd, prod

from ..ir.affine import Affine, Var, unravel, variable
from ..ir.expr import Expr
from ..ir.graph import ExprTable
from ..ir.open_size import OpenSize, known, pieces
from .contraction_blocks import STACK_BYTES, Blocks, choose_blocks
from .ir import Buffer, Let, Load
from .lower import Builder, Index, flat
from .schedule import Machine

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


class Planned:
    """One matmul kernel, cut up."""

    def __init__(
        self, product: Expr, outputs: tuple[Expr, ...], inputs: ExprTable[Buffer], into: ExprTable[Buffer],
        machine: Machine,
    ) -> None:  # fmt: skip
        self.product = product
        self.outputs = outputs
        self.builder = Builder(inputs, into)
        self.machine = machine
        self.a, self.b = product.args
        *batch, self.m, self.n = map(known, product.shape)
        self.k = known(self.a.shape[-1])
        self.batch = tuple(Var(f"i{axis}", size) for axis, size in enumerate(batch))
        self.row_shape: tuple[int, ...] = (self.m,)
        """What the index of a row stands for: one axis, or all but the last of a stack times one matrix."""
        if batch and self._is_one_matrix(self.b):
            self.row_shape = (*batch, self.m)
            self.m, self.batch = prod(self.row_shape), ()
        self.spare: Index = (Affine(),) * (len(batch) - len(self.batch))
        self.blocks = self._choose_blocks()
        self.workspaces: list[Buffer] = []
        self.shares_stack = False
        self.pitch = 0
        """Elements from one packed row of A to the next; 0 where the rows of a block lie side by side instead."""
        self.packed_a: Buffer | None = None
        self.packed_b: Buffer | None = None
        self.partial: Buffer | None = None
        self.block = Var("kb", max(_parts(self.k, self.blocks.depth), 1))
        self.band = Var("ib", _parts(self.m, self.blocks.rows * self.blocks.band))
        self.swath = Var("jb", -(-self.n // (self.blocks.lanes * self.blocks.swath)))
        self.epilogue = _after(product, outputs)
        self._lane_var: Var | None = None
        self._plan()

    def _choose_blocks(self) -> Blocks:
        """The blocking; where a size is open, that for the most."""
        size, ordered = self.product.dtype.bytes, self._is_ordered()
        is_open = isinstance(self.m, OpenSize)
        in_order = is_open or isinstance(self.k, OpenSize)
        sizes = int(self.m), self.n, int(self.k)
        return choose_blocks(*sizes, size, self.machine, ordered=ordered, is_open=is_open, in_order=in_order)

    def _plan(self) -> None:
        """Decide what is packed and what is read where it lies."""
        blocks = self.blocks
        if self._packs_a():
            deep = blocks.depth if blocks.by_rows else int(self.k)
            if self._runs_along(self.a):
                self.pitch = deep + PADDING
            self.packed_a = self._scratch("pa", blocks.rows * blocks.band * (self.pitch or deep), blocks.by_rows)
        if self._packs_b():
            self.packed_b = self._scratch("pb", blocks.lanes * blocks.swath * blocks.depth, not blocks.by_rows)
        if self.block.extent > 1:
            self.partial = self._scratch("partial", int(self.m) * blocks.chains * self.n, False)
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


def _parts(size: int, by: int) -> int:
    """In how many parts of a size an axis is gone through: one where all fits, however much there is."""
    count = pieces(size, by)
    return 1 if int(count) == 1 else count


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
