"""Dropout, and the random numbers it takes.

Random numbers are a function of where they stand: of a key and of the element's position, hashed. The graph has no
hidden state, the interpreter and compiled code draw the same numbers, and any thread may compute any part of them.

    h = mix(position ^ key_0),   bits = mix(h + key_1)

`mix` is a 32-bit hash of two multiplications and three shifts, from Wellons' search for hashes of low bias
("Prospecting for Hash Functions", 2018). The keys come from the layer's seed and from the number of training steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import graphc as gc

from ..ir.dim import Shape, Size
from ..ir.dtype import DType, int64, uint32
from ..ir.errors import GraphError
from ..ir.expr import Expr
from ..ops import leaf
from ..optim.plain import plain
from . import initializers
from .initializers import Seed
from .layer import Layer

TRAINING = gc.input("training", (), dtype="bool")
"""Whether a graph is used to train. Models put True or False in its place; whoever compiles a graph with a dropout
layer without a model can give it as an input, or call the layer with `training=`."""


_APART = 0x9E3779B1
"""Between what two calls of a layer count: many more steps than a training takes."""


def random_bits(shape: Shape, key: Expr) -> Expr:
    """Uniform uint32, one for each position in the shape.

    Args:
        shape: may have a named first dimension; the others are numbers.
        key: two uint32 in an array; each key gives other numbers.
    """
    position: Expr = leaf.constant(np.zeros((), np.uint32))
    stride: Size = 1
    for axis in reversed(range(len(shape))):
        position = position + leaf.iota(shape, axis, uint32) * gc.astype(gc.constant(stride), "uint32")
        stride = stride * shape[axis]
    return _mix(_mix(gc.bitwise_xor(position, key[0])) + key[1])


def _mix(x: Expr) -> Expr:
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = gc.bitwise_xor(x, gc.bitwise_right_shift(x, shift)) * np.uint32(factor)
    return gc.bitwise_xor(x, gc.bitwise_right_shift(x, 16))


def dropout(x: Expr, rate: float, key: Expr) -> Expr:
    """x with every element 0 with probability `rate`, and the others divided by 1 - rate: Srivastava et al. 2014."""
    kept = random_bits(x.shape, key) >= np.uint32(min(round(rate * 2**32), 2**32 - 1))
    return gc.where(kept, x / (1 - rate), 0)


class Dropout(Layer):
    """While training, each element is 0 with probability `rate` and divided by 1 - rate else; x itself when not.

    Args:
        rate: from 0 up to 1.
        name: what the layer is called.
        seed: gives the same numbers every time; a `Sequential` with a seed gives its layers theirs.
    """

    kind = "dropout"

    def __init__(self, rate: float, name: str | None = None, *, seed: Seed = None) -> None:
        super().__init__(name, seed)
        number = plain(rate)
        if not (isinstance(number, (int, float)) and 0 <= number < 1):
            raise GraphError(f"Dropout: rate is a number from 0 up to 1, not {rate!r}")
        self.rate = float(number)
        self._calls = 0

    def build(self, shape: Shape, dtype: DType) -> None:
        """Draw the key, and begin to count steps."""
        drawn = initializers.generator(self.seed).integers(0, 2**32, 2, dtype=np.uint32)
        self.key = self.add_weight("key", (2,), lambda s, seed, dtype: drawn, uint32, trainable=False)
        self.steps = self.add_weight("steps", (), "zeros", int64, trainable=False)

    def __call__(self, x: Any, training: bool | None = None) -> Any:
        """The layer applied to x: as in training or not, or as `TRAINING` says."""
        if training is None:
            return super().__call__(x)
        self.build_for(x)
        return self._dropped(x) if training else x

    def apply(self, x: Expr) -> Expr:
        """x while not training."""
        return gc.where(TRAINING, self._dropped(x), x) if self.rate else x

    def _dropped(self, x: Expr) -> Expr:
        """Each call in a graph draws numbers of its own."""
        steps = gc.astype(self.steps, "uint32")
        if self._calls:
            steps = steps + np.uint32(self._calls * _APART % 2**32)
        self._calls += 1
        return dropout(x, self.rate, gc.bitwise_xor(self.key, _mix(gc.stack([steps, ~steps]))))

    @property
    def random_state(self) -> list[Expr]:
        """The key and the number of steps."""
        return self.state

    def updates(self) -> dict[Expr, Expr]:
        """One step more."""
        return {self.steps: self.steps + 1} if self.built and self.rate else {}

    def config(self) -> dict[str, Any]:
        """The arguments of the constructor, in plain data."""
        return {"rate": self.rate}
