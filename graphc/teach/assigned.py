"""Names from the user's own lines: what `hidden = gc.relu(x @ W1 + b1)` computed is called hidden.

An expression knows the line that built it. Where that line is an assignment to one name, the expression nothing else
of the line is made of gets the name; several such, as from a function that was called twice, are numbered. In a loop
that carries a value along, the last one has the name, as in Python.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterable
from typing import NamedTuple

from ..ir.expr import Expr
from ..ir.graph import ExprTable


class _Target(NamedTuple):
    """An assignment to one name, which may go on over several lines."""

    name: str
    line: int


def assigned_names(nodes: Iterable[Expr]) -> ExprTable[str]:
    """Names for nodes the user has assigned but not named; nodes come with arguments first."""
    targets: dict[str, dict[int, _Target]] = {}
    statements: dict[tuple[str, _Target], list[Expr]] = {}
    for node in nodes:
        if node.op.kind == "leaf" or node.source is None:
            continue
        file, line = node.source
        if file not in targets:
            targets[file] = _targets(file)
        if (target := targets[file].get(line)) is not None:
            statements.setdefault((file, target), []).append(node)
    found: ExprTable[str] = ExprTable()
    for (_, target), built in statements.items():
        inner = ExprTable((arg, None) for node in built for arg in node.args)
        whole = [node for node in built if node not in inner]
        for number, node in enumerate(whole, 1):
            if node.name is None:
                found[node] = target.name if len(whole) == 1 else f"{target.name}{number}"
    return found


def _targets(file: str) -> dict[int, _Target]:
    """For the lines of a file that assign to one name, that assignment."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError, RecursionError):
        return {}
    found: dict[int, _Target] = {}
    for statement in ast.walk(tree):
        match statement:
            case ast.Assign(targets=[ast.Name(name)]) | ast.AnnAssign(target=ast.Name(name), value=ast.expr()):
                last = statement.end_lineno or statement.lineno
                found |= dict.fromkeys(range(statement.lineno, last + 1), _Target(name, statement.lineno))
    return found
