"""A derivation held against numbers: every step by central finite differences.

The graph is rebuilt with float64 leaves (constants keep their value, conversions to float32 become float64), so that
a difference of two values has digits left. Then each step from a value F(a) back to its argument a, with upstream G,
claims that its result is G·∂F/∂a. Where F works element by element, each element is compared with
G · (F(a+h) - F(a-h)) / 2h; elsewhere Σ result·v is compared with the same difference of Σ G·F along directions v.
Where a function has a corner, as relu at 0, there is no derivative to compare with; such places are counted.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..ir.expr import Expr
from ..ir.op import Array
from ..ir.source import no_sources
from .formula import Formula
from .precise import Function, InFloat64
from .printers import text
from .reading import Reader, UnsaidError

if TYPE_CHECKING:
    from .derivation import Derivation, Link, Step

_STEPS = (6e-6, 1e-4, 1e-7)
"""Step sizes relative to the argument; the first is right unless the function is unusually curved or flat."""
_DIRECTIONS = 3
_ROUNDOFF = 8 * float(np.finfo(np.float64).eps)
_AGREES = 1e-7
"""Deviations below this need no second look."""
_CORNER = 1e-2
"""One-sided differences that disagree by more than this, relatively, tell of a corner."""


GIVEN = "taken as given: gc.custom_vjp says so"
_CUSTOM = ("custom_call", "custom_result")


@dataclass(frozen=True, slots=True)
class CheckRow:
    """What came out for one step."""

    number: int
    """Of the step, from 1; 0 for the derivation as a whole."""
    rule: str
    claim: str
    """The left side of the equation."""
    error: float
    """The largest relative deviation from finite differences."""
    corners: int
    """How many comparisons met a corner."""
    holds: bool
    detail: str = ""
    """Where it does not hold: the two numbers."""
    given: bool = False
    """Whether it is a derivative that the user gave with `gc.custom_vjp`. Nothing can hold it against differences: it
    may differ from that of the function, and often is meant to."""

    def __str__(self) -> str:
        place = f"step {self.number}" if self.number else "all together"
        if self.given:
            return f"{place:>12}  {self.rule}: {self.claim}  {GIVEN}"
        corners = f", {self.corners} at a corner" if self.corners else ""
        verdict = "holds" if self.holds else f"FAILS: {self.detail}"
        return f"{place:>12}  {self.rule}: {self.claim}  {verdict} (relative error {self.error:.1e}{corners})"


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The outcome of `Derivation.check`: true when every step holds; printing it shows each."""

    rows: tuple[CheckRow, ...]
    tolerance: float

    @property
    def failed(self) -> tuple[CheckRow, ...]:
        """The steps that do not hold."""
        return tuple(row for row in self.rows if not row.holds)

    def __bool__(self) -> bool:
        return not self.failed

    def __str__(self) -> str:
        verdict = f"{len(self.failed)} of {len(self.rows)} claims fail" if self.failed else "every step holds"
        return "\n".join([*map(str, self.rows), f"{verdict} (tolerance {self.tolerance:g})"])

    __repr__ = __str__


def check(d: Derivation, values: Mapping[Any, Any], tolerance: float) -> CheckReport:
    """See `Derivation.check`."""
    with no_sources():
        graph = InFloat64(_mentioned(d), values)
        reader = _reader(d, graph)
        rows = [_check_step(graph, reader, number, step, tolerance) for number, step in enumerate(d.steps, 1)]
        rows += _check_simplifications(graph, reader, d, tolerance)
        rows.append(_check_whole(graph, d, tolerance))
    return CheckReport(tuple(rows), tolerance)


def _check_step(graph: InFloat64, reader: Reader, number: int, step: Step, tolerance: float) -> CheckRow:
    """The derivative by finite differences, and the formula by reading it."""
    claimed = graph.value(step.result)
    if _is_given(step):
        return CheckRow(number, step.rule, text(step.equation[0]), 0.0, 0, True, given=True)
    if step.kind == "chain":
        found = graph.through(step.links)
        upstream, at = graph.value(step.upstream), graph.value(step.argument)
        outcome = _compare(found, at, upstream, claimed, pointwise=_is_pointwise(step.links))
    else:
        expected = sum(map(graph.value, step.contributions), np.zeros_like(claimed)) if step.contributions else 1.0
        outcome = _deviation(claimed, np.broadcast_to(expected, claimed.shape))
    if outcome.error <= tolerance and (printed := _read(reader, step.equation[-1], claimed)) is not None:
        outcome = outcome if printed.error <= tolerance else replace(printed, corners=outcome.corners)
    return _row(number, step.rule, text(step.equation[0]), outcome, tolerance)


def _check_simplifications(graph: InFloat64, reader: Reader, d: Derivation, tolerance: float) -> Iterator[CheckRow]:
    """Every line of the conclusion by reading it. Those that hold for labels only are left out for other values."""
    for conclusion in d.conclusion:
        for line in conclusion.lines[1:]:
            if line.condition and not _is_met(reader, line.condition):
                continue
            outcome = _read(reader, line.formula, graph.value(conclusion.value))
            if outcome is not None:
                yield _row(0, "simplified", text(conclusion.symbol), outcome, tolerance)


def _reader(d: Derivation, graph: InFloat64) -> Reader:
    """Knows the value of everything that has a symbol."""
    values: dict[Formula, Array] = {x.symbol: graph.value(x.node) for x in d.legend}
    for step in d.steps:
        values |= dict.fromkeys(step.equation[:-1], graph.value(step.result))
    links = [link for step in d.steps for link in step.links]
    labelled = {graph.value(link.argument).shape[-1] for link in links if _picks(link)}
    return Reader(values, graph.sizes, labelled.pop() if len(labelled) == 1 else None)


def _picks(link: Link) -> bool:
    """Whether a step goes through picking one entry of each row of a matrix."""
    name = link.consumer.op.name if link.composite is None else link.composite.name
    return name in ("take_along_axis", "log_likelihood") and link.argument.ndim == 2


def _read(reader: Reader, formula: Formula, expected: Array) -> _Outcome | None:
    """What a printed formula is, against what it should be; None where it leaves something to the words."""
    try:
        with np.errstate(all="ignore"):
            found = reader(formula)
    except UnsaidError:
        return None
    if found.size == expected.size:
        return _deviation(expected, found.reshape(expected.shape))
    try:
        return _deviation(expected, np.broadcast_to(found, expected.shape))
    except ValueError:
        return _Outcome(np.inf)


def _is_met(reader: Reader, sides: tuple[Formula, ...]) -> bool:
    try:
        first, *rest = map(reader, sides)
    except UnsaidError:
        return False
    return all(np.allclose(first, other) for other in rest)


def _check_whole(graph: InFloat64, d: Derivation, tolerance: float) -> CheckRow:
    """The gradient against differences of the loss itself. One that a given derivative is part of need not agree."""
    function, at, claimed = graph.whole(d.loss, d.wrt), graph.value(d.wrt), graph.value(d.result)
    outcome = _compare(function, at, np.ones(()), claimed, pointwise=False)
    row = _row(0, "the whole derivation", text(d.conclusion[0].symbol), outcome, 10 * tolerance)
    if row.holds or not any(map(_is_given, d.steps)):
        return row
    return replace(row, holds=True, detail="", given=True)


def _is_given(step: Step) -> bool:
    return any(link.consumer.op.name in _CUSTOM for link in step.links)


def _is_pointwise(links: tuple[Link, ...]) -> bool:
    return all(link.composite is None and link.consumer.op.kind == "elementwise" for link in links)


# Differences ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Outcome:
    error: float
    corners: int = 0
    derived: float = 0.0
    measured: float = 0.0
    words: str = ""
    """Why nothing could be compared."""


def _row(number: int, rule: str, claim: str, outcome: _Outcome, tolerance: float) -> CheckRow:
    holds = bool(outcome.error <= tolerance)
    numbers = f"derived {outcome.derived:.6g}, by finite differences {outcome.measured:.6g}"
    detail = "" if holds else outcome.words or numbers
    return CheckRow(number, rule, claim, outcome.error, outcome.corners, holds, detail)


def _compare(function: Function, at: Array, upstream: Array, claimed: Array, *, pointwise: bool) -> _Outcome:
    if claimed.shape != at.shape:
        return _Outcome(np.inf)
    if at.size == 0:
        return _Outcome(0.0)
    differences = _by_element if pointwise else _by_direction
    with np.errstate(all="ignore"):
        if words := _not_finite(derivative=claimed, upstream=upstream, argument=at, value=function(at)):
            return _Outcome(np.inf, words=words)
        return differences(function, at, upstream, claimed)


def _not_finite(**arrays: Array) -> str:
    """Which of the arrays hold nan or infinity, and how many; nothing can be compared with those."""
    counts = {role: (int(np.isnan(a).sum()), int(np.isinf(a).sum())) for role, a in arrays.items()}
    found = [f"{n} nan in the {role}" for role, (n, _) in counts.items() if n]
    found += [f"{n} infinite in the {role}" for role, (_, n) in counts.items() if n]
    return f"cannot be compared: {', '.join(found)}" if found else ""


def _by_element(function: Function, at: Array, upstream: Array, claimed: Array) -> _Outcome:
    """Every element at once: each of the function's values depends on the element in its place alone."""
    here = function(at)
    best, measured, corner = np.full(at.shape, np.inf), np.zeros(at.shape), np.ones(at.shape, bool)
    for relative, floor in itertools.product(_STEPS, (1.0, 1e-3, 1e-12)):
        h = relative * np.maximum(np.abs(at), floor)
        above, below = upstream * (function(at + h) - here) / h, upstream * (here - function(at - h)) / h
        central = (above + below) / 2
        noise = _ROUNDOFF * np.abs(upstream) * (np.abs(here) / h + 1)
        error = _relative(claimed, central, noise)
        better = error < best
        best, measured = np.where(better, error, best), np.where(better, central, measured)
        corner &= _relative(above, below) > _CORNER
        if best.max() < _AGREES:
            break
    excused = corner & (best > _AGREES)
    best = np.where(excused, 0.0, best)
    worst = np.unravel_index(int(np.argmax(best)), best.shape)
    return _Outcome(float(best[worst]), int(excused.sum()), float(claimed[worst]), float(measured[worst]))


def _by_direction(function: Function, at: Array, upstream: Array, claimed: Array) -> _Outcome:
    """Along random directions, always the same ones."""
    rng = np.random.default_rng(0)
    worst, corners = _Outcome(0.0), 0
    for _ in range(_DIRECTIONS):
        outcome = _along(function, at, upstream, claimed, np.asarray(rng.standard_normal(at.shape)))
        corners += outcome.corners
        worst = outcome if outcome.error > worst.error else worst
    return _Outcome(worst.error, corners, worst.derived, worst.measured)


def _along(function: Function, at: Array, upstream: Array, claimed: Array, direction: Array) -> _Outcome:
    """Σ claimed·v against the derivative of Σ upstream·F along v."""
    terms, here = claimed * direction, upstream * function(at)
    derived = float(terms.sum())
    # Terms of both signs cancel, so their sum alone is no measure of how exact it can be.
    scale = max(abs(derived), float(np.sqrt(np.sum(terms**2))), 1e-300)
    size, reach = float(np.abs(here).sum()), float(np.abs(upstream).sum() * np.abs(direction).max())
    best, measured, corner = np.inf, 0.0, True
    largest = float(np.abs(at).max())
    for relative, reference in itertools.product(_STEPS, (max(largest, 1.0), largest or 1.0)):
        h = relative * reference
        above = float(np.sum(upstream * function(at + h * direction) - here)) / h
        below = float(np.sum(here - upstream * function(at - h * direction))) / h
        central = (above + below) / 2
        noise = _ROUNDOFF * (size / h + reach)
        error = max(abs(derived - central) - noise, 0.0) / max(scale, abs(central))
        best, measured = (error, central) if error < best else (best, measured)
        corner &= abs(above - below) > _CORNER * max(scale, abs(central)) + noise
        if best < _AGREES:
            break
    if corner and _AGREES < best < np.inf:
        return _Outcome(0.0, 1, derived, measured)
    return _Outcome(best, 0, derived, measured)


def _relative(claimed: Array, measured: Array, noise: Array | float = 0.0) -> Array:
    """Deviation by element beyond noise, relative to the element or a thousandth of the largest one."""
    scale = max(float(np.abs(claimed).max()), float(np.abs(measured).max()), 1e-300)
    deviation = np.maximum(np.abs(claimed - measured) - noise, 0)
    error = deviation / (np.maximum(np.abs(claimed), np.abs(measured)) + 1e-3 * scale)
    return np.where(np.isfinite(error), error, np.inf)


def _deviation(claimed: Array, expected: Array) -> _Outcome:
    if claimed.size == 0:
        return _Outcome(0.0)
    error = _relative(claimed, expected)
    worst = np.unravel_index(int(np.argmax(error)), error.shape)
    return _Outcome(float(error[worst]), 0, float(claimed[worst]), float(expected[worst]))


def _mentioned(d: Derivation) -> Iterable[Expr]:
    yield from (d.loss, d.wrt, d.result)
    yield from (definition.node for definition in d.legend)
    yield from (conclusion.value for conclusion in d.conclusion)
    for step in d.steps:
        yield from (step.node, step.argument, step.upstream, step.result, *step.contributions)
