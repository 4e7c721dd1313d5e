"""What a layer is: a function of expressions that owns parameters.

    class Scale(nn.Layer):
        def build(self, shape, dtype):
            self.scale = self.add_weight("scale", shape[-1:], "ones", dtype)

        def apply(self, x):
            return x * self.scale

Parameters and intermediate values carry the names of the textbook (W, b, z, a), with the layer's number in a model or
its own name behind, so that drawings and derivations read as written by hand.
"""

from __future__ import annotations

import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

import numpy as np

import graphc as gc

from ..ir.arguments import convert
from ..ir.dim import Dim, Shape, as_shape, show
from ..ir.dtype import DType, as_dtype
from ..ir.errors import DTypeError, GraphError, ShapeError
from ..ir.expr import Expr
from ..ir.graph import ExprTable
from ..ir.op import Array
from . import initializers
from .calls import Logits, record, trail
from .initializers import Initializer, Seed
from .regularizers import Penalty


def Input(shape: Sequence[int] | int, dtype: str = "float32", name: str | None = None) -> Expr:
    """What a model is fed: an expression of shape (batch, *shape) to call layers on, or to put in front of a
    `Sequential`.

    Args:
        shape: of one sample, without the batch.
        dtype: of the samples.
        name: what it is called, also where samples come in a dict.

    Raises:
        ShapeError: the shape is not made of numbers.
    """
    sizes = as_shape(shape)
    if any(isinstance(d, Dim) for d in sizes):
        raise ShapeError(f"nn.Input takes the shape of one sample in numbers, without the batch; not {show(sizes)}")
    made = gc.input(name or "x", ("batch", *sizes), dtype=as_dtype(dtype).name)
    record(made, None, ())
    return made


class Layer(ABC):
    """A function of expressions, with parameters that are made when its first argument is known.

    Attributes:
        trainable: whether training moves the parameters; to be decided before a model is compiled.
        activity_regularizer: what the layer's result costs in the loss.
    """

    kind: str = "layer"
    """What an unnamed layer of this class is called in a model."""

    def __init__(self, name: str | None = None, seed: Seed = None) -> None:
        self.name: str | None = None
        self.given_name: str | None = None
        """The name, unless a model has chosen it."""
        self.seed = seed
        self.suffix = ""
        """Behind the names of parameters and values: W_hidden, or W1 in a model."""
        self.rename(name)
        self.built = False
        self.trainable = True
        self.activity_regularizer: Penalty | None = None
        self._weights: dict[str, Expr] = {}
        self._fixed: set[str] = set()
        self._penalties: dict[str, Penalty] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "call" in vars(cls) and getattr(cls.apply, "__isabstractmethod__", False):
            raise GraphError(
                f"{cls.__name__}: a layer says what it gives in apply(self, x), not in call, and makes its parameters "
                "in build(self, shape, dtype) with self.add_weight(role, shape, initializer, dtype)"
            )

    def rename(self, name: str | None) -> None:
        """Call an unbuilt layer something else.

        Raises:
            GraphError: it is no text, or one with a "/" in it or a "@" in front.
        """
        if name is not None and (not isinstance(name, str) or not name or "/" in name or name.startswith("@")):
            raise GraphError(f"a layer's name is a text without '/' that does not begin with '@', not {name!r}")
        self.name = self.given_name = name
        self.suffix = f"_{name}" if name else ""

    # Use -----------------------------------------------------------------------------------------------------------

    def __call__(self, x: Any) -> Any:
        """The layer applied to an expression (or a list of them, for a layer that takes several); its parameters are
        made if they are not there yet."""
        given = tuple(x) if isinstance(x, (list, tuple)) else (x,)
        for one in given:
            if not isinstance(one, Expr):
                raise DTypeError(
                    f"a layer is called on an expression such as gc.input(...), not on {type(one).__name__}; "
                    "model.predict(x) takes arrays"
                )
        self._number(given)
        with gc.scope(self.name) if self.name else nullcontext():
            self.build_for(x)
            result = self.apply(x)
        record(result, self, given, self.logits_behind(x, result))
        return result

    def _number(self, given: Sequence[Expr]) -> None:
        """An unnamed layer of a graph that begins with nn.Input is numbered by how many with parameters come before."""
        if self.built or self.suffix:
            return
        before = trail(given)
        if any(call is not None and call.layer is None for _, call in before):
            counted = {id(call.layer) for _, call in before if call is not None and call.layer and call.layer.params}
            self.suffix = str(len(counted) + 1)

    def build_for(self, x: Any) -> None:
        """Make the parameters for an argument like `x`, once."""
        if not self.built:
            first = x[0] if isinstance(x, (list, tuple)) else x
            self.build(first.shape, first.dtype)
            self.built = True

    def build(self, shape: Shape, dtype: DType) -> None:  # noqa: B027 - most layers have nothing to make
        """Make the parameters for arguments of this shape and dtype; there are none by default."""

    @abstractmethod
    def apply(self, x: Any) -> Any:
        """The layer's value at x."""

    def logits_behind(self, x: Any, result: Expr) -> Logits | None:
        """Where the result is a "softmax" or a "sigmoid": which of them, and of what."""
        return None

    # Parameters ----------------------------------------------------------------------------------------------------

    def add_weight(
        self,
        role: str,
        shape: tuple[int, ...],
        initializer: str | Initializer,
        dtype: DType,
        *,
        symbol: str | None = None,
        trainable: bool = True,
        regularizer: Penalty | None = None,
    ) -> Expr:
        """Make a param.

        Args:
            role: what it is called among the layer's parameters, and in saved files: "kernel".
            shape: of its value.
            initializer: a name, or a function `(shape, seed, dtype)`.
            dtype: of its value.
            symbol: what it is called in formulas: "W".
            trainable: whether it is moved by gradients; else it is state of the layer.
            regularizer: what it costs in the loss.

        Raises:
            GraphError: the initializer gave something else than was asked for.
        """
        if not self._weights:
            self._rng = initializers.generator(self.seed)
        name = f"{symbol or role}{self.suffix}"
        if _file_budget.get() is not None:
            initializer = _from_file
        value = np.asarray(initializers.get(initializer)(shape, seed=self._rng, dtype=dtype.numpy))
        if value.shape != shape or value.dtype != dtype.numpy:
            raise GraphError(
                f"the initializer of {name} gave {value.dtype} of shape {show(value.shape)}; "
                f"it was asked for {dtype} of shape {show(shape)}"
            )
        made = self._weights[role] = gc.param(name, value)
        if not trainable:
            self._fixed.add(role)
        if regularizer is not None:
            self._penalties[role] = regularizer
        return made

    @property
    def params(self) -> list[Expr]:
        """The parameters that gradients move, in the order they are used; none before the first call."""
        return [p for role, p in self._weights.items() if role not in self._fixed]

    @property
    def state(self) -> list[Expr]:
        """Params that gradients do not move."""
        return [p for role, p in self._weights.items() if role in self._fixed]

    @property
    def trainable_params(self) -> list[Expr]:
        """The parameters that training moves: `params`, or none where the layer is not trainable."""
        return self.params if self.trainable else []

    def weights(self) -> dict[str, Expr]:
        """Parameters and state by role."""
        return dict(self._weights)

    @property
    def random_state(self) -> list[Expr]:
        """The state that random numbers are drawn by: saved with the weights, but not counted among them."""
        return []

    def _counted(self) -> dict[str, Expr]:
        drawn = ExprTable((p, None) for p in self.random_state)
        return {path: p for path, p in self.weights().items() if p not in drawn}

    def get_weights(self) -> list[Array]:
        """The values of all parameters and all state but `random_state`, in the order of `weights()`."""
        return [p.value for p in self._counted().values()]

    def set_weights(self, values: Sequence[Any]) -> None:
        """Give what `get_weights` lists these values: all of it, or with an error nothing.

        Raises:
            ShapeError: there is another number of arrays, or an array of another shape.
            DTypeError: an array does not convert to the dtype of its parameter.
        """
        params = self._counted()
        if len(values) != len(params):
            raise ShapeError(f"the {self.kind} has {len(params)} weights, {len(values)} arrays were given")
        arrays = []
        for (path, param), value in zip(params.items(), values, strict=True):
            arrays.append(convert(value, param.dtype, f"the weight {path!r}"))
            if arrays[-1].shape != param.shape:
                raise ShapeError(f"the weight {path!r} has the shape {show(param.shape)}, not {arrays[-1].shape}")
        for param, array in zip(params.values(), arrays, strict=True):
            param.value = array

    def count_params(self) -> int:
        """How many numbers there are in all that `get_weights` lists."""
        return sum(p.value.size for p in self._counted().values())

    def penalties(self) -> list[Expr]:
        """What the parameters that training moves cost in the loss, scalars."""
        if not self.trainable:
            return []
        return [cost(self._weights[role]) for role, cost in self._penalties.items() if role not in self._fixed]

    def updates(self) -> dict[Expr, Expr]:
        """What a training step does to the layer's state, beside what the optimizer does."""
        return {}

    # Saving --------------------------------------------------------------------------------------------------------

    def config(self) -> dict[str, Any]:
        """The arguments of the constructor, in plain data.

        Raises:
            GraphError: the layer's class does not say how it is saved.
        """
        raise GraphError(f"the layer {self.name or type(self).__name__!r} cannot be saved: it has no config()")

    @classmethod
    def from_config(cls, config: dict[str, Any], custom: dict[str, Any]) -> Layer:
        """A layer from its `config()`."""
        return cls(**config)


_file_budget: ContextVar[list[int] | None] = ContextVar("_file_budget", default=None)
"""While a model is made for a file: how many more bytes of weights the file has room for."""


@contextmanager
def built_from_file(size: int) -> Iterator[None]:
    """Inside, parameters are zeros that the arrays of a file will replace, and no more of them than the file has bytes:
    what it says about their sizes may be a lie."""
    token = _file_budget.set([size])
    try:
        yield
    finally:
        _file_budget.reset(token)


def _from_file(shape: tuple[int, ...], seed: Seed, dtype: Any) -> Any:
    budget = _file_budget.get()
    assert budget is not None
    budget[0] -= math.prod(shape) * np.dtype(dtype).itemsize
    if budget[0] < 0:
        raise GraphError("the file describes a model whose weights are larger than the file")
    return np.zeros(shape, dtype)


def positive(what: str, value: object) -> int:
    """An integer of at least 1.

    Raises:
        DTypeError: it is no integer.
        ShapeError: it is smaller.
    """
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise DTypeError(f"{what} must be an integer, not {value!r}") from None
    if isinstance(value, bool) or number <= 0:
        raise ShapeError(f"{what} must be at least 1, not {value!r}")
    return number


def named(value: Expr, name: str) -> Expr:
    """The value under this name, unless it has one."""
    return value if value.name else gc.name(value, name)
