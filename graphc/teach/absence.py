"""Why there is nothing to derive: the way from a variable to the loss that was looked for, and where it ends.

the loss does not depend on z: it is computed from x and w
no derivative gets from the loss to x: x → greater → astype → sum (the loss) ends at greater, which is constant
but for steps
"""

from __future__ import annotations

from itertools import pairwise

from ..ir.errors import describe
from ..ir.expr import Expr, post_order
from ..ir.graph import ExprTable

_SHOWN = 8
"""How many names, and how many nodes of a way, a sentence shows."""


def why_not(loss: Expr, wrt: Expr) -> str:
    """The sentence that says why no derivative leads from the loss to the variable."""
    way = _way_up(loss, wrt)
    if way is None:
        sources = [n for n in post_order((loss,)) if n.op.name in ("input", "param")]
        found = _listed([n.name or n.op.name for n in sources]) or "constants alone"
        words = f"the loss does not depend on {_called(wrt)}: it is computed from {found}"
        return f"derive: {words}{describe(loss=loss, variable=wrt)}"
    end, reason = _blocked(way)
    steps = [_called(way[0]), *(n.op.name if n.name is None else n.name for n in way[1:])]
    if len(steps) > _SHOWN:
        steps[_SHOWN // 2 : -_SHOWN // 2] = ["…"]
    words = f"the way {' → '.join(steps)} (the loss) ends at {end.op.name}, {reason}"
    return (
        f"derive: the loss depends on {_called(wrt)}, but not in a differentiable way: {words}"
        f"{describe(loss=loss, variable=wrt, end=end)}"
    )


def _way_up(loss: Expr, wrt: Expr) -> list[Expr] | None:
    """The nodes of the shortest way from the variable to the loss, both included."""
    above: ExprTable[Expr] = ExprTable([(loss, loss)])
    waiting = [loss]
    for node in waiting:
        if node is wrt:
            way = [node]
            while way[-1] is not loss:
                way.append(above[way[-1]])
            return way
        for arg in node.args:
            if arg not in above:
                above[arg] = node
                waiting.append(arg)
    return None


def _blocked(way: list[Expr]) -> tuple[Expr, str]:
    """The first node on the way up at which a derivative ends, and why."""
    for below, node in pairwise(way):
        if not node.dtype.is_float:
            return node, f"whose values are {node.dtype}: constant but for steps"
        if node.op.name == "stop_gradient":
            return node, "which derivatives take as a constant"
        position = next(i for i, arg in enumerate(node.args) if arg is below)
        if node.op.vjp is None or node.op.vjp(node, node, *node.args)[position] is None:
            return node, "which is constant in it but for steps"
    return way[-1], "where every other way ends as well"


def _called(node: Expr) -> str:
    return node.name or node.op.name


def _listed(words: list[str]) -> str:
    shown = [*words[:_SHOWN], "…"] if len(words) > _SHOWN else words
    return ", ".join(shown[:-1]) + " and " + shown[-1] if len(shown) > 1 else "".join(shown)
