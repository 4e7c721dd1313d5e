"""Reading answers: names as printed or typed, and nothing that is no mathematics."""

from __future__ import annotations

import pytest

import graphc as gc
from graphc.ir.dtype import float64
from graphc.teach.answers import Given, read_answer, typed
from graphc.teach.formula import Formula, Part, Partial, Quotient, Symbol, Words
from graphc.teach.names import symbol_of

x = gc.input("x", (2, 3), "float64")
W = gc.input("W1", (2, 3), "float64")


@pytest.fixture
def given() -> Given:
    found = Given()
    found.add(symbol_of("x"), x)
    found.add(symbol_of("W1"), W)
    found.add(Partial(Symbol("L"), symbol_of("W1")), x * 2)
    return found


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        (Symbol("δ", "1"), "delta1"), (Symbol("W", "Q"), "WQ"), (symbol_of("xhat"), "xhat"), (symbol_of("θ"), "theta"),
        (Partial(Symbol("L"), Symbol("Z", "1")), "dL_dZ1"), (Part(Partial(Symbol("L"), Symbol("x")), 2), "dL_dx_2"),
        (Words("h1"), "h1"), (Quotient(Symbol("a"), Symbol("b")), ""),
    ],
)  # fmt: skip
def test_symbols_in_letters_of_a_keyboard(symbol: Formula, name: str) -> None:
    assert typed(symbol) == name


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("x + W1", x + W), ("x * W₁", x * W), ("-x / 2", -x / 2), ("x ** 2", x**2), ("x @ W1.T", x @ W.T),
        ("∂L/∂W₁ + x", x * 2 + x), ("dL_dW1", x * 2), ("exp(x)", gc.exp(x)), ("sum(x, axis=1)", gc.sum(x, axis=1)),
        ("sum(x, axis=(0, 1))", gc.sum(x)), ("where(x > 0, x, 0)", gc.where(x > 0, x, 0)), ("+x", x),
    ],
)  # fmt: skip
def test_answers_are_read(given: Given, answer: str, expected: object) -> None:
    assert read_answer(answer, given, float64) is expected


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("__import__('os').system('true')", "is not understood|no function"), ("open('f')", "no function 'open'"),
        ("input('a', (2,))", "no function 'input'"), ("x.shape", "is not understood"), ("x[0]", "is not understood"),
        ("[y for y in x]", "is not understood"), ("lambda: 1", "is not understood"), ("'text'", "is not understood"),
        ("x if x else x", "is not understood"), ("x @", "cannot be read"), ("", "cannot be read"),
        ("unknown", "'unknown' is not known here; there are x, W1, dL_dW1"), ("exp()", "cannot be computed"),
        ("sum(x, axes=3)", "cannot be computed"), ("1 / 0", "cannot be computed"), ("x" * 2000, "2000 characters"),
        ("(" * 400, "cannot be read"), ("9**9**9**9", "cannot be computed"), ("x < x < x", "is not understood"),
    ],
)  # fmt: skip
def test_what_is_no_mathematics_is_refused(given: Given, answer: str, words: str) -> None:
    with pytest.raises(gc.GraphError, match=words):
        read_answer(answer, given, float64)


def test_errors_of_shapes_are_those_of_the_operation(given: Given) -> None:
    with pytest.raises(gc.ShapeError, match="matmul"):
        read_answer("x @ W1", given, float64)


@pytest.mark.parametrize("answer", [None, [1], object()])
def test_other_kinds_of_answers_are_refused(given: Given, answer: object) -> None:
    with pytest.raises(gc.GraphError, match="a string, an expression or a number"):
        read_answer(answer, given, float64)
