"""The derivation of a gradient: the chain rule applied in order, from the loss to a variable.

    L = 1/n Σ ℓ        ∂L/∂ℓ  = 𝟏 / n
    Z₁ = x W₁ + b₁     ∂L/∂W₁ = xᵀ δ₁       δ₁ = ∂L/∂Z₁

The numbers behind the steps are those of `graphc.autodiff.sweep`: what a step shows is what the compiler computes.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from string import Formatter
from typing import TYPE_CHECKING, Any, Literal

import graphc as gc

from ..autodiff import Sweep, sweep
from ..ir.collector import without_collection
from ..ir.dim import Shape
from ..ir.errors import DTypeError, GraphError, ShapeError, describe
from ..ir.expr import Expr, post_order
from ..ir.graph import ExprTable
from ..ir.source import no_sources
from ..ops import leaf
from .absence import why_not
from .assigned import assigned_names
from .composites import COMPOSITES, Composite
from .conclusion import Conclusion, Definitions, Rewriting, conclude
from .formula import (
    ONE,
    Formula,
    Part,
    Partial,
    Symbol,
    Words,
    apply,
    is_constant,
    plus,
    transposed,
    weight,
)
from .names import Definition, Names
from .outline import Detail, Outline, outline
from .printers import Prose, latex, text
from .rows import filled
from .wording import sentence_facts, show_shape

if TYPE_CHECKING:
    from .check import CheckReport
    from .exercise import Exercise, Hide

Kind = Literal["start", "chain", "sum"]
NameSource = Literal["given", "assigned"]
_SHORT = 8
"""How heavy a number may be, such as 1/(3 · batch), to be written out wherever it is used."""
_SHOWN_TERMS = 12
"""How many terms a sum shows."""


@dataclass(frozen=True, eq=False, slots=True)
class Link:
    """One op, or one composition, between an argument and its value: what a step goes through backwards."""

    consumer: Expr
    argument: Expr
    position: int
    composite: Composite | None


@dataclass(frozen=True, eq=False)
class Step:
    """One application of the chain rule."""

    kind: Kind
    """"start": ∂L/∂L = 1; "chain": through one line of the network; "sum": contributions are added up."""
    rule: str
    """What is applied: "matrix product"."""
    node: Expr
    """The value the step goes back from."""
    argument: Expr
    """What it arrives at."""
    upstream: Expr
    """The cotangent of `node`."""
    local: Expr | str
    """The derivative of `node` by `argument`: a graph for a function of numbers, else G ↦ what becomes of it."""
    result: Expr
    """What reaches `argument`: its cotangent, or one contribution to it."""
    equation: tuple[Formula, ...]
    """Sides that are equal: the symbol of the result, and its formula."""
    reason: Prose
    """Why, in sentences."""
    forward: tuple[Formula, ...] = ()
    """The line of the network that is differentiated: symbol and formula."""
    symbol: Formula = ONE
    """What `argument` is called."""
    links: tuple[Link, ...] = ()
    """The ops gone through, from `node` down to `argument`."""
    contributions: tuple[Expr, ...] = ()
    """What a "sum" step adds up."""

    @property
    def shapes(self) -> Mapping[str, Shape]:
        """The shapes of upstream, local (where it is a graph) and result."""
        local = {"local": self.local.shape} if isinstance(self.local, Expr) else {}
        return {"upstream": self.upstream.shape, **local, "result": self.result.shape}

    @cached_property
    def latex(self) -> str:
        """The equation in LaTeX, without dollar signs."""
        return " = ".join(map(latex, self.equation))

    @cached_property
    def text(self) -> str:
        """The equation and its reason in Unicode."""
        return f"{' = '.join(map(text, self.equation))}    {text.prose(self.reason)}".rstrip()

    @cached_property
    def html(self) -> str:
        """The rule, the equation as MathML and the reason."""
        from .render import html_of_step

        return html_of_step(self)

    def __repr__(self) -> str:
        return f"<{self.rule}: {' = '.join(map(text, self.equation))}>"


@dataclass(eq=False)
class Derivation:
    """The derivation of ∂loss/∂wrt. Shows itself in a notebook; print it, save it, check it with numbers."""

    loss: Expr
    wrt: Expr
    detail: Detail
    result: Expr
    """The gradient, the same expression as `gc.grad(loss, wrt)`."""
    steps: tuple[Step, ...]
    legend: tuple[Definition, ...]
    conclude: Callable[[], tuple[Conclusion, ...]] = field(repr=False)
    """Finds the conclusion. That takes most of the time, and who only walks through the steps needs none."""
    checked: CheckReport | None = field(default=None, repr=False)
    """The latest check, which documents show beside the steps."""

    @cached_property
    def conclusion(self) -> tuple[Conclusion, ...]:
        """The gradient and its formula, then the definition of each δ in it, with what made them shorter."""
        return self.conclude()

    def text(self) -> str:
        """The derivation as Unicode text."""
        from .render import as_text

        return as_text(self)

    def markdown(self) -> str:
        """The derivation as Markdown with LaTeX between dollar signs."""
        from .render import as_markdown

        return as_markdown(self)

    def latex(self) -> str:
        """The derivation as LaTeX, to be put in a document that uses amsmath, amssymb and graphicx."""
        from .render import as_latex

        return as_latex(self)

    def html(self) -> str:
        """The derivation as one page of HTML with MathML that loads nothing."""
        from .render import as_html

        return as_html(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a file: .md, .html, .tex or .txt. It appears complete or not at all.

        Raises:
            GraphcError: another ending.
            OSError: the file cannot be written.
        """
        from .render import save

        save(self, path)

    def check(self, values: Mapping[Any, Any], *, tolerance: float = 1e-5) -> CheckReport:
        """Hold every step against central finite differences, in float64, and every formula against the graph.

        The documents made afterwards say so beside each step.

        Args:
            values: an array for each input the loss depends on; params have their own value unless given here.
            tolerance: the relative error that is accepted.

        Returns:
            A report, true when all steps hold; printing it shows each of them.

        Raises:
            GraphError: an input has no value.
            ShapeError: the arrays do not fit the inputs, or disagree about a named dimension.
        """
        from .check import check

        self.checked = check(self, values, tolerance)
        return self.checked

    def in_indices(self) -> Derivation:
        """The same derivation with every equation written out in indices: x[k, i] for an entry, Σₖ for a sum."""
        from .indices import in_indices

        return in_indices(self)

    def sympy(self) -> Any:
        """The gradient as a simplified SymPy formula; an array of formulas where it is a small array.

        Raises:
            GraphError: the arrays are too large to be written out, or a function has no formula in SymPy.
        """
        import sympy

        return sympy.simplify(gc.to_sympy(self.result))

    def exercise(self, hide: Hide = "results") -> Exercise:
        """The derivation with blanks to be filled in; answers are compared as mathematics, and there are hints.

        Args:
            hide: "results" blanks the right side of every step, "rules" also the name of its rule, "last" only the
                last step; or the numbers of steps, from 2.

        Raises:
            GraphError: there is no such step.
        """
        from .exercise import Exercise

        return Exercise(self, hide)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<derivation of {text(self.conclusion[0].symbol)}: {len(self.steps)} steps>"

    def _repr_markdown_(self) -> str:
        return self.markdown()

    def _repr_html_(self) -> str:
        from .render import as_html_fragment

        return as_html_fragment(self)


@without_collection
def derive(loss: Expr, wrt: Expr, *, detail: Detail = "textbook", names: NameSource = "given") -> Derivation:
    """The derivation of ∂loss/∂wrt as mathematics, one `Step` per application of the chain rule.

    Args:
        loss: 0-dimensional, floating point.
        wrt: what to differentiate by: a param, an input, or anything in between.
        detail: "textbook" tells it in matrix notation, with views and signs merged into their neighbours and softmax
            and its family as one step; "full" goes through every node.
        names: "given" uses the names of inputs, params and `gc.name`, and readable letters for the rest; "assigned"
            also those of the variables that expressions were assigned to, as far as the source can be read.

    Raises:
        ShapeError: the loss is no scalar.
        DTypeError: the loss or `wrt` is not floating point.
        GraphError: the loss does not depend on `wrt`, no derivative leads there, or `detail` or `names` is unknown.
    """
    _refuse(loss, wrt, detail, names)
    with no_sources():
        record = sweep((loss,), (leaf.scalar(1, loss.dtype),), (wrt,))
        if wrt not in record.cotangents:
            raise GraphError(why_not(loss, wrt))
        return _Deriver(loss, wrt, detail, _called(loss, names), record).run()


def _refuse(loss: Expr, wrt: Expr, detail: str, names: str) -> None:
    for role, given in (("loss", loss), ("variable", wrt)):
        if not isinstance(given, Expr):
            raise GraphError(f"derive: the {role} must be an expression, not {type(given).__name__}")
    if loss.shape != ():
        raise ShapeError(f"derive: the loss must be a scalar; reduce it with gc.sum or gc.mean{describe(loss=loss)}")
    for role, given in (("loss", loss), ("variable", wrt)):
        if not given.dtype.is_float:
            raise DTypeError(f"derive: the {role} must be floating point{describe(**{role: given})}")
    if detail not in ("textbook", "full"):
        raise GraphError(f"derive: detail is 'textbook' or 'full', not {detail!r}")
    if names not in ("given", "assigned"):
        raise GraphError(f"derive: names is 'given' or 'assigned', not {names!r}")


def _called(loss: Expr, names: NameSource) -> ExprTable[str]:
    """What the nodes under the loss are called. Those made of numbers and sizes alone are written out instead: they
    are one object wherever they occur, so that a name may come from another graph."""
    nodes = post_order((loss,))
    found = assigned_names(nodes) if names == "assigned" else ExprTable[str]()
    numbers: ExprTable[None] = ExprTable()
    for node in nodes:
        is_number = node.op.name in ("constant", "size") or (node.args and all(a in numbers for a in node.args))
        if node.ndim == 0 and is_number:
            numbers[node] = None
            found.pop(node, None)
        elif node.name is not None:
            found[node] = node.name
    return found


class _Deriver:
    """Walks the outline in the order of the sweep and writes down the steps."""

    def __init__(self, loss: Expr, wrt: Expr, detail: Detail, called: ExprTable[str], record: Sweep) -> None:
        self.loss, self.wrt, self.detail, self.record = loss, wrt, detail, record
        self.outline: Outline = outline(loss, wrt, detail, called)
        self.names = Names(self.outline, loss)
        self.contributions: ExprTable[dict[int, Expr]] = ExprTable((n, {}) for n in record.order)
        """For each consumer, what it contributes to the cotangent of the argument at each position."""
        for found in itertools.chain.from_iterable(record.contributions.values()):
            self.contributions[found.consumer][found.position] = found.cotangent
        self.leads_there = self._leading_there()
        self.cotangents: ExprTable[Formula] = ExprTable()
        """How later steps write the cotangent of each mentioned node."""
        self.definitions: dict[Formula, Formula] = {}
        self.nodes: dict[Formula, Expr] = {}
        self.parents: ExprTable[list[Expr]] = ExprTable()
        self.steps: list[Step] = []

    def run(self) -> Derivation:
        self._start()
        for node in self.record.order:
            if node is not self.loss and node in self.leads_there and node not in self.outline.hidden:
                self._arrive(node)
        legend = tuple(self.names.legend())
        gradient, steps = self.record.cotangents[self.wrt], tuple(self.steps)
        return Derivation(self.loss, self.wrt, self.detail, gradient, steps, legend, self._conclusion)

    def _leading_there(self) -> ExprTable[None]:
        """The pieces through which a derivative reaches the variable: what stop_gradient cuts off is not among them."""
        found: ExprTable[None] = ExprTable()
        for node in self.outline.order:
            if node is self.wrt or any(
                arg in found and self._flows(self._link(arg, node, position))
                for position, arg in enumerate(self.outline.args(node))
            ):
                found[node] = None
        return found

    def _start(self) -> None:
        one = self.record.cotangents[self.loss]
        self.cotangents[self.loss] = ONE
        self.steps.append(
            Step(
                "start", "start", self.loss, self.loss, one, one, one,
                (self.names.partial(self.loss), ONE),
                ("The derivative of ", self.names.symbol(self.loss), " by itself."),
            )
        )  # fmt: skip

    def _arrive(self, node: Expr) -> None:
        """The steps that end at a node: one for each use of it, and their sum."""
        chains = self._chains(node)
        formulas = [self._formula(chain) for chain in chains]
        symbol, partial = self.names.cotangent(node), self.names.partial(node)
        for number, (chain, formula) in enumerate(zip(chains, formulas, strict=True), 1):
            sides: tuple[Formula, ...]
            if len(chains) == 1:
                sides = (partial,) if symbol == partial else (symbol, partial)
            else:
                sides = (Part(partial, number),)
            self.steps.append(self._step(node, chain, (*sides, filled(formula, node.shape))))
        if len(chains) > 1:
            self._add_up(node, symbol, partial, len(chains))
            formula = plus(*formulas) if len(chains) <= _SHOWN_TERMS else self.steps[-1].equation[-1]
        else:
            formula = formulas[0]
        self.cotangents[node] = formula if self._needs_no_symbol(node, formula, chains) else symbol
        self.definitions[symbol], self.nodes[symbol] = filled(formula, node.shape), node
        self.parents[node] = [chain[0].consumer for chain in chains]

    def _needs_no_symbol(self, node: Expr, formula: Formula, chains: list[tuple[Link, ...]]) -> bool:
        """Numbers, and cotangents handed on unchanged, are written as what they are."""
        if is_constant(formula) and weight(formula) <= _SHORT:
            return True
        handed_on = formula in self.definitions and chains[0][0].consumer.shape == node.shape
        return handed_on and node is not self.wrt and isinstance(self.names.cotangent(node), Partial)

    def _chains(self, node: Expr) -> list[tuple[Link, ...]]:
        """For each use of a node, the links from the nearest mentioned value down to it."""
        chains = []
        for use in self.outline.uses[node]:
            links = [self._link(node, use.consumer, use.position)]
            while links[-1].consumer in self.outline.hidden:
                below = links[-1].consumer
                (next_use,) = self.outline.uses[below]
                links.append(self._link(below, next_use.consumer, next_use.position))
            if all(self._flows(link) for link in links):
                chains.append(tuple(reversed(links)))
        return chains

    def _link(self, argument: Expr, consumer: Expr, position: int) -> Link:
        return Link(consumer, argument, position, self.outline.composites.get(consumer))

    def _flows(self, link: Link) -> bool:
        if link.consumer not in self.record.cotangents:
            return False
        if link.composite is not None:
            return link.position == 0 and COMPOSITES[link.composite.name].derivative is not None
        return self._contribution(link) is not None

    def _contribution(self, link: Link) -> Expr | None:
        return self.contributions[link.consumer].get(link.position) if link.consumer in self.contributions else None

    def _result(self, link: Link) -> Expr:
        upstream = self.record.cotangents[link.consumer]
        closed_form = None if link.composite is None else COMPOSITES[link.composite.name].derivative
        if closed_form is not None and link.composite is not None:
            return closed_form(link.composite, upstream)
        found = self._contribution(link)
        assert found is not None
        return found

    # Formulas --------------------------------------------------------------------------------------------------

    def _formula(self, chain: tuple[Link, ...]) -> Formula:
        """The cotangent of the node at the lower end, from the one at the upper end."""
        g = self.cotangents[chain[0].consumer]
        for link in chain:
            g = self._adjoint(link, g)
        return g

    def _adjoint(self, link: Link, g: Formula) -> Formula:
        node = link.consumer
        adjoint = self.names.notation(node).adjoints[link.position]
        assert adjoint is not None
        args = tuple(map(self.names.value, self.outline.args(node)))
        return adjoint(g, node, self.names.value(node), *args)

    def _local(self, chain: tuple[Link, ...]) -> Expr | str:
        link = chain[0]
        node = link.consumer
        if len(chain) == 1 and link.composite is None and node.op.partials is not None:
            derivative = node.op.partials(node, *node.args)[link.position]
            if derivative is not None:
                return derivative
        g: Formula = Symbol("G", scalar=node.ndim == 0)
        for link in chain:
            g = self._adjoint(link, g)
        return f"G ↦ {text(g)}"

    # Steps -----------------------------------------------------------------------------------------------------

    def _step(self, node: Expr, chain: tuple[Link, ...], equation: tuple[Formula, ...]) -> Step:
        top = chain[0].consumer
        rules = dict.fromkeys(self.names.notation(link.consumer).rule for link in _telling(chain))
        return Step(
            "chain", ", ".join(rules), top, node, self.record.cotangents[top], self._local(chain),
            self._result(chain[-1]), equation, self._reason(chain),
            (self.names.symbol(top), self.names.formula(top)), self.names.symbol(node), chain,
        )  # fmt: skip

    def _add_up(self, node: Expr, symbol: Formula, partial: Partial, count: int) -> None:
        parts = self.steps[-count:]
        terms: list[Formula] = [Part(partial, i) for i in range(1, count + 1)]
        if count > _SHOWN_TERMS:
            terms[2:-1] = [Words("…")]
        sides = (partial,) if symbol == partial else (symbol, partial)
        total = self.record.cotangents[node]
        reason: Prose = (self.names.symbol(node), f" is used {count} times, so its contributions add up.")
        self.steps.append(
            Step(
                "sum", "sum over uses", node, node, total, "G₁ + … + Gₖ" if count > 2 else "G₁ + G₂", total,
                (*sides, plus(*terms)), reason, contributions=tuple(p.result for p in parts),
            )
        )  # fmt: skip

    def _reason(self, chain: tuple[Link, ...]) -> Prose:
        pieces: list[str | Formula] = []
        for above, link in zip((None, *chain), chain, strict=False):
            if link in _telling(chain):
                sentence = self._sentence(link, None if above is None else above.consumer)
                if sentence and sentence[0] not in pieces:
                    pieces += [" ", *sentence] if pieces else sentence
        return tuple(pieces)

    def _sentence(self, link: Link, consumer: Expr | None) -> list[str | Formula]:
        node = link.consumer
        args = [self.names.value(a) for a in self.outline.args(node)]
        facts: dict[str, str | Formula] = dict(zip("xyz", args, strict=False))
        facts["out"] = self.names.value(node)
        if link.composite is None:
            facts |= sentence_facts(node, consumer)
        else:
            facts |= {"softmax": apply("softmax", args[0]), "onehot": apply("onehot", *args[1:])}
        if node.op.name == "matmul":
            facts |= {"xt": transposed(args[0]), "yt": transposed(args[1])}
        pieces: list[str | Formula] = []
        for words, fact, _, _ in Formatter().parse(self.names.notation(node).why[link.position]):
            pieces += [words] if words else []
            pieces += [facts[fact]] if fact else []
        return pieces

    # The last lines --------------------------------------------------------------------------------------------

    @without_collection
    def _conclusion(self) -> tuple[Conclusion, ...]:
        if self.wrt is self.loss:
            return (Conclusion(self.names.partial(self.wrt), self.steps[0].result, (Rewriting((), ONE),)),)
        found = Definitions(self.definitions, self.nodes, self.parents, self.record.cotangents)
        return tuple(conclude(self.wrt, self.loss, found, self.names, self.outline))


def _telling(chain: tuple[Link, ...]) -> tuple[Link, ...]:
    """The links worth a sentence: all, unless some do more than move, convert or hand on."""
    quiet = ("reshape", "astype")
    telling = tuple(link for link in chain if link.consumer.op.name not in quiet or link.composite is not None)
    return telling or chain[-1:]


def shapes_of(step: Step) -> str:
    """The shape of a step's result, in words."""
    return show_shape(step.argument.shape)
