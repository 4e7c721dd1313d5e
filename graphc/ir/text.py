"""The printed form of a graph: typed SSA text.

%0: f32[batch, 784] = input x
%1: f32[784, 512] = param W1
%2: f32[batch, 512] = matmul %0, %1
return %2
"""

from __future__ import annotations

from collections.abc import Iterable

from .expr import Expr, post_order
from .graph import ExprTable, Graph


def number(nodes: Iterable[Expr]) -> ExprTable[int]:
    """The %number of each node in printed order."""
    return ExprTable((node, i) for i, node in enumerate(nodes))


def line(node: Expr, numbers: ExprTable[int], *, sources: bool = False) -> str:
    """One node as a line of text."""
    words = [node.op.name]
    if node.op.kind == "leaf" and node.name:
        words.append(node.name)
    operands = ", ".join(f"%{numbers[a]}" for a in node.args)
    if operands:
        words.append(operands)
    attrs = [f"{k}={_show(v)}" for k, v in node.attrs.items() if k not in ("name", "token")]
    if attrs:
        words.append("{" + ", ".join(attrs) + "}")
    text = f"%{numbers[node]}: {node.type_text} = {' '.join(words)}"
    notes = [f'"{node.name}"'] if node.name and node.op.kind != "leaf" else []
    if sources and node.source:
        notes.append(str(node.source))
    return f"{text}  # {', '.join(notes)}" if notes else text


def _show(value: object) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_show, value))}{',' if len(value) == 1 else ''})"
    return str(value)


def dump(what: Expr | Iterable[Expr] | Graph, *, sources: bool = False) -> str:
    """The whole graph as typed text, one node a line, arguments first.

    Args:
        what: an expression, several of them, or a `Graph`.
        sources: also print the user's line that built each node.
    """
    if isinstance(what, Graph):
        roots, updates = what.outputs, what.updates
    else:
        roots, updates = (what,) if isinstance(what, Expr) else tuple(what), ()
    order = post_order((*roots, *(e for pair in updates for e in pair)))
    numbers = number(order)
    lines = [line(node, numbers, sources=sources) for node in order]
    lines += [f"update %{numbers[p]} <- %{numbers[new]}" for p, new in updates]
    if roots:
        lines.append(f"return {', '.join(f'%{numbers[r]}' for r in roots)}")
    return "\n".join(lines) + "\n"
