"""From a compiled function to a picture: a frame for each kernel, and between frames the buffers.

What several kernels compute for themselves (views, and cheap values that are not worth a buffer) is drawn in each of
them; inputs and params are drawn beside every kernel that reads them, which spares the picture its longest arrows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from ..ir.expr import Expr
from ..ir.graph import ExprTable, Graph
from ..ops.guard import Condition
from .branches import caption_of
from .graphs import Annotations, Scene, look_of, updated_box
from .picture import Arrow, Box, Group, Picture
from .wording import type_of


class Kernel(Protocol):
    """What a drawing has to know about a kernel."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def nodes(self) -> tuple[Expr, ...]:
        """All it computes."""

    @property
    def outputs(self) -> tuple[Expr, ...]:
        """What it writes into memory."""

    @property
    def guard(self) -> tuple[Condition, ...]:
        """What has to hold for it to run."""


class Compiled(Protocol):
    """What a drawing has to know about a compiled function."""

    @property
    def graph(self) -> Graph: ...
    @property
    def kernels(self) -> Sequence[Kernel]: ...


def draw_kernels(
    graph: Graph, kernels: Sequence[Kernel], notes: Annotations, seconds: Mapping[str, float] = MappingProxyType({})
) -> Picture:
    """The picture of an optimized graph as its kernels compute it, with the time each takes where that is known."""
    return _Kernels(graph, kernels, notes).picture(seconds)


class _Kernels:
    def __init__(self, graph: Graph, kernels: Sequence[Kernel], notes: Annotations) -> None:
        self.graph = graph
        self.kernels = kernels
        self.notes = notes
        self.outputs = ExprTable((o, None) for o in graph.outputs)
        written = [o for k in kernels for o in k.outputs]
        self.scene = Scene.of((*graph.roots, *written), [n for k in kernels for n in k.nodes])
        self.members = [ExprTable((n, None) for n in k.nodes if not _is_memory(n)) for k in kernels]
        self.homes = self._homes()
        self.boxes: dict[str, Box] = {}
        self.arrows: list[Arrow] = []

    def _homes(self) -> ExprTable[int]:
        """For each value the kernel that others get it from: the one that writes it, or else the first that has it."""
        homes: ExprTable[int] = ExprTable()
        for i, members in enumerate(self.members):
            for node in members:
                if node not in homes:
                    homes[node] = i
        for i, kernel in enumerate(self.kernels):
            for node in kernel.outputs:
                homes[node] = i
        return homes

    def picture(self, seconds: Mapping[str, float]) -> Picture:
        for node in self.scene.order:
            if self.scene.is_box(node) and node not in self.homes and node.op.kind != "leaf":
                self._add(node, None)
        for i, members in enumerate(self.members):
            for node in members:
                if self.scene.is_box(node):
                    self._add(node, i)
        for output in self.outputs:
            self._key(output, self.homes.get(output))
        for i, (param, new) in enumerate(self.graph.updates):
            self.boxes[f"u{i}"] = updated_box(param, f"u{i}")
            self.arrows.append(Arrow(self._key(new, self.homes.get(new)), f"u{i}"))
        total = sum(seconds.get(k.name, 0.0) for k in self.kernels)
        groups = tuple(_frame(i, k, seconds.get(k.name), total) for i, k in enumerate(self.kernels))
        count = len(self.kernels)
        sentence = f"{count} kernel{'s' if count != 1 else ''}; what is written on an arrow is a buffer between two"
        return Picture(tuple(self.boxes.values()), tuple(self.arrows), groups, (sentence,))

    def _key(self, node: Expr, kernel: int | None) -> str:
        """The key of a node's box in or beside a kernel. Boxes of leaves are made when they are first asked for."""
        number = self.scene.numbers[node]
        key = f"n{number}" if kernel is None else f"k{kernel}_n{number}"
        if node.op.kind == "leaf" and key not in self.boxes:
            is_member = kernel is not None and node in self.members[kernel]
            self.boxes[key] = self._box(node, key, kernel if is_member else None)
        return key

    def _box(self, node: Expr, key: str, kernel: int | None) -> Box:
        look = look_of(node, is_derived=self.notes.is_derived(node))
        group = None if kernel is None else f"kernel{kernel}"
        is_output = node in self.outputs and self.homes.get(node) == kernel
        return self.scene.box(node, key, look, self.notes, group=group, is_output=is_output)

    def _add(self, node: Expr, kernel: int | None) -> None:
        """The box of a node in a kernel, and the arrows into it."""
        key = self._key(node, kernel)
        self.boxes[key] = self._box(node, key, kernel)
        for source, side in self.scene.operands_by_arrow(node):
            home = self._home(source, kernel)
            is_buffer = source in self.homes and home != kernel
            label = type_of(source) if is_buffer else ""
            self.arrows.append(Arrow(self._key(source, home), key, label, side))

    def _home(self, source: Expr, kernel: int | None) -> int | None:
        """Where a kernel gets a value: from itself, from memory beside it, or from the kernel that has it."""
        if _is_memory(source) or (kernel is not None and source in self.members[kernel]):
            return kernel
        home: int | None = self.homes.get(source)
        return home


def _frame(number: int, kernel: Kernel, seconds: float | None, total: float) -> Group:
    """The frame of a kernel; where it was timed, with its time and what part of the whole that is."""
    caption = " · ".join(filter(None, (kernel.name, kernel.kind, caption_of(kernel.guard))))
    if seconds is None:
        return Group(f"kernel{number}", caption, "kernel")
    share = seconds / total if total else 0.0
    return Group(f"kernel{number}", f"{caption} · {duration(seconds)}, {share:.0%}", "kernel", share=share)


def duration(seconds: float) -> str:
    """A time in three digits: 1.25 µs, 37.5 ms."""
    if seconds >= 1:
        return f"{seconds:.3g} s"
    return f"{1e3 * seconds:.3g} ms" if seconds >= 1e-3 else f"{1e6 * seconds:.3g} µs"


def _is_memory(node: Expr) -> bool:
    """Whether a node is drawn beside kernels even where one lists it: it is memory that is there already."""
    return node.op.name in ("input", "param", "constant")
