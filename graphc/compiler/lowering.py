"""From kernels to one module of native code: buffers, loops, text, objects.

Kernels whose printed loops are equal share one function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..codegen.emit import Module, emit_function
from ..codegen.jit import Target
from ..ir.expr import Expr
from ..ir.graph import ExprTable
from ..loop.contraction import schedule_contraction
from ..loop.ir import Buffer, LoopFn, Statement
from ..loop.scatter import schedule_scatter
from ..loop.schedule import Machine, schedule_nest
from ..loop.text import show_function
from ..loop.verify import verify_function
from ..passes.fuse import concrete
from ..passes.kernel import Kernel
from ..passes.memory import Copy, Place, Plan, Run, size_in_bytes


@dataclass(frozen=True, eq=False, slots=True)
class Lowered:
    """A kernel as loops. `arguments` are the places its buffers stand for, in order."""

    kernel: Kernel
    function: LoopFn
    arguments: tuple[Place, ...]


def machine_of(target: Target) -> Machine:
    """What the schedules know of a target."""
    return Machine(target.vector_bytes, target.vector_registers, target.l1_bytes, target.l2_bytes, target.l3_bytes)


def workspace_bytes(machine: Machine) -> Callable[[Kernel], list[int]]:
    """A function from a kernel to the sizes of its workspaces, known before results have places."""

    def sizes(kernel: Kernel) -> list[int]:
        if kernel.kind != "contract":
            return []
        into = ExprTable((o, _buffer("out", o)) for o in kernel.outputs)
        inputs = ExprTable((i, _buffer("in", i)) for i in kernel.inputs)
        from ..loop.contraction import Contraction

        found = Contraction(product_of(kernel), kernel.outputs, inputs, into, machine).workspaces
        return [w.size * w.dtype.bytes for w in found]

    return sizes


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
    lowered = []
    for step, item in enumerate(plan.steps):
        if isinstance(item, Run):
            lowered.append(_lower_kernel(item.kernel, plan, machine, plan.workspaces.get(step, [])))
            if verify:
                verify_function(lowered[-1].function)
    return lowered


def _lower_kernel(kernel: Kernel, plan: Plan, machine: Machine, scratch: list[int]) -> Lowered:
    buffers: dict[Place, Buffer] = {}
    inputs: ExprTable[Buffer] = ExprTable()
    into: ExprTable[Buffer] = ExprTable()
    for table, exprs in ((inputs, kernel.inputs), (into, kernel.outputs)):
        for expr in exprs:
            place = plan.places[expr]
            if place not in buffers or buffers[place].dtype is not expr.dtype:
                aligned = place.space in ("arena", "param")
                buffers[place] = _buffer(f"b{len(buffers)}", expr, aligned)
            table[expr] = buffers[place]
    body, workspaces = schedule(kernel, inputs, into, machine)
    fn = LoopFn(kernel.name, tuple(buffers.values()), workspaces, body)
    return Lowered(kernel, fn, (*buffers, *(Place("arena", offset) for offset in scratch)))


def schedule(
    kernel: Kernel, inputs: ExprTable[Buffer], into: ExprTable[Buffer], machine: Machine
) -> tuple[tuple[Statement, ...], tuple[Buffer, ...]]:
    """The loops of a kernel by its kind, and the workspaces they need."""
    if kernel.kind == "contract":
        return schedule_contraction(product_of(kernel), kernel.outputs, inputs, into, machine)
    if kernel.kind == "scatter":
        return schedule_scatter(kernel.outputs[0], inputs, into, machine), ()
    nodes, outputs = kernel.nodes, kernel.outputs
    return schedule_nest(kernel.domain, kernel.axes, outputs, nodes, inputs, into, machine), ()


# The module ----------------------------------------------------------------------------------------------------


def emit_module(lowered: list[Lowered], plan: Plan, target: Target) -> str:
    """The LLVM text of the kernels and of `@program`, which runs them in order."""
    module = Module(target.has_fma, target.attributes)
    shared: dict[str, str] = {}
    calls: list[str] = []
    pointers = _Pointers(plan)
    remaining = iter(lowered)
    for step in plan.steps:
        if isinstance(step, Copy):
            calls.append(pointers.copy(step))
            continue
        item = next(remaining)
        key = show_function(replace(item.function, name="kernel"))
        symbol = shared.get(key)
        if symbol is None:
            symbol = shared[key] = item.function.name
            emit_function(module, item.function)
        arguments = ", ".join(f"ptr {pointers.to(place)}" for place in item.arguments)
        calls.append(f"  call void @{symbol}({arguments})")
    if any(isinstance(step, Copy) for step in plan.steps):
        module.declarations["declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)"] = None
    header = f"define i32 @program(ptr %slots, ptr %arena) {target.attributes} {{"
    program = "\n".join([header, *pointers.lines, *calls, "  ret i32 0", "}"])
    return module.text() + program + "\n"


class _Pointers:
    """Addresses of places inside `@program`, each computed once."""

    def __init__(self, plan: Plan) -> None:
        first = {"input": 0, "output": len(plan.inputs)}
        outputs = 1 + max((p.at for p in self._all(plan) if p.space == "output"), default=-1)
        first["param"] = first["output"] + outputs
        first["constant"] = first["param"] + len(plan.params)
        self._first = first
        self._known: dict[Place, str] = {}
        self.lines: list[str] = []

    @staticmethod
    def _all(plan: Plan) -> list[Place]:
        return [p for _, p in plan.places.items()] + [s.target for s in plan.steps if isinstance(s, Copy)]

    def to(self, place: Place) -> str:
        """The value holding the address of a place."""
        if place not in self._known:
            name = f"%{place.space}.{place.at}"
            if place.space == "arena":
                self.lines.append(f"  {name} = getelementptr i8, ptr %arena, i64 {place.at}")
            else:
                slot = self._first[place.space] + place.at
                self.lines.append(f"  {name}.slot = getelementptr ptr, ptr %slots, i64 {slot}")
                self.lines.append(f"  {name} = load ptr, ptr {name}.slot")
            self._known[place] = name
        return self._known[place]

    def copy(self, step: Copy) -> str:
        """A call that copies between places."""
        source, target = self.to(step.source), self.to(step.target)
        return f"  call void @llvm.memcpy.p0.p0.i64(ptr {target}, ptr {source}, i64 {step.bytes}, i1 false)"


def bytes_moved(kernel: Kernel) -> int:
    """Bytes of a kernel's inputs and outputs, each counted once."""
    return sum(size_in_bytes(e) for e in (*kernel.inputs, *kernel.outputs))
