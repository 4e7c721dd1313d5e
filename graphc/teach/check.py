"""A derivation held against numbers: every step by central finite differences.

The graph is rebuilt with float64 leaves (constants keep their value, conversions to float32 become float64), so that
a difference of two values has digits left. Then each step from a value F(a) back to its argument a, with upstream G,
claims that its result is G·∂F/∂a. Where F works element by element, each element is compared with
G · (F(a+h) - F(a-h)) / 2h; elsewhere Σ result·v is compared with the same difference of Σ G·F along directions v.
Where a function has a corner, as relu at 0, there is no derivative to compare with; such places are counted.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

import graphc as gc

from ..ir.arguments import convert, solve_sizes
from ..ir.dtype import DType, float64
from ..ir.errors import GraphError, ShapeError, describe
from ..ir.expr import Expr, make, post_order
from ..ir.graph import ExprTable, Graph, bind_sizes, rebuild
from ..ir.op import Array
from ..ir.source import no_sources
from ..ops import leaf
from .printers import text

if TYPE_CHECKING:
    from .derivation import Derivation, Link, Step

Function: TypeAlias = Callable[[Array], Array]

_STEPS = (6e-6, 1e-4, 1e-7)
"""Step sizes relative to the argument; the first is right unless the function is unusually curved or flat."""
_DIRECTIONS = 3
_ROUNDOFF = 8 * float(np.finfo(np.float64).eps)
_AGREES = 1e-7
"""Deviations below this need no second look."""
_CORNER = 1e-2
"""One-sided differences that disagree by more than this, relatively, tell of a corner."""


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

    def __str__(self) -> str:
        place = f"step {self.number}" if self.number else "all together"
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
        graph = _Float64(d, values)
        rows = [_check_step(graph, number, step, tolerance) for number, step in enumerate(d.steps, 1)]
        rows.append(_check_whole(graph, d, tolerance))
    return CheckReport(tuple(rows), tolerance)


def _check_step(graph: _Float64, number: int, step: Step, tolerance: float) -> CheckRow:
    claimed = graph.value(step.result)
    if step.kind == "chain":
        found = graph.through(step.links)
        upstream, at = graph.value(step.upstream), graph.value(step.argument)
        outcome = _compare(found, at, upstream, claimed, pointwise=_is_pointwise(step.links))
    else:
        expected = sum(map(graph.value, step.contributions), np.zeros_like(claimed)) if step.contributions else 1.0
        outcome = _deviation(claimed, np.broadcast_to(expected, claimed.shape))
    return _row(number, step.rule, text(step.equation[0]), outcome, tolerance)


def _check_whole(graph: _Float64, d: Derivation, tolerance: float) -> CheckRow:
    """The gradient against differences of the loss itself."""
    function, at, claimed = graph.whole(d.loss, d.wrt), graph.value(d.wrt), graph.value(d.result)
    outcome = _compare(function, at, np.ones(()), claimed, pointwise=False)
    return _row(0, "the whole derivation", text(d.conclusion[0][0]), outcome, 10 * tolerance)


def _is_pointwise(links: tuple[Link, ...]) -> bool:
    return all(link.composite is None and link.consumer.op.kind == "elementwise" for link in links)


# Differences ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Outcome:
    error: float
    corners: int = 0
    derived: float = 0.0
    measured: float = 0.0


def _row(number: int, rule: str, claim: str, outcome: _Outcome, tolerance: float) -> CheckRow:
    holds = bool(outcome.error <= tolerance)
    detail = "" if holds else f"derived {outcome.derived:.6g}, by finite differences {outcome.measured:.6g}"
    return CheckRow(number, rule, claim, outcome.error, outcome.corners, holds, detail)


def _compare(function: Function, at: Array, upstream: Array, claimed: Array, *, pointwise: bool) -> _Outcome:
    if claimed.shape != at.shape:
        return _Outcome(np.inf)
    if at.size == 0:
        return _Outcome(0.0)
    differences = _by_element if pointwise else _by_direction
    with np.errstate(all="ignore"):
        return differences(function, at, upstream, claimed)


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


# The graph in float64 ------------------------------------------------------------------------------------------


class _Float64:
    """Everything a derivation speaks of, rebuilt with float64 leaves and evaluated once."""

    def __init__(self, d: Derivation, values: Mapping[Any, Any]) -> None:
        roots = list(_mentioned(d))
        arrays = _arrays(post_order(roots), values)
        inputs = tuple(e for e in arrays if e.op.name == "input")
        sizes = solve_sizes(inputs, (arrays[e].shape for e in inputs))
        bound, became = bind_sizes(Graph(inputs, tuple(roots)), sizes)
        self._feeds: dict[Expr, Array] = {}
        retyped = self._retype(bound, ExprTable((became[e], a) for e, a in arrays.items()))
        self._new: ExprTable[Expr] = ExprTable((old, retyped[new]) for old, new in became.items() if new in retyped)
        nodes = post_order([self._new[r] for r in roots])
        self._values: ExprTable[Array] = ExprTable(zip(nodes, gc.interpret(nodes, self._feeds), strict=True))

    def value(self, node: Expr) -> Array:
        """What a node of the derivation is, in float64."""
        return self._values[self._new[node]]

    def through(self, links: tuple[Link, ...]) -> Function:
        """The value at the upper end of the links as a function of the argument at the lower end."""
        feeds: dict[Expr, Array] = {}
        variable = value = self._variable(links[-1].argument)
        for link in reversed(links):
            top = self._new[link.consumer]
            args = top.args if link.composite is None else [self._new[a] for a in link.composite.args]
            given = [value if i == link.position else self._fixed(a, feeds) for i, a in enumerate(args)]
            if link.composite is None:
                value = make(top.op, tuple(given), top.attrs)
            else:
                value = _over(top, ExprTable(zip(args, given, strict=True)))
        return lambda array: np.asarray(gc.interpret(value, {**feeds, variable: array}))

    def whole(self, loss: Expr, wrt: Expr) -> Function:
        """The loss as a function of one variable. What derivatives take as a constant stays one."""
        variable = self._variable(wrt)
        top, feeds = self._new[loss], dict(self._feeds)
        new: ExprTable[Expr] = ExprTable([(self._new[wrt], variable)])
        for node in post_order([top]):
            if node.op.name == "stop_gradient" and node not in new:
                new[node] = self._fixed(node, feeds)
        value = _over(top, new)
        return lambda array: np.asarray(gc.interpret(value, {**feeds, variable: array}))

    def _variable(self, node: Expr) -> Expr:
        return leaf.input("variable", self._values[self._new[node]].shape, float64)

    def _fixed(self, node: Expr, feeds: dict[Expr, Array]) -> Expr:
        """An input that is fed the node's value."""
        array = self._values[node]
        fixed = leaf.input("fixed", array.shape, node.dtype)
        feeds[fixed] = array
        return fixed

    def _retype(self, graph: Graph, arrays: ExprTable[Array]) -> ExprTable[Expr]:
        new: ExprTable[Expr] = ExprTable()
        for node in graph.nodes:
            new[node] = self._retyped(node, tuple(new[a] for a in node.args), arrays)
        return new

    def _retyped(self, node: Expr, args: tuple[Expr, ...], arrays: ExprTable[Array]) -> Expr:
        if node in arrays:
            array = arrays[node].astype(_wide(node.dtype).numpy)
            variable = leaf.input(str(node.name), array.shape, _wide(node.dtype))
            self._feeds[variable] = array
            return variable
        if node.op.name == "constant":
            return leaf.constant(node.attrs["value"].array.astype(_wide(node.dtype).numpy))
        attrs = {k: _wide(v) if isinstance(v, DType) else v for k, v in node.attrs.items()}
        if node.op.kind == "leaf":
            return make(node.op, (), attrs, dtype=_wide(node.dtype), shape=node.shape)
        return make(node.op, args, attrs)


def _wide(dtype: DType) -> DType:
    return float64 if dtype.is_float else dtype


def _mentioned(d: Derivation) -> Iterable[Expr]:
    yield from (d.loss, d.wrt, d.result)
    for step in d.steps:
        yield from (step.node, step.argument, step.upstream, step.result, *step.contributions)


def _arrays(nodes: Iterable[Expr], values: Mapping[Any, Any]) -> ExprTable[Array]:
    """The array for each input and param; those of float inputs keep the digits they were given with."""
    given: ExprTable[Any] = ExprTable()
    for key, value in values.items():
        if not isinstance(key, Expr) or key.op.name not in ("input", "param"):
            what = describe(given=key) if isinstance(key, Expr) else f": {key!r}"
            raise GraphError(f"check: values are given for inputs and params only{what}")
        given[key] = convert(value, _wide(key.dtype), f"the value of {key.name!r}")
    for node in nodes:
        if node.op.name == "param" and node not in given:
            given[node] = leaf.storage(node).read()
        if node.op.name == "input" and node not in given:
            raise GraphError(f"check: no value is given for {node.name!r}{describe(missing=node)}")
        if node.op.name == "param" and given[node].shape != node.shape:
            raise ShapeError(f"check: a value of shape {given[node].shape} does not fit{describe(param=node)}")
    return given


def _over(root: Expr, new: ExprTable[Expr]) -> Expr:
    """The root rebuilt above the nodes that are replaced in `new`. Iterative."""
    stack = [root]
    while stack:
        node = stack[-1]
        waiting = [] if node in new else [a for a in node.args if a not in new]
        if waiting:
            stack.extend(waiting)
            continue
        stack.pop()
        if node not in new:
            new[node] = rebuild(node, tuple(new[a] for a in node.args))
    return new[root]
