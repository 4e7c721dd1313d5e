"""Sizes that a call brings: what is known of them beforehand is how large they can be, and how to count them.

A program for any number of rows is made like one for a certain number, the most it is for. An `OpenSize` is that
number, so that schedules can weigh it against caches and threads, but it is no number to compute loops from: sums,
differences and quotients raise, and whoever writes a loop asks `run_time` for the bound. A comparison weighs the most:
it may decide how something is computed, never what.
"""

from __future__ import annotations

from operator import index
from typing import NoReturn, SupportsIndex

from .affine import Affine, Var, floordiv, modulo
from .errors import GraphError

ROWS = Var("rows", 2**40)
"""How large the open dimension is in a call."""
FEWEST = 2
"""Rows of a call at least. Nothing and a single row have programs of their own: the one has no maximum, and of the
other no view could tell whether it is stretched."""


class StillOpenError(GraphError):
    """Something needs to know a size that only a call brings: the program has to be made for one size."""

    def __init__(self) -> None:
        super().__init__("how large this size is, only a call says: it is a bound of the loops of a compiled function")


class OpenSize(int):
    """A size that is `count` at run time, a form in `ROWS`, and never more than the integer it is.

    Multiples are open, too. It equals what counts the same, and no number.
    """

    count: Affine

    def __new__(cls, most: int, count: Affine) -> OpenSize:
        size = super().__new__(cls, most)
        size.count = count
        return size

    def __reduce__(self) -> tuple[type[OpenSize], tuple[int, Affine]]:
        return OpenSize, (int(self), self.count)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OpenSize) and int(self) == int(other) and self.count == other.count

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = int.__hash__

    def __mul__(self, factor: int) -> int:
        if isinstance(factor, OpenSize):
            raise StillOpenError
        return OpenSize(int(self) * factor, self.count * factor) if factor else 0

    __rmul__ = __mul__

    def __add__(self, other: int) -> int:
        if isinstance(other, OpenSize) or other:
            raise StillOpenError
        return self

    __radd__ = __add__

    def _unknown(self, *_: object) -> NoReturn:
        raise StillOpenError

    __sub__ = __rsub__ = __neg__ = _unknown
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __divmod__ = __rdivmod__ = __truediv__ = _unknown


def known(size: SupportsIndex) -> int:
    """A size of a graph that is bound: a number, or open."""
    return size if isinstance(size, int) else index(size)


def rows(most: int) -> OpenSize:
    """The open dimension itself, for a program of at most so many."""
    return OpenSize(most, Affine(((ROWS, 1),)))


def size_at(size: int, rows: int | None) -> int:
    """The number a size is where there are so many rows, or the most there can be."""
    if rows is None or not isinstance(size, OpenSize):
        return int(size)
    return size.count.coefficient(ROWS) * rows + size.count.constant


def run_time(size: int) -> Affine:
    """A size as loops count to it."""
    return size.count if isinstance(size, OpenSize) else Affine((), size)


def divided(size: int, by: int) -> tuple[int, int]:
    """How many whole pieces of size `by` there are in a size, and what is left over."""
    if not isinstance(size, OpenSize):
        return divmod(size, by)
    most = int(size)
    whole = OpenSize(most // by, floordiv(size.count, by))
    left = modulo(size.count, by)
    return whole, 0 if left == Affine() else OpenSize(min(most, by - 1), left)


def pieces(size: int, by: int) -> int:
    """How many pieces of size `by` there are in a size, the last of which may be smaller."""
    if not isinstance(size, OpenSize):
        return -(-size // by)
    return OpenSize(-(-int(size) // by), floordiv(size.count + (by - 1), by))
