"""Whatever users call their things, LaTeX gets ASCII that means the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.teach.escapes import keyboard, latex_function, latex_name, latex_sign, latex_text
from graphc.teach.names import symbol_of


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("50% of {a_b}", r"50\% of \{a\_b\}"), ("x² ≤ y", r"x$^{2}$ $\leq$ y"), ("a → b", r"a $\to$ b"),
        ("naïve", r'na\"{i}ve'), ("ő", r"\H {o}"), ("½", r"$\frac{1}{2}$"), ("重", "U+91CD"), ("ﬁ", "fi"),
        ("“so” – it’s", "``so'' -- it's"), ("H₂O", r"H$_{2}$O"), ("β", r"$\beta$"), ("a|b", r"a\textbar{}b"),
    ],
)  # fmt: skip
def test_words(words: str, expected: str) -> None:
    assert latex_text(words) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x", "x"), ("θ", r"\theta"), ("x̂", r"\hat{x}"), ("μ̄", r"\bar{\mu}"), ("hidden", r"\mathrm{hidden}"),
        ("重", r"\text{U+91CD}"), ("é", r"\text{\'{e}}"), ("a²", r"\mathrm{a\text{$^{2}$}}"),
        ("<b>", r"\mathrm{{<}b{>}}"),
    ],
)  # fmt: skip
def test_names(name: str, expected: str) -> None:
    assert latex_name(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("tanh", r"\tanh"), ("relu", r"\operatorname{relu}"), ("Γ", r"\Gamma"), ("ψ′", r"\psi'"),
     ("log_b", r"\operatorname{log\_b}")],
)  # fmt: skip
def test_functions(name: str, expected: str) -> None:
    assert latex_function(name) == expected


def test_signs() -> None:
    assert latex_sign("≥") == r"\geq"
    assert latex_sign(">") == ">"


def test_accents_of_the_user() -> None:
    for name in ("xhat", "x_hat"):
        assert latex_name(symbol_of(name).base) == r"\hat{x}"
        assert keyboard(symbol_of(name).base) == "xhat"
    assert latex_name(symbol_of("sigma_bar").base) == r"\bar{\sigma}"
    assert symbol_of("that").base == "that"


@given(st.text(max_size=20))
def test_everything_is_ascii_and_balanced(words: str) -> None:
    symbol = symbol_of(words)
    for written in (latex_text(words), latex_name(symbol.base), latex_function(words)):
        assert written.isascii()
        assert written.replace(r"\{", "").replace(r"\}", "").count("{") == written.count("}") - written.count(r"\}")
        assert written.replace(r"\$", "").count("$") % 2 == 0
