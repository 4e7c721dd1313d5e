"""What `Function.report()` says: data first, and a text a person reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..ir.graph import Graph
from ..passes.kernel import Kernel
from ..passes.memory import Copy, size_in_bytes
from .lowering import bytes_moved
from .pipeline import Specialization, flops


@dataclass(frozen=True, slots=True)
class KernelReport:
    """One kernel: its kind, the domain it visits, and its work."""

    name: str
    kind: str
    domain: tuple[int, ...]
    nodes: int
    flops: int
    bytes: int
    lines: tuple[str, ...]
    """The user's lines it came from, as far as they are known."""
    is_guarded: bool = False
    """Whether it belongs to a side of `gc.cond`, and does this work only in calls that take that side."""


@dataclass(frozen=True, slots=True)
class Report:
    """How a function was compiled. Prints as a table."""

    name: str
    sizes: Mapping[str, int]
    nodes_before: int
    nodes_after: int
    rules: Mapping[str, int]
    kernels: tuple[KernelReport, ...]
    copies: int
    arena_bytes: int
    peak_bytes: int
    param_bytes: int
    object_bytes: int
    seconds: Mapping[str, float]
    open_to: str | None = None
    """The dimension whose size is the most there may be in a call; work and bytes are those of the most."""

    @property
    def compile_seconds(self) -> float:
        """All stages together."""
        return sum(self.seconds.values())

    def __str__(self) -> str:
        given = [f"{name}{'≤' if name == self.open_to else '='}{size}" for name, size in self.sizes.items()]
        sizes = f" with {', '.join(given)}" if given else ""
        lines = [
            f"{self.name}{sizes}: one native call, {len(self.kernels)} kernels, {self.copies} copies",
            f"  graph: {self.nodes_before} nodes, {self.nodes_after} after simplification",
            f"  arena: {self.arena_bytes:,} bytes (at most {self.peak_bytes:,} alive); "
            f"params: {self.param_bytes:,} bytes; code: {self.object_bytes:,} bytes",
            f"  compiled in {1e3 * self.compile_seconds:.1f} ms: "
            + ", ".join(f"{stage} {1e3 * s:.1f}" for stage, s in self.seconds.items()),
        ]
        if self.kernels:
            width = max(len(k.name) for k in self.kernels)
            lines.append(f"  {'kernel':{width}}  {'kind':8}  {'domain':16}  {'ops':>4}  {'Mflop':>9}  {'kB':>9}")
            lines += [
                f"  {k.name:{width}}  {k.kind:8}  {'×'.join(map(str, k.domain)) or 'scalar':16}  {k.nodes:4}  "
                f"{k.flops / 1e6:9.3f}  {k.bytes / 1e3:9.1f}{'  if taken' if k.is_guarded else ''}"
                for k in self.kernels
            ]
        if self.rules:
            lines.append("  rules: " + ", ".join(f"{rule} ×{n}" for rule, n in sorted(self.rules.items())))
        return "\n".join(lines)

    __repr__ = __str__


def build_report(name: str, source: Graph, made: Specialization) -> Report:
    """The report of a specialization."""
    kernels = []
    for item in made.lowered:
        kernel = item.kernel
        domain = tuple(map(int, kernel.domain))
        work = flops(kernel), bytes_moved(kernel)
        lines = lines_of(kernel, made)
        kernels.append(
            KernelReport(kernel.name, kernel.kind, domain, len(kernel.nodes), *work, lines, bool(kernel.guard))
        )
    params = sum(map(size_in_bytes, made.plan.params))
    return Report(
        name=name,
        sizes=made.sizes,
        nodes_before=len(source.nodes),
        nodes_after=len(made.graph.nodes),
        rules=made.trace.hits,
        kernels=tuple(kernels),
        copies=sum(isinstance(s, Copy) for s in made.plan.steps),
        arena_bytes=made.plan.arena_bytes,
        peak_bytes=made.plan.peak_bytes,
        param_bytes=params,
        object_bytes=sum(map(len, made.objects)),
        seconds=made.trace.seconds,
        open_to=made.open_to,
    )


def lines_of(kernel: Kernel, made: Specialization) -> tuple[str, ...]:
    """The user's lines a kernel came from, as far as they are known."""
    found: dict[str, None] = {}
    for node in kernel.nodes:
        for origin in made.trace.origins.get(node, ()) or (node,):
            if origin.source is not None:
                found[str(origin.source)] = None
    return tuple(found)
