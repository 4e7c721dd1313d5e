"""Blanks, answers in several shapes, verdicts that say what is wrong, and hints."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy

import graphc as gc
from graphc.ir.expr import Expr
from graphc.teach import Derivation, derive
from graphc.teach.exercise import Exercise


@pytest.fixture
def sheet(perceptron: Any) -> Exercise:
    return derive(perceptron.loss, perceptron.params["W1"]).exercise()


def numbers() -> tuple[Derivation, dict[str, Expr]]:
    names = {name: gc.input(name, (), "float64") for name in ("x", "w", "b")}
    x, w, b = names.values()
    return derive(gc.name(gc.tanh(x * w + b), "o"), w), names


def test_results_are_blank_and_given_away_nowhere(sheet: Exercise) -> None:
    assert sheet.blanks == (2, 3, 4, 5, 6)
    printed = str(sheet)
    for number in sheet.blanks:
        assert f"□{'₀₁₂₃₄₅₆'[number]}" in printed
    assert "multiplies from" not in printed and "δ₂ W₂ᵀ" not in printed
    assert "sum rule, matrix product" in printed
    assert repr(sheet) == "<exercise of 5 blanks in <derivation of ∂L/∂W₁: 6 steps>>"


def test_every_format_has_the_blanks(sheet: Exercise, assert_valid: Callable[[Any], None]) -> None:
    assert_valid(sheet.sheet)
    assert r"\square_{4}" in sheet.latex() and r"\square_{4}" in sheet.markdown() == sheet._repr_markdown_()
    assert "□" in sheet.html() and "□" in sheet._repr_html_()


@pytest.mark.parametrize(
    ("hide", "blanks"), [("results", (2, 3, 4, 5, 6)), ("rules", (2, 3, 4, 5, 6)), ("last", (6,)), ([5, 3, 5], (3, 5))]
)
def test_what_is_hidden(perceptron: Any, hide: Any, blanks: tuple[int, ...]) -> None:
    sheet = derive(perceptron.loss, perceptron.params["W1"]).exercise(hide)
    assert sheet.blanks == blanks
    assert ("which rule?" in sheet.text()) == (hide == "rules")


@pytest.mark.parametrize(
    ("hide", "words"),
    [
        ("everything", "'results', 'rules', 'last' or numbers of steps, not 'everything'"),
        ([1], "no step 1 to hide; there are 2 to 6"), ([9], "no step 9 to hide"), ([], "at least one"),
    ],
)  # fmt: skip
def test_what_cannot_be_hidden(perceptron: Any, hide: Any, words: str) -> None:
    with pytest.raises(gc.GraphError, match=words):
        derive(perceptron.loss, perceptron.params["W1"]).exercise(hide)
    x = gc.input("x", ())
    with pytest.raises(gc.GraphError, match="no step to hide"):
        derive(x, x).exercise()


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        (4, "delta2 @ W2.T"), (4, "δ₂ @ W₂.T"), (4, "(W2 @ delta2.T).T"), (4, "matmul(∂L/∂Z₂, W2.T)"),
        (5, "dL_dA1 * (Z1 > 0)"), (5, "where(Z1 > 0, ∂L/∂A₁, 0)"), (6, "x.T @ delta1"), (6, "2 * x.T @ delta1 / 2**1"),
    ],
)  # fmt: skip
def test_right_answers_however_they_are_written(sheet: Exercise, number: int, answer: str) -> None:
    verdict = sheet.answer(number, answer)
    assert verdict and str(verdict).startswith("right: ")


@pytest.mark.parametrize(
    ("number", "answer", "words"),
    [
        (4, "-delta2 @ W2.T", "the sign is wrong"), (4, "3 * delta2 @ W2.T", "a factor is missing: .* 0.333333"),
        (4, "W2 @ delta2.T", "has the shape batch × 512, the answer 512 × batch"),
        (5, "dL_dA1", "it differs by"), (5, "dL_dA1 * log(-1 - Z1 * Z1)", "differs by nan"),
    ],
)  # fmt: skip
def test_wrong_answers_are_told_what_is_wrong(sheet: Exercise, number: int, answer: str, words: str) -> None:
    verdict = sheet.answer(number, answer)
    assert not verdict
    assert str(verdict).startswith("not yet: ")
    assert re.search(words, str(verdict))


def test_a_transposed_square_matrix_is_recognised() -> None:
    w = gc.param("w", np.ones((3, 3)))
    x = gc.input("x", (3, 3))
    sheet = derive(gc.sum(gc.tanh(x @ w)), w).exercise("last")
    (number,) = sheet.blanks
    assert "transpose" in str(sheet.answer(number, "(x.T @ delta).T"))
    assert sheet.answer(number, "x.T @ delta")


def test_expressions_numbers_and_sympy_are_answers() -> None:
    d, names = numbers()
    x, w, b = names.values()
    sheet = d.exercise()
    last = sheet.blanks[-1]
    assert "SymPy proves it" in str(sheet.answer(last, x * (1 - gc.tanh(x * w + b) ** 2)))
    assert sheet.answer(last, sympy.sympify("x / cosh(w * x + b)**2"))
    assert not sheet.answer(last, sympy.sympify("w / cosh(w * x + b)**2"))
    assert not sheet.answer(last, 2)
    assert d.steps[last - 1].result is d.result
    assert sheet.answer(last, d.result)


def test_sizes_and_labels_are_called_as_they_are_printed(sheet: Exercise) -> None:
    assert sheet.answer(2, "1 / batch * (L / L) + 0 * dL_dL").words.startswith("∂L/∂ℓ has the shape batch")
    assert sheet.answer(3, "(softmax(Z2) - onehot(y)) / batch")
    assert not sheet.answer(3, "softmax(Z2) - onehot(y)")


def test_only_blanks_are_asked_for(perceptron: Any) -> None:
    sheet = derive(perceptron.loss, perceptron.params["W1"]).exercise("last")
    for ask in (lambda: sheet.answer(3, "1"), lambda: sheet.hint(3), lambda: sheet.solution(3), lambda: sheet.given(3)):
        with pytest.raises(gc.GraphError, match="step 3 is no blank; those are 6"):
            ask()


def test_hints_lead_to_the_solution(sheet: Exercise) -> None:
    hints = [sheet.hint(6) for _ in range(5)]
    assert hints[0].startswith("Look at Z₁ = x W₁ + b₁ and ask how it changes with W₁")
    assert "784 × 512" in hints[1]
    assert "multiplies from the left" in hints[2]
    assert hints[3] == hints[4] == "∂L/∂W₁ = xᵀ δ₁"
    assert sheet.solution(6).startswith("∂L/∂W₁ = xᵀ δ₁")


def test_sums_have_a_hint_of_their_own() -> None:
    x = gc.input("x", (3,), "float64")
    sheet = derive(gc.sum(x * gc.exp(x)), x).exercise("last")
    (number,) = sheet.blanks
    assert "has to be added up" in sheet.hint(number)
    assert sheet.answer(number, "exp(x) * (1 + x)")


def test_an_answer_may_not_speak_of_the_blank_itself(sheet: Exercise) -> None:
    assert "delta2" in sheet.given(4) and "dL_dA1" not in sheet.given(4)
    with pytest.raises(gc.GraphError, match="'delta1' is not known here"):
        sheet.answer(4, "delta1 @ W2.T")
