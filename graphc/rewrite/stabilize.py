"""What is written as in a textbook is computed so that it neither overflows nor cancels.

    exp(x) / Σ exp(x)                 →   exp(x - max x) / Σ exp(x - max x)
    log Σ exp(x)                      →   max x + log Σ exp(x - max x)
    log(1 + exp(x))                   →   softplus(x)

Values change by rounding, toward the exact result, and where the written form overflows, underflows or is 0·inf.
Gradients of such formulas have shapes of their own (a quotient by the same sum, multiplied by the same exponential);
they are met after the formula below them was made stable, so a softmax is known in both of its forms.
"""

from __future__ import annotations

from typing import Any

from ..ir.expr import Expr, make
from ..ops import reduce
from ..ops.index import scatter_add_along_axis
from ..ops.reduce import SUM
from ..ops.scalar import (
    absolute,
    add,
    divide,
    erf,
    exp,
    expm1,
    like,
    log,
    log1p,
    maximum,
    minimum,
    multiply,
    negative,
    sigmoid,
    softplus,
    square,
    subtract,
)
from ..ops.shape import RESHAPE
from ..ops.transcendental import erfc, logaddexp
from .engine import Rule
from .movement import is_one
from .pattern import P, const, number, spread, spread_reduction, var
from .softmax import (
    are_opposite,
    finite_max,
    has_elements,
    has_simple_log,
    is_positive,
    is_shifted,
    is_softmax_of,
    shifted,
    softmax,
    softmax_parts,
    spread_again,
)

# Softmax and log-sum-exp ---------------------------------------------------------------------------------------


def _log_sum_exp(x: Expr, total: Expr) -> Expr | None:
    axes = total.attrs["axes"]
    if is_shifted(x, axes) or not has_elements(x, axes):
        return None
    return add(log(reduce.sum(exp(shifted(x, axes)), axes)), finite_max(x, axes))


def _stable_softmax(x: Expr, total: Expr) -> Expr | None:
    axes = total.attrs["axes"]
    return softmax(x, axes) if has_elements(x, axes) and not is_shifted(x, axes) else None


def _exp_of_log_softmax(x: Expr, total: Expr, normalizer: Expr) -> Expr | None:
    if not is_shifted(x, total.attrs["axes"]):
        return None
    laid_out = spread_again(total, normalizer)
    return divide(exp(x), laid_out) if spread_reduction(laid_out) is total else None


def _exp_of_spread_log(x: Expr, normalizer: Expr) -> Expr | None:
    """exp(x - log Σ exp(x)) with x shifted: the quotient, which needs no second exponential."""
    source = normalizer.args[0]
    inner = source.args[0] if source.op is RESHAPE else source
    if inner.op.name != "log" or inner.args[0].op is not SUM:
        return None
    total = inner.args[0]
    if total.args[0].op.name != "exp" or total.args[0].args[0] is not x:
        return None
    return _exp_of_log_softmax(x, total, normalizer)


def _softmax_total(out: Expr, p: Expr) -> Expr | None:
    """Probabilities sum to 1 along the axes they were normalized along."""
    parts = softmax_parts(p)
    if parts is None or parts[1] != out.attrs["axes"] or not has_elements(p, parts[1]):
        return None
    return like(1, out)


# Gradients of softmax and log-sum-exp ---------------------------------------------------------------------------


def _softmax_gradient(g: Expr, p: Expr, x: Expr, total: Expr, sign: int) -> Expr | None:
    """(g/S - Σ (g/S)·p)·exp(x) with S = Σ exp(x) is t - p·Σ t with t = g·p."""
    axes = total.attrs["axes"]
    if not is_softmax_of(p, x, axes) or not has_elements(x, axes):
        return None
    direct = multiply(g, p)
    through_sum = multiply(p, reduce.spread(reduce.sum(direct, axes), p.shape, axes))
    return subtract(direct, through_sum) if sign > 0 else subtract(through_sum, direct)


def _over_total(g: Expr, x: Expr, total: Expr) -> Expr | None:
    """exp(x)·(g/Σ exp(x)), unless it is a shifted exp that two quotients share anyway."""
    axes = total.attrs["axes"]
    return multiply(g, softmax(x, axes)) if has_elements(x, axes) and not is_shifted(x, axes) else None


def _over_spread_total(x: Expr, laid_out: Expr) -> Expr | None:
    """exp(x)·spread(g/Σ exp(x)), the gradient of a log-sum-exp."""
    source = laid_out.args[0]
    quotient = source.args[0] if source.op is RESHAPE else source
    if quotient.op.name != "divide":
        return None
    g, total = quotient.args
    if total.op is not SUM or total.args[0].op.name != "exp" or total.args[0].args[0] is not x:
        return None
    axes = total.attrs["axes"]
    if is_shifted(x, axes) or not has_elements(x, axes) or spread_reduction(spread_again(total, laid_out)) is not total:
        return None
    return multiply(spread_again(g, laid_out), softmax(x, axes))


def _picked_share(updates: Expr, g: Expr, indices: Expr, p: Expr, taken: Expr) -> Expr | None:
    """p·scatter(g / p[i]) has g at i: the gradient of log p[i] by log p. One index a row, so that none adds up."""
    axis = taken.attrs["axis"]
    if not is_one(indices.shape[axis]) or updates.attrs["axis"] != axis or updates.shape != p.shape:
        return None
    return scatter_add_along_axis(indices, g, axis, updates.attrs["size"])


# Logarithms ----------------------------------------------------------------------------------------------------


def _log_of_view(view: Expr, p: Expr) -> Expr:
    return make(view.op, (log(p), *view.args[1:]), view.attrs)


def _reciprocal_logistic(numerator: Expr, x: Expr) -> Expr:
    """a / (1 + exp(x)) as a·sigmoid(-x)."""
    return multiply(numerator, sigmoid(negative(x)))


def _times_exp(a: Expr, x: Expr, y: Expr) -> Expr | None:
    """a·sigmoid(x)·exp(-x) = a·sigmoid(-x)."""
    return multiply(a, sigmoid(y)) if are_opposite(x, y) else None


def _twice(x: Expr) -> Expr:
    return add(x, x)


def _positive(value: Any) -> bool:
    return bool(value > 0)


a, b, g, x, y = var("a"), var("b"), var("g"), var("x"), var("y")
p, q = var("p", is_positive), var("q", is_positive)
loggable = var("p", has_simple_log)
c = number("c", _positive)
indices = var("indices")
_total = P.sum(P.exp(x), name="total")
_share = P.divide(g, spread(_total))
_taken = P.take_along_axis(p, indices, name="taken")
_above, _below = P.add(c, x), P.subtract(c, x)
_reach = P.add(P.abs(x), const(1), name="reach")
_slope = P.divide(g, _reach)

LOG_SUM_EXP = (
    Rule("log-sum-exp", P.log(_total), _log_sum_exp, "stabilize", "log(sum(exp(x - max(x)))) + max(x)"),
    Rule("log-mean-exp", P.log(P.divide(P.sum(P.exp(x), name="total"), c)),
         lambda total, c: subtract(log(total), log(c)), "stabilize", "log(total) - log(c)"),
    Rule("log-scaled-sum-exp", P.log(P.multiply(P.sum(P.exp(x), name="total"), c)),
         lambda total, c: add(log(total), log(c)), "stabilize", "log(total) + log(c)"),
    Rule("softmax", P.divide(P.exp(x), spread(_total)), _stable_softmax, "stabilize",
         "exp(x - max(x)) / sum(exp(x - max(x)))"),
    Rule("exp-of-log-softmax", P.exp(P.subtract(x, P.broadcast_to(var("_"), name="normalizer"))), _exp_of_spread_log,
         "stabilize", "exp(x) / sum(exp(x)), x shifted"),
    Rule("softmax-total", P.sum(P.divide(P.exp(x), y, name="p")), _softmax_total, "stabilize", "1, p a softmax"),
)  # fmt: skip

SOFTMAX_GRADIENTS = (
    Rule("softmax-gradient",
         P.multiply(P.add(_share, spread(P.sum(P.negative(P.multiply(_share, p))))), P.exp(x)),
         lambda g, p, x, total: _softmax_gradient(g, p, x, total, 1), "stabilize", "t - p·sum(t), t = g·p"),
    Rule("softmax-gradient-negative",
         P.multiply(P.subtract(spread(P.sum(P.multiply(_share, p))), _share), P.exp(x)),
         lambda g, p, x, total: _softmax_gradient(g, p, x, total, -1), "stabilize", "p·sum(t) - t, t = g·p"),
    Rule("share-of-total", P.multiply(_share, P.exp(x)), _over_total, "stabilize", "multiply(g, softmax(x))"),
    Rule("log-sum-exp-gradient", P.multiply(P.exp(x), P.broadcast_to(var("_"), name="laid_out")), _over_spread_total,
         "stabilize", "multiply(g, softmax(x))"),
    Rule("picked-share",
         P.multiply(P.scatter_add_along_axis(indices, P.divide(g, _taken), name="updates"), p),
         _picked_share, "stabilize", "scatter_add(indices, g)"),
    Rule("picked-share-negative",
         P.multiply(P.scatter_add_along_axis(indices, P.negative(P.divide(g, _taken)), name="updates"), p),
         lambda updates, g, indices, p, taken: _picked_share(updates, negative(g), indices, p, taken), "stabilize",
         "scatter_add(indices, -g)"),
)  # fmt: skip

CANCELLATION = (
    Rule("quotient-times-divisor", P.multiply(P.divide(a, p), p), lambda a: a, "stabilize", "a, p > 0"),
    Rule("product-over-factor", P.divide(P.multiply(a, p), p), lambda a: a, "stabilize", "a, p > 0"),
    Rule("quotient-times-product", P.multiply(P.divide(a, p), P.multiply(p, b)), lambda a, b: multiply(a, b),
         "stabilize", "multiply(a, b), p > 0"),
    Rule("odds-difference", P.multiply(P.subtract(P.divide(a, p), P.divide(b, q)), P.multiply(p, q)),
         lambda a, b, p, q: subtract(multiply(a, q), multiply(b, p)), "stabilize", "a·q - b·p"),
    Rule("odds-sum", P.multiply(P.add(P.divide(a, p), P.divide(b, q)), P.multiply(p, q)),
         lambda a, b, p, q: add(multiply(a, q), multiply(b, p)), "stabilize", "a·q + b·p"),
    Rule("odds-difference-chain", P.multiply(P.multiply(P.subtract(P.divide(a, p), P.divide(b, q)), p), q),
         lambda a, b, p, q: subtract(multiply(a, q), multiply(b, p)), "stabilize", "a·q - b·p"),
    Rule("odds-difference-chain-back", P.multiply(P.multiply(P.subtract(P.divide(a, p), P.divide(b, q)), q), p),
         lambda a, b, p, q: subtract(multiply(a, q), multiply(b, p)), "stabilize", "a·q - b·p"),
    Rule("conjugate-difference", P.subtract(P.multiply(a, _above), P.multiply(a, _below)),
         lambda a, x: _twice(multiply(a, x)), "stabilize", "a·x + a·x"),
    Rule("conjugate-difference-negative", P.subtract(P.multiply(a, _below), P.multiply(a, _above)),
         lambda a, x: negative(_twice(multiply(a, x))), "stabilize", "-(a·x + a·x)"),
    Rule("conjugate-difference-plain", P.subtract(_below, _above), lambda x: negative(_twice(x)), "stabilize",
         "-(x + x)"),
    Rule("softsign-slope",
         P.subtract(_slope, P.multiply(P.multiply(_slope, P.divide(x, _reach)), P.sign(x))),
         lambda g, reach: divide(g, square(reach)), "stabilize", "g / square(1 + abs(x))"),
)  # fmt: skip

LOGISTIC = (
    Rule("log1p", P.log(P.add(x, const(1))), lambda x: log1p(x), "stabilize", "log1p(x)"),
    Rule("log1p-of-difference", P.log(P.subtract(const(1), x)), lambda x: log1p(negative(x)), "stabilize",
         "log1p(-x)"),
    Rule("expm1", P.subtract(P.exp(x), const(1)), lambda x: expm1(x), "stabilize", "expm1(x)"),
    Rule("expm1-of-sum", P.add(P.exp(x), const(-1)), lambda x: expm1(x), "stabilize", "expm1(x)"),
    Rule("softplus", P.log1p(P.exp(x)), lambda x: softplus(x), "stabilize", "softplus(x)"),
    Rule("sigmoid", P.divide(const(1), P.add(P.exp(x), const(1))), lambda x: sigmoid(negative(x)), "stabilize",
         "sigmoid(-x)"),
    Rule("sigmoid-scaled", P.divide(var("numerator"), P.add(P.exp(x), const(1))), _reciprocal_logistic, "stabilize",
         "multiply(numerator, sigmoid(-x))"),
    Rule("one-minus-sigmoid", P.subtract(const(1), P.sigmoid(x)), lambda x: sigmoid(negative(x)), "stabilize",
         "sigmoid(-x)"),
    Rule("sigmoid-times-exp", P.multiply(P.sigmoid(x), P.exp(y)),
         lambda x, y: sigmoid(y) if are_opposite(x, y) else None, "stabilize", "sigmoid(y), y = -x"),
    Rule("scaled-sigmoid-times-exp", P.multiply(P.multiply(a, P.sigmoid(x)), P.exp(y)), _times_exp, "stabilize",
         "multiply(a, sigmoid(y)), y = -x"),
    Rule("log-sigmoid", P.log(P.sigmoid(x)), lambda x: negative(softplus(negative(x))), "stabilize", "-softplus(-x)"),
)  # fmt: skip

ERROR_FUNCTION = (
    Rule("erfc", P.subtract(const(1), P.erf(x)), lambda x: erfc(x), "stabilize", "erfc(x)"),
    Rule("erfc-of-sum", P.add(P.erf(x), const(1)), lambda x: erfc(negative(x)), "stabilize", "erfc(-x)"),
    Rule("one-minus-erfc", P.subtract(const(1), P.erfc(x)), lambda x: erf(x), "stabilize", "erf(x)"),
)  # fmt: skip

LOGARITHMS = (
    Rule("log-of-exp", P.log(P.exp(x)), lambda x: x, "stabilize", "x"),
    Rule("log2-of-exp2", P.log2(P.exp2(x)), lambda x: x, "stabilize", "x"),
    Rule("logaddexp", P.log(P.add(P.exp(x), P.exp(y))), lambda x, y: logaddexp(x, y), "stabilize", "logaddexp(x, y)"),
    Rule("log-of-exp-quotient", P.log(P.divide(P.exp(x), y)), lambda x, y: subtract(x, log(y)), "stabilize",
         "x - log(y)"),
    Rule("log-of-quotient-by-exp", P.log(P.divide(y, P.exp(x))), lambda x, y: subtract(log(y), x), "stabilize",
         "log(y) - x"),
    Rule("log-of-exp-product", P.log(P.multiply(P.exp(x), y)), lambda x, y: add(x, log(y)), "stabilize",
         "x + log(y)"),
    Rule("log-of-picked", P.log(P.take_along_axis(loggable, indices, name="view")), _log_of_view, "stabilize",
         "take_along_axis(log(p), indices)"),
    Rule("log-of-slice", P.log(P.slice(loggable, name="view")), _log_of_view, "stabilize", "slice(log(p))"),
    Rule("log-of-maximum", P.log(P.maximum(loggable, c)), lambda p, c: maximum(log(p), log(c)), "stabilize",
         "maximum(log(p), log(c))"),
    Rule("log-of-minimum", P.log(P.minimum(loggable, c)), lambda p, c: minimum(log(p), log(c)), "stabilize",
         "minimum(log(p), log(c))"),
    Rule("sqrt-of-square", P.sqrt(P.square(x)), lambda x: absolute(x), "stabilize", "abs(x)"),
)  # fmt: skip

STABILIZE = LOG_SUM_EXP + SOFTMAX_GRADIENTS + CANCELLATION + LOGISTIC + ERROR_FUNCTION + LOGARITHMS
