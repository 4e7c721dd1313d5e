"""What is only a mark leaves the graph before it is compiled.

%1: f32[3] = exp %0                      %1: f32[3] = exp %0
%2: f32[3] = probe %1 {name=h}     ->    %3: f32[] = sum %1         and %1 known as the probe "h"
%3: f32[] = sum %2
"""

from __future__ import annotations

from collections.abc import Mapping

from ..ir.errors import GraphError, describe
from ..ir.expr import Expr
from ..ir.graph import ExprTable, Graph, rebuild
from ..ops.mark import CALL, PROBE, RESULT
from ..ops.scalar import like


def without_marks(graph: Graph) -> tuple[Graph, Mapping[str, Expr]]:
    """The graph without marks, and by name what its probes show.

    Raises:
        GraphError: two probes have the same name.
    """
    probes: dict[str, Expr] = {}
    if graph.ops.isdisjoint(op.name for op in (PROBE, RESULT, CALL)):
        return graph, probes
    became: ExprTable[Expr] = ExprTable()
    for node in graph.nodes:
        args = tuple(became[a] for a in node.args)
        if node.op is PROBE:
            _add(probes, node, args[0])
            became[node] = args[0]
        elif node.op is RESULT:
            became[node] = args[0]
        elif node.op is CALL:
            became[node] = like(0, node)
        else:
            new = became[node] = rebuild(node, args)
            new.name, new.sources = new.name or node.name, new.sources or node.sources
    return graph.with_roots(became[r] for r in graph.roots), probes


def _add(probes: dict[str, Expr], probe: Expr, value: Expr) -> None:
    name = probe.attrs["name"]
    if name in probes and probes[name] is not value:
        raise GraphError(f"two probes are called {name!r}{describe(first=probes[name], second=value)}")
    probes[name] = value
