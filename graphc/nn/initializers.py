"""Where parameters start: `gc.init.glorot_uniform((784, 512), seed=0)`.

Every initializer is a function `(shape, seed=None, dtype="float32") -> ndarray`, so any function of that form can
stand in its place. `seed` is whatever `numpy.random.default_rng` takes: an int for the same numbers every time, a
Generator to draw on from, None for fresh ones.

The same functions with options bound stand under Keras's class names: `gc.init.RandomNormal(stddev=0.1, seed=3)`.

Fans follow Keras: a vector has both fans equal to its length, a matrix is (fan_in, fan_out), and leading axes of
larger kernels are a receptive field that multiplies both. A truncated normal redraws what is more than two
deviations from the mean, and is widened so that its own deviation is the one asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..ir.dim import Dim, as_shape, show
from ..ir.errors import GraphError, ShapeError
from ..optim.plain import plain
from . import registry

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


def variance_scaling(
    shape: Shape,
    seed: Seed = None,
    dtype: npt.DTypeLike = "float32",
    *,
    scale: float = 1.0,
    mode: str = "fan_in",
    distribution: str = "truncated_normal",
) -> Array:
    """Mean 0 and variance scale / n, n being "fan_in", "fan_out" or their mean "fan_avg".

    Args:
        distribution: "truncated_normal", "untruncated_normal" or "uniform".

    Raises:
        GraphError: an option is none of these, or the scale is not positive.
    """
    fan_in, fan_out = fans(_sizes(shape))
    if not scale > 0:
        raise GraphError(f"variance_scaling: scale has to be positive, not {scale!r}")
    counts = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
    variance = scale / max(1.0, registry.find("mode of variance_scaling", counts, mode))
    return registry.find("distribution of variance_scaling", _DISTRIBUTIONS, distribution)(shape, variance, seed, dtype)


def glorot_uniform(shape: Shape, seed: Seed = None, dtype: npt.DTypeLike = "float32") -> Array:
    """Uniform within ±√(6 / (fan_in + fan_out)): Glorot and Bengio 2010, equation 16. Also called Xavier."""
    return variance_scaling(shape, seed, dtype, mode="fan_avg", distribution="uniform")


def glorot_normal(shape: Shape, seed: Seed = None, dtype: npt.DTypeLike = "float32") -> Array:
    """Truncated normal with deviation √(2 / (fan_in + fan_out)): Glorot and Bengio 2010, equation 12."""
    return variance_scaling(shape, seed, dtype, mode="fan_avg")


def he_uniform(shape: Shape, seed: Seed = None, dtype: npt.DTypeLike = "float32") -> Array:
    """Uniform within ±√(6 / fan_in), for layers that end in relu: He et al. 2015, equation 10."""
    return variance_scaling(shape, seed, dtype, scale=2.0, distribution="uniform")


def he_normal(shape: Shape, seed: Seed = None, dtype: npt.DTypeLike = "float32") -> Array:
    """Truncated normal with deviation √(2 / fan_in), for layers that end in relu: He et al. 2015, equation 10."""
    return variance_scaling(shape, seed, dtype, scale=2.0)


def lecun_uniform(shape: Shape, seed: Seed = None, dtype: npt.DTypeLike = "float32") -> Array:
    """Uniform within ±√(3 / fan_in): LeCun et al. 1998."""
    return variance_scaling(shape, seed, dtype, distribution="uniform")


def lecun_normal(shape: Shape, seed: Seed = None, dtype: npt.DTypeLike = "float32") -> Array:
    """Truncated normal with deviation √(1 / fan_in), for layers that end in selu: Klambauer et al. 2017."""
    return variance_scaling(shape, seed, dtype)


def orthogonal(shape: Shape, seed: Seed = None, dtype: npt.DTypeLike = "float32", *, gain: float = 1.0) -> Array:
    """A matrix with orthonormal rows or columns, whichever are fewer, times gain: Saxe et al. 2014. Leading axes of
    larger kernels are taken together.

    Raises:
        ShapeError: there are fewer than two axes.
    """
    sizes = _sizes(shape)
    if len(sizes) < 2:
        raise ShapeError(f"orthogonal: there have to be two axes or more, not {show(sizes)}")
    rows, columns = math.prod(sizes[:-1]), sizes[-1]
    normal = np.random.default_rng(seed).standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(normal)
    q = q * np.where(np.diag(r) < 0, -1.0, 1.0)  # else not every orthogonal matrix would be as likely
    return (gain * (q if rows >= columns else q.T).reshape(sizes)).astype(dtype)


def identity(shape: Shape, seed: Seed = None, dtype: npt.DTypeLike = "float32", *, gain: float = 1.0) -> Array:
    """gain on the diagonal of a matrix, 0 elsewhere.

    Raises:
        ShapeError: it is no matrix.
    """
    sizes = _sizes(shape)
    if len(sizes) != 2:
        raise ShapeError(f"identity: there have to be two axes, not {show(sizes)}")
    return (gain * np.eye(*sizes)).astype(dtype)


@dataclass(frozen=True)
class Configured:
    """An initializer with options, and perhaps a seed, bound to it."""

    name: str
    options: Mapping[str, Any]
    seed: int | None = None

    def __call__(self, shape: Shape, seed: Seed = None, dtype: npt.DTypeLike = "float32") -> Array:
        """The values; the bound seed goes before the given one."""
        return KNOWN[self.name](shape, seed if self.seed is None else self.seed, dtype, **self.options)


def Zeros() -> Configured:
    """See `zeros`."""
    return Configured("zeros", {})


def Ones() -> Configured:
    """See `ones`."""
    return Configured("ones", {})


def Constant(value: float = 0.0) -> Configured:
    """See `constant`."""
    return Configured("constant", {"value": value})


def RandomUniform(minval: float = -0.05, maxval: float = 0.05, seed: int | None = None) -> Configured:
    """See `random_uniform`."""
    return Configured("random_uniform", {"minval": minval, "maxval": maxval}, seed)


def RandomNormal(mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> Configured:
    """See `random_normal`."""
    return Configured("random_normal", {"mean": mean, "stddev": stddev}, seed)


def TruncatedNormal(mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> Configured:
    """See `truncated_normal`."""
    return Configured("truncated_normal", {"mean": mean, "stddev": stddev}, seed)


def VarianceScaling(
    scale: float = 1.0, mode: str = "fan_in", distribution: str = "truncated_normal", seed: int | None = None
) -> Configured:
    """See `variance_scaling`."""
    return Configured("variance_scaling", {"scale": scale, "mode": mode, "distribution": distribution}, seed)


def GlorotUniform(seed: int | None = None) -> Configured:
    """See `glorot_uniform`."""
    return Configured("glorot_uniform", {}, seed)


def GlorotNormal(seed: int | None = None) -> Configured:
    """See `glorot_normal`."""
    return Configured("glorot_normal", {}, seed)


def HeUniform(seed: int | None = None) -> Configured:
    """See `he_uniform`."""
    return Configured("he_uniform", {}, seed)


def HeNormal(seed: int | None = None) -> Configured:
    """See `he_normal`."""
    return Configured("he_normal", {}, seed)


def LecunUniform(seed: int | None = None) -> Configured:
    """See `lecun_uniform`."""
    return Configured("lecun_uniform", {}, seed)


def LecunNormal(seed: int | None = None) -> Configured:
    """See `lecun_normal`."""
    return Configured("lecun_normal", {}, seed)


def Orthogonal(gain: float = 1.0, seed: int | None = None) -> Configured:
    """See `orthogonal`."""
    return Configured("orthogonal", {"gain": gain}, seed)


def Identity(gain: float = 1.0) -> Configured:
    """See `identity`."""
    return Configured("identity", {"gain": gain})


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


def _untruncated(shape: Shape, variance: float, seed: Seed, dtype: npt.DTypeLike) -> Array:
    return random_normal(shape, seed, dtype, stddev=math.sqrt(variance))


_DISTRIBUTIONS = {"uniform": _uniform, "truncated_normal": _normal, "untruncated_normal": _untruncated}

KNOWN: dict[str, Initializer] = {
    f.__name__: f
    for f in (
        zeros, ones, constant, random_uniform, random_normal, truncated_normal, variance_scaling, glorot_uniform,
        glorot_normal, he_uniform, he_normal, lecun_uniform, lecun_normal, orthogonal, identity,
    )
}  # fmt: skip


def get(given: str | Initializer) -> Initializer:
    """The initializer of that name, or the given function itself.

    Raises:
        GraphError: no initializer has this name.
    """
    return given if callable(given) else registry.find("initializer", KNOWN, given)


def to_config(given: Initializer) -> Any:
    """An initializer as plain data.

    Raises:
        GraphError: a function without a name.
    """
    if isinstance(given, Configured):
        return {"function": given.name, "options": plain(given.options), "seed": plain(given.seed)}
    return registry.function_config("initializer", KNOWN, given)


def from_config(config: Any, custom: Mapping[str, Any]) -> Initializer:
    """The initializer of a `to_config`.

    Raises:
        GraphError: there is none of this name.
    """
    if isinstance(config, Mapping) and "options" in config:
        registry.find("initializer", KNOWN, config.get("function"))
        return Configured(config["function"], config["options"], config.get("seed"))
    made: Initializer = registry.function_from("initializer", KNOWN, config, custom)
    return made


_state: dict[str, np.random.Generator] = {}


def set_random_seed(seed: int) -> None:
    """From now on layers and models without a seed of their own draw from one source that starts here: the same program
    makes the same parameters, shuffles alike and drops out alike."""
    _state["source"] = np.random.default_rng(seed)


def source() -> np.random.Generator | None:
    """What `set_random_seed` has made, if it was called."""
    return _state.get("source")


def generator(seed: Seed) -> np.random.Generator:
    """What a layer or a model with this seed draws from."""
    if seed is None and "source" in _state:
        return _state["source"].spawn(1)[0]
    return np.random.default_rng(seed)
