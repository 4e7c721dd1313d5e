"""The schedule of scatter_add_along_axis: zeros everywhere, then one addition after the other.

Additions to one place happen in the order of the updates, so the result is the same every time. Positions out of
range are dropped.
"""

from __future__ import annotations

from ..ir.affine import Affine, Var, variable
from ..ir.dtype import bool_, int64
from ..ir.expr import Expr
from ..ir.graph import ExprTable
from .ir import Buffer, Const, Statement, Store
from .lower import Builder, flat
from .schedule import Machine, vectorized
from .vectorize import merge


def schedule_scatter(
    node: Expr, inputs: ExprTable[Buffer], into: ExprTable[Buffer], machine: Machine
) -> tuple[Statement, ...]:
    """The loops of a scatter-add."""
    return (*vectorized(merge(_clear(node, inputs, into)), machine), *_add(node, inputs, into))


def _clear(node: Expr, inputs: ExprTable[Buffer], into: ExprTable[Buffer]) -> tuple[Statement, ...]:
    b = Builder(inputs, into)
    axes = tuple(Var(f"z{i}", int(d)) for i, d in enumerate(node.shape))
    if 0 in node.shape:
        return ()
    with b.loops(axes):
        zero = Const(0.0 if node.dtype.is_float else 0, node.dtype)
        b.add(Store(into[node], flat(node, tuple(map(variable, axes))), zero))
    return b.body


def _add(node: Expr, inputs: ExprTable[Buffer], into: ExprTable[Buffer]) -> tuple[Statement, ...]:
    indices, updates = node.args
    axis, size = node.attrs["axis"], int(node.attrs["size"])
    if 0 in updates.shape or size == 0:
        return ()
    b = Builder(inputs, into)
    axes = tuple(Var(f"i{i}", int(d)) for i, d in enumerate(updates.shape))
    with b.loops(axes):
        index: tuple[Affine, ...] = tuple(map(variable, axes))
        position = b.wrapped(b.pull(indices, index), indices.dtype, size)
        low = b.apply("greater_equal", bool_, position, Const(0, int64))
        valid = b.apply("logical_and", bool_, low, b.apply("less", bool_, position, Const(size, int64)))
        at = flat(node, (*index[:axis], b.as_index(position, size), *index[axis + 1 :]))
        value = b.pull(updates, index)
        # Read here, not where the index is known: an earlier round may have written the same place.
        before = b.load(into[node], at, valid)
        b.add(Store(into[node], at, b.apply("add", node.dtype, before, value), valid))
    return b.body
