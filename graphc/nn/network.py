"""The graph of a model: what goes in, what comes out, and the same over other arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import graphc as gc

from ..ir.dim import Dim, Size, show
from ..ir.errors import GraphError, ShapeError, describe
from ..ir.expr import Expr, post_order
from ..ir.graph import ExprTable, Graph, bind_sizes, rebuild
from ..ir.tree import Tree
from .calls import Call, Calls, put
from .dropout import TRAINING
from .layer import Layer

BATCH = Dim("batch")


@dataclass(frozen=True, eq=False)
class Network:
    """Inputs of shape (batch, ...), and outputs made of them."""

    inputs: tuple[Expr, ...]
    outputs: Tree
    calls: Calls = field(init=False)
    """Which layers it is made of."""

    def __post_init__(self) -> None:
        fed = ExprTable((x, None) for x in (*self.inputs, TRAINING))
        for x in self.inputs:
            if not isinstance(x, Expr) or x.op.name != "input":
                raise GraphError(f"a model's inputs are made by nn.Input{_what(x)}")
            if x.shape[:1] != (BATCH,) or any(isinstance(d, Dim) for d in x.shape[1:]):
                raise ShapeError(f"a model's input has the shape (batch, numbers...){describe(input=x)}")
        if len(fed) != len(self.inputs) + 1:
            raise GraphError("an input of a model is given once")
        for node in post_order(self.outputs.leaves):
            if node.op.name == "input" and node not in fed:
                raise GraphError(f"the model's outputs depend on an input that is not among its inputs{_what(node)}")
        object.__setattr__(self, "calls", Calls(self.outputs.leaves))

    @property
    def layers(self) -> list[Layer]:
        """The layers, in the order they are applied."""
        return list(self.calls.layers)

    def loose_params(self) -> list[Expr]:
        """Params that the outputs depend on and that belong to no layer."""
        owned = ExprTable((p, None) for layer in self.layers for p in layer.weights().values())
        return [n for n in post_order(self.outputs.leaves) if n.op.name == "param" and n not in owned]

    def at(self, arguments: Sequence[Expr]) -> list[Expr]:
        """The outputs for other arguments than the inputs.

        Raises:
            ShapeError: an argument has another shape than its input, but for the batch.
        """
        if len(arguments) != len(self.inputs):
            raise GraphError(f"the model takes {len(self.inputs)} inputs, {len(arguments)} were given")
        for fed, x in zip(self.inputs, arguments, strict=True):
            if x.shape[1:] != fed.shape[1:] or not x.shape or x.dtype is not fed.dtype:
                raise ShapeError(f"the model is made for another input{describe(made_for=fed, given=x)}")
        batch = arguments[0].shape[0]
        return self._over(ExprTable(zip(self.inputs, arguments, strict=True)), batch)

    def _over(self, arguments: ExprTable[Expr], batch: Size) -> list[Expr]:
        new: ExprTable[Expr] = ExprTable(arguments.items())
        roots: Sequence[Expr] = self.outputs.leaves
        if batch != BATCH:
            sizes: Mapping[str, Any] = {"batch": batch}
            bound, became = bind_sizes(Graph(self.inputs, tuple(roots)), sizes)
            new = ExprTable((became[fed], x) for fed, x in arguments.items())
            found, then = _substituted(bound.outputs, new)
            _record_again(self.calls, ExprTable((old, then[at]) for old, at in became.items() if at in then))
            return found
        found, became = _substituted(roots, new)
        _record_again(self.calls, became)
        return found


def substitute(roots: Iterable[Expr], new: ExprTable[Expr]) -> list[Expr]:
    """The graph with other expressions in place of some. Names go along."""
    return _substituted(roots, new)[0]


def _substituted(roots: Iterable[Expr], new: ExprTable[Expr]) -> tuple[list[Expr], ExprTable[Expr]]:
    wanted = list(roots)
    became: ExprTable[Expr] = ExprTable(new.items())
    for node in post_order(wanted):
        if node not in became:
            made = became[node] = rebuild(node, tuple(became[a] for a in node.args))
            made.name = made.name or node.name
    return [became[r] for r in wanted], became


def _record_again(calls: Calls, became: ExprTable[Expr]) -> None:
    """The layers made what their results have become. What took the place of an input is not the input's."""
    for node, call in calls.known.items():
        if call.layer is not None and node in became and became[node] is not node:
            put(became[node], _moved(call, became))


def _moved(call: Call, became: ExprTable[Expr]) -> Call:
    moved: Call | None = None
    for one in reversed(list(call.chain())):
        logits = None if one.logits is None else (one.logits[0], became.get(one.logits[1], one.logits[1]))
        inputs = tuple(None if x is None else became.get(x, x) for x in one.inputs)
        moved = Call(one.layer, inputs, logits, one.position, moved)
    assert moved is not None
    return moved


def while_training(roots: Sequence[Expr], training: bool) -> list[Expr]:
    """The graph as it is in training, or as it is not."""
    return substitute(roots, ExprTable([(TRAINING, gc.constant(training))]))


def activity_penalties(calls: Calls) -> list[Expr]:
    """What the results of layers with an activity regularizer cost, divided by the batch, scalars."""
    found = []
    for node, call in calls.known.items():
        for one in call.chain():
            if one.layer is not None and one.layer.activity_regularizer is not None:
                cost = one.layer.activity_regularizer(node)
                found.append(cost / gc.astype(gc.size(node, 0), cost.dtype) if node.ndim else cost)
    return found


def _what(given: object) -> str:
    return describe(given=given) if isinstance(given, Expr) else f", not {given!r}"


def shape_text(shape: Sequence[Size]) -> str:
    """A shape as summaries show it."""
    return show(tuple(shape))
