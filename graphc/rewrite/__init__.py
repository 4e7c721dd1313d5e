"""Rewriting: a graph becomes a simpler, stabler, faster one of the same meaning. Rules are data, one or two lines each.

    result = simplify(graph)                    # Simplified(graph, hits, origins)
    print(explain())                            # the rules by phase: name, kind, what becomes what

Each phase carries the rules of the ones before it along, so that what it makes is in their normal form as well: the
fixpoint of the last is the fixpoint of all, and canonical and stable forms need no alternating sweeps.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import chain

from ..ir.graph import Graph
from ..ir.source import no_sources
from .canonicalize import ALGEBRA, FAST_ALGEBRA
from .constants import FOLD
from .elementary import ELEMENTARY
from .engine import Rule, RuleSet, Simplified, rewrite
from .joins import JOINS
from .movement import MOVEMENT
from .specialize import SPECIALIZE, SUMS_OF_SCATTERS
from .stabilize import STABILIZE

CANONICALIZE = FOLD + MOVEMENT + JOINS + ALGEBRA + ELEMENTARY + FAST_ALGEBRA
STABLE = SUMS_OF_SCATTERS + STABILIZE

PHASES: tuple[tuple[str, tuple[Rule, ...]], ...] = (
    ("canonicalize", CANONICALIZE),
    ("stabilize", STABLE),
    ("specialize", SPECIALIZE),
)
"""What each phase adds to the rules of those before it."""

PIPELINES: dict[int, tuple[str, ...]] = {
    1: ("canonicalize",),
    2: ("stabilize", "specialize"),
    3: ("stabilize", "specialize"),
}
"""The phases that run at each optimization level. To canonicalize first would only rebuild the graph once more."""

RULES: tuple[Rule, ...] = CANONICALIZE + STABLE + SPECIALIZE


def simplify(graph: Graph, level: int = 2, fast_math: bool = False) -> Simplified:
    """The graph in the normal form of the rules.

    Args:
        graph: any graph; shapes may hold named dimensions.
        level: 1 brings it to canonical form, 2 and 3 also make it stable and specialize it for compilation, after
            which it should not be differentiated any more (`stop_gradient` is gone).
        fast_math: also apply rules that are wrong for nan, infinity or signed zero, or reassociate floats.

    Returns:
        The graph, how often each rule fired, and the provenance of every node.
    """
    names = PIPELINES[level]
    with no_sources():
        return rewrite(graph, [_rule_sets(*pair, fast_math) for pair in zip((None, *names), names, strict=False)])


def simplify_in_phases(graph: Graph, level: int = 2, fast_math: bool = False) -> Iterator[tuple[str, Simplified]]:
    """The same one phase after the other, for looking at: each phase's name and what it made of the graph before."""
    before = None
    for phase, _ in PHASES:
        with no_sources():
            found = rewrite(graph, [_rule_sets(before, phase, fast_math)])
        yield phase, found
        if phase == PIPELINES[level][-1]:
            return
        graph, before = found.graph, phase


@cache
def _rule_sets(before: str | None, phase: str, fast_math: bool) -> tuple[RuleSet, RuleSet]:
    """The rules of a phase, the earlier phases' along, and those among them that the phase run before did not have."""
    names = [name for name, _ in PHASES]
    enabled = [[r for r in rules if fast_math or r.kind != "fast_math"] for _, rules in PHASES]
    start, end = names.index(before) + 1 if before else 0, names.index(phase) + 1
    return RuleSet(chain(*enabled[:end])), RuleSet(chain(*enabled[start:end]))


def explain() -> str:
    """All rules as a table in Markdown: name, kind, what becomes what."""
    lines = ["| phase | rule | kind | |", "|---|---|---|---|"]
    for phase, rules in PHASES:
        lines += [f"| {phase} | {r.name} | {r.kind} | `{r.text}` |" for r in rules]
    return "\n".join(lines) + "\n"


__all__ = [
    "PHASES",
    "PIPELINES",
    "RULES",
    "Rule",
    "RuleSet",
    "Simplified",
    "explain",
    "rewrite",
    "simplify",
    "simplify_in_phases",
]
