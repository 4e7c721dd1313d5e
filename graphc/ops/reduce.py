"""Reductions: sum, prod, max, min, any, all, argmax and argmin. Reduced axes are dropped; keeping them is a reshape.

Float sums and products are split in a fixed order, see `graphc.loop`; extrema and their positions meet nan as NumPy
does: it is the largest and the smallest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..ir.dim import Shape, product
from ..ir.dtype import DType, int64
from ..ir.errors import DTypeError, ShapeError, describe
from ..ir.expr import Expr, make
from ..ir.op import Array, Attrs, Infer, OpDef, Sample, register
from .cumulative import cumulative_prod
from .scalar import astype, divide, equal, multiply
from .shape import broadcast_to, inverse, permute_dims, reshape

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


# Shapes and dtypes ---------------------------------------------------------------------------------------------


def _check_axes(name: str, x: Expr, axes: tuple[int, ...]) -> None:
    outside = [a for a in axes if not 0 <= a < x.ndim]
    if outside or list(axes) != sorted(set(axes)):
        raise ShapeError(f"{name}: {axes} are not axes of a {x.ndim}-dimensional array{describe(x=x)}")


def _check_some(name: str, x: Expr, axes: tuple[int, ...]) -> None:
    empty = next((a for a in axes if x.shape[a] == 0), None)
    if empty is not None:
        raise ShapeError(f"{name}: of no elements there is none, and axis {empty} has none{describe(x=x)}")


def _check_number(name: str, x: Expr) -> None:
    if x.dtype.kind == "bool":
        raise DTypeError(f"{name}: convert bool with gc.astype first{describe(x=x)}")


def _number(name: str, *, some: bool = False) -> Infer:
    """The rule of a reduction of numbers over `axes`; `some` where nothing has no result."""

    def infer(attrs: Attrs, x: Expr) -> tuple[DType, Shape]:
        axes = attrs["axes"]
        _check_axes(name, x, axes)
        _check_number(name, x)
        if some:
            _check_some(name, x, axes)
        return x.dtype, dropped_shape(x.shape, axes)

    return infer


def _truth(name: str) -> Infer:
    def infer(attrs: Attrs, x: Expr) -> tuple[DType, Shape]:
        _check_axes(name, x, attrs["axes"])
        if x.dtype.kind != "bool":
            raise DTypeError(f"{name}: is of bool; compare with 0 first{describe(x=x)}")
        return x.dtype, dropped_shape(x.shape, attrs["axes"])

    return infer


def _position(name: str) -> Infer:
    def infer(attrs: Attrs, x: Expr) -> tuple[DType, Shape]:
        axes = (attrs["axis"],)
        _check_axes(name, x, axes)
        _check_number(name, x)
        _check_some(name, x, axes)
        return int64, dropped_shape(x.shape, axes)

    return infer


# Derivatives ---------------------------------------------------------------------------------------------------


def _attained(out: Expr, x: Expr, axes: tuple[int, ...]) -> tuple[Expr, Expr]:
    """Where x is the extremum, and how many places share it: ties share the derivative equally."""
    mask = astype(equal(x, spread(out, x.shape, axes)), x.dtype)
    return mask, sum(mask, axes)


def _extremum_vjp(g: Expr, out: Expr, x: Expr) -> tuple[Expr | None, ...]:
    axes = out.attrs["axes"]
    mask, ties = _attained(out, x, axes)
    return (multiply(spread(divide(g, ties), x.shape, axes), mask),)


def _extremum_jvp(out: Expr, inputs: tuple[Expr, ...], tangents: tuple[Expr | None, ...]) -> Expr | None:
    if tangents[0] is None:
        return None
    mask, ties = _attained(out, inputs[0], out.attrs["axes"])
    return divide(sum(multiply(tangents[0], mask), out.attrs["axes"]), ties)


def product_of_others(x: Expr, axes: tuple[int, ...]) -> Expr:
    """For each element the product of all others along the axes: what comes before it times what comes after.

    No division, so that it is right, and so are its derivatives, with any number of zeros.
    """
    kept = tuple(a for a in range(x.ndim) if a not in axes)
    order = (*kept, *axes)
    ordered = permute_dims(x, order)
    rows = tuple(x.shape[a] for a in kept)
    flat = reshape(ordered, (*rows, product(tuple(x.shape[a] for a in axes))))
    before, after = (cumulative_prod(flat, len(kept), exclusive=True, reverse=r) for r in (False, True))
    return permute_dims(reshape(multiply(before, after), ordered.shape), inverse(order))


def _prod_vjp(g: Expr, out: Expr, x: Expr) -> tuple[Expr | None, ...]:
    axes = out.attrs["axes"]
    return (multiply(spread(g, x.shape, axes), product_of_others(x, axes)),)


def _prod_jvp(out: Expr, inputs: tuple[Expr, ...], tangents: tuple[Expr | None, ...]) -> Expr | None:
    if tangents[0] is None:
        return None
    axes = out.attrs["axes"]
    return sum(multiply(tangents[0], product_of_others(inputs[0], axes)), axes)


# The ops -------------------------------------------------------------------------------------------------------


_AXES = (
    Sample(((7,),), {"axes": (0,)}), Sample(((3, 5),), {"axes": (0,)}), Sample(((3, 5),), {"axes": (1,)}),
    Sample(((3, 5),), {"axes": (0, 1)}), Sample(((2, 3, 17),), {"axes": (0, 2)}), Sample(((2, 3, 17),), {"axes": (1,)}),
    Sample(((4, 1, 33),), {"axes": (2,)}),
)  # fmt: skip
_EMPTY = (Sample(((0, 4),), {"axes": (0,)}), Sample(((0, 4),), {"axes": (1,)}))


def _row(name: str, infer: Infer, reference: Callable[..., Any], doc: str, **facts: Any) -> OpDef:
    def evaluate(attrs: Attrs, x: Array) -> Array:
        return np.asarray(reference(x, axis=attrs["axes"]), x.dtype)

    facts = {"samples": lambda: (*_AXES, *_EMPTY), "dtypes": NUMBERS, **facts}
    return register(
        OpDef(name, "reduce", 1, infer, evaluate, params=("axes",), standard=name, doc=doc, **facts)
    )  # fmt: skip


def _position_row(name: str, reference: Callable[..., Any], doc: str) -> OpDef:
    def evaluate(attrs: Attrs, x: Array) -> Array:
        return np.asarray(reference(x, axis=attrs["axis"]), np.int64)

    def samples() -> tuple[Sample, ...]:
        places: tuple[tuple[tuple[int, ...], int], ...] = (
            ((7,), 0), ((3, 5), 0), ((3, 5), 1), ((2, 3, 17), 2), ((2, 3, 17), 1)
        )  # fmt: skip
        return tuple(Sample((shape,), {"axis": axis}) for shape, axis in places)

    return register(
        OpDef(
            name, "reduce", 1, _position(name), evaluate, params=("axis",), dtypes=NUMBERS, standard=name,
            samples=samples, doc=doc,
        )
    )  # fmt: skip


SUM = _row(
    "sum", _number("sum"), lambda x, axis: np.sum(x, axis=axis, dtype=x.dtype), "the sum over axes",
    vjp=lambda g, out, x: (spread(g, x.shape, out.attrs["axes"]),),
    jvp=lambda out, inputs, tangents: None if tangents[0] is None else sum(tangents[0], out.attrs["axes"]),
)  # fmt: skip
PROD = _row(
    "prod", _number("prod"), lambda x, axis: np.prod(x, axis=axis, dtype=x.dtype), "the product over axes",
    vjp=_prod_vjp, jvp=_prod_jvp,
)  # fmt: skip
MAX = _row(
    "max", _number("max", some=True), np.max, "the largest element over axes; nan if there is one",
    vjp=_extremum_vjp, jvp=_extremum_jvp, samples=lambda: _AXES,
)  # fmt: skip
MIN = _row(
    "min", _number("min", some=True), np.min, "the smallest element over axes; nan if there is one",
    vjp=_extremum_vjp, jvp=_extremum_jvp, samples=lambda: _AXES,
)  # fmt: skip
ANY = _row("any", _truth("any"), np.any, "whether some element over axes is true", dtypes=("bool",))
ALL = _row("all", _truth("all"), np.all, "whether every element over axes is true", dtypes=("bool",))
ARGMAX = _position_row(
    "argmax", np.argmax, "the position of the first largest element along an axis; of the first nan if there is one"
)
ARGMIN = _position_row(
    "argmin", np.argmin, "the position of the first smallest element along an axis; of the first nan if there is one"
)


def reduced(op: OpDef, x: Expr, axes: tuple[int, ...]) -> Expr:
    """A reduction over sorted axes; x itself when there are none."""
    return make(op, (x,), {"axes": axes}) if axes else x


def sum(x: Expr, axes: tuple[int, ...]) -> Expr:
    """The sum over sorted axes; x itself when there are none."""
    return reduced(SUM, x, axes)


def prod(x: Expr, axes: tuple[int, ...]) -> Expr:
    """The product over sorted axes; x itself when there are none."""
    return reduced(PROD, x, axes)


def max(x: Expr, axes: tuple[int, ...]) -> Expr:
    """The maximum over sorted axes; x itself when there are none."""
    return reduced(MAX, x, axes)


def min(x: Expr, axes: tuple[int, ...]) -> Expr:
    """The minimum over sorted axes; x itself when there are none."""
    return reduced(MIN, x, axes)


def any(x: Expr, axes: tuple[int, ...]) -> Expr:
    """Whether some element over sorted axes is true; x itself when there are none."""
    return reduced(ANY, x, axes)


def all(x: Expr, axes: tuple[int, ...]) -> Expr:
    """Whether every element over sorted axes is true; x itself when there are none."""
    return reduced(ALL, x, axes)


def argmax(x: Expr, axis: int) -> Expr:
    """The position of the first maximum along an axis, int64."""
    return make(ARGMAX, (x,), {"axis": axis})


def argmin(x: Expr, axis: int) -> Expr:
    """The position of the first minimum along an axis, int64."""
    return make(ARGMIN, (x,), {"axis": axis})
