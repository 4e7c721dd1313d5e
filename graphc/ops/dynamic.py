"""Windows whose place is computed: dynamic_slice reads one, dynamic_update_slice writes one.

A start counts from the end when negative and is clamped so that the window lies inside.
"""

from __future__ import annotations

import numpy as np

from ..ir.dim import Shape, Size
from ..ir.dtype import DType
from ..ir.errors import DTypeError, ShapeError, describe
from ..ir.expr import Expr, make
from ..ir.op import Array, Attrs, OpDef, Sample, register
from .index import ANY, wrap
from .scalar import like


def _check_start(name: str, axis: int, x: Expr, start: Expr) -> None:
    if not start.dtype.is_integer or start.ndim:
        raise DTypeError(f"{name}: a start is one integer{describe(x=x, start=start)}")
    if not 0 <= axis < x.ndim:
        raise ShapeError(f"{name}: there is no axis {axis}{describe(x=x)}")


def _check_room(name: str, x: Expr, axis: int, size: Size) -> None:
    whole = x.shape[axis]
    if isinstance(whole, int) and isinstance(size, int) and not 0 <= size <= whole:
        raise ShapeError(f"{name}: {size} elements do not fit axis {axis} of size {whole}{describe(x=x)}")


def _resized(shape: Shape, axis: int, size: Size) -> Shape:
    return (*shape[:axis], size, *shape[axis + 1 :])


def _slice_infer(attrs: Attrs, x: Expr, start: Expr) -> tuple[DType, Shape]:
    axis, size = attrs["axis"], attrs["size"]
    _check_start("dynamic_slice", axis, x, start)
    _check_room("dynamic_slice", x, axis, size)
    return x.dtype, _resized(x.shape, axis, size)


def _update_infer(attrs: Attrs, x: Expr, update: Expr, start: Expr) -> tuple[DType, Shape]:
    axis = attrs["axis"]
    _check_start("dynamic_update_slice", axis, x, start)
    operands = describe(x=x, update=update)
    if x.dtype is not update.dtype:
        raise DTypeError(f"dynamic_update_slice: operands differ in dtype{operands}")
    if update.ndim != x.ndim or update.shape != _resized(x.shape, axis, update.shape[axis]):
        raise ShapeError(f"dynamic_update_slice: all sizes but that of axis {axis} must agree{operands}")
    _check_room("dynamic_update_slice", x, axis, update.shape[axis])
    return x.dtype, x.shape


def _window(whole: int, size: int, start: Array) -> slice:
    first = int(np.clip(wrap(start, whole), 0, whole - size))
    return slice(first, first + size)


def _slice_reference(attrs: Attrs, x: Array, start: Array) -> Array:
    axis = attrs["axis"]
    window = _window(x.shape[axis], attrs["size"], start)
    return np.ascontiguousarray(x[(slice(None),) * axis + (window,)])


def _update_reference(attrs: Attrs, x: Array, update: Array, start: Array) -> Array:
    axis, out = attrs["axis"], np.array(x)
    out[(slice(None),) * axis + (_window(x.shape[axis], update.shape[axis], start),)] = update
    return out


def _slice_vjp(g: Expr, out: Expr, x: Expr, start: Expr) -> tuple[Expr | None, ...]:
    return dynamic_update_slice(like(0, x), g, start, out.attrs["axis"]), None


def _slice_jvp(out: Expr, inputs: tuple[Expr, ...], tangents: tuple[Expr | None, ...]) -> Expr | None:
    if tangents[0] is None:
        return None
    return dynamic_slice(tangents[0], inputs[1], out.attrs["axis"], out.attrs["size"])


def _update_vjp(g: Expr, out: Expr, x: Expr, update: Expr, start: Expr) -> tuple[Expr | None, ...]:
    axis = out.attrs["axis"]
    kept = dynamic_update_slice(g, like(0, update), start, axis)
    return kept, dynamic_slice(g, start, axis, update.shape[axis]), None


def _update_jvp(out: Expr, inputs: tuple[Expr, ...], tangents: tuple[Expr | None, ...]) -> Expr | None:
    if tangents[0] is None and tangents[1] is None:
        return None
    moved = like(0, inputs[0]) if tangents[0] is None else tangents[0]
    came = like(0, inputs[1]) if tangents[1] is None else tangents[1]
    return dynamic_update_slice(moved, came, inputs[2], out.attrs["axis"])


DYNAMIC_SLICE = register(
    OpDef(
        "dynamic_slice", "index", 2, _slice_infer, _slice_reference, params=("axis", "size"), vjp=_slice_vjp,
        jvp=_slice_jvp, dtypes=ANY, doc="along an axis, `size` elements from a computed start on",
        samples=lambda: (
            Sample(((19,), ()), {"axis": 0, "size": 7}, ((-3, 3), (-22, 22)), ("", "int64")),
            Sample(((4, 9), ()), {"axis": 1, "size": 8}, ((-3, 3), (0, 3)), ("", "uint8")),
            Sample(((5, 3, 2), ()), {"axis": 0, "size": 1}, ((-3, 3), (0, 5)), ("", "int32")),
            Sample(((5, 3), ()), {"axis": 0, "size": 0}, ((-3, 3), (0, 5)), ("", "int64")),
        ),
    )
)  # fmt: skip
DYNAMIC_UPDATE_SLICE = register(
    OpDef(
        "dynamic_update_slice", "index", 3, _update_infer, _update_reference, params=("axis",), vjp=_update_vjp,
        jvp=_update_jvp, dtypes=ANY, doc="x with a window written along an axis from a computed start on",
        samples=lambda: (
            Sample(((19,), (7,), ()), {"axis": 0}, ((-3, 3), (-3, 3), (-22, 22)), ("", "", "int64")),
            Sample(((4, 9), (4, 8), ()), {"axis": 1}, ((-3, 3), (-3, 3), (0, 3)), ("", "", "uint8")),
            Sample(((5, 3, 2), (1, 3, 2), ()), {"axis": 0}, ((-3, 3), (-3, 3), (0, 5)), ("", "", "int32")),
            Sample(((5, 3), (0, 3), ()), {"axis": 0}, ((-3, 3), (-3, 3), (0, 5)), ("", "", "int64")),
        ),
    )
)  # fmt: skip


def dynamic_slice(x: Expr, start: Expr, axis: int, size: Size) -> Expr:
    """`size` elements of x along an axis; x itself when these are all."""
    return x if size == x.shape[axis] else make(DYNAMIC_SLICE, (x, start), {"axis": axis, "size": size})


def dynamic_update_slice(x: Expr, update: Expr, start: Expr, axis: int) -> Expr:
    """x with `update` in place of a window along an axis; the update itself when it covers x."""
    return update if update.shape == x.shape else make(DYNAMIC_UPDATE_SLICE, (x, update, start), {"axis": axis})
