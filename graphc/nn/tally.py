"""Running sums that the compiled step keeps: the loss and the metrics over all batches of an epoch.

Sums are params in float64 that a step updates together with everything else; Python reads them when somebody looks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import graphc as gc

from ..ir.dim import Dim
from ..ir.errors import ShapeError, describe
from ..ir.expr import Expr
from ..ir.graph import ExprTable

Value = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True, eq=False)
class Measured:
    """Something measured: what a batch adds to its sums, and what the sums amount to."""

    sums: Mapping[str, Expr]
    value: Value


class Tally:
    """The sums of several measured things. Sums that are the same expression are kept once."""

    def __init__(self, measured: Mapping[str, Measured]) -> None:
        self._measured = measured
        self._totals: ExprTable[Expr] = ExprTable()
        for name, one in measured.items():
            for part, added in one.sums.items():
                if added not in self._totals:
                    self._totals[added] = gc.param(f"{name}.{part}", _zeros(name, added))

    @property
    def updates(self) -> dict[Expr, Expr]:
        """What a step adds."""
        return {total: total + gc.astype(added, "float64") for added, total in self._totals.items()}

    def reset(self) -> None:
        """Begin again."""
        for total in self._totals.values():
            total.value = np.zeros(total.value.shape)

    def values(self) -> dict[str, Any]:
        """What the sums amount to, by name."""
        read = ExprTable((added, total.value) for added, total in self._totals.items())
        return {
            n: one.value({part: read[added] for part, added in one.sums.items()}) for n, one in self._measured.items()
        }


def _zeros(name: str, added: Expr) -> Any:
    if any(isinstance(d, Dim) for d in added.shape):
        raise ShapeError(f"the metric {name!r} keeps sums whose size changes with the batch{describe(sums=added)}")
    return np.zeros(tuple(int(d) for d in added.shape if isinstance(d, int)), np.float64)
