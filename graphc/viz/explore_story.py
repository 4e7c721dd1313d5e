"""What the explorer tells: nodes and their values, the stages of compilation, the walk forward and backward, kernels.

Everything is numbered by the nodes as they were built. A box of any stage, a kernel and a step of a derivation all
say which of these they stand for, and so each leads to the others.
"""

from __future__ import annotations

import json
import linecache
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..interpret import trace
from ..ir.arguments import solve_sizes
from ..ir.errors import GraphcError, GraphError
from ..ir.expr import Expr, post_order
from ..ir.graph import ExprTable, Graph
from ..ir.op import Array
from ..ir.text import line, number
from .collapse import collapse
from .drawing import lay_out
from .explore_svg import bare_svg
from .graphs import Scene, draw_graph
from .kernels import draw_kernels
from .picture import Picture
from .provenance import Provenance
from .scopes import close
from .subject import compiled_annotations, cotangents_of, expressions_of, graph_annotations, is_compiled, losses_of
from .values import extremes, summary
from .wording import type_of, words

_HEAT_ROWS, _HEAT_COLUMNS = 12, 18
_LETTERS = np.array(list("zyxwvutsrqponmlkjihgfedcba0ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
"""Strengths of colour, from as far below zero as above: a letter each, which is a quarter of a number's length."""
_NAN_LETTER = "?"
_MOST_CODE = 20_000
"""Letters of one kernel's code that are shown."""
_MOST_CODE_IN_ALL = 1_000_000
"""Letters of the code of all kernels together; those after them are shown without."""
_MOST_DERIVED = 4_000
"""How many nodes a loss may have for its derivations to be shown: nobody walks further."""
_MOST_MATHEMATICS = 1_000_000
"""Letters of all derivations together."""
_MOST_BOXES = 400
_LAYOUTS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Story:
    """All that a page shows, ready to be written as JSON."""

    title: str
    data: dict[str, Any]


def tell(what: Any, values: Mapping[Expr, Any] | None, sizes: Mapping[str, int], time_limit: float) -> Story:
    """The story of a compiled function, or of expressions, which are compiled."""
    function, title = (what, what.name) if is_compiled(what) else _compiled(what)
    view = function.view(**(_sizes(function, values) if values is not None else {}), **sizes)
    return _Teller(title, function, view, values, time_limit).story()


def _compiled(what: Any) -> tuple[Any, str]:
    """Expressions as a function, with the gradients of a loss among them."""
    import graphc as gc

    roots = what.roots if isinstance(what, Graph) else expressions_of(what, "explore")
    nodes = post_order(tuple(roots))
    inputs = [n for n in nodes if n.op.name == "input"]
    first = roots[0]
    title = first.name or first.op.name
    gradients: list[Expr] = []
    if len(roots) == 1 and first.shape == () and first.dtype.is_float:
        cotangents = cotangents_of(first)
        params = [n for n in cotangents if n.op.name == "param"]
        gradients = [cotangents[n] for n in params or [n for n in cotangents if n.op.name == "input"]]
    return gc.compile(inputs, [*roots, *gradients], name=title), title


def _sizes(function: Any, values: Mapping[Expr, Any]) -> dict[str, int]:
    """The sizes of named dimensions that the values tell."""
    given = ExprTable(values.items())
    missing = [str(i.name) for i in function.inputs if i not in given]
    if missing:
        raise GraphError(f"explore: no value is given for {', '.join(map(repr, missing))}")
    shapes = [np.shape(given[i]) for i in function.inputs]
    return {name: int(size) for name, size in solve_sizes(function.inputs, shapes).items()}


class _Teller:
    def __init__(
        self, title: str, function: Any, view: Any, values: Mapping[Expr, Any] | None, time_limit: float
    ) -> None:
        self.title, self.function, self.view, self.time_limit = title, function, view, time_limit
        self.built: Graph = view.stages[0].graph
        self.notes = graph_annotations(self.built.roots)
        self.numbers = number(self.built.nodes)
        losses = losses_of(Provenance.of(self.built.roots)) or [
            o for o in self.built.outputs if o.shape == () and o.dtype.is_float
        ]
        self.loss = losses[0] if losses else None
        self.cotangents = cotangents_of(self.loss) if self.loss is not None else ExprTable[Expr]()
        self.values = self._values(values)
        self.scene = Scene.of(self.built.roots)
        self.texts: dict[str, int] = {}
        self.steps: dict[str, int] = {}
        self.room_for_code = _MOST_CODE_IN_ALL

    def story(self) -> Story:
        kernels = self._kernels()
        data = {
            "title": self.title,
            "nodes": [self._node(n) for n in self.built.nodes],
            "stages": self._stages(),
            "forward": self._forward(),
            "derivations": self._derivations(),
            "kernels": kernels,
            "note": "" if kernels else "There are no kernels yet: give values, or a size such as batch=32.",
        }
        return Story(self.title, {**data, "texts": list(self.texts), "steps": list(map(json.loads, self.steps))})

    def _text(self, text: str) -> int:
        """The number of a text; equal ones are written once."""
        return self.texts.setdefault(text, len(self.texts))

    def _ids(self, nodes: Sequence[Expr]) -> list[int]:
        """Numbers of those nodes that were there when the graph was built."""
        return sorted({self.numbers[n] for n in nodes if n in self.numbers})

    # Nodes -----------------------------------------------------------------------------------------------------

    def _values(self, values: Mapping[Expr, Any] | None) -> ExprTable[Array]:
        if values is None:
            return ExprTable()
        graph_inputs = ExprTable((n, None) for n in self.built.nodes if n.op.name == "input")
        used = ExprTable((k, v) for k, v in values.items() if k in graph_inputs)
        return trace((*self.built.roots, *self.cotangents.values()), used)

    def _node(self, node: Expr) -> dict[str, Any]:
        told = {
            "text": line(node, self.numbers),
            "title": words(node, self.scene.operands(node)),
            "name": self.notes.names.get(node) or node.name or "",
            "type": type_of(node),
            "scope": "/".join(self.notes.scope(node)),
            "derived": self.notes.is_derived(node),
        }
        source = node.source
        if source is not None:
            told["file"] = f"{source.file.replace(chr(92), '/').rpartition('/')[2]}:{source.line}"
            told["code"] = linecache.getline(source.file, source.line).strip()
        if node in self.values:
            told["value"] = shown(self.values[node])
        cotangent = self.cotangents.get(node)
        if cotangent is not None and cotangent in self.values:
            told["gradient"] = shown(self.values[cotangent])
        return told

    # Stages ----------------------------------------------------------------------------------------------------

    def _stages(self) -> list[dict[str, Any]]:
        """Every stage that is not as the one before, laid out several at a time."""
        drawn = self._pictures()
        with ThreadPoolExecutor(_LAYOUTS_AT_ONCE) as pool:
            laid_out = list(pool.map(lambda d: lay_out(_bearable(d[2]), "svg", self.time_limit), drawn))
        return [
            {
                "name": name,
                "note": note,
                "svg": bare_svg(svg.decode()),
                "boxes": {b.key: self._box(b.nodes, b.group, origins) for b in picture.boxes},
            }
            for (name, note, _, origins), (picture, svg) in zip(drawn, laid_out, strict=True)
        ]

    def _pictures(self) -> list[tuple[str, str, Picture, Any]]:
        found: list[tuple[str, str, Picture, Any]] = []
        before: Graph | None = None
        for stage in self.view.stages:
            if before is None or not _is_same(before, stage.graph):
                rules = ", ".join(f"{rule} ×{count}" for rule, count in sorted(stage.hits.items()))
                origins = _lookup(stage.origins)
                notes = self.notes if before is None else compiled_annotations(stage.graph, origins)
                picture = draw_graph(stage.graph, notes)
                note = f"{len(stage.graph.nodes)} nodes" + (f"; rules: {rules}" if rules else "")
                found.append((stage.name, note, picture, origins))
            before = stage.graph
        made = self.view.made
        if made is not None:
            notes = compiled_annotations(made.graph, self.view.origins)
            picture = draw_kernels(made.graph, made.kernels, notes)
            found.append(("kernels", f"{len(made.kernels)} kernels", picture, self.view.origins))
        return found

    def _box(self, nodes: Sequence[Expr], group: str | None, origins: Any) -> dict[str, Any]:
        told: dict[str, Any] = {"nodes": self._ids([built for n in nodes for built in origins(n)])}
        if group is not None and group.startswith("kernel"):
            told["kernel"] = int(group.removeprefix("kernel"))
        return told

    def _kernels(self) -> list[dict[str, Any]]:
        return [
            {
                "name": listing.kernel.name,
                "kind": listing.kernel.kind,
                "domain": "×".join(map(str, listing.kernel.domain)) or "scalar",
                "nodes": self._ids(self._behind(listing.kernel)),
                "loops": self._code(listing.loops),
                "assembly": self._code(listing.assembly),
            }
            for listing in self.view.listings()
        ]

    def _code(self, text: str) -> int:
        """The number of a kernel's code, or of a sentence where the page has no room for more."""
        is_new = text not in self.texts
        if is_new and self.room_for_code <= 0:
            return self._text("… is left out: the page shows the code of the first kernels only")
        shortened = _shortened(text)
        self.room_for_code -= len(shortened) * is_new
        return self._text(shortened)

    def _behind(self, kernel: Any) -> list[Expr]:
        """What a kernel computes, and the inputs and params it reads, as they were built."""
        read = [n for n in kernel.inputs if n.op.kind == "leaf"]
        return [built for n in (*read, *kernel.nodes) for built in self.view.origins(n)]

    # The walk --------------------------------------------------------------------------------------------------

    def _forward(self) -> list[int]:
        """The nodes in the order they are computed, as far as they are drawn and not derivatives."""
        return [
            self.numbers[n]
            for n in self.built.nodes
            if self.scene.is_box(n) and not self.notes.is_derived(n) and n.op.kind != "leaf"
        ]

    def _derivations(self) -> list[dict[str, Any]]:
        """The derivation by each variable, as far as time and room allow."""
        import graphc as gc

        if self.loss is None or len(post_order((self.loss,))) > _MOST_DERIVED:
            return []
        leaves = [n for n in self.built.nodes if n in self.cotangents and n is not self.loss]
        params = [n for n in leaves if n.op.name == "param"]
        variables = params or [n for n in leaves if n.op.name == "input"]
        until = time.monotonic() + self.time_limit / 2
        room = _MOST_MATHEMATICS
        found: list[dict[str, Any]] = []
        for variable in variables:
            if time.monotonic() > until or room <= 0:
                break
            try:
                derivation = gc.derive(self.loss, variable)
            except GraphcError:
                continue
            before = len(self.texts)
            steps = [self._step_number(step) for step in derivation.steps]
            room -= sum(map(len, list(self.texts)[before:]))
            found.append({"by": variable.name or variable.op.name, "steps": steps})
        return found

    def _step_number(self, step: Any) -> int:
        """The number of a step; those that derivations have in common are written once."""
        return self.steps.setdefault(json.dumps(self._step(step)), len(self.steps))

    def _step(self, step: Any) -> dict[str, Any]:
        through = [*(link.consumer for link in step.links), *(link.argument for link in step.links)]
        return {
            "html": self._text(step.html),
            "from": self.numbers.get(step.node),
            "to": self.numbers.get(step.argument),
            "through": self._ids(through),
            "made": self._ids([step.result]),
        }


def _bearable(picture: Picture) -> Picture:
    """A picture that a browser moves with ease: scopes closed as far as that takes, or elementwise work joined."""
    return collapse(close(picture, None, _MOST_BOXES, _MOST_BOXES), _MOST_BOXES)


def _lookup(origins: ExprTable[tuple[Expr, ...]]) -> Any:
    return lambda node: origins.get(node, (node,))


def _is_same(a: Graph, b: Graph) -> bool:
    return all(x is y for x, y in zip(a.roots, b.roots, strict=True))


def _shortened(text: str) -> str:
    if len(text) <= _MOST_CODE:
        return text
    shown = text[:_MOST_CODE].rpartition("\n")[0]
    return f"{shown}\n… and {text.count(chr(10)) - shown.count(chr(10)):,} lines more"


def shown(array: Array) -> dict[str, Any]:
    """An array for the page: in words, and as strengths of colour, a letter for each field; see `_LETTERS`."""
    told: dict[str, Any] = {"text": summary(array)}
    if array.size > 1 and array.dtype.kind in "fiub":
        rows = extremes(array.reshape(-1, array.shape[-1]).astype(np.float64), _HEAT_ROWS, _HEAT_COLUMNS)
        finite = np.abs(rows[np.isfinite(rows)])
        largest = float(finite.max()) if finite.size and finite.max() else 1.0
        told["largest"] = f"{largest:.3g}"
        told["heat"] = ["".join(row) for row in _letters(rows / largest)]
    return told


def _letters(strengths: Array) -> Array:
    """The letter for each strength between −1 and 1."""
    middle = len(_LETTERS) // 2
    places = np.rint(middle * (1 + np.clip(np.nan_to_num(strengths, posinf=1, neginf=-1), -1, 1))).astype(int)
    return np.where(np.isnan(strengths), _NAN_LETTER, _LETTERS[places])
