"""What exists: every operation, complete, in the file of its family.

Importing this package fills the registry. The functions here are the raw constructors the compiler's own rooms
build graph with: arguments already agree in dtype and shape. Users meet them through `graphc.frontend`, which lifts,
promotes and broadcasts first.
"""

from . import index, leaf, linalg, reduce, scalar, shape

__all__ = ["index", "leaf", "linalg", "reduce", "scalar", "shape"]
