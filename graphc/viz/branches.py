"""What is computed only if a predicate holds: the sides of a `gc.cond`, which pictures frame.

if training      what only the first side needs
unless s > 0     what only the second side needs
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..ir.expr import Expr
from ..ir.graph import ExprTable
from ..ir.scope import Path
from ..ops.guard import Condition, guards, outermost_first
from .wording import SLOT, inline_text, words


def branches(nodes: Sequence[Expr], roots: Iterable[Expr]) -> ExprTable[Path]:
    """For nodes that only a branch needs: what has to hold for it, the outermost condition first.

    Args:
        nodes: arguments before what uses them.
        roots: what is needed whatever holds.
    """
    guarded = guards(nodes, roots)
    captions = _Captions()
    return ExprTable((node, tuple(map(captions, outermost_first(guarded[node])))) for node in nodes if node in guarded)


def caption_of(conditions: Iterable[Condition]) -> str:
    """Conditions that all have to be met, in words; nothing where there are none."""
    return ", ".join(map(_words, conditions))


class _Captions:
    """Conditions in words; those on other predicates of the same words are numbered."""

    def __init__(self) -> None:
        self._predicates: dict[str, list[Expr]] = {}

    def __call__(self, condition: Condition) -> str:
        told = _words(condition)
        known = self._predicates.setdefault(told, [])
        number = next((i for i, found in enumerate(known) if found is condition.predicate), len(known))
        if number == len(known):
            known.append(condition.predicate)
        return f"{told} ({number + 1})" if number else told


def _words(condition: Condition) -> str:
    predicate = condition.predicate
    said = predicate.name or words(predicate, [_operand(arg) for arg in predicate.args])
    return f"{'if' if condition.holds else 'unless'} {said}"


def _operand(node: Expr) -> str:
    return node.name or inline_text(node, None) or SLOT
