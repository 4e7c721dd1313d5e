"""The pipeline: graph → simplified graph → kernels → plan → loops → LLVM → program. One function a stage.

What each optimization level does stands in one table, in `options`. The driver times every stage, verifies what it
leaves behind when asked to, and keeps the texts that `dump` shows.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from math import prod

from ..codegen.entry import ArrayType, ParamUse, Signature, Structure, emit_entry
from ..codegen.jit import Target, compile_entry, compile_object, linker
from ..codegen.team import team
from ..codegen.workers import together
from ..ir.collector import without_collection
from ..ir.expr import Expr
from ..ir.graph import ExprTable, Graph, bind_sizes
from ..ir.open_size import FEWEST, ROWS, OpenSize, known, size_at
from ..ir.source import no_sources
from ..ir.text import dump
from ..ir.verify import verify
from ..loop.checks import CELL_BYTES
from ..loop.parallel import is_shared
from ..loop.text import show_function
from ..passes.confine import confined, decided
from ..passes.fuse import concrete, fuse
from ..passes.kernel import Kernel
from ..passes.memory import Plan, plan
from ..passes.open import opened
from ..rewrite import simplify
from .assemble import emit_modules
from .cache import Code
from .lowering import Lowered, bytes_moved, lower, machine_of, workspace_bytes
from .options import LEVELS, Options, Trace

FEW = 8
"""So many times fewer rows than a program is for are far too few for it."""
RELEASE_GIL_FROM = 30_000
"""Floating-point operations plus bytes above which a call lets other Python threads run meanwhile."""


@dataclass(eq=False)
class Specialization:
    """The program for one choice of sizes, or as many rows as that and fewer, and everything it was made from."""

    graph: Graph
    kernels: list[Kernel]
    plan: Plan
    lowered: list[Lowered]
    llvm: tuple[str, ...]
    """The text of its modules."""
    signature: Signature
    objects: tuple[bytes, ...]
    sizes: Mapping[str, int]
    trace: Trace
    open_to: str | None = None
    """The dimension whose size is the most there may be in a call."""

    @property
    def code(self) -> Code:
        """What its program is loaded from."""
        constants = tuple(c.attrs["value"].array for c in self.plan.constants)
        return Code(self.objects, self.signature, self.plan.params, constants)

    def text(self, stage: str) -> str:
        """The printed form at a stage: "graph", "kernels" or "loops"."""
        if stage == "graph":
            return dump(self.graph)
        if stage == "loops":
            functions = {id(item.function): item.function for item in self.lowered}
            return "\n".join(map(show_function, functions.values()))
        return "\n".join(_show_kernel(kernel, self.plan) for kernel in self.kernels)


def verifying() -> bool:
    """Whether GRAPHC_VERIFY asks for every stage to be checked."""
    return os.environ.get("GRAPHC_VERIFY", "") not in ("", "0")


@without_collection
def simplified(graph: Graph, options: Options, trace: Trace) -> Graph:
    """The graph after the rewriting that the level asks for."""
    level = LEVELS[options.optimize].simplify
    if not level:
        return graph
    found = trace.timed("simplify", lambda: simplify(decided(graph), level=level, fast_math=options.fast_math))
    for rule, count in found.hits.items():
        trace.hits[rule] = trace.hits.get(rule, 0) + count
    trace.origins = _traced_back(found.origins, trace.origins)
    if verifying():
        trace.timed("verify", lambda: verify(found.graph))
    return found.graph


def _traced_back(
    origins: ExprTable[tuple[Expr, ...]], before: ExprTable[tuple[Expr, ...]]
) -> ExprTable[tuple[Expr, ...]]:
    """Where nodes came from, seen from before an earlier change of the graph."""
    if not before:
        return origins
    found = ExprTable(before)
    for node, given in origins.items():
        found[node] = tuple(ExprTable((first, None) for g in given for first in before.get(g) or (g,)))
    return found


def _bound(bind: Callable[[], tuple[Graph, ExprTable[Expr]]], trace: Trace) -> Graph:
    """The graph with its sizes bound, the trace going on from what its nodes were."""
    graph, became = trace.timed("bind", bind)
    trace.origins = _traced_back(ExprTable((new, (old,)) for old, new in became.items()), trace.origins)
    return graph


@without_collection
def specialize(
    name: str,
    graph: Graph,
    sizes: Mapping[str, int],
    structure: Structure,
    options: Options,
    trace: Trace,
    known: Code | None = None,
    open_to: str | None = None,
) -> Specialization:
    """Compile a graph for these sizes of its named dimensions. Where its code is known, LLVM has nothing to do.

    The size that is named by `open_to` is the most there may be in a call.

    Raises:
        StillOpenError: the code depends on that size.
    """
    with no_sources():
        return _specialize(name, graph, sizes, structure, options, trace, known, open_to)


def _specialize(
    name: str,
    graph: Graph,
    sizes: Mapping[str, int],
    structure: Structure,
    options: Options,
    trace: Trace,
    known: Code | None,
    open_to: str | None,
) -> Specialization:
    fixed = {n: size for n, size in sizes.items() if n != open_to}
    if fixed:
        graph = _bound(lambda: bind_sizes(graph, fixed), trace)
        graph = simplified(graph, options, trace)
    if open_to is not None:
        graph = _bound(lambda: opened(graph, open_to, sizes[open_to]), trace)
    if verifying():
        trace.timed("verify", lambda: verify(graph))
    graph = confined(graph)
    target = Target.current()
    machine = machine_of(target, options)
    cell_bytes = CELL_BYTES if options.check else 0
    kernels = trace.timed("fuse", lambda: fuse(graph))
    planned = trace.timed("plan", lambda: plan(graph, kernels, workspace_bytes(machine), cell_bytes))
    lowered = trace.timed("lower", lambda: lower(planned, machine, verifying()))
    llvm = trace.timed("emit", lambda: emit_modules(lowered, planned, target))
    most_rows = 0 if open_to is None else sizes[open_to]
    signature = _signature(name, graph, planned, structure, lowered, options, most_rows)
    objects = known.objects if known is not None else _objects(llvm, signature, target, options, trace)
    order = [item.kernel for item in lowered]
    return Specialization(graph, order, planned, lowered, llvm, signature, objects, dict(sizes), trace, open_to)


def _objects(
    modules: tuple[str, ...], signature: Signature, target: Target, options: Options, trace: Trace
) -> tuple[bytes, ...]:
    """The machine code of what stands around the kernels, and of the kernels."""
    around = trace.timed("entry", lambda: emit_entry(signature))
    effort = LEVELS[options.optimize].effort
    jobs = [partial(compile_object, text, target, effort) for text in sorted(modules, key=len, reverse=True)]
    jobs.append(partial(compile_entry, around, target))
    first_time = (linker, team) if signature.threads > 1 else (linker,)
    *code, entry = trace.timed("llvm", lambda: together(jobs, first_time))
    return entry, *code


def _signature(
    name: str, graph: Graph, planned: Plan, structure: Structure, lowered: list[Lowered], options: Options,
    most_rows: int,
) -> Signature:  # fmt: skip
    def of(expr: Expr) -> ArrayType:
        shape = concrete(expr)
        first = next((size for size in shape[:1] if isinstance(size, OpenSize)), None)
        rows = 0 if first is None else first.count.coefficient(ROWS)
        return ArrayType(expr.dtype.name, tuple(int(size) for size in shape), rows)

    updated = {id(param) for param, _ in graph.updates}
    return Signature(
        name=name,
        inputs=tuple(map(of, planned.inputs)),
        outputs=tuple(map(of, graph.outputs)),
        structure=structure,
        params=tuple(ParamUse(of(p), id(p) in updated) for p in planned.params),
        constants=len(planned.constants),
        arena_bytes=planned.arena_bytes,
        release_gil=_takes_long(item.kernel for item in lowered),
        threads=options.threads if any(is_shared(item.function) for item in lowered) else 1,
        checked=options.check and bool(lowered),
        most_rows=most_rows,
        fewest_rows=max(-(-most_rows // FEW), FEWEST) if most_rows else 0,
    )


def _takes_long(kernels: Iterable[Kernel]) -> bool:
    """Whether kernels do enough together that other Python threads should run meanwhile."""
    work = 0
    for kernel in kernels:
        work += bytes_moved(kernel) + flops(kernel)
        if work >= RELEASE_GIL_FROM:
            return True
    return False


def flops(kernel: Kernel, rows: int | None = None) -> int:
    """Floating-point operations of a kernel: two for each step of a contraction, one for each scalar operation. Where
    sizes are open, those of so many rows or the most."""
    total = 0
    for node in kernel.nodes:
        if node.op.kind == "contract":
            total += 2 * size_at(prod(concrete(node)) * known(node.args[0].shape[-1]), rows)
        elif node.op.kind == "elementwise":
            total += size_at(prod(concrete(node)), rows)
        elif node.op.kind == "reduce":
            total += size_at(prod(concrete(node.args[0])), rows)
    return total


def _show_kernel(kernel: Kernel, planned: Plan) -> str:
    from ..ir.text import line, number

    numbers = number((*kernel.inputs, *kernel.nodes))
    reduced = f" reducing {kernel.axes}" if kernel.axes else ""
    lines = [f"{kernel.name}: {kernel.kind} over {kernel.domain}{reduced}"]
    for expr in kernel.inputs:
        place = planned.places[expr]
        lines.append(f"  {place.space}[{place.at}] {line(expr, numbers) if not expr.args else _stored(expr, numbers)}")
    lines += [f"  {line(node, numbers)}" for node in kernel.nodes]
    for output in kernel.outputs:
        place = planned.places[output]
        lines.append(f"  store %{numbers[output]} -> {place.space}[{place.at}]")
    return "\n".join(lines) + "\n"


def _stored(expr: Expr, numbers: ExprTable[int]) -> str:
    return f"%{numbers[expr]}: {expr.type_text} ({expr.op.name} of another kernel)"
