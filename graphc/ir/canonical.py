"""A graph as a digest that is the same whenever the graph is built again: in another process, under other names.

    add(0,1)|float32|({batch},784,)      one line a node: op, arguments by number, attributes, dtype, shape
    inputs(0,1) outputs(2) updates()

What decides the code is in it: ops and attributes, the bytes of constants, dtypes, shapes with the names of their
dimensions, the order of inputs and outputs, which param is updated by what. What does not is left out: names and
lines, and the values of params.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from .dim import Dim, Shape
from .dtype import DType
from .expr import ConstantValue, Expr, Token
from .graph import ExprTable, Graph


def digest(graph: Graph) -> bytes | None:
    """32 bytes that only an equal graph has; None where an attribute is nothing that can be compared later."""
    unread = (*graph.inputs, *(param for param, _ in graph.updates))
    nodes = list(dict.fromkeys((*graph.nodes, *unread)))
    numbers = ExprTable(zip(nodes, map(str, range(len(nodes))), strict=True))
    types: dict[tuple[DType, Shape], str] = {}

    def numbered(exprs: Iterable[Expr]) -> str:
        return ",".join([numbers[e] for e in exprs])

    lines = []
    try:
        for node in nodes:
            kind = node.dtype, node.shape
            if kind not in types:
                types[kind] = f"|{node.dtype.name}|{_text(node.shape)}"
            attributes = _attributes(node) if node.attrs else ""
            lines.append(f"{node.op.name}({numbered(node.args)}){attributes}{types[kind]}")
    except TypeError:
        return None
    updates = numbered(e for pair in graph.updates for e in pair)
    lines.append(f"inputs({numbered(graph.inputs)}) outputs({numbered(graph.outputs)}) updates({updates})")
    return hashlib.blake2b("\n".join(lines).encode(), digest_size=32).digest()


def _attributes(node: Expr) -> str:
    """The attributes in order. The names of leaves are annotations."""
    is_named = node.op.name in ("input", "param")
    return "{" + ";".join([_text(value) for key, value in node.attrs.items() if not (is_named and key == "name")]) + "}"


def _text(value: object) -> str:
    """The value as text; values that differ, in type too, have different ones.

    Raises:
        TypeError: a value that no text stands for.
    """
    kind = type(value)
    if kind is int or kind is float or kind is bool or kind is str or value is None:
        return repr(value)
    if kind is tuple:
        return "(" + "".join([f"{_text(item)}," for item in value]) + ")"  # type: ignore[attr-defined]
    if isinstance(value, Dim):
        return f"{{{value}}}"
    if isinstance(value, DType):
        return f"<{value.name}>"
    if isinstance(value, ConstantValue):
        array = value.array
        return f"[{array.dtype.str} {array.shape} {hashlib.blake2b(array.data, digest_size=32).hexdigest()}]"
    if isinstance(value, Token):
        return "weak" if value.is_weak else "own"
    raise TypeError(f"{kind.__name__} has no canonical text")
