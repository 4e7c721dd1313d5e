"""The layers of dense networks.

layer = nn.Dense(512, activation="relu", seed=0)
h = layer(x)                     # makes layer.params at the first call, uses them at every call
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import graphc as gc

from ..ir.dim import Shape, show
from ..ir.dtype import DType
from ..ir.errors import DTypeError, GraphError, ShapeError, describe
from ..ir.expr import Expr
from . import activations, initializers, registry, regularizers
from .activations import Activation as ActivationFunction
from .initializers import Initializer, Seed
from .layer import Layer, named, positive
from .regularizers import Penalty


class Dense(Layer):
    """activation(x @ W + b).

    Args:
        units: the length of the result's last axis.
        activation: a name (see `nn.activations`), a function of an expression, or None for none.
        use_bias: whether there is a b.
        kernel_initializer, bias_initializer: a name (see `nn.initializers`) or a function `(shape, seed, dtype)`.
        kernel_regularizer, bias_regularizer, activity_regularizer: what W, b and the result cost in the loss: a name
            or object of `nn.regularizers`, or a function of an expression. The cost of the result is divided by the
            batch.
        name: what the layer is called; a model names its layers dense, dense_1, ... else.
        seed: makes the parameters the same every time; a `Sequential` with a seed gives its layers theirs.

    Takes (..., features) and gives (..., units), in the dtype of x, which must be floating point. `kernel` of shape
    (features, units) and `bias` of shape (units,) are its params, named W and b.
    """

    kind = "dense"

    def __init__(
        self,
        units: int,
        activation: str | ActivationFunction | None = None,
        use_bias: bool = True,
        kernel_initializer: str | Initializer = "glorot_uniform",
        bias_initializer: str | Initializer = "zeros",
        kernel_regularizer: str | Penalty | None = None,
        bias_regularizer: str | Penalty | None = None,
        activity_regularizer: str | Penalty | None = None,
        name: str | None = None,
        *,
        seed: Seed = None,
    ) -> None:
        super().__init__(name, seed)
        self.units = positive("Dense: units", units)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.kernel: Expr | None = None
        self.bias: Expr | None = None

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
        sizes = (shape[-1], self.units)
        self.kernel = self.add_weight(
            "kernel", sizes, self.kernel_initializer, dtype, symbol="W", regularizer=self.kernel_regularizer
        )
        if self.use_bias:
            self.bias = self.add_weight(
                "bias", sizes[1:], self.bias_initializer, dtype, symbol="b", regularizer=self.bias_regularizer
            )

    def apply(self, x: Expr) -> Expr:
        """activation(x @ W + b)."""
        z = self.preactivation(x)
        a = self.activation(z)
        return a if a is z else named(a, f"a{self.suffix}")

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
        return named(z if self.bias is None else z + self.bias, f"z{self.suffix}")

    def logits_behind(self, x: Expr, result: Expr) -> tuple[str, Expr] | None:
        """z where the activation is a softmax or a sigmoid."""
        which = activations.logits_of(self.activation)
        return None if which is None else (which, self.preactivation(x))

    def config(self) -> dict[str, Any]:
        """The arguments of the constructor, in plain data."""
        return {
            "units": self.units,
            "activation": registry.function_config("activation", activations.KNOWN, self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.to_config(self.kernel_initializer),
            "bias_initializer": initializers.to_config(self.bias_initializer),
            "kernel_regularizer": regularizers.to_config(self.kernel_regularizer),
            "bias_regularizer": regularizers.to_config(self.bias_regularizer),
            "activity_regularizer": regularizers.to_config(self.activity_regularizer),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom: dict[str, Any]) -> Layer:
        """A layer from its `config()`."""
        read = dict(config)
        read["activation"] = registry.function_from("activation", activations.KNOWN, read["activation"], custom)
        for part in ("kernel", "bias"):
            read[f"{part}_initializer"] = initializers.from_config(read[f"{part}_initializer"], custom)
        for part in ("kernel", "bias", "activity"):
            read[f"{part}_regularizer"] = regularizers.from_config(read[f"{part}_regularizer"], custom)
        return cls(**read)


class Activation(Layer):
    """An activation as a layer of its own: `nn.Activation("relu")`."""

    kind = "activation"

    def __init__(self, activation: str | ActivationFunction, name: str | None = None) -> None:
        super().__init__(name)
        self.activation = activations.get(activation)

    def apply(self, x: Expr) -> Expr:
        """The activation of x."""
        return self.activation(x)

    def logits_behind(self, x: Expr, result: Expr) -> tuple[str, Expr] | None:
        """x where the activation is a softmax or a sigmoid."""
        which = activations.logits_of(self.activation)
        return None if which is None else (which, x)

    def config(self) -> dict[str, Any]:
        """The arguments of the constructor, in plain data."""
        return {"activation": registry.function_config("activation", activations.KNOWN, self.activation)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom: dict[str, Any]) -> Layer:
        """A layer from its `config()`."""
        return cls(registry.function_from("activation", activations.KNOWN, config["activation"], custom))


class Flatten(Layer):
    """(batch, a, b, ...) as (batch, a · b · ...)."""

    kind = "flatten"

    def apply(self, x: Expr) -> Expr:
        """x with everything behind the batch in one axis.

        Raises:
            ShapeError: there is no batch.
        """
        if x.ndim == 0:
            raise ShapeError(f"Flatten needs a batch{describe(x=x)}")
        return gc.expand_dims(x, axis=1) if x.ndim == 1 else gc.reshape(x, (x.shape[0], _count(x.shape[1:], x)))

    def config(self) -> dict[str, Any]:
        """No arguments."""
        return {}


def _count(sizes: Shape, x: Expr) -> int:
    if any(not isinstance(d, int) for d in sizes):
        raise ShapeError(f"the sizes behind the batch have to be numbers{describe(x=x)}")
    return math.prod(d for d in sizes if isinstance(d, int))


class Reshape(Layer):
    """(batch, ...) as (batch, *target_shape); one size may be -1 and follows from the others."""

    kind = "reshape"

    def __init__(self, target_shape: Sequence[int], name: str | None = None) -> None:
        super().__init__(name)
        self.target_shape = tuple(target_shape)

    def apply(self, x: Expr) -> Expr:
        """x under the other shape.

        Raises:
            ShapeError: the number of elements differs.
        """
        total, known = _count(x.shape[1:], x), math.prod(d for d in self.target_shape if d != -1)
        fits = self.target_shape.count(-1) <= 1 and known > 0 and total % known == 0
        if not fits or (-1 not in self.target_shape and total != known):
            raise ShapeError(
                f"Reshape {self.name or ''}: {total} elements do not fit {self.target_shape}{describe(x=x)}"
            )
        return gc.reshape(x, (x.shape[0], *(total // known if d == -1 else d for d in self.target_shape)))

    def config(self) -> dict[str, Any]:
        """The arguments of the constructor, in plain data."""
        return {"target_shape": list(self.target_shape)}


class Rescaling(Layer):
    """x · scale + offset, in floating point: `nn.Rescaling(1 / 255)` for pixels."""

    kind = "rescaling"

    def __init__(self, scale: float, offset: float = 0.0, name: str | None = None) -> None:
        super().__init__(name)
        self.scale, self.offset = float(scale), float(offset)

    def apply(self, x: Expr) -> Expr:
        """x · scale + offset."""
        value = (x if x.dtype.is_float else gc.astype(x, "float32")) * self.scale
        return value + self.offset if self.offset else value

    def config(self) -> dict[str, Any]:
        """The arguments of the constructor, in plain data."""
        return {"scale": self.scale, "offset": self.offset}


class Normalization(Layer):
    """(x - mean) / √variance along the last axis, as learnt from data by `adapt`, or as given.

    Args:
        mean, variance: for each feature, or for all; both or neither.
    """

    kind = "normalization"

    def __init__(self, mean: Any = None, variance: Any = None, name: str | None = None) -> None:
        super().__init__(name)
        if (mean is None) != (variance is None):
            raise GraphError("Normalization: mean and variance are given together")
        self._given = None if mean is None else (np.asarray(mean, "float64"), np.asarray(variance, "float64"))

    def adapt(self, data: Any) -> None:
        """Learn mean and variance of the features, the last axis, from samples.

        Raises:
            GraphError: the layer is built already, and the features are others than those it was built for.
        """
        rows = np.asarray(data, "float64")
        rows = rows.reshape(-1, rows.shape[-1]) if rows.ndim > 1 else rows.reshape(-1, 1)
        self._given = (rows.mean(axis=0), rows.var(axis=0))
        if self.built:
            self._fill()

    def build(self, shape: Shape, dtype: DType) -> None:
        """Keep mean and variance for the features.

        Raises:
            GraphError: neither was given or learnt, or for another number of features.
        """
        if not shape or not isinstance(shape[-1], int):
            raise ShapeError(f"Normalization needs a last axis whose length is a number, not the shape {show(shape)}")
        if dtype.kind != "float":
            raise DTypeError(f"Normalization takes floating point numbers, not {dtype}; convert with gc.astype first")
        self.mean = self.add_weight("mean", shape[-1:], "zeros", dtype, trainable=False)  # type: ignore[arg-type]
        self.variance = self.add_weight("variance", shape[-1:], "ones", dtype, trainable=False)  # type: ignore[arg-type]
        if self._given is not None:
            self._fill()

    def _fill(self) -> None:
        assert self._given is not None
        for param, value in zip((self.mean, self.variance), self._given, strict=True):
            try:
                param.value = np.broadcast_to(value, param.value.shape).astype(param.dtype.numpy)
            except ValueError:
                raise GraphError(
                    f"Normalization {self.name or ''} was built for {param.shape[0]} features, not {value.size}"
                ) from None

    def apply(self, x: Expr) -> Expr:
        """(x - mean) / √variance, the deviation taken as 1e-7 at least."""
        return (x - self.mean) / gc.maximum(gc.sqrt(self.variance), 1e-7)

    def config(self) -> dict[str, Any]:
        """No arguments: mean and variance are among the weights."""
        return {}
