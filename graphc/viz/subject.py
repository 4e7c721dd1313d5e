"""What can be drawn, and what is written beside its nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..autodiff import sweep
from ..interpret import trace
from ..ir.errors import GraphError, describe
from ..ir.expr import Expr, post_order
from ..ir.graph import ExprTable, Graph
from ..ir.source import no_sources
from ..ir.tree import flatten
from ..ops import leaf
from .changes import draw_change
from .graphs import Annotations, draw_graph
from .kernels import draw_kernels
from .picture import Arrow, Box, Picture
from .provenance import VARIABLES, Provenance
from .values import Held


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a picture should show beside the graph; see `gc.draw`."""

    values: Mapping[Expr, Any] | None = None
    gradients: bool = False
    profile: Any = None
    sizes: Mapping[str, int] = field(default_factory=dict)


def picture_of(what: Any, values: Mapping[Expr, Any] | None = None, *, after: Any = None, **wishes: Any) -> Picture:
    """The picture of an expression, several of them, a graph, a compiled function, or an error about expressions.

    Args:
        after: what a pass made of `what`, drawn beside it.
        wishes: the fields of `Wishes`.

    Raises:
        GraphError: it is none of these, `values` lack an input, or something is asked that it cannot show.
    """
    wanted = Wishes(values=values, **wishes)
    if isinstance(what, BaseException):
        return _mistake(what)
    if after is not None:
        return draw_change(*_subject(what, wanted), *_subject(after, wanted))
    if is_compiled(what):
        return _compiled_picture(what, wanted)
    if wanted.profile is not None or wanted.sizes:
        asked = "a profile" if wanted.profile is not None else f"a size ({', '.join(wanted.sizes)}=...)"
        raise GraphError(f"draw: {asked} is shown on a compiled function, not on {type(what).__name__}")
    return draw_graph(*_subject(what, wanted))


def is_compiled(what: Any) -> bool:
    """Whether something has a graph, as compiled functions do."""
    return isinstance(getattr(what, "graph", None), Graph)


def _subject(what: Any, wanted: Wishes) -> tuple[Graph, Annotations]:
    """A graph, and what is written beside its nodes."""
    if is_compiled(what):
        return what.graph, _compiled_notes(what, wanted)
    if isinstance(what, Graph):
        return what, _annotations(what.roots, {}, wanted)
    roots = expressions_of(what)
    keys = {k: v for k, v in what.items() if isinstance(k, str)} if isinstance(what, Mapping) else {}
    return Graph((), roots), _annotations(roots, keys, wanted)


# Compiled functions --------------------------------------------------------------------------------------------


def _compiled_picture(function: Any, wanted: Wishes) -> Picture:
    """The picture of something with a `graph`, `kernels`, and `inputs` as its user knows them."""
    if wanted.sizes:
        function.view(**wanted.sizes)
    graph, notes = _subject(function, wanted)
    try:
        kernels = function.kernels
    except GraphError:
        picture = draw_graph(graph, notes)
        note = "kernels are made when the first call tells the sizes, or draw(batch=32)"
        return replace(picture, notes=(*picture.notes, note))
    return draw_kernels(graph, kernels, notes, _seconds(wanted.profile))


def _compiled_notes(function: Any, wanted: Wishes) -> Annotations:
    """Optimized nodes are not those that were built, but a function may know what they came from."""
    if wanted.gradients:
        raise GraphError("draw: gradients are written on expressions; a compiled function draws those it computes")
    origins = getattr(function, "origins", lambda node: (node,))
    held: ExprTable[Held] = ExprTable()
    if wanted.values is not None:
        known = ExprTable(zip(getattr(function, "inputs", ()), function.graph.inputs, strict=False))
        held = _held(function.graph.roots, ExprTable((known.get(k, k), v) for k, v in wanted.values.items()))
    return replace(compiled_annotations(function.graph, origins), values=held)


def compiled_annotations(graph: Graph, origins: Callable[[Expr], tuple[Expr, ...]]) -> Annotations:
    """What is known of a rewritten graph's nodes by way of those they stand for."""
    provenance = Provenance.of(built for node in graph.nodes for built in origins(node))
    return Annotations(
        is_derived=lambda node: all(map(provenance.is_derived, origins(node))),
        origins=origins,
        scope=lambda node: provenance.scope(node, origins(node)),
    )


def graph_annotations(roots: Sequence[Expr]) -> Annotations:
    """What is known of a graph's nodes as they were built."""
    return _annotations(roots, {}, Wishes())


def _seconds(profile: Any) -> Mapping[str, float]:
    """Seconds by the kernel's name.

    Raises:
        GraphError: it is no profile and no such mapping.
    """
    found = getattr(profile, "seconds_by_kernel", profile)
    if found is None:
        return {}
    if not isinstance(found, Mapping) or not all(isinstance(v, (int, float)) and v >= 0 for v in found.values()):
        raise GraphError(
            "draw: profile= takes what Function.profile gives, or seconds by the names of kernels, not "
            f"{type(profile).__name__}"
        )
    return found


# Mistakes ------------------------------------------------------------------------------------------------------


def _mistake(error: BaseException) -> Picture:
    """The graph that was built so far, with the operands that do not fit marked by their roles."""
    operands: Mapping[str, Expr] = getattr(error, "operands", {})
    if not operands:
        raise GraphError(f"draw: {type(error).__name__} is not about expressions: {error}")
    marks: ExprTable[str] = ExprTable()
    for role, expr in operands.items():
        marks[expr] = f"{marks[expr]}, {role}" if expr in marks else role
    roots = tuple(marks)
    picture = draw_graph(Graph((), roots), replace(_annotations(roots, {}, Wishes()), marks=marks))
    message, _, _ = str(error).partition("\n")
    boxes = [replace(b, is_output=False) for b in picture.boxes]
    keys = {b.mark: b.key for b in boxes if b.mark}
    failed = Box("failed", "operation", message.partition(":")[0], mark="does not fit")
    arrows = [Arrow(key, failed.key) for key in keys.values()]
    notes = (*picture.notes, f"{type(error).__name__}: {message}")
    return replace(picture, boxes=(*boxes, failed), arrows=(*picture.arrows, *arrows), notes=notes)


# Expressions ---------------------------------------------------------------------------------------------------


def expressions_of(what: Any, asked: str = "draw") -> tuple[Expr, ...]:
    """The expressions in a structure, each once.

    Raises:
        GraphError: there are none, or something else is among them.
    """
    leaves = flatten(what).leaves
    for found in leaves:
        if not isinstance(found, Expr):
            raise GraphError(
                f"{asked}: only expressions (one, or tuples, lists and dicts of them), graphs and compiled functions "
                f"can be drawn, not {type(found).__name__}"
            )
    if not leaves:
        raise GraphError(f"{asked}: there is nothing to draw")
    return tuple(ExprTable((e, None) for e in leaves))


def _annotations(roots: Sequence[Expr], keys: Mapping[str, Any], wanted: Wishes) -> Annotations:
    provenance = Provenance.of(roots)
    names, gradients = _gradients(provenance)
    for key, expr in keys.items():
        if isinstance(expr, Expr) and not expr.name and expr not in names:
            names[expr] = key
    held: ExprTable[Held] = ExprTable()
    derivatives: ExprTable[Held] = ExprTable()
    if wanted.gradients:
        cotangents = _by_every_node(roots, wanted.values)
        held = _held((*roots, *cotangents.values()), wanted.values or {})
        derivatives = ExprTable((node, held[cotangent]) for node, cotangent in cotangents.items())
    elif wanted.values is not None:
        held = _held(roots, wanted.values)
    return Annotations(
        is_derived=provenance.is_derived,
        differentiated=provenance.differentiated(),
        names=names,
        gradients=gradients,
        values=held,
        derivatives=derivatives,
        scope=provenance.scope,
    )


def _by_every_node(roots: Sequence[Expr], values: Mapping[Expr, Any] | None) -> ExprTable[Expr]:
    """The derivative of the loss, which is the first of the roots, by every node it depends on.

    Raises:
        GraphError: there are no values, or the loss is no floating point scalar.
    """
    loss = roots[0]
    if values is None:
        raise GraphError("draw: gradients=True writes numbers on the nodes, and so needs values=")
    if loss.shape != () or not loss.dtype.is_float:
        raise GraphError(f"draw: gradients are those of a floating point scalar{describe(drawn=loss)}")
    return cotangents_of(loss)


def _held(roots: Sequence[Expr], values: Mapping[Expr, Any]) -> ExprTable[Held]:
    """What every node holds."""
    return ExprTable((n, Held.of(a)) for n, a in trace(roots, values).items())


# Names of gradients --------------------------------------------------------------------------------------------


def _gradients(provenance: Provenance) -> tuple[ExprTable[str], ExprTable[Expr]]:
    """Every node that is the gradient of something with a name: what to call it (∂loss/∂W), and of what it is.

    Differentiating again gives the very nodes that are there already, since equal expressions are one object, and so
    tells which of them is whose gradient.
    """
    names: ExprTable[str] = ExprTable()
    gradients: ExprTable[Expr] = ExprTable()
    for loss in losses_of(provenance):
        for node, cotangent in cotangents_of(loss).items():
            if node.name and node is not loss and provenance.is_derived(cotangent):
                name = f"∂{loss.name or 'loss'}/∂{node.name}"
                names[cotangent] = f"{names[cotangent]}, {name}" if cotangent in names else name
                gradients[cotangent] = node
    return names, gradients


def cotangents_of(loss: Expr) -> ExprTable[Expr]:
    """The derivative of a loss by every node it depends on; nothing where an op on the way has none."""
    leaves = [n for n in post_order((loss,)) if n.dtype.is_float and n.op.name in VARIABLES]
    try:
        with no_sources():
            return sweep((loss,), (leaf.scalar(1, loss.dtype),), leaves).cotangents
    except GraphError:
        # The user differentiated by less: on the way to another leaf stands an op without a derivative.
        return ExprTable()


def losses_of(provenance: Provenance) -> list[Expr]:
    """The scalars whose derivatives are in a graph: what derivatives were made for, and no other
    derivative was made for on the way to it."""
    differentiated = provenance.differentiated()
    inner: ExprTable[None] = ExprTable()
    for node in reversed(post_order(tuple(differentiated))):
        if node in differentiated or node in inner:
            for arg in node.args:
                inner[arg] = None
    return [o for o in differentiated if o not in inner and o.shape == () and not provenance.is_derived(o)]
