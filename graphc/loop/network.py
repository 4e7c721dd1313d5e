"""Sorting networks: as many rows at once as a vector has lanes, one row in each.

Which elements are compared does not depend on what they are, so that all lanes do the same. `words[16*t + i]` is
element t of row i of the block:

    for q in 0..1000 // 16:
      for i as 16 lanes:
        for t in 0..64: store words[16*t + i] = word of x[16*q + i, t]
        for u in 0..4: for v ...: eight words are loaded, compared in three steps, and stored
        ...
      for r in 0..16: for t as lanes: store out[16*q + r, t] = element of words[16*t + r]

The network is the bitonic one (Batcher, "Sorting networks and their applications", 1968), in the form in which all
goes upward: rows of 8 words are sorted in registers; then two neighbours of m/2 words are merged into m by comparing
each word with the one that mirrors it, then those m/4 apart, m/8 apart, and so on. Three steps at a time stay in
registers.
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
    """The network over rows of `size` words, a power of two, that lie in a buffer side by side, one in each lane."""

    def __init__(self, builder: Builder, words: Buffer, size: int, lanes: int) -> None:
        self.builder = builder
        self.words = words
        self.size = size
        self.lanes = lanes

    @contextmanager
    def over_lanes(self, active: int) -> Iterator[Affine]:
        """What is written inside is done by all lanes at once, of which so many count; the number of the lane."""
        b, i, lanes = self.builder, Var("i", active), self.lanes
        with b.scope(i) as scope:
            yield variable(i)
            body: tuple[Statement, ...] = tuple(scope.statements)
        if lanes > 1:
            body = Widening(i, lanes, {}).body(body)
        b.add(For(i, Affine(), Affine((), active), body, step=lanes, lanes=lanes, active=active % lanes))

    def at(self, t: Affine, lane: Affine) -> Affine:
        """Where word t of a lane's row stands."""
        return t * self.lanes + lane

    def write(self) -> None:
        """Sort all rows."""
        with self.over_lanes(self.lanes) as lane:
            small = min(SMALL, self.size)
            self._pass(lane, small, 1, small, odd_even(small))
            merged = 2 * small
            while merged <= self.size:
                mirrored, *others = _in_threes(merged)
                self._pass(
                    lane,
                    merged,
                    mirrored[-1],
                    2 ** len(mirrored),
                    _halving(2 ** len(mirrored), mirrored=True),
                    mirrored=True,
                )
                for distances in others:
                    width = 2 ** len(distances)
                    self._pass(lane, width * distances[-1], distances[-1], width, _halving(width))
                merged *= 2

    def _pass(
        self, lane: Affine, block: int, stride: int, width: int, pairs: list[tuple[int, int]], *, mirrored: bool = False
    ) -> None:
        """Compare words that are multiples of the stride apart, or as far from the other end, block by block."""
        b, blocks, offset = self.builder, Var("u", self.size // block), Var("o", stride)
        with b.loop(blocks), b.loop(offset):
            first, distance = variable(blocks) * block, variable(offset)
            places = [first + distance + j * stride for j in range(width // 2 if mirrored else width)]
            if mirrored:
                places += [first - distance + (block - 1 - j * stride) for j in reversed(range(width // 2))]
            self._compare([self.at(place, lane) for place in places], pairs)

    def _compare(self, places: list[Affine], pairs: list[tuple[int, int]]) -> None:
        b, dtype = self.builder, self.words.dtype
        held: list[Operand] = [b.load(self.words, place) for place in places]
        for low, high in pairs:
            both = held[low], held[high]
            held[low], held[high] = (b.apply(op, dtype, *both) for op in ("minimum", "maximum"))
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


def _halving(width: int, *, mirrored: bool = False) -> list[tuple[int, int]]:
    """Comparisons half the width apart, or mirrored, then a quarter apart, and so on to neighbours."""
    distances = [width >> step for step in range(1, width.bit_length())]
    pairs = [[(j, j + d) for j in range(width) if not j & d] for d in distances]
    if mirrored:
        pairs[0] = [(j, width - 1 - j) for j in range(width // 2)]
    return [pair for step in pairs for pair in step]


def _in_threes(merged: int) -> list[list[int]]:
    """The distances m/2, m/4, … 1, grouped by three; what is left over comes first."""
    distances = [merged >> step for step in range(1, merged.bit_length())]
    first = len(distances) % 3
    return [g for g in (distances[:first], *(distances[i : i + 3] for i in range(first, len(distances), 3))) if g]
