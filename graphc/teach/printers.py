"""Formulas as LaTeX, as Unicode text and as MathML; and prose, which is words with formulas among them."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any, TypeAlias

from .escapes import latex_function, latex_name, latex_sign, latex_text
from .formula import (
    Apply,
    At,
    Bars,
    Formula,
    Infix,
    Iverson,
    Negated,
    Number,
    Part,
    Partial,
    Power,
    Product,
    Quotient,
    Root,
    Sum,
    SumOver,
    Symbol,
    Transposed,
    Words,
)

Prose: TypeAlias = tuple["str | Formula", ...]

# How tightly a printed formula holds together: what is looser than its place asks for gets parentheses.
RELATION, ADDITIVE, SUMMATION, SCALAR, HADAMARD, MATRIX, FACTOR, POWER, ATOM = range(9)

_SUBSCRIPTS = str.maketrans("0123456789()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


class Printer:
    """What the three notations share: where parentheses stand."""

    def __call__(self, formula: Formula) -> str:
        return self._print(formula)[0]

    def prose(self, pieces: Prose) -> str:
        """Words with formulas among them."""
        raise NotImplementedError

    def _print(self, formula: Formula) -> tuple[str, int]:
        method: Callable[[Any], tuple[str, int]] = getattr(self, f"_{type(formula).__name__.lower()}")
        return method(formula)

    def _fit(self, formula: Formula, tightness: int) -> str:
        printed, own = self._print(formula)
        return printed if own >= tightness else self._parentheses(printed)

    def _parentheses(self, inside: str) -> str:
        return f"({inside})"

    def _terms(self, formula: Sum, plus: str, minus: str, sign: str) -> str:
        out = ""
        for term in formula.terms:
            negative = isinstance(term, Negated)
            body = self._fit(term.of if isinstance(term, Negated) else term, SUMMATION)
            if out:
                out += (minus if negative else plus) + body
            else:
                out = (sign if negative else "") + body
        return out

    def _factors(self, formula: Product, signs: dict[str, str], dot: str) -> tuple[str, int]:
        if formula.kind != "scalar":
            tightness = MATRIX if formula.kind == "matrix" else HADAMARD
            return signs[formula.kind].join(self._fit(f, FACTOR) for f in formula.factors), tightness
        out, before = "", None
        for i, factor in enumerate(formula.factors):
            last = i == len(formula.factors) - 1
            if before is not None:
                plain = isinstance(before, (Number, Quotient)) and not isinstance(factor, (Number, Words))
                out += signs["scalar"] if plain else dot
            out += self._fit(factor, SUMMATION if last else FACTOR)
            before = factor
        return out, SCALAR


class Latex(Printer):
    """LaTeX that amsmath, MathJax and KaTeX understand, without the dollar signs."""

    def prose(self, pieces: Prose) -> str:
        return "".join(latex_text(p) if isinstance(p, str) else f"${self(p)}$" for p in pieces)

    def _parentheses(self, inside: str) -> str:
        tall = r"\frac" in inside or r"\sum" in inside
        return rf"\left({inside}\right)" if tall else f"({inside})"

    def _symbol(self, s: Symbol) -> tuple[str, int]:
        name = latex_name(s.base)
        return (f"{name}_{{{s.sub if s.sub.isdigit() else latex_name(s.sub)}}}" if s.sub else name), ATOM

    def _number(self, n: Number) -> tuple[str, int]:
        mantissa, _, exponent = n.text.partition("e")
        if exponent:
            return rf"{mantissa} \cdot 10^{{{int(exponent)}}}", SCALAR
        return n.text.replace("∞", r"\infty"), ATOM

    def _words(self, w: Words) -> tuple[str, int]:
        return rf"\text{{{latex_text(w.text)}}}", ATOM

    def _apply(self, a: Apply) -> tuple[str, int]:
        name = " ".join(map(latex_function, a.function.split()))
        inside = r",\, ".join(map(self, a.args))
        return name + self._parentheses(inside), ATOM

    def _sum(self, s: Sum) -> tuple[str, int]:
        return self._terms(s, " + ", " - ", "-"), ADDITIVE

    def _negated(self, n: Negated) -> tuple[str, int]:
        return f"-{self._fit(n.of, SUMMATION)}", ADDITIVE

    def _product(self, p: Product) -> tuple[str, int]:
        return self._factors(p, {"matrix": r" \, ", "hadamard": r" \odot ", "scalar": r" \, "}, r" \cdot ")

    def _quotient(self, q: Quotient) -> tuple[str, int]:
        return rf"\frac{{{self(q.over)}}}{{{self(q.under)}}}", FACTOR

    def _power(self, p: Power) -> tuple[str, int]:
        return rf"{self._fit(p.base, ATOM)}^{{{self(p.exponent)}}}", POWER

    def _transposed(self, t: Transposed) -> tuple[str, int]:
        return rf"{self._fit(t.of, ATOM)}^{{\top}}", POWER

    def _root(self, r: Root) -> tuple[str, int]:
        return rf"\sqrt{{{self(r.of)}}}", ATOM

    def _bars(self, b: Bars) -> tuple[str, int]:
        return rf"\left\vert {self(b.of)} \right\vert", ATOM

    def _infix(self, i: Infix) -> tuple[str, int]:
        sign = latex_sign(i.sign)
        return f"{self._fit(i.left, ADDITIVE)} {sign} {self._fit(i.right, ADDITIVE)}", RELATION

    def _iverson(self, i: Iverson) -> tuple[str, int]:
        inside = self(i.of)
        return (rf"\left[{inside}\right]" if r"\frac" in inside else f"[{inside}]"), ATOM

    def _sumover(self, s: SumOver) -> tuple[str, int]:
        under = rf"_{{\text{{{latex_text(s.axes)}}}}}" if s.axes else ""
        return rf"\sum{under} {self._fit(s.of, SCALAR)}", SUMMATION

    def _partial(self, p: Partial) -> tuple[str, int]:
        return rf"\frac{{\partial {self(p.of)}}}{{\partial {self(p.by)}}}", FACTOR

    def _part(self, p: Part) -> tuple[str, int]:
        return rf"\left({self(p.of)}\right)_{{{p.number}}}", ATOM

    def _at(self, a: At) -> tuple[str, int]:
        if a.scalar:
            simple = isinstance(a.base, Symbol) and not a.base.sub
            base = self(a.base) if simple else self._parentheses(self(a.base))
            return f"{base}_{{{' '.join(map(latex_name, a.index))}}}", ATOM
        return f"{self._fit(a.base, ATOM)}[{', '.join(a.index).replace(':', '{:}')}]", ATOM


class Text(Printer):
    """Unicode that reads well in a terminal."""

    def prose(self, pieces: Prose) -> str:
        return "".join(p if isinstance(p, str) else self(p) for p in pieces)

    def _symbol(self, s: Symbol) -> tuple[str, int]:
        if not s.sub:
            return s.base, ATOM
        small = s.sub.translate(_SUBSCRIPTS)
        clear = all(new != old for new, old in zip(small, s.sub, strict=True))
        return s.base + (small if clear else f"_{s.sub}"), ATOM

    def _number(self, n: Number) -> tuple[str, int]:
        return n.text, ATOM

    def _words(self, w: Words) -> tuple[str, int]:
        return w.text, ATOM if w.text.replace("_", "").isalnum() else SCALAR

    def _apply(self, a: Apply) -> tuple[str, int]:
        return f"{a.function}({', '.join(map(self, a.args))})", ATOM

    def _sum(self, s: Sum) -> tuple[str, int]:
        return self._terms(s, " + ", " − ", "−"), ADDITIVE

    def _negated(self, n: Negated) -> tuple[str, int]:
        return f"−{self._fit(n.of, SUMMATION)}", ADDITIVE

    def _product(self, p: Product) -> tuple[str, int]:
        return self._factors(p, {"matrix": " ", "hadamard": " ⊙ ", "scalar": " "}, " · ")

    def _quotient(self, q: Quotient) -> tuple[str, int]:
        simple = isinstance(q.over, Product) and q.over.kind == "scalar"
        return f"{self._fit(q.over, SCALAR if simple else FACTOR)} / {self._fit(q.under, FACTOR)}", SCALAR

    def _power(self, p: Power) -> tuple[str, int]:
        match p.exponent:
            case Number(n) if n.isdigit():
                return f"{self._fit(p.base, ATOM)}{n.translate(_SUPERSCRIPTS)}", POWER
            case Negated(Number(n)) if n.isdigit():
                return f"{self._fit(p.base, ATOM)}⁻{n.translate(_SUPERSCRIPTS)}", POWER
        return f"{self._fit(p.base, ATOM)}^{self._fit(p.exponent, ATOM)}", POWER

    def _transposed(self, t: Transposed) -> tuple[str, int]:
        return f"{self._fit(t.of, ATOM)}ᵀ", POWER

    def _root(self, r: Root) -> tuple[str, int]:
        return f"√{self._fit(r.of, ATOM)}", POWER

    def _bars(self, b: Bars) -> tuple[str, int]:
        return f"|{self(b.of)}|", ATOM

    def _infix(self, i: Infix) -> tuple[str, int]:
        return f"{self._fit(i.left, ADDITIVE)} {i.sign} {self._fit(i.right, ADDITIVE)}", RELATION

    def _iverson(self, i: Iverson) -> tuple[str, int]:
        return f"[{self(i.of)}]", ATOM

    def _sumover(self, s: SumOver) -> tuple[str, int]:
        under = f"_{s.axes}" if s.axes.isalnum() else f"_({s.axes})" if s.axes else ""
        return f"Σ{under} {self._fit(s.of, SCALAR)}", SUMMATION

    def _partial(self, p: Partial) -> tuple[str, int]:
        return f"∂{self._fit(p.of, ATOM)}/∂{self._fit(p.by, ATOM)}", FACTOR

    def _part(self, p: Part) -> tuple[str, int]:
        return f"({self(p.of)}){str(p.number).translate(_SUBSCRIPTS)}", ATOM

    def _at(self, a: At) -> tuple[str, int]:
        return f"{self._fit(a.base, ATOM)}[{', '.join(a.index)}]", ATOM


_HIGH = ("<mfrac", "<msqrt", "<munder", "∑")
"""What is higher than a line."""


class MathML(Printer):
    """Presentation MathML, which browsers show without any script."""

    def prose(self, pieces: Prose) -> str:
        return "".join(html.escape(p) if isinstance(p, str) else self.inline(p) for p in pieces)

    def inline(self, formula: Formula) -> str:
        """The formula in a line of text."""
        return f"<math>{self(formula)}</math>"

    def display(self, formula: Formula) -> str:
        """The formula on a line of its own."""
        return f'<math display="block">{self(formula)}</math>'

    def _print(self, formula: Formula) -> tuple[str, int]:
        printed, tightness = super()._print(formula)
        # A row keeps a formula of many elements one child of whatever it is put into.
        single = isinstance(formula, (Symbol, Number, Words, Quotient, Power, Transposed, Root, Partial))
        return (printed if single else f"<mrow>{printed}</mrow>"), tightness

    def _parentheses(self, inside: str) -> str:
        # Told to stretch, browsers take wider parentheses also around what is no higher than a letter.
        mo = "<mo>" if any(sign in inside for sign in _HIGH) else '<mo stretchy="false">'
        return f"<mrow>{mo}(</mo>{inside}{mo})</mo></mrow>"

    def _symbol(self, s: Symbol) -> tuple[str, int]:
        name = f"<mi>{html.escape(s.base)}</mi>"
        if not s.sub:
            return name, ATOM
        tag = "mn" if s.sub.isdigit() else "mi"
        return f"<msub>{name}<{tag}>{html.escape(s.sub)}</{tag}></msub>", ATOM

    def _number(self, n: Number) -> tuple[str, int]:
        mantissa, _, exponent = n.text.partition("e")
        if not exponent:
            return f"<mn>{n.text}</mn>", ATOM
        ten = f"<msup><mn>10</mn><mn>{int(exponent)}</mn></msup>"
        return f"<mrow><mn>{mantissa}</mn><mo>·</mo>{ten}</mrow>", SCALAR

    def _words(self, w: Words) -> tuple[str, int]:
        return f"<mtext>{html.escape(w.text)}</mtext>", ATOM

    def _apply(self, a: Apply) -> tuple[str, int]:
        inside = "<mo>,</mo>".join(map(self, a.args))
        return f"<mi>{html.escape(a.function)}</mi><mo>&#x2061;</mo>{self._parentheses(inside)}", ATOM

    def _sum(self, s: Sum) -> tuple[str, int]:
        return self._terms(s, "<mo>+</mo>", "<mo>−</mo>", '<mo form="prefix">−</mo>'), ADDITIVE

    def _negated(self, n: Negated) -> tuple[str, int]:
        return f'<mo form="prefix">−</mo>{self._fit(n.of, SUMMATION)}', ADDITIVE

    def _product(self, p: Product) -> tuple[str, int]:
        thin = '<mspace width="0.17em"/>'
        return self._factors(p, {"matrix": thin, "hadamard": "<mo>⊙</mo>", "scalar": thin}, "<mo>·</mo>")

    def _quotient(self, q: Quotient) -> tuple[str, int]:
        return f"<mfrac>{self(q.over)}{self(q.under)}</mfrac>", FACTOR

    def _power(self, p: Power) -> tuple[str, int]:
        return f"<msup>{self._fit(p.base, ATOM)}{self(p.exponent)}</msup>", POWER

    def _transposed(self, t: Transposed) -> tuple[str, int]:
        if isinstance(t.of, Symbol) and t.of.sub:
            base = self._symbol(t.of)[0].removeprefix("<msub>").removesuffix("</msub>")
            return f"<msubsup>{base}<mo>⊤</mo></msubsup>", POWER
        return f"<msup>{self._fit(t.of, ATOM)}<mo>⊤</mo></msup>", POWER

    def _root(self, r: Root) -> tuple[str, int]:
        return f"<msqrt>{self(r.of)}</msqrt>", ATOM

    def _bars(self, b: Bars) -> tuple[str, int]:
        return f"<mo>|</mo>{self(b.of)}<mo>|</mo>", ATOM

    def _infix(self, i: Infix) -> tuple[str, int]:
        sign = f"<mo>{html.escape(i.sign)}</mo>"
        return self._fit(i.left, ADDITIVE) + sign + self._fit(i.right, ADDITIVE), RELATION

    def _iverson(self, i: Iverson) -> tuple[str, int]:
        return f"<mo>[</mo>{self(i.of)}<mo>]</mo>", ATOM

    def _sumover(self, s: SumOver) -> tuple[str, int]:
        sign = f"<munder><mo>∑</mo><mtext>{html.escape(s.axes)}</mtext></munder>" if s.axes else "<mo>∑</mo>"
        return sign + self._fit(s.of, SCALAR), SUMMATION

    def _partial(self, p: Partial) -> tuple[str, int]:
        top, bottom = (f"<mrow><mo>∂</mo>{self(x)}</mrow>" for x in (p.of, p.by))
        return f"<mfrac>{top}{bottom}</mfrac>", FACTOR

    def _part(self, p: Part) -> tuple[str, int]:
        return f"<msub>{self._parentheses(self(p.of))}<mn>{p.number}</mn></msub>", ATOM

    def _at(self, a: At) -> tuple[str, int]:
        if a.scalar:
            simple = isinstance(a.base, Symbol) and not a.base.sub
            base = self(a.base) if simple else self._parentheses(self(a.base))
            letters = "".join(f"<mi>{html.escape(letter)}</mi>" for letter in a.index)
            return f"<msub>{base}<mrow>{letters}</mrow></msub>", ATOM
        index = f"<mtext>{html.escape(', '.join(a.index))}</mtext>"
        return f"{self._fit(a.base, ATOM)}<mo>[</mo>{index}<mo>]</mo>", ATOM


latex, text, mathml = Latex(), Text(), MathML()
