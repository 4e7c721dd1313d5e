"""Layers: functions of expressions that own parameters.

    layer = nn.Dense(512, activation="relu", seed=0)
    h = layer(x)                     # makes layer.params at the first call, uses them at every call

Parameters and intermediate values carry the names of the textbook (W, b, z, a), with the layer's number in a
`Sequential` or its own name behind, so that drawings and derivations read as written by hand.
"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

import graphc as gc

from ..ir.dim import Dim, Shape, as_shape, show
from ..ir.dtype import DType, as_dtype
from ..ir.errors import DTypeError, GraphError, ShapeError, describe
from ..ir.expr import Expr
from . import activations, initializers
from .activations import Activation
from .initializers import Initializer, Seed


@dataclass(frozen=True)
class Input:
    """What a model is fed: the shape of one sample, without the batch, and its dtype."""

    shape: tuple[int, ...]
    dtype: str = "float32"

    def __post_init__(self) -> None:
        shape = as_shape(self.shape)
        if any(isinstance(d, Dim) for d in shape):
            raise ShapeError(f"nn.Input takes the shape of one sample in numbers, without the batch; not {show(shape)}")
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "dtype", as_dtype(self.dtype).name)


class Layer(ABC):
    """A function of an expression, with parameters that are made when its first argument is known."""

    kind: str = "layer"
    """What an unnamed layer of this class is called in a model."""

    def __init__(self, name: str | None = None, seed: Seed = None) -> None:
        self.name = name
        self.seed = seed
        self.suffix = f"_{name}" if name else ""
        """Behind the names of parameters and values: W_hidden, or W1 in a model."""
        self.built = False

    def __call__(self, x: Expr) -> Expr:
        """The layer applied to an expression; its parameters are made if they are not there yet."""
        self.build_for(x)
        return self.apply(x)

    def build_for(self, x: Expr) -> None:
        """Make the parameters for an argument like `x`, once."""
        if not isinstance(x, Expr):
            raise DTypeError(f"a layer is called on an expression such as gc.input(...), not on {type(x).__name__}")
        if not self.built:
            self.build(x.shape, x.dtype)
            self.built = True

    @property
    @abstractmethod
    def params(self) -> list[Expr]:
        """The parameters, in the order they are used; none before the first call."""

    @abstractmethod
    def build(self, shape: Shape, dtype: DType) -> None:
        """Make the parameters for arguments of this shape and dtype."""

    @abstractmethod
    def apply(self, x: Expr) -> Expr:
        """The layer's value at x."""


class Dense(Layer):
    """activation(x @ W + b).

    Args:
        units: the length of the result's last axis.
        activation: a name (see `nn.activations`), a function of an expression, or None for none.
        use_bias: whether there is a b.
        kernel_initializer, bias_initializer: a name (see `nn.initializers`) or a function `(shape, seed, dtype)`.
        name: what the layer is called; a `Sequential` names its layers dense, dense_1, ... else.
        seed: makes the parameters the same every time; a `Sequential` with a seed gives its layers theirs.

    Takes (..., features) and gives (..., units), in the dtype of x, which must be floating point. `kernel` of shape
    (features, units) and `bias` of shape (units,) are its params, named W and b.
    """

    kind = "dense"

    def __init__(
        self,
        units: int,
        activation: str | Activation | None = None,
        use_bias: bool = True,
        kernel_initializer: str | Initializer = "glorot_uniform",
        bias_initializer: str | Initializer = "zeros",
        name: str | None = None,
        *,
        seed: Seed = None,
    ) -> None:
        super().__init__(name, seed)
        self.units = _positive(units)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel: Expr | None = None
        self.bias: Expr | None = None

    @property
    def params(self) -> list[Expr]:
        """[W, b], or [W] without a bias; empty before the first call."""
        return [p for p in (self.kernel, self.bias) if p is not None]

    def build(self, shape: Shape, dtype: DType) -> None:
        """Make W and b for arguments of shape (..., features).

        Raises:
            ShapeError: there is no last axis, or its length is not a number.
            DTypeError: dtype is not floating point.
        """
        if not shape or not isinstance(shape[-1], int):
            raise ShapeError(f"Dense needs a last axis whose length is a number; the argument's shape is {show(shape)}")
        if dtype.kind != "float":
            raise DTypeError(f"Dense multiplies floating point numbers, not {dtype}; convert with gc.astype first")
        rng = np.random.default_rng(self.seed)
        sizes = (shape[-1], self.units)
        self.kernel = _param(f"W{self.suffix}", self.kernel_initializer, sizes, rng, dtype)
        if self.use_bias:
            self.bias = _param(f"b{self.suffix}", self.bias_initializer, sizes[1:], rng, dtype)

    def apply(self, x: Expr) -> Expr:
        """activation(x @ W + b)."""
        z = self.preactivation(x)
        a = self.activation(z)
        return a if a is z else _named(a, f"a{self.suffix}")

    def preactivation(self, x: Expr) -> Expr:
        """x @ W + b.

        Raises:
            ShapeError: x has another last axis than the layer was built for.
        """
        self.build_for(x)
        assert self.kernel is not None
        if x.ndim == 0 or x.shape[-1] != self.kernel.shape[0]:
            raise ShapeError(
                f"Dense {self.name or ''} was built for {self.kernel.shape[0]} features{describe(x=x, W=self.kernel)}"
            )
        z = x @ self.kernel
        return _named(z if self.bias is None else z + self.bias, f"z{self.suffix}")


def _positive(units: int) -> int:
    try:
        number = operator.index(units)
    except TypeError:
        raise DTypeError(f"Dense: units must be an integer, not {units!r}") from None
    if isinstance(units, bool) or number <= 0:
        raise ShapeError(f"Dense: units must be at least 1, not {units!r}")
    return number


def _param(name: str, make: Initializer, shape: tuple[int, ...], rng: np.random.Generator, dtype: DType) -> Expr:
    value = np.asarray(make(shape, seed=rng, dtype=dtype.numpy))
    if value.shape != shape or value.dtype != dtype.numpy:
        raise GraphError(
            f"the initializer of {name} gave {value.dtype} of shape {show(value.shape)}; "
            f"it was asked for {dtype} of shape {show(shape)}"
        )
    return gc.param(name, value)


def _named(value: Expr, name: str) -> Expr:
    """The value under this name, unless it has one."""
    return value if value.name else gc.name(value, name)
