"""Reductions: sum, max and argmax over axes. Reduced axes are dropped; keeping them is a reshape.

Float sums are pairwise or split in a fixed order, see `graphc.loop`; `max` and `argmax` meet nan as NumPy does.
"""

from __future__ import annotations

import numpy as np

from ..ir.dim import Shape
from ..ir.dtype import DType, int64
from ..ir.errors import DTypeError, ShapeError, describe
from ..ir.expr import Expr, make
from ..ir.op import Attrs, OpDef, Sample, register
from .scalar import astype, divide, equal, multiply
from .shape import broadcast_to, reshape

NUMBERS = ("float", "int", "uint")


def kept_shape(shape: Shape, axes: tuple[int, ...]) -> Shape:
    """The shape with size 1 in place of the reduced axes."""
    return tuple(1 if i in axes else d for i, d in enumerate(shape))


def dropped_shape(shape: Shape, axes: tuple[int, ...]) -> Shape:
    """The shape without the reduced axes."""
    return tuple(d for i, d in enumerate(shape) if i not in axes)


def spread(reduced: Expr, like: Shape, axes: tuple[int, ...]) -> Expr:
    """A reduced value laid out again over the axes it was reduced along."""
    return broadcast_to(reshape(reduced, kept_shape(like, axes)), like)


def _check(name: str, x: Expr, axes: tuple[int, ...]) -> None:
    if any(not 0 <= a < x.ndim for a in axes) or list(axes) != sorted(set(axes)):
        raise ShapeError(f"{name}: {axes} are not axes of a {x.ndim}-dimensional array{describe(x=x)}")
    if x.dtype.kind == "bool":
        raise DTypeError(f"{name}: convert bool with gc.astype first{describe(x=x)}")


def _sum_infer(attrs: Attrs, x: Expr) -> tuple[DType, Shape]:
    _check("sum", x, attrs["axes"])
    return x.dtype, dropped_shape(x.shape, attrs["axes"])


def _max_infer(attrs: Attrs, x: Expr) -> tuple[DType, Shape]:
    axes = attrs["axes"]
    _check("max", x, axes)
    if any(isinstance(x.shape[a], int) and x.shape[a] == 0 for a in axes):
        raise ShapeError(f"max: of no elements there is none{describe(x=x)}")
    return x.dtype, dropped_shape(x.shape, axes)


def _argmax_infer(attrs: Attrs, x: Expr) -> tuple[DType, Shape]:
    axis = attrs["axis"]
    _check("argmax", x, (axis,))
    if isinstance(x.shape[axis], int) and x.shape[axis] == 0:
        raise ShapeError(f"argmax: of no elements there is none{describe(x=x)}")
    return int64, dropped_shape(x.shape, (axis,))


def _max_mask(out: Expr, x: Expr, axes: tuple[int, ...]) -> tuple[Expr, Expr]:
    """Where x is the maximum, and how many places share it: ties share the derivative equally."""
    mask = astype(equal(x, spread(out, x.shape, axes)), x.dtype)
    return mask, sum(mask, axes)


def _max_vjp(g: Expr, out: Expr, x: Expr) -> tuple[Expr | None, ...]:
    axes = out.attrs["axes"]
    mask, ties = _max_mask(out, x, axes)
    return (multiply(spread(divide(g, ties), x.shape, axes), mask),)


def _max_jvp(out: Expr, inputs: tuple[Expr, ...], tangents: tuple[Expr | None, ...]) -> Expr | None:
    if tangents[0] is None:
        return None
    mask, ties = _max_mask(out, inputs[0], out.attrs["axes"])
    return divide(sum(multiply(tangents[0], mask), out.attrs["axes"]), ties)


_AXES = (
    Sample(((7,),), {"axes": (0,)}), Sample(((3, 5),), {"axes": (0,)}), Sample(((3, 5),), {"axes": (1,)}),
    Sample(((3, 5),), {"axes": (0, 1)}), Sample(((2, 3, 17),), {"axes": (0, 2)}), Sample(((2, 3, 17),), {"axes": (1,)}),
    Sample(((4, 1, 33),), {"axes": (2,)}),
)  # fmt: skip

SUM = register(
    OpDef(
        "sum", "reduce", 1, _sum_infer, lambda attrs, x: np.asarray(np.sum(x, axis=attrs["axes"], dtype=x.dtype)),
        params=("axes",), vjp=lambda g, out, x: (spread(g, x.shape, out.attrs["axes"]),),
        jvp=lambda out, inputs, tangents: None if tangents[0] is None else sum(tangents[0], out.attrs["axes"]),
        dtypes=NUMBERS, samples=lambda: (*_AXES, Sample(((0, 4),), {"axes": (0,)}), Sample(((0, 4),), {"axes": (1,)})),
        standard="sum", doc="the sum over axes",
    )
)  # fmt: skip
MAX = register(
    OpDef(
        "max", "reduce", 1, _max_infer, lambda attrs, x: np.asarray(np.max(x, axis=attrs["axes"])),
        params=("axes",), vjp=_max_vjp, jvp=_max_jvp, dtypes=NUMBERS, samples=lambda: _AXES, standard="max",
        doc="the largest element over axes; nan if there is one",
    )
)  # fmt: skip
ARGMAX = register(
    OpDef(
        "argmax", "reduce", 1, _argmax_infer, lambda attrs, x: np.asarray(np.argmax(x, axis=attrs["axis"]), np.int64),
        params=("axis",), dtypes=NUMBERS, standard="argmax",
        samples=lambda: (
            Sample(((7,),), {"axis": 0}), Sample(((3, 5),), {"axis": 0}), Sample(((3, 5),), {"axis": 1}),
            Sample(((2, 3, 17),), {"axis": 2}), Sample(((2, 3, 17),), {"axis": 1}),
        ),
        doc="the position of the first largest element along an axis; of the first nan if there is one",
    )
)  # fmt: skip


def sum(x: Expr, axes: tuple[int, ...]) -> Expr:
    """The sum over sorted axes; x itself when there are none."""
    return make(SUM, (x,), {"axes": axes}) if axes else x


def max(x: Expr, axes: tuple[int, ...]) -> Expr:
    """The maximum over sorted axes; x itself when there are none."""
    return make(MAX, (x,), {"axes": axes}) if axes else x


def argmax(x: Expr, axis: int) -> Expr:
    """The position of the first maximum along an axis, int64."""
    return make(ARGMAX, (x,), {"axis": axis})
