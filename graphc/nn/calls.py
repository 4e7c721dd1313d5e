"""Which layer made which expression.

A layer is a function of expressions, and its result is an ordinary expression: nothing in it remembers the layer. This
table does, beside the graph, for as long as the result lives: models find their layers in it, the loss finds the logits
behind a softmax, and regularizers the activations they are about.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..ir.expr import Expr
from ..ir.graph import ExprTable

if TYPE_CHECKING:
    from .layer import Layer


@dataclass(frozen=True, eq=False)
class Call:
    """A layer applied to something. It must not hold the result, or neither would ever be freed."""

    layer: Layer | None
    """The layer; None for what `nn.Input` made."""
    inputs: tuple[Expr, ...]
    logits: tuple[str, Expr] | None = None
    """Where the result is a "softmax" or a "sigmoid": which of them, and of what."""
    position: int = 0
    """Which of several results of the call."""
    inner: Call | None = None
    """The call that had given this very result before: of the last layer in a model that is a layer itself."""

    def chain(self) -> Iterator[Call]:
        """This call and those inside of it that gave the same result."""
        call: Call | None = self
        while call is not None:
            yield call
            call = call.inner


_calls: dict[int, tuple[weakref.ref[Expr], Call]] = {}


def call_of(result: Expr) -> Call | None:
    """The call that gave this expression; None where no layer did."""
    found = _calls.get(id(result))
    return found[1] if found is not None and found[0]() is result else None


def record(result: Expr, call: Call) -> None:
    """Remember which call gave the expression. A layer that gives its argument back leaves no trace."""
    if any(result is x for x in call.inputs):
        return
    key = id(result)

    def forget(gone: weakref.ref[Expr]) -> None:
        if key in _calls and _calls[key][0] is gone:
            del _calls[key]

    _calls[key] = (weakref.ref(result, forget), call)


def logits_of(result: Expr) -> tuple[str, Expr] | None:
    """Where the expression is a layer's softmax or sigmoid: which of them, and of what."""
    call = call_of(result)
    return None if call is None else next((c.logits for c in call.chain() if c.logits is not None), None)


def layers_behind(results: Iterable[Expr]) -> list[tuple[Layer, Expr]]:
    """The layers that the expressions come from, and a result of each, in the order they were applied. Layers inside a
    model that is a layer itself are that one's affair."""
    found: dict[int, tuple[Layer, Expr]] = {}
    for node, call in trail(results):
        if call is not None and call.layer is not None:
            found.setdefault(id(call.layer), (call.layer, node))
    return list(found.values())


def trail(results: Iterable[Expr]) -> list[tuple[Expr, Call | None]]:
    """What the expressions come from, as layers see it: results of calls and the nodes between them, each after what it
    is made of. What happens inside of a call is left out."""
    done: ExprTable[None] = ExprTable()
    order: list[tuple[Expr, Call | None]] = []
    stack = [(node, False) for node in reversed(list(results))]
    while stack:
        node, ready = stack.pop()
        if node in done:
            continue
        call = call_of(node)
        if ready:
            done[node] = None
            order.append((node, call))
        else:
            stack.append((node, True))
            stack.extend((x, False) for x in reversed(node.args if call is None else call.inputs))
    return order
