"""Views: reshape, permute_dims, broadcast_to, roll, slice. And scatter_slice, what the gradient of a slice is made of.

A view computes nothing: `view(out, index)` says which element of the argument each element of the result reads, so
that kernels read through views instead of copying.
"""

from __future__ import annotations

import numpy as np

from ..ir import affine
from ..ir.affine import Affine
from ..ir.dim import Shape, Size, product, show
from ..ir.dtype import DType
from ..ir.errors import ShapeError, describe
from ..ir.expr import Expr, make
from ..ir.op import Array, Attrs, OpDef, Sample, register
from ..ir.open_size import known

ANY = ("float", "int", "uint", "bool")
Index = tuple[Affine, ...]


def _concrete(shape: Shape) -> tuple[int, ...]:
    return tuple(known(d) for d in shape)


def _linear(out: Expr, inputs: tuple[Expr, ...], tangents: tuple[Expr | None, ...]) -> Expr | None:
    """The jvp of an op that is linear in its only argument: the same op on the tangent."""
    return None if tangents[0] is None else make(out.op, (tangents[0],), out.attrs)


# reshape -------------------------------------------------------------------------------------------------------


def _reshape_infer(attrs: Attrs, x: Expr) -> tuple[DType, Shape]:
    shape: Shape = attrs["shape"]
    if product(shape) != product(x.shape):
        raise ShapeError(f"reshape: {show(x.shape)} does not have as many elements as {show(shape)}{describe(x=x)}")
    return x.dtype, shape


def _reshape_view(out: Expr, index: Index) -> Index:
    """Axes of equal size at the front and at the back keep their index; only the middle is flattened and split."""
    new, old = _concrete(out.shape), _concrete(out.args[0].shape)
    front = 0
    while front < min(len(new), len(old)) and new[front] == old[front]:
        front += 1
    back = 0
    while back < min(len(new), len(old)) - front and new[-1 - back] == old[-1 - back]:
        back += 1
    flat = affine.ravel(index[front : len(new) - back], new[front : len(new) - back])
    middle = affine.unravel(flat, old[front : len(old) - back])
    return (*index[:front], *middle, *index[len(new) - back :])


RESHAPE = register(
    OpDef(
        "reshape", "view", 1, _reshape_infer, lambda attrs, x: np.reshape(x, attrs["shape"]),
        params=("shape",), vjp=lambda g, out, x: (reshape(g, x.shape),), jvp=_linear, view=_reshape_view,
        dtypes=ANY, standard="reshape", doc="the same elements in row-major order under another shape",
        samples=lambda: (
            Sample(((6,),), {"shape": (2, 3)}), Sample(((2, 3, 4),), {"shape": (4, 6)}), Sample(((1,),), {"shape": ()}),
            Sample(((3, 1, 5),), {"shape": (3, 5)}), Sample(((0, 3),), {"shape": (3, 0)}),
        ),
    )
)  # fmt: skip


def reshape(x: Expr, shape: Shape) -> Expr:
    """x under another shape; x itself when it has it."""
    return x if x.shape == shape else make(RESHAPE, (x,), {"shape": shape})


# permute_dims --------------------------------------------------------------------------------------------------


def _permute_infer(attrs: Attrs, x: Expr) -> tuple[DType, Shape]:
    axes: tuple[int, ...] = attrs["axes"]
    if sorted(axes) != list(range(x.ndim)):
        raise ShapeError(f"permute_dims: {axes} is not an order of the {x.ndim} axes{describe(x=x)}")
    return x.dtype, tuple(x.shape[a] for a in axes)


def _permute_view(out: Expr, index: Index) -> Index:
    found: list[Affine] = [Affine()] * len(index)
    for position, axis in enumerate(out.attrs["axes"]):
        found[axis] = index[position]
    return tuple(found)


PERMUTE = register(
    OpDef(
        "permute_dims", "view", 1, _permute_infer, lambda attrs, x: np.transpose(x, attrs["axes"]),
        params=("axes",), vjp=lambda g, out, x: (permute_dims(g, inverse(out.attrs["axes"])),), jvp=_linear,
        view=_permute_view, dtypes=ANY, standard="permute_dims", doc="axes in another order",
        samples=lambda: (
            Sample(((3, 5),), {"axes": (1, 0)}), Sample(((2, 3, 17),), {"axes": (2, 0, 1)}),
            Sample(((),), {"axes": ()}), Sample(((2, 3, 4, 5),), {"axes": (0, 2, 1, 3)}),
        ),
    )
)  # fmt: skip


def inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    """The order that undoes `axes`."""
    return tuple(int(i) for i in np.argsort(axes))


def permute_dims(x: Expr, axes: tuple[int, ...]) -> Expr:
    """x with its axes in another order; x itself when the order is theirs."""
    return x if axes == tuple(range(x.ndim)) else make(PERMUTE, (x,), {"axes": axes})


# broadcast_to --------------------------------------------------------------------------------------------------


def _broadcast_infer(attrs: Attrs, x: Expr) -> tuple[DType, Shape]:
    shape: Shape = attrs["shape"]
    lead = len(shape) - x.ndim
    stretched = zip(x.shape, shape[max(lead, 0) :], strict=False)
    fits = lead >= 0 and all(old == new or (isinstance(old, int) and old == 1) for old, new in stretched)
    if not fits:
        raise ShapeError(f"broadcast_to: {show(x.shape)} does not stretch to {show(shape)}{describe(x=x)}")
    return x.dtype, shape


def stretched_axes(x: Shape, shape: Shape) -> tuple[int, ...]:
    """The axes of `shape` along which an array of shape `x` is repeated."""
    lead = len(shape) - len(x)
    return tuple(i for i, d in enumerate(shape) if i < lead or (x[i - lead] != d))


def _broadcast_vjp(g: Expr, out: Expr, x: Expr) -> tuple[Expr | None, ...]:
    from .reduce import sum

    return (reshape(sum(g, stretched_axes(x.shape, out.shape)), x.shape),)


def _broadcast_view(out: Expr, index: Index) -> Index:
    old = out.args[0].shape
    lead = len(index) - len(old)
    return tuple(Affine() if d == 1 else i for d, i in zip(old, index[lead:], strict=True))


BROADCAST = register(
    OpDef(
        "broadcast_to", "view", 1, _broadcast_infer,
        lambda attrs, x: np.ascontiguousarray(np.broadcast_to(x, attrs["shape"])),
        params=("shape",), vjp=_broadcast_vjp, jvp=_linear, view=_broadcast_view, dtypes=ANY,
        standard="broadcast_to", doc="repeated along new axes in front and along axes of size 1",
        samples=lambda: (
            Sample(((5,),), {"shape": (3, 5)}), Sample(((3, 1),), {"shape": (3, 5)}), Sample(((),), {"shape": (2, 3)}),
            Sample(((1, 4, 1),), {"shape": (2, 3, 4, 5)}), Sample(((1,),), {"shape": (0,)}),
        ),
    )
)  # fmt: skip


def broadcast_to(x: Expr, shape: Shape) -> Expr:
    """x repeated to `shape`; x itself when it has it."""
    return x if x.shape == shape else make(BROADCAST, (x,), {"shape": shape})


# roll ----------------------------------------------------------------------------------------------------------


def _roll_infer(attrs: Attrs, x: Expr) -> tuple[DType, Shape]:
    if not 0 <= attrs["axis"] < x.ndim:
        raise ShapeError(f"roll: a {x.ndim}-dimensional array has no axis {attrs['axis']}{describe(x=x)}")
    return x.dtype, x.shape


def _roll_view(out: Expr, index: Index) -> Index:
    axis, size = out.attrs["axis"], int(out.shape[out.attrs["axis"]])
    ahead = index[axis] + (-out.attrs["shift"] % size if size else 0)
    return (*index[:axis], affine.modulo(ahead, size), *index[axis + 1 :])


ROLL = register(
    OpDef(
        "roll", "view", 1, _roll_infer, lambda attrs, x: np.roll(x, attrs["shift"], attrs["axis"]),
        params=("shift", "axis"), vjp=lambda g, out, x: (roll(g, -out.attrs["shift"], out.attrs["axis"]),),
        jvp=_linear, view=_roll_view, dtypes=ANY, standard="roll",
        doc="elements moved along an axis; what leaves at one end comes back at the other",
        samples=lambda: (
            Sample(((7,),), {"shift": 2, "axis": 0}), Sample(((3, 5),), {"shift": -1, "axis": 0}),
            Sample(((2, 3, 17),), {"shift": 20, "axis": 2}), Sample(((0, 4),), {"shift": 1, "axis": 0}),
            Sample(((4, 1),), {"shift": 3, "axis": 1}),
        ),
    )
)  # fmt: skip


def roll(x: Expr, shift: int, axis: int) -> Expr:
    """x moved by `shift` places along an axis, around the end; x itself when nothing moves."""
    return make(ROLL, (x,), {"shift": shift, "axis": axis}) if shift else x


# slice and scatter_slice ---------------------------------------------------------------------------------------


def _slice_infer(attrs: Attrs, x: Expr) -> tuple[DType, Shape]:
    starts, sizes, steps = attrs["starts"], attrs["sizes"], attrs["steps"]
    if not len(starts) == len(sizes) == len(steps) == x.ndim:
        raise ShapeError(f"slice: one start, size and step for each of the {x.ndim} axes{describe(x=x)}")
    for axis, (start, size, step) in enumerate(zip(starts, sizes, steps, strict=True)):
        whole = x.shape[axis]
        if start == 0 and step == 1 and size == whole:
            continue
        if isinstance(start, int) and isinstance(size, int) and isinstance(whole, int) and size > 0:
            last = start + (size - 1) * step
            if not (0 <= start < whole and 0 <= last < whole):
                raise ShapeError(f"slice: {start}…{last} leaves axis {axis} of size {whole}{describe(x=x)}")
    return x.dtype, tuple(sizes)


def _window(starts: tuple[int, ...], sizes: tuple[int, ...], steps: tuple[int, ...]) -> tuple[Array, ...]:
    return np.ix_(*(s + np.arange(n) * k for s, n, k in zip(starts, sizes, steps, strict=True)))


def _slice_reference(attrs: Attrs, x: Array) -> Array:
    if x.ndim == 0:
        return x
    return np.ascontiguousarray(x[_window(attrs["starts"], attrs["sizes"], attrs["steps"])])


def _slice_vjp(g: Expr, out: Expr, x: Expr) -> tuple[Expr | None, ...]:
    return (scatter_slice(g, out.attrs["starts"], out.attrs["steps"], x.shape),)


def _slice_view(out: Expr, index: Index) -> Index:
    return tuple(i * k + int(s) for i, s, k in zip(index, out.attrs["starts"], out.attrs["steps"], strict=True))


_SLICES = (
    Sample(((7,),), {"starts": (1,), "sizes": (3,), "steps": (2,)}),
    Sample(((4, 9),), {"starts": (3, 2), "sizes": (4, 5), "steps": (-1, 1)}),
    Sample(((2, 3, 17),), {"starts": (0, 1, 16), "sizes": (2, 1, 6), "steps": (1, 1, -3)}),
    Sample(((5,),), {"starts": (2,), "sizes": (0,), "steps": (1,)}),
)
SLICE = register(
    OpDef(
        "slice", "view", 1, _slice_infer, _slice_reference, params=("starts", "sizes", "steps"), vjp=_slice_vjp,
        jvp=_linear, view=_slice_view, dtypes=ANY, samples=lambda: _SLICES,
        doc="along each axis `size` elements from `start` on, `step` apart",
    )
)  # fmt: skip


def slice(x: Expr, starts: tuple[Size, ...], sizes: Shape, steps: tuple[int, ...]) -> Expr:
    """A window of x; x itself when the window is all of it."""
    if sizes == x.shape and all(s == 0 for s in starts) and all(k == 1 for k in steps):
        return x
    return make(SLICE, (x,), {"starts": starts, "sizes": sizes, "steps": steps})


def _scatter_infer(attrs: Attrs, x: Expr) -> tuple[DType, Shape]:
    return x.dtype, attrs["shape"]


def _scatter_reference(attrs: Attrs, x: Array) -> Array:
    out = np.zeros(attrs["shape"], x.dtype)
    if x.ndim:
        out[_window(attrs["starts"], x.shape, attrs["steps"])] = x
        return out
    return x


def _scatter_vjp(g: Expr, out: Expr, x: Expr) -> tuple[Expr | None, ...]:
    return (slice(g, out.attrs["starts"], x.shape, out.attrs["steps"]),)


SCATTER_SLICE = register(
    OpDef(
        "scatter_slice", "index", 1, _scatter_infer, _scatter_reference, params=("starts", "steps", "shape"),
        vjp=_scatter_vjp, jvp=_linear, dtypes=ANY,
        samples=lambda: tuple(
            Sample((s.attrs["sizes"],), {"starts": s.attrs["starts"], "steps": s.attrs["steps"], "shape": s.shapes[0]})
            for s in _SLICES
        ),
        doc="zeros of a given shape with x written into a window; the transpose of slice",
    )
)  # fmt: skip


def scatter_slice(x: Expr, starts: tuple[Size, ...], steps: tuple[int, ...], shape: Shape) -> Expr:
    """Zeros of `shape` with x written from `starts` on, `steps` apart."""
    return make(SCATTER_SLICE, (x,), {"starts": starts, "steps": steps, "shape": shape})
