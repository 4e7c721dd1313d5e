"""The schedule of maps and reductions: loops over the domain, and one sweep for all reductions of a level.

For a row softmax over (64, 10), before merging and vectorizing:

    for i0 in 0..64:
      register m = -inf
      for i1 in 0..10:            # level 0
        m max= load x[10*i0 + i1]
      register s = 0
      for i1 in 0..10:            # level 1: needs m
        s sum= exp (x - m)
      for i1 in 0..10:            # needs s
        store out[10*i0 + i1] = exp (x - m) / s

Values that are dear and needed by several sweeps (the exp here) are kept in a row of scratch.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..ir.affine import Affine, Var, ravel, variable
from ..ir.dtype import DType, int64
from ..ir.expr import Expr
from ..ir.graph import ExprTable
from .checks import WITNESS, Witness
from .ir import Accumulate, Allocate, Apply, Buffer, Const, Operand, Position, Ref, Statement, Store
from .lower import Builder, Index

SCRATCH_BYTES = 64 * 1024
POSITIONS = frozenset(("argmax", "argmin"))
"""Reductions that give a position: they keep the value in a second register."""
RUNS = {"cumulative_sum": "sum", "cumulative_prod": "prod"}
"""What a running op does at each step; the others are linear recurrences."""


class Nest:
    """One map or reduce kernel being written as loops."""

    def __init__(
        self, domain: tuple[int, ...], axes: tuple[int, ...], outputs: tuple[Expr, ...], nodes: tuple[Expr, ...],
        inputs: ExprTable[Buffer], into: ExprTable[Buffer], *, element: Index | None = None,
    ) -> None:  # fmt: skip
        self.domain = domain
        self.axes = axes
        self.outputs = outputs
        self.nodes = nodes
        self.builder = Builder(inputs, into)
        self.vars = tuple(Var(f"i{a}", n) for a, n in enumerate(domain))
        self.element = element or self._direction()
        self.levels: ExprTable[int] = ExprTable()
        self.kept: ExprTable[Buffer] = ExprTable()
        self._witnesses: ExprTable[Witness] = ExprTable()
        self._made = 0
        self._own = ExprTable((n, None) for n in nodes)
        self._find_levels()

    @property
    def outer(self) -> tuple[Var, ...]:
        return tuple(v for a, v in enumerate(self.vars) if a not in self.axes)

    @property
    def inner(self) -> tuple[Var, ...]:
        return tuple(v for a, v in enumerate(self.vars) if a in self.axes)

    def _direction(self) -> Index:
        """Where the loops stand: from the first element to the last, or back along the axis of reversed runs."""
        backward = {n.attrs["axis"] for n in self.nodes if n.op.kind == "cumulative" and n.attrs["reverse"]}
        return tuple(
            variable(v) * -1 + (v.extent - 1) if a in backward else variable(v) for a, v in enumerate(self.vars)
        )

    def _find_levels(self) -> None:
        """The sweep in which each node's value is first known: a reduction's comes after the sweep it is made in."""
        for node in self.nodes:
            level = max((self.levels.get(a, 0) for a in node.args), default=0)
            self.levels[node] = level + 1 if node.op.kind == "reduce" else level

    def row(self, node: Expr) -> Index:
        """The index of a row-level node."""
        kept = iter(v for v in self.outer if v.extent != 1)
        return tuple(Affine() if d == 1 else variable(next(kept)) for d in node.shape)

    def is_row(self, node: Expr) -> bool:
        """Whether an output is row-level."""
        return bool(self.axes) and (node.op.kind == "reduce" or tuple(node.shape) != self.domain)

    def dear(self) -> list[Expr]:
        """Expensive element-level values that more than one sweep needs."""
        sweeps: ExprTable[set[int]] = ExprTable()
        for number, roots in enumerate(self._sweeps()):
            for node in self._visited(roots):
                dear = node.op.is_expensive or node.op.kind == "cumulative"
                if dear and tuple(node.shape) == self.domain:
                    sweeps[node] = sweeps.get(node, set()) | {number}
        return [n for n, used in sweeps.items() if len(used) > 1]

    def _sweeps(self) -> list[list[Expr]]:
        """What each sweep computes: arguments of its reductions, and element-level outputs."""
        last = max((self.levels[n] for n in self.nodes), default=0)
        sweeps: list[list[Expr]] = [[] for _ in range(last + 1)]
        for node in self.nodes:
            if node.op.kind == "reduce":
                sweeps[self.levels[node] - 1].append(node.args[0])
        for output in self.outputs:
            if not self.is_row(output):
                sweeps[self.levels[output]].append(output)
        return sweeps

    def _visited(self, roots: list[Expr]) -> list[Expr]:
        """Nodes of the kernel under the roots, not looking through reductions, which are known by then."""
        found: ExprTable[None] = ExprTable()
        stack = list(roots)
        while stack:
            node = stack.pop()
            if node in found or node not in self._own or node.op.kind == "reduce":
                continue
            found[node] = None
            stack.extend(node.args)
        return list(found)

    def write(self, keep: list[Expr]) -> tuple[Statement, ...]:
        """The loops. `keep` lists the values to hold in scratch between sweeps."""
        self._bring_scratch(keep)
        if 0 in [v.extent for v in self.outer]:
            return ()
        with self.builder.loops(self.outer):
            self._row()
        return self.builder.body

    def _bring_scratch(self, keep: list[Expr]) -> None:
        size = int(np.prod([v.extent for v in self.inner], dtype=np.int64))
        for node in keep:
            self.kept[node] = Buffer(f"kept{len(self.kept)}", node.dtype, size, "stack")
            self.builder.add(Allocate(self.kept[node]))

    def _row(self) -> None:
        """All sweeps over one row."""
        stored: ExprTable[None] = ExprTable()
        for number in range(len(self._sweeps())):
            self._sweep(number, stored)
        rows = [output for output in self.outputs if self.is_row(output)]
        self._runs_of_one(rows)
        self.builder.store(*((output, self.row(output)) for output in rows))

    def _runs_of_one(self, rows: list[Expr]) -> None:
        """Where the swept axes have size 1, rows may read what runs along them without a sweep."""
        reached = ExprTable((n, None) for n in self._visited(rows) if n.op.kind == "cumulative")
        for node in self.nodes:
            if node in reached:
                self._step(node, self._run_register(node))

    def reductions_in(self, number: int) -> list[Expr]:
        """The reductions that a sweep makes."""
        return [n for n in self.nodes if n.op.kind == "reduce" and self.levels[n] == number + 1]

    def outputs_in(self, number: int) -> list[Expr]:
        """The elements that a sweep stores."""
        return [o for o in self.outputs if not self.is_row(o) and self.levels[o] == number]

    def _sweep(self, number: int, stored: ExprTable[None]) -> None:
        b = self.builder
        reductions, outputs, roots = self.reductions_in(number), self.outputs_in(number), self._sweeps()[number]
        if not roots:
            return
        registers = [self._registers(r) for r in reductions]
        visited = self._visited(roots)
        wanted = ExprTable((n, None) for n in visited if n.op.kind == "cumulative" and n not in stored)
        runs = [(n, self._run_register(n)) for n in self.nodes if n in wanted]
        self._call_witnesses([*reductions, *(n for n, _ in runs)])
        with b.loops(self.inner):
            again = [n for n in visited if n in stored]
            for node in again:
                b.know(node, self.element, b.load(self.kept[node], self._inner_flat()))
            for node, register in runs:
                self._step(node, register)
            b.store(*((output, self.element) for output in outputs))
            for reduction, into in zip(reductions, registers, strict=True):
                self._accumulate(reduction, into)
            for node in visited:
                if node in self.kept and node not in stored:
                    b.add(Store(self.kept[node], self._inner_flat(), b.pull(node, self.element)))
                    stored[node] = None
            self._finish_element(number)
        for reduction, into in zip(reductions, registers, strict=True):
            value = b.load(into[-1], Affine())
            b.know(reduction, self.row(reduction), value)
            self._question(reduction, value)
        for node, _ in runs:
            self._question(node)

    def _finish_element(self, number: int) -> None:
        """What else a sweep does with an element, when all others have theirs: nothing."""

    def _call_witnesses(self, nodes: list[Expr]) -> None:
        """In checked kernels: registers that see the operands of a sweep's sums and products."""
        for node in nodes:
            self._made += 1
            witness = Witness.of(self.builder, node, f"{WITNESS}{self._made}")
            if witness is not None:
                self._witnesses[node] = witness

    def _see(self, node: Expr, operands: Iterable[Operand], value: Operand | None = None) -> None:
        """Show operands of a sum or product, and what a run has come to, to the node's witness."""
        if node in self._witnesses:
            self._witnesses[node].see(self.builder, operands, value)

    def _question(self, node: Expr, value: Operand | None = None) -> None:
        """Look at what a sum or product came to."""
        if node in self._witnesses:
            self._witnesses[node].question(self.builder, node, value)

    def _inner_flat(self) -> Affine:
        return ravel([variable(v) for v in self.inner], [v.extent for v in self.inner])

    def _registers(self, reduction: Expr) -> tuple[Buffer, ...]:
        """Accumulators holding what the reduction of nothing gives, brought into being before the sweep."""
        self._made += 1
        dtype, op = reduction.args[0].dtype, reduction.op.name
        registers = [Buffer(f"r{self._made}", dtype, 1, "register")]
        self.builder.add(Allocate(registers[0], identity(op, dtype)))
        if op in POSITIONS:
            registers.append(Buffer(f"r{self._made}at", int64, 1, "register"))
            self.builder.add(Allocate(registers[1], Const(0, int64)))
        return tuple(registers)

    def _run_register(self, node: Expr) -> Buffer:
        """What a run has come to so far, before the sweep what it starts from."""
        self._made += 1
        register = Buffer(f"run{self._made}", node.dtype, 1, "register")
        start = identity(RUNS[node.op.name], node.dtype) if node.op.name in RUNS else identity("sum", node.dtype)
        self.builder.add(Allocate(register, start))
        return register

    def _step(self, node: Expr, register: Buffer) -> None:
        """Take the run one element further, and know its value there."""
        values = tuple(self.builder.pull(a, self.element) for a in node.args)
        op, exclusive = RUNS.get(node.op.name, "recur"), node.attrs.get("exclusive", False)
        value = self.builder.scan(op, register, values, exclusive=exclusive)
        self.builder.know(node, self.element, value)
        self._see(node, values, value)

    def _accumulate(self, reduction: Expr, into: tuple[Buffer, ...]) -> None:
        b, argument = self.builder, reduction.args[0]
        op = reduction.op.name
        values: list[Operand] = []
        if op == "sum" and argument.op.name == "multiply" and argument.dtype.is_float and argument in self._own:
            op, values = "fma", [b.pull(a, self.element) for a in argument.args]
        else:
            values.append(b.pull(argument, self.element))
        self._see(reduction, values)
        if op in POSITIONS:
            values.append(b.let(int64, Position(self.element[reduction.attrs["axis"]])))
        b.add(Accumulate(op, into, 0, tuple(values)))


STEPS = {
    "sum": "add", "prod": "multiply", "max": "maximum", "min": "minimum", "any": "logical_or", "all": "logical_and",
}  # fmt: skip
"""By reduction, the op that takes one element more into a result."""


def taken(b: Builder, reduction: Expr, element: Index, before: Operand, own: ExprTable[None]) -> Ref:
    """A result that lies in memory, after taking in an element: products of the kernel's own in one rounding."""
    argument, op, step = reduction.args[0], reduction.op.name, STEPS[reduction.op.name]
    more = [argument]
    if op == "sum" and argument.op.name == "multiply" and argument.dtype.is_float and argument in own:
        step, more = "fma", list(argument.args)
    operands = (*(b.pull(a, element) for a in more), before)
    value = b.let(reduction.dtype, Apply(step, operands))
    if b.watch is not None:
        b.watch.grown(b, reduction, value, operands)
    return value


def identity(op: str, dtype: DType) -> Const:
    """What a reduction of nothing gives."""
    if op in ("any", "all"):
        return Const(op == "all", dtype)
    if op in ("sum", "prod"):
        neutral = int(op == "prod")
        return Const(float(neutral) if dtype.is_float else neutral, dtype)
    largest = op in ("min", "argmin")
    if dtype.is_float:
        return Const(float("inf") if largest else -float("inf"), dtype)
    info = np.iinfo(dtype.numpy)
    return Const(int(info.max if largest else info.min), dtype)
