"""Writing slices at computed positions: scatter, what `x.at[indices].add(values)` is made of.

Positions out of range are dropped. What falls on one position is combined in the order of the indices, so that the
last write wins and sums round the same way every time.

Every mode has the derivative of one linear map, `scatter_add(a · dx, indices, b · du)`, with weights that depend on
the mode: what the kept element and what each value contribute.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..ir.dim import Shape, maximum, product
from ..ir.dtype import DType, bool_, int64
from ..ir.errors import DTypeError, ShapeError, describe
from ..ir.expr import Expr, make
from ..ir.op import Array, Attrs, OpDef, Sample, register
from . import leaf
from .index import in_range, is_empty, slots, take, wrap
from .scalar import astype, divide, equal, like, multiply, subtract, where
from .shape import broadcast_to, reshape, scatter_slice

UFUNCS: dict[str, np.ufunc | None] = {
    "set": None,
    "add": np.add,
    "multiply": np.multiply,
    "min": np.minimum,
    "max": np.maximum,
}
"""How each mode combines what is there with what comes; nothing of what was there is left by "set"."""


def _infer(attrs: Attrs, x: Expr, indices: Expr, updates: Expr) -> tuple[DType, Shape]:
    roles = describe(x=x, indices=indices, updates=updates)
    if not indices.dtype.is_integer:
        raise DTypeError(f"scatter: indices must be integers{roles}")
    if x.dtype is not updates.dtype:
        raise DTypeError(f"scatter: x and updates differ in dtype{roles}")
    if x.dtype is bool_ and attrs["mode"] != "set":
        raise DTypeError(f"scatter: bool can be set only; convert it with gc.astype first{roles}")
    if not 0 <= attrs["axis"] < x.ndim:
        raise ShapeError(f"scatter: there is no axis {attrs['axis']}{roles}")
    if updates.shape != slots(x.shape, indices.shape, attrs["axis"]):
        raise ShapeError(f"scatter: updates are not of the shape of what they go to{roles}")
    return x.dtype, x.shape


def _reference(attrs: Attrs, x: Array, indices: Array, updates: Array) -> Array:
    axis, mode = attrs["axis"], UFUNCS[attrs["mode"]]
    out = np.array(x)
    places = wrap(indices, x.shape[axis]).reshape(-1)
    valid = (places >= 0) & (places < x.shape[axis])
    target = np.moveaxis(out, axis, 0)
    rows = np.moveaxis(updates.reshape(*x.shape[:axis], len(places), *x.shape[axis + 1 :]), axis, 0)
    if mode is None:
        for place, row in zip(places[valid], rows[valid], strict=True):
            target[place] = row
    else:
        mode.at(target, places[valid], rows[valid])
    return out


# Derivatives ---------------------------------------------------------------------------------------------------

Weight = Callable[[Expr], Expr]
"""Multiplies by what something contributes; a choice where that is 0 or 1, so that 0·inf does not arise."""


def _chosen(mask: Expr, scale: Weight = lambda v: v) -> Weight:
    return lambda v: where(mask, scale(v), like(0, v))


def _scaled(by: Expr) -> Weight:
    return lambda v: multiply(v, by)


def _taken(x: Expr, indices: Expr, axis: int) -> Expr:
    """What stands where the updates go; something where there is nothing, for axes that may turn out to be empty."""
    size = x.shape[axis]
    if not isinstance(size, int):
        shape = (*x.shape[:axis], maximum(size, 1), *x.shape[axis + 1 :])
        x = scatter_slice(x, (0,) * x.ndim, (1,) * x.ndim, shape)
    return take(x, indices, axis)


def spread_over_slices(per_index: Expr, x: Shape, axis: int) -> Expr:
    """A value for each index as one for each element of the slices."""
    shape = (*(1,) * axis, *per_index.shape, *(1,) * (len(x) - axis - 1))
    return broadcast_to(reshape(per_index, shape), slots(x, per_index.shape, axis))


def _weights(out: Expr) -> tuple[Weight, Weight]:
    """What the elements of x and what the updates contribute to the result."""
    x, indices, updates = out.args
    mode, axis = out.attrs["mode"], out.attrs["axis"]
    if mode == "add":
        return (lambda v: v), (lambda v: v)
    if mode == "set":
        untouched = scatter(like(True, astype(x, bool_)), indices, like(False, astype(updates, bool_)), axis, "set")
        return _chosen(untouched), _chosen(spread_over_slices(_wins(indices, x.shape[axis]), x.shape, axis))
    if mode == "multiply":
        ones = like(1, x)
        return _scaled(scatter(ones, indices, updates, axis, "multiply")), _others(x, indices, updates, axis)
    kept, came = equal(x, out), equal(updates, _taken(out, indices, axis))
    ties = scatter(astype(kept, x.dtype), indices, astype(came, x.dtype), axis, "add")
    shared = _taken(ties, indices, axis)
    return _chosen(kept, lambda v: divide(v, ties)), _chosen(came, lambda v: divide(v, shared))


def _wins(indices: Expr, size: object) -> Expr:
    """Which indices are the last that name their position."""
    order = reshape(leaf.iota((product(indices.shape),), 0, int64), indices.shape)
    nobody = broadcast_to(leaf.scalar(-1, int64), (size,))  # type: ignore[arg-type]
    return equal(_taken(scatter(nobody, indices, order, 0, "set"), indices, 0), order)


def _others(x: Expr, indices: Expr, updates: Expr, axis: int) -> Weight:
    """The product of all else that meets at the place an update goes to, also where there are zeros among it."""
    zero = equal(updates, like(0, updates))
    factors = where(zero, like(1, updates), updates)
    products = _taken(scatter(x, indices, factors, axis, "multiply"), indices, axis)
    none = broadcast_to(leaf.scalar(0, int64), x.shape)
    zeros = _taken(scatter(none, indices, astype(zero, int64), axis, "add"), indices, axis)
    others_nonzero = equal(subtract(zeros, astype(zero, int64)), like(0, zeros))
    return _chosen(others_nonzero, lambda v: multiply(v, divide(products, factors)))


def _vjp(g: Expr, out: Expr, x: Expr, indices: Expr, updates: Expr) -> tuple[Expr | None, ...]:
    axis = out.attrs["axis"]
    if is_empty(x.shape[axis]):
        return g, None, like(0, updates)
    of_x, of_updates = _weights(out)
    valid = spread_over_slices(in_range(indices, x.shape[axis]), x.shape, axis)
    return of_x(g), None, where(valid, of_updates(_taken(g, indices, axis)), like(0, updates))


def _jvp(out: Expr, inputs: tuple[Expr, ...], tangents: tuple[Expr | None, ...]) -> Expr | None:
    x, indices = inputs[:2]
    if is_empty(x.shape[out.attrs["axis"]]):
        return tangents[0]
    of_x, of_updates = _weights(out)
    moved = None if tangents[0] is None else of_x(tangents[0])
    if tangents[2] is None:
        return moved
    came = of_updates(tangents[2])
    return scatter(like(0, x) if moved is None else moved, indices, came, out.attrs["axis"], "add")


def _samples() -> tuple[Sample, ...]:
    plain = (-3, 3)
    found = [
        Sample(((9, 4), (5,), (5, 4)), {"axis": 0, "mode": mode}, (plain, (-9, 9), plain), ("", "int64", ""))
        for mode in UFUNCS
        if mode != "set"
    ]
    found += [
        Sample(((3, 19), (2, 3), (2, 3, 19)), {"axis": 0, "mode": mode}, (plain, (-4, 4), plain), ("", "int32", ""))
        for mode in ("add", "max")
    ]
    found += [
        Sample(((2, 5, 3), (7,), (2, 7, 3)), {"axis": 1, "mode": mode}, (plain, (0, 6), plain), ("", "uint8", ""))
        for mode in ("add", "set", "multiply")
    ]
    found += [
        Sample(((6,), (9,), (9,)), {"axis": 0, "mode": mode}, (plain, (-6, 6), plain), ("", "int64", ""))
        for mode in ("set", "min")
    ]
    found += [
        Sample(((4, 6), (), (4,)), {"axis": 1, "mode": "set"}, (plain, (0, 6), plain), ("", "int64", "")),
        Sample(((1,), (5,), (5,)), {"axis": 0, "mode": "add"}, (plain, (-2, 3), plain), ("", "int64", "")),
        Sample(((4, 6), (0,), (0, 6)), {"axis": 0, "mode": "add"}, (plain, (0, 4), plain), ("", "int64", "")),
        Sample(((5,), (3,), (3,)), {"axis": 0, "mode": "set"}, ((0, 1), (0, 5), (0, 1)), ("bool", "int64", "bool")),
    ]
    return tuple(found)


SCATTER = register(
    OpDef(
        "scatter", "index", 3, _infer, _reference, params=("axis", "mode"), vjp=_vjp, jvp=_jvp,
        dtypes=("float", "int", "uint"), samples=_samples,
        doc="x with slices set, added, multiplied, or the smaller or larger kept, at the given positions of an axis",
    )
)  # fmt: skip


def scatter(x: Expr, indices: Expr, updates: Expr, axis: int, mode: str) -> Expr:
    """x with `updates` set at, added to, ... its slices at `indices` along an axis."""
    return make(SCATTER, (x, indices, updates), {"axis": axis, "mode": mode})
