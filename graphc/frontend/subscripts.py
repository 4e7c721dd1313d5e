"""The subscripts of einsum: read, checked against operands, and refused with a finger on the character.

"bij,bjk->bik"      three axes and three axes give three
"...ij,j"           what ... stands for broadcasts; without an arrow the output has the letters that occur once
"""

from __future__ import annotations

from dataclasses import dataclass

from ..ir.dim import Size
from ..ir.errors import ShapeError, describe
from ..ir.expr import Expr

Label = str
"""A letter or any name; for axes that `...` stands for, the number counted from the last one: "-1", "-2"."""
Labels = tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class Subscripts:
    """A label for each axis of each operand, those of the output in order, and the size of each label."""

    inputs: tuple[Labels, ...]
    output: Labels
    sizes: dict[Label, Size]


def parse(text: str, operands: tuple[Expr, ...]) -> Subscripts:
    """What subscripts say of these operands.

    Raises:
        ShapeError: a character that does not belong there, another number of terms or axes, a letter of the output
            that is in no input or stands twice, or sizes of a letter that differ.
    """
    left, arrow, right = text.partition("->")
    terms = _terms(text, left)
    if len(terms) != len(operands):
        at = sum(len(t) + 1 for t, _ in terms[: len(operands)]) - 1 if len(terms) > len(operands) else len(left)
        raise _refused(text, at, f"{len(terms)} terms for {len(operands)} operands", operands)
    inputs = tuple(_labels(text, term, at, e, operands) for (term, at), e in zip(terms, operands, strict=True))
    sizes = _sizes(text, inputs, operands, terms)
    dots = _dots(inputs)
    if not arrow:
        return Subscripts(inputs, (*dots, *_once(inputs)), sizes)
    return Subscripts(inputs, _output(text, right, len(left) + 2, dots, sizes, operands), sizes)


def _terms(text: str, left: str) -> list[tuple[str, int]]:
    """The terms before the arrow, and where each begins."""
    found, at = [], 0
    for term in left.split(","):
        found.append((term, at))
        at += len(term) + 1
    return found


def _scan(text: str, term: str, start: int, operands: tuple[Expr, ...]) -> list[tuple[str, int]]:
    """The letters of a term and `...`, each with where it stands."""
    found: list[tuple[str, int]] = []
    at = 0
    while at < len(term):
        here = term[at]
        if here == " ":
            at += 1
        elif term[at : at + 3] == "...":
            if any(word == "..." for word, _ in found):
                raise _refused(text, start + at, "... stands twice in a term", operands)
            found.append(("...", start + at))
            at += 3
        elif here.isascii() and here.isalpha():
            found.append((here, start + at))
            at += 1
        else:
            raise _refused(text, start + at, f"{here!r} is no letter, comma, ... or ->", operands)
    return found


def _labels(text: str, term: str, start: int, operand: Expr, operands: tuple[Expr, ...]) -> Labels:
    """A label for each axis of an operand."""
    words = _scan(text, term, start, operands)
    letters = [w for w, _ in words if w != "..."]
    rest = operand.ndim - len(letters)
    has_dots = len(letters) < len(words)
    if rest < 0 or (rest > 0 and not has_dots):
        at = words[operand.ndim][1] if rest < 0 and not has_dots else start + max(len(term) - 1, 0)
        said = f"{len(letters)} letters{' and ...' if has_dots else ''} for {operand.ndim} axes"
        raise _refused(text, at, said, operands)
    labels: list[Label] = []
    for word, _ in words:
        labels += [str(i - rest) for i in range(rest)] if word == "..." else [word]
    return tuple(labels)


def _sizes(
    text: str, inputs: tuple[Labels, ...], operands: tuple[Expr, ...], terms: list[tuple[str, int]]
) -> dict[Label, Size]:
    """The size of each label. Axes of size 1 under `...` broadcast, letters do not."""
    sizes: dict[Label, Size] = {}
    for labels, operand, (term, start) in zip(inputs, operands, terms, strict=True):
        for label, size in zip(labels, operand.shape, strict=True):
            known = sizes.setdefault(label, size)
            if known == size or (label[0] == "-" and size == 1):
                continue
            if label[0] == "-" and known == 1:
                sizes[label] = size
                continue
            word = label if label[0] != "-" else "..."
            at = start + (term.rfind(word) if word != "..." else term.find(word))
            raise _refused(text, at, f"{word} is of size {known} and {size}", operands)
    return sizes


def _dots(inputs: tuple[Labels, ...]) -> Labels:
    count = max((sum(1 for x in labels if x[0] == "-") for labels in inputs), default=0)
    return tuple(str(i - count) for i in range(count))


def _once(inputs: tuple[Labels, ...]) -> Labels:
    every = [label for labels in inputs for label in labels if label[0] != "-"]
    return tuple(sorted(label for label in set(every) if every.count(label) == 1))


def _output(
    text: str, right: str, start: int, dots: Labels, sizes: dict[Label, Size], operands: tuple[Expr, ...]
) -> Labels:
    labels: list[Label] = []
    has_dots = False
    for word, at in _scan(text, right, start, operands):
        if word == "...":
            has_dots = True
            labels += dots
        elif word not in sizes:
            raise _refused(text, at, f"{word} is in no input", operands)
        elif word in labels:
            raise _refused(text, at, f"{word} stands twice in the output", operands)
        else:
            labels.append(word)
    if dots and not has_dots:
        raise _refused(text, max(len(text) - 1, 0), "the output lacks the ... of the inputs", operands)
    return tuple(labels)


def _refused(text: str, at: int, why: str, operands: tuple[Expr, ...]) -> ShapeError:
    shown = describe(**{f"operand{i}": e for i, e in enumerate(operands)})
    return ShapeError(f"einsum: {why}\n    {text}\n    {' ' * max(at, 0)}^{shown}")
