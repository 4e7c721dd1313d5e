"""A derivation as a document: Unicode text, Markdown, LaTeX, and one page of HTML that loads nothing."""

from __future__ import annotations

import html
import os
import tempfile
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..ir.errors import GraphcError
from .check import GIVEN
from .escapes import latex_text
from .formula import Apply, Formula, Iverson, Product, Transposed, walk, weight
from .page import PAGE, STYLE
from .printers import Prose, latex, mathml, text
from .rows import ONES
from .wording import show_shape

if TYPE_CHECKING:
    from .check import CheckRow
    from .conclusion import Conclusion, Rewriting
    from .derivation import Derivation, Step
    from .names import Definition


_ROUNDING = 1e-14
_WIDE = 45
"""How heavy a formula may be before LaTeX is asked to make it fit the page."""


def _equation(sides: tuple[Formula, ...], show: Callable[[Formula], str], sign: str) -> str:
    return sign.join(map(show, sides))


def _definition(definition: Definition) -> tuple[Formula, ...]:
    return (definition.symbol,) if definition.formula is None else (definition.symbol, definition.formula)


def _conventions(d: Derivation) -> Prose:
    """What a reader has to know about the signs that occur."""
    sides = [side for s in d.steps for side in (*s.equation, *s.forward)]
    sides += [x.formula for x in d.legend if x.formula is not None]
    parts = {part for side in sides for part in walk(side)}
    functions = {p.function for p in parts if isinstance(p, Apply)}
    vectors = {x.symbol for x in d.legend if x.node.ndim == 1}
    factors = {f for p in parts if isinstance(p, Product) and p.kind == "matrix" for f in p.factors}
    pieces: list[str | Formula] = ["Products ⊙, fractions, powers and functions act element by element."]
    if vectors & {f.of if isinstance(f, Transposed) else f for f in factors}:
        pieces += [" In a matrix product a vector is the row or column that fits."]
    if ONES in parts:
        pieces += [" ", ONES, " is an array of ones."]
    if any(isinstance(p, Iverson) for p in parts):
        pieces += [" A condition in brackets is 1 where it holds, else 0."]
    if functions & {"pick", "onehot"}:
        pieces += [" pick takes, in each row, the entry at the label; onehot is 1 there and 0 elsewhere."]
    if "const" in functions:
        pieces += [" const marks what derivatives take as a constant."]
    return tuple(pieces)


def _row_of(d: Derivation, number: int) -> CheckRow | None:
    """What the latest check found for a step."""
    return None if d.checked is None else next(row for row in d.checked.rows if row.number == number)


def _verdict(step: Step, row: CheckRow) -> str:
    """The outcome of a check in words."""
    if row.given:
        return GIVEN
    if not row.holds:
        return f"check fails: {row.detail}"
    corners = f"; {row.corners} at a corner" if row.corners else ""
    precision = f"relative error {row.error:.0e}" if row.error > _ROUNDING else "to the last digits"
    means = "by finite differences" if step.kind == "chain" else "by adding up" if step.kind == "sum" else "by itself"
    return f"checked {means}, {precision}{corners}"


def _simplified(d: Derivation) -> list[Conclusion]:
    """The last lines that became shorter."""
    return [conclusion for conclusion in d.conclusion if len(conclusion.lines) > 1]


def _condition(conclusion: Conclusion) -> Prose:
    """What has to hold for a last line, where it is said of labels."""
    sides = conclusion.lines[-1].condition
    return ("   where ", sides[0], " = ", sides[1]) if sides else ()


def _because(rewriting: Rewriting) -> str:
    """The rules of a rewriting as a sentence."""
    words = "; ".join(rewriting.rules) or "what the steps found, put together"
    return f"{words[0].upper()}{words[1:]}."


# Text ----------------------------------------------------------------------------------------------------------


def as_text(d: Derivation) -> str:
    """For the terminal."""
    title = f"{text(d.conclusion[0].symbol)}, step by step"
    legend = [_equation(_definition(x), text, " = ") for x in d.legend]
    width = min(max(map(len, legend)), 60)
    lines = [title, "=" * len(title), ""]
    for line, definition in zip(legend, d.legend, strict=True):
        words = f", {definition.words}" if definition.words else ""
        lines.append(f"  {line:<{width}}   {show_shape(definition.node.shape)}{words}")
    lines += ["", *_wrapped(text.prose(_conventions(d)), ""), ""]
    for number, step in enumerate(d.steps, 1):
        source = f"   from {_equation(step.forward, text, ' = ')}" if step.forward else ""
        lines += [f"{number:>3}. {step.rule}{source}"]
        lines += [f"       {_equation(step.equation, text, ' = ')}   ({show_shape(step.argument.shape)})"]
        lines += _wrapped(text.prose(step.reason), "     ")
        if row := _row_of(d, number):
            lines += _wrapped(f"{'✓' if row.holds else '✗'} {_verdict(step, row)}", "     ")
    lines += ["", *_text_simplifications(d), "Result"]
    for i, last in enumerate(d.conclusion):
        lines.append(f"  {'where ' if i == 1 else '      ' if i else ''}{text(last.symbol)} = {text(last.formula)}")
        lines[-1] += text.prose(_condition(last))
    return "\n".join(lines) + "\n"


def _text_simplifications(d: Derivation) -> list[str]:
    lines: list[str] = []
    for conclusion in _simplified(d):
        symbol = text(conclusion.symbol)
        for rewriting in conclusion.lines:
            lines.append(f"  {symbol} = {text(rewriting.formula)}")
            lines += _wrapped(_because(rewriting), "      ")
            symbol = " " * len(symbol)
    return ["Put together and simplified", *lines, ""] if lines else []


def _wrapped(words: str, indent: str) -> list[str]:
    return textwrap.wrap(words, 96, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


# Markdown ------------------------------------------------------------------------------------------------------


def as_markdown(d: Derivation) -> str:
    """For notebooks and anything that shows LaTeX between dollar signs."""
    lines = [f"# The derivation of ${latex(d.conclusion[0].symbol)}$", "", "## The network", ""]
    lines += ["| | shape | |", "|:--|:--|:--|"]
    for definition in d.legend:
        equation = _equation(_definition(definition), latex, " = ")
        lines.append(f"| ${equation}$ | {show_shape(definition.node.shape)} | {definition.words} |")
    lines += ["", _markdown_prose(_conventions(d)), "", "## The chain rule, from the loss back", ""]
    for number, step in enumerate(d.steps, 1):
        source = f", from ${_equation(step.forward, latex, ' = ')}$" if step.forward else ""
        lines += [f"**{number}. {step.rule.capitalize()}**{source}", "", f"$${step.latex}$$", ""]
        reason = _markdown_prose(step.reason)
        lines += [f"{reason} Shape: {show_shape(step.argument.shape)}.".strip(), ""]
        if row := _row_of(d, number):
            lines += [f"{'✓' if row.holds else '✗'} {_verdict(step, row)}", ""]
    if simplified := _simplified(d):
        lines += ["## Put together and simplified", ""]
    for conclusion in simplified:
        for i, rewriting in enumerate(conclusion.lines):
            lines += [f"$${'' if i else latex(conclusion.symbol)} = {latex(rewriting.formula)}$$", ""]
            lines += [_because(rewriting), ""]
    lines += ["## Result", ""]
    for i, last in enumerate(d.conclusion):
        lines += ["where", ""] if i == 1 else []
        lines += [f"$${latex(last.symbol)} = {latex(last.formula)}$$", ""]
        lines += [_markdown_prose(_condition(last)).strip(), ""] if _condition(last) else []
    return "\n".join(lines[:-1]) + "\n"


def _markdown_prose(pieces: Prose) -> str:
    return "".join(p if isinstance(p, str) else f"${latex(p)}$" for p in pieces)


# LaTeX ---------------------------------------------------------------------------------------------------------

_DOCUMENT = r"""\documentclass{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage[margin=2.5cm]{geometry}
\usepackage{amsmath,amssymb,graphicx}
\emergencystretch=3em
\begin{document}
%s\end{document}
"""


def as_latex(d: Derivation) -> str:
    """Sections and displayed equations, without a preamble."""
    lines = [rf"\section*{{The derivation of ${latex(d.conclusion[0].symbol)}$}}", r"\begin{align*}"]
    rows = []
    for definition in d.legend:
        symbol, *rest = map(latex, _definition(definition))
        shape = latex_text(show_shape(definition.node.shape))
        words = f", {definition.words}" if definition.words else ""
        rows.append(f"{symbol} &{f'= {rest[0]}' if rest else ''} && \\text{{{shape}{words}}}")
    lines += [" \\\\\n".join(rows), r"\end{align*}", latex.prose(_conventions(d)), r"\begin{enumerate}"]
    for number, step in enumerate(d.steps, 1):
        source = f", from ${_equation(step.forward, latex, ' = ')}$" if step.forward else ""
        lines += [rf"\item \textbf{{{latex_text(step.rule.capitalize())}}}{source}:", rf"\[ {step.latex} \]"]
        lines += [f"{latex.prose(step.reason)} Shape: {latex_text(show_shape(step.argument.shape))}.".strip()]
        if row := _row_of(d, number):
            mark = r"\checkmark" if row.holds else r"\times"
            lines += [rf"${mark}$ \emph{{{latex_text(_verdict(step, row))}}}"]
    lines += [r"\end{enumerate}", *_latex_simplifications(d), r"\textbf{Result}", r"\begin{align*}"]
    lines += [" \\\\\n".join(map(_latex_conclusion, d.conclusion))]
    lines += [r"\end{align*}"]
    return "\n".join(lines) + "\n"


def _latex_conclusion(conclusion: Conclusion) -> str:
    condition = conclusion.lines[-1].condition
    where = rf" \quad \text{{where }} {_equation(condition, latex, ' = ')}" if condition else ""
    return f"{latex(conclusion.symbol)} &= {latex(conclusion.formula)}{where}"


def _latex_simplifications(d: Derivation) -> list[str]:
    lines: list[str] = []
    for conclusion in _simplified(d):
        for i, rewriting in enumerate(conclusion.lines):
            line = f"{'' if i else latex(conclusion.symbol)} = {latex(rewriting.formula)}"
            lines += [rf"\[ {_fitted(line) if weight(rewriting.formula) > _WIDE else line} \]"]
            lines += [latex_text(_because(rewriting))]
    return [r"\textbf{Put together and simplified}", *lines, ""] if lines else []


def _fitted(line: str) -> str:
    """A formula that is made smaller where it would not fit the page."""
    return rf"\resizebox{{\ifdim\width>\linewidth\linewidth\else\width\fi}}{{!}}{{$\displaystyle {line}$}}"


# HTML ----------------------------------------------------------------------------------------------------------


def as_html(d: Derivation) -> str:
    """A whole page."""
    title = html.escape(text(d.conclusion[0].symbol))
    return PAGE.format(title=title, style=STYLE, body=_article(d))


def as_html_fragment(d: Derivation) -> str:
    """What a notebook shows: the page's content with its style."""
    return f"<style>{STYLE}</style>\n{_article(d)}"


def _article(d: Derivation) -> str:
    return (
        f'<article class="derivation">\n<h1>The derivation of {mathml.inline(d.conclusion[0].symbol)}</h1>\n'
        f"{_html_legend(d)}\n<ol>\n{''.join(_html_step(d, number) for number in range(1, len(d.steps) + 1))}</ol>\n"
        f"{_html_simplifications(d)}{_html_result(d)}\n</article>\n"
    )


def _html_equation(sides: tuple[Formula, ...]) -> str:
    return f"<mrow>{_equation(sides, mathml, '<mo>=</mo>')}</mrow>"


def _html_legend(d: Derivation) -> str:
    rows = "".join(
        f'<tr class="{x.words or "step"}"><td><math>{_html_equation(_definition(x))}</math></td>'
        f"<td>{html.escape(show_shape(x.node.shape))}</td><td>{x.words}</td></tr>\n"
        for x in d.legend
    )
    note = mathml.prose(_conventions(d))
    return f'<section class="network"><table>\n{rows}</table>\n<p class="note">{note}</p></section>'


def _html_step(d: Derivation, number: int) -> str:
    step, row = d.steps[number - 1], _row_of(d, number)
    return f'<li class="{step.kind}">{step.html}{_html_verdict(step, row) if row else ""}</li>\n'


def html_of_step(step: Step) -> str:
    """The rule, the equation and the reason of one step."""
    source = f'<span class="source"><math>{_html_equation(step.forward)}</math></span>' if step.forward else ""
    return (
        f"<header><b>{html.escape(step.rule)}</b>{source}</header>\n"
        f'<math display="block">{_html_equation(step.equation)}</math>\n'
        f'<p>{mathml.prose(step.reason)} <span class="shape">{html.escape(show_shape(step.argument.shape))}</span></p>'
    )


def _html_verdict(step: Step, row: CheckRow) -> str:
    kind, mark = ("holds", "✓") if row.holds else ("fails", "✗")
    return f'<p class="check {kind}">{mark} {html.escape(_verdict(step, row))}</p>'


def _html_simplifications(d: Derivation) -> str:
    lines = []
    for conclusion in _simplified(d):
        for i, rewriting in enumerate(conclusion.lines):
            left = "" if i else mathml(conclusion.symbol)
            lines.append(
                f'<math display="block"><mrow>{left}<mo>=</mo>{mathml(rewriting.formula)}</mrow></math>'
                f"<p>{html.escape(_because(rewriting))}</p>\n"
            )
    title = "<h2>Put together and simplified</h2>\n"
    return f'<section class="simplified">{title}{"".join(lines)}</section>\n' if lines else ""


def _html_result(d: Derivation) -> str:
    lines = [
        f'<math display="block">{_html_equation((x.symbol, x.formula))}</math>'
        + (f"<p>{mathml.prose(_condition(x))}</p>" if _condition(x) else "")
        for x in d.conclusion
    ]
    rest = f"<p>where</p>{''.join(lines[1:])}" if lines[1:] else ""
    return f'<section class="result">{lines[0]}{rest}</section>'


# Files ---------------------------------------------------------------------------------------------------------

_FORMATS: dict[str, Callable[[Derivation], str]] = {
    ".md": as_markdown,
    ".html": as_html,
    ".tex": lambda d: _DOCUMENT % as_latex(d),
    ".txt": as_text,
}


def save(d: Derivation, path: str | os.PathLike[str]) -> None:
    """Write the file its ending asks for, through a temporary file beside it, so that it is never seen half written.

    Raises:
        GraphcError: an ending without a format.
        OSError: the file cannot be written.
    """
    target = Path(path)
    write = _FORMATS.get(target.suffix.lower())
    if write is None:
        raise GraphcError(f"save: {target.name!r} has no known ending; derivations are saved as {', '.join(_FORMATS)}")
    document = write(d)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(document)
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
