"""From kernels to loops: a buffer for each place a kernel reads or writes, and the schedule of its kind.

Kernels of equal structure are lowered once: what a kernel computes does not depend on where its buffers are.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from ..codegen.jit import Target
from ..ir.expr import Expr
from ..ir.graph import ExprTable
from ..loop.contraction import Contraction, schedule_contraction
from ..loop.ir import Buffer, LoopFn, Statement
from ..loop.parallel import parallelize
from ..loop.scatter import schedule_scatter
from ..loop.sort import Sorting, schedule_sort
from ..loop.schedule import Machine, schedule_nest
from ..loop.verify import verify_function
from ..passes.fuse import concrete
from ..passes.kernel import Kernel
from ..passes.memory import ALIGNMENT, Place, Plan, Run, size_in_bytes


@dataclass(frozen=True, eq=False, slots=True)
class Lowered:
    """A kernel as loops. `arguments` are the places its buffers stand for, in order."""

    kernel: Kernel
    function: LoopFn
    arguments: tuple[Place, ...]


def machine_of(target: Target, threads: int) -> Machine:
    """What the schedules know of a target."""
    caches = target.l1_bytes, target.l2_bytes, target.l3_bytes
    return Machine(target.vector_bytes, target.vector_registers, *caches, threads)


def workspace_bytes(machine: Machine) -> Callable[[Kernel], list[int]]:
    """A function from a kernel to the sizes of its workspaces, known before results have places."""

    def sizes(kernel: Kernel) -> list[int]:
        if kernel.kind not in ("contract", "sort"):
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
        return Sorting(kernel.outputs[0], inputs, into, machine).workspaces
    return Contraction(product_of(kernel), kernel.outputs, inputs, into, machine).workspaces


def product_of(kernel: Kernel) -> Expr:
    """The matmul of a contraction kernel."""
    return next(n for n in kernel.nodes if n.op.kind == "contract")


def _buffer(name: str, expr: Expr, aligned: bool = False) -> Buffer:
    size = 1
    for d in concrete(expr):
        size *= d
    return Buffer(name, expr.dtype, size, aligned=aligned)


def lower(plan: Plan, machine: Machine, verify: bool) -> list[Lowered]:
    """The loops of every kernel of a plan, in order."""
    known: dict[Hashable, LoopFn] = {}
    lowered = []
    for step, item in enumerate(plan.steps):
        if not isinstance(item, Run):
            continue
        bound = _bind(item.kernel, plan)
        scratch = tuple(Place("arena", offset) for offset in plan.workspaces.get(step, ()))
        key = _structure(item.kernel, bound)
        function = known.get(key)
        if function is None:
            function = known[key] = _lower_kernel(item.kernel, bound, machine)
            if verify:
                verify_function(function)
        lowered.append(Lowered(item.kernel, function, (*bound.buffers, *scratch)))
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
                aligned = place.space in ("arena", "param") and size_in_bytes(expr) >= ALIGNMENT
                buffer = bound.buffers[place] = _buffer(f"b{len(bound.buffers)}", expr, aligned)
            table[expr] = buffer
    return bound


def _structure(kernel: Kernel, bound: _Bound) -> Hashable:
    """What the loops of a kernel depend on."""
    numbers = ExprTable((expr, number) for number, expr in enumerate((*kernel.inputs, *kernel.nodes)))
    reads = [(expr.shape, bound.inputs[expr]) for expr in kernel.inputs]
    nodes = [
        (node.op.name, tuple(node.attrs.values()), node.dtype.name, node.shape, *(numbers[a] for a in node.args))
        for node in kernel.nodes
    ]
    writes = [(numbers[expr], bound.into[expr]) for expr in kernel.outputs]
    return kernel.kind, kernel.domain, kernel.axes, tuple(reads), tuple(nodes), tuple(writes)


def _lower_kernel(kernel: Kernel, bound: _Bound, machine: Machine) -> LoopFn:
    body, workspaces = schedule(kernel, bound.inputs, bound.into, machine)
    function = LoopFn(kernel.name, tuple(bound.buffers.values()), workspaces, body)
    return parallelize(function, machine.vector_bytes) if machine.threads > 1 else function


def schedule(
    kernel: Kernel, inputs: ExprTable[Buffer], into: ExprTable[Buffer], machine: Machine
) -> tuple[tuple[Statement, ...], tuple[Buffer, ...]]:
    """The loops of a kernel by its kind, and the workspaces they need."""
    if kernel.kind == "contract":
        return schedule_contraction(product_of(kernel), kernel.outputs, inputs, into, machine)
    if kernel.kind == "scatter":
        return schedule_scatter(kernel.outputs[0], inputs, into, machine), ()
    if kernel.kind == "sort":
        return schedule_sort(kernel.outputs[0], inputs, into, machine)
    nodes, outputs = kernel.nodes, kernel.outputs
    return schedule_nest(kernel.domain, kernel.axes, outputs, nodes, inputs, into, machine), ()


def bytes_moved(kernel: Kernel) -> int:
    """Bytes of a kernel's inputs and outputs, each counted once."""
    return sum(size_in_bytes(e) for e in (*kernel.inputs, *kernel.outputs))
