"""From what a user writes to operands that agree: lifted to expressions, promoted to one dtype, broadcast.

    x: f32[batch, 3]   x + 1        ->  add x, broadcast_to(constant 1: f32[])
    i: i64[3]          i / 2        ->  divide (astype i f32), (astype 2 f32)
    b: f32[3]          x + b        ->  add x, broadcast_to(b)

Python's own bool, int and float, and lists of them, are weak: they take the dtype of what they meet within its kind.
"""

from __future__ import annotations

import operator
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..ir import dtype as dtypes
from ..ir.arguments import convert, is_weak, to_array
from ..ir.dim import Dim, Shape, Size, show
from ..ir.dtype import DType, as_dtype, promote
from ..ir.errors import DTypeError, ShapeError, describe
from ..ir.expr import Expr
from ..ir.op import Array
from ..ops import leaf, scalar
from ..ops.shape import broadcast_to

ArrayLike: TypeAlias = Expr | Dim | npt.ArrayLike
"""What an operand may be: an expression, a size, an array, a number, or nested lists of numbers."""

DTypeLike: TypeAlias = DType | str | type | np.dtype[Any]

_ROLES = ("first", "second", "third")
_WEAK_KINDS = {"b": 0, "i": 1, "u": 1, "f": 2}
_WEAK_DEFAULTS = (dtypes.bool_, dtypes.int64, dtypes.float32)


def roles(*operands: Expr) -> str:
    """The lines of an error message that describe operands: first, second, third; or x where it is alone."""
    names = _ROLES if len(operands) > 1 else ("x",)
    return describe(**dict(zip(names, operands, strict=False)))


def lift(op: str, value: ArrayLike, dtype: DType | None = None) -> Expr:
    """One operand as an expression; `dtype` is what a weak one becomes (by default bool, int64 or float32).

    Raises:
        DTypeError: it is no array, or a weak number does not fit the dtype.
    """
    if isinstance(value, Expr):
        if not leaf.is_weak(value):
            return value
        wanted = dtype or _WEAK_DEFAULTS[_kind_rank(value.dtype)]
        if value.op is leaf.CONSTANT:
            array = value.attrs["value"].array
            _fit(op, array.item(), array, wanted)
        return scalar.astype(value, wanted)
    if isinstance(value, Dim):
        size = leaf.size(value)
        return size if dtype is None else scalar.astype(size, dtype)
    if is_weak(value):
        array = _weak_array(op, value)
        return leaf.constant(_fit(op, value, array, dtype or _WEAK_DEFAULTS[_WEAK_KINDS[array.dtype.kind]]))
    return leaf.constant(_strong_array(op, value))


def lift_weakly(op: str, value: ArrayLike) -> Expr:
    """One operand as an expression, for somebody else to use: a number of Python's goes on to take the dtype of what it
    meets.

    Raises:
        DTypeError: it is no array.
    """
    if isinstance(value, Expr):
        return value
    if is_weak(value) and not isinstance(value, (list, tuple)):
        return leaf.constant(_weak_array(op, value), is_weak=True)
    return lift(op, value)


def operands(op: str, *values: ArrayLike) -> tuple[Expr, ...]:
    """Operands of an elementwise operation: expressions of one dtype and one shape.

    Raises:
        DTypeError: an operand is no array, or the dtypes have no common one.
        ShapeError: the shapes do not broadcast.
    """
    first, *others = values
    if isinstance(first, Expr) and not leaf.is_weak(first):
        dtype, shape = first.dtype, first.shape
        for other in others:
            if not isinstance(other, Expr) or other.dtype is not dtype or other.shape != shape or leaf.is_weak(other):
                break
        else:  # nothing to do, as nearly always where graphs are large
            return values  # type: ignore[return-value]
    return broadcast(op, *promoted(op, *values))


def promoted(op: str, *values: ArrayLike) -> tuple[Expr, ...]:
    """The operands as expressions of one dtype.

    Raises:
        DTypeError: an operand is no array, or the dtypes have no common one.
    """
    try:
        return _promoted(op, values)
    except DTypeError as error:
        known = [v for v in values if isinstance(v, Expr)]
        if not known or "\n" in str(error):
            raise
        raise DTypeError(f"{error}{roles(*known)}") from None


def _promoted(op: str, values: tuple[ArrayLike, ...]) -> tuple[Expr, ...]:
    strong: list[Expr | None] = [None if _takes_dtype(v) else lift(op, v) for v in values]
    known = [e for e in strong if e is not None]
    common = _common_dtype(op, known)
    if len(known) < len(values):
        weakest = max(_weak_kind(op, v) for v, e in zip(values, strong, strict=True) if e is None)
        if common is None or weakest > _kind_rank(common):
            common = _WEAK_DEFAULTS[weakest]
    assert common is not None
    return tuple(
        lift(op, v, common) if e is None else scalar.astype(e, common) for v, e in zip(values, strong, strict=True)
    )


def broadcast(op: str, *exprs: Expr) -> tuple[Expr, ...]:
    """The operands laid out over their common shape."""
    first = exprs[0].shape
    if all(e.shape == first for e in exprs):
        return exprs
    shape = broadcast_shape(op, exprs, tuple(e.shape for e in exprs))
    return tuple(broadcast_to(e, shape) for e in exprs)


def broadcast_shape(op: str, exprs: tuple[Expr, ...], shapes: tuple[Shape, ...]) -> Shape:
    """The shape that `shapes`, aligned at their last axes, stretch to; `exprs` are for the message.

    Raises:
        ShapeError: two sizes of an axis differ and neither is 1. A name equals only itself.
    """
    result: list[Size] = []
    for axis in range(1, max(map(len, shapes), default=0) + 1):
        size: Size = 1
        for shape in shapes:
            here = shape[-axis] if axis <= len(shape) else 1
            if here == size or here == 1:
                continue
            if size != 1:
                raise ShapeError(
                    f"{op}: shapes {' and '.join(map(show, shapes))} do not broadcast, "
                    f"axis -{axis} is {_size_text(size)} and {_size_text(here)}{roles(*exprs)}"
                )
            size = here
        result.append(size)
    return tuple(reversed(result))


def floating(op: str, *values: ArrayLike) -> tuple[Expr, ...]:
    """Like `operands`, with integers and bool converted to float32: for functions of real numbers."""
    agreed = operands(op, *values)
    return agreed if agreed[0].dtype.is_float else tuple(scalar.astype(e, dtypes.float32) for e in agreed)


def normalize_axis(op: str, x: Expr, axis: object, ndim: int | None = None) -> int:
    """An axis counted from the front.

    Raises:
        ShapeError: there is no such axis, or it is no integer.
    """
    count = x.ndim if ndim is None else ndim
    try:
        number = operator.index(axis)  # type: ignore[arg-type]
    except TypeError:
        raise ShapeError(f"{op}: an axis is an integer, not {axis!r}{describe(x=x)}") from None
    if not -count <= number < count:
        raise ShapeError(f"{op}: axis {number} does not exist, there are {count}{describe(x=x)}")
    return number % count


def normalize_axes(op: str, x: Expr, axis: int | tuple[int, ...] | None, ndim: int | None = None) -> tuple[int, ...]:
    """Axes counted from the front, sorted; None means all.

    Raises:
        ShapeError: there is no such axis, or one is named twice.
    """
    if axis is None:
        return tuple(range(x.ndim if ndim is None else ndim))
    given = axis if isinstance(axis, (tuple, list)) else (axis,)
    axes = sorted(normalize_axis(op, x, a, ndim) for a in given)
    if len(set(axes)) < len(axes):
        raise ShapeError(f"{op}: an axis is named twice in {axis}{describe(x=x)}")
    return tuple(axes)


def constant_array(value: ArrayLike, dtype: DTypeLike | None, default: DType | None, role: str) -> Array:
    """What creation functions hold: `value` in `dtype`; weak numbers of kind int and float in `default`.

    Raises:
        DTypeError: the value is no array, or does not convert.
    """
    if dtype is not None:
        wanted = as_dtype(dtype)
        return _fit(role, value, _weak_array(role, value), wanted) if is_weak(value) else convert(value, wanted, role)
    if not is_weak(value):
        return _strong_array(role, value)
    array = _weak_array(role, value)
    rank = _WEAK_KINDS[array.dtype.kind]
    return _fit(role, value, array, default if default is not None and rank else _WEAK_DEFAULTS[rank])


def _takes_dtype(value: object) -> bool:
    return leaf.is_weak(value) if isinstance(value, Expr) else isinstance(value, Dim) or is_weak(value)


def _kind_rank(dtype: DType) -> int:
    return 2 if dtype.is_float else int(dtype.is_integer)


def _weak_kind(op: str, value: object) -> int:
    if isinstance(value, Expr):
        return _kind_rank(value.dtype)
    return 1 if isinstance(value, Dim) else _WEAK_KINDS[_weak_array(op, value).dtype.kind]


def _weak_array(op: str, value: object) -> Array:
    if isinstance(value, (list, tuple)):
        _refuse_expressions(op, value)
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return np.asarray(0)  # `_fit` converts the number itself
    return to_array(value, f"{op}: an operand")


def _refuse_expressions(op: str, value: object) -> None:
    if isinstance(value, Expr):
        raise DTypeError(f"{op}: a list of expressions is no array{describe(element=value)}")
    if isinstance(value, (list, tuple)):
        for item in value:
            _refuse_expressions(op, item)


def _fit(op: str, value: object, array: Array, dtype: DType) -> Array:
    """A weak value in a dtype of its kind or a wider one."""
    if isinstance(value, int) and not isinstance(value, bool):
        return _fit_integer(op, value, dtype)
    return convert(array if array.dtype.kind == "f" else array.tolist(), dtype, f"{op}: an operand")


def _fit_integer(op: str, value: int, dtype: DType) -> Array:
    if dtype.is_float:
        try:
            return convert(float(value), dtype, op)
        except OverflowError:
            raise DTypeError(f"{op}: an integer of {value.bit_length()} bits does not fit {dtype}") from None
    if not dtype.is_integer:
        return convert(value, dtype, f"{op}: an operand")
    info = np.iinfo(dtype.numpy)
    if not info.min <= value <= info.max:
        raise DTypeError(f"{op}: the integer {value} is outside the range of {dtype}, {info.min} to {info.max}")
    return np.asarray(value, dtype.numpy)


def _strong_array(op: str, value: object) -> Array:
    array = to_array(value, f"{op}: an operand")
    return convert(array, as_dtype(array.dtype), op)


def _common_dtype(op: str, exprs: list[Expr]) -> DType | None:
    if not exprs:
        return None
    common = exprs[0].dtype
    for expr in exprs[1:]:
        try:
            common = promote(common, expr.dtype)
        except DTypeError as error:
            raise DTypeError(f"{op}: {error}{roles(*exprs)}") from None
    return common


def _size_text(size: Size) -> str:
    return repr(str(size)) if isinstance(size, Dim) else str(size)
