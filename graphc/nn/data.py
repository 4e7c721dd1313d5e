"""From what a user hands to `fit` to batches the compiled step takes: checked once, converted once."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..ir.dim import show
from ..ir.dtype import DType
from ..ir.errors import DTypeError, GraphError, ShapeError

Array: TypeAlias = npt.NDArray[Any]


def as_array(role: str, data: object) -> Array:
    """The data as an array of numbers with at least one axis.

    Raises:
        ShapeError: rows that differ in shape, or a single number.
        DTypeError: no numbers.
    """
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise ShapeError(f"{role} is no array: its rows differ in shape ({error})") from None
    if array.dtype.kind not in "biuf":
        raise DTypeError(f"{role} must be an array of numbers; it is {type(data).__name__} of dtype {array.dtype}")
    if array.ndim == 0:
        raise ShapeError(f"{role} must have a row for each sample; it is the single number {array}")
    return array


def as_samples(role: str, data: object, sample: tuple[int, ...], dtype: DType) -> Array:
    """The data as a C-contiguous array of (samples, *sample), converted if that keeps its kind.

    Args:
        role: what an error calls it: "x".
        sample: the shape of one sample. One number for each sample may come as (samples,) or as (samples, 1).

    Raises:
        ShapeError: samples of another shape, or none at all.
        DTypeError: no numbers, or such that do not convert.
    """
    array = as_array(role, data)
    if (sample == (1,) and array.ndim == 1) or (sample == () and array.ndim == 2 and array.shape[1] == 1):
        array = array.reshape(len(array), *sample)
    if array.shape[1:] != sample:
        raise ShapeError(
            f"{role} must have the shape {show(('samples', *sample))}, one row for each sample; "  # type: ignore[arg-type]
            f"it has {show(array.shape)}"
        )
    if array.shape[0] == 0:
        raise ShapeError(f"{role} is empty: its shape is {show(array.shape)}")
    if not np.can_cast(array.dtype, dtype.numpy, "same_kind"):
        hint = "; labels are integers, convert them with y.astype('int64')" if dtype.is_integer else ""
        raise DTypeError(f"{role} must be convertible to {dtype}; it is {array.dtype}{hint}")
    return np.ascontiguousarray(array, dtype.numpy)


def check_labels(labels: Array, classes: int) -> None:
    """Refuse class indices outside 0 … classes - 1.

    Raises:
        GraphError: naming the first of them and its place.
    """
    wrong = (labels < 0) | (labels >= classes)
    if wrong.any():
        place = np.unravel_index(int(np.argmax(wrong)), labels.shape)
        where = ", ".join(str(int(i)) for i in place)
        raise GraphError(
            f"the label {int(labels[place])} (y[{where}]) is outside 0 … {classes - 1}: the model's output has "
            f"{classes} classes ({int(wrong.sum())} of {labels.size} labels are outside)"
        )


def check_same_length(x: Array, y: Array) -> None:
    """Refuse x and y of different lengths.

    Raises:
        ShapeError: naming both lengths.
    """
    if len(x) != len(y):
        raise ShapeError(f"x and y must have as many samples: x has {len(x)}, y has {len(y)}")


def at_least_one(name: str, value: int) -> int:
    """A count a user gave, an integer ≥ 1.

    Raises:
        GraphError: it is something else.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = 0
    if number < 1 or isinstance(value, bool):
        raise GraphError(f"{name} must be an integer of at least 1, not {value!r}")
    return number


def minibatches(arrays: tuple[Array, ...], size: int, order: Array | None = None) -> Iterator[tuple[Array, ...]]:
    """The rows of all arrays in batches of `size`, the last one shorter if need be.

    Args:
        arrays: arrays of equal length.
        order: which row comes when; as they stand without it.

    Yields:
        A tuple of arrays. With `order` these are views of buffers that the next batch overwrites; without, of the
        arrays themselves.
    """
    rows = len(arrays[0])
    if order is None:
        for start in range(0, rows, size):
            yield tuple(a[start : start + size] for a in arrays)
        return
    buffers = tuple(np.empty((min(size, rows), *a.shape[1:]), a.dtype) for a in arrays)
    for start in range(0, rows, size):
        index = order[start : start + size]
        # mode="clip": with "raise", take gathers into a temporary first and copies that to `out`.
        yield tuple(a.take(index, 0, b[: len(index)], "clip") for a, b in zip(arrays, buffers, strict=True))
