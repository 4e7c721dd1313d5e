"""The algebra of sizes: integers, named dimensions, and what slicing, striding and reshaping make of them.

A `Dim` is a polynomial with integer coefficients over atoms. An atom is a name, or floordiv, ceildiv, min or max
of two sizes. The polynomial is kept in one normal form, so equal sizes compare equal; what turns out to be a
number is a plain `int` again. Names stand for integers ≥ 0.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import TypeAlias, Union

from .errors import ShapeError
from .open_size import OpenSize, StillOpenError, size_at

Size: TypeAlias = Union[int, "Dim"]
Shape: TypeAlias = tuple[Size, ...]

OPEN = "(rows)"
"""What is solved for where an input's size is open: no name that a user could give."""


@dataclass(frozen=True, slots=True)
class DimCall:
    """floordiv, ceildiv, min or max of two sizes that no simplification could resolve."""

    op: str
    left: Size
    right: Size

    def __str__(self) -> str:
        if self.op == "floordiv":
            return f"({self.left} // {self.right})"
        return f"{self.op}({self.left}, {self.right})"


Atom: TypeAlias = str | DimCall
Monomial: TypeAlias = tuple[Atom, ...]


class Dim:
    """A size that is not (yet) a number. Immutable; compared by value.

    `Dim("n")` is the dimension called n, as the name alone is wherever a shape is given.
    """

    __slots__ = ("_hash", "terms")

    def __init__(self, given: str | Mapping[Monomial, int]) -> None:
        """A named dimension, or what the algebra of sizes makes of several: coefficients by products of atoms.

        Raises:
            ShapeError: the name is not an identifier.
        """
        terms = given if isinstance(given, Mapping) else {(_identifier(given),): 1}
        ordered = sorted(terms.items(), key=lambda t: (-len(t[0]), [str(a) for a in t[0]]))
        self.terms: tuple[tuple[Monomial, int], ...] = tuple(ordered)
        self._hash = hash(self.terms)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dim) and self.terms == other.terms

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        out = ""
        for monomial, coefficient in self.terms:
            factors = [str(a) for a in monomial]
            if abs(coefficient) != 1 or not factors:
                factors.insert(0, str(abs(coefficient)))
            sign = "-" if coefficient < 0 else "+"
            out += f" {sign} {'*'.join(factors)}" if out else f"{'-' if sign == '-' else ''}{'*'.join(factors)}"
        return out

    def __bool__(self) -> bool:
        raise ShapeError(f"whether the size {self} is zero is not known before a call")

    def __index__(self) -> int:
        raise ShapeError(f"the size {self} is not a number before a call; use it in shapes, or gc.size(x, axis)")

    # With what is no size (an expression, a float) these leave the operation to the other operand.

    def __add__(self, other: Size) -> Size:
        return _sum(self, other, 1) if _is_size(other) else NotImplemented

    __radd__ = __add__

    def __sub__(self, other: Size) -> Size:
        return _sum(self, other, -1) if _is_size(other) else NotImplemented

    def __rsub__(self, other: int) -> Size:
        return _sum(-self, other, 1) if _is_size(other) else NotImplemented

    def __neg__(self) -> Dim:
        return Dim({m: -c for m, c in self.terms})

    def __mul__(self, other: Size) -> Size:
        if not _is_size(other):
            return NotImplemented
        product: dict[Monomial, int] = {}
        for m1, c1 in self.terms:
            for m2, c2 in _terms(other):
                key = tuple(sorted(m1 + m2, key=str))
                product[key] = product.get(key, 0) + c1 * c2
        return _normal(product)

    __rmul__ = __mul__

    def __floordiv__(self, other: Size) -> Size:
        return floordiv(self, other) if _is_size(other) else NotImplemented

    def __rfloordiv__(self, other: int) -> Size:
        return floordiv(other, self) if _is_size(other) else NotImplemented


def _identifier(name: object) -> str:
    if not isinstance(name, str) or not name.isidentifier():
        raise ShapeError(f"{name!r} cannot name a dimension; use an identifier such as 'batch'")
    return name


def _is_size(given: object) -> bool:
    return isinstance(given, (int, Dim))


def _terms(size: Size) -> tuple[tuple[Monomial, int], ...]:
    return size.terms if isinstance(size, Dim) else ((((), size),) if size else ())


def _normal(terms: dict[Monomial, int]) -> Size:
    kept = {m: c for m, c in terms.items() if c}
    if not kept:
        return 0
    if len(kept) == 1 and () in kept:
        return kept[()]
    return Dim(kept)


def _sum(a: Size, b: Size, sign: int) -> Size:
    total = dict(_terms(a))
    for monomial, coefficient in _terms(b):
        total[monomial] = total.get(monomial, 0) + sign * coefficient
    return _normal(total)


def _never_negative(size: Size) -> bool:
    return all(c >= 0 for _, c in _terms(size))


def _divide_exactly(a: Size, b: Size) -> Size | None:
    """a / b where every term of `a` divides by the single term of `b`; None where it does not."""
    divisor = _terms(b)
    if len(divisor) != 1:
        return 1 if a == b else None
    (by, number), quotient = divisor[0], {}
    for monomial, coefficient in _terms(a):
        rest = list(monomial)
        for atom in by:
            if atom not in rest:
                return None
            rest.remove(atom)
        if coefficient % number:
            return None
        quotient[tuple(rest)] = coefficient // number
    return _normal(quotient)


def floordiv(a: Size, b: Size) -> Size:
    """a // b, exact where the terms divide."""
    if isinstance(b, int) and b == 0:
        raise ShapeError(f"the size {a} // 0 does not exist")
    if isinstance(a, int) and isinstance(b, int):
        return a // b
    exact = _divide_exactly(a, b)
    return exact if exact is not None else Dim({(DimCall("floordiv", a, b),): 1})


def ceildiv(a: Size, b: Size) -> Size:
    """a / b rounded up."""
    if isinstance(b, int) and b == 0:
        raise ShapeError(f"the size ceildiv({a}, 0) does not exist")
    if isinstance(a, int) and isinstance(b, int):
        return -(-a // b)
    exact = _divide_exactly(a, b)
    return exact if exact is not None else Dim({(DimCall("ceildiv", a, b),): 1})


def minimum(a: Size, b: Size) -> Size:
    """The smaller of two sizes."""
    return _extremum("min", a, b)


def maximum(a: Size, b: Size) -> Size:
    """The larger of two sizes."""
    return _extremum("max", a, b)


def _extremum(op: str, a: Size, b: Size) -> Size:
    if isinstance(a, OpenSize) or isinstance(b, OpenSize):
        raise StillOpenError
    if isinstance(a, int) and isinstance(b, int):
        return min(a, b) if op == "min" else max(a, b)
    if _never_negative(_sum(a, b, -1)):
        return b if op == "min" else a
    if _never_negative(_sum(b, a, -1)):
        return a if op == "min" else b
    left, right = sorted((a, b), key=str)
    return Dim({(DimCall(op, left, right),): 1})


def product(shape: Shape) -> Size:
    """How many elements an array of this shape has."""
    return reduce(operator.mul, shape, 1)


def names(size: Size) -> frozenset[str]:
    """The names a size depends on."""
    found: set[str] = set()
    for monomial, _ in _terms(size):
        for atom in monomial:
            found |= {atom} if isinstance(atom, str) else names(atom.left) | names(atom.right)
    return frozenset(found)


def evaluate(size: Size, sizes: Mapping[str, int]) -> Size:
    """The size with the names in `sizes` replaced; an `int` when all of its names are there. `OPEN` names what is open
    in bound sizes."""
    if isinstance(size, int):
        return size_at(size, sizes[OPEN]) if isinstance(size, OpenSize) and OPEN in sizes else size
    total: Size = 0
    for monomial, coefficient in size.terms:
        term: Size = coefficient
        for atom in monomial:
            term = term * _evaluate_atom(atom, sizes)
        total = total + term
    return total


def _evaluate_atom(atom: Atom, sizes: Mapping[str, int]) -> Size:
    if isinstance(atom, str):
        return sizes[atom] if atom in sizes else Dim(atom)
    left, right = evaluate(atom.left, sizes), evaluate(atom.right, sizes)
    operations = {"floordiv": floordiv, "ceildiv": ceildiv, "min": minimum, "max": maximum}
    return operations[atom.op](left, right)


def solve(size: Size, actual: int, sizes: Mapping[str, int]) -> dict[str, int]:
    """The name that `size == actual` determines, given `sizes`; {} when it determines none.

    Only sizes linear in a single unknown name are solved, which is what inputs are declared with.
    """
    if isinstance(size, OpenSize):
        return {} if OPEN in sizes else {OPEN: actual // size_at(size, 1)}
    reduced = evaluate(size, sizes)
    if isinstance(reduced, int):
        return {}
    unknown = [(m, c) for m, c in reduced.terms if m]
    if len(unknown) != 1 or len(unknown[0][0]) != 1 or not isinstance(unknown[0][0][0], str):
        return {}
    (name,), coefficient = unknown[0]
    offset = dict(reduced.terms).get((), 0)
    value, remainder = divmod(actual - offset, coefficient)
    return {str(name): value} if remainder == 0 and value >= 0 else {}


def as_size(given: object) -> Size:
    """What a user wrote for one dimension of a shape: an int ≥ 0, a name, or a `Dim`."""
    if isinstance(given, Dim):
        return given
    if isinstance(given, str):
        return Dim(given)
    try:
        number = operator.index(given)  # type: ignore[arg-type]
    except TypeError:
        raise ShapeError(f"{given!r} is not a size; use an integer or a name such as 'batch'") from None
    if isinstance(given, bool) or number < 0:
        raise ShapeError(f"{given!r} is not a size; sizes are integers ≥ 0")
    if number >= 2**62:
        raise ShapeError(f"a size of {number} is beyond what an address can reach")
    return number


def as_shape(given: object) -> Shape:
    """A shape from what a user wrote: one size, or a sequence of them."""
    if isinstance(given, (int, str, Dim)):
        given = (given,)
    try:
        return tuple(as_size(d) for d in given)  # type: ignore[attr-defined]
    except TypeError:
        raise ShapeError(f"{given!r} is not a shape; use a tuple of integers and names") from None


def show(shape: Shape) -> str:
    """A shape as users read it: (batch, 784)."""
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
