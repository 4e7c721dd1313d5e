"""A model in one file: weights as safetensors, and all else as JSON in the file's metadata.

What is saved is plain data: names of layers, losses and optimizers, and their options. Loading makes them anew by those
names; nothing in a file is ever executed. A model is made as a whole before anybody sees it, and an existing one gets
weights when all of them have been checked.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import graphc as gc

from ..ir.dtype import as_dtype
from ..ir.errors import GraphcError, GraphError, describe
from ..ir.expr import Expr, make
from ..ir.graph import ExprTable
from ..ir.op import REGISTRY
from ..ir.tree import flatten
from ..optim.plain import plain
from . import registry, safetensors
from .calls import Call
from .data import Array
from .layer import Input, Layer, built_from_file
from .network import BATCH, Network
from .safetensors import Contents

if TYPE_CHECKING:
    from .model import Model

FORMAT = 1
_MARK = "@"
"""Before the names of arrays that are no weights; no layer's name begins with it."""
_LARGEST_CONSTANT = 4096
"""Elements of a constant that the architecture takes up."""

_MISTAKES = (TypeError, KeyError, ValueError, AttributeError, IndexError, OverflowError, RecursionError, MemoryError)
"""What plain data of the wrong form can bring about while a model is made of them."""


# Files ---------------------------------------------------------------------------------------------------------


def save_model(model: Model, path: str | os.PathLike[str]) -> None:
    """Write everything about the model into a file; see `Model.save`."""
    weights = model.weights()  # which also builds it
    arrays = {name: param.value for name, param in weights.items()} | {
        name: param.value for name, param in _memory(model, weights).items()
    }
    about = {
        "format": FORMAT,
        "model": layer_config(model),
        "built": model.built,
        "compiled": _compiled(model),
        "shuffling": plain(model._shuffling.bit_generator.state),
    }
    safetensors.write(path, arrays, {"graphc": json.dumps(about, allow_nan=False, ensure_ascii=False)})


def save_weights(model: Model, path: str | os.PathLike[str]) -> None:
    """Write the weights alone into a file; see `Model.save_weights`."""
    safetensors.write(path, {name: param.value for name, param in model.weights().items()}, {})


def load_weights(model: Model, path: str | os.PathLike[str]) -> None:
    """Read weights into the model; see `Model.load_weights`."""
    contents = safetensors.read(path)
    arrays = {name: array for name, array in contents.arrays.items() if not name.startswith(_MARK)}
    _fill(path, model.weights(), arrays)


def load_model(path: str | os.PathLike[str], custom_objects: Mapping[str, Any] | None = None) -> Model:
    """The model that `model.save(path)` wrote, ready to go on: compiled, with optimizer state and place in shuffling.

    Args:
        path: the file.
        custom_objects: layers, functions and metrics that are not graphc's, by their names.

    Raises:
        GraphError: the file is no such file, was altered, or needs custom objects that were not given.
        OSError: it cannot be read.
    """
    contents = safetensors.read(path)
    if "graphc" not in contents.metadata:
        raise GraphError(f"{os.fspath(path)} holds weights without a model; read them with model.load_weights")
    try:
        return _model_from(path, contents, dict(custom_objects or {}))
    except GraphcError:
        raise
    except _MISTAKES as error:
        reason = f"{type(error).__name__}: {error}"
        raise GraphError(f"{os.fspath(path)} does not describe a model ({reason})") from None


def _model_from(path: str | os.PathLike[str], contents: Contents, custom: dict[str, Any]) -> Model:
    from .model import Model

    about = json.loads(contents.metadata["graphc"])
    if about["format"] != FORMAT:
        raise GraphError(f"{os.fspath(path)} is of format {about['format']!r}; this version reads {FORMAT}")
    with built_from_file(sum(array.nbytes for array in contents.arrays.values())):
        model = layer_from(about["model"], custom)
        if not isinstance(model, Model):
            raise GraphError(f"{os.fspath(path)} holds a layer, but no model")
        weights = _built(model) if about["built"] else {}
        _compile(model, about["compiled"], custom)
    model._shuffling = np.random.default_rng()
    model._shuffling.bit_generator.state = about["shuffling"]
    _fill(path, {**weights, **_memory(model, weights)}, contents.arrays)
    return model


def _built(model: Model) -> dict[str, Expr]:
    """The weights of the model, made if they are not there yet."""
    return model.weights() if model.network is not None else {}


def _fill(path: str | os.PathLike[str], params: Mapping[str, Expr], arrays: Mapping[str, Array]) -> None:
    """Give the params the arrays of their names: all of them, or none and an error."""
    shown = os.fspath(path)
    for kind, names in (("lacks", params.keys() - arrays.keys()), ("has in addition", arrays.keys() - params.keys())):
        if names:
            raise GraphError(f"{shown} {kind} {', '.join(sorted(names)[:5])}: it is of another model")
    for name, param in params.items():
        array = arrays[name]
        if array.shape != param.value.shape or array.dtype != param.dtype.numpy:
            raise GraphError(
                f"{shown} has {name!r} as {array.dtype} of shape {array.shape}; the model has it as "
                f"{param.dtype} of shape {param.value.shape}"
            )
    for name, param in params.items():
        param.value = arrays[name]


# What a model was compiled with ------------------------------------------------------------------------------------


def _compiled(model: Model) -> Any:
    if model.optimizer is None or model._objective is None:
        return None
    return {"optimizer": model.optimizer.config(), **model._require_objective().config()}


def _compile(model: Model, compiled: Any, custom: dict[str, Any]) -> None:
    from .. import optim
    from . import losses
    from .objective import read_metrics

    if compiled is None:
        return
    chosen = [None if one is None else losses.from_config(one, custom) for one in compiled["losses"]]
    watched = [read_metrics(compiled[kind], custom) for kind in ("metrics", "weighted_metrics")]
    plain, weighted = (groups if len(chosen) > 1 else groups[0] for groups in watched)
    model.compile(optim.get(compiled["optimizer"]), chosen, plain, compiled["loss_weights"], weighted)


def _memory(model: Model, weights: Mapping[str, Expr]) -> dict[str, Expr]:
    """What the optimizer remembers of what training moves, by name."""
    if model.optimizer is None or not model.built:
        return {}
    model._moves(model.graph)  # it remembers nothing before it has been asked for updates
    moved = ExprTable((param, None) for param in model.trainable_params)
    names = ExprTable((param, name) for name, param in weights.items() if param in moved)
    return {
        f"{_MARK}optimizer/{what}" + ("" if param is None else f"/{names[param]}"): value
        for what, param, value in model.optimizer.memory()
        if param is None or param in names
    }


# Layers --------------------------------------------------------------------------------------------------------


def _classes() -> dict[str, type[Layer]]:
    from . import dropout, layers, merging, model, sequential

    found = (
        layers.Dense, layers.Activation, layers.Flatten, layers.Reshape, layers.Rescaling, layers.Normalization,
        merging.Add, merging.Subtract, merging.Multiply, merging.Average, merging.Maximum, merging.Minimum,
        merging.Concatenate, dropout.Dropout, model.Model, sequential.Sequential,
    )  # fmt: skip
    return {kind.__name__: kind for kind in found}


def layer_config(layer: Layer) -> dict[str, Any]:
    """A layer as plain data.

    Raises:
        GraphError: it cannot be saved.
    """
    return {
        "class": type(layer).__name__,
        "name": layer.name,
        "trainable": layer.trainable,
        "config": layer.config(),
    }


def layer_from(config: Mapping[str, Any], custom: dict[str, Any]) -> Layer:
    """The layer of a `layer_config`.

    Raises:
        GraphError: its class is not known.
    """
    name = config["class"]
    known = {**_classes(), **{n: c for n, c in custom.items() if isinstance(c, type) and issubclass(c, Layer)}}
    if name not in known:
        raise GraphError(
            f"the saved model uses the layer {name!r}, which is not graphc's; hand it over: "
            f"custom_objects={{{name!r}: ...}}"
        )
    layer = known[name].from_config(dict(config["config"]), custom)
    layer.rename(config["name"])
    layer.trainable = bool(config["trainable"])
    return layer


# Graphs of layers ----------------------------------------------------------------------------------------------


def network_config(network: Network, input_names: Sequence[str] | None) -> dict[str, Any]:
    """Inputs, layers and what is computed between them, as plain data.

    Raises:
        GraphError: between the layers something is computed that is not elementwise.
    """
    layers: list[Layer] = []
    at: ExprTable[int] = ExprTable()
    steps: list[dict[str, Any]] = []
    for node, call in (*((x, None) for x in network.inputs), *network.calls.steps):
        if node in at and (call is None or call.layer is None):
            continue
        args = [at[node if x is None else x] for x in (node.args if call is None else call.inputs)]
        steps.append(_step(node, call, args, layers))
        at[node] = len(steps) - 1
    return {
        "layers": [layer_config(layer) for layer in layers],
        "steps": steps,
        "inputs": [at[x] for x in network.inputs],
        "input_names": None if input_names is None else list(input_names),
        "outputs": network.outputs.rebuild([at[y] for y in network.outputs.leaves]),
    }


def _step(node: Expr, call: Call | None, args: list[int], layers: list[Layer]) -> dict[str, Any]:
    if node.op.name == "input":
        return {"input": {"shape": list(node.shape[1:]), "dtype": node.dtype.name, "name": node.name}}
    if call is not None and call.layer is not None:
        index = next((i for i, layer in enumerate(layers) if layer is call.layer), len(layers))
        if index == len(layers):
            layers.append(call.layer)
        return {"layer": index, "args": args, "result": call.position}
    if node.op.kind == "elementwise" and set(node.attrs) <= {"dtype"}:
        dtype = node.attrs.get("dtype")
        return {"op": node.op.name, "args": args, "dtype": None if dtype is None else dtype.name}
    if node.op.name == "broadcast_to" and all(d == BATCH or isinstance(d, int) for d in node.shape):
        return {"broadcast_to": ["batch" if d == BATCH else d for d in node.shape], "args": args}
    if node.op.name == "constant" and node.attrs["value"].array.size <= _LARGEST_CONSTANT:
        value = node.attrs["value"].array
        return {"constant": [float(v).hex() if value.dtype.kind == "f" else int(v) for v in value.ravel()],
                "shape": list(value.shape), "dtype": node.dtype.name}  # fmt: skip
    raise GraphError(
        "between layers, only inputs, small constants and elementwise operations can be saved; put this into a layer "
        f"of its own, or use save_weights{describe(found=node)}"
    )


def network_from(config: Mapping[str, Any], custom: dict[str, Any]) -> tuple[Any, Any]:
    """The inputs and outputs of a `network_config`."""
    layers = [layer_from(one, custom) for one in config["layers"]]
    made: list[Expr] = []
    for step in config["steps"]:
        made.append(_made(step, layers, made))
    fed = [made[_index(i, made)] for i in config["inputs"]]
    names = config["input_names"]
    return fed if names is None else dict(zip(names, fed, strict=True)), _structured(config["outputs"], made)


def _made(step: Mapping[str, Any], layers: Sequence[Layer], made: Sequence[Expr]) -> Expr:
    if "input" in step:
        return Input(**step["input"])
    if "constant" in step:
        dtype = as_dtype(step["dtype"])
        read = float.fromhex if dtype.is_float else int
        values = np.array([read(v) for v in step["constant"]], dtype.numpy)
        return gc.constant(values.reshape(step["shape"]))
    args = [made[_index(i, made)] for i in step["args"]]
    if "layer" in step:
        layer = layers[_index(step["layer"], layers)]
        results: tuple[Expr, ...] = flatten(layer(args[0] if len(args) == 1 else args)).leaves
        return results[_index(step["result"], results)]
    if "broadcast_to" in step:
        return gc.broadcast_to(args[0], step["broadcast_to"])
    op = registry.find("operation", REGISTRY, step["op"])
    if op.kind != "elementwise" or len(args) != op.arity or (step["dtype"] is None) != (op.name != "astype"):
        raise GraphError(f"{op.name} does not stand between layers like this")
    return make(op, tuple(args), {} if step["dtype"] is None else {"dtype": as_dtype(step["dtype"])})


def _index(given: Any, row: Sequence[Any]) -> int:
    if type(given) is not int or not 0 <= given < len(row):
        raise GraphError(f"there is no step or layer {given!r} before it is used")
    return given


def _structured(config: Any, made: Sequence[Expr]) -> Any:
    if isinstance(config, dict):
        return {key: _structured(value, made) for key, value in config.items()}
    if isinstance(config, list):
        return [_structured(value, made) for value in config]
    return made[_index(config, made)]
