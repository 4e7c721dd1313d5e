"""Formulas in the three notations: valid whatever users call their things."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable

import pytest

from graphc.teach.escapes import latex_text
from graphc.teach.formula import (
    ONE,
    TWO,
    At,
    Bars,
    Formula,
    Infix,
    Part,
    Partial,
    Quotient,
    Root,
    SumOver,
    Symbol,
    Words,
    apply,
    iverson,
    matrix,
    minus,
    negated,
    number,
    over,
    plus,
    power,
    times,
    transposed,
)
from graphc.teach.names import symbol_of
from graphc.teach.printers import latex, mathml, text

X, W, L = Symbol("X"), Symbol("W", "1"), Symbol("L", scalar=True)

TABLE: list[tuple[Formula, str, str]] = [
    (W, "W_{1}", "W₁"),
    (transposed(W), r"W_{1}^{\top}", "W₁ᵀ"),
    (matrix(transposed(X), W), r"X^{\top} \, W_{1}", "Xᵀ W₁"),
    (times(X, W), r"X \odot W_{1}", "X ⊙ W₁"),
    (times(matrix(X, W), X), r"(X \, W_{1}) \odot X", "(X W₁) ⊙ X"),
    (Partial(L, W), r"\frac{\partial L}{\partial W_{1}}", "∂L/∂W₁"),
    (Part(Partial(L, W), 2), r"\left(\frac{\partial L}{\partial W_{1}}\right)_{2}", "(∂L/∂W₁)₂"),
    (over(minus(X, W), Words("batch")), r"\frac{X - W_{1}}{\text{batch}}", "(X − W₁) / batch"),
    (apply("softmax", X), r"\operatorname{softmax}(X)", "softmax(X)"),
    (apply("ln softmax", X), r"\ln \operatorname{softmax}(X)", "ln softmax(X)"),
    (apply("exp", over(ONE, X)), r"\exp\left(\frac{1}{X}\right)", "exp(1 / X)"),
    (iverson(X, "≥", W), r"[X \geq W_{1}]", "[X ≥ W₁]"),
    (SumOver("rows", times(X, W)), r"\sum_{\text{rows}} X \odot W_{1}", "Σ_rows X ⊙ W₁"),
    (SumOver("axes 0, 2", X), r"\sum_{\text{axes 0, 2}} X", "Σ_(axes 0, 2) X"),
    (SumOver("", X), r"\sum X", "Σ X"),
    (Root(plus(X, ONE)), r"\sqrt{X + 1}", "√(X + 1)"),
    (Bars(X), r"\left\vert X \right\vert", "|X|"),
    (power(X, minus(W, ONE)), "X^{W_{1} - 1}", "X^(W₁ − 1)"),
    (number(1e-7), r"1 \cdot 10^{-7}", "1e-7"),
    (negated(times(TWO, X)), r"-2 \, X", "−2 X"),
    (At(X, ("1:4", ":")), "X[1{:}4, {:}]", "X[1:4, :]"),
    (Infix(Infix(X, ">", ONE), "∧", Infix(X, "<", TWO)), r"(X > 1) \wedge (X < 2)", "(X > 1) ∧ (X < 2)"),
]


@pytest.mark.parametrize(("formula", "as_latex", "as_text"), TABLE, ids=[t for _, _, t in TABLE])
def test_notations(formula: Formula, as_latex: str, as_text: str) -> None:
    assert latex(formula) == as_latex
    assert text(formula) == as_text


@pytest.mark.parametrize("formula", [f for f, _, _ in TABLE], ids=[t for _, _, t in TABLE])
def test_mathml_is_well_formed_and_fractions_have_two_parts(formula: Formula) -> None:
    tree = ElementTree.fromstring(mathml.inline(formula))
    arity = {"mfrac": 2, "msub": 2, "msup": 2, "munder": 2, "msubsup": 3}
    for element in tree.iter():
        assert len(element) == arity.get(element.tag, len(element))


@pytest.mark.parametrize("formula", [f for f, _, _ in TABLE], ids=[t for _, _, t in TABLE])
def test_latex_is_what_matplotlib_understands_too(formula: Formula) -> None:
    mathtext = pytest.importorskip("matplotlib.mathtext")
    mathtext.MathTextParser("path").parse(f"${latex(formula)}$")


@pytest.mark.parametrize(
    ("name", "as_latex", "as_text"),
    [
        ("W1", "W_{1}", "W₁"),
        ("W_12", "W_{12}", "W₁₂"),
        ("theta", r"\theta", "θ"),
        ("beta2", r"\beta_{2}", "β₂"),
        ("b_out", r"b_{\mathrm{out}}", "bₒᵤₜ"),
        ("W_q", "W_{q}", "W_q"),
        ("hidden", r"\mathrm{hidden}", "hidden"),
        ("dense_layer", r"\mathrm{dense\_layer}", "dense_layer"),
        ("dense/kernel:0", r"\mathrm{dense/kernel:0}", "dense/kernel:0"),
        ("100%", r"\mathrm{100\%}", "100%"),
        ("a^{b}\\c&d#e$~f", r"\mathrm{a{\wedge}\{b\}\backslash c\&d\#e\${\sim}f}", "a^{b}\\c&d#e$~f"),
        ("line\nbreak", r"\mathrm{line\ break}", "line break"),
        ("<b>", r"\mathrm{{<}b{>}}", "<b>"),
    ],
)  # fmt: skip
def test_users_names_are_escaped(
    name: str, as_latex: str, as_text: str, assert_balanced: Callable[[str], None]
) -> None:
    symbol = symbol_of(name)
    assert latex(symbol) == as_latex
    assert text(symbol) == as_text
    assert_balanced(latex(symbol))
    assert "".join(ElementTree.fromstring(mathml.inline(symbol)).itertext()) in (as_text, symbol.base + symbol.sub)


def test_words_are_escaped() -> None:
    assert latex_text("50% of {a_b} & c\\d") == r"50\% of \{a\_b\} \& c\textbackslash{}d"
    assert latex.prose(("x < y, ", W, " costs 5$")) == r"x \textless{} y, $W_{1}$ costs 5\$"
    assert text.prose(("from ", W, "!")) == "from W₁!"
    assert mathml.prose(("a < b & ", W)) == ("a &lt; b &amp; <math><msub><mi>W</mi><mn>1</mn></msub></math>")


def test_fractions_keep_their_parentheses_in_a_line_of_text() -> None:
    assert text(times(X, Quotient(ONE, W))) == "X ⊙ (1 / W₁)"
    assert text(over(times(X, W), Words("n"))) == "(X ⊙ W₁) / n"
    assert text(over(X, times(TWO, L))) == "X / (2 L)"
