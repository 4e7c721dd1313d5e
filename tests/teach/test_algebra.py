"""Simplification: every rewriting keeps the value, has a name, and makes the formula shorter."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.teach.algebra import CANCEL, CONSTANT, NUMBERS, OPPOSITE, RECOGNISED, Algebra, Facts
from graphc.teach.conclusion import simplified
from graphc.teach.formula import (
    ONE,
    TWO,
    Formula,
    Number,
    Quotient,
    SumOver,
    Symbol,
    Transposed,
    Words,
    matrix,
    minus,
    negated,
    over,
    plus,
    power,
    times,
    weight,
)
from graphc.teach.printers import text
from graphc.teach.reading import Reader
from graphc.teach.rows import ONES

X, Y, P = Symbol("X"), Symbol("Y"), Symbol("P")
v, c = Symbol("v"), Symbol("c")
n, s = Words("n"), Symbol("s", scalar=True)
COLUMN = Transposed(ONES)
SIZES = {"n": 4}


def values() -> dict[Formula, Any]:
    rng = np.random.default_rng(0)
    return {
        X: rng.normal(size=(4, 3)), Y: rng.normal(size=(4, 3)), P: rng.uniform(0.2, 0.8, (4, 3)),
        v: rng.normal(size=3), c: rng.uniform(1, 2, (4, 1)), s: np.asarray(1.7),
    }  # fmt: skip


READER = Reader(values(), SIZES)


@pytest.mark.parametrize(
    ("formula", "expected", "rule"),
    [
        (over(times(TWO, X), Words("6 · n")), "X / (3 · n)", NUMBERS),
        (times(over(X, P), P), "X", CANCEL),
        (times(over(ONES, P), P), "𝟏", CANCEL),
        (minus(plus(X, Y), X), "Y", OPPOSITE),
        (plus(times(X, s), negated(times(s, X))), "0", OPPOSITE),
        (SumOver("columns", times(over(X, n), s)), "s · Σ_columns X / n", CONSTANT),
        (SumOver("columns", times(X, matrix(c, COLUMN))), "c ⊙ (Σ_columns X)", CONSTANT),
        (SumOver("rows", times(X, v)), "v ⊙ (Σ_rows X)", CONSTANT),
        (over(matrix(over(c, TWO), COLUMN), matrix(c, COLUMN)), "𝟏 / 2", CANCEL),
    ],
)  # fmt: skip
def test_one_rule_at_a_time(formula: Formula, expected: str, rule: str) -> None:
    algebra = Algebra(Facts(rows=frozenset({v})))
    assert text(algebra(formula)) == expected
    assert rule in algebra.used


def test_cross_entropy_collapses() -> None:
    """The derivative of y ln p + (1 - y) ln(1 - p) through the sigmoid is p - y."""
    formula = times(times(plus(negated(over(Y, P)), over(minus(ONE, Y), minus(ONE, P))), P), minus(ONE, P))
    lines = list(simplified(over(formula, n), Facts(probabilities=frozenset({P}))))
    assert text(lines[-1].formula) == "(P − Y) / n"
    assert any("prediction minus the truth" in rule for rule in lines[-1].rules)


def test_what_is_known_of_sums_is_used() -> None:
    facts = Facts({("rows", X): (0, "deviations"), ("columns", P): (1, "probabilities")})
    zero, one = Algebra(facts), Algebra(facts)
    assert text(zero(SumOver("rows", over(X, n)))) == "0"
    assert text(one(times(TWO, SumOver("columns", P)))) == "2 𝟏"
    assert "deviations" in zero.used and "probabilities" in one.used


def test_labels_add_up_to_one_only_on_condition() -> None:
    facts = Facts(
        {("columns", P): (1, "probabilities")}, inputs=frozenset({Y}), probabilities=frozenset({P})
    )  # fmt: skip
    formula = minus(times(P, matrix(SumOver("columns", Y), COLUMN)), Y)
    (line,) = simplified(formula, facts)
    assert text(line.formula) == "P − Y"
    assert tuple(map(text, line.condition)) == ("Σ_columns Y", "1")


def test_quotients_with_a_name_are_recognised() -> None:
    algebra = Algebra(Facts(quotients=((P, over(X, Y)),)), recognise=True)
    assert text(algebra(over(times(TWO, times(X, s)), Y))) == "2 s · P"
    assert RECOGNISED in algebra.used


def test_division_by_nothing_stays_visible() -> None:
    assert "0" in text(Algebra(Facts())(over(X, minus(s, s))))


def test_decimals_stay_decimals() -> None:
    assert text(Algebra(Facts())(times(Number("0.01"), times(TWO, X)))) == "0.02 X"


ATOMS = st.sampled_from([X, Y, P, v, s, ONE, TWO, n, Number("0.5"), matrix(c, COLUMN)])


def combined(inner: st.SearchStrategy[Formula]) -> st.SearchStrategy[Formula]:
    def build(kind: int, a: Formula, b: Formula) -> Formula:
        if kind == 4:
            return times(matrix(SumOver("columns", times(a, X)), COLUMN), b)
        if kind == 5:
            return times(SumOver("rows", times(a, X)), b)
        operations = (plus, minus, times, lambda x, y: over(x, plus(power(y, TWO), ONE)))
        return operations[kind](a, b)

    return st.builds(build, st.integers(0, 5), inner, inner)


@given(st.recursive(ATOMS, combined, max_leaves=8))
def test_rewriting_keeps_the_value(formula: Formula) -> None:
    facts = Facts(rows=frozenset({v}))
    expected = np.broadcast_to(READER(formula), (4, 3))
    scale = max(float(np.abs(expected).max()), 1.0)
    before = formula
    for line in simplified(formula, facts):
        found = np.broadcast_to(READER(line.formula), (4, 3))
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * scale, err_msg=text(line.formula))
        assert weight(line.formula) < weight(before)
        assert line.rules, text(formula)
        before = line.formula


def test_coefficients_are_exact() -> None:
    third = Quotient(ONE, Number("3"))
    assert text(Algebra(Facts())(times(plus(third, Quotient(ONE, Number("6"))), X))) == "X / 2"
    assert Fraction(1, 3) + Fraction(1, 6) == Fraction(1, 2)
