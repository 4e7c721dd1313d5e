"""A graph as NetworkX knows graphs, for its algorithms and its file formats, and back."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import networkx as nx

from ..ir.dim import as_shape, evaluate
from ..ir.dtype import as_dtype
from ..ir.errors import GraphError
from ..ir.expr import Expr, make, post_order
from ..ir.graph import ExprTable
from ..ir.op import REGISTRY, OpDef
from ..ir.text import number
from ..ir.tree import Tree, expressions, flatten
from ..ops import leaf

_ALGORITHMS: Any = nx
"""Untyped: what stubs there are for NetworkX say that its generators return nothing."""

# to NetworkX ---------------------------------------------------------------------------------------------------


def to_networkx(what: Any, **sizes: int) -> nx.MultiDiGraph:
    """Everything the expressions depend on as a directed graph, arrows from arguments to the nodes that use them.

    Args:
        what: an expression, tuples, lists and dicts of them, or a compiled function, of which the optimized graph is
            taken.
        sizes: sizes of named dimensions, for `bytes`.

    Returns:
        A `networkx.MultiDiGraph` (a `DiGraph` in which a value may be two arguments of one node). Nodes are the
        numbers that `gc.dump` prints, in an order that is a topological sort, with the attributes `expr`, `op`,
        `name`, `shape` (integers, and named sizes as text), `dtype`, `attrs`, `source` ("file:line" or None),
        `output` (the positions at which it is an output), `bytes` (of its value, where all sizes are known) and, for
        compiled functions, `kernels` (the names of those that compute it). Edges are keyed by, and have as
        `position`, which argument they are; as `bytes` they have what they carry, for longest paths and cheapest cuts.
        `graph["structure"]` is the structure of `what` with positions for its expressions.

    Raises:
        GraphError: `what` holds something other than expressions.
    """
    tree, kernels = _outputs(what)
    order = post_order(tree.leaves)
    numbers = number(order)
    graph = nx.MultiDiGraph(structure=tree.skeleton)
    for node in order:
        weight = _weight(node, sizes)
        graph.add_node(
            numbers[node],
            expr=node,
            op=node.op.name,
            name=node.name,
            shape=tuple(d if isinstance(d, int) else str(d) for d in node.shape),
            dtype=node.dtype.name,
            attrs={k: v for k, v in node.attrs.items() if k not in ("name", "token")},
            source=None if node.source is None else str(node.source),
            output=[],
            **weight,
        )
        if kernels is not None:
            graph.nodes[numbers[node]]["kernels"] = kernels.get(node, [])
        for position, arg in enumerate(node.args):
            weight = {k: v for k, v in graph.nodes[numbers[arg]].items() if k == "bytes"}
            graph.add_edge(numbers[arg], numbers[node], key=position, position=position, **weight)
    for position, output in enumerate(tree.leaves):
        graph.nodes[numbers[output]]["output"].append(position)
    return graph


def _outputs(what: Any) -> tuple[Tree, ExprTable[list[str]] | None]:
    """The expressions to convert, and of a compiled function which kernels compute each node."""
    if not (hasattr(what, "kernels") and hasattr(what, "graph")):
        return expressions(what, "to_networkx: what is converted"), None
    built = flatten(what.outputs)
    kernels: ExprTable[list[str]] = ExprTable()
    for kernel in what.kernels:
        for node in kernel.nodes:
            kernels.setdefault(node, []).append(kernel.name)
    return Tree(what.graph.outputs[: len(built.leaves)], built.skeleton), kernels


def _weight(node: Expr, sizes: dict[str, int]) -> dict[str, int]:
    """The bytes of a value as an attribute; none where a size is not known."""
    shape = [evaluate(d, sizes) for d in node.shape]
    if not all(isinstance(d, int) for d in shape):
        return {}
    return {"bytes": node.dtype.bytes * math.prod(int(d) for d in shape)}


# from NetworkX -------------------------------------------------------------------------------------------------


def from_networkx(graph: nx.MultiDiGraph) -> Any:
    """The expressions of a graph as `to_networkx` makes it, also after it was changed.

    What counts is `op`, `attrs` and, on the edges, `position`; dtypes and shapes of what is computed follow from them.
    Leaves are the expressions themselves where `expr` has them; inputs without one are made anew from `name`, `shape`
    and `dtype`.

    Args:
        graph: nodes with these attributes, and edges from arguments to the nodes that use them.

    Returns:
        The outputs in the structure of `graph.graph["structure"]`; without that a list, in the order of `output`, or of
        all that nothing else uses, if no node is an output.

    Raises:
        GraphError: a cycle, an op or attributes that do not exist, arguments that are missing, a param without `expr`.
        ShapeError, DTypeError: arguments that do not fit, as when they are put together by hand.
    """
    if not _ALGORITHMS.is_directed_acyclic_graph(graph):
        raise GraphError("from_networkx: the graph has a cycle, or is not directed")
    built: dict[Any, Expr] = {}
    for node in _ALGORITHMS.topological_sort(graph):
        data = graph.nodes[node]
        op = _op(node, data)
        args = _arguments(graph, node, op, built)
        built[node] = _leaf(node, data, op) if op.kind == "leaf" else make(op, args, _attrs(node, data, op))
        if built[node].name is None and data.get("name"):
            built[node].name = data["name"]
    return _structured(graph, built)


def _op(node: Any, data: dict[str, Any]) -> OpDef:
    op = REGISTRY.get(data.get("op", ""))
    if op is None:
        raise GraphError(f"from_networkx: node {node!r} has the op {data.get('op')!r}, which does not exist")
    return op


def _arguments(graph: nx.MultiDiGraph, node: Any, op: OpDef, built: dict[Any, Expr]) -> tuple[Expr, ...]:
    """What a node is applied to, in order."""
    edges = {data.get("position"): tail for tail, _, data in graph.in_edges(node, data=True)}
    positions = range(graph.in_degree(node))
    if edges.keys() != set(positions) or (op.arity >= 0 and len(positions) != op.arity):
        found = ", ".join(map(str, edges)) or "none"
        raise GraphError(
            f"from_networkx: {op.name} ({node!r}) needs {_count(op)}, and its edges the positions of them in order; "
            f"the positions are {found}"
        )
    return tuple(built[edges[position]] for position in positions)


def _count(op: OpDef) -> str:
    return "arguments" if op.arity < 0 else f"{op.arity} argument{'s' if op.arity != 1 else ''}"


def _attrs(node: Any, data: dict[str, Any], op: OpDef) -> dict[str, Any]:
    given = data.get("attrs") or {}
    if given.keys() != set(op.params):
        raise GraphError(
            f"from_networkx: {op.name} ({node!r}) has the attributes {_listed(op.params)}, not {_listed(given)}"
        )
    return {name: given[name] for name in op.params}


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


def _leaf(node: Any, data: dict[str, Any], op: OpDef) -> Expr:
    """The leaf itself, or one that is made anew."""
    known = data.get("expr")
    if isinstance(known, Expr) and known.op is op:
        return known
    match op.name:
        case "input":
            return leaf.input(data.get("name") or str(node), as_shape(data["shape"]), as_dtype(data["dtype"]))
        case "constant":
            return leaf.constant(_attrs(node, data, op)["value"].array)
        case "size":
            return leaf.size(_attrs(node, data, op)["size"])
        case "iota":
            return leaf.iota(**_attrs(node, data, op))
        case _:
            raise GraphError(f"from_networkx: the {op.name} {data.get('name')!r} has a value, so it needs its `expr`")


def _structured(graph: nx.MultiDiGraph, built: dict[Any, Expr]) -> Any:
    """The outputs as they were handed over."""
    at = {position: built[node] for node, data in graph.nodes(data=True) for position in data.get("output") or ()}
    outputs = [at[position] for position in sorted(at)] or [built[n] for n in graph if not graph.out_degree(n)]
    if "structure" not in graph.graph:
        return outputs
    return Tree(tuple(range(len(outputs))), graph.graph["structure"]).rebuild(outputs)
