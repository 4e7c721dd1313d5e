"""A graph in float64, whatever its own dtypes are: constants keep their value, conversions to float32 become float64.

Differences of two values have digits left then, which is what finite differences and comparisons of formulas need.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

import graphc as gc

from ..ir.arguments import convert, solve_sizes
from ..ir.dtype import DType, float64
from ..ir.errors import GraphError, ShapeError, describe
from ..ir.expr import Expr, make, post_order
from ..ir.graph import ExprTable, Graph, bind_sizes, rebuild
from ..ir.op import Array
from ..ops import leaf

if TYPE_CHECKING:
    from .derivation import Link

Function: TypeAlias = Callable[[Array], Array]


class InFloat64:
    """Expressions and all they are made of, rebuilt with float64 leaves and evaluated once."""

    def __init__(self, mentioned: Iterable[Expr], values: Mapping[Any, Any]) -> None:
        """
        Raises:
            GraphError: an input has no value, or a value is given for something else.
            ShapeError: the arrays do not fit the inputs, or disagree about a named dimension.
        """
        roots = list(mentioned)
        arrays = _arrays(post_order(roots), values)
        inputs = tuple(e for e in arrays if e.op.name == "input")
        sizes = solve_sizes(inputs, (arrays[e].shape for e in inputs))
        bound, became = bind_sizes(Graph(inputs, tuple(roots)), sizes)
        self.sizes: Mapping[str, int] = sizes
        """Of the named dimensions."""
        self._feeds: dict[Expr, Array] = {}
        retyped = self._retype(bound, ExprTable((became[e], a) for e, a in arrays.items()))
        self._new: ExprTable[Expr] = ExprTable((old, retyped[new]) for old, new in became.items() if new in retyped)
        nodes = post_order([self._new[r] for r in roots])
        self._values: ExprTable[Array] = ExprTable(zip(nodes, gc.interpret(nodes, self._feeds), strict=True))

    def value(self, node: Expr) -> Array:
        """What a node is, in float64."""
        return self._values[self._new[node]]

    def through(self, links: tuple[Link, ...]) -> Function:
        """The value at the upper end of the links as a function of the argument at the lower end."""
        feeds: dict[Expr, Array] = {}
        variable = value = self._variable(links[-1].argument)
        for link in reversed(links):
            top = self._new[link.consumer]
            args = top.args if link.composite is None else [self._new[a] for a in link.composite.args]
            given = [value if i == link.position else self._fixed(a, feeds) for i, a in enumerate(args)]
            if link.composite is None:
                value = make(top.op, tuple(given), top.attrs)
            else:
                value = _over(top, ExprTable(zip(args, given, strict=True)))
        return lambda array: np.asarray(gc.interpret(value, {**feeds, variable: array}))

    def whole(self, loss: Expr, wrt: Expr) -> Function:
        """The loss as a function of one variable. What derivatives take as a constant stays one."""
        variable = self._variable(wrt)
        top, feeds = self._new[loss], dict(self._feeds)
        new: ExprTable[Expr] = ExprTable([(self._new[wrt], variable)])
        for node in post_order([top]):
            if node.op.name == "stop_gradient" and node not in new:
                new[node] = self._fixed(node, feeds)
        value = _over(top, new)
        return lambda array: np.asarray(gc.interpret(value, {**feeds, variable: array}))

    def _variable(self, node: Expr) -> Expr:
        return leaf.input("variable", self._values[self._new[node]].shape, float64)

    def _fixed(self, node: Expr, feeds: dict[Expr, Array]) -> Expr:
        """An input that is fed the node's value."""
        array = self._values[node]
        fixed = leaf.input("fixed", array.shape, node.dtype)
        feeds[fixed] = array
        return fixed

    def _retype(self, graph: Graph, arrays: ExprTable[Array]) -> ExprTable[Expr]:
        new: ExprTable[Expr] = ExprTable()
        for node in graph.nodes:
            new[node] = self._retyped(node, tuple(new[a] for a in node.args), arrays)
        return new

    def _retyped(self, node: Expr, args: tuple[Expr, ...], arrays: ExprTable[Array]) -> Expr:
        if node in arrays:
            array = arrays[node].astype(_wide(node.dtype).numpy)
            variable = leaf.input(str(node.name), array.shape, _wide(node.dtype))
            self._feeds[variable] = array
            return variable
        if node.op.name == "constant":
            return leaf.constant(node.attrs["value"].array.astype(_wide(node.dtype).numpy))
        attrs = {k: _wide(v) if isinstance(v, DType) else v for k, v in node.attrs.items()}
        if node.op.kind == "leaf":
            return make(node.op, (), attrs, dtype=_wide(node.dtype), shape=node.shape)
        return make(node.op, args, attrs)


def _wide(dtype: DType) -> DType:
    return float64 if dtype.is_float else dtype


def _arrays(nodes: Iterable[Expr], values: Mapping[Any, Any]) -> ExprTable[Array]:
    """The array for each input and param; those of float inputs keep the digits they were given with."""
    given: ExprTable[Any] = ExprTable()
    for key, value in values.items():
        if not isinstance(key, Expr) or key.op.name not in ("input", "param"):
            what = describe(given=key) if isinstance(key, Expr) else f": {key!r}"
            raise GraphError(f"check: values are given for inputs and params only{what}")
        given[key] = convert(value, _wide(key.dtype), f"the value of {key.name!r}")
    for node in nodes:
        if node.op.name == "param" and node not in given:
            given[node] = leaf.storage(node).read()
        if node.op.name == "input" and node not in given:
            raise GraphError(f"check: no value is given for {node.name!r}{describe(missing=node)}")
        if node.op.name == "param" and given[node].shape != node.shape:
            raise ShapeError(f"check: a value of shape {given[node].shape} does not fit{describe(param=node)}")
    return given


def _over(root: Expr, new: ExprTable[Expr]) -> Expr:
    """The root rebuilt above the nodes that are replaced in `new`. Iterative."""
    stack = [root]
    while stack:
        node = stack[-1]
        waiting = [] if node in new else [a for a in node.args if a not in new]
        if waiting:
            stack.extend(waiting)
            continue
        stack.pop()
        if node not in new:
            new[node] = rebuild(node, tuple(new[a] for a in node.args))
    return new[root]
