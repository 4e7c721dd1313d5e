"""Formulas of arrays written out in indices, for those who want to see every sum.

∂L/∂W₁ = xᵀ δ₁        (∂L/∂W₁)[i, j] = Σₖ x[k, i] δ₁[k, j]
∂L/∂b₁ = Σ_rows δ₁    (∂L/∂b₁)[i] = Σⱼ δ₁[j, i]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ..ir.dim import Shape
from .formula import (
    ONE,
    Apply,
    At,
    Bars,
    Formula,
    Infix,
    Iverson,
    Negated,
    Number,
    Part,
    Partial,
    Power,
    Product,
    Quotient,
    Root,
    Sum,
    SumOver,
    Symbol,
    Transposed,
    Words,
    negated,
    over,
    parts_of,
    plus,
    power,
    times,
    walk,
)
from .rows import ONES

if TYPE_CHECKING:
    from .derivation import Derivation

_LETTERS = "ijklmpqrstuvabcdefgh"
_WHOLE = frozenset(
    ("softmax", "ln softmax", "logsumexp", "pick", "permute", "reshape", "embed", "scatter", "spread", "broadcast")
)
"""Functions whose entries depend on more than the entry in their place."""


def in_indices(d: Derivation) -> Derivation:
    """The same derivation with its equations in indices."""
    shapes: dict[Formula, Shape] = {x.symbol: x.node.shape for x in d.legend}
    for step in d.steps:
        shapes |= dict.fromkeys(step.equation[:-1], step.result.shape)
    for conclusion in d.conclusion:
        shapes[conclusion.symbol] = conclusion.value.shape
    writer = _Writer(shapes)
    legend = []
    for x in d.legend:
        (symbol,), formula = writer.equation((x.symbol,), x.formula, x.node.shape)
        legend.append(replace(x, symbol=symbol, formula=formula))
    steps = []
    for step in d.steps:
        sides, result = writer.equation(step.equation[:-1], step.equation[-1], step.result.shape)
        forward = step.forward
        if len(forward) == 2:
            left, right = writer.equation(forward[:1], forward[1], step.node.shape)
            forward = (*left, right or ONE)
        steps.append(replace(step, equation=(*sides, result or ONE), forward=forward))
    conclusions = []
    for conclusion in d.conclusion:
        lines = []
        for line in conclusion.lines:
            (symbol,), formula = writer.equation((conclusion.symbol,), line.formula, conclusion.value.shape)
            lines.append(replace(line, formula=formula or ONE))
        conclusions.append(replace(conclusion, symbol=symbol, lines=tuple(lines)))
    return replace(d, legend=tuple(legend), steps=tuple(steps), conclude=lambda: tuple(conclusions))


class _Writer:
    """Writes formulas in indices, given the shapes of their symbols."""

    def __init__(self, shapes: Mapping[Formula, Shape]) -> None:
        self._shapes = shapes
        self._fresh: Iterator[str] = iter(())

    def equation(
        self, sides: tuple[Formula, ...], formula: Formula | None, shape: Shape
    ) -> tuple[tuple[Formula, ...], Formula | None]:
        """Symbols and what they are equal to, at the same indices."""
        taken = {s.base for part in (*sides, formula) if part is not None for s in walk(part) if isinstance(s, Symbol)}
        self._fresh = (letter for letter in _LETTERS if letter not in taken)
        index = tuple("" if size == 1 else next(self._fresh) for size in shape)
        written = None if formula is None else self._at(formula, index)
        return tuple(self._at(side, index) for side in sides), written

    def _at(self, formula: Formula, index: tuple[str, ...]) -> Formula:
        """The entry of a formula at an index; "" stands for an axis of size 1."""
        match formula:
            case Number() | Words():
                return formula
            case _ if formula == ONES:
                return ONE
            case Symbol() | Partial() | Part():
                return self._entry(formula, index)
            case Negated(of):
                return negated(self._at(of, index))
            case Sum(terms):
                return plus(*(self._at(t, index) for t in terms))
            case Product("matrix", factors):
                return self._contracted(factors, index)
            case Product(_, factors):
                return _multiplied(self._at(f, index) for f in factors)
            case Quotient(a, b):
                return over(self._at(a, index), self._at(b, index))
            case Power(a, b):
                return power(self._at(a, index), self._at(b, index))
            case Root(of):
                return Root(self._at(of, index))
            case Bars(of):
                return Bars(self._at(of, index))
            case Infix(a, sign, b):
                return Infix(self._at(a, index), sign, self._at(b, index))
            case Iverson(of):
                return Iverson(self._at(of, index))
            case Transposed(of):
                return self._at(of, _swapped(index) if self._rank(of) > 1 else index)
            case SumOver(axes, of):
                return self._summed(axes, of, index)
            case Apply("onehot", (labels,)):
                return Iverson(Infix(self._at(labels, index[:-1]), "=", _letter(index[-1])))
            case Apply(function, args) if function not in _WHOLE:
                return Apply(function, tuple(self._at(a, index) for a in args))
            case _:
                return _indexed(formula, index)

    def _entry(self, symbol: Formula, index: tuple[str, ...]) -> Formula:
        shape = self._shapes.get(symbol)
        if shape is None:
            return _indexed(symbol, index)
        own = index[len(index) - len(shape) :] if len(index) >= len(shape) else _padded(index, shape)
        return _indexed(symbol, tuple(i for i, size in zip(own, shape, strict=True) if size != 1))

    def _summed(self, axes: str, of: Formula, index: tuple[str, ...]) -> Formula:
        """Σ over axes of the matrix or array inside, each with a letter of its own."""
        rank = self._rank(of)
        if axes == "":
            letters = tuple(next(self._fresh) for _ in range(rank))
            return _sum(letters, self._at(of, letters))
        numbers = _axis_numbers(axes)
        letters = tuple(next(self._fresh) for _ in numbers)
        # The result may have kept the axes it was summed over, at size 1.
        kept = list(index if len(index) < rank else (i for n, i in enumerate(index) if n not in numbers))
        for number, letter in zip(numbers, letters, strict=True):
            kept.insert(number, letter)
        return _sum(letters, self._at(of, tuple(kept)))

    def _contracted(self, factors: tuple[Formula, ...], index: tuple[str, ...]) -> Formula:
        """A product of matrices, where vectors are the row or column that fits."""
        ranks = [self._rank(f) for f in factors]
        batch, ends = index[: max(len(index) - 2, 0)], list(index[max(len(index) - 2, 0) :])
        last = len(factors) - 1
        left = ends.pop(0) if ends and not (ranks[0] == 1 and not self._is_column_before_row(factors)) else ""
        right = ends.pop(0) if ends else ""
        bounds = [left]
        for position in range(last):
            ends_thin = self._is_thin(factors[position]) or _is_row_vector(factors[position + 1], ranks[position + 1])
            bounds.append("" if ends_thin else next(self._fresh))
        bounds.append(right)
        entries = []
        for position, (factor, rank) in enumerate(zip(factors, ranks, strict=True)):
            start, end = bounds[position], bounds[position + 1]
            if rank == 1:
                entries.append(self._at(factor, (end if _is_row_vector(factor, rank) or not start else start,)))
            else:
                entries.append(self._at(factor, (*batch, start, end)))
        return _sum(tuple(b for b in bounds[1:-1] if b), _multiplied(iter(entries)))

    def _is_column_before_row(self, factors: tuple[Formula, ...]) -> bool:
        return _is_row_vector(factors[1], self._rank(factors[1]))

    def _is_thin(self, formula: Formula) -> bool:
        """Whether its last axis has the size 1."""
        shape = self._shapes.get(formula)
        return shape is not None and len(shape) > 1 and shape[-1] == 1

    def _rank(self, formula: Formula) -> int:
        """How many axes a formula has."""
        if formula in self._shapes:
            return len(self._shapes[formula])
        match formula:
            case Number() | Words():
                return 0
            case Transposed(of) if of == ONES:
                return 1
            case Product("matrix", factors):
                ranks = [self._rank(f) for f in factors]
                if _is_row_vector(factors[-1], ranks[-1]):
                    return 2
                return max(max(ranks) - (ranks[0] == 1) - (ranks[-1] == 1), 0)
            case SumOver("", _):
                return 0
            case SumOver(axes, of):
                return max(self._rank(of) - (1 if axes in ("rows", "columns") else axes.count(",") + 1), 0)
            case Apply("onehot", (labels,)):
                return self._rank(labels) + 1
            case Symbol() | Partial() | Part():
                return 0
            case _:
                return max(map(self._rank, parts_of(formula)), default=0)


def _axis_numbers(axes: str) -> tuple[int, ...]:
    """The axes that a sum in words runs over."""
    if axes in ("rows", "columns"):
        return (("rows", "columns").index(axes),)
    return tuple(int(n) for n in axes.removeprefix("axes").removeprefix("axis").split(","))


def _is_row_vector(formula: Formula, rank: int) -> bool:
    return isinstance(formula, Transposed) and rank == 1


def _padded(index: tuple[str, ...], shape: Shape) -> tuple[str, ...]:
    """An index for an array with more axes, which have size 1 where the index has none."""
    letters = list(index)
    return tuple("" if size == 1 or not letters else letters.pop(0) for size in shape)


def _swapped(index: tuple[str, ...]) -> tuple[str, ...]:
    return (*index[:-2], *reversed(index[-2:]))


def _letter(index: str) -> Formula:
    return Symbol(index or "1", scalar=True)


def _indexed(formula: Formula, index: tuple[str, ...]) -> Formula:
    letters = tuple(i for i in index if i)
    return At(formula, letters, scalar=True) if letters else formula


def _sum(letters: tuple[str, ...], of: Formula) -> Formula:
    return SumOver(", ".join(letters), of, scalar=True) if letters else of


def _multiplied(factors: Iterator[Formula]) -> Formula:
    """Numbers side by side; entries of 𝟏 are left out."""
    kept: list[Formula] = []
    for factor in factors:
        if factor != ONE:
            kept += factor.factors if isinstance(factor, Product) and factor.kind == "scalar" else (factor,)
    if not kept:
        return ONE
    whole = kept[0]
    for factor in kept[1:]:
        whole = times(whole, factor)
    return whole
