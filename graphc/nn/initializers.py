"""Where parameters start: `gc.init.glorot_uniform((784, 512), seed=0)`.

Every initializer is a function `(shape, seed=None, dtype="float32") -> ndarray`, so any function of that form can
stand in its place. `seed` is whatever `numpy.random.default_rng` takes: an int for the same numbers every time, a
Generator to draw on from, None for fresh ones.

Fans follow Keras: a vector has both fans equal to its length, a matrix is (fan_in, fan_out), and leading axes of
larger kernels are a receptive field that multiplies both. A truncated normal redraws what is more than two
deviations from the mean, and is widened so that its own deviation is the one asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..ir.dim import Dim, as_shape, show
from ..ir.errors import GraphError, ShapeError

Seed: TypeAlias = int | np.random.SeedSequence | np.random.Generator | None
Shape: TypeAlias = tuple[int, ...]
Array: TypeAlias = npt.NDArray[Any]
Initializer: TypeAlias = Callable[..., Array]

_TRUNCATED_DEVIATION = 0.87962566103423978
"""The deviation of a standard normal cut off at ±2: sqrt(1 - 4 φ(2) / (2 Φ(2) - 1))."""


def fans(shape: Shape) -> tuple[int, int]:
    """How many values feed an output of a kernel of this shape, and how many an input feeds."""
    if len(shape) < 2:
        size = shape[0] if shape else 1
        return size, size
    field = math.prod(shape[:-2])
    return field * shape[-2], field * shape[-1]


def zeros(shape: Shape, seed: Seed = None, dtype: npt.DTypeLike = "float32") -> Array:
    """Zeros."""
    return np.zeros(_sizes(shape), dtype)


def ones(shape: Shape, seed: Seed = None, dtype: npt.DTypeLike = "float32") -> Array:
    """Ones."""
    return np.ones(_sizes(shape), dtype)


def constant(shape: Shape, seed: Seed = None, dtype: npt.DTypeLike = "float32", *, value: float = 0.0) -> Array:
    """The same value everywhere."""
    return np.full(_sizes(shape), value, dtype)


def random_uniform(
    shape: Shape,
    seed: Seed = None,
    dtype: npt.DTypeLike = "float32",
    *,
    minval: float = -0.05,
    maxval: float = 0.05,
) -> Array:
    """Uniform in [minval, maxval)."""
    return np.random.default_rng(seed).uniform(minval, maxval, _sizes(shape)).astype(dtype)


def random_normal(
    shape: Shape, seed: Seed = None, dtype: npt.DTypeLike = "float32", *, mean: float = 0.0, stddev: float = 0.05
) -> Array:
    """Normal with this mean and deviation."""
    return np.random.default_rng(seed).normal(mean, stddev, _sizes(shape)).astype(dtype)


def truncated_normal(
    shape: Shape, seed: Seed = None, dtype: npt.DTypeLike = "float32", *, mean: float = 0.0, stddev: float = 0.05
) -> Array:
    """Normal, with what lies more than two deviations from the mean drawn again."""
    rng = np.random.default_rng(seed)
    values = np.asarray(rng.standard_normal(_sizes(shape)))
    while (outside := np.abs(values) > 2).any():
        values[outside] = rng.standard_normal(int(outside.sum()))
    return (mean + stddev * values).astype(dtype)


def glorot_uniform(shape: Shape, seed: Seed = None, dtype: npt.DTypeLike = "float32") -> Array:
    """Uniform within ±√(6 / (fan_in + fan_out)): Glorot and Bengio 2010, equation 16. Also called Xavier."""
    fan_in, fan_out = fans(_sizes(shape))
    return _uniform(shape, 1.0 / max(1.0, (fan_in + fan_out) / 2), seed, dtype)


def glorot_normal(shape: Shape, seed: Seed = None, dtype: npt.DTypeLike = "float32") -> Array:
    """Truncated normal with deviation √(2 / (fan_in + fan_out)): Glorot and Bengio 2010, equation 12."""
    fan_in, fan_out = fans(_sizes(shape))
    return _normal(shape, 1.0 / max(1.0, (fan_in + fan_out) / 2), seed, dtype)


def he_uniform(shape: Shape, seed: Seed = None, dtype: npt.DTypeLike = "float32") -> Array:
    """Uniform within ±√(6 / fan_in), for layers that end in relu: He et al. 2015, equation 10."""
    return _uniform(shape, 2.0 / max(1.0, fans(_sizes(shape))[0]), seed, dtype)


def he_normal(shape: Shape, seed: Seed = None, dtype: npt.DTypeLike = "float32") -> Array:
    """Truncated normal with deviation √(2 / fan_in), for layers that end in relu: He et al. 2015, equation 10."""
    return _normal(shape, 2.0 / max(1.0, fans(_sizes(shape))[0]), seed, dtype)


def _sizes(shape: object) -> Shape:
    """The shape in plain integers, refused where it is none."""
    sizes = as_shape(shape)
    if any(isinstance(d, Dim) for d in sizes):
        raise ShapeError(f"a parameter's shape is made of numbers, not of names: {show(sizes)}")
    return tuple(d for d in sizes if isinstance(d, int))


def _uniform(shape: Shape, variance: float, seed: Seed, dtype: npt.DTypeLike) -> Array:
    limit = math.sqrt(3.0 * variance)
    return random_uniform(shape, seed, dtype, minval=-limit, maxval=limit)


def _normal(shape: Shape, variance: float, seed: Seed, dtype: npt.DTypeLike) -> Array:
    return truncated_normal(shape, seed, dtype, stddev=math.sqrt(variance) / _TRUNCATED_DEVIATION)


KNOWN: dict[str, Initializer] = {
    f.__name__: f
    for f in (
        zeros, ones, constant, random_uniform, random_normal, truncated_normal,
        glorot_uniform, glorot_normal, he_uniform, he_normal,
    )
}  # fmt: skip


def get(given: str | Initializer) -> Initializer:
    """The initializer of that name, or the given function itself.

    Raises:
        GraphError: no initializer has this name.
    """
    if callable(given):
        return given
    if given not in KNOWN:
        raise GraphError(f"there is no initializer {given!r}; known are {', '.join(sorted(KNOWN))}")
    return KNOWN[given]
