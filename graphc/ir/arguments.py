"""What a user hands over when a dtype and a shape are declared: arrays converted, sizes solved.

The rules are those of a call. Native, contiguous arrays of the declared dtype pass as they are; lists, scalars,
strided or foreign-endian arrays and casts within a kind or to a wider kind are converted; what would lose its
meaning (float to integer, anything to bool) is refused.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .dim import Dim, Size, evaluate, names, solve
from .dtype import DType
from .errors import DTypeError, ShapeError, describe
from .expr import Expr
from .op import Array

_CPU = 1
"""The number DLPack gives to memory of the CPU."""


def to_array(value: object, role: str) -> Array:
    """A NumPy array of numbers from an array, a scalar or nested lists.

    Arrays of other libraries are taken by the DLPack protocol, which shares their memory.

    Raises:
        DTypeError: it is no array, an array of something that is no number, one with masked elements, or one outside
            the memory of the CPU.
    """
    if isinstance(value, np.ndarray):
        _check_mask(value, role)
        array = value
    elif hasattr(value, "__dlpack__") and not isinstance(value, np.generic):
        array = _from_dlpack(value, role)
    else:
        try:
            array = np.asarray(value)
        except (ValueError, TypeError) as error:
            raise DTypeError(f"{role} cannot be made an array of: {error}") from None
    if array.dtype.kind not in "biuf":
        is_array = isinstance(value, np.ndarray) or hasattr(value, "__dlpack__")
        what = f"an array of dtype {array.dtype}" if is_array else repr(type(value).__name__)
        raise DTypeError(f"{role} should be an array of numbers, not {what}")
    return array


def _check_mask(array: Array, role: str) -> None:
    """Refuse an array of which elements are masked: nobody would look at the mask."""
    masked = sys.modules.get("numpy.ma")
    if masked is not None and isinstance(array, masked.MaskedArray) and masked.is_masked(array):
        raise DTypeError(f"{role} is a masked array, whose mask would be lost; say what stands there: .filled(0)")


def _from_dlpack(value: Any, role: str) -> Array:
    """The memory of another library's array as a NumPy array."""
    device, _ = value.__dlpack_device__()
    if device != _CPU:
        raise DTypeError(f"{role} is an array on another device (DLPack type {int(device)}); copy it to the CPU first")
    try:
        return np.from_dlpack(value)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise DTypeError(f"{role}, a {type(value).__name__}, cannot be taken as an array: {error}") from None


def is_weak(value: object) -> bool:
    """Whether the value is Python's own (a bool, int, float, or lists of them) and so takes another's dtype."""
    return isinstance(value, (bool, int, float, list, tuple))


def convert(value: object, dtype: DType, role: str) -> Array:
    """The value as a native, C-contiguous, aligned array of `dtype`; itself when it is one.

    Raises:
        DTypeError: it is no array, or the cast would lose its meaning.
    """
    array = to_array(value, role)
    if array.dtype != dtype.numpy:
        _check_cast(array, dtype, role, weak=is_weak(value))
    with np.errstate(over="ignore"):
        return np.require(array, dtype.numpy, ("C", "ALIGNED"))


def _check_cast(array: Array, dtype: DType, role: str, *, weak: bool) -> None:
    if weak and array.dtype.kind in "iu" and dtype.is_integer:
        _check_range(array, dtype, role)
        return
    if array.size and not np.can_cast(array.dtype, dtype.numpy, "same_kind"):
        raise DTypeError(
            f"{role} has dtype {array.dtype}, which does not convert to {dtype} without losing its meaning; "
            f"if it is meant, convert it with .astype({dtype.name!r})"
        )


def _check_range(array: Array, dtype: DType, role: str) -> None:
    info = np.iinfo(dtype.numpy)
    if array.size and (int(array.min()) < info.min or int(array.max()) > info.max):
        raise DTypeError(f"{role} has values outside the range of {dtype}, {info.min} to {info.max}")


def solve_sizes(inputs: Sequence[Expr], shapes: Iterable[tuple[int, ...]]) -> dict[str, int]:
    """What the named dimensions of the inputs are, given the shapes of the arrays.

    Raises:
        ShapeError: an array has another number of axes or another size than its input, a name would have two values
            (both inputs are named), or a name is not determined.
    """
    sizes: dict[str, int] = {}
    determined_by: dict[str, tuple[Expr, int]] = {}
    actual = list(zip(inputs, (tuple(s) for s in shapes), strict=True))
    for expr, shape in actual:
        if len(shape) != expr.ndim:
            given = f"an array of shape {shape} has {len(shape)} axes, not {expr.ndim}"
            raise ShapeError(f"{expr.name!r}: {given}{describe(input=expr)}")
    pending = [(e, axis, d, n) for e, s in actual for axis, (d, n) in enumerate(zip(e.shape, s, strict=True))]
    while True:
        found = False
        for expr, axis, dim, n in pending:
            for name, value in solve(dim, n, sizes).items():
                sizes[name] = value
                determined_by[name] = (expr, axis)
                found = True
        if not found:
            break
    for expr, axis, dim, n in pending:
        _check_size(expr, axis, dim, n, sizes, determined_by)
    return sizes


def _check_size(
    expr: Expr, axis: int, dim: Size, n: int, sizes: dict[str, int], determined_by: dict[str, tuple[Expr, int]]
) -> None:
    expected = evaluate(dim, sizes)
    if isinstance(expected, Dim) and len(names(expected)) == 1:
        raise ShapeError(
            f"axis {axis} of {expr.name!r} has size {n}, and no size makes {dim} of that{describe(input=expr)}"
        )
    if isinstance(expected, Dim):
        raise ShapeError(
            f"the size {dim} of axis {axis} of {expr.name!r} is not determined by the inputs{describe(input=expr)}"
        )
    if expected == n:
        return
    if isinstance(dim, int):
        raise ShapeError(f"axis {axis} of {expr.name!r} has size {dim}, not {n}{describe(input=expr)}")
    sources = {name: determined_by[name] for name in sorted(names(dim))}
    reasons = ", ".join(f"{name} is {sizes[name]} by axis {at} of {by.name!r}" for name, (by, at) in sources.items())
    others = {str(by.name): by for by, _ in sources.values() if by is not expr}
    raise ShapeError(
        f"axis {axis} of {expr.name!r} has size {n}, but {dim} should be {expected} ({reasons})"
        f"{describe(input=expr, **others)}"
    )
