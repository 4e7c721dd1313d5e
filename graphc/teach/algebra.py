"""Formulas as sums of terms, so that they can be simplified as one does on paper, with the rules that were used.

    (−(y / n) ⊙ (1 / p) + ((1 − y) / n) ⊙ (1 / (1 − p))) ⊙ p ⊙ (1 − p)
    = (p − y) / n          multiplied out; what multiplies and divides cancels; opposite terms cancel

A term is a number times powers of factors; products here are of numbers or element by element, so factors commute.
Whatever else there is (matrix products, functions, sums over axes) is one factor, simplified inside. A column that is
repeated, x 𝟏ᵀ, is a product of repeated columns, so that columns cancel and leave sums over columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import gcd, lcm

from .formula import (
    ONE,
    ZERO,
    Apply,
    At,
    Bars,
    Formula,
    Infix,
    Iverson,
    Negated,
    Number,
    Power,
    Product,
    Quotient,
    Root,
    Sum,
    SumOver,
    Transposed,
    Words,
    is_scalar,
    matrix,
    negated,
    number,
    over,
    plus,
    power,
    times,
    transposed,
)
from .rows import ONES

_COLUMN = Transposed(ONES)
_MOST_TERMS = 64
"""How many terms a product may have when it is multiplied out."""

NUMBERS = "numbers are multiplied"
CANCEL = "what multiplies and divides cancels"
OPPOSITE = "terms of opposite sign cancel"
LIKE = "equal terms are put together"
COMMON = "the common factor goes in front"
CONSTANT = "what is the same for all summands goes in front of Σ"
MULTIPLY_OUT = "products of sums are multiplied out"
TOGETHER = "factors and fractions are put together"
RECOGNISED = "a quotient that has a name is called by it"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of symbols beyond their letters."""

    sums: Mapping[tuple[str, Formula], tuple[int, str]] = field(default_factory=dict)
    """(axes, x): what Σ x over these axes is, 0 or 1, and the words for it."""
    rows: frozenset[Formula] = frozenset()
    """Vectors: in a matrix they are rows, the same in each of them."""
    quotients: tuple[tuple[Formula, Formula], ...] = ()
    """Symbols that stand for a quotient, which is recognised again where a result contains it."""
    inputs: frozenset[Formula] = frozenset()
    probabilities: frozenset[Formula] = frozenset()


@dataclass(frozen=True, slots=True)
class Term:
    """A coefficient times factors to powers."""

    coefficient: Fraction
    factors: dict[Formula, int]

    @property
    def key(self) -> frozenset[tuple[Formula, int]]:
        """What two terms that can be added have in common."""
        return frozenset(self.factors.items())


Terms = list[Term]


class Algebra:
    """Simplifies formulas, remembering the names of the rules that were used."""

    def __init__(self, facts: Facts, *, expand: bool = False, recognise: bool = False) -> None:
        self._facts = facts
        self._expand = expand
        self._decimal = False
        self.used: dict[str, None] = {}
        self._known: list[tuple[Formula, Term]] = []
        if recognise:
            plain = Algebra(facts)
            self._known = [(symbol, plain._single(plain._terms(formula))) for symbol, formula in facts.quotients]

    def __call__(self, formula: Formula) -> Formula:
        """The formula in its simplest form."""
        return self._build(self._terms(formula))

    # Into terms ------------------------------------------------------------------------------------------------

    def _terms(self, formula: Formula) -> Terms:
        match formula:
            case Number(text) if text[:1].isdigit():
                self._decimal |= "." in text
                return [Term(Fraction(text), {})] if Fraction(text) else []
            case Words(text) if "·" in text and not set("+-−/(") & set(text):
                return self._product(self._terms(_word(w)) for w in text.split(" · "))
            case Sum(parts):
                return self._added(t for part in parts for t in self._terms(part))
            case Negated(of):
                return [Term(-t.coefficient, t.factors) for t in self._terms(of)]
            case Product("matrix", (*inside, last)) if last == _COLUMN:
                return self._columns(self._terms(matrix(*inside)))
            case Product("matrix", factors):
                return self._matrix(factors)
            case Product(_, factors):
                return self._product(map(self._terms, factors))
            case Quotient(a, b):
                return self._product((self._terms(a), self._inverse(self._terms(b))))
            case Power(base, Number(n)) if n.isdigit() and 0 < int(n) < 5:
                single = self._single(self._terms(base))
                return self._expanded(
                    Term(single.coefficient ** int(n), {f: e * int(n) for f, e in single.factors.items()})
                )
            case Transposed(of) if of != ONES:
                return self._scaled(self._single(self._terms(of)), transposed)
            case SumOver(axes, of, scalar):
                terms = self._terms(of)
                terms = terms if self._expand else [self._single(terms)]
                return self._added(t for term in terms for t in self._summed(axes, term, scalar))
            case _:
                return [Term(Fraction(1), {self._inside(formula): 1})]

    def _inside(self, formula: Formula) -> Formula:
        """A formula that is one factor, with its arguments simplified."""
        match formula:
            case Apply(function, args):
                return Apply(function, tuple(map(self, args)))
            case Root(of):
                return Root(self(of))
            case Bars(of):
                return Bars(self(of))
            case Power(base, exponent):
                return Power(self(base), self(exponent))
            case Iverson(of):
                return Iverson(self._inside(of))
            case Infix(left, sign, right):
                return Infix(self(left), sign, self(right))
            case At(base, index):
                return At(self(base), index)
            case _:
                return formula

    def _scaled(self, term: Term, wrap: object) -> Terms:
        """The numbers of a term, times `wrap` of the rest of it."""
        assert callable(wrap)
        scalars = {f: e for f, e in term.factors.items() if is_scalar(f)}
        rest = {f: e for f, e in term.factors.items() if f not in scalars}
        if not rest:
            return [term]
        return [Term(term.coefficient, {**scalars, wrap(self._build([Term(Fraction(1), rest)])): 1})]

    def _matrix(self, factors: tuple[Formula, ...]) -> Terms:
        coefficient, scalars, rest = Fraction(1), dict[Formula, int](), list[Formula]()
        for factor in factors:
            (term,) = self._scaled(self._single(self._terms(factor)), lambda x: x)
            coefficient *= term.coefficient
            arrays = [f for f in term.factors if not is_scalar(f)]
            rest += arrays or [ONES]
            for f, e in term.factors.items():
                if f not in arrays:
                    scalars[f] = scalars.get(f, 0) + e
        whole = rest[0] if len(rest) == 1 else matrix(*rest)
        return [Term(coefficient, {**{f: e for f, e in scalars.items() if e}, whole: 1})]

    def _columns(self, terms: Terms) -> Terms:
        """x 𝟏ᵀ, each factor of x repeated by itself."""
        return [Term(t.coefficient, {_column(f): e for f, e in t.factors.items()}) for t in terms]

    # Sums and products -----------------------------------------------------------------------------------------

    def _added(self, terms: Iterable[Term]) -> Terms:
        totals: dict[frozenset[tuple[Formula, int]], Term] = {}
        for term in terms:
            key = term.key
            before = totals.get(key)
            if before is None:
                totals[key] = term
                continue
            total = before.coefficient + term.coefficient
            self.used[LIKE if total else OPPOSITE] = None
            totals[key] = Term(total, before.factors)
        return [t for t in totals.values() if t.coefficient]

    def _product(self, factors: Iterable[Terms]) -> Terms:
        result = Term(Fraction(1), {})
        for terms in factors:
            if not terms:
                return []
            result = self._times(result, self._single(terms))
        return self._expanded(result)

    def _times(self, a: Term, b: Term) -> Term:
        factors = dict(a.factors)
        if abs(a.coefficient) != 1 and abs(b.coefficient) != 1:
            self.used[NUMBERS] = None
        lost_arrays = False
        for factor, exponent in b.factors.items():
            total = factors.get(factor, 0) + exponent
            if total == 0:
                self.used[CANCEL] = None
                lost_arrays |= not is_scalar(factor)
                del factors[factor]
            else:
                factors[factor] = total
        arrays = [f for f in factors if not is_scalar(f)]
        if ONES in factors:
            if len(arrays) > 1:
                del factors[ONES]
            else:
                factors[ONES] = 1
        elif lost_arrays and not arrays:
            factors[ONES] = 1
        return Term(a.coefficient * b.coefficient, factors)

    def _inverse(self, terms: Terms) -> Terms:
        term = self._single(terms)
        if not term.coefficient:
            return [Term(Fraction(1), {Quotient(ONE, ZERO): 1})]
        return [Term(1 / term.coefficient, {f: -e for f, e in term.factors.items()})]

    def _single(self, terms: Terms) -> Term:
        """One term of the same value: a sum becomes its common factors times one factor, the rest of it."""
        if len(terms) == 1:
            return terms[0]
        if not terms:
            return Term(Fraction(0), {})
        common, rest = _common_factors(terms)
        if common.factors:
            self.used[COMMON] = None
        return Term(common.coefficient, {**common.factors, self._sum(rest): 1})

    def _expanded(self, term: Term) -> Terms:
        """The term multiplied out, fractions in it first, so that they cancel before sums are taken apart."""
        if not self._expand:
            return [term]
        done: Terms = []
        waiting = [term]
        while waiting:
            term = waiting.pop()
            sums = [f for f, e in term.factors.items() if isinstance(f, Sum) and e > 0]
            if not sums or len(waiting) + len(done) > _MOST_TERMS:
                done.append(term)
                continue
            chosen = next((s for s in sums if any(isinstance(p, Quotient) for p in _unsigned(s.terms))), sums[0])
            self.used[MULTIPLY_OUT] = None
            rest = Term(term.coefficient, {**term.factors, chosen: term.factors[chosen] - 1})
            rest = Term(rest.coefficient, {f: e for f, e in rest.factors.items() if e})
            plain = Algebra(self._facts)
            waiting += [self._times(rest, plain._single(plain._terms(part))) for part in reversed(chosen.terms)]
        return self._added(done)

    def _summed(self, axes: str, term: Term, scalar: bool) -> Terms:
        """Σ over axes of one term."""
        outside = Term(term.coefficient, {})
        inside: dict[Formula, int] = {}
        for factor, exponent in term.factors.items():
            constant = self._constant_along(axes, factor)
            if constant is None:
                inside[factor] = exponent
            else:
                outside = self._times(outside, Term(Fraction(1), {constant: exponent}))
        if not any(not is_scalar(f) for f in inside):
            # Nothing is left to add up but the same thing many times.
            return [Term(Fraction(1), {SumOver(axes, self._build([term]), scalar): 1})]
        if outside.factors or outside.coefficient not in (1, -1):
            self.used[CONSTANT] = None
        whole = self._build([Term(Fraction(1), inside)])
        known = self._facts.sums.get((axes, whole))
        if known is None:
            return [self._times(outside, Term(Fraction(1), {SumOver(axes, whole, scalar): 1}))]
        self.used[known[1]] = None
        return [self._times(outside, Term(Fraction(1), {} if scalar else {ONES: 1}))] if known[0] else []

    def _constant_along(self, axes: str, factor: Formula) -> Formula | None:
        """What a factor is in front of Σ, if it is the same for all summands."""
        if is_scalar(factor):
            return factor
        if axes == "columns" and isinstance(factor, Product) and factor.factors[-1] == _COLUMN:
            return matrix(*factor.factors[:-1])
        return factor if axes == "rows" and self._is_row(factor) else None

    def _is_row(self, factor: Formula) -> bool:
        """Whether a factor is one row, repeated in every row of the matrix."""
        match factor:
            case SumOver("rows"):
                return True
            case Root(of) | Transposed(of):
                return self._is_row(of)
            case _:
                return factor in self._facts.rows

    # Back into formulas ----------------------------------------------------------------------------------------

    def _build(self, terms: Terms) -> Formula:
        if not terms:
            return ZERO
        return self._term(self._single(terms))

    def _sum(self, terms: Terms) -> Formula:
        """Terms with nothing in common, those with a plus first."""
        ordered = sorted(terms, key=lambda t: t.coefficient < 0)
        return plus(*map(self._term, ordered))

    def _recognised(self, term: Term) -> Term:
        """The term with quotients that have a name replaced by it."""
        for symbol, known in self._known:
            if known.coefficient == 1 and all(e * term.factors.get(f, 0) >= e * e for f, e in known.factors.items()):
                self.used[RECOGNISED] = None
                left = {f: e - known.factors.get(f, 0) for f, e in term.factors.items()}
                term = Term(term.coefficient, {f: e for f, e in left.items() if e})
                term = self._times(Term(Fraction(1), {symbol: 1}), term)
        return term

    def _term(self, term: Term) -> Formula:
        term = self._recognised(term)
        coefficient = abs(term.coefficient)
        scalars = [(f, e) for f, e in term.factors.items() if is_scalar(f)]
        arrays = [(f, e) for f, e in term.factors.items() if not is_scalar(f)]
        if self._decimal and coefficient.denominator > 1 and 10**9 % coefficient.denominator == 0:
            above: Formula = number(float(coefficient))
            below: Formula = ONE
        else:
            above, below = Number(str(coefficient.numerator)), Number(str(coefficient.denominator))
        for f, e in scalars:
            if e > 0:
                above = _times(above, power(f, Number(str(e))))
            else:
                below = _times(below, power(f, Number(str(-e))))
        top, bottom = _array(arrays, 1), _array(arrays, -1)
        whole = above if top is None else _times(above, top)
        whole = over(whole, below if bottom is None else _times(below, bottom))
        return negated(whole) if term.coefficient < 0 else whole


def _column(x: Formula) -> Formula:
    return x if is_scalar(x) or x == ONES else Product("matrix", (x, _COLUMN))


def _word(text: str) -> Formula:
    return Number(text) if text.isdigit() else Words(text)


def _times(a: Formula, b: Formula) -> Formula:
    return b if a == ONE else a if b == ONE else times(a, b)


def _array(factors: list[tuple[Formula, int]], sign: int) -> Formula | None:
    """The product of the powers of this sign; repeated columns share one 𝟏ᵀ."""
    plain: Formula | None = None
    columns: Formula | None = None
    for factor, exponent in factors:
        if exponent * sign < 0:
            continue
        count = Number(str(abs(exponent)))
        if isinstance(factor, Product) and factor.kind == "matrix" and factor.factors[-1] == _COLUMN:
            inner = power(matrix(*factor.factors[:-1]), count)
            columns = inner if columns is None else times(columns, inner)
        else:
            plain = power(factor, count) if plain is None else times(plain, power(factor, count))
    if columns is None:
        return plain
    spread = matrix(columns, _COLUMN)
    return spread if plain is None else times(plain, spread)


def _unsigned(terms: Iterable[Formula]) -> Iterator[Formula]:
    return (t.of if isinstance(t, Negated) else t for t in terms)


def _common_factors(terms: Terms) -> tuple[Term, Terms]:
    """What all terms have in common, and what is left of each. Denominators that are numbers are common to all."""
    numerators = gcd(*(t.coefficient.numerator for t in terms))
    coefficient = Fraction(numerators, lcm(*(t.coefficient.denominator for t in terms)))
    if all(t.coefficient < 0 for t in terms):
        coefficient = -coefficient
    factors: dict[Formula, int] = {}
    for factor in {f: None for t in terms for f in t.factors}:
        exponents = [t.factors.get(factor, 0) for t in terms]
        if min(exponents) > 0:
            factors[factor] = min(exponents)
        elif max(exponents) < 0 or (is_scalar(factor) and min(exponents) < 0):
            factors[factor] = max(exponents) if max(exponents) < 0 else min(exponents)
    factors.pop(ONES, None)
    rest = [
        Term(
            t.coefficient / coefficient,
            {f: e for f in {**t.factors, **factors} if (e := t.factors.get(f, 0) - factors.get(f, 0))},
        )
        for t in terms
    ]
    # A term that is nothing but the common factors leaves 1 behind.
    return Term(coefficient, factors), rest
