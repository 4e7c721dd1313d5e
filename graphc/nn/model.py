"""`Model`: layers from inputs to outputs, and training in Keras's conventions.

    x = nn.Input((784,))
    h = nn.Dense(512, activation="relu")(x)
    model = nn.Model(x, nn.Dense(10, activation="softmax")(h))
    model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x_train, y_train, epochs=5, batch_size=128)

A model is a layer itself, and everything it does is graph: `model.graph` holds the expressions.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..ir.dim import Shape
from ..ir.errors import GraphError
from ..ir.expr import Expr
from ..ir.tree import expressions
from . import initializers, saving
from .calls import logits_of, record
from .data import by_name
from .initializers import Seed
from .layer import Layer
from .network import Network
from .registry import free_name
from .summary import summary
from .trainer import Trainer


class Model(Trainer):
    """Layers from inputs to outputs.

    Args:
        inputs: what `nn.Input` made: one, a list or a dict.
        outputs: expressions made of them: one, or lists, tuples and dicts.
        name: what the model is called.
        seed: makes shuffling the same every time.

    Attributes: see `Trainer`.
    """

    kind = "model"

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, *, seed: Seed = None) -> None:
        self._begin(name, seed)
        self._input_names = tuple(inputs) if isinstance(inputs, Mapping) else None
        self._install(
            Network(expressions(inputs, "a model's inputs").leaves, expressions(outputs, "a model's outputs"))
        )

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "call" in vars(cls):
            raise GraphError(
                f"{cls.__name__}: a model is told what it gives when it is made, super().__init__(inputs, outputs) "
                "with inputs = nn.Input(...) and outputs made of them by layers, not in call; a layer says it in "
                "apply(self, x)"
            )

    def _begin(self, name: str | None, seed: Seed) -> None:
        super().__init__(name, seed)
        self._network = None
        self._input_names = None
        self._names: dict[Layer, str] = {}
        self._source, self._shuffling = initializers.source(), initializers.generator(seed)

    def _install(self, network: Network) -> None:
        self._network = network
        self.built = True
        self._name_layers(self.layers)

    def _name_layers(self, layers: Sequence[Layer]) -> None:
        self._names = dict(zip(layers, distinct_names(layers), strict=True))
        for layer in layers:
            layer.name = layer.name or self.name_of(layer)

    def name_of(self, layer: Layer) -> str:
        """The layer's name in this model: one that another model has chosen for it may be taken here."""
        return self._names.get(layer) or str(layer.name)

    # Structure -----------------------------------------------------------------------------------------------------

    @property
    def network(self) -> Network:
        """The model's graph.

        Raises:
            GraphError: what the model is fed is not known yet.
        """
        assert self._network is not None
        return self._network

    @property
    def layers(self) -> list[Layer]:
        """The layers, in the order they are applied."""
        return self.network.layers

    @property
    def inputs(self) -> list[Expr]:
        """What the model is fed."""
        return list(self.network.inputs)

    @property
    def outputs(self) -> list[Expr]:
        """What the model gives."""
        return list(self.network.outputs.leaves)

    @property
    def input_shape(self) -> Shape | list[Shape]:
        """The shape of what the model is fed, with the batch in front; a list for several inputs."""
        shapes = [x.shape for x in self.network.inputs]
        return shapes[0] if len(shapes) == 1 else shapes

    @property
    def output_shape(self) -> Shape | list[Shape]:
        """The shape of what the model gives, with the batch in front; a list for several outputs."""
        shapes = [y.shape for y in self.network.outputs.leaves]
        return shapes[0] if len(shapes) == 1 else shapes

    @property
    def input_names(self) -> list[str]:
        """The names by which a dict of samples is sorted."""
        return list(self._input_names or (str(x.name) for x in self.network.inputs))

    @property
    def output_names(self) -> list[str]:
        """The names of outputs in logs and in dicts: their keys, or the names of the layers they come from."""
        tree = self.network.outputs
        if isinstance(tree.skeleton, dict):
            return [str(key) for key in tree.skeleton]
        calls = [self.network.calls.of(y) for y in tree.leaves]
        found = [self.name_of(c.layer) if c is not None and c.layer is not None else None for c in calls]
        return [n if n and found.count(n) == 1 else f"output_{i + 1}" for i, n in enumerate(found)]

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of this name, or at this place.

        Raises:
            GraphError: there is none.
        """
        named = {self.name_of(layer): layer for layer in self.layers}
        if index is not None and -len(self.layers) <= index < len(self.layers):
            return self.layers[index]
        if name not in named:
            raise GraphError(f"there is no layer {name or index!r}; there are {', '.join(named)}")
        return named[str(name)]

    def __call__(self, x: Any) -> Any:
        """The model as a layer: its outputs for other expressions than its inputs."""
        given = self._arguments(x)
        results = self._results(x, given)
        for position, result in enumerate(results):
            record(result, self, given, logits_of(result), position, holds=True)
        return self.network.outputs.rebuild(results)

    def _arguments(self, x: Any) -> list[Expr]:
        listed = [x] if isinstance(x, Expr) else by_name("x", x, self.input_names)
        return list(expressions(listed, "a model is called on").leaves)

    def _results(self, x: Any, given: Sequence[Expr]) -> list[Expr]:
        return self.network.at(given)

    def apply(self, x: Any) -> Any:
        """The outputs for x."""
        return self(x)

    def ensure_built(self) -> None:
        """Make the parameters, if it is known what the model is fed."""

    # Parameters ----------------------------------------------------------------------------------------------------

    def weights(self) -> dict[str, Expr]:
        """All parameters and state, by "layer/role"."""
        self.ensure_built()
        found: dict[str, Expr] = {}
        seen: set[int] = set()
        pairs = [(f"{self.name_of(layer)}/{role}", p) for layer in self.layers for role, p in layer.weights().items()]
        loose = self._network.loose_params() if self._network is not None else []
        for path, param in [*pairs, *((str(p.name), p) for p in loose)]:
            if path in found:
                raise GraphError(f"two parameters of the model are called {path!r}")
            if id(param) not in seen:
                seen.add(id(param))
                found[path] = param
        return found

    @property
    def params(self) -> list[Expr]:
        """The parameters that gradients move, the first layer's first; none before the model is built."""
        return self._distinct("params")

    @property
    def state(self) -> list[Expr]:
        """Params that gradients do not move."""
        return self._distinct("state")

    @property
    def trainable_params(self) -> list[Expr]:
        """The parameters that training moves."""
        return self._distinct("trainable_params") if self.trainable else []

    @property
    def random_state(self) -> list[Expr]:
        """The state that random numbers are drawn by: saved with the weights, but not counted among them."""
        return self._distinct("random_state")

    def _distinct(self, kind: str) -> list[Expr]:
        self.ensure_built()
        listed = [p for layer in self.layers for p in getattr(layer, kind)]
        if self._network is not None and kind in ("params", "trainable_params"):
            listed += self._network.loose_params()
        return _once(listed)

    def penalties(self) -> list[Expr]:
        """What the parameters that training moves cost in the loss, scalars, each once."""
        return _once(cost for layer in self.layers for cost in layer.penalties()) if self.trainable else []

    def updates(self) -> dict[Expr, Expr]:
        """What a training step does to the layers' state."""
        return {param: new for layer in self.layers for param, new in layer.updates().items()}

    def summary(self, print_fn: Callable[[str], object] = print) -> None:
        """Print the layers, the shapes they give, how many parameters they have, and what they are fed by."""
        print_fn(summary(self))

    # Saving --------------------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything into one file: architecture, weights, what it was compiled with, the optimizer's state and
        where shuffling stands. `nn.load_model(path)` goes on exactly where this one is.

        The file is replaced as a whole or not at all.

        Raises:
            GraphError: a part has no plain form, such as a lambda.
            OSError: the file cannot be written.
        """
        saving.save_model(self, path)

    def save_weights(self, path: str | os.PathLike[str]) -> None:
        """Write the weights into a safetensors file. The file is replaced as a whole or not at all."""
        saving.save_weights(self, path)

    def load_weights(self, path: str | os.PathLike[str]) -> None:
        """Read weights from a file of `save` or `save_weights`: all of them or, with an error, none.

        Raises:
            GraphError: the file is no such file, or holds other weights than the model has.
            OSError: it cannot be read.
        """
        saving.load_weights(self, path)

    def config(self) -> dict[str, Any]:
        """The architecture in plain data.

        Raises:
            GraphError: a part has no plain form.
        """
        config = saving.network_config(self.network, self._input_names)
        return {**config, "layers": self._under_their_names(config["layers"])}

    def _under_their_names(self, configs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**c, "name": self.name_of(layer)} for c, layer in zip(configs, self.layers, strict=True)]

    @classmethod
    def from_config(cls, config: dict[str, Any], custom: dict[str, Any]) -> Layer:
        """A model of a `config()`."""
        read = dict(config)
        name = read.pop("name", None)
        inputs, outputs = saving.network_from(read, custom)
        return cls(inputs, outputs, name)


def _once(expressions: Iterable[Expr]) -> list[Expr]:
    return list({id(e): e for e in expressions}.values())


def distinct_names(layers: Sequence[Layer]) -> list[str]:
    """A name for each layer: the one the user gave, else the one it has or the first of its kind that nobody has.

    Raises:
        GraphError: the user gave a name twice.
    """
    given = [layer.given_name for layer in layers if layer.given_name is not None]
    repeated = next((name for name in given if given.count(name) > 1), None)
    if repeated is not None:
        raise GraphError(f"two layers of the model are called {repeated!r}")
    taken = [layer.name for layer in layers if layer.name is not None]
    names, used = [], set(given)
    for layer in layers:
        name = layer.given_name or layer.name
        if name is None or (layer.given_name is None and name in used):
            name = free_name(layer.kind, taken)
            taken.append(name)
        names.append(name)
        used.add(name)
    return names


__all__ = ["Model", "distinct_names"]
