"""What can be drawn, and what is written beside its nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..ir.errors import GraphError
from ..ir.expr import Expr, post_order
from ..ir.graph import ExprTable, Graph
from ..ir.source import no_sources
from ..ir.tree import flatten
from ..ops import leaf
from .graphs import Annotations, draw_graph
from .kernels import draw_kernels
from .picture import Picture
from .values import summary


def picture_of(what: Any, values: Mapping[Expr, Any] | None = None) -> Picture:
    """The picture of an expression, several of them, a graph or a compiled function.

    Raises:
        GraphError: it is none of these, or `values` lack an input.
    """
    if isinstance(getattr(what, "graph", None), Graph):
        return _compiled_picture(what, values)
    if isinstance(what, Graph):
        return draw_graph(what, _annotations(what.roots, {}, values))
    roots = _expressions(what)
    keys = {k: v for k, v in what.items() if isinstance(k, str)} if isinstance(what, Mapping) else {}
    return draw_graph(Graph((), roots), _annotations(roots, keys, values))


def _compiled_picture(function: Any, values: Mapping[Expr, Any] | None) -> Picture:
    """The picture of something with a `graph`, `kernels`, and `inputs` as its user knows them."""
    graph: Graph = function.graph
    summaries: ExprTable[str] = ExprTable()
    if values is not None:
        known = ExprTable(zip(getattr(function, "inputs", ()), graph.inputs, strict=False))
        summaries = _summaries(graph.roots, {known.get(k, k): v for k, v in values.items()})
    # Optimized nodes are not those that differentiation made, but a function may know what they came from.
    notes = Annotations(is_derived=getattr(function, "is_derived", lambda node: False), values=summaries)
    try:
        kernels = function.kernels
    except GraphError:
        picture = draw_graph(graph, notes)
        return replace(picture, notes=(*picture.notes, "kernels are made when the first call tells the sizes"))
    return draw_kernels(graph, kernels, notes)


def _expressions(what: Any) -> tuple[Expr, ...]:
    leaves = flatten(what).leaves
    for found in leaves:
        if not isinstance(found, Expr):
            raise GraphError(
                "draw: only expressions (one, or tuples, lists and dicts of them), graphs and compiled functions can "
                f"be drawn, not {type(found).__name__}"
            )
    if not leaves:
        raise GraphError("draw: there is nothing to draw")
    return tuple(ExprTable((e, None) for e in leaves))


def _annotations(roots: Sequence[Expr], keys: Mapping[str, Any], values: Mapping[Expr, Any] | None) -> Annotations:
    names, gradients = _gradients(roots)
    for key, expr in keys.items():
        if isinstance(expr, Expr) and not expr.name and expr not in names:
            names[expr] = key
    found = ExprTable() if values is None else _summaries(roots, values)
    return Annotations(_is_derived, _differentiated(post_order(tuple(roots))), names, gradients, found)


def _summaries(roots: Sequence[Expr], values: Mapping[Expr, Any]) -> ExprTable[str]:
    """What every node holds."""
    import graphc as gc

    nodes = post_order(tuple(roots))
    return ExprTable((n, summary(a)) for n, a in zip(nodes, gc.interpret(nodes, values), strict=True))


def _is_derived(node: Expr) -> bool:
    from ..autodiff import origin

    return origin(node) is not None


def _differentiated(nodes: Iterable[Expr]) -> ExprTable[None]:
    """The nodes by whose rules derivatives among `nodes` were made."""
    from ..autodiff import origin

    return ExprTable((o, None) for o in map(origin, nodes) if o is not None)


# Names of gradients --------------------------------------------------------------------------------------------


def _gradients(roots: Iterable[Expr]) -> tuple[ExprTable[str], ExprTable[Expr]]:
    """Every node that is the gradient of something with a name: what to call it (∂loss/∂W), and of what it is.

    Differentiating again gives the very nodes that are there already, since equal expressions are one object, and so
    tells which of them is whose gradient.
    """
    nodes = post_order(tuple(roots))
    names: ExprTable[str] = ExprTable()
    gradients: ExprTable[Expr] = ExprTable()
    derived = ExprTable((n, None) for n in nodes if _is_derived(n))
    for loss in _losses(nodes, derived):
        for node, cotangent in _cotangents(loss).items():
            if node.name and node is not loss and cotangent in derived:
                name = f"∂{loss.name or 'loss'}/∂{node.name}"
                names[cotangent] = f"{names[cotangent]}, {name}" if cotangent in names else name
                gradients[cotangent] = node
    return names, gradients


def _cotangents(loss: Expr) -> ExprTable[Expr]:
    from ..autodiff import sweep

    leaves = [n for n in post_order((loss,)) if n.dtype.is_float and n.op.name in ("input", "param")]
    try:
        with no_sources():
            return sweep((loss,), (leaf.scalar(1, loss.dtype),), leaves).cotangents
    except GraphError:
        # The user differentiated by less: on the way to another leaf stands an op without a derivative.
        return ExprTable()


def _losses(nodes: Iterable[Expr], derived: ExprTable[None]) -> list[Expr]:
    """The scalars that were differentiated: origins of derivatives that no other origin is computed from."""
    origins = _differentiated(nodes)
    inner: ExprTable[None] = ExprTable()
    for node in reversed(post_order(tuple(origins))):
        if node in origins or node in inner:
            for arg in node.args:
                inner[arg] = None
    return [o for o in origins if o not in inner and o.shape == () and o not in derived]
