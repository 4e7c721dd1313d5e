"""The last lines of a derivation: the gradient in few symbols, simplified, with the name of every rewriting.

∂L/∂w = xᵀ δ                                   what the steps found, put together
    δ = (p − y) / n                            where each δ is defined
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ..ir.expr import Expr
from ..ir.graph import ExprTable
from .algebra import TOGETHER, Algebra, Facts
from .composites import Composite
from .formula import (
    ONE,
    Formula,
    Negated,
    Partial,
    Quotient,
    Sum,
    SumOver,
    Symbol,
    Words,
    apply,
    substitute,
    symbols,
    walk,
    weight,
)
from .names import Names
from .outline import Outline
from .wording import axes_words

_LONGEST = 40
"""How heavy a formula may become by writing out others in it."""
_SIMPLIFIED = 300
"""How heavy it may be if it becomes lighter again."""
_PER_LINE = 4
"""What another line costs, in marks."""
_BOUNDS_TRIED = 4
"""How many of the values that everything passes through are tried as where to stop writing out."""
_SHOWN_DEFINITIONS = 8
_SHORT_HELPER = 6
"""How heavy the formula of an unnamed value may be to be written out where that lets things cancel."""
_STEPS_LOOKED_AT = 2000
"""In longer derivations nothing is put together across several steps."""


@dataclass(frozen=True, slots=True)
class Rewriting:
    """One line of a simplification."""

    rules: tuple[str, ...]
    """What was done, in words."""
    formula: Formula
    """What came out."""
    condition: tuple[Formula, ...] = ()
    """Sides of an equation that has to hold for it, which the graph does not show: labels add up to 1."""


@dataclass(frozen=True, eq=False, slots=True)
class Conclusion:
    """One of the last lines: a derivative, its formula in the end, and how that came about."""

    symbol: Formula
    value: Expr
    """The derivative as a graph."""
    lines: tuple[Rewriting, ...]
    """The formula as the steps give it; then one line for each rewriting that made it shorter."""

    @property
    def formula(self) -> Formula:
        """The simplified formula."""
        return self.lines[-1].formula


@dataclass(frozen=True, eq=False)
class Definitions:
    """What the steps have found."""

    formulas: Mapping[Formula, Formula]
    """For the symbol of each cotangent its formula."""
    nodes: Mapping[Formula, Expr]
    """And whose cotangent it is."""
    parents: ExprTable[list[Expr]]
    """For each node reached, the nodes that steps lead to it from."""
    cotangents: ExprTable[Expr]


def conclude(wrt: Expr, loss: Expr, found: Definitions, names: Names, outline: Outline) -> Iterator[Conclusion]:
    """The gradient in terms of δs, then each of those."""
    writer = _Writer(loss, found, names, outline)
    waiting: list[tuple[Formula, Formula]] = [(names.partial(wrt), names.cotangent(wrt))]
    seen: set[Formula] = {side for pair in waiting for side in pair}
    for shown, symbol in waiting:
        lines = writer.lines(symbol)
        yield Conclusion(shown, found.cotangents[found.nodes[symbol]], lines)
        for inner in symbols(lines[-1].formula):
            if inner in found.formulas and inner not in seen and len(waiting) <= _SHOWN_DEFINITIONS:
                seen.add(inner)
                waiting.append((inner, inner))


class _Writer:
    """Puts formulas together and simplifies them."""

    def __init__(self, loss: Expr, found: Definitions, names: Names, outline: Outline) -> None:
        self._loss, self._found, self._names, self._outline = loss, found, names, outline
        self._is_small = len(found.formulas) <= _STEPS_LOOKED_AT
        self._facts = _facts(outline, names) if self._is_small else Facts()
        self._dominators: ExprTable[Expr] = self._find_dominators() if self._is_small else ExprTable()

    def lines(self, symbol: Formula) -> tuple[Rewriting, ...]:
        """The formula of a cotangent in the way that ends up the lightest."""
        start = self._found.formulas[symbol]
        best: tuple[Rewriting, ...] = (Rewriting((), self._written_out(start, _LONGEST)),)
        if not self._is_small:
            return best
        candidates = {best[0].formula: None, **dict.fromkeys(self._candidates(symbol, start))}
        for candidate in candidates:
            lines = (Rewriting((), candidate), *simplified(candidate, self._facts))
            if self._cost(symbol, lines) < self._cost(symbol, best):
                best = lines
        return best

    def _cost(self, symbol: Formula, lines: tuple[Rewriting, ...]) -> int:
        """How much a reader has to take in: the formula, and the derivatives in it that need a line of their own. One
        by what the user has named is worth having; others are only where they save writing something out again."""
        waiting, seen, cost = [lines[-1].formula], {symbol}, 0
        for formula in waiting:
            cost += weight(formula)
            for part in symbols(formula):
                if isinstance(part, Partial) and part not in seen and part in self._found.formulas:
                    seen.add(part)
                    cost += _PER_LINE
                    if self._found.nodes[part] not in self._outline.called:
                        waiting.append(self._found.formulas[part])
        return cost

    def _candidates(self, symbol: Formula, start: Formula) -> Iterator[Formula]:
        """The formula written out up to the other δs, or up to the value everything passes through."""
        if any(isinstance(part, Words) and part.text == "…" for part in walk(start)):
            return
        bounds: list[set[Formula]] = [set()]
        node = self._dominators.get(self._found.nodes[symbol], self._loss)
        while node is not self._loss and len(bounds) <= _BOUNDS_TRIED:
            bounds.append({self._names.cotangent(node)})
            node = self._dominators[node]
        for bound in bounds:
            written = self._written_out(start, _SIMPLIFIED, keep=bound)
            yield written
            helpers = self._helpers(written)
            if helpers and weight(longer := substitute(written, helpers)) <= _SIMPLIFIED:
                yield longer

    def _written_out(self, formula: Formula, longest: int, *, keep: set[Formula] | None = None) -> Formula:
        """With the derivatives in it replaced by their formulas, as long as it does not become too long."""
        kept = keep or set()
        while True:
            known = {
                s: d
                for s in symbols(formula)
                if isinstance(s, Partial) and s not in kept and (d := self._found.formulas.get(s)) is not None
            }
            longer = substitute(formula, known) if known else formula
            if not known or weight(longer) > longest:
                return formula
            formula = longer

    def _helpers(self, formula: Formula) -> dict[Formula, Formula]:
        """The short formulas of values that the user has not named, such as u₁ = 1 − p."""
        found = {}
        for symbol in symbols(formula):
            node = self._names.unnamed(symbol) if isinstance(symbol, Symbol) else None
            if node is not None and node.op.kind == "elementwise":
                written = self._names.formula(node)
                if weight(written) <= _SHORT_HELPER:
                    found[symbol] = written
        return found

    def _find_dominators(self) -> ExprTable[Expr]:
        """For each node the nearest other one that all ways from the loss to it pass through."""
        found: ExprTable[Expr] = ExprTable([(self._loss, self._loss)])
        depth: ExprTable[int] = ExprTable([(self._loss, 0)])
        for node, parents in self._found.parents.items():
            common = parents[0]
            for parent in parents[1:]:
                while parent is not common:
                    if depth[parent] > depth[common]:
                        parent = found[parent]
                    else:
                        common = found[common]
            found[node], depth[node] = common, depth[common] + 1
        return found


def simplified(formula: Formula, facts: Facts) -> Iterator[Rewriting]:
    """Rewritings that each make the formula lighter: fractions and sums first, then what takes multiplying out, and
    last what holds for labels."""
    for stages in ((Algebra(facts),), (Algebra(facts, expand=True), Algebra(facts)), (Algebra(facts, recognise=True),)):
        shorter, rules = _rewritten(formula, facts, stages)
        if weight(shorter) < weight(formula):
            formula = shorter
            yield Rewriting(rules, formula)
    for labels in _labels(formula, facts):
        total = {labels: (1, _LABELS)}
        shorter, rules = _rewritten(formula, facts, (Algebra(replace(facts, sums={**facts.sums, **total})),))
        yield Rewriting(rules, shorter, (SumOver(labels[0], labels[1]), ONE))
        formula = shorter


def _rewritten(formula: Formula, facts: Facts, stages: tuple[Algebra, ...]) -> tuple[Formula, tuple[str, ...]]:
    shorter = formula
    for stage in stages:
        shorter = stage(shorter)
    rules = {rule: None for stage in stages for rule in stage.used}
    if any(_is_error(part, facts) for part in walk(shorter)) and not any(_is_error(p, facts) for p in walk(formula)):
        rules[_COLLAPSE] = None
    return shorter, tuple(rules) or (TOGETHER,)


def _labels(formula: Formula, facts: Facts) -> list[tuple[str, Formula]]:
    """Sums of what is compared with probabilities: there they are labels, and add up to 1 like those."""
    parts = list(walk(formula))
    along = {axes for axes, known in facts.sums if known in parts and facts.sums[axes, known][0] == 1}
    sums = {(s.axes, s.of): None for s in parts if isinstance(s, SumOver) and s.axes in along}
    return [key for key in sums if key[1] in facts.inputs and key not in facts.sums]


def _is_error(formula: Formula, facts: Facts) -> bool:
    """Whether it is p − y with probabilities p."""
    match formula:
        case Sum((p, Negated(_))):
            return p in facts.probabilities
        case _:
            return False


# What is known of the values -----------------------------------------------------------------------------------

_PROBABILITIES = "probabilities add up to 1"
_LABELS = "the labels of a row add up to 1, as probabilities do"
_COLLAPSE = "logarithm, exponential and normalization have cancelled: what is left is the prediction minus the truth"
_DEVIATIONS = "deviations from the mean add up to 0"


_DISTRIBUTIONS = ("softmax", "log_softmax", "logsumexp", "log_likelihood")


def _facts(outline: Outline, names: Names) -> Facts:
    sums: dict[tuple[str, Formula], tuple[int, str]] = {}
    rows: set[Formula] = set()
    inputs: set[Formula] = set()
    probabilities: set[Formula] = set()
    quotients: list[tuple[Formula, Formula]] = []
    for node in outline.order:
        mentioned = names.is_mentioned(node)
        if mentioned and (node.ndim == 1 or (node.ndim == 2 and node.shape[0] == 1)):
            rows |= {names.symbol(node), names.partial(node)}
        if mentioned and node.op.name == "input":
            inputs.add(names.symbol(node))
        composite = outline.composites.get(node)
        if composite is not None and composite.name in _DISTRIBUTIONS:
            found = _distributions(composite, names)
            sums |= dict.fromkeys(found, (1, _PROBABILITIES))
            probabilities |= {formula for _, formula in found}
        if node.op.name == "sigmoid":
            probabilities |= {names.value(node), apply("sigmoid", names.value(node.args[0]))}
        if mentioned and (axes := _centered_over(node, outline)) is not None:
            sums[axes_words(node.ndim, axes), names.symbol(node)] = (0, _DEVIATIONS)
        if mentioned and node.op.name == "divide" and isinstance(formula := names.formula(node), Quotient):
            quotients.append((names.symbol(node), formula))
    return Facts(sums, frozenset(rows), tuple(quotients), frozenset(inputs), frozenset(probabilities))


def _distributions(composite: Composite, names: Names) -> list[tuple[str, Formula]]:
    """What adds up to 1 over the axes of a softmax: it, by formula and by name, and the labels picked from it."""
    z = composite.args[0]
    axes = axes_words(z.ndim, composite.axes)
    found = [(axes, apply("softmax", names.value(z)))]
    if composite.name == "softmax":
        found.append((axes, names.value(composite.root)))
    if composite.name == "log_likelihood":
        found.append((axes, apply("onehot", names.value(composite.args[1]))))
    return found


def _centered_over(node: Expr, outline: Outline) -> tuple[int, ...] | None:
    """The axes over which a value is x minus its mean."""
    if node.op.name != "subtract" or node in outline.composites:
        return None
    x, mean = node.args
    while mean.op.name in ("broadcast_to", "reshape"):
        mean = mean.args[0]
    composite = outline.composites.get(mean)
    if composite is None or composite.name != "mean" or composite.args[0] is not x:
        return None
    return composite.axes
