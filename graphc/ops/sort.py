"""Order along an axis: sort, argsort, argtopk, and searchsorted in what is in order already.

nan counts as larger than all numbers, so it comes last, and first in descending order. Equal elements keep their
order, in descending order too.
"""

from __future__ import annotations

import numpy as np

from ..ir.dim import Shape
from ..ir.dtype import DType, int64
from ..ir.errors import DTypeError, ShapeError, describe
from ..ir.expr import Expr, make
from ..ir.op import Array, Attrs, Infer, OpDef, Sample, register
from .index import NUMBERS, scatter_add_along_axis, take_along_axis


def _check(name: str, attrs: Attrs, x: Expr) -> None:
    if not 0 <= attrs["axis"] < x.ndim:
        raise ShapeError(f"{name}: there is no axis {attrs['axis']}{describe(x=x)}")
    if x.dtype.kind == "bool":
        raise DTypeError(f"{name}: convert bool with gc.astype first{describe(x=x)}")


def _infer(name: str, result: DType | None) -> Infer:
    def infer(attrs: Attrs, x: Expr) -> tuple[DType, Shape]:
        _check(name, attrs, x)
        return result or x.dtype, x.shape

    return infer


def _order(x: Array, axis: int, descending: bool) -> Array:
    if not descending:
        return np.argsort(x, axis, kind="stable").astype(np.int64)
    # Backwards there and back: what was equal keeps its order.
    order = np.argsort(np.flip(x, axis), axis, kind="stable").astype(np.int64)
    return np.ascontiguousarray(np.flip(x.shape[axis] - 1 - order, axis))


def _sort_reference(attrs: Attrs, x: Array) -> Array:
    return np.take_along_axis(x, _order(x, attrs["axis"], attrs["descending"]), attrs["axis"])


def _sort_vjp(g: Expr, out: Expr, x: Expr) -> tuple[Expr | None, ...]:
    axis = out.attrs["axis"]
    return (scatter_add_along_axis(argsort(x, axis, out.attrs["descending"]), g, axis, x.shape[axis]),)


def _sort_jvp(out: Expr, inputs: tuple[Expr, ...], tangents: tuple[Expr | None, ...]) -> Expr | None:
    if tangents[0] is None:
        return None
    axis = out.attrs["axis"]
    return take_along_axis(tangents[0], argsort(inputs[0], axis, out.attrs["descending"]), axis)


_ROWS = tuple(
    Sample((shape,), {"axis": axis, "descending": descending}, ((-9, 9),))
    for shape, axis, descending in (
        ((7,), 0, False), ((7,), 0, True), ((3, 17), 1, False), ((9, 4), 0, True), ((2, 5, 3), 1, False),
        ((300,), 0, False), ((2, 130), 1, True), ((1,), 0, False), ((0, 4), 0, False), ((0, 4), 1, False),
    )
)  # fmt: skip

SORT = register(
    OpDef(
        "sort", "sort", 1, _infer("sort", None), _sort_reference, params=("axis", "descending"), vjp=_sort_vjp,
        jvp=_sort_jvp, dtypes=NUMBERS, standard="sort", samples=lambda: _ROWS,
        doc="the elements along an axis in order",
    )
)  # fmt: skip
ARGSORT = register(
    OpDef(
        "argsort", "sort", 1, _infer("argsort", int64),
        lambda attrs, x: _order(x, attrs["axis"], attrs["descending"]), params=("axis", "descending"), dtypes=NUMBERS,
        standard="argsort", samples=lambda: _ROWS, doc="the positions that put the elements along an axis in order",
    )
)  # fmt: skip


def _topk_infer(attrs: Attrs, x: Expr) -> tuple[DType, Shape]:
    _check("argtopk", attrs, x)
    axis, size = attrs["axis"], attrs["size"]
    whole = x.shape[axis]
    if isinstance(whole, int) and not 0 <= size <= whole:
        raise ShapeError(f"topk: of {whole} elements along axis {axis} there are no {size} largest{describe(x=x)}")
    return int64, (*x.shape[:axis], size, *x.shape[axis + 1 :])


def _topk_reference(attrs: Attrs, x: Array) -> Array:
    axis, size = attrs["axis"], attrs["size"]
    return np.ascontiguousarray(np.take(_order(x, axis, True), np.arange(size), axis))


ARGTOPK = register(
    OpDef(
        "argtopk", "sort", 1, _topk_infer, _topk_reference, params=("axis", "size"), dtypes=NUMBERS,
        doc="the positions of the largest elements along an axis, the largest first",
        samples=lambda: tuple(
            Sample((shape,), {"axis": axis, "size": size}, ((-9, 9),))
            for shape, axis, size in (((7,), 0, 3), ((3, 19), 1, 19), ((9, 4), 0, 1), ((300,), 0, 5), ((2, 9), 1, 0))
        ),
    )
)  # fmt: skip


def _search_infer(attrs: Attrs, sequence: Expr, values: Expr) -> tuple[DType, Shape]:
    operands = describe(sequence=sequence, values=values)
    if sequence.ndim != 1:
        raise ShapeError(f"searchsorted: what is searched has one axis{operands}")
    if sequence.dtype is not values.dtype or sequence.dtype.kind == "bool":
        raise DTypeError(f"searchsorted: operands must share a numeric dtype{operands}")
    return int64, values.shape


def _search_reference(attrs: Attrs, sequence: Array, values: Array) -> Array:
    return np.asarray(np.searchsorted(sequence, values, attrs["side"]), np.int64)


SEARCHSORTED = register(
    OpDef(
        "searchsorted", "index", 2, _search_infer, _search_reference, params=("side",), dtypes=NUMBERS,
        standard="searchsorted", doc="where values would be inserted into a sequence that is in order",
        samples=lambda: tuple(
            Sample(((n,), shape), {"side": side}, ((2, 2), (-9, 9)))
            for n, shape, side in (
                (7, (33,), "left"), (7, (33,), "right"), (1, (5,), "left"), (64, (3, 5), "right"), (0, (4,), "left"),
            )
        ),
    )
)  # fmt: skip


def sort(x: Expr, axis: int, descending: bool) -> Expr:
    """x with the elements along an axis in order."""
    return make(SORT, (x,), {"axis": axis, "descending": descending})


def argsort(x: Expr, axis: int, descending: bool) -> Expr:
    """The positions along an axis in the order of their elements, int64."""
    return make(ARGSORT, (x,), {"axis": axis, "descending": descending})


def argtopk(x: Expr, axis: int, size: int) -> Expr:
    """The positions of the `size` largest elements along an axis, int64."""
    return make(ARGTOPK, (x,), {"axis": axis, "size": size})


def searchsorted(sequence: Expr, values: Expr, side: str) -> Expr:
    """How many elements of the sequence are smaller than each value ("left"), or not larger ("right")."""
    return make(SEARCHSORTED, (sequence, values), {"side": side})
