"""What a checked call says when something was wrong: which op, what it made, and the user's line it stands for."""

from __future__ import annotations

from ..codegen.checks import LARGEST
from ..ir.errors import CheckError, IndexRangeError, NotFiniteError, describe
from ..ir.expr import Expr
from .lowering import reports_of_a_kernel, subjects
from .pipeline import Specialization

_VALUES = {0: "nan", 1: "inf", 2: "-inf"}


def verdict(name: str, made: Specialization, status: int, report: int | None) -> CheckError:
    """The error for the status of a program; `report` says what the value was, where that is known."""
    step, number = divmod(status - 1, reports_of_a_kernel(made.lowered))
    node = subjects(made.lowered[step].kernel)[number // 2]
    origin = _origin(node, made)
    if number % 2:
        return IndexRangeError(f"{name}: {_index(node, origin, report)}{_operands(origin)}")
    value = "nan or an infinity" if report is None else _VALUES[report]
    if node.op.kind == "leaf":
        kind = f"{node.op.name} {origin.name!r}" if origin.name else node.op.name
        return NotFiniteError(f"{name}: the {kind} holds {value}{describe(**{node.op.name: origin})}")
    return NotFiniteError(f"{name}: {origin.op.name} made {value}{_operands(origin)}")


def _origin(node: Expr, made: Specialization) -> Expr:
    """The user's expression that a node of the optimized graph stands for: one of the same op, if there is one."""
    given = made.trace.origins.get(node) or (node,)
    placed = [g for g in given if g.source is not None] or list(given)
    return next((g for g in placed if g.op is node.op), placed[0])


def _index(node: Expr, origin: Expr, report: int | None) -> str:
    """What was wrong with an index, in the words of NumPy."""
    size = int((node if node.op.name.startswith("scatter") else node.args[0]).shape[node.attrs["axis"]])
    bounds = f"axis {node.attrs['axis']} of size {size}"
    position = None if report is None else report - 2**32 if report >= 2**31 else report
    if position is None or abs(position) >= LARGEST:
        return f"{origin.op.name} was given an index that is out of bounds for {bounds}"
    counted_from_end = position < 0 and _indices(node).dtype.kind != "uint"
    index = position - size if counted_from_end else position
    window = ""
    if node.op.name.startswith("dynamic") and 0 <= position < size:
        length = int(node.attrs["size"] if node.op.name == "dynamic_slice" else node.args[1].shape[node.attrs["axis"]])
        window = f" for a window of {length}"
    return f"{origin.op.name} was given the index {index}, which is out of bounds{window} for {bounds}"


def _indices(node: Expr) -> Expr:
    """The indices of an op that reads or writes at positions."""
    if node.op.name == "scatter_add_along_axis":
        return node.args[0]
    return node.args[-1] if node.op.name.startswith("dynamic") else node.args[1]


def _operands(origin: Expr) -> str:
    """The op and what it was made of, with the user's lines."""
    names = ("x", "y", "z")
    operands = dict(zip(names, origin.args, strict=False))
    return describe(result=origin, **operands)
