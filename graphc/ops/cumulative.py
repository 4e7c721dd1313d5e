"""Running sums and products along an axis, and the first-order recurrence their derivatives are.

    cumulative_sum:     y[i] = x[0] + … + x[i]
    cumulative_prod:    y[i] = x[0] · … · x[i]
    linear_recurrence:  y[i] = a[i] · y[i-1] + b[i],  y[-1] = 0

`reverse` runs from the last element to the first. `exclusive` leaves the element itself out: y[i] ends at x[i-1].

The derivatives contain no division, so they are right, to every order, where factors are 0. With h the recurrence
h[i] = g[i] + x[i+1]·h[i+1], the cotangent of x[i] under a running product is (x[0] · … · x[i-1]) · h[i].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..ir.dim import Shape, maximum
from ..ir.dtype import DType
from ..ir.errors import DTypeError, ShapeError, describe
from ..ir.expr import Expr, make
from ..ir.op import Array, Attrs, Infer, OpDef, Sample, register
from .scalar import add, multiply
from .shape import scatter_slice, slice

NUMBERS = ("float", "int", "uint")


def _infer(name: str) -> Infer:
    def infer(attrs: Attrs, *args: Expr) -> tuple[DType, Shape]:
        x, axis = args[0], attrs["axis"]
        operands = describe(**dict(zip(("first", "second"), args, strict=False)))
        if not 0 <= axis < x.ndim:
            raise ShapeError(f"{name}: a {x.ndim}-dimensional array has no axis {axis}{operands}")
        if x.dtype.kind == "bool":
            raise DTypeError(f"{name}: convert bool with gc.astype first{operands}")
        if any(a.shape != x.shape for a in args):
            raise ShapeError(f"{name}: operands differ in shape{operands}")
        if any(a.dtype is not x.dtype for a in args):
            raise DTypeError(f"{name}: operands differ in dtype{operands}")
        return x.dtype, x.shape

    return infer


def _directed(attrs: Attrs, x: Array) -> Array:
    """The array with the axis it runs along in front, in the order it is run through."""
    along = np.moveaxis(x, attrs["axis"], 0)
    return along[::-1] if attrs["reverse"] else along


def _reference(accumulate: Callable[..., Array], neutral: int) -> Callable[..., Array]:
    def reference(attrs: Attrs, x: Array) -> Array:
        out = np.full_like(x, neutral)
        along, into = _directed(attrs, x), _directed(attrs, out)
        first = 1 if attrs["exclusive"] else 0
        into[first:] = accumulate(along, axis=0, dtype=x.dtype)[: len(along) - first]
        return out

    return reference


def _recurrence_reference(attrs: Attrs, a: Array, b: Array) -> Array:
    out = np.zeros_like(b)
    factors, terms, into = (_directed(attrs, x) for x in (a, b, out))
    state = np.zeros_like(into[0]) if len(into) else into
    for i in range(len(into)):
        state = into[i] = factors[i] * state + terms[i]
    return out


def next_along(x: Expr, axis: int, *, reverse: bool) -> Expr:
    """Each element's successor along the axis (its predecessor in the order of a reversed run is `reverse`d too).

    What comes after the last one is 0.
    """
    if isinstance(x.shape[axis], int) and x.shape[axis] == 0:
        return x
    here, there = (1, 0) if not reverse else (0, 1)
    steps = (1,) * x.ndim
    starts = tuple(here if a == axis else 0 for a in range(x.ndim))
    sizes = tuple(maximum(d - 1, 0) if a == axis else d for a, d in enumerate(x.shape))
    window = slice(x, starts, sizes, steps)
    return scatter_slice(window, tuple(there if a == axis else 0 for a in range(x.ndim)), steps, x.shape)


def _sum_vjp(g: Expr, out: Expr, x: Expr) -> tuple[Expr | None, ...]:
    attrs = out.attrs
    return (cumulative_sum(g, attrs["axis"], exclusive=attrs["exclusive"], reverse=not attrs["reverse"]),)


def _sum_jvp(out: Expr, inputs: tuple[Expr, ...], tangents: tuple[Expr | None, ...]) -> Expr | None:
    return None if tangents[0] is None else make(out.op, (tangents[0],), out.attrs)


def _prod_vjp(g: Expr, out: Expr, x: Expr) -> tuple[Expr | None, ...]:
    axis, reverse = out.attrs["axis"], out.attrs["reverse"]
    if out.attrs["exclusive"]:
        g = next_along(g, axis, reverse=reverse)
    influence = linear_recurrence(next_along(x, axis, reverse=reverse), g, axis, reverse=not reverse)
    return (multiply(cumulative_prod(x, axis, exclusive=True, reverse=reverse), influence),)


def _prod_jvp(out: Expr, inputs: tuple[Expr, ...], tangents: tuple[Expr | None, ...]) -> Expr | None:
    if tangents[0] is None:
        return None
    axis, reverse = out.attrs["axis"], out.attrs["reverse"]
    x, t = inputs[0], tangents[0]
    if out.attrs["exclusive"]:
        x, t = (next_along(e, axis, reverse=not reverse) for e in (x, t))
        # What a run starts from is 1 and does not move; the recurrence below starts from 0 by itself.
        before = next_along(out, axis, reverse=not reverse)
    else:
        before = cumulative_prod(x, axis, exclusive=True, reverse=reverse)
    return linear_recurrence(x, multiply(t, before), axis, reverse=reverse)


def _recurrence_vjp(g: Expr, out: Expr, a: Expr, b: Expr) -> tuple[Expr | None, ...]:
    axis, reverse = out.attrs["axis"], out.attrs["reverse"]
    influence = linear_recurrence(next_along(a, axis, reverse=reverse), g, axis, reverse=not reverse)
    return multiply(influence, next_along(out, axis, reverse=not reverse)), influence


def _recurrence_jvp(out: Expr, inputs: tuple[Expr, ...], tangents: tuple[Expr | None, ...]) -> Expr | None:
    axis, reverse = out.attrs["axis"], out.attrs["reverse"]
    change = tangents[1]
    if tangents[0] is not None:
        moved = multiply(tangents[0], next_along(out, axis, reverse=not reverse))
        change = moved if change is None else add(moved, change)
    return None if change is None else linear_recurrence(inputs[0], change, axis, reverse=reverse)


_RUNS: tuple[tuple[tuple[int, ...], int], ...] = (
    ((7,), 0), ((3, 5), 0), ((3, 5), 1), ((2, 3, 17), 1), ((2, 70), 1), ((4, 1), 1), ((0, 3), 0), ((3, 0), 0),
)  # fmt: skip


def _samples() -> tuple[Sample, ...]:
    kinds = ((False, False), (True, False), (False, True), (True, True))
    return tuple(
        Sample((shape,), {"axis": axis, "exclusive": kinds[i % 4][0], "reverse": kinds[i % 4][1]}, ((-1.5, 1.5),))
        for start in (0, 1)
        for i, (shape, axis) in enumerate(_RUNS, start)
    )


def _row(name: str, reference: Callable[..., Array], vjp: Any, jvp: Any, doc: str) -> OpDef:
    return register(
        OpDef(
            name, "cumulative", 1, _infer(name), reference, params=("axis", "exclusive", "reverse"), vjp=vjp, jvp=jvp,
            dtypes=NUMBERS, samples=_samples, standard=name, doc=doc,
        )
    )  # fmt: skip


_SUM = _row("cumulative_sum", _reference(np.cumsum, 0), _sum_vjp, _sum_jvp, "the running sum along an axis")
_PROD = _row("cumulative_prod", _reference(np.cumprod, 1), _prod_vjp, _prod_jvp, "the running product along an axis")
_RECURRENCE = register(
    OpDef(
        "linear_recurrence", "cumulative", 2, _infer("linear_recurrence"), _recurrence_reference,
        params=("axis", "reverse"), vjp=_recurrence_vjp, jvp=_recurrence_jvp, dtypes=("float",),
        samples=lambda: tuple(
            Sample((shape, shape), {"axis": axis, "reverse": reverse}, ((-1, 1), (-3, 3)))
            for reverse in (False, True)
            for shape, axis in _RUNS
        ),
        doc="y[i] = a[i] · y[i-1] + b[i] along an axis, from 0",
    )
)  # fmt: skip


def cumulative_sum(x: Expr, axis: int, *, exclusive: bool = False, reverse: bool = False) -> Expr:
    """The running sum along an axis."""
    return make(_SUM, (x,), {"axis": axis, "exclusive": exclusive, "reverse": reverse})


def cumulative_prod(x: Expr, axis: int, *, exclusive: bool = False, reverse: bool = False) -> Expr:
    """The running product along an axis."""
    return make(_PROD, (x,), {"axis": axis, "exclusive": exclusive, "reverse": reverse})


def linear_recurrence(a: Expr, b: Expr, axis: int, *, reverse: bool = False) -> Expr:
    """y[i] = a[i] · y[i-1] + b[i] along an axis, from 0."""
    return make(_RECURRENCE, (a, b), {"axis": axis, "reverse": reverse})
