"""From kernels to loops: a buffer for each place a kernel reads or writes, and the schedule of its kind.

Kernels of equal structure are lowered once: what a kernel computes does not depend on where its buffers are. The
schedules of special kinds are imported by the first kernel of the kind.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ..codegen.jit import Target
from ..ir.dim import Shape, product
from ..ir.dtype import DType, int64
from ..ir.expr import Expr
from ..ir.graph import ExprTable
from ..ir.open_size import OpenSize, StillOpenError, size_at
from ..loop.checks import CELL_BYTES, Watch, Watched
from ..loop.ir import Buffer, LoopFn, Statement
from ..loop.parallel import parallelize
from ..loop.schedule import Machine, nest_in_pieces, schedule_reduction
from ..loop.verify import verify_function
from ..passes.kernel import Kernel
from ..passes.memory import Place, Plan, Run, size_in_bytes
from .options import Options


@dataclass(frozen=True, eq=False, slots=True)
class Lowered:
    """A kernel as loops. `arguments` are the places its buffers stand for, in order."""

    kernel: Kernel
    function: LoopFn
    arguments: tuple[Place, ...]
    guard: tuple[tuple[int, bool], ...] = ()
    """Which arguments hold the predicates that say whether it runs, and what these have to be."""
    cell: int | None = None
    """Which argument a checked kernel reports in."""


def machine_of(target: Target, options: Options) -> Machine:
    """What the schedules know of a target, and of how to use it."""
    caches = target.l1_bytes, target.l2_bytes, target.l3_bytes
    return Machine(target.vector_bytes, target.vector_registers, *caches, options.threads)


def workspace_bytes(machine: Machine) -> Callable[[Kernel], list[int]]:
    """A function from a kernel to the sizes of its workspaces, known before results have places."""

    def sizes(kernel: Kernel) -> list[int]:
        if kernel.kind not in ("contract", "sort", "reduce"):
            return []
        into = ExprTable((o, _buffer("out", o)) for o in kernel.outputs)
        inputs = ExprTable((i, _buffer("in", i)) for i in kernel.inputs)
        found = _workspaces(kernel, inputs, into, machine)
        return [w.size * w.dtype.bytes for w in found]

    return sizes


def _workspaces(
    kernel: Kernel, inputs: ExprTable[Buffer], into: ExprTable[Buffer], machine: Machine
) -> Sequence[Buffer]:
    if kernel.kind == "sort":
        from ..loop.sort import Sorting

        return Sorting(kernel.outputs[0], inputs, into, machine).workspaces
    if kernel.kind == "contract":
        from ..loop.contraction import Contraction

        return Contraction(product_of(kernel), kernel.outputs, inputs, into, machine).workspaces
    nest = nest_in_pieces(kernel.domain, kernel.axes, kernel.outputs, kernel.nodes, inputs, into, machine)
    return () if nest is None else nest.workspaces


def product_of(kernel: Kernel) -> Expr:
    """The matmul of a contraction kernel."""
    return next(n for n in kernel.nodes if n.op.kind == "contract")


def _buffer(name: str, expr: Expr) -> Buffer:
    return _buffer_of(name, expr.dtype, expr.shape)


@lru_cache(maxsize=4096)
def _buffer_of(name: str, dtype: DType, shape: Shape) -> Buffer:
    if any(isinstance(size, OpenSize) for size in shape[1:]):
        raise StillOpenError
    return Buffer(name, dtype, int(product(shape)))


def lower(plan: Plan, machine: Machine, verify: bool) -> list[Lowered]:
    """The loops of every kernel of a plan, in order."""
    known: dict[Hashable, LoopFn] = {}
    lowered: list[Lowered] = []
    for step, item in enumerate(plan.steps):
        if not isinstance(item, Run):
            continue
        bound = _bind(item.kernel, plan)
        cell = () if plan.cells is None else (Place("arena", plan.cells + CELL_BYTES * len(lowered)),)
        scratch = tuple(Place("arena", offset) for offset in plan.workspaces.get(step, ()))
        key = _structure(item.kernel, bound)
        function = known.get(key)
        if function is None:
            function = known[key] = _lower_kernel(item.kernel, bound, machine, checked=bool(cell))
            if verify:
                verify_function(function)
        arguments = (*bound.buffers, *cell, *scratch)
        guard = tuple((arguments.index(plan.places[c.predicate]), c.holds) for c in item.kernel.guard)
        lowered.append(Lowered(item.kernel, function, arguments, guard, len(bound.buffers) if cell else None))
    return lowered


@dataclass(frozen=True, eq=False, slots=True)
class _Bound:
    """A buffer for each place, and the buffers of inputs and outputs."""

    buffers: dict[Place, Buffer]
    inputs: ExprTable[Buffer]
    into: ExprTable[Buffer]


def _bind(kernel: Kernel, plan: Plan) -> _Bound:
    bound = _Bound({}, ExprTable(), ExprTable())
    for table, exprs in ((bound.inputs, kernel.inputs), (bound.into, kernel.outputs)):
        for expr in exprs:
            place = plan.places[expr]
            buffer = bound.buffers.get(place)
            if buffer is None or buffer.dtype is not expr.dtype:
                buffer = bound.buffers[place] = _buffer(f"b{len(bound.buffers)}", expr)
            table[expr] = buffer
    return bound


def _structure(kernel: Kernel, bound: _Bound) -> Hashable:
    """What the loops of a kernel depend on."""
    named = subjects(kernel)
    numbers = ExprTable(zip(named, range(len(named)), strict=True))
    reads = [(expr.shape, bound.inputs[expr]) for expr in kernel.inputs]
    nodes = [
        (node.op.name, tuple(node.attrs.values()), node.dtype.name, node.shape, *[numbers[a] for a in node.args])
        for node in kernel.nodes
    ]
    writes = [(numbers[expr], bound.into[expr]) for expr in kernel.outputs]
    return kernel.kind, kernel.domain, kernel.axes, tuple(reads), tuple(nodes), tuple(writes)


def _lower_kernel(kernel: Kernel, bound: _Bound, machine: Machine, *, checked: bool) -> LoopFn:
    arguments, into = tuple(bound.buffers.values()), bound.into
    if checked:
        watch = Watch(Buffer("cell", int64, CELL_BYTES // 8), subjects(kernel))
        arguments, into = (*arguments, watch.cell), Watched(watch, into)
    body, workspaces = schedule(kernel, bound.inputs, into, machine)
    if checked:
        body = (*watch.start, *body)
    function = LoopFn(kernel.name, arguments, workspaces, body, _most_rows(kernel))
    return parallelize(function, machine.vector_bytes) if machine.threads > 1 else function


def _most_rows(kernel: Kernel) -> int:
    """How many rows there may be, if a kernel has to be told how many there are; else 0."""
    sizes = (size for node in subjects(kernel) for size in (*node.shape, node.attrs.get("size")))
    return next((int(size) // size_at(size, 1) for size in sizes if isinstance(size, OpenSize)), 0)


def subjects(kernel: Kernel) -> tuple[Expr, ...]:
    """What checks of a kernel speak of, in the order of their numbers."""
    return (*kernel.inputs, *kernel.nodes)


def reports_of_a_kernel(lowered: Sequence[Lowered]) -> int:
    """How many numbers for reports every kernel of a program has: two for each subject of the largest."""
    return max(2 * len(subjects(item.kernel)) for item in lowered)


def schedule(
    kernel: Kernel, inputs: ExprTable[Buffer], into: ExprTable[Buffer], machine: Machine
) -> tuple[tuple[Statement, ...], tuple[Buffer, ...]]:
    """The loops of a kernel by its kind, and the workspaces they need."""
    if kernel.kind == "contract":
        from ..loop.contraction import schedule_contraction

        return schedule_contraction(product_of(kernel), kernel.outputs, inputs, into, machine)
    if kernel.kind == "scatter":
        from ..loop.scatter import schedule_scatter

        return schedule_scatter(kernel.outputs[0], inputs, into, machine), ()
    if kernel.kind == "sort":
        from ..loop.sort import schedule_sort

        return schedule_sort(kernel.outputs[0], inputs, into, machine)
    nodes, outputs = kernel.nodes, kernel.outputs
    return schedule_reduction(kernel.domain, kernel.axes, outputs, nodes, inputs, into, machine)


def bytes_moved(kernel: Kernel, rows: int | None = None) -> int:
    """Bytes of a kernel's inputs and outputs, each counted once; where sizes are open, of so many rows or the most."""
    return sum(size_in_bytes(e, rows) for e in (*kernel.inputs, *kernel.outputs))
