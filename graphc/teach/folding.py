"""Reductions other than sum and max, runs, and what puts arrays together: rows of `graphc.teach.notation`."""

from __future__ import annotations

from ..ir.expr import Expr
from .formula import At, Formula, apply, iverson, over, times
from .rows import Notation, filled, spread, summed

_SHARED = "Only an entry that attains the {which} has influence; several that do share it equally."


def extremum_adjoint(g: Formula, node: Expr, out: Formula, x: Formula) -> Formula:
    """Where the extremum is attained, its cotangent over the number of such places."""
    shape, axes = node.args[0].shape, node.attrs["axes"]
    attained = iverson(x, "=", spread(out, shape, axes))
    return times(spread(over(g, summed(attained, shape, axes)), shape, axes), attained)


def _by_factor(g: Formula, node: Expr, out: Formula, x: Formula) -> Formula:
    return times(spread(g, node.args[0].shape, node.attrs["axes"]), apply("product of others", x))


def _run_back(g: Formula, node: Expr, out: Formula, x: Formula) -> Formula:
    return apply("running sum back", filled(g, node.shape))


def _by_running_factor(g: Formula, node: Expr, out: Formula, x: Formula) -> Formula:
    influence = apply("recurrence back", apply("successor", x), filled(g, node.shape))
    return times(apply("product before", x), influence)


def _recurrence_back(g: Formula, node: Expr, out: Formula, a: Formula, b: Formula) -> Formula:
    return apply("recurrence back", apply("successor", a), filled(g, node.shape))


def _by_recurring_factor(g: Formula, node: Expr, out: Formula, a: Formula, b: Formula) -> Formula:
    return times(_recurrence_back(g, node, out, a, b), apply("predecessor", out))


def _part(g: Formula, node: Expr, position: int) -> Formula:
    """The window of the cotangent where an argument of a concat stands."""
    axis, border = node.attrs["axis"], node.args[0].shape[node.attrs["axis"]]
    window = f"{border}:" if position else f":{border}"
    return At(filled(g, node.shape), tuple(window if a == axis else ":" for a in range(node.ndim)))


def _rolled(node: Expr, x: Formula) -> Formula:
    return apply("roll", x)


FOLDING: dict[str, Notation] = {
    "prod": Notation(
        "product", lambda node, x: apply("product", x), (_by_factor,),
        ("The derivative of a product by one factor is the product of all others.",),
    ),
    "min": Notation(
        "minimum", lambda node, x: apply("min", x), (extremum_adjoint,), (_SHARED.format(which="minimum"),),
    ),
    "any": Notation("truth", lambda node, x: apply("any", x)),
    "all": Notation("truth", lambda node, x: apply("all", x)),
    "argmin": Notation("position", lambda node, x: apply("argmin", x)),
    "cumulative_sum": Notation(
        "running sum", lambda node, x: apply("running sum", x), (_run_back,),
        ("A term is part of every sum from its own place on, so the cotangents from there on are added up.",),
    ),
    "cumulative_prod": Notation(
        "running product", lambda node, x: apply("running product", x), (_by_running_factor,),
        ("A factor counts in every product from its own place on, each time with the other factors up to there.",),
    ),
    "linear_recurrence": Notation(
        "recurrence", lambda node, a, b: apply("recurrence", a, b), (_by_recurring_factor, _recurrence_back),
        ("{x} multiplies what had been reached before, and all that follows feels it.",
         "What is added at one place is carried on by the factors that follow: the recurrence, run back."),
    ),
    "concat": Notation(
        "joining", lambda node, x, y: apply("concat", x, y),
        (lambda g, node, out, x, y: _part(g, node, 0), lambda g, node, out, x, y: _part(g, node, 1)),
        ("{x} is the first part of {out} and gets the first part of the cotangent.",
         "{y} is the second part of {out} and gets the second part of the cotangent."),
    ),
    "roll": Notation(
        "rolling", _rolled, (lambda g, node, out, x: apply("roll back", filled(g, node.shape)),),
        ("What was moved round is moved back.",),
    ),
}  # fmt: skip
