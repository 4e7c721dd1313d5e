"""A graph to compile: inputs, outputs and simultaneous updates of params.

Also what every traversal needs: identity tables, and rebuilding a node over new arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from .dim import Dim, evaluate
from .errors import DTypeError, GraphError, ShapeError, describe
from .expr import Expr, make, post_order
from .open_size import OpenSize
from .source import no_sources

V = TypeVar("V")


class ExprTable(dict[Expr, V]):
    """A dict from expressions.

    `==` on expressions builds graph, but a dict never comes to it: it compares identities first, and the hash of an
    expression is its identity. Lists and tuples do use `==`: there, `in` is always a mistake.
    """

    __slots__ = ()
    __hash__ = None


@dataclass(frozen=True, eq=False)
class Graph:
    """Inputs, outputs in a flat row, and the new value of each updated param. All of them see the old values."""

    inputs: tuple[Expr, ...]
    outputs: tuple[Expr, ...]
    updates: tuple[tuple[Expr, Expr], ...] = ()
    """(param, new value), at most one for each param."""

    @property
    def roots(self) -> tuple[Expr, ...]:
        """What has to be computed: the outputs, then the new values."""
        return self.outputs + tuple(new for _, new in self.updates)

    @cached_property
    def nodes(self) -> list[Expr]:
        """All nodes, arguments first."""
        return post_order(self.roots)

    @cached_property
    def ops(self) -> frozenset[str]:
        """The names of the ops of all nodes: quicker to ask than the nodes, of which many have the same."""
        return frozenset([op.name for op in {n.op for n in self.nodes}])

    @cached_property
    def params(self) -> tuple[Expr, ...]:
        """The params that are read or updated, in the order of first use."""
        found = ExprTable((n, None) for n in self.nodes if n.op.name == "param")
        for param, _ in self.updates:
            found[param] = None
        return tuple(found)

    @cached_property
    def users(self) -> ExprTable[list[Expr]]:
        """For each node the nodes that take it as an argument, once for each use."""
        table: ExprTable[list[Expr]] = ExprTable((n, []) for n in self.nodes)
        for node in self.nodes:
            for arg in node.args:
                table[arg].append(node)
        return table

    def with_roots(self, roots: Iterable[Expr]) -> Graph:
        """The same inputs and updated params with other outputs and new values, in the order of `roots`."""
        found = tuple(roots)
        split = len(self.outputs)
        updates = tuple((p, new) for (p, _), new in zip(self.updates, found[split:], strict=True))
        return Graph(self.inputs, found[:split], updates)


def rebuild(node: Expr, args: tuple[Expr, ...]) -> Expr:
    """The node's op and attributes over other arguments; the node itself when they are its own."""
    if all(a is b for a, b in zip(node.args, args, strict=True)):
        return node
    return make(node.op, args, node.attrs)


def replace(roots: Iterable[Expr], change: Callable[[Expr, tuple[Expr, ...]], Expr]) -> list[Expr]:
    """Rebuild a graph from its leaves up: `change(node, new_args)` gives what each node becomes."""
    wanted = list(roots)
    new: ExprTable[Expr] = ExprTable()
    for node in post_order(wanted):
        new[node] = change(node, tuple(new[a] for a in node.args))
    return [new[r] for r in wanted]


def bind_sizes(graph: Graph, sizes: Mapping[str, int]) -> tuple[Graph, ExprTable[Expr]]:
    """The graph with its named dimensions replaced by numbers, and what each node became.

    Names, scopes and sources go along.

    Raises:
        ShapeError: an operation is impossible at these sizes.
    """
    new: ExprTable[Expr] = ExprTable()
    with no_sources():
        for node in post_order((*graph.roots, *graph.inputs, *(p for p, _ in graph.updates))):
            bound = _bind(node, tuple(new[a] for a in node.args), sizes)
            bound.name = bound.name or node.name
            bound.scope = bound.scope or node.scope
            bound.sources = bound.sources or node.sources
            new[node] = bound
    updates = tuple((new[p], new[v]) for p, v in graph.updates)
    bound_graph = Graph(tuple(new[i] for i in graph.inputs), tuple(new[o] for o in graph.outputs), updates)
    return bound_graph, new


def _bind(node: Expr, args: tuple[Expr, ...], sizes: Mapping[str, int]) -> Expr:
    attrs = {k: _concrete(v, sizes) for k, v in node.attrs.items()}
    shape = _concrete(node.shape, sizes)
    same_args = all(a is b for a, b in zip(node.args, args, strict=True))
    if same_args and shape == node.shape and attrs == dict(node.attrs):
        return node
    if node.op.kind == "leaf":
        return make(node.op, args, attrs, dtype=node.dtype, shape=shape)
    return make(node.op, args, attrs)


def _concrete(value: Any, sizes: Mapping[str, int]) -> Any:
    """An attribute or shape with the sizes in it evaluated."""
    if isinstance(value, (Dim, OpenSize)):
        return evaluate(value, sizes)
    return tuple(_concrete(v, sizes) for v in value) if isinstance(value, tuple) else value


def check_updates(updates: Iterable[tuple[Expr, Expr]]) -> None:
    """Refuse updates of what is no param, or that would change a param's dtype or shape.

    Raises:
        GraphError: the key is no param, or a param is updated twice.
        ShapeError, DTypeError: the new value does not fit the param.
    """
    seen: ExprTable[None] = ExprTable()
    for param, new in updates:
        if param.op.name != "param":
            raise GraphError(f"only params can be updated{describe(updated=param)}")
        if param in seen:
            raise GraphError(f"the param {param.name!r} is updated twice{describe(param=param)}")
        seen[param] = None
        if new.shape != param.shape:
            raise ShapeError(f"an update may not change a param's shape{describe(param=param, new_value=new)}")
        if new.dtype is not param.dtype:
            raise DTypeError(f"an update may not change a param's dtype{describe(param=param, new_value=new)}")
