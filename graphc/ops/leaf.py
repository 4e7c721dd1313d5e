"""Nodes without arguments: inputs, params, constants, sizes as values, and positions along an axis."""

from __future__ import annotations

import numpy as np

from ..ir.dim import Shape, Size
from ..ir.dtype import DType, as_dtype, int64
from ..ir.expr import ConstantValue, Expr, Token, make
from ..ir.op import Array, Attrs, OpDef, register
from ..ir.storage import Storage


def _never(*_: object) -> tuple[DType, Shape]:
    raise TypeError("leaves are built with their dtype and shape")


def _no_reference(*_: object) -> Array:
    raise TypeError("inputs and params have no value of their own")


INPUT = register(
    OpDef("input", "leaf", 0, _never, _no_reference, params=("name", "token"), doc="an argument of the function")
)
PARAM = register(
    OpDef("param", "leaf", 0, _never, _no_reference, params=("name", "token"), doc="state that is kept and updated")
)
CONSTANT = register(
    OpDef("constant", "leaf", 0, _never, lambda attrs: attrs["value"].array, params=("value",), doc="a fixed array")
)
SIZE = register(
    OpDef("size", "leaf", 0, _never, lambda attrs: np.asarray(attrs["size"], np.int64), params=("size",),
          doc="a size as a number in the graph")
)  # fmt: skip


def _positions(attrs: Attrs) -> Array:
    shape, axis = attrs["shape"], attrs["axis"]
    along = np.arange(shape[axis], dtype=attrs["dtype"].numpy)
    view = along.reshape([-1 if i == axis else 1 for i in range(len(shape))])
    return np.ascontiguousarray(np.broadcast_to(view, shape))


IOTA = register(
    OpDef("iota", "leaf", 0, _never, _positions, params=("axis", "dtype", "shape"),
          doc="each element's position along an axis")
)  # fmt: skip


def input(name: str, shape: Shape, dtype: DType, *, is_weak: bool = False) -> Expr:
    """A new argument; every call makes another one. A weak one is a number that takes the dtype of what it meets."""
    expr = make(INPUT, (), {"name": name, "token": Token(is_weak=is_weak)}, dtype=dtype, shape=shape)
    expr.name = name
    return expr


def param(name: str, array: Array) -> Expr:
    """New state holding a copy of `array`."""
    storage = Storage(array.dtype, array.shape)
    storage.write(array)
    attrs = {"name": name, "token": Token(storage)}
    expr = make(PARAM, (), attrs, dtype=as_dtype(array.dtype), shape=tuple(array.shape))
    expr.name = name
    return expr


def is_weak(expr: Expr) -> bool:
    """Whether an expression is one of Python's numbers, or an argument that stands for one."""
    if expr.op is CONSTANT:
        return bool(expr.attrs["value"].is_weak)
    return expr.op is INPUT and bool(expr.attrs["token"].is_weak)


def storage(param: Expr) -> Storage:
    """What a param owns."""
    found: Storage = param.attrs["token"].storage
    return found


def constant(array: Array, *, is_weak: bool = False) -> Expr:
    """The constant with these bits, dtype and shape; the array is copied."""
    value = ConstantValue(array, is_weak=is_weak)
    return make(CONSTANT, (), {"value": value}, dtype=as_dtype(array.dtype), shape=tuple(array.shape))


def scalar(value: float | int | bool, dtype: DType) -> Expr:
    """A 0-dimensional constant."""
    return constant(np.asarray(value).astype(dtype.numpy))


def size(value: Size) -> Expr:
    """A size as an int64 scalar; a constant when it is a number."""
    if isinstance(value, int):
        return scalar(value, int64)
    return make(SIZE, (), {"size": value}, dtype=int64, shape=())


def iota(shape: Shape, axis: int, dtype: DType) -> Expr:
    """Positions along `axis`, broadcast to `shape`."""
    return make(IOTA, (), {"axis": axis, "dtype": dtype, "shape": shape}, dtype=dtype, shape=shape)
