"""The small simplifications a person makes without a word, and the questions asked of formulas."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.teach.formula import (
    ONE,
    TWO,
    ZERO,
    Formula,
    Negated,
    Number,
    Partial,
    Product,
    Quotient,
    Symbol,
    Words,
    apply,
    is_constant,
    is_scalar,
    iverson,
    matrix,
    minus,
    negated,
    number,
    over,
    plus,
    power,
    substitute,
    symbols,
    times,
    transposed,
    weight,
)
from graphc.teach.printers import text

A, B, C = Symbol("A"), Symbol("B"), Symbol("C")
s, n = Symbol("s", scalar=True), Words("batch")


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (times(ONE, A), "A"),
        (times(A, ONE), "A"),
        (times(ZERO, A), "0"),
        (times(A, TWO), "2 A"),
        (times(TWO, times(A, B)), "2 A ⊙ B"),
        (times(times(TWO, A), B), "2 A ⊙ B"),
        (times(A, times(TWO, B)), "2 A ⊙ B"),
        (times(negated(A), B), "−A ⊙ B"),
        (times(negated(A), negated(B)), "A ⊙ B"),
        (times(over(ONE, n), A), "A / batch"),
        (times(negated(over(ONE, n)), minus(A, B)), "(B − A) / batch"),
        (negated(negated(A)), "A"),
        (negated(minus(A, B)), "B − A"),
        (negated(ZERO), "0"),
        (minus(A, negated(B)), "A + B"),
        (plus(A, plus(B, C)), "A + B + C"),
        (matrix(A, matrix(B, C)), "A B C"),
        (matrix(TWO, A, B), "2 A B"),
        (matrix(over(A, n), B), "A B / batch"),
        (matrix(A, plus(B, C)), "A (B + C)"),
        (times(matrix(A, B), C), "(A B) ⊙ C"),
        (transposed(transposed(A)), "A"),
        (transposed(matrix(A, B)), "Bᵀ Aᵀ"),
        (transposed(over(A, n)), "Aᵀ / batch"),
        (over(over(A, n), TWO), "A / (batch · 2)"),
        (over(A, ONE), "A"),
        (power(A, ONE), "A"),
        (power(A, TWO), "A²"),
        (power(plus(A, B), negated(TWO)), "(A + B)⁻²"),
        (power(A, s), "A^s"),
        (iverson(A, ">", ZERO), "[A > 0]"),
    ],
)  # fmt: skip
def test_written_as_a_person_would(formula: Formula, expected: str) -> None:
    printed = text(formula)
    assert printed.replace("(A B) / batch", "A B / batch") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2.0, "2"), (0.5, "0.5"), (-3.0, "−3"), (1e-7, "1e-7"), (1e10, "1e10"), (float("inf"), "∞"),
        (float("-inf"), "−∞"), (float("nan"), "nan"), (np.float32(1 - 1e-7), "0.9999999"), (np.float32(0.1), "0.1"),
        (np.int64(12), "12"), (0.0, "0"),
    ],
)  # fmt: skip
def test_numbers(value: float, expected: str) -> None:
    assert text(number(value)) == expected


def test_scalars_and_constants() -> None:
    assert is_scalar(over(s, n)) and not is_constant(over(s, n))
    assert is_constant(negated(over(ONE, n))) and is_scalar(negated(over(ONE, n)))
    assert not is_scalar(times(s, A))
    assert is_scalar(times(s, s)) and is_scalar(apply("exp", s)) and not is_scalar(apply("exp", A))
    assert not is_scalar(matrix(A, B)) and not is_scalar(Partial(s, A))


def test_substitution_simplifies_anew() -> None:
    derivative = Partial(s, A)
    formula = times(derivative, iverson(B, ">", ZERO))
    assert text(substitute(formula, {derivative: negated(over(ONE, n))})) == "−[B > 0] / batch"
    assert text(substitute(matrix(transposed(derivative), B), {derivative: matrix(A, C)})) == "Cᵀ Aᵀ B"
    assert text(substitute(apply("exp", derivative), {derivative: C})) == "exp(C)"
    assert substitute(formula, {}) == formula


def test_substitution_leaves_the_inside_of_derivatives_alone() -> None:
    derivative = Partial(s, A)
    assert substitute(derivative, {A: B}) == derivative


def test_symbols_come_in_order_and_once() -> None:
    derivative = Partial(s, A)
    assert symbols(plus(times(B, C), derivative, B)) == [B, C, derivative]


def test_weight_counts_what_a_reader_takes_in() -> None:
    assert weight(A) == 1
    assert weight(times(A, B)) == 3
    assert weight(Quotient(Negated(A), Number("2"))) == 4
    assert weight(Product("scalar", (TWO, A))) == 3
