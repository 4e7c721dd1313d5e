"""Sorting networks: as many rows at once as a vector has lanes, one row in each.

Which elements are compared does not depend on what they are, so that all lanes do the same. `words[16*t + i]` is
element t of row i of the block:

    for q in 0..1000 // 16:
      for i as 16 lanes:
        for t in 0..64: store words[16*t + i] = word of x[16*q + i, t]
        for u in 0..4: for v ...: eight words are loaded, compared in three steps, and stored
        ...
      for r in 0..16: for t as lanes: store out[16*q + r, t] = element of words[16*t + r]

The network is the bitonic one (Batcher, "Sorting networks and their applications", 1968): rows of 8 words are sorted up
and down in turn, then two neighbours of m/2 words, one up and one down, are merged into m words by comparing those m/2
apart, m/4 apart, and so on. Three steps at a time stay in registers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..ir.affine import Affine, Var, variable
from .ir import Buffer, For, Operand, Statement, Store
from .lower import Builder
from .vectorize import Widening

SMALL = 8
"""Words that are sorted in registers to begin with."""


class Network:
    """The network over rows of `size` words, a power of two, that lie in a buffer side by side: one in each lane, the
    first `active` of which count."""

    def __init__(self, builder: Builder, words: Buffer, size: int, lanes: int, active: int) -> None:
        self.builder = builder
        self.words = words
        self.size = size
        self.lanes = lanes
        self.active = active
        self.lane = Var("i", active)

    @contextmanager
    def over_lanes(self) -> Iterator[None]:
        """What is written inside is done by all lanes at once."""
        b, i, lanes = self.builder, self.lane, self.lanes
        with b.scope(i) as scope:
            yield
            body: tuple[Statement, ...] = tuple(scope.statements)
        if lanes > 1:
            body = Widening(i, lanes, {}).body(body)
        b.add(For(i, Affine(), Affine((), self.active), body, step=lanes, lanes=lanes, active=self.active % lanes))

    def at(self, t: Affine) -> Affine:
        """Where word t of this lane's row stands."""
        return t * self.lanes + variable(self.lane)

    def write(self) -> None:
        """Sort all rows upward. To stand where lanes are open."""
        small = min(SMALL, self.size)
        self._pass(small, 1, small, odd_even(small))
        merged = 2 * small
        while merged <= self.size:
            for distances in _in_threes(merged):
                width = 2 ** len(distances)
                self._pass(merged, distances[-1], width, _halving(width))
            merged *= 2

    def _pass(self, merged: int, stride: int, width: int, pairs: list[tuple[int, int]]) -> None:
        """Compare words that are multiples of the stride apart, in groups; upward and downward in turn."""
        b, group = self.builder, width * stride
        both = Var("u", max(self.size // (2 * merged), 1))
        block, offset = Var("v", merged // group), Var("o", stride)
        with b.loop(both):
            for side in range(min(self.size // merged, 2)):
                with b.loop(block), b.loop(offset):
                    first = variable(both) * (2 * merged) + side * merged + variable(block) * group + variable(offset)
                    self._compare(first, stride, width, pairs, downward=side == 1)

    def _compare(self, first: Affine, stride: int, width: int, pairs: list[tuple[int, int]], *, downward: bool) -> None:
        b, dtype = self.builder, self.words.dtype
        places = [self.at(first + j * stride) for j in range(width)]
        held: list[Operand] = [b.load(self.words, place) for place in places]
        for low, high in pairs:
            both = held[low], held[high]
            smaller, larger = (b.apply(op, dtype, *both) for op in ("minimum", "maximum"))
            held[low], held[high] = (larger, smaller) if downward else (smaller, larger)
        for place, word in zip(places, held, strict=True):
            b.add(Store(self.words, place, word))


def odd_even(size: int) -> list[tuple[int, int]]:
    """The comparisons of Batcher's odd-even merge sort of a power of two of elements."""
    levels = size.bit_length() - 1
    return [
        (i, i + apart)
        for level in range(levels)
        for step in range(level + 1)
        for apart in (1 << level - step,)
        for first in range(apart % (1 << level), size - apart, 2 * apart)
        for i in range(first, min(first + apart, size - apart))
        if i >> level + 1 == i + apart >> level + 1
    ]


def _halving(width: int) -> list[tuple[int, int]]:
    """Comparisons half the width apart, then a quarter, to neighbours."""
    distances = [width >> step for step in range(1, width.bit_length())]
    return [(j, j + d) for d in distances for j in range(width) if not j & d]


def _in_threes(merged: int) -> list[list[int]]:
    """The distances m/2, m/4, … 1, grouped by three; what is left over comes first."""
    distances = [merged >> step for step in range(1, merged.bit_length())]
    first = len(distances) % 3
    return [g for g in (distances[:first], *(distances[i : i + 3] for i in range(first, len(distances), 3))) if g]
