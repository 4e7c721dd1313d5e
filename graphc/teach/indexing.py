"""Reading and writing at computed positions, as mathematics: rows of the table in `graphc.teach.notation`."""

from __future__ import annotations

from ..ir.expr import Expr
from .formula import Formula, apply, iverson, over, times
from .rows import ONES, Notation, filled

_SCATTER_WHY = (
    "What was there counts as far as it is still part of the result: all of it where nothing came.",
    "",
    "Each value gets the cotangent of the place it went to, as far as it is part of what stands there.",
)


def _taken(g: Formula, node: Expr, indices: Formula) -> Formula:
    """The cotangent of each place that is named."""
    return apply("take", filled(g, node.shape), indices)


def _untaken(g: Formula, node: Expr, out: Formula, x: Formula, indices: Formula) -> Formula:
    return apply("scatter", indices, filled(g, node.shape))


def _scattered(node: Expr, x: Formula, indices: Formula, values: Formula) -> Formula:
    return apply(f"scatter {node.attrs['mode']}", x, indices, values)


def _ties(out: Formula, x: Formula, indices: Formula, values: Formula) -> Formula:
    return apply("scatter add", iverson(x, "=", out), indices, iverson(values, "=", apply("take", out, indices)))


def _by_kept(g: Formula, node: Expr, out: Formula, x: Formula, indices: Formula, values: Formula) -> Formula:
    mode, whole = node.attrs["mode"], filled(g, node.shape)
    if mode == "add":
        return g
    if mode == "set":
        return apply("scatter set", whole, indices, apply("zeros"))
    if mode == "multiply":
        return times(g, apply("scatter multiply", ONES, indices, values))
    return times(over(whole, _ties(out, x, indices, values)), iverson(x, "=", out))


def _by_values(g: Formula, node: Expr, out: Formula, x: Formula, indices: Formula, values: Formula) -> Formula:
    mode = node.attrs["mode"]
    if mode == "add":
        return _taken(g, node, indices)
    if mode == "set":
        return times(_taken(g, node, indices), apply("last", indices))
    if mode == "multiply":
        return times(_taken(g, node, indices), over(apply("take", out, indices), values))
    shared = over(_taken(g, node, indices), apply("take", _ties(out, x, indices, values), indices))
    return times(shared, iverson(values, "=", apply("take", out, indices)))


def _unsorted(g: Formula, node: Expr, out: Formula, x: Formula) -> Formula:
    return apply("scatter", apply("argsort", x), filled(g, node.shape))


INDEXING: dict[str, Notation] = {
    # Order
    "sort": Notation(
        "ordering", lambda node, x: apply("sort", x), (_unsorted,),
        ("Sorting moves numbers and changes none: each cotangent goes back to where its number came from.",),
    ),
    "argsort": Notation("order", lambda node, x: apply("argsort", x)),
    "argtopk": Notation("positions", lambda node, x: apply("argtop", x)),
    "searchsorted": Notation("position", lambda node, sequence, x: apply("position", sequence, x)),
    # Positions
    "take": Notation(
        "selection", lambda node, x, indices: apply("take", x, indices), (_untaken, None),
        ("Each slice that was taken gets the cotangent of where it went, all others get 0.", ""),
    ),
    "dynamic_slice": Notation(
        "slice", lambda node, x, start: apply("window", x, start),
        (lambda g, node, out, x, start: apply("embed", filled(g, node.shape), start), None),
        ("Only the window was read: its cotangent is put back in its place, and everything else gets 0.", ""),
    ),
    "dynamic_update_slice": Notation(
        "replacement", lambda node, x, update, start: apply("replace", x, update, start),
        (lambda g, node, out, x, update, start: apply("replace", filled(g, node.shape), apply("zeros"), start),
         lambda g, node, out, x, update, start: apply("window", filled(g, node.shape), start), None),
        ("Outside of the window {x} is passed on; inside nothing of it is left.",
         "The window holds {y}: its part of the cotangent is cut out.", ""),
    ),
    "scatter": Notation("scattering", _scattered, (_by_kept, None, _by_values), _SCATTER_WHY),
}  # fmt: skip
