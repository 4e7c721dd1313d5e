"""From what a user hands to `fit` to batches the compiled step takes: checked once, converted once."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..ir.dim import Shape, show
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


def are_labels(data: object, output: Shape) -> bool:
    """Whether targets for an output are one integer for each sample instead of numbers of the output's shape."""
    try:
        array = np.asarray(data)
    except ValueError:
        return False
    last_is_one = array.ndim == len(output) and array.shape[-1:] == (1,)
    return array.dtype.kind in "iu" and output[-1:] != (1,) and (array.ndim == len(output) - 1 or last_is_one)


def check_labels(labels: Array, classes: int, ignored: int | None = None) -> None:
    """Refuse class indices outside 0 … classes - 1, but for one that is ignored.

    Raises:
        GraphError: naming the first of them and its place.
    """
    wrong = ((labels < 0) | (labels >= classes)) & (labels != ignored)
    if wrong.any():
        place = np.unravel_index(int(np.argmax(wrong)), labels.shape)
        where = ", ".join(str(int(i)) for i in place)
        raise GraphError(
            f"the label {int(labels[place])} (y[{where}]) is outside 0 … {classes - 1}: the model's output has "
            f"{classes} classes ({int(wrong.sum())} of {labels.size} labels are outside)"
        )


def check_same_length(a: Array, b: Array, first: str = "x", second: str = "y") -> None:
    """Refuse arrays of different lengths.

    Raises:
        ShapeError: naming both lengths.
    """
    if len(a) != len(b):
        raise ShapeError(f"{first} and {second} must have as many samples: {first} has {len(a)}, {second} has {len(b)}")


def by_name(role: str, given: Any, names: Sequence[str]) -> list[Any]:
    """What is given for each name, in a list or in a dict.

    Raises:
        GraphError: something is missing, or there is too much.
    """
    listed = ", ".join(names)
    if isinstance(given, Mapping):
        if set(given) != set(names) or len(set(names)) != len(names):
            raise GraphError(f"{role} is a dict of {', '.join(map(str, given))}; the model takes {listed}")
        return [given[name] for name in names]
    if not isinstance(given, (list, tuple)) or len(given) != len(names):
        raise GraphError(f"{role} is a list or a dict with an entry for each of {listed}")
    return list(given)


def as_weights(given: object, class_weight: Mapping[int, float] | None, targets: Array, dtype: DType) -> Array:
    """A weight for each sample: the given one, times that of its class.

    Args:
        given: n numbers, or None for 1.
        class_weight: the weight of each class; of those not named, 1.
        targets: integer labels, or one number for each class, of which the largest counts, or one that is 0 or 1.
        dtype: of the result.

    Raises:
        ShapeError: there is not one weight for each sample.
        GraphError: a weight is negative or not finite.
    """
    weights = (
        np.ones(len(targets)) if given is None else as_samples("sample_weight", given, (), dtype).astype("float64")
    )
    check_same_length(targets, weights, "y", "sample_weight")
    if class_weight is not None:
        weights = weights * _weights_of_classes(class_weight, targets)
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise GraphError("weights of samples are finite numbers of at least 0")
    return np.ascontiguousarray(weights, dtype.numpy)


def _weights_of_classes(class_weight: Mapping[int, float], targets: Array) -> Array:
    told = class_weight.items() if isinstance(class_weight, Mapping) else [(None, None)]
    if not all(isinstance(number, (int, float, np.number)) for pair in told for number in pair):
        raise GraphError(
            f"class_weight is a dict of numbers by class, such as {{0: 1.0, 1: 2.5}}, not {class_weight!r}"
        )
    if targets.ndim > 2:
        raise ShapeError(f"class_weight is for one target a sample, not for targets of shape {show(targets.shape)}")
    flat = targets.reshape(len(targets), -1)
    classes = flat[:, 0].astype(np.int64) if flat.shape[1] == 1 else flat.argmax(axis=1)
    found = np.ones(len(classes))
    for label, weight in class_weight.items():
        found[classes == label] = weight
    return found


def as_validation(given: Any) -> tuple[Any, ...]:
    """What a user hands over to validate with: (x, y) or (x, y, sample_weight).

    Raises:
        GraphError: it is something else.
    """
    if not isinstance(given, (list, tuple)) or len(given) not in (2, 3):
        what = f"of {len(given)}" if isinstance(given, (list, tuple)) else ""
        raise GraphError(
            f"validation_data is (x, y) or (x, y, sample_weight), not a {type(given).__name__} {what}".rstrip()
        )
    return tuple(given)


def split(arrays: tuple[Array, ...], fraction: float) -> tuple[tuple[Array, ...], tuple[Array, ...] | None]:
    """The samples to train on, and the last `fraction` of them to validate with.

    Raises:
        GraphError: it is no fraction, or leaves nothing of one of the two.
    """
    if not 0 <= fraction < 1:
        raise GraphError(f"validation_split is a fraction from 0 up to 1, not {fraction!r}")
    if fraction == 0:
        return arrays, None
    rows = len(arrays[0])
    at = math.floor(rows * (1 - fraction))
    if at in (0, rows):
        raise GraphError(f"validation_split={fraction!r} leaves nothing to train on or to validate with")
    return tuple(a[:at] for a in arrays), tuple(a[at:] for a in arrays)


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
