"""Marks: nodes that change no value, and tell derivatives or the compiler something.

`probe` hands its value out of a compiled function. A call of a function with a derivative of its own is one
`custom_call`, which holds the derivative, and a `custom_result` around each of its results:

    y = f(x)     %2 = exp %1, ...            the value, computed as f says
                 %3 = custom_call %x, ...    what the derivatives of all results come together in
                 %4 = custom_result %2, %3   y

The compiler takes marks out before it does anything else, see `graphc.passes.marks`.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol

import numpy as np

from ..ir.dim import Shape, Size, product
from ..ir.dtype import DType
from ..ir.expr import Expr, make
from ..ir.op import Array, Attrs, OpDef, Sample, register
from .scalar import ANY, astype, like
from .shape import reshape, scatter_slice, slice


class Derivative(Protocol, Hashable):
    """How a call is differentiated. Cotangents and tangents of its results are laid out flat, one after the other."""

    def pull(self, g: Expr, args: tuple[Expr, ...]) -> tuple[Expr | None, ...]:
        """The cotangent of each argument from those of the results."""

    def push(self, g: Expr, args: tuple[Expr, ...], tangents: tuple[Expr | None, ...]) -> Expr | None:
        """The tangents of the results, shaped as `g` is, from those of the arguments."""


def _same(attrs: Attrs, x: Expr, *rest: Expr) -> tuple[DType, Shape]:
    return x.dtype, x.shape


PROBE = register(
    OpDef(
        "probe", "elementwise", 1, _same, lambda attrs, x: x, params=("name",), vjp=lambda g, out, x: (g,),
        jvp=lambda out, inputs, tangents: tangents[0], partials=lambda out, x: (like(1, x),), dtypes=ANY,
        samples=lambda: tuple(Sample((s,), {"name": f"p{len(s)}{sum(s)}"}) for s in ((7,), (3, 5), (), (0, 4))),
        doc="x, which a compiled function also hands out under a name",
    )
)  # fmt: skip


def _call_infer(attrs: Attrs, *args: Expr) -> tuple[DType, Shape]:
    return attrs["dtype"], (*attrs["batch"], attrs["size"])


def _call_reference(attrs: Attrs, *arrays: Array) -> Array:
    """What a call would be without its derivative: nothing reads this value."""
    return np.zeros((*attrs["batch"], attrs["size"]), attrs["dtype"].numpy)


def _call_vjp(g: Expr, out: Expr, *args: Expr) -> tuple[Expr | None, ...]:
    derivative: Derivative = out.attrs["derivative"]
    return derivative.pull(g, args)


def _call_jvp(out: Expr, inputs: tuple[Expr, ...], tangents: tuple[Expr | None, ...]) -> Expr | None:
    derivative: Derivative = out.attrs["derivative"]
    return derivative.push(out, inputs, tangents)


CALL = register(
    OpDef(
        "custom_call", "identity", -1, _call_infer, _call_reference, params=("derivative", "dtype", "batch", "size"),
        vjp=_call_vjp, jvp=_call_jvp, samples=lambda: (), dtypes=("float",),
        doc="the call of a function with a derivative of its own",
    )
)  # fmt: skip


def _result_vjp(g: Expr, out: Expr, value: Expr, call: Expr) -> tuple[Expr | None, ...]:
    batch, start = call.shape[:-1], out.attrs["start"]
    flat = astype(reshape(g, (*batch, product(g.shape[len(batch) :]))), call.dtype)
    if flat.shape == call.shape:
        return None, flat
    return None, scatter_slice(flat, (*(0 for _ in batch), start), (1,) * call.ndim, call.shape)


def _result_jvp(out: Expr, inputs: tuple[Expr, ...], tangents: tuple[Expr | None, ...]) -> Expr | None:
    moved = tangents[1]
    if moved is None:
        return None
    batch = moved.shape[:-1]
    starts = (*(0 for _ in batch), out.attrs["start"])
    piece = slice(moved, starts, (*batch, product(out.shape[len(batch) :])), (1,) * moved.ndim)
    return astype(reshape(piece, out.shape), out.dtype)


RESULT = register(
    OpDef(
        "custom_result", "identity", 2, _same, lambda attrs, value, call: value, params=("start",),
        vjp=_result_vjp, jvp=_result_jvp, samples=lambda: (), dtypes=("float",),
        doc="a value, whose derivative is that of a call",
    )
)  # fmt: skip


def probe(x: Expr, name: str) -> Expr:
    """x, handed out under a name."""
    return make(PROBE, (x,), {"name": name})


def custom_call(derivative: Derivative, args: tuple[Expr, ...], dtype: DType, batch: Shape, size: Size) -> Expr:
    """A call with that derivative: a row of `size` numbers, for each element of the batch, that stands for results."""
    return make(CALL, args, {"derivative": derivative, "dtype": dtype, "batch": batch, "size": size})


def custom_result(value: Expr, call: Expr, start: Size) -> Expr:
    """The value, with the derivative of those numbers of a call that begin at `start`."""
    return make(RESULT, (value, call), {"start": start})
