"""What each op becomes when some of its arguments carry a batch axis, and the sweep that applies it to a graph.

    %1: f32[3] = exp %0            %0 batched: f32[n, 3]        %1': f32[n, 3] = exp %0'
    %2: f32[] = sum %1 {axes=(0,)}                        ->    %2': f32[n] = sum %1' {axes=(1,)}
    %3: f32[4] = matmul %w, %1                                  one matrix product instead of n

The batch axis always stands in front, of arguments and of results. What depends on nothing batched stays as it is,
one node for all elements of the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from ..ir.dim import Size
from ..ir.errors import GraphError, describe
from ..ir.expr import Expr, make, post_order
from ..ir.graph import ExprTable
from ..ir.op import OpDef
from ..ops import linalg
from ..ops.scalar import choose, where
from ..ops.shape import broadcast_to, reshape
from .indexing import (
    batched_dynamic_slice,
    batched_dynamic_update_slice,
    batched_scatter,
    batched_searchsorted,
    batched_take,
    in_front,
)

Rule: TypeAlias = Callable[[Expr, tuple[Expr, ...], tuple[bool, ...], Size], Expr]
"""`(node, arguments, which of them are batched, size of the batch) -> the node for the whole batch`."""


def spread_over_batch(roots: Sequence[Expr], batched: ExprTable[Expr], size: Size) -> ExprTable[Expr]:
    """For each node that depends on one of `batched`, its values for the whole batch along a new axis in front.

    Args:
        roots: what is wanted; nodes they do not need are not made.
        batched: for each node that varies, its values along an axis in front.
        size: of that axis.

    Raises:
        GraphError: an op without a batching rule is in the way.
    """
    became: ExprTable[Expr] = ExprTable(batched.items())
    for node in post_order(tuple(roots)):
        if node in became or not any(a in became for a in node.args):
            continue
        flags = tuple(a in became for a in node.args)
        arguments = tuple(became.get(a, a) for a in node.args)
        new = rule_of(node)(node, arguments, flags, size)
        new.name = new.name or node.name
        became[node] = new
    return became


def rule_of(node: Expr) -> Rule:
    """The batching rule of a node's op.

    Raises:
        GraphError: there is none.
    """
    rule = batching_rule(node.op)
    if rule is None:
        raise GraphError(f"vmap: {node.op.name} has no rule for batches{describe(node=node)}")
    return rule


def batching_rule(op: OpDef) -> Rule | None:
    """The rule of an op: its own, or that of all elementwise ops; None for leaves, which have no arguments."""
    return RULES.get(op.name, _elementwise if op.kind == "elementwise" else None)


def _all_in_front(args: tuple[Expr, ...], batched: tuple[bool, ...], size: Size) -> tuple[Expr, ...]:
    return tuple(in_front(a, b, size) for a, b in zip(args, batched, strict=True))


def _elementwise(node: Expr, args: tuple[Expr, ...], batched: tuple[bool, ...], size: Size) -> Expr:
    return make(node.op, _all_in_front(args, batched, size), node.attrs)


def _with(**changes: Callable[[Any, Size], Any]) -> Rule:
    """The same op over batched arguments with some attributes changed: `name=function(old value, size of batch)`."""

    def rule(node: Expr, args: tuple[Expr, ...], batched: tuple[bool, ...], size: Size) -> Expr:
        attrs = {k: changes[k](v, size) if k in changes else v for k, v in node.attrs.items()}
        return make(node.op, _all_in_front(args, batched, size), attrs)

    return rule


def _later(axis: int, size: Size) -> int:
    return axis + 1


def _all_later(axes: tuple[int, ...], size: Size) -> tuple[int, ...]:
    return tuple(a + 1 for a in axes)


def _after_batch(axes: tuple[int, ...], size: Size) -> tuple[int, ...]:
    return (0, *(a + 1 for a in axes))


def _of_batch(shape: tuple[Size, ...], size: Size) -> tuple[Size, ...]:
    return (size, *shape)


def _prepend(value: int) -> Callable[[tuple[Any, ...], Size], tuple[Any, ...]]:
    return lambda row, size: (value, *row)


def _broadcast_to(node: Expr, args: tuple[Expr, ...], batched: tuple[bool, ...], size: Size) -> Expr:
    """Axes of size 1 keep the batch in front of those that broadcasting adds."""
    x = args[0]
    added = len(node.shape) - (x.ndim - 1)
    return broadcast_to(reshape(x, (size, *(1,) * added, *x.shape[1:])), (size, *node.shape))


def _matmul(node: Expr, args: tuple[Expr, ...], batched: tuple[bool, ...], size: Size) -> Expr:
    """A matrix that is the same for the whole batch meets all of it in one product."""
    a, b = args
    if all(batched) or node.ndim > 2:
        return linalg.matmul(*_all_in_front(args, batched, size))
    if batched[0]:
        return _rows_times(a, b, size)
    return _exchanged(_rows_times(_exchanged(b), linalg.transposed(a), size))


def _rows_times(a: Expr, b: Expr, size: Size) -> Expr:
    """A batch of matrices times one matrix: all rows of the batch at once."""
    m, k = a.shape[1:]
    return reshape(linalg.matmul(reshape(a, (size * m, k)), b), (size, m, b.shape[1]))


def _exchanged(x: Expr) -> Expr:
    """A batch of matrices transposed; for rows and columns that is a reshape."""
    batch, m, n = x.shape
    return reshape(x, (batch, n, m)) if 1 in (m, n) else linalg.transposed(x)


def _choose(node: Expr, args: tuple[Expr, ...], batched: tuple[bool, ...], size: Size) -> Expr:
    """One predicate for the whole batch chooses as before; where each element has its own, both sides are needed."""
    condition, x, y = _all_in_front(args, batched, size)
    return (where if batched[0] else choose)(condition, x, y)


def _custom_call(node: Expr, args: tuple[Expr, ...], batched: tuple[bool, ...], size: Size) -> Expr:
    from .custom import batch_of_calls

    return batch_of_calls(node, args, batched, size)


RULES: dict[str, Rule] = {
    "all": _with(axes=_all_later),
    "any": _with(axes=_all_later),
    "argmax": _with(axis=_later),
    "argsort": _with(axis=_later),
    "argtopk": _with(axis=_later),
    "argmin": _with(axis=_later),
    "broadcast_to": _broadcast_to,
    "choose": _choose,
    "concat": _with(axis=_later),
    "cumulative_prod": _with(axis=_later),
    "cumulative_sum": _with(axis=_later),
    "custom_call": _custom_call,
    "custom_result": _with(),
    "linear_recurrence": _with(axis=_later),
    "dynamic_slice": batched_dynamic_slice,
    "dynamic_update_slice": batched_dynamic_update_slice,
    "matmul": _matmul,
    "max": _with(axes=_all_later),
    "min": _with(axes=_all_later),
    "permute_dims": _with(axes=_after_batch),
    "prod": _with(axes=_all_later),
    "reshape": _with(shape=_of_batch),
    "roll": _with(axis=_later),
    "scatter": batched_scatter,
    "scatter_add_along_axis": _with(axis=_later),
    "scatter_slice": _with(starts=_prepend(0), steps=_prepend(1), shape=_of_batch),
    "searchsorted": batched_searchsorted,
    "sort": _with(axis=_later),
    "slice": _with(starts=_prepend(0), sizes=_of_batch, steps=_prepend(1)),
    "sum": _with(axes=_all_later),
    "take": batched_take,
    "take_along_axis": _with(axis=_later),
}
"""The rules, by name, of all ops that have arguments and are not elementwise, and of choices."""
