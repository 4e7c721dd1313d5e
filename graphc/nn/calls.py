"""Which layer made which expression.

A layer is a function of expressions, and its result is an ordinary expression: nothing in it remembers the layer. A
table does, beside the graph, for as long as the result lives. Expressions that are equal are one, so that a later call
may give a result that is there already, and then that is what the table says; models keep what it said when they were
made.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from ..ir.expr import Expr, post_order
from ..ir.graph import ExprTable

if TYPE_CHECKING:
    from .layer import Layer

Logits: TypeAlias = tuple[str, Expr]
"""Of a "softmax" or a "sigmoid": which of them, and of what."""


@dataclass(frozen=True, eq=False)
class Call:
    """A layer applied to something. It must not hold the result, or neither would ever be freed."""

    layer: Layer | None
    """The layer; None for what `nn.Input` made."""
    inputs: tuple[Expr | None, ...]
    """What it was applied to; None for the result itself, where the layer gave that back."""
    logits: Logits | None = None
    position: int = 0
    """Which of several results of the call."""
    inner: Call | None = None
    """The call that had given this very result before: of what the layer gave back, or of the last layer in a model
    that is a layer itself."""

    @property
    def gives_back(self) -> bool:
        """Whether the result is something that the layer was applied to."""
        return any(x is None for x in self.inputs)

    def chain(self) -> Iterator[Call]:
        """This call and those before it that gave the same result."""
        call: Call | None = self
        while call is not None:
            yield call
            call = call.inner


CallOf: TypeAlias = Callable[[Expr], Call | None]
Step: TypeAlias = tuple[Expr, Call | None]
"""A result and the call that gave it; a node between layers and None."""

_calls: dict[int, tuple[weakref.ref[Expr], Call]] = {}


def call_of(result: Expr) -> Call | None:
    """The latest call that gave this expression; None where no layer did."""
    found = _calls.get(id(result))
    return found[1] if found is not None and found[0]() is result else None


def record(
    result: Expr, layer: Layer | None, inputs: Iterable[Expr], logits: Logits | None = None, position: int = 0,
    *, holds: bool = False,
) -> None:  # fmt: skip
    """Remember which call gave the expression, and what gave it before if the layer gave it back or `holds` that."""
    given = tuple(None if x is result else x for x in inputs)
    call = Call(layer, given, logits, position)
    before = call_of(result)
    if before is not None and (call.gives_back or holds):
        if before.layer is layer:
            return
        call = Call(layer, given, logits, position, before)
    put(result, call)


def put(result: Expr, call: Call) -> None:
    """Remember that the call gave the expression."""
    key = id(result)

    def forget(gone: weakref.ref[Expr], calls: dict[int, tuple[weakref.ref[Expr], Call]] = _calls) -> None:
        # The table is an argument: as Python ends, modules lose their names.
        if key in calls and calls[key][0] is gone:
            del calls[key]

    _calls[key] = (weakref.ref(result, forget), call)


def logits_of(result: Expr, of: CallOf = call_of) -> Logits | None:
    """What a softmax or sigmoid is of, where a layer gave the expression as one."""
    call = of(result)
    return None if call is None else next((c.logits for c in call.chain() if c.logits is not None), None)


def trail(results: Iterable[Expr], of: CallOf = call_of) -> list[Step]:
    """What the expressions come from, as layers see it: results of calls and the nodes between them, each after what it
    is made of. What happens inside of a call is left out."""
    done: ExprTable[None] = ExprTable()
    order: list[Step] = []
    stack = [(node, False) for node in reversed(list(results))]
    while stack:
        node, ready = stack.pop()
        if node in done:
            continue
        calls = _in_turn(of(node))
        if ready:
            done[node] = None
            order.extend((node, call) for call in calls)
        else:
            stack.append((node, True))
            made_of = [x for call in calls for x in (node.args if call is None else call.inputs) if x is not None]
            stack.extend((x, False) for x in reversed(made_of))
    return order


def _in_turn(call: Call | None) -> list[Call | None]:
    """The call that made a result, None for an operation, and those of layers that gave it back."""
    later: list[Call | None] = []
    while call is not None and call.gives_back:
        later.append(call)
        call = call.inner
    return [call, *reversed(later)]


class Calls:
    """Which layers some expressions come from. Calls that come later change nothing.

    Layers that gave something back are told at the ends alone, as the heads they stand for: further inside, nothing
    says whether it was their result that was used or what they were given.
    """

    def __init__(self, results: Iterable[Expr]) -> None:
        self._results = tuple(results)
        self.known: ExprTable[Call] = ExprTable()
        """By result the calls, those inside of models that are layers themselves among them."""
        ends = ExprTable((result, None) for result in self._results)
        for node in post_order(self._results):
            call = call_of(node)
            while call is not None and call.gives_back and node not in ends:
                call = call.inner
            if call is not None:
                self.known[node] = call

    def of(self, result: Expr) -> Call | None:
        """The call that gave the expression."""
        return self.known.get(result)

    def logits_of(self, result: Expr) -> Logits | None:
        """What a softmax or sigmoid is of, where a layer gave the expression as one."""
        return logits_of(result, self.of)

    @cached_property
    def steps(self) -> list[Step]:
        """What the expressions come from, as layers see it, see `trail`."""
        return trail(self._results, self.of)

    @cached_property
    def layers(self) -> dict[Layer, tuple[Expr, Call]]:
        """The layers in the order they were first applied, with the result and the call. Layers inside a model that is
        a layer itself are that one's affair."""
        found: dict[Layer, tuple[Expr, Call]] = {}
        for node, call in self.steps:
            if call is not None and call.layer is not None:
                found.setdefault(call.layer, (node, call))
        return found

    def sources(self, result: Expr, call: Call) -> list[tuple[Expr, Call]]:
        """The calls right before the one that gave this result, past whatever is computed between."""
        found: dict[Call, Expr] = {}
        seen: ExprTable[None] = ExprTable()
        stack = list(reversed(call.inputs))
        while stack:
            node = stack.pop()
            before = call.inner if node is None else self.of(node)
            at = result if node is None else node
            if before is not None:
                found[before] = at
            elif at not in seen:
                seen[at] = None
                stack.extend(reversed(at.args))
        return [(node, before) for before, node in found.items()]
