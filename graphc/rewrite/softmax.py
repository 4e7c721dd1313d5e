"""Knowing a softmax, a log-sum-exp and their shifts when one sees them, whoever wrote them.

The rules of `stabilize` meet exponentials in two states: as the user wrote them, exp(x), and already shifted,
exp(x - max x), by the frontend, by a rule, or by hand. What is shifted is never shifted again.
"""

from __future__ import annotations

from ..ir.dim import Shape
from ..ir.expr import Expr
from ..ops import reduce
from ..ops.leaf import CONSTANT
from ..ops.reduce import MAX, SUM
from ..ops.scalar import divide, exp, isfinite, like, subtract, where
from ..ops.shape import BROADCAST, PERMUTE, RESHAPE, broadcast_to, reshape, stretched_axes
from .movement import is_one
from .pattern import scalar_value, spread_reduction

Axes = tuple[int, ...]


def shifted(x: Expr, axes: Axes) -> Expr:
    """x - max(x) along the axes, 0 taken for a maximum that is not finite; x itself when it is of that form."""
    if is_shifted(x, axes):
        return x
    return subtract(x, reduce.spread(finite_max(x, axes), x.shape, axes))


def has_elements(x: Expr, axes: Axes) -> bool:
    """Whether there surely is something along the axes: of nothing there is no maximum to shift by."""
    return all(isinstance(d, int) and d > 0 for d in (x.shape[a] for a in axes))


def finite_max(x: Expr, axes: Axes) -> Expr:
    """The maximum along the axes, 0 where it is infinite: a row of -inf, or one with inf, keeps its limits."""
    largest = reduce.max(x, axes)
    return where(isfinite(largest), largest, like(0, largest))


def is_shifted(x: Expr, axes: Axes) -> bool:
    """Whether x is y minus the maximum of y along the axes."""
    if x.op.name != "subtract":
        return False
    y, shift = x.args
    if shift.op is not BROADCAST:
        return False
    source = shift.args[0]
    largest = _behind_marks(source)
    if largest.op is not MAX or _behind_views(largest.args[0]) is not _behind_views(y):
        return False
    stretched = stretched_axes(source.shape, shift.shape)
    return _longer(stretched, x.shape) == _longer(axes, x.shape)


def _longer(axes: Axes, shape: Shape) -> Axes:
    return tuple(a for a in axes if not is_one(shape[a]))


def _behind_marks(expr: Expr) -> Expr:
    """Past reshapes, stop_gradient, and a choice of 0 for what is not finite."""
    while True:
        if expr.op is RESHAPE or expr.op.name == "stop_gradient":
            expr = expr.args[0]
        elif expr.op.name == "where" and expr.args[0].op.name == "isfinite":
            expr = expr.args[1]
        else:
            return expr


def _behind_views(expr: Expr) -> Expr:
    while expr.op is RESHAPE or expr.op is PERMUTE:
        expr = expr.args[0]
    return expr


def softmax(x: Expr, axes: Axes) -> Expr:
    """exp(x) / Σ exp(x) along the axes, shifted."""
    powers = exp(shifted(x, axes))
    return divide(powers, reduce.spread(reduce.sum(powers, axes), x.shape, axes))


def softmax_parts(p: Expr) -> tuple[Expr, Axes] | None:
    """(x, axes) of an expression exp(x) / Σ exp(x) along axes; None for anything else."""
    if p.op.name != "divide" or p.args[0].op.name != "exp":
        return None
    total = spread_reduction(p.args[1])
    if total is None or total.op is not SUM or total.args[0] is not p.args[0]:
        return None
    return p.args[0].args[0], total.attrs["axes"]


def is_softmax_of(p: Expr, x: Expr, axes: Axes) -> bool:
    """Whether p is the softmax of x, in either form."""
    parts = softmax_parts(p)
    if parts is None or parts[1] != axes:
        return False
    return parts[0] is x or (is_shifted(parts[0], axes) and parts[0].args[0] is x)


def is_positive(expr: Expr) -> bool:
    """Whether every element is a number > 0 by its formula, however it rounds."""
    if expr.op.name in ("exp", "sigmoid", "softplus"):
        return True
    if expr.op is BROADCAST or expr.op is RESHAPE:
        return expr.args[0].op.name in ("exp", "sigmoid", "softplus")
    return softmax_parts(expr) is not None


def has_simple_log(expr: Expr, depth: int = 4) -> bool:
    """Whether the logarithm of an expression is known without computing the expression."""
    if expr.op.name in ("exp", "sigmoid"):
        return True
    if expr.op.name == "divide":
        return expr.args[0].op.name == "exp"
    if depth and expr.op.name in ("maximum", "minimum"):
        a, b = expr.args
        return any(_is_positive_number(c) and has_simple_log(e, depth - 1) for c, e in ((a, b), (b, a)))
    return False


def _is_positive_number(expr: Expr) -> bool:
    value = scalar_value(expr) if expr.op in (BROADCAST, CONSTANT) else None
    return value is not None and bool(value > 0)


def spread_again(reduced: Expr, laid_out: Expr) -> Expr:
    """`reduced` through the same reshape and broadcast that `laid_out` is made by."""
    source = laid_out.args[0]
    if source.op is RESHAPE and source.args[0].shape == reduced.shape:
        return broadcast_to(reshape(reduced, source.shape), laid_out.shape)
    return broadcast_to(reduced, laid_out.shape)


def are_opposite(x: Expr, y: Expr) -> bool:
    """Whether y is -x, as far as canonical forms show it."""
    if any(a.op.name == "negative" and a.args[0] is b for a, b in ((x, y), (y, x))):
        return True
    if x.op is not y.op or x.op.name not in ("multiply", "divide"):
        return False
    if x.args[0] is not y.args[0]:
        return False
    c, d = scalar_value(x.args[1]), scalar_value(y.args[1])
    return c is not None and d is not None and bool(c == -d)
