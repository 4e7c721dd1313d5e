"""Whether one program can do for any number of rows: the leading named dimension as a bound that a call brings.

    %0: f32[batch, 784]                      loops that count to `rows`, up to the most the program is for
    %1: f32[batch, 10] = matmul %0, %w

That is possible where the dimension leads every array that lies in memory, so that elements lie where they always lie,
and where no operation treats its rows differently for how many there are. Views may have it elsewhere: a product over
the rows reads a transposed array. What is not listed here is compiled for one number of rows at a time.
"""

from __future__ import annotations

from collections.abc import Callable

from ..ir.dim import Dim, names
from ..ir.expr import Expr
from ..ir.graph import ExprTable, Graph, bind_sizes
from ..ir.open_size import FEWEST, OpenSize, StillOpenError, rows


def open_dimension(inputs: tuple[Expr, ...]) -> str | None:
    """The name of the dimension that leads the first input that is led by any; None where it is elsewhere, too."""
    leading = [names(i.shape[0]) for i in inputs if i.shape and isinstance(i.shape[0], Dim)]
    inside = {name for i in inputs for d in i.shape[1:] for name in names(d)}
    first = leading[0] if leading else frozenset()
    return next(iter(first)) if len(first) == 1 and not first & inside else None


def opened(graph: Graph, name: str, most: int) -> tuple[Graph, ExprTable[Expr]]:
    """The graph with that dimension open, and what each node became.

    Raises:
        StillOpenError: something in it has to know how many rows there are.
    """
    if most < FEWEST:
        raise StillOpenError
    found, became = bind_sizes(graph, {name: rows(most)})
    if not all(map(_is_fine, found.nodes)) or any(_axis(root) not in _LEADS for root in found.roots):
        raise StillOpenError
    return found, became


def _axis(node: Expr) -> int | None:
    """Which axis of a node is open; None if none is, -1 for several."""
    axes = [axis for axis, size in enumerate(node.shape) if isinstance(size, OpenSize)]
    return None if not axes else axes[0] if len(axes) == 1 else -1


_LEADS = (None, 0)


def _is_fine(node: Expr) -> bool:
    axis, args = _axis(node), [_axis(a) for a in node.args]
    if axis == -1 or -1 in args:
        return False
    rule = _RULES.get(node.op.name) or _KINDS.get(node.op.kind)
    return rule is not None and rule(node, axis, args)


_Rule = Callable[[Expr, "int | None", "list[int | None]"], bool]
"""Whether a node is fine, from its open axis and those of its arguments."""


def _leads(node: Expr, axis: int | None, args: list[int | None]) -> bool:
    return axis in _LEADS and all(a in _LEADS for a in args)


def _untouched(node: Expr, axis: int | None, args: list[int | None]) -> bool:
    """What works along an axis, works along another one."""
    return _leads(node, axis, args) and not (0 in (axis, *args) and node.attrs["axis"] == 0)


def _reshaped(node: Expr, axis: int | None, args: list[int | None]) -> bool:
    return axis in _LEADS and args == [axis]


def _sliced(node: Expr, axis: int | None, args: list[int | None]) -> bool:
    """The window has all of the open axis."""
    if axis is None or axis != args[0]:
        return axis == args[0]
    is_whole = node.shape[axis] == node.args[0].shape[axis]
    return is_whole and bool(node.attrs["starts"][axis] == 0 and node.attrs["steps"][axis] == 1)


def _multiplied(node: Expr, axis: int | None, args: list[int | None]) -> bool:
    """The rows of the product, a stack of products, or what is summed over. Operands are read through views."""
    return axis in _LEADS


def _taken(node: Expr, axis: int | None, args: list[int | None]) -> bool:
    """Positions are never along the rows of what is read or written."""
    return _leads(node, axis, args) and not (args[0] == 0 and node.attrs["axis"] == 0)


def _scattered(node: Expr, axis: int | None, args: list[int | None]) -> bool:
    return _leads(node, axis, args) and not (axis == 0 and node.attrs["axis"] == 0)


def _searched(node: Expr, axis: int | None, args: list[int | None]) -> bool:
    return args[0] is None and _leads(node, axis, args)


def _nowhere(node: Expr, axis: int | None, args: list[int | None]) -> bool:
    return False


def _anywhere(node: Expr, axis: int | None, args: list[int | None]) -> bool:
    return True


_KINDS: dict[str, _Rule] = {"leaf": _leads, "elementwise": _leads, "reduce": _leads, "cumulative": _untouched}
_RULES: dict[str, _Rule] = {
    "iota": _anywhere, "size": _anywhere, "permute_dims": _anywhere, "broadcast_to": _anywhere,
    "reshape": _reshaped, "slice": _sliced, "scatter_slice": _sliced, "roll": _untouched, "concat": _untouched,
    "matmul": _multiplied, "take": _taken, "take_along_axis": _taken, "scatter": _scattered,
    "scatter_add_along_axis": _scattered, "searchsorted": _searched, "choose": _nowhere,
}  # fmt: skip
