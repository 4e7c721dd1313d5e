"""Constant folding as a pass of its own: what depends on constants alone is computed once, at compile time.

    %0: f32[] = constant {value=2.0}
    %1: f32[] = constant {value=3.0}              %0: f32[] = constant {value=6.0}
    %2: f32[] = multiply %0, %1             →     return %0
    return %2

The rules are those that `graphc.rewrite.simplify` carries in every phase; this pass applies nothing else, for graphs
that are compiled as they were written.
"""

from __future__ import annotations

from functools import lru_cache

from ..ir.graph import Graph
from ..ir.source import no_sources
from ..rewrite.constants import FOLD
from ..rewrite.engine import RuleSet, rewrite


@lru_cache(maxsize=1)
def _phase() -> tuple[RuleSet, RuleSet]:
    rules = RuleSet(FOLD)
    return rules, rules


def fold(graph: Graph) -> Graph:
    """The graph with its constant parts evaluated by the ops' NumPy references.

    Broadcasts of constants are not laid out, iota stays symbolic, and a folded constant has at most
    `graphc.rewrite.constants.LARGEST` elements. Parts with named dimensions wait until these are numbers.
    """
    with no_sources():
        return rewrite(graph, [_phase()]).graph
