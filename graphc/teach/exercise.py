"""Derivations with blanks: a student fills in steps, and each answer is compared as mathematics, not as text.

sheet = gc.derive(loss, W1).exercise()
print(sheet)                              # the derivation with □₄ for what step 4 arrives at
sheet.hint(4)
sheet.answer(4, "delta2 @ W2.T")          # true when it is equal at random points
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

import graphc as gc

from ..ir.dim import Dim, evaluate, names
from ..ir.errors import GraphcError, GraphError
from ..ir.expr import Expr, post_order
from ..ir.op import Array
from ..ir.source import no_sources
from ..ops import leaf
from .answers import Given, read_answer
from .conclusion import Rewriting
from .formula import Symbol, Words
from .precise import InFloat64
from .printers import text
from .wording import show_shape

if TYPE_CHECKING:
    from .derivation import Derivation, Step

Hide: TypeAlias = Literal["results", "rules", "last"] | Iterable[int]

_POINTS = 3
_TOLERANCE = 1e-8
_SIZES = (3, 4, 5, 2)
"""Sizes of named dimensions at random points: different ones, so that a wrong transpose shows."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an answer is right, and why; true when it is."""

    right: bool
    words: str

    def __bool__(self) -> bool:
        return self.right

    def __str__(self) -> str:
        return f"{'right' if self.right else 'not yet'}: {self.words}"

    __repr__ = __str__


class Exercise:
    """A derivation some of whose steps are blank. Shows itself like one; see `Derivation.exercise`."""

    def __init__(self, derivation: Derivation, hide: Hide) -> None:
        self.derivation = derivation
        self.blanks = _blanks(derivation, hide)
        """The numbers of the steps to fill in."""
        self.sheet = _with_blanks(derivation, self.blanks, rules=hide == "rules")
        """The derivation to be printed."""
        self._hints: Counter[int] = Counter()

    def given(self, number: int) -> Given:
        """What an answer to this step may speak of: every symbol of the network, and what earlier steps arrived at."""
        result = self._blank(number).result
        given = Given({"onehot": lambda labels: gc.one_hot(labels, result.shape[-1], dtype=result.dtype)})
        for definition in self.derivation.legend:
            given.add(definition.symbol, definition.node)
            if definition.node.name is not None:
                given.add(Words(definition.node.name), definition.node)
        for name, dim in _named_sizes(given.values()).items():
            given.add(Words(name), gc.astype(leaf.size(dim), result.dtype))
        for step in self.derivation.steps[: number - 1]:
            for side in step.equation[:-1]:
                given.add(side, step.result)
        return given

    def answer(self, number: int, expression: Any) -> Verdict:
        """Compare an answer with what the step arrives at.

        Args:
            number: of the step, from 1.
            expression: a string such as "x.T @ delta1", in the names of `given`; an expression made of the same
                inputs and params; a SymPy formula in their names; or a number.

        Raises:
            GraphError: the step is no blank, or a string cannot be read; the message says at what.
        """
        step = self._blank(number)
        with no_sources():
            answer = read_answer(expression, self.given(number), step.result.dtype)
            if answer.shape != step.result.shape:
                wanted, found = show_shape(step.result.shape), show_shape(answer.shape)
                return Verdict(False, f"{_question(step)} has the shape {wanted}, the answer {found}")
            return _compare(answer, step.result)

    def hint(self, number: int) -> str:
        """A hint; asked again, the next one, up to the solution."""
        hints = list(_hints_for(self._blank(number)))
        hint = hints[min(self._hints[number], len(hints) - 1)]
        self._hints[number] += 1
        return hint

    def solution(self, number: int) -> str:
        """What the step arrives at, and why."""
        return self._blank(number).text

    def _blank(self, number: int) -> Step:
        if number not in self.blanks:
            raise GraphError(f"exercise: step {number} is no blank; those are {', '.join(map(str, self.blanks))}")
        return self.derivation.steps[number - 1]

    def text(self) -> str:
        """The sheet as Unicode text."""
        return self.sheet.text()

    def markdown(self) -> str:
        """The sheet as Markdown."""
        return self.sheet.markdown()

    def latex(self) -> str:
        """The sheet as LaTeX, to be put in a document that uses amsmath, amssymb and graphicx."""
        return self.sheet.latex()

    def html(self) -> str:
        """The sheet as one page of HTML that loads nothing."""
        return self.sheet.html()

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<exercise of {len(self.blanks)} blanks in {self.derivation!r}>"

    def _repr_markdown_(self) -> str:
        return self.sheet._repr_markdown_()

    def _repr_html_(self) -> str:
        return self.sheet._repr_html_()


def _named_sizes(expressions: Iterable[Expr]) -> dict[str, Dim]:
    """The named dimensions that stand by themselves in shapes."""
    sizes = (size for expr in expressions for size in expr.shape if isinstance(size, Dim))
    return {str(size): size for size in sizes if names(size) == {str(size)}}


# The sheet -----------------------------------------------------------------------------------------------------


def _blanks(d: Derivation, hide: Hide) -> tuple[int, ...]:
    possible = tuple(number for number, step in enumerate(d.steps, 1) if step.kind != "start")
    if not possible:
        raise GraphError("exercise: the derivation has no step to hide")
    if hide in ("results", "rules"):
        return possible
    if hide == "last":
        return possible[-1:]
    if isinstance(hide, str):
        raise GraphError(f"exercise: hide is 'results', 'rules', 'last' or numbers of steps, not {hide!r}")
    chosen = tuple(sorted(set(hide)))
    if unknown := [n for n in chosen if n not in possible]:
        raise GraphError(f"exercise: there is no step {unknown[0]} to hide; there are 2 to {possible[-1]}")
    if not chosen:
        raise GraphError("exercise: at least one step has to be hidden")
    return chosen


def _with_blanks(d: Derivation, blanks: tuple[int, ...], *, rules: bool) -> Derivation:
    steps = list(d.steps)
    for number in blanks:
        step = steps[number - 1]
        empty = Symbol("□", str(number))
        steps[number - 1] = replace(
            step, equation=(*step.equation[:-1], empty), reason=(), rule="which rule?" if rules else step.rule
        )
    # The last lines would give the blanks away.
    last = d.conclusion[0]
    conclusion = (replace(last, lines=(Rewriting((), Symbol("□", str(blanks[-1]))),)),)
    return replace(d, steps=tuple(steps), conclude=lambda: conclusion)


def _question(step: Step) -> str:
    return text(step.equation[0])


def _hints_for(step: Step) -> Iterator[str]:
    """From general to particular, the solution last."""
    shape = show_shape(step.result.shape)
    if step.forward:
        line = " = ".join(map(text, step.forward))
        yield f"Look at {line} and ask how it changes with {text(step.symbol)}: {step.rule}."
    else:
        yield f"{step.rule.capitalize()}: everything that reaches it has to be added up."
    yield f"The result has the shape {shape}, its upstream cotangent {show_shape(step.upstream.shape)}."
    yield text.prose(step.reason)
    yield " = ".join(map(text, step.equation))


# Equality ------------------------------------------------------------------------------------------------------


def _compare(answer: Expr, expected: Expr) -> Verdict:
    if answer is expected:
        return Verdict(True, "this is what the step arrives at")
    compared = 0
    for point in range(2 * _POINTS):
        mine, right = _at_random_point(answer, expected, point)
        if not np.isfinite(right).all():
            continue
        scale = max(float(np.abs(right).max(initial=0.0)), 1e-12)
        if not np.isfinite(mine).all() or float(np.abs(mine - right).max(initial=0.0)) > _TOLERANCE * scale:
            return Verdict(False, _what_is_wrong(mine, right, scale))
        compared += 1
    if not compared:
        return Verdict(False, "no point was found where both can be computed")
    proof = ", and SymPy proves it" if _is_proven(answer, expected) else ""
    return Verdict(True, f"equal at {compared} random points{proof}")


def _what_is_wrong(mine: Array, right: Array, scale: float) -> str:
    def fits(other: Array) -> bool:
        return other.shape == right.shape and bool(np.abs(other - right).max() <= _TOLERANCE * scale)

    if fits(-mine):
        return "the sign is wrong"
    if mine.ndim >= 2 and fits(np.swapaxes(mine, -1, -2)):
        return "it is the transpose of what is asked for"
    size = float(np.sum(mine * mine))
    if size > 0 and fits(mine * (factor := float(np.sum(mine * right)) / size)):
        return f"a factor is missing: at a random point {factor:.6g}"
    return f"at a random point it differs by {float(np.abs(mine - right).max()):.3g}"


def _at_random_point(answer: Expr, expected: Expr, point: int) -> tuple[Array, Array]:
    """Both values, with normally distributed numbers first, and numbers between 0 and 1 at every other point."""
    rng = np.random.default_rng(point)
    variables = [n for n in post_order([answer, expected]) if n.op.name in ("input", "param")]
    dims = sorted({name for variable in variables for size in variable.shape for name in names(size)})
    sizes = {name: _SIZES[i % len(_SIZES)] for i, name in enumerate(dims)}
    values = {}
    for variable in variables:
        shape = [int(evaluate(size, sizes)) for size in variable.shape]
        if variable.dtype.is_float:
            values[variable] = rng.normal(size=shape) if point % 2 == 0 else rng.uniform(0.1, 0.9, shape)
        else:
            values[variable] = rng.integers(0, 2, shape).astype(variable.dtype.numpy)
    with np.errstate(all="ignore"):
        graph = InFloat64([answer, expected], values)
    return graph.value(answer), graph.value(expected)


def _is_proven(answer: Expr, expected: Expr) -> bool:
    """Whether SymPy finds that formulas of numbers are equal."""
    if answer.shape != () or any(n.shape != () for n in post_order([answer, expected])):
        return False
    import sympy

    try:
        difference = gc.to_sympy(answer) - gc.to_sympy(expected)
    except GraphcError:
        return False
    return bool(sympy.simplify(difference) == 0)
