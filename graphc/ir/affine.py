"""Index arithmetic: which element does a view read, as a linear form over loop variables.

An `Affine` is `constant + Σ coefficient · atom`. An atom is a loop variable with a known extent, or the quotient or
remainder of a linear form by a number, which is what reshapes leave when no simplification applies. Ranges are
known, so `(28·i + j) // 28` is `i` again when j < 28.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Var:
    """An integer variable with 0 ≤ value < extent."""

    name: str
    extent: int

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Quotient:
    """of // by, by > 0, of ≥ 0."""

    of: Affine
    by: int

    def __str__(self) -> str:
        return f"({self.of} // {self.by})"


@dataclass(frozen=True, slots=True)
class Remainder:
    """of % by, by > 0, of ≥ 0."""

    of: Affine
    by: int

    def __str__(self) -> str:
        return f"({self.of} % {self.by})"


Atom: TypeAlias = Var | Quotient | Remainder


@dataclass(frozen=True, slots=True)
class Affine:
    """A linear form over atoms, in normal form: like atoms collected, none with coefficient zero."""

    terms: tuple[tuple[Atom, int], ...] = ()
    constant: int = 0

    def __str__(self) -> str:
        parts = [str(a) if c == 1 else f"{c}*{a}" for a, c in self.terms]
        if self.constant or not parts:
            parts.append(str(self.constant))
        return " + ".join(parts)

    def __add__(self, other: Affine | int) -> Affine:
        if isinstance(other, int):
            return Affine(self.terms, self.constant + other)
        if not other.terms:
            return Affine(self.terms, self.constant + other.constant)
        if not self.terms:
            return Affine(other.terms, self.constant + other.constant)
        total = dict(self.terms)
        for atom, coefficient in other.terms:
            total[atom] = total.get(atom, 0) + coefficient
        return Affine(tuple((a, c) for a, c in total.items() if c), self.constant + other.constant)

    def __sub__(self, other: Affine | int) -> Affine:
        return self + (other * -1 if isinstance(other, Affine) else -other)

    def __mul__(self, factor: int) -> Affine:
        if factor == 0:
            return Affine()
        return Affine(tuple((a, c * factor) for a, c in self.terms), self.constant * factor)

    @property
    def is_constant(self) -> bool:
        return not self.terms

    def coefficient(self, var: Var) -> int:
        """The factor before `var` where it stands by itself."""
        return next((c for a, c in self.terms if a == var), 0)

    def range(self) -> tuple[int, int]:
        """The smallest and the largest value it can take."""
        low = high = self.constant
        for atom, c in self.terms:
            a_low, a_high = _atom_range(atom)
            low += min(c * a_low, c * a_high)
            high += max(c * a_low, c * a_high)
        return low, high

    def variables(self) -> frozenset[Var]:
        """All variables in it, also those inside quotients and remainders."""
        found: set[Var] = set()
        for atom, _ in self.terms:
            found |= {atom} if isinstance(atom, Var) else atom.of.variables()
        return frozenset(found)

    def substitute(self, values: Mapping[Var, Affine]) -> Affine:
        """The form with variables replaced, simplified anew."""
        result = Affine((), self.constant)
        for atom, c in self.terms:
            if isinstance(atom, Var):
                new = values.get(atom) or variable(atom)
            elif isinstance(atom, Quotient):
                new = floordiv(atom.of.substitute(values), atom.by)
            else:
                new = modulo(atom.of.substitute(values), atom.by)
            result = result + new * c
        return result


def _atom_range(atom: Atom) -> tuple[int, int]:
    if isinstance(atom, Var):
        return 0, max(int(atom.extent) - 1, 0)
    low, high = atom.of.range()
    if isinstance(atom, Quotient):
        return low // atom.by, high // atom.by
    return 0, min(high, atom.by - 1)


def variable(var: Var) -> Affine:
    """The form that is just this variable; the constant 0 when its extent allows nothing else."""
    return Affine(((var, 1),)) if var.extent != 1 else Affine()


def number(value: int) -> Affine:
    """The form that is a constant."""
    return Affine((), value)


def floordiv(form: Affine, by: int) -> Affine:
    """form // by for a form ≥ 0."""
    if by <= 1:
        return form
    whole, rest = _split(form, by)
    low, high = rest.range()
    if low >= 0 and high < by:
        return whole
    return whole + Affine(((Quotient(rest, by), 1),))


def modulo(form: Affine, by: int) -> Affine:
    """form % by for a form ≥ 0; nothing has an index in an axis of size 0."""
    if by <= 1:
        return Affine()
    _, rest = _split(form, by)
    low, high = rest.range()
    if low >= 0 and high < by:
        return rest
    return Affine(((Remainder(rest, by), 1),))


def _split(form: Affine, by: int) -> tuple[Affine, Affine]:
    """form = by · whole + rest, with the terms that divide by `by` in `whole`, and rest ≥ 0."""
    whole = tuple((a, c // by) for a, c in form.terms if c % by == 0)
    rest = tuple((a, c) for a, c in form.terms if c % by)
    quotient = Affine(rest, form.constant).range()[0] // by
    return Affine(whole, quotient), Affine(rest, form.constant - quotient * by)


def strides(shape: Iterable[int]) -> tuple[int, ...]:
    """Elements between neighbours along each axis of a C-contiguous array."""
    result: list[int] = []
    step = 1
    for size in reversed(tuple(shape)):
        result.append(step)
        step *= max(size, 1)
    return tuple(reversed(result))


def ravel(index: Iterable[Affine], shape: Iterable[int]) -> Affine:
    """The flat position of an index in a C-contiguous array."""
    total = Affine()
    for i, step in zip(index, strides(shape), strict=True):
        total = total + i * step
    return total


def unravel(flat: Affine, shape: tuple[int, ...]) -> tuple[Affine, ...]:
    """The index at a flat position of a C-contiguous array."""
    index: list[Affine] = []
    for axis, (size, step) in enumerate(zip(shape, strides(shape), strict=True)):
        if size == 1 or size == 0:
            index.append(Affine())
        else:
            index.append(modulo(floordiv(flat, step), size) if axis else floordiv(flat, step))
    return tuple(index)
