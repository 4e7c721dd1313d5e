"""The schedules of scatter and scatter_add_along_axis: what was there, then one update after the other.

    %2: f32[1000, 64] = scatter %x, %i: i64[32], %u {axis=0, mode='add'}

    for i in 0..64000:                     # nothing, where the result takes the place of x
      store out[i] = x[i]
    for u0 in 0..32:
      p = position of i[u0]
      if 0 <= p < 1000:
        for i1 in 0..64 as lanes:
          store out[64*p + i1] = out[64*p + i1] + u[64*u0 + i1]

Updates of one place happen in the order of the indices, so the result is the same every time. Positions out of range
are dropped.
"""

from __future__ import annotations

from ..ir.affine import Affine, Var, variable
from ..ir.dtype import bool_, int64
from ..ir.expr import Expr
from ..ir.graph import ExprTable
from ..ir.open_size import known
from .ir import Buffer, Const, If, Statement, Store
from .lower import Builder, Index, flat
from .schedule import Machine, vectorized
from .vectorize import merge

_COMBINE = {"add": "add", "multiply": "multiply", "min": "minimum", "max": "maximum"}
"""By mode, the op that joins what is there with what comes."""


def schedule_scatter(
    node: Expr, inputs: ExprTable[Buffer], into: ExprTable[Buffer], machine: Machine
) -> tuple[Statement, ...]:
    """The loops of a scatter."""
    if 0 in node.shape:
        return ()
    before = _before(node, inputs, into)
    if node.op.name == "scatter":
        return (*vectorized(merge(before), machine), *_slices(node, inputs, into, machine))
    return (*vectorized(merge(before), machine), *_along_axis(node, inputs, into))


def _before(node: Expr, inputs: ExprTable[Buffer], into: ExprTable[Buffer]) -> tuple[Statement, ...]:
    """What the updates find: x, or zeros. Nothing is to do where x lies there already."""
    x = node.args[0] if node.op.name == "scatter" else None
    if x is not None and x in inputs and inputs[x] is into[node]:
        return ()
    b = Builder(inputs, into)
    axes = _axes("z", node)
    index = tuple(map(variable, axes))
    with b.loop(axes[0], parallel=True), b.loops(axes[1:]):
        value = _zero(node) if x is None else b.pull(x, index)
        b.add(Store(into[node], flat(node, index), value))
    return b.body


def _zero(node: Expr) -> Const:
    return Const(0.0 if node.dtype.is_float else 0, node.dtype)


def _axes(letter: str, node: Expr) -> tuple[Var, ...]:
    return tuple(Var(f"{letter}{i}", known(d)) for i, d in enumerate(node.shape))


def _slices(node: Expr, inputs: ExprTable[Buffer], into: ExprTable[Buffer], machine: Machine) -> tuple[Statement, ...]:
    """A slice for each index: the position is found once, and the axes behind it become lanes."""
    _, indices, updates = node.args
    axis, rank = node.attrs["axis"], indices.ndim
    if 0 in updates.shape:
        return ()
    b = Builder(inputs, into)
    axes = _axes("u", updates)
    index = tuple(map(variable, axes))
    size = int(node.shape[axis])
    with b.loops(axes[: axis + rank]):
        position = b.position(node, b.pull(indices, index[axis : axis + rank]), size, size)
        place = b.as_index(position, size)
        with b.scope() as scope:
            with b.loops(axes[axis + rank :]):
                _update(b, node, updates, index, (*index[:axis], place, *index[axis + rank :]))
            body = vectorized(merge(tuple(scope.statements)), machine)
        # As the index of an axis with one element it would be 0 without being asked.
        b.add(If(b.as_index(position, max(size, 2)), 0, size, body))
    return b.body


def _update(b: Builder, node: Expr, updates: Expr, index: Index, at: Index) -> None:
    value = b.pull(updates, index)
    if node.attrs["mode"] != "set":
        old = b.load(b.outputs[node], flat(node, at))
        value = b.apply(_COMBINE[node.attrs["mode"]], node.dtype, old, value)
    b.add(Store(b.outputs[node], flat(node, at), value))


def _along_axis(node: Expr, inputs: ExprTable[Buffer], into: ExprTable[Buffer]) -> tuple[Statement, ...]:
    indices, updates = node.args
    axis, size = node.attrs["axis"], int(node.attrs["size"])
    if 0 in updates.shape:
        return ()
    b = Builder(inputs, into)
    axes = _axes("i", updates)
    with b.loops(axes):
        index: tuple[Affine, ...] = tuple(map(variable, axes))
        position = b.position(node, b.pull(indices, index), size, size)
        low = b.apply("greater_equal", bool_, position, Const(0, int64))
        valid = b.apply("logical_and", bool_, low, b.apply("less", bool_, position, Const(size, int64)))
        at = flat(node, (*index[:axis], b.as_index(position, size), *index[axis + 1 :]))
        value = b.pull(updates, index)
        # Read here, not where the index is known: an earlier round may have written the same place.
        before = b.load(into[node], at, valid)
        b.add(Store(into[node], at, b.apply("add", node.dtype, before, value), valid))
    return b.body
