"""`Sequential`: a stack of layers.

model = nn.Sequential([nn.Dense(512, activation="relu"), nn.Dense(10, activation="softmax")], seed=0)
model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x_train, y_train, epochs=5, batch_size=128)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..ir.dim import Shape, Size
from ..ir.dtype import DType, as_dtype
from ..ir.errors import GraphError, ShapeError
from ..ir.expr import Expr
from ..ir.tree import flatten
from . import initializers, saving
from .data import Array, as_array
from .initializers import Seed
from .layer import Input, Layer
from .model import Model
from .network import Network


class Sequential(Model):
    """Layers, each applied to the result of the one before.

    Args:
        layers: the layers; an `nn.Input` in front says what the model is fed. Without one this is read off the
            data of the first `fit`, `evaluate` or `predict`.
        name: what the model is called.
        seed: makes parameters and shuffling the same every time.
    """

    kind = "sequential"

    def __init__(self, layers: Iterable[Layer | Expr] = (), name: str | None = None, *, seed: Seed = None) -> None:
        self._begin(name, seed)
        self._layers: list[Layer] = []
        self._input: Expr | None = None
        for layer in layers:
            self.add(layer)

    def add(self, layer: Layer | Expr) -> None:
        """Put a layer on top, or say what the model is fed with an `nn.Input` before the first one.

        Raises:
            GraphError: the model is built already, it is no layer, or two layers have the same name.
        """
        if self.built:
            raise GraphError("a layer cannot be added to a model that is built already")
        if isinstance(layer, Expr) and layer.op.name == "input":
            if self._layers or self._input is not None:
                raise GraphError("nn.Input comes first in a model, and once")
            self._input = layer
            return
        if not isinstance(layer, Layer):
            raise GraphError(f"a model is made of layers such as nn.Dense(10), not of {layer!r}")
        if any(layer is other for other in self._layers):
            raise GraphError(f"the layer {layer.name!r} is in the model already")
        self._name_layers([*self._layers, layer])
        if layer.given_name is None:
            layer.suffix = layer.suffix or str(len(self._layers) + 1)
        self._layers.append(layer)

    @property
    def layers(self) -> list[Layer]:
        """The layers, the first one first."""
        return list(self._layers)

    @property
    def network(self) -> Network:
        """The model's graph.

        Raises:
            GraphError: what the model is fed is not known yet.
        """
        if self._network is None:
            if self._input is None:
                raise GraphError(
                    "what the model is fed is not known yet: put nn.Input((784,)) in front, or call "
                    "model.build((None, 784)) or fit"
                )
            self._build(self._input)
        assert self._network is not None
        return self._network

    def build(self, shape: Sequence[Size | str | None], dtype: DType | str = "float32") -> None:
        """Make all parameters.

        Args:
            shape: of what the model is fed, with the batch in front: (None, 784), or ("batch", 784).
            dtype: of what the model is fed.

        Raises:
            ShapeError: the shape does not begin with a batch, or the layers cannot take it.
            GraphError: there are no layers, or the model was built for another shape.
        """
        if len(shape) < 2 or any(not isinstance(d, int) for d in shape[1:]):
            raise ShapeError(f"build takes a shape with the batch in front, such as (None, 784), not {tuple(shape)}")
        wanted = Input(tuple(shape[1:]), as_dtype(dtype).name)  # type: ignore[arg-type]
        if self._input is not None and (self._input.shape != wanted.shape or self._input.dtype is not wanted.dtype):
            raise GraphError(f"the model takes {self._input.type_text}, not {wanted.type_text}")
        if not self.built:
            self._build(self._input if self._input is not None else wanted)

    def _build(self, fed: Expr) -> None:
        if not self._layers:
            raise GraphError("the model has no layers")
        self._seed_layers()
        value: Any = fed
        for layer in self._layers:
            value = layer(value)
        self._input = fed
        self._install(Network((fed,), flatten(value)))

    def _seed_layers(self) -> None:
        """Independent seeds for every layer that has none of its own, and for shuffling."""
        rng = initializers.generator(self.seed)
        *children, shuffling = rng.spawn(len(self._layers) + 1)
        if self.seed is not None:
            for layer, child in zip(self._layers, children, strict=True):
                layer.seed = child if layer.seed is None else layer.seed
        self._shuffling = shuffling

    def ensure_built(self) -> None:
        """Make the parameters, if it is known what the model is fed."""
        if self._network is None and self._input is not None and self._layers:
            self._build(self._input)

    def build_for(self, x: Any) -> None:
        """Make all parameters for an argument like `x`."""
        if not self.built and isinstance(x, Expr) and all(isinstance(d, int) for d in x.shape[1:]):
            self.build((None, *x.shape[1:]), x.dtype)

    def _arguments(self, x: Any) -> list[Expr]:
        self.build_for(x)
        return super()._arguments(x) if self.built else [x]

    def _results(self, x: Any, given: Sequence[Expr]) -> list[Expr]:
        # The layers themselves, not the graph of the model: they may take more than (batch, ...).
        value: Any = given[0]
        for layer in self._layers:
            value = layer(value)
        return list(flatten(value).leaves)

    @property
    def output_shape(self) -> Shape | list[Shape]:
        """The shape of what the model gives, with the batch in front.

        Raises:
            GraphError: it is not known yet.
        """
        return super().output_shape

    def _samples(self, x: object) -> list[Array]:
        """x as the model takes it; the first data a model sees says what it is fed."""
        if self._input is None:
            self.build((None, *(as_array("x", x).shape[1:] or (1,))))
        return super()._samples(x)

    def config(self) -> dict[str, Any]:
        """The architecture in plain data.

        Raises:
            GraphError: a part has no plain form.
        """
        fed = None
        if self._input is not None:
            fed = {"shape": list(self._input.shape[1:]), "dtype": self._input.dtype.name, "name": self._input.name}
        return {"input": fed, "layers": self._under_their_names(map(saving.layer_config, self._layers))}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom: dict[str, Any]) -> Layer:
        """A model of a `config()`."""
        fed = [] if config["input"] is None else [Input(**config["input"])]
        layers = [saving.layer_from(one, custom) for one in config["layers"]]
        return cls([*fed, *layers], config.get("name"))
