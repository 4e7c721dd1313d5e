"""A model as a table."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ..ir.expr import Expr
from ..ir.graph import ExprTable
from .calls import call_of, layers_behind
from .network import shape_text

if TYPE_CHECKING:
    from .layer import Layer
    from .model import Model


def summary(model: Model) -> str:
    """The layers, the shapes they give, how many parameters they have and, unless each is fed by the one before, what
    they are fed by."""
    model.ensure_built()
    rows = _rows(model) if model.built else [_row(layer, "not built yet") for layer in model.layers]
    heads = ["Layer (type)", "Output shape", "Params", "Fed by"]
    if all(row[3] == before[0].split(" ")[0] for before, row in itertools.pairwise(rows)):
        rows, heads = [row[:3] for row in rows], heads[:3]
    lines = _table([heads, *rows])
    rule = "─" * max(map(len, lines))
    return "\n".join([f"Model: {model.name or model.kind}", rule, lines[0], rule, *lines[1:], rule, *_totals(model)])


def _rows(model: Model) -> list[list[str]]:
    network = model.network
    results = {id(layer): result for layer, result in layers_behind(network.outputs.leaves)}
    rows = (
        [[f"{x.name} (Input)", shape_text(x.shape), "0", ""] for x in network.inputs] if len(network.inputs) > 1 else []
    )
    for layer in model.layers:
        result = results.get(id(layer))
        shape = "as its input" if result is None else shape_text(result.shape)
        rows.append(_row(layer, shape, "" if result is None else ", ".join(_sources(result))))
    return rows


def _row(layer: Layer, shape: str, fed_by: str = "") -> list[str]:
    return [f"{layer.name} ({type(layer).__name__})", shape, f"{_count(layer.weights().values()):,}", fed_by]


def _sources(result: Expr) -> list[str]:
    """The layers and inputs right before the call that gave this, past whatever is computed between."""
    call = call_of(result)
    found: dict[str, None] = {}
    stack = list(reversed(call.inputs)) if call is not None else []
    seen: ExprTable[None] = ExprTable()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen[node] = None
        if call_of(node) is not None:
            found[_called(node)] = None
        else:
            stack.extend(reversed(node.args))
    return list(found)


def _called(node: Expr) -> str:
    call = call_of(node)
    return str(node.name if call is None or call.layer is None else call.layer.name)


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    aligned = [
        [f"{c:>{w}}" if i == 2 else f"{c:<{w}}" for i, (c, w) in enumerate(zip(r, widths, strict=True))] for r in rows
    ]
    return ["  ".join(row).rstrip() for row in aligned]


def _totals(model: Model) -> list[str]:
    if not model.built:
        return ["no params before the model is built"]
    total, moved = _count(model.weights().values()), _count(model.trainable_params)
    return [f"{total:,} params" if total == moved else f"{total:,} params, {moved:,} of them trainable"]


def _count(params: Iterable[Expr]) -> int:
    return sum(p.value.size for p in params)
