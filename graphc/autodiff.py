"""The chain rule, and nothing else: one reverse sweep, one forward sweep, both iterative.

    loss = sum(square(x @ w))                 in reverse:   ∂loss = 1
      %2 = matmul x, w                                      ∂%3 = broadcast 1        (vjp of sum)
      %3 = square %2                                        ∂%2 = ∂%3 · (2 · %2)     (vjp of square)
      %4 = sum %3                                           ∂w  = xᵀ @ ∂%2           (vjp of matmul)

The rules are the ops' own (`OpDef.vjp`, `OpDef.jvp`). Derivatives are graphs like any other, so derivatives of
derivatives need nothing more. A sweep also records what it did, which is what derivations and pictures show.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np

from .ir.arguments import convert
from .ir.collector import without_collection
from .ir.errors import DTypeError, GraphError, ShapeError, describe
from .ir.expr import Expr, post_order
from .ir.graph import ExprTable
from .ir.source import one_source
from .ir.tree import Tree, expressions
from .ops import leaf, scalar
from .ops.guard import ALWAYS, Guard, guards, outermost_first
from .ops.join import concat
from .ops.shape import SCATTER_SLICE, broadcast_to

Unused = Literal["error", "zeros"]
MANY_PIECES = 8
"""Pieces of a vector from which on their gradients are joined rather than added up."""


class Contribution(NamedTuple):
    """What one use of a node adds to its cotangent: one application of the chain rule."""

    consumer: Expr
    """The node that takes it as an argument."""
    position: int
    """Which argument of the consumer it is."""
    cotangent: Expr
    """The consumer's cotangent times the consumer's derivative by this argument."""


@dataclass(frozen=True, eq=False, slots=True)
class Sweep:
    """A reverse sweep as it happened."""

    order: list[Expr] = field(default_factory=list)
    """Nodes in the order their cotangents became final: each after all of its consumers."""
    cotangents: ExprTable[Expr] = field(default_factory=ExprTable)
    """The total cotangent of each node in `order`."""
    contributions: ExprTable[list[Contribution]] = field(default_factory=ExprTable)
    """What each node's total was added up from, in that order; the outputs' own cotangents come before them."""


@without_collection
def sweep(outputs: Sequence[Expr], cotangents: Sequence[Expr], wrt: Sequence[Expr]) -> Sweep:
    """Carry cotangents from the outputs back to `wrt`, recording every step.

    Only floating point nodes on a path from `wrt` to the outputs are visited. Cotangents have their node's dtype and
    shape. Sums are formed in a fixed order: the outputs' own first, then consumers, the last computed first.

    Raises:
        GraphError: an op on the way has no derivative.
    """
    nodes = post_order(tuple(outputs))
    active = _active(nodes, wrt)
    record, totals = Sweep(), ExprTable[Expr]()
    for output, cotangent in zip(outputs, cotangents, strict=True):
        if output in active:
            _accumulate(totals, output, cotangent)
    guarded = guards(nodes, (*outputs, *wrt))
    provenance = _Provenance(nodes, cotangents)
    with one_source():
        for node in reversed(nodes):
            total = totals.get(node)
            if total is None:
                continue
            contributions = record.contributions.get(node, ())
            if len(contributions) >= MANY_PIECES and not any(node is output for output in outputs):
                joined = _joined([c.cotangent for c in contributions])
                total = total if joined is None else joined
            provenance.note(total, node)
            record.order.append(node)
            record.cotangents[node] = total
            if any(a in active for a in node.args):
                _visit(node, total, active, totals, record, provenance, guarded)
    return record


def _joined(cotangents: Sequence[Expr]) -> Expr | None:
    """What pieces of a vector that do not overlap add up to: one after the other. None if they are no such pieces.

    A program that takes its numbers out of a vector one by one gives each a gradient of its own; to add up as many
    vectors of zeros but for one number would take the square of their count.
    """
    whole = cotangents[0]
    if any(c.op is not SCATTER_SLICE for c in cotangents) or whole.ndim != 1 or not isinstance(whole.shape[0], int):
        return None
    pieces: list[tuple[int, Expr]] = []
    for cotangent in cotangents:
        (start,), (step,), (piece,) = cotangent.attrs["starts"], cotangent.attrs["steps"], cotangent.args
        if step != 1 and piece.shape != (1,):
            return None
        pieces.append((start, piece))
    parts: list[Expr] = []
    end = 0
    for start, piece in sorted(pieces, key=lambda placed: placed[0]):
        if start < end:
            return None
        parts += [*_zeros(start - end, whole), piece]
        end = start + int(piece.shape[0])
    parts += _zeros(int(whole.shape[0]) - end, whole)
    return concat(parts, 0)


def _zeros(size: int, like: Expr) -> list[Expr]:
    return [broadcast_to(leaf.scalar(0, like.dtype), (size,))] if size else []


def _visit(
    node: Expr,
    total: Expr,
    active: ExprTable[None],
    totals: ExprTable[Expr],
    record: Sweep,
    provenance: _Provenance,
    guarded: ExprTable[Guard],
) -> None:
    """Apply one node's rule and hand its results to the arguments."""
    if node.op.vjp is None:
        raise GraphError(f"{node.op.name} has no derivative{describe(node=node)}")
    pulled = node.op.vjp(total, node, *node.args)
    for position, (arg, cotangent) in enumerate(zip(node.args, pulled, strict=True)):
        if cotangent is None or arg not in active:
            continue
        cotangent = _evaluated(cotangent)
        if guarded:
            cotangent = _let_out(cotangent, guarded.get(node, ALWAYS) - guarded.get(arg, ALWAYS))
        provenance.note(cotangent, node)
        if arg not in record.contributions:
            record.contributions[arg] = []
        record.contributions[arg].append(Contribution(node, position, cotangent))
        _accumulate(totals, arg, cotangent)


def _evaluated(cotangent: Expr) -> Expr:
    """A derivative of numbers alone is a number at once, and one times a scalar is the scalar.

    To rewrite either later would rebuild all that is made of it, which is most of a gradient.
    """
    if cotangent.shape or not any(a.op is leaf.CONSTANT for a in cotangent.args):
        return cotangent
    if cotangent.op.name == "multiply":
        for one, other in (cotangent.args, cotangent.args[::-1]):
            if one.op is leaf.CONSTANT and one.attrs["value"].array == 1:
                return other
    if any(a.op is not leaf.CONSTANT for a in cotangent.args):
        return cotangent
    with np.errstate(all="ignore"):
        value = cotangent.op.reference(cotangent.attrs, *(a.attrs["value"].array for a in cotangent.args))
    return leaf.constant(np.asarray(value, cotangent.dtype.numpy))


def _let_out(cotangent: Expr, conditions: Guard) -> Expr:
    """What leaves a branch of a `gc.cond`: 0 if it was not taken, also where its derivative is infinite or nan."""
    for condition in reversed(outermost_first(conditions)):
        zero, chosen = scalar.like(0, cotangent), broadcast_to(condition.predicate, cotangent.shape)
        sides = (cotangent, zero) if condition.holds else (zero, cotangent)
        cotangent = scalar.choose(chosen, *sides)
    return cotangent


def _active(nodes: Iterable[Expr], wrt: Iterable[Expr]) -> ExprTable[None]:
    """The floating point nodes that are in `wrt` or computed from one of them, other than by `stop_gradient`."""
    active = ExprTable((w, None) for w in wrt)
    for node in nodes:
        if node.dtype.is_float and node.op.name != "stop_gradient" and any(a in active for a in node.args):
            active[node] = None
    return active


def _on_the_way(outputs: Iterable[Expr], active: ExprTable[None]) -> ExprTable[None]:
    """The active nodes that an output depends on by way of active ones."""
    found: ExprTable[None] = ExprTable()
    stack = [o for o in outputs if o in active]
    while stack:
        node = stack.pop()
        if node not in found:
            found[node] = None
            stack.extend(a for a in node.args if a in active)
    return found


def _accumulate(totals: ExprTable[Expr], node: Expr, cotangent: Expr) -> None:
    before = totals.get(node)
    totals[node] = cotangent if before is None else scalar.add(before, cotangent)


# The public derivatives ----------------------------------------------------------------------------------------


def grad(loss: Expr, wrt: Any, *, unused: Unused = "error") -> Any:
    """The gradient of a scalar by `wrt`, as a graph.

    Args:
        loss: 0-dimensional, floating point.
        wrt: an expression of any kind (an input, a param, something in the middle), or tuples, lists and dicts of
            them. Each is taken as a variable of its own.
        unused: "error" refuses what the loss does not depend on; "zeros" gives zeros for it.

    Returns:
        For each of `wrt` an expression of its dtype and shape, in the same structure.

    Raises:
        ShapeError: the loss is no scalar.
        DTypeError: the loss or one of `wrt` is not floating point.
        GraphError: the loss does not depend on one of `wrt`, or an op on the way has no derivative.
    """
    scalar_loss("grad", loss)
    tree = differentiable("grad", wrt)
    record = sweep((loss,), (leaf.scalar(1, loss.dtype),), tree.leaves)
    return tree.rebuild(_result(record, loss, w, unused) for w in tree.leaves)


def vjp(outputs: Any, inputs: Any, cotangents: Any) -> Any:
    """The cotangents of `inputs` that follow from `cotangents` of the outputs: cotangentᵀ · Jacobian.

    Args:
        outputs: floating point expressions: one, or tuples, lists and dicts of them.
        inputs: the variables, likewise.
        cotangents: in the structure of `outputs`; expressions or arrays of their dtypes and shapes.

    Returns:
        In the structure of `inputs`; zeros for what no output depends on.

    Raises:
        DTypeError: an input or output is not floating point, or a cotangent has another dtype.
        ShapeError: a cotangent has another shape than its output.
        GraphError: the structures of outputs and cotangents differ, or an op on the way has no derivative.
    """
    tree, targets = differentiable("vjp", inputs), differentiable("vjp", outputs)
    seeds = _directions("vjp", "cotangent", cotangents, targets)
    record = sweep(targets.leaves, seeds, tree.leaves)
    return tree.rebuild(_result(record, None, w, "zeros") for w in tree.leaves)


def jvp(outputs: Any, inputs: Any, tangents: Any) -> Any:
    """How the outputs move when the inputs move along `tangents`: Jacobian · tangent.

    Args:
        outputs: floating point expressions: one, or tuples, lists and dicts of them.
        inputs: the variables, likewise.
        tangents: in the structure of `inputs`; expressions or arrays of their dtypes and shapes.

    Returns:
        In the structure of `outputs`; zeros for an output that depends on none of the inputs.

    Raises:
        DTypeError: an input or output is not floating point, or a tangent has another dtype.
        ShapeError: a tangent has another shape than its input.
        GraphError: the structures of inputs and tangents differ, or an op on the way has no derivative.
    """
    tree, targets = differentiable("jvp", inputs), differentiable("jvp", outputs)
    moved = push(targets.leaves, tree.leaves, _directions("jvp", "tangent", tangents, tree))
    return targets.rebuild(moved[o] if o in moved else scalar.like(0, o) for o in targets.leaves)


@without_collection
def push(outputs: Sequence[Expr], inputs: Sequence[Expr], tangents: Sequence[Expr]) -> ExprTable[Expr]:
    """Carry tangents from the inputs to the outputs: the forward sweep. Nodes that do not move have no entry.

    Raises:
        GraphError: an op on the way has no derivative.
    """
    nodes = post_order(tuple(outputs))
    active = _on_the_way(outputs, _active(nodes, inputs))
    moved: ExprTable[Expr] = ExprTable()
    for variable, tangent in zip(inputs, tangents, strict=True):
        _accumulate(moved, variable, tangent)
    provenance = _Provenance(nodes, tangents)
    for node in nodes:
        if not any(a in active for a in node.args) or node not in active:
            continue
        if node.op.jvp is None:
            raise GraphError(f"{node.op.name} has no derivative{describe(node=node)}")
        moves = node.op.jvp(node, node.args, tuple(moved.get(a) for a in node.args))
        if moves is not None:
            _accumulate(moved, node, moves)
            provenance.note(moved[node], node)
    return moved


def scalar_loss(op: str, loss: object) -> None:
    """Refuse what has no gradient.

    Raises:
        GraphError: it is no expression.
        ShapeError: it is no scalar.
        DTypeError: it is not floating point.
    """
    if not isinstance(loss, Expr):
        hint = "; apply it to what it is differentiated by: gc.grad(f(x), x)" if callable(loss) else ""
        raise GraphError(f"{op}: the loss must be an expression, not {type(loss).__name__}{hint}")
    if loss.shape != ():
        raise ShapeError(f"{op}: the loss must be a scalar; reduce it with gc.sum or gc.mean{describe(loss=loss)}")
    if not loss.dtype.is_float:
        raise DTypeError(f"{op}: the loss must be floating point{describe(loss=loss)}")


def differentiable(op: str, structure: Any) -> Tree:
    """`expressions`, all of them floating point.

    Raises:
        GraphError: a leaf is no expression.
        DTypeError: a leaf is not floating point.
    """
    tree = expressions(structure, f"{op}: what is differentiated")
    for leaf_ in tree.leaves:
        if not leaf_.dtype.is_float:
            raise DTypeError(f"{op}: derivatives are of floating point, not {leaf_.dtype}{describe(x=leaf_)}")
    return tree


def _directions(op: str, what: str, given: Any, along: Tree) -> tuple[Expr, ...]:
    """Cotangents or tangents as expressions, each of the dtype and shape of what it belongs to."""
    directions = along.match(given)
    if directions is None:
        raise GraphError(f"{op}: the {what}s must have the structure of what they belong to")
    return tuple(_direction(op, what, d, e) for d, e in zip(directions, along.leaves, strict=True))


def _direction(op: str, what: str, given: Any, of: Expr) -> Expr:
    direction = given if isinstance(given, Expr) else leaf.constant(convert(given, of.dtype, f"{op}: a {what}"))
    if direction.shape != of.shape:
        raise ShapeError(f"{op}: a {what} must have the shape of what it belongs to{describe(given=direction, of=of)}")
    if direction.dtype is not of.dtype:
        raise DTypeError(f"{op}: a {what} must have the dtype of what it belongs to{describe(given=direction, of=of)}")
    return direction


def _result(record: Sweep, loss: Expr | None, variable: Expr, unused: Unused) -> Expr:
    found: Expr | None = record.cotangents.get(variable)
    if found is not None:
        return found
    if loss is None or unused == "zeros":
        return scalar.like(0, variable)
    raise GraphError(
        f"grad: the loss does not depend on {variable.name or variable.op.name}, or only through gc.stop_gradient, "
        f'integers and comparisons; grad(..., unused="zeros") gives zeros then{describe(loss=loss, wrt=variable)}'
    )


# Provenance ----------------------------------------------------------------------------------------------------


class _Origin(weakref.ref[Expr]):
    """A derivative's node, and the forward nodes it was made for; holds none of them."""

    __slots__ = ("key", "made_for")
    key: int
    made_for: tuple[weakref.ref[Expr], ...]


_origins: dict[int, _Origin] = {}
"""By the id of the derivative's node; an entry goes when the node does."""
_MOST_ORIGINS = 64
"""How many forward nodes are remembered that one node was made for: the latest."""


def origins(expr: Expr) -> tuple[Expr, ...]:
    """The forward nodes by whose rules a derivative's node was made, the first of them first; none for what no sweep
    made.

    A node that adds up contributions belongs to the node they are the cotangent of. Interning lets one node serve
    several graphs: 1 / batch is where the derivative of every mean begins. The table keeps no graph alive.
    """
    entry = _origins.get(id(expr))
    return () if entry is None else tuple(found for ref in entry.made_for if (found := ref()) is not None)


def origin(expr: Expr) -> Expr | None:
    """The first of the `origins` of a derivative's node; None for what no sweep made."""
    return next(iter(origins(expr)), None)


class _Provenance:
    """Finds the nodes that a rule made: those between its result and what was there before."""

    def __init__(self, nodes: Iterable[Expr], seeds: Iterable[Expr]) -> None:
        self._known = {id(n) for n in nodes} | {id(s) for s in seeds}

    def note(self, result: Expr, made_for: Expr) -> None:
        """Remember `made_for` as the origin of the result, and of every new node that it is computed from."""
        stack = [result]
        while stack:
            node = stack.pop()
            if id(node) in self._known:
                continue
            self._known.add(id(node))
            if node.args or node is result:
                _remember(node, made_for)
                stack.extend(node.args)


def _remember(node: Expr, made_for: Expr) -> None:
    entry = _origins.get(id(node))
    if entry is None:
        entry = _Origin(node, _forget)
        entry.key, entry.made_for = id(node), (weakref.ref(made_for),)
        _origins[entry.key] = entry
    elif all(ref() is not made_for for ref in entry.made_for):
        alive = [ref for ref in entry.made_for if ref() is not None]
        entry.made_for = (*alive, weakref.ref(made_for))[-_MOST_ORIGINS:]


def _forget(entry: weakref.ref[Expr]) -> None:
    assert isinstance(entry, _Origin)
    _origins.pop(entry.key, None)
