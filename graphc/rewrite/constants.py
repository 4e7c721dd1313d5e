"""Constant folding: what depends on nothing but constants is computed once, by the ops' own references.

Broadcasts of constants are never laid out, positions (iota) stay symbolic, and nothing grows: a folded constant has
at most `LARGEST` elements.
"""

from __future__ import annotations

import numpy as np

from ..ir.dim import Dim, product
from ..ir.expr import Expr
from ..ir.op import Array
from ..ops import leaf
from ..ops.leaf import CONSTANT
from ..ops.shape import BROADCAST, broadcast_to
from .engine import Rule
from .pattern import Over, P

LARGEST = 65_536
_LARGEST_READ = 16 * 1024 * 1024


def _value(expr: Expr) -> Array | None:
    """The array behind a constant or a broadcast constant, not laid out; None for anything else."""
    if expr.op is CONSTANT:
        array: Array = expr.attrs["value"].array
        return array
    if expr.op is BROADCAST and expr.args[0].op is CONSTANT and _is_concrete(expr):
        return np.broadcast_to(expr.args[0].attrs["value"].array, tuple(map(int, expr.shape)))
    return None


def _is_concrete(expr: Expr) -> bool:
    sizes = [*expr.shape]
    for value in expr.attrs.values():
        sizes.extend(value if isinstance(value, tuple) else (value,))
    return not any(isinstance(d, Dim) for d in sizes)


def _fold(out: Expr) -> Expr | None:
    count = product(out.shape)
    if out.op is BROADCAST or not _is_concrete(out) or not isinstance(count, int) or count > LARGEST:
        return None
    values = [_value(a) for a in out.args]
    if any(v is None or v.size > _LARGEST_READ for v in values):
        return None
    with np.errstate(all="ignore"):
        result = out.op.reference(out.attrs, *values)
    return leaf.constant(np.asarray(result, out.dtype.numpy))


def _uniform(out: Expr) -> Expr | None:
    """A constant all of whose elements have the same bits, as one number broadcast."""
    array = out.attrs["value"].array
    if not array.ndim or not array.size:
        return None
    bits = array.reshape(-1).view(f"u{array.itemsize}")
    if bits[0] != bits[-1] or not (bits == bits[0]).all():
        return None
    return broadcast_to(leaf.constant(array.reshape(-1)[0]), out.shape)


def _size(out: Expr) -> Expr | None:
    return leaf.size(out.attrs["size"]) if isinstance(out.attrs["size"], int) else None


_COMPUTED = ("elementwise", "view", "join", "reduce", "cumulative", "contract", "index", "identity")

FOLD = (
    Rule("uniform-constant", P.constant(), _uniform, becomes="broadcast_to(number)"),
    Rule("size-known", P.size(), _size, becomes="its number"),
    Rule("fold-constants", Over(_COMPUTED, ("constant", "broadcast_to")), _fold, becomes="its value"),
)
