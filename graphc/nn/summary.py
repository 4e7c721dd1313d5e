"""A model as a table."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..ir.expr import Expr
from .calls import Call
from .network import shape_text

if TYPE_CHECKING:
    from .layer import Layer
    from .model import Model


def summary(model: Model) -> str:
    """The layers, the shapes they give, how many parameters they have and, unless each is fed by the one before, what
    they are fed by."""
    model.ensure_built()
    rows = _rows(model) if model.built else [_row(model, layer, "not built yet") for layer in model.layers]
    heads = ["Layer (type)", "Output shape", "Params", "Fed by"]
    if all(row[3] == before[0].split(" ")[0] for before, row in itertools.pairwise(rows)):
        rows, heads = [row[:3] for row in rows], heads[:3]
    lines = _table([heads, *rows])
    rule = "─" * max(map(len, lines))
    return "\n".join([f"Model: {model.name or model.kind}", rule, lines[0], rule, *lines[1:], rule, *_totals(model)])


def _rows(model: Model) -> list[list[str]]:
    network = model.network
    rows = (
        [[f"{x.name} (Input)", shape_text(x.shape), "0", ""] for x in network.inputs] if len(network.inputs) > 1 else []
    )
    for layer in model.layers:
        if layer in network.calls.layers:
            result, call = network.calls.layers[layer]
            sources = dict.fromkeys(_called(model, *source) for source in network.calls.sources(result, call))
            rows.append(_row(model, layer, shape_text(result.shape), ", ".join(sources)))
        else:
            rows.append(_row(model, layer, "as its input"))
    return rows


def _row(model: Model, layer: Layer, shape: str, fed_by: str = "") -> list[str]:
    return [f"{model.name_of(layer)} ({type(layer).__name__})", shape, f"{layer.count_params():,}", fed_by]


def _called(model: Model, result: Expr, call: Call) -> str:
    return str(result.name) if call.layer is None else model.name_of(call.layer)


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    aligned = [
        [f"{c:>{w}}" if i == 2 else f"{c:<{w}}" for i, (c, w) in enumerate(zip(r, widths, strict=True))] for r in rows
    ]
    return ["  ".join(row).rstrip() for row in aligned]


def _totals(model: Model) -> list[str]:
    if not model.built:
        return ["no params before the model is built"]
    total, moved = model.count_params(), sum(p.value.size for p in model.trainable_params)
    return [f"{total:,} params" if total == moved else f"{total:,} params, {moved:,} of them trainable"]
