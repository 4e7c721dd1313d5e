"""What exists: every operation, complete, in the file of its family.

Importing this package fills the registry. The functions here are the raw constructors the compiler's own rooms
build graph with: arguments already agree in dtype and shape. Users meet them through `graphc.frontend`, which lifts,
promotes and broadcasts first.
"""

from ..ir.op import REGISTRY
from . import (
    bitwise,
    cumulative,
    dynamic,
    index,
    join,
    leaf,
    linalg,
    mark,
    reduce,
    rounding,
    scalar,
    scatter,
    shape,
    sort,
    transcendental,
)

OWN = frozenset(REGISTRY)
"""The names of the operations that this package has by itself."""

__all__ = [
    "OWN",
    "bitwise",
    "cumulative",
    "dynamic",
    "index",
    "join",
    "leaf",
    "linalg",
    "mark",
    "reduce",
    "rounding",
    "scalar",
    "scatter",
    "shape",
    "sort",
    "transcendental",
]
