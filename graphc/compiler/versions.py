"""The programs of a function for the sizes of its named dimensions, and which of them a call gets.

Where the dimension that leads the arrays is open (`passes.open`), a program serves fewer rows than it was made for,
too. A single row, and none, have programs of their own; so have calls of far fewer rows, if they keep coming.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from ..codegen.program import Program
from ..ir.arguments import solve_sizes
from ..ir.expr import Expr
from ..ir.open_size import FEWEST, StillOpenError
from .cache import Code

if TYPE_CHECKING:
    from .pipeline import Specialization

MOST_VERSIONS = 32
MOST_SHAPES = 256
"""Shapes of arguments whose version is remembered."""
MOST_STRAYS = 4
"""Calls with far fewer rows than a program is for, before they get one of their own."""
IDLE_BYTES = 2**26
"""What the arenas of programs for several sizes may hold, or else twice that of the latest."""

Shapes: TypeAlias = tuple[tuple[int, ...], ...]


@dataclass(eq=False, slots=True)
class Version:
    """The program for one choice of sizes, or for as many rows as that and fewer."""

    sizes: Mapping[str, int]
    open_to: str | None
    """The dimension whose size here is only the most that a call may have."""
    code: Code
    seconds: Mapping[str, float]
    made: Specialization | None
    """What it was made from; None for code of the cache, until somebody looks."""
    program: Program = field(init=False)
    strays: int = 0
    """How many calls had far fewer rows than it is for."""

    def serves(self, sizes: Mapping[str, int]) -> bool:
        """Whether its program can run at these sizes."""
        if self.open_to is None:
            return self.sizes == sizes
        fits = FEWEST <= sizes[self.open_to] <= self.sizes[self.open_to]
        return fits and all(self.sizes[name] == size for name, size in sizes.items() if name != self.open_to)

    def is_far_too_large(self, sizes: Mapping[str, int]) -> bool:
        """Whether these sizes would be better off with a program of their own."""
        return self.open_to is not None and sizes[self.open_to] < self.code.signature.fewest_rows

    @property
    def key(self) -> tuple[tuple[str, int], ...]:
        """What it is known by."""
        return tuple(self.sizes.items())

    @property
    def arena_bytes(self) -> int:
        """What its arena holds."""
        return self.code.signature.arena_bytes


class Versions:
    """A bounded table of them, the one that was used last at its end.

    `open_to` names the dimension that may be open, and `make` compiles for sizes, with that dimension open or not.
    """

    def __init__(
        self, inputs: tuple[Expr, ...], open_to: str | None, make: Callable[[Mapping[str, int], str | None], Version]
    ) -> None:
        self.latest: Version | None = None
        self._inputs = inputs
        self._open_to = open_to
        self._make = make
        self._table: OrderedDict[tuple[tuple[str, int], ...], Version] = OrderedDict()
        self._by_shapes: dict[Shapes, Version] = {}

    def __len__(self) -> int:
        return len(self._table)

    def __iter__(self) -> Iterator[Version]:
        return iter(self._table.values())

    def use(self, shapes: Shapes, *, looking: bool) -> Version:
        """The version for arguments of these shapes, which is the latest then. Looking at it counts as no call."""
        found = self._by_shapes.get(shapes) or self._find(shapes, looking)
        self._table.move_to_end(found.key)
        if self.latest is not found:
            self.latest = found
            self._let_go_of_arenas(found)
        return found

    def _find(self, shapes: Shapes, looking: bool) -> Version:
        """The version that is the least too large, or a new one."""
        sizes = solve_sizes(self._inputs, shapes)
        best = min((v for v in self if v.serves(sizes)), key=lambda v: sum(v.sizes.values()), default=None)
        if best is not None and best.is_far_too_large(sizes):
            best.strays += not looking
            if best.strays <= MOST_STRAYS:
                return best  # not remembered: the next call like this counts, too
            best.strays, best = 0, None
        if best is None:
            best = self._new(sizes)
            self._table[best.key] = best
            if len(self._table) > MOST_VERSIONS:
                self._table.popitem(last=False)
                self._by_shapes.clear()
        if len(self._by_shapes) == MOST_SHAPES:
            self._by_shapes.clear()
        self._by_shapes[shapes] = best
        return best

    def _new(self, sizes: Mapping[str, int]) -> Version:
        if self._open_to is not None and sizes[self._open_to] >= FEWEST:
            try:
                return self._make(self._with_room(sizes, self._open_to), self._open_to)
            except StillOpenError:
                self._open_to = None
        return self._make(sizes, None)

    def _with_room(self, sizes: Mapping[str, int], name: str) -> Mapping[str, int]:
        """The sizes to compile for: twice what was too small, so that a size that grows step by step is compiled for
        few times. Not where that would take much memory."""
        alike = (v for v in self if v.open_to == name and v.serves({**sizes, name: FEWEST}))
        smaller = (v for v in alike if v.sizes[name] < sizes[name])
        before = max(smaller, key=lambda v: v.sizes[name], default=None)
        if before is None or 2 * before.arena_bytes > IDLE_BYTES:
            return sizes
        return {**sizes, name: max(sizes[name], 2 * before.sizes[name])}

    def _let_go_of_arenas(self, latest: Version) -> None:
        """Keep those that were used last, up to `IDLE_BYTES` or twice the latest."""
        most, total = max(IDLE_BYTES, 2 * latest.arena_bytes), 0
        for version in reversed(self._table.values()):
            total += version.arena_bytes
            if total > most:
                version.program.let_go()
