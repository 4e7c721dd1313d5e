"""Rules, and bringing a graph to the form where none of them fires.

    %2 = multiply %0, %1    # %1 = 1.0                 %0
    %3 = log %2                             →          %1 = subtract(%0, ...)

Rules look only at what an expression is made of, so a node over arguments in normal form is tried once, what a rule
builds is brought to normal form in turn, and every distinct node is settled once: one sweep, from the leaves up,
reaches the fixpoint, and a second one over a settled graph looks at its roots and stops.

A `Trail` remembers for the whole compilation which node of the given graph every made node answers for. It also
bounds how often rules may fire on behalf of one given node, so that rewriting ends whatever the rules say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..ir.expr import Expr, make
from ..ir.graph import ExprTable, Graph
from ..ir.op import OpDef
from .pattern import Found, Pattern

RuleKind: TypeAlias = Literal["exact", "stabilize", "fast_math"]

_REWRITES_PER_NODE = 1000
_ORIGINS_KEPT = 4


@dataclass(frozen=True, eq=False, slots=True)
class Rule:
    """What is looked for and what it becomes.

    `build` takes the pattern's variables by their names, and `out` for the matched expression itself; it returns
    None to decline. Kinds: "exact" keeps every bit, nan, infinity and signed zero included. "stabilize" may round
    differently, never worse, and give a sum that is 0 the other sign (a sum's order and start are the compiler's).
    "fast_math" is only used when asked for.
    """

    name: str
    pattern: Pattern
    build: Callable[..., Expr | None]
    kind: RuleKind = "exact"
    becomes: str = ""

    @property
    def text(self) -> str:
        """The rule on one line."""
        return f"{self.pattern} → {self.becomes}"


@dataclass(frozen=True, eq=False, slots=True)
class _Candidate:
    """One order of a rule's commutative arguments, ready to be tried."""

    rule: Rule
    pattern: Pattern
    wanted: tuple[str, ...]
    of_itself: bool
    """Whether it needs two arguments that are the same."""

    def apply(self, expr: Expr) -> Expr | None:
        found: Found = {}
        if not self.pattern.match(expr, found):
            return None
        found["out"] = expr
        return self.rule.build(*[found[name] for name in self.wanted])


class RuleSet:
    """Rules indexed by the op they start at, by the ops of its arguments, and by those of their arguments."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._candidates = [
            _Candidate(r, p, _parameters(r.build), p.is_of_itself()) for r in rules for p in r.pattern.variants()
        ]
        self._by_op: dict[OpDef, list[_Candidate]] = {}
        self._by_ops: dict[tuple[object, ...], tuple[_Candidate, ...]] = {}
        self._by_more_ops: dict[tuple[tuple[object, ...], ...], tuple[_Candidate, ...]] = {}

    def candidates(self, expr: Expr) -> tuple[_Candidate, ...]:
        """The rules that can fire at `expr`, judged by its op, the ops of its arguments and of their arguments."""
        starting = self._by_op.get(expr.op)
        if starting is None:
            starting = self._by_op[expr.op] = [c for c in self._candidates if c.pattern.admits(expr.op)]
        if not starting:
            return ()
        args = expr.args
        same = len(args) == 2 and args[0] is args[1]
        key = (expr.op, same, *[a.op for a in args])
        found = self._by_ops.get(key)
        if found is None:
            ops = [a.op for a in args]
            found = tuple([c for c in starting if c.pattern.admits_arguments(ops) and same >= c.of_itself])
            self._by_ops[key] = found
        if not found:
            return found
        deeper = tuple([tuple([b.op for b in a.args]) for a in args])
        closer = self._by_more_ops.get((key, deeper))
        if closer is None:
            closer = tuple([c for c in found if c.pattern.admits_deeper(deeper)])
            self._by_more_ops[key, deeper] = closer
        return closer


def _parameters(build: Callable[..., Expr | None]) -> tuple[str, ...]:
    code = build.__code__
    names: tuple[str, ...] = code.co_varnames[: code.co_argcount]
    return names


class Trail:
    """Which given node each made node answers for, and how often each rule fired."""

    def __init__(self, given: Sequence[Expr]) -> None:
        self._origin = ExprTable(zip(given, given, strict=True))
        self.made: list[Expr] = []
        self._fired: Counter[Expr] = Counter()
        self.hits: Counter[str] = Counter()

    def is_given(self, node: Expr) -> bool:
        """Whether the node is of the given graph."""
        return self._origin.get(node) is node

    def origin(self, node: Expr) -> Expr:
        """The given node that `node` was made for; itself when it was given."""
        return self._origin[node]

    def adopt(self, made: Expr, root: Expr) -> bool:
        """Enter `made`, if it is new, as made for `root`."""
        if made in self._origin:
            return False
        self._origin[made] = self._origin[root]
        self.made.append(made)
        return True

    def fire(self, rule: Rule, root: Expr, made: Expr) -> None:
        """Count a rewriting of `root`, and enter `made` and all that is new below it."""
        self.hits[rule.name] += 1
        self._fired[self._origin[root]] += 1
        waiting = [made]
        while waiting:
            node = waiting.pop()
            if self.adopt(node, root):
                waiting.extend(node.args)

    def exhausted(self, node: Expr) -> bool:
        """Whether rules fired too often for the given node behind `node`."""
        return self._fired[self._origin[node]] >= _REWRITES_PER_NODE


class Phase:
    """A set of rules at work: what is settled, and which rewritings are under way."""

    def __init__(self, rules: RuleSet, added: RuleSet, trail: Trail) -> None:
        """`added` are the rules that can fire at a node the phase before has settled: those it did not have."""
        self._rules = rules
        self._added = added
        self._trail = trail
        self._ahead: ExprTable[Expr] = ExprTable()
        self.settled: ExprTable[Expr] = ExprTable()
        """What each node became."""
        self.changed: list[Expr] = []
        """The nodes of the graph before that became others."""

    def run(self, order: Iterable[Expr]) -> None:
        """Settle nodes the phase before has settled, given with arguments first."""
        settled, candidates = self.settled, self._added.candidates
        for node in order:
            for arg in node.args:
                if settled[arg] is not arg:
                    became = self._step(node)
                    break
            else:
                found = candidates(node)
                became = self._fire(node, found) if found else node
            if became is node:
                settled[node] = node
                continue
            if became in settled:
                settled[node] = settled[became]
            else:
                self._ahead[node] = became
                self._settle(node)
            if settled[node] is not node:
                self.changed.append(node)

    def _settle(self, root: Expr) -> None:
        """Bring a node, and whatever is made on the way, to normal form."""
        settled, ahead = self.settled, self._ahead
        stack = [root]
        while stack:
            node = stack[-1]
            if node in settled:
                stack.pop()
                continue
            became = ahead.get(node)
            if became is not None:
                end = settled.get(became)
                if end is None:
                    self._enter(stack, [became])
                else:
                    settled[node] = end
                continue
            waiting = [a for a in node.args if a not in settled]
            if waiting:
                self._enter(stack, waiting)
                continue
            became = self._step(node)
            if became is not node:
                ahead[node] = became

    def _enter(self, stack: list[Expr], nodes: list[Expr]) -> None:
        """Put nodes on the stack. One that is already being rewritten would go in a circle: it stays as it is."""
        for node in reversed(nodes):
            became = self._ahead.get(node)
            if became is not None and became not in self.settled:
                self.settled[node] = node
            else:
                stack.append(node)

    def _step(self, node: Expr) -> Expr:
        """What the first rule that fires makes of the node over settled arguments; that node itself if none does."""
        settled, rebuilt = self.settled, node
        for arg in node.args:
            if settled[arg] is not arg:
                rebuilt = make(node.op, tuple([settled[a] for a in node.args]), node.attrs)
                if rebuilt in settled:
                    return rebuilt
                self._trail.adopt(rebuilt, node)
                break
        became = self._fire(rebuilt, self._rules.candidates(rebuilt))
        if became is rebuilt:
            settled[rebuilt] = rebuilt
        return became

    def _fire(self, node: Expr, candidates: Iterable[_Candidate]) -> Expr:
        for candidate in candidates:
            made = candidate.apply(node)
            if made is not None and made is not node and not self._trail.exhausted(node):
                self._trail.fire(candidate.rule, node, made)
                return made
        return node


@dataclass(frozen=True, eq=False)
class Simplified:
    """A simplified graph, how often each rule fired, and where nodes came from that stand for more than themselves."""

    graph: Graph
    hits: dict[str, int]
    origins: ExprTable[tuple[Expr, ...]]
    """The given nodes a node of the graph stands for; one that has no entry was given and stands for itself."""


def rewrite(graph: Graph, phases: Sequence[tuple[RuleSet, RuleSet]]) -> Simplified:
    """Bring the graph to the normal form of each phase in turn; names of rewritten nodes carry over.

    Args:
        graph: the given graph.
        phases: for each its rules, and those among them that the phase before did not have.
    """
    trail = Trail(graph.nodes)
    result, run = graph, []
    for rules, added in phases:
        phase = Phase(rules, added, trail)
        phase.run(result.nodes)
        run.append(phase)
        roots = [phase.settled[r] for r in result.roots]
        if any(new is not old for new, old in zip(roots, result.roots, strict=True)):
            result = graph.with_roots(roots)
    origins = _origins(run, trail)
    _carry_names(origins)
    return Simplified(result, dict(trail.hits), origins)


def _origins(phases: Sequence[Phase], trail: Trail) -> ExprTable[tuple[Expr, ...]]:
    """Given nodes by what they became in the end; what none became answers for the node it was made for."""
    found: ExprTable[tuple[Expr, ...]] = ExprTable()
    for node in (n for phase in phases for n in phase.changed if trail.is_given(n)):
        end = _became(node, phases)
        if end is not None:
            before = found.get(end) or ((end,) if trail.is_given(end) else ())
            found[end] = (*before, node)[:_ORIGINS_KEPT]
    for node in trail.made:
        if node not in found:
            found[node] = (trail.origin(node),)
    return found


def _became(node: Expr, phases: Iterable[Phase]) -> Expr | None:
    """What a given node is in the end; None if it fell away on the way."""
    for phase in phases:
        if node not in phase.settled:
            return None
        node = phase.settled[node]
    return node


def _carry_names(origins: ExprTable[tuple[Expr, ...]]) -> None:
    """Name what has no name after the node it came from, unless a constant: those are shared by everybody."""
    for node, given in origins.items():
        if node.name is None and node.op.kind != "leaf" and (len(given) > 1 or given[0] is not node):
            node.name = next((g.name for g in given if g.name and g.op.kind != "leaf"), None)
