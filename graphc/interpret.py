"""The NumPy oracle: every node by its op's reference, one after the other. Slow, plain, and right by definition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .ir.arguments import convert, solve_sizes
from .ir.dim import Dim
from .ir.errors import GraphError, ShapeError, describe
from .ir.expr import Expr
from .ir.graph import ExprTable, Graph, bind_sizes
from .ir.op import Array
from .ir.tree import expressions
from .ops import leaf


def interpret(outputs: Any, inputs: Mapping[Expr, Any] | None = None) -> Any:
    """Compute expressions with NumPy.

    Args:
        outputs: an expression, or tuples, lists and dicts of them.
        inputs: the array for each input, converted as in a call of a compiled function. Params have their value.

    Returns:
        Arrays in the structure of `outputs`.

    Raises:
        GraphError: an input is missing, or an array is given for something that is no input.
        DTypeError: an array does not convert to its input's dtype.
        ShapeError: an array does not fit its input, sizes of a named dimension disagree, or an operation cannot be
            done at these sizes.
    """
    tree = expressions(outputs, "interpret: outputs")
    return tree.rebuild(_run(tree.leaves, {} if inputs is None else inputs, keep=None))


def trace(outputs: Any, inputs: Mapping[Expr, Any] | None = None) -> ExprTable[Array]:
    """Like `interpret`, but the value of every node the outputs depend on."""
    values: ExprTable[Array] = ExprTable()
    _run(expressions(outputs, "trace: outputs").leaves, {} if inputs is None else inputs, keep=values)
    return values


def _run(outputs: tuple[Expr, ...], given: Mapping[Expr, Any], keep: ExprTable[Array] | None) -> list[Array]:
    if not isinstance(given, Mapping):
        raise GraphError(f"interpret: inputs are a dict, {{x: array}}, not {type(given).__name__}")
    graph = Graph((), outputs)
    arrays = _checked_inputs(graph, given)
    sizes = solve_sizes(tuple(arrays), (a.shape for a in arrays.values()))
    bound, became = bind_sizes(Graph(tuple(arrays), outputs), sizes)
    for node in bound.nodes:
        unknown = next((d for d in node.shape if isinstance(d, Dim)), None)
        if unknown is not None:
            raise ShapeError(f"interpret: no input determines the size {unknown}{describe(node=node)}")
    values = _evaluate(bound, ExprTable((became[e], a) for e, a in arrays.items()), free=keep is None)
    if keep is not None:
        for node in graph.nodes:
            keep[node] = values[became[node]]
    # Copies: a result may be a view of an input or of a constant.
    return [np.array(values[o], order="C") for o in bound.outputs]


def _checked_inputs(graph: Graph, given: Mapping[Expr, Any]) -> ExprTable[Array]:
    """The given arrays, converted. Keys are compared by identity: `==` of expressions builds graph."""
    arrays: ExprTable[Array] = ExprTable()
    for key, value in given.items():
        if not isinstance(key, Expr) or key.op.name != "input":
            what = describe(given=key) if isinstance(key, Expr) else f": {key!r}"
            raise GraphError(f"interpret: values are given for inputs only{what}")
        arrays[key] = convert(value, key.dtype, f"the value of {key.name!r}")
    missing = [n for n in graph.nodes if n.op.name == "input" and n not in arrays]
    if missing:
        names = ", ".join(repr(n.name) for n in missing)
        raise GraphError(f"interpret: no value is given for {names}{describe(missing=missing[0])}")
    return arrays


def _evaluate(graph: Graph, values: ExprTable[Array], *, free: bool) -> ExprTable[Array]:
    """The values of all nodes; with `free`, those of nodes that are needed no more are dropped on the way."""
    uses: ExprTable[int] = ExprTable((n, 0) for n in graph.nodes)
    for node in (*graph.outputs, *(a for n in graph.nodes for a in n.args)):
        uses[node] += 1
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            if node not in values:
                values[node] = _value(node, [values[a] for a in node.args])
            if free:
                _release(node.args, uses, values)
    return values


def _release(args: Iterable[Expr], uses: ExprTable[int], values: ExprTable[Array]) -> None:
    for arg in args:
        uses[arg] -= 1
        if not uses[arg]:
            values.pop(arg)


def _value(node: Expr, arguments: list[Array]) -> Array:
    if node.op.name == "param":
        return leaf.storage(node).read()
    value = node.op.reference(node.attrs, *arguments)
    if value.shape != node.shape or value.dtype != node.dtype.numpy:
        raise ShapeError(
            f"interpret: {node.op.name} gave {value.dtype} {value.shape}, its rule says otherwise{describe(node=node)}"
        )
    return value
