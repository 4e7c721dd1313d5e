"""How to compile, and what a compilation writes down about itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from ..ir.expr import Expr
from ..ir.graph import ExprTable

T = TypeVar("T")


class Level(NamedTuple):
    """What an optimization level does."""

    simplify: int
    """Which rules rewrite the graph; 0 for none."""
    effort: int
    """How hard LLVM works on each kernel."""


LEVELS = (Level(0, 1), Level(1, 1), Level(2, 1), Level(3, 2))
"""optimize=0 takes the graph as it is; 1 simplifies; 2 (the default) also stabilizes and specializes; 3 gives LLVM
more time."""


class Options(NamedTuple):
    """How to compile."""

    optimize: int = 2
    fast_math: bool = False
    threads: int = 1
    check: bool = False


@dataclass(eq=False)
class Trace:
    """What happened on the way: seconds and changes of each stage, and provenance."""

    seconds: dict[str, float] = field(default_factory=dict)
    hits: dict[str, int] = field(default_factory=dict)
    origins: ExprTable[tuple[Expr, ...]] = field(default_factory=ExprTable)

    def timed(self, stage: str, work: Callable[[], T]) -> T:
        """Do the work of a stage and add its time."""
        started = time.perf_counter()
        result = work()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - started
        return result

    def copy(self) -> Trace:
        """The same so far."""
        return Trace(dict(self.seconds), dict(self.hits), self.origins)
