"""From a graph to a picture: one box for each value worth a look.

Numbers are written into the words of the op that takes them, and what only repeats a value along an axis is folded
into the arrow. Where derivatives are drawn too, the computation falls into phases side by side: forward, backward
(whose arrows run up again, so that each gradient stands near what it is the gradient of), and what is made of the
gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ..ir.expr import Expr, post_order
from ..ir.graph import ExprTable, Graph
from ..ir.scope import Path
from ..ir.text import line, number
from .branches import branches
from .picture import Arrow, Box, Change, Group, Look, Picture, Side
from .scopes import Frames, common
from .values import Held
from .wording import inline_text, keeps_elements, type_of, words

_SIDES: dict[int, tuple[Side, ...]] = {2: ("left", "right"), 3: ("left", "middle", "right")}


@dataclass(frozen=True, slots=True)
class Annotations:
    """What is known about nodes beside the graph itself."""

    is_derived: Callable[[Expr], bool] = lambda node: False
    """Whether differentiation made the node."""
    differentiated: ExprTable[None] = field(default_factory=ExprTable)
    """The nodes it went through."""
    names: ExprTable[str] = field(default_factory=ExprTable)
    """What outputs are called, and gradients by what they are the gradient of."""
    gradients: ExprTable[Expr] = field(default_factory=ExprTable)
    """For each gradient with a name what it is the gradient of."""
    values: ExprTable[Held] = field(default_factory=ExprTable)
    """What nodes held."""
    derivatives: ExprTable[Held] = field(default_factory=ExprTable)
    """The derivative of the loss by each node, where that is to be written on it."""
    scope: Callable[[Expr], Path] = lambda node: node.scope
    """The user's scopes around a node."""
    changes: ExprTable[Change] = field(default_factory=ExprTable)
    """What a pass did to nodes."""
    marks: ExprTable[str] = field(default_factory=ExprTable)
    """What is wrong with nodes, in a word or two."""
    origins: Callable[[Expr], tuple[Expr, ...]] = lambda node: (node,)
    """The nodes of the user's that a node stands for."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A graph read for drawing: which nodes are boxes, which are text in other boxes, which are part of an arrow."""

    order: list[Expr]
    numbers: ExprTable[int]
    inline: ExprTable[str]
    """Nodes that are numbers, as text."""
    sources: ExprTable[Expr]
    """For nodes that only repeat a value: the box it comes from."""

    @staticmethod
    def of(roots: Iterable[Expr], also: Iterable[Expr] = ()) -> Scene:
        """Read the graph beneath the roots, and what else is to be drawn. Roots are boxes whatever they are."""
        kept = ExprTable((r, None) for r in roots)
        order = post_order((*kept, *also))
        scene = Scene(order, number(order), ExprTable(), ExprTable())
        for node in order:
            text = None if node in kept else inline_text(node, scene.inline.get(node.args[0]) if node.args else None)
            if text is not None:
                scene.inline[node] = text
            elif node not in kept and not node.name and keeps_elements(node):
                scene.sources[node] = scene.source(node.args[0])
        return scene

    def is_box(self, node: Expr) -> bool:
        """Whether the node is drawn by itself."""
        return node not in self.inline and node not in self.sources

    def source(self, node: Expr) -> Expr:
        """The box an arrow from this node comes from."""
        found: Expr = self.sources.get(node, node)
        return found

    def operands(self, node: Expr) -> list[str | None]:
        """The arguments that are numbers, as text."""
        return [self.inline.get(a) for a in node.args]

    def box(self, node: Expr, key: str, look: Look, notes: Annotations, **more: Any) -> Box:
        """The box of a node."""
        is_source = node.op.name in ("input", "param")
        name = notes.names.get(node) or node.name or ""
        held, derivative = notes.values.get(node), notes.derivatives.get(node)
        return Box(
            key=key,
            look=look,
            title="" if is_source and name else words(node, self.operands(node)),
            name=name,
            type=type_of(node),
            value=held.text if held else "",
            gradient=derivative.text if derivative else "",
            thumbnail=held.thumbnail if held else (),
            tooltip=self._tooltip(node, notes),
            nodes=(node,),
            change=notes.changes.get(node),
            mark=notes.marks.get(node, ""),
            is_elementwise=node.op.kind in ("elementwise", "view", "identity"),
            **more,
        )

    def operands_by_arrow(self, node: Expr) -> list[tuple[Expr, Side | None]]:
        """The boxes a node's arguments come from, and the side each enters at where operands are told apart."""
        sources = [self.source(a) for a in node.args if a not in self.inline]
        sides = None if "commutative" in node.op.flags else _SIDES.get(len(sources))
        return [(source, sides[position] if sides else None) for position, source in enumerate(sources)]

    def _tooltip(self, node: Expr, notes: Annotations) -> str:
        """The node in the words of `gc.dump`, and the line that built it, without the folder it is in."""
        text = line(node, self.numbers)
        source = next((o.source for o in (node, *notes.origins(node)) if o.source), None)
        if source is None:
            return text
        file = source.file.replace("\\", "/").rpartition("/")[2]
        return f"{text}\n{file}:{source.line}"


def look_of(node: Expr, *, is_derived: bool) -> Look:
    """What kind of thing a node is."""
    if node.op.name == "input":
        return "input"
    if node.op.name == "param":
        return "param"
    if node.op.kind == "leaf":
        return "constant"
    return "gradient" if is_derived else "operation"


def updated_box(param: Expr, key: str, group: str | None = None) -> Box:
    """Where the new value of a param goes."""
    return Box(key, "update", "", param.name or "param", f"updated, {type_of(param)}", group=group)


# Phases --------------------------------------------------------------------------------------------------------

_CAPTIONS = {"forward": "forward", "backward": "backward", "after": "made of the gradients"}


def _phases(scene: Scene, notes: Annotations, outputs: ExprTable[None]) -> ExprTable[str]:
    """The phase of each node.

    What is computed from gradients comes after, and so does what only that uses, such as a decayed momentum. A leaf
    goes where all its users are. Outputs, and what was differentiated, stay where they are.
    """
    phases: ExprTable[str] = ExprTable()
    for node in scene.order:
        is_after = any(phases[a] != "forward" for a in node.args)
        phases[node] = "backward" if notes.is_derived(node) else "after" if is_after else "forward"
    users: ExprTable[set[str]] = ExprTable((n, set()) for n in scene.order)
    for node in reversed(scene.order):
        used_by = users[node]
        is_free = phases[node] == "forward" and node not in outputs and node not in notes.differentiated
        if node.op.kind == "leaf":
            phases[node] = next(iter(used_by)) if len(used_by) == 1 else "forward"
        elif is_free and used_by == {"after"}:
            phases[node] = "after"
        for arg in node.args:
            users[arg].add(phases[node])
    return phases


def _scopes(scene: Scene, notes: Annotations, phases: ExprTable[str], branch: ExprTable[Path]) -> ExprTable[Path]:
    """The scopes each node is drawn in, and the branches within them. A param or a number stands with all that use it
    in its phase."""
    paths: ExprTable[Path] = ExprTable()
    used_in: ExprTable[list[Path]] = ExprTable()
    for node in reversed(scene.order):
        if node.op.kind == "leaf" and node.op.name != "input" and node in used_in:
            paths[node] = common(used_in[node])
        else:
            paths[node] = (*notes.scope(node), *branch.get(node, ()))
        for arg in node.args:
            source = scene.source(arg)
            if phases[source] == phases[node]:
                used_in.setdefault(source, []).append(paths[node])
    return paths


def draw_graph(graph: Graph, notes: Annotations) -> Picture:
    """The picture of everything the outputs and updates of a graph depend on."""
    outputs = ExprTable((r, None) for r in graph.outputs)
    scene = Scene.of(graph.roots)
    phases = _phases(scene, notes, outputs)
    shown = [n for n in scene.order if scene.is_box(n)]
    present = [p for p in _CAPTIONS if any(phases[n] == p for n in shown)]
    is_grouped = len(present) > 1
    keys = ExprTable((n, f"n{scene.numbers[n]}") for n in shown)
    paths, frames = _scopes(scene, notes, phases, branches(scene.order, graph.roots)), Frames()
    boxes, arrows = [], []
    for node in shown:
        look = look_of(node, is_derived=phases[node] == "backward")
        group = frames.key(phases[node] if is_grouped else None, paths[node])
        boxes.append(scene.box(node, keys[node], look, notes, group=group, is_output=node in outputs))
        for source, side in scene.operands_by_arrow(node):
            if phases[source] == phases[node]:
                arrows.append(Arrow(keys[source], keys[node], side=side))
            else:
                arrows.append(Arrow(keys[source], keys[node], role="reuse"))
    arrows += [Arrow(keys[of], keys[g], role="tie") for g, of in notes.gradients.items() if g in keys and of in keys]
    for i, (param, new) in enumerate(graph.updates):
        group = phases[new] if is_grouped else None
        boxes.append(updated_box(param, f"u{i}", group))
        arrows.append(Arrow(keys[new], f"u{i}"))
    phase_groups = [Group(p, _CAPTIONS[p], runs_upwards=p == "backward") for p in present] if is_grouped else []
    return Picture(tuple(boxes), tuple(arrows), (*phase_groups, *frames.groups))
