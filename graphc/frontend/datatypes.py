"""Questions about dtypes: what operands promote to, what converts to what, limits and kinds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..ir.dtype import DType, as_dtype, promote
from ..ir.errors import DTypeError
from ..ir.expr import Expr
from ..ops import leaf
from .lifting import ArrayLike, DTypeLike, promoted

_KINDS = {
    "bool": ("bool",),
    "signed integer": ("int",),
    "unsigned integer": ("uint",),
    "integral": ("int", "uint"),
    "real floating": ("float",),
    "complex floating": (),
    "numeric": ("int", "uint", "float"),
}


@dataclass(frozen=True, slots=True)
class FloatInfo:
    """The limits of a floating point dtype."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: DType


@dataclass(frozen=True, slots=True)
class IntegerInfo:
    """The limits of an integer dtype."""

    bits: int
    max: int
    min: int
    dtype: DType


def result_type(*arrays_and_dtypes: ArrayLike | DTypeLike) -> DType:
    """The dtype of a result made of these arrays and dtypes. Python's own numbers are weak.

    Raises:
        DTypeError: there is none, or nothing is given.
    """
    if not arrays_and_dtypes:
        raise DTypeError("result_type: of nothing there is none")
    operands = [leaf.scalar(0, as_dtype(a)) if _is_dtype(a) else a for a in arrays_and_dtypes]
    return promoted("result_type", *operands)[0].dtype  # type: ignore[arg-type]


def can_cast(from_: ArrayLike | DTypeLike, to: DTypeLike, /) -> bool:
    """Whether promotion takes the first dtype (or that of an array) to the second."""
    source, target = result_type(from_), as_dtype(to)
    try:
        return promote(source, target) is target
    except DTypeError:
        return False


def isdtype(dtype: DTypeLike, kind: DTypeLike | tuple[DTypeLike, ...]) -> bool:
    """Whether a dtype is of a kind: a dtype, one of the standard's words ("integral", "real floating", …), or a tuple.

    Raises:
        DTypeError: no such kind.
    """
    if isinstance(kind, tuple):
        return any(isdtype(dtype, k) for k in kind)
    if isinstance(kind, str) and kind in _KINDS:
        return as_dtype(dtype).kind in _KINDS[kind]
    return as_dtype(dtype) is as_dtype(kind)


def finfo(type: DTypeLike | Expr, /) -> FloatInfo:
    """The limits of a floating point dtype, or of an expression's.

    Raises:
        DTypeError: it is not floating point.
    """
    dtype = result_type(type)
    if not dtype.is_float:
        raise DTypeError(f"finfo: {dtype} is not floating point; use iinfo")
    info = np.finfo(dtype.numpy)
    eps, largest, smallest, normal = (float(n) for n in (info.eps, info.max, info.min, info.smallest_normal))
    return FloatInfo(dtype.bits, eps, largest, smallest, normal, dtype)


def iinfo(type: DTypeLike | Expr, /) -> IntegerInfo:
    """The limits of an integer dtype, or of an expression's.

    Raises:
        DTypeError: it is no integer.
    """
    dtype = result_type(type)
    if not dtype.is_integer:
        raise DTypeError(f"iinfo: {dtype} is no integer; use finfo")
    info = np.iinfo(dtype.numpy)
    return IntegerInfo(dtype.bits, int(info.max), int(info.min), dtype)


def _is_dtype(given: object) -> bool:
    return isinstance(given, (DType, str, type, np.dtype))
