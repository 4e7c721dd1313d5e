"""`gc.vmap`: a function of single elements becomes one of whole batches, as a transformation of graphs.

predict = lambda x: gc.tanh(W @ x)           # x: f32[3]
gc.vmap(predict)(xs)                         # xs: f32[n, 3]; one matrix product, no loop
gc.vmap(y, given={x: xs})                    # the same for an expression that is there already
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from ..frontend.lifting import lift, lift_weakly, normalize_axis
from ..ir.dim import Size
from ..ir.errors import GraphError, ShapeError, describe
from ..ir.expr import Expr
from ..ir.graph import ExprTable
from ..ir.tree import Tree, flatten, spread
from ..ops import leaf
from ..ops.shape import permute_dims
from .batching import spread_over_batch
from .indexing import in_front

Axes: TypeAlias = Any
"""An axis, None, or tuples, lists and dicts of them: each holds for all below it."""


def vmap(function: Any, in_axes: Axes = 0, out_axes: Axes = 0, *, given: Mapping[Expr, Any] | None = None) -> Any:
    """Vectorize a function of expressions, or expressions that are built already, over a batch.

    Args:
        function: takes and returns expressions, or tuples, lists and dicts of them; or such expressions themselves,
            and then `given` is needed.
        in_axes: which axis of each argument is the batch; None for arguments that are the same for all elements. One
            for all, or a tuple with one for each argument, itself in the argument's structure where they differ
            inside. Keyword arguments are batched along axis 0. With `given`, one axis for all.
        out_axes: where the batch axis stands in the results, likewise; None where a result does not depend on the
            batch.
        given: for each node that varies, its values along the batch.

    Returns:
        A function like `function`, whose batched arguments have one axis more; or, with `given`, the expressions for
        the whole batch. Nothing is repeated: what does not depend on the batch stays one node, and a matrix that is
        the same for all elements meets the batch in one matrix product.

    Raises:
        GraphError: nothing is batched, axes that do not have the structure of what they belong to, or None in
            `out_axes` for a result that depends on the batch.
        ShapeError: there is no such axis, or the sizes of two batches differ.
    """
    if given is not None:
        if callable(function):
            raise GraphError("vmap: `given` goes with expressions; a function is called with its batches")
        return _over_nodes(function, in_axes, out_axes, given)
    if not callable(function):
        raise GraphError(f"vmap: expected a function; expressions need given={{x: batch}}, {type(function).__name__}")

    @functools.wraps(function)
    def vectorized(*args: Any, **kwargs: Any) -> Any:
        arguments = flatten((args, kwargs))
        leaves = [lift_weakly("vmap", a) for a in arguments.leaves]
        axes = _in_axes(in_axes, args, kwargs)
        size = _batch_size([(x, a) for x, a in zip(leaves, axes, strict=True) if a is not None])
        batched: ExprTable[Expr] = ExprTable()
        elements = [_element(x, axis, batched) for x, axis in zip(leaves, axes, strict=True)]
        single_args, single_kwargs = arguments.rebuild(elements)
        results = flatten(function(*single_args, **single_kwargs))
        return _results(results, out_axes, batched, size)

    return vectorized


def _over_nodes(outputs: Any, in_axes: Axes, out_axes: Axes, given: Mapping[Expr, Any]) -> Any:
    if not isinstance(in_axes, int):
        raise GraphError("vmap: with `given`, in_axes is the one axis along which all of it is batched")
    lifted = [(node, lift("vmap", values, node.dtype)) for node, values in given.items()]
    size = _batch_size([(values, in_axes) for _, values in lifted])
    batched: ExprTable[Expr] = ExprTable()
    for node, values in lifted:
        front = _axis_to_front(values, in_axes)
        if front.shape[1:] != node.shape or front.dtype is not node.dtype:
            raise ShapeError(f"vmap: each element must have the dtype and shape of what it stands for"
                             f"{describe(element=node, batch=values)}")  # fmt: skip
        batched[node] = front
    return _results(flatten(outputs), out_axes, batched, size)


def _in_axes(in_axes: Axes, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[int | None]:
    """One axis, or None, for each leaf of the arguments."""
    axes = tuple(in_axes) if isinstance(in_axes, list) else in_axes
    if isinstance(axes, tuple) and len(axes) != len(args):
        raise GraphError(f"vmap: in_axes has {len(axes)} entries for {len(args)} arguments")
    found = spread(axes, args)
    if found is None:
        raise GraphError(f"vmap: in_axes={in_axes!r} does not have the structure of the arguments")
    return [*found, *(0 for _ in flatten(kwargs).leaves)]


def _batch_size(batches: Sequence[tuple[Expr, int]]) -> Size:
    """The size that all batch axes share."""
    if not batches:
        raise GraphError("vmap: no argument is batched; in_axes has to name an axis of at least one")
    first, axis = batches[0]
    size = first.shape[normalize_axis("vmap", first, axis)]
    for other, its_axis in batches[1:]:
        found = other.shape[normalize_axis("vmap", other, its_axis)]
        if found != size:
            raise ShapeError(f"vmap: batches of {size} and of {found}{describe(first=first, other=other)}")
    return size


def _element(x: Expr, axis: int | None, batched: ExprTable[Expr]) -> Expr:
    """What the function sees of an argument: itself, or a stand-in for one element of its batch."""
    if axis is None:
        return x
    front = _axis_to_front(x, axis)
    element = leaf.input(x.name or "element", front.shape[1:], front.dtype)
    batched[element] = front
    return element


def _axis_to_front(x: Expr, axis: int) -> Expr:
    at = normalize_axis("vmap", x, axis)
    return permute_dims(x, (at, *(i for i in range(x.ndim) if i != at)))


def _results(results: Tree, out_axes: Axes, batched: ExprTable[Expr], size: Size) -> Any:
    axes = spread(out_axes, results.rebuild(results.leaves))
    if axes is None:
        raise GraphError(f"vmap: out_axes={out_axes!r} does not have the structure of the results")
    leaves = [lift("vmap", r) for r in results.leaves]
    became = spread_over_batch(leaves, batched, size)
    return results.rebuild(_placed(r, became, a, size) for r, a in zip(leaves, axes, strict=True))


def _placed(result: Expr, became: ExprTable[Expr], axis: int | None, size: Size) -> Expr:
    """A result with its batch axis where it is wanted."""
    if axis is None:
        if result in became:
            raise GraphError(f"vmap: out_axes is None for a result that depends on the batch{describe(result=result)}")
        return result
    whole = in_front(became.get(result, result), result in became, size)
    at = normalize_axis("vmap", whole, axis)
    return permute_dims(whole, (*range(1, at + 1), 0, *range(at + 1, whole.ndim)))
