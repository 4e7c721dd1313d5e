"""Compositions that a reader knows by one name, each one piece: mean, softmax and its family, one_hot.

The graph holds them in pieces, for instance log_softmax(z) as s - ln Σ exp(s) with s = z - max(z). Expressions are
hash-consed, so recognition is exact: guess the argument, build the composition again, and see whether it is the same
object. That the closed form of the derivative is right is checked by `Derivation.check`, not assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import graphc as gc

from ..ir.dim import product
from ..ir.errors import GraphcError
from ..ir.expr import Expr
from ..ir.graph import ExprTable
from ..ir.source import no_sources
from ..ops import index, reduce, scalar
from ..ops.shape import broadcast_to
from .formula import ONE, Formula, Number, Product, SumOver, Words, apply, minus, over, times
from .rows import Notation, filled, spread
from .wording import axes_words


@dataclass(frozen=True, eq=False, slots=True)
class Composite:
    """A recognised composition: the root of a region of the graph, and the arguments it is a function of."""

    name: str
    root: Expr
    args: tuple[Expr, ...]
    axes: tuple[int, ...]
    """Of the first argument: what is averaged or normalized over."""


@dataclass(frozen=True, slots=True)
class CompositeRule:
    """How a composition is recognised, written, explained and differentiated."""

    match: Callable[[Expr], Composite | None]
    notation: Callable[[Composite], Notation]
    derivative: Callable[[Composite, Expr], Expr] | None = None
    """`(composite, cotangent of the root)`: the cotangent of the first argument, in closed form."""


def recognise(node: Expr) -> Composite | None:
    """The composition that ends at this node, the largest one there is."""
    with no_sources():
        return next((found for rule in COMPOSITES.values() if (found := rule.match(node)) is not None), None)


def interior(composite: Composite) -> Iterator[Expr]:
    """The nodes strictly between the root and the arguments. Each once; iterative."""
    seen: ExprTable[None] = ExprTable((a, None) for a in composite.args)
    stack = list(composite.root.args)
    while stack:
        node = stack.pop()
        if node not in seen:
            seen[node] = None
            stack.extend(node.args)
            if node.op.kind != "leaf":
                yield node


# Recognition ---------------------------------------------------------------------------------------------------


def _below(node: Expr, *ops: str) -> Expr | None:
    """Down the first arguments, through nodes of these ops in this order; views may stand between them."""
    for op in ops:
        while node.op.name != op and node.op.name in ("reshape", "broadcast_to"):
            node = node.args[0]
        if node.op.name != op:
            return None
        node = node.args[0]
    return node


def _reduced(node: Expr) -> Expr | None:
    while node.op.name in ("reshape", "broadcast_to", "log"):
        node = node.args[0]
    return node if node.op.name == "sum" else None


def _same(name: str, node: Expr, x: Expr | None, total: Expr | None, *forms: Callable[..., Expr]) -> Composite | None:
    """The composite, if one of `forms(x, axis=axes)` is this very node."""
    if x is None or total is None or x.shape != total.args[0].shape:
        return None
    axes: tuple[int, ...] = total.attrs["axes"]
    try:
        found = any(form(x, axis=axes) is node for form in forms)
    except GraphcError:
        return None
    return Composite(name, node, (x,), axes) if found else None


def _mean(node: Expr) -> Composite | None:
    if node.op.name != "divide" or (total := _reduced(node.args[0])) is None:
        return None
    x = total.args[0]
    return _same("mean", node, x, total, gc.mean, lambda x, axis: gc.mean(x, axis, keepdims=True))


def _softmax(node: Expr) -> Composite | None:
    if node.op.name != "divide":
        return None
    return _same("softmax", node, _below(node.args[0], "exp", "subtract"), _reduced(node.args[1]), gc.softmax)


def _log_softmax(node: Expr) -> Composite | None:
    if node.op.name != "subtract":
        return None
    return _same("log_softmax", node, _below(node.args[0], "subtract"), _reduced(node.args[1]), gc.log_softmax)


def _logsumexp(node: Expr) -> Composite | None:
    flat = node.args[0] if node.op.name == "reshape" else node
    if flat.op.name != "add":
        return None
    x, total = _below(flat.args[0], "log", "sum", "exp", "subtract"), _reduced(flat.args[0])
    kept: Callable[..., Expr] = lambda x, axis: gc.logsumexp(x, axis, keepdims=True)  # noqa: E731
    return _same("logsumexp", node, x, total, gc.logsumexp, kept)


def _log_likelihood(node: Expr) -> Composite | None:
    """log_softmax(z) at the position of the label: what cross-entropy is made of."""
    if node.op.name != "take_along_axis" or (inner := _log_softmax(node.args[0])) is None:
        return None
    axis = node.attrs["axis"]
    if inner.axes != (axis,) or node.shape[axis] != 1:
        return None
    return Composite("log_likelihood", node, (inner.args[0], node.args[1]), (axis,))


def _one_hot(node: Expr) -> Composite | None:
    if node.op.name != "astype" or node.args[0].op.name != "equal" or node.args[0].args[1].op.name != "iota":
        return None
    labels, axis = node.args[0].args[0], node.args[0].args[1].attrs["axis"]
    while labels.op.name in ("broadcast_to", "astype", "reshape"):
        labels = labels.args[0]
        if labels.ndim == node.ndim - 1 and gc.one_hot(labels, node.shape[axis], axis=axis, dtype=node.dtype) is node:
            return Composite("one_hot", node, (labels,), (axis,))
    return None


# Closed forms --------------------------------------------------------------------------------------------------


def _laid_out(g: Expr, composite: Composite) -> Expr:
    """A cotangent of the root over the shape of the first argument, whether or not the root kept its axes."""
    shape = composite.args[0].shape
    if g.shape == shape:
        return g
    if g.ndim == len(shape):
        return broadcast_to(g, shape)
    return reduce.spread(g, shape, composite.axes)


def _mean_derivative(c: Composite, g: Expr) -> Expr:
    return _laid_out(scalar.divide(g, c.root.args[1]), c)


def _softmax_derivative(c: Composite, g: Expr) -> Expr:
    weighted = reduce.sum(scalar.multiply(g, c.root), c.axes)
    return scalar.multiply(c.root, scalar.subtract(g, reduce.spread(weighted, g.shape, c.axes)))


def _log_softmax_derivative(c: Composite, g: Expr) -> Expr:
    total = reduce.spread(reduce.sum(g, c.axes), g.shape, c.axes)
    return scalar.subtract(g, scalar.multiply(gc.softmax(c.args[0], c.axes), total))


def _logsumexp_derivative(c: Composite, g: Expr) -> Expr:
    return scalar.multiply(_laid_out(g, c), gc.softmax(c.args[0], c.axes))


def _log_likelihood_derivative(c: Composite, g: Expr) -> Expr:
    z, labels = c.args
    (axis,) = c.axes
    onehot = index.scatter_add_along_axis(labels, scalar.like(1, g), axis, z.shape[axis])
    return scalar.multiply(_laid_out(g, c), scalar.subtract(onehot, gc.softmax(z, axis)))


# Notation ------------------------------------------------------------------------------------------------------


def _count(c: Composite) -> Formula:
    size = product(tuple(c.args[0].shape[a] for a in c.axes))
    return Number(str(size)) if isinstance(size, int) else Words(str(size).replace("*", " · "))


def _mean_notation(c: Composite) -> Notation:
    shape, n = c.args[0].shape, _count(c)
    words = axes_words(len(shape), c.axes)

    def value(node: Expr, x: Formula) -> Formula:
        total = SumOver(words, x, scalar=len(c.axes) == len(shape))
        return total if n == ONE else Product("scalar", (over(ONE, n), total))

    return Notation(
        "mean",
        value,
        (lambda g, node, out, x: over(spread(g, shape, c.axes), n),),
        ("The mean gives each of its entries the same share: one over how many there are.",),
    )


def _softmax_notation(c: Composite) -> Notation:
    shape = c.args[0].shape
    words = axes_words(len(shape), c.axes)

    def adjoint(g: Formula, node: Expr, out: Formula, x: Formula) -> Formula:
        full = filled(g, shape)
        return times(out, minus(full, spread(SumOver(words, times(full, out)), shape, c.axes)))

    why = (
        "Raising one entry of {x} raises its own probability and lowers all others; together: the cotangent minus its "
        "mean, weighted by the probabilities {out}."
    )
    return Notation("derivative of softmax", lambda node, x: apply("softmax", x), (adjoint,), (why,))


def _log_softmax_notation(c: Composite) -> Notation:
    shape = c.args[0].shape
    words = axes_words(len(shape), c.axes)

    def adjoint(g: Formula, node: Expr, out: Formula, x: Formula) -> Formula:
        full = filled(g, shape)
        return minus(full, times(spread(SumOver(words, full), shape, c.axes), apply("softmax", x)))

    why = (
        "{out} is {x} − ln Σ exp({x}). The first term passes the cotangent on; the derivative of the second is "
        "{softmax}, times the sum of the cotangents of its row."
    )
    return Notation("derivative of log-softmax", lambda node, x: apply("ln softmax", x), (adjoint,), (why,))


def _logsumexp_notation(c: Composite) -> Notation:
    shape = c.args[0].shape
    return Notation(
        "derivative of log-sum-exp",
        lambda node, x: apply("logsumexp", x),
        (lambda g, node, out, x: times(spread(g, shape, c.axes), apply("softmax", x)),),
        ("The derivative of ln Σ exp(z) by z is exp(z) / Σ exp(z), which is {softmax}.",),
    )


def _log_likelihood_notation(c: Composite) -> Notation:
    shape = c.args[0].shape
    why = (
        "Logarithm and softmax collapse: {out} is the entry of {x} at the label, minus ln Σ exp({x}). The derivative "
        "of the first is {onehot}, of the second {softmax}: together the truth minus the prediction."
    )
    return Notation(
        "log-softmax at the label",
        lambda node, x, y: apply("pick", apply("ln softmax", x), y),
        (
            lambda g, node, out, x, y: times(spread(g, shape, c.axes), minus(apply("onehot", y), apply("softmax", x))),
            None,
        ),
        (why, ""),
    )


def _one_hot_notation(c: Composite) -> Notation:
    return Notation("marking", lambda node, labels: apply("onehot", labels), (None,), ("",))


COMPOSITES: dict[str, CompositeRule] = {
    "log_likelihood": CompositeRule(_log_likelihood, _log_likelihood_notation, _log_likelihood_derivative),
    "log_softmax": CompositeRule(_log_softmax, _log_softmax_notation, _log_softmax_derivative),
    "softmax": CompositeRule(_softmax, _softmax_notation, _softmax_derivative),
    "logsumexp": CompositeRule(_logsumexp, _logsumexp_notation, _logsumexp_derivative),
    "mean": CompositeRule(_mean, _mean_notation, _mean_derivative),
    "one_hot": CompositeRule(_one_hot, _one_hot_notation),
}
"""Larger ones first: a log-likelihood contains a log-softmax."""
