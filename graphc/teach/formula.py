"""Mathematics as a small tree, which `graphc.teach.printers` prints as LaTeX, Unicode text or MathML.

Formulas are built through the functions at the end (`times`, `minus`, `matrix`, ...). They apply the few
simplifications a person makes without a word: 1·x is x, -(a - b) is b - a, (Xᵀ)ᵀ is X.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeAlias, Union, cast

import numpy as np

Formula: TypeAlias = Union[
    "Symbol", "Number", "Words", "Apply", "Sum", "Negated", "Product", "Quotient", "Power", "Transposed", "Root",
    "Bars", "Infix", "Iverson", "SumOver", "Partial", "Part", "At",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Symbol:
    """A letter or name with a subscript: W₁ is ("W", "1")."""

    base: str
    sub: str = ""
    scalar: bool = False


@dataclass(frozen=True, slots=True)
class Number:
    """A number ≥ 0, as it is written."""

    text: str


@dataclass(frozen=True, slots=True)
class Words:
    """Upright words that stand for a number, such as the size `batch`."""

    text: str


@dataclass(frozen=True, slots=True)
class Apply:
    """A function of its arguments; element by element where the function is one of numbers."""

    function: str
    args: tuple[Formula, ...]


@dataclass(frozen=True, slots=True)
class Sum:
    """Terms, `Negated` ones with a minus."""

    terms: tuple[Formula, ...]


@dataclass(frozen=True, slots=True)
class Negated:
    of: Formula


@dataclass(frozen=True, slots=True)
class Product:
    """Factors: of matrices, element by element (⊙), or of a number and anything."""

    kind: Literal["matrix", "hadamard", "scalar"]
    factors: tuple[Formula, ...]


@dataclass(frozen=True, slots=True)
class Quotient:
    over: Formula
    under: Formula


@dataclass(frozen=True, slots=True)
class Power:
    base: Formula
    exponent: Formula


@dataclass(frozen=True, slots=True)
class Transposed:
    of: Formula


@dataclass(frozen=True, slots=True)
class Root:
    of: Formula


@dataclass(frozen=True, slots=True)
class Bars:
    """The absolute value."""

    of: Formula


@dataclass(frozen=True, slots=True)
class Infix:
    """A comparison or a logical connective: =, ≠, <, ≤, >, ≥, ∧, ∨."""

    left: Formula
    sign: str
    right: Formula


@dataclass(frozen=True, slots=True)
class Iverson:
    """[condition]: 1 where it holds, else 0."""

    of: Formula


@dataclass(frozen=True, slots=True)
class SumOver:
    """Σ over the named axes, "rows" for instance; over all entries when there is no name."""

    axes: str
    of: Formula
    scalar: bool = False


@dataclass(frozen=True, slots=True)
class Partial:
    """∂of/∂by."""

    of: Formula
    by: Formula


@dataclass(frozen=True, slots=True)
class Part:
    """One of several contributions to a derivative, numbered from 1."""

    of: Formula
    number: int


@dataclass(frozen=True, slots=True)
class At:
    """An element or a window, X[1:4, :]: one entry for each axis; a number where all are letters or numbers."""

    base: Formula
    index: tuple[str, ...]
    scalar: bool = False


ZERO, ONE, TWO, HALF = Number("0"), Number("1"), Number("2"), Quotient(Number("1"), Number("2"))


def is_scalar(formula: Formula) -> bool:
    """Whether it is a number rather than an array, as far as the formula shows."""
    match formula:
        case Number() | Words():
            return True
        case Symbol(scalar=known) | SumOver(scalar=known) | At(scalar=known):
            return known
        case Negated(of) | Root(of) | Bars(of) | Partial(by=of) | Part(of=of):
            return is_scalar(of)
        case Quotient(a, b) | Power(a, b):
            return is_scalar(a) and is_scalar(b)
        case Sum(many) | Product(_, many):
            return all(map(is_scalar, many))
        case Apply(_, args):
            return bool(args) and all(map(is_scalar, args))
        case _:
            return False


def is_constant(formula: Formula) -> bool:
    """Whether it is a number made of numbers and sizes alone, such as 1/batch."""
    match formula:
        case Number() | Words():
            return True
        case Negated(of):
            return is_constant(of)
        case Quotient(a, b):
            return is_constant(a) and is_constant(b)
        case Product("scalar", factors):
            return all(map(is_constant, factors))
        case _:
            return False


def weight(formula: Formula) -> int:
    """How many marks a reader has to take in; decides what is written out and what gets a symbol."""
    if isinstance(formula, Words):
        return 1 + 2 * formula.text.count("·")
    return 1 + sum(map(weight, parts_of(formula)))


def parts_of(formula: Formula) -> tuple[Formula, ...]:
    """The formulas a formula is made of."""
    found: list[Formula] = []
    for field in fields(formula):
        value = getattr(formula, field.name)
        if isinstance(value, tuple):
            found += [v for v in value if not isinstance(v, str)]
        elif not isinstance(value, (str, int)):
            found.append(value)
    return tuple(found)


def substitute(formula: Formula, values: Mapping[Any, Formula]) -> Formula:
    """The formula with whole subformulas replaced, rebuilt by the functions below."""
    if formula in values:
        return values[formula]
    match formula:
        case Sum(terms):
            return plus(*(substitute(t, values) for t in terms))
        case Negated(of):
            return negated(substitute(of, values))
        case Product("matrix", factors):
            return matrix(*(substitute(f, values) for f in factors))
        case Product(_, factors):
            new = [substitute(f, values) for f in factors]
            result = new[0]
            for factor in new[1:]:
                result = times(result, factor)
            return result
        case Transposed(of):
            return transposed(substitute(of, values))
        case Partial():
            return formula
    changes: dict[str, Any] = {}
    for field in fields(formula):
        value = getattr(formula, field.name)
        if isinstance(value, tuple):
            changes[field.name] = tuple(v if isinstance(v, str) else substitute(v, values) for v in value)
        elif not isinstance(value, (str, int)):
            changes[field.name] = substitute(value, values)
    rebuilt: Formula = replace(cast(Any, formula), **changes)
    return rebuilt


def walk(formula: Formula) -> Iterator[Formula]:
    """The formula and everything in it."""
    stack = [formula]
    while stack:
        part = stack.pop()
        yield part
        stack.extend(parts_of(part))


def symbols(formula: Formula) -> list[Formula]:
    """The symbols and derivatives a formula speaks of, in order of appearance, each once."""
    found: dict[Formula, None] = {}

    def visit(part: Formula) -> None:
        if isinstance(part, (Symbol, Partial, Part)):
            found[part] = None
        else:
            for inner in parts_of(part):
                visit(inner)

    visit(formula)
    return list(found)


# How formulas are built ----------------------------------------------------------------------------------------


def number(value: float | np.floating[Any] | np.integer[Any]) -> Formula:
    """A number as one writes it: 2, 0.5, 1e-7, ∞; with the digits that tell it from others of its dtype."""
    if value != value:
        return Words("nan")
    if value < 0:
        return Negated(number(-value))
    if value == float("inf"):
        return Number("∞")
    if value == 0 or 1e-4 <= value < 1e7:
        return Number(np.format_float_positional(value, trim="-"))
    return Number(np.format_float_scientific(value, trim="-", exp_digits=1).replace("+", ""))


def apply(function: str, *args: Formula) -> Formula:
    """function(args)."""
    return Apply(function, args)


def negated(x: Formula) -> Formula:
    """-x."""
    match x:
        case Negated(of):
            return of
        case Number("0"):
            return x
        case Sum((first, Negated(second))):
            return Sum((second, Negated(first)))
        case Quotient(a, b) if not isinstance(negated_a := negated(a), Negated):
            return Quotient(negated_a, b)
        case _:
            return Negated(x)


def plus(*terms: Formula) -> Formula:
    """The sum of terms."""
    flat: list[Formula] = []
    for term in terms:
        flat += term.terms if isinstance(term, Sum) else (term,)
    return Sum(tuple(flat)) if len(flat) > 1 else flat[0]


def minus(a: Formula, b: Formula) -> Formula:
    """a - b."""
    first = a.terms if isinstance(a, Sum) else (a,)
    return Sum((*first, b.of if isinstance(b, Negated) else Negated(b)))


def times(a: Formula, b: Formula) -> Formula:
    """The product element by element, with numbers in front."""
    if isinstance(a, Negated):
        return negated(times(a.of, b))
    if isinstance(b, Negated):
        return negated(times(a, b.of))
    for one, other in ((a, b), (b, a)):
        if one == ONE:
            return other
        if one == ZERO:
            return ZERO
        if isinstance(one, Quotient) and one.over == ONE and is_scalar(one):
            return over(other, one.under)
    if isinstance(a, Product) and a.kind == "scalar" and not is_scalar(a):
        return times(a.factors[0], times(_scaled(a.factors[1:]), b))
    if is_scalar(b) and not is_scalar(a):
        a, b = b, a
    if not is_scalar(a) and isinstance(b, Product) and b.kind == "scalar":
        return times(b.factors[0], times(a, _scaled(b.factors[1:])))
    kind: Literal["hadamard", "scalar"] = "scalar" if is_scalar(a) else "hadamard"
    return Product(kind, _flat(kind, a) + _flat(kind, b))


def _scaled(factors: tuple[Formula, ...]) -> Formula:
    return Product("scalar", factors) if len(factors) > 1 else factors[0]


def _flat(kind: str, x: Formula) -> tuple[Formula, ...]:
    return x.factors if isinstance(x, Product) and x.kind == kind else (x,)


def matrix(*factors: Formula) -> Formula:
    """The matrix product; numbers that multiply or divide a factor move outside."""
    for i, factor in enumerate(factors):
        if isinstance(factor, Quotient) and is_constant(factor.under) and not is_constant(factor):
            return over(matrix(*factors[:i], factor.over, *factors[i + 1 :]), factor.under)
    numbers = [f for f in factors if is_constant(f)]
    flat: list[Formula] = []
    for factor in factors:
        if not is_constant(factor):
            flat += _flat("matrix", factor)
    result: Formula = Product("matrix", tuple(flat)) if len(flat) > 1 else flat[0]
    for factor in numbers:
        result = times(factor, result)
    return result


def over(a: Formula, b: Formula) -> Formula:
    """a / b."""
    if b == ONE:
        return a
    match a:
        case Negated(of):
            return negated(over(of, b))
        case Quotient(top, bottom) if is_scalar(bottom) and is_scalar(b):
            return Quotient(top, times(bottom, b))
        case _:
            return Quotient(a, b)


def power(x: Formula, exponent: Formula) -> Formula:
    """x to a power."""
    return x if exponent == ONE else Power(x, exponent)


def transposed(x: Formula) -> Formula:
    """xᵀ; of a product, the transposed factors in the other order."""
    match x:
        case Transposed(of):
            return of
        case Number() | Words():
            return x
        case Product("matrix", factors):
            return Product("matrix", tuple(transposed(f) for f in reversed(factors)))
        case Negated(of):
            return negated(transposed(of))
        case Quotient(a, b) if is_scalar(b):
            return Quotient(transposed(a), b)
        case _:
            return Transposed(x)


def iverson(left: Formula, sign: str, right: Formula) -> Formula:
    """[left sign right]."""
    return Iverson(Infix(left, sign, right))
