"""Programs found on disk: the code of a graph that was compiled before, by this process or another.

The key is made of the graph as the user built it, so that what is found needs neither rewriting nor fusion nor LLVM's
passes: objects are linked, and that is all. What an entry holds besides objects is how the program is called, and
what it points at: params by their position in the graph, constants likewise, or by their bytes where the graph has
none such and rewriting made them.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..codegen import store
from ..codegen.entry import ArrayType, ParamUse, Signature, Structure
from ..codegen.jit import Target, identity
from ..ir.canonical import digest
from ..ir.expr import ConstantValue, Expr
from ..ir.graph import ExprTable, Graph
from ..ir.op import Array
from ..ops import OWN, leaf
from .options import Options

_PACKAGE = __name__.partition(".")[0]


@dataclass(frozen=True, eq=False, slots=True)
class Code:
    """What a program is loaded from."""

    objects: tuple[bytes, ...]
    signature: Signature
    params: tuple[Expr, ...]
    constants: tuple[Array, ...]


class Slot:
    """The place in the cache for the code of one graph, for one choice of sizes."""

    def __init__(self, graph: Graph, key: bytes) -> None:
        self._graph = graph
        self._key = key

    def find(self, name: str, structure: Structure) -> Code | None:
        """The code that is there, for a function of this name whose results have this structure."""
        entry = store.find(self._key)
        if entry is None:
            return None
        try:
            return self._decoded(entry, name, structure)
        except (KeyError, TypeError, ValueError, IndexError):
            return None

    def keep(self, code: Code) -> None:
        """Leave the code for whoever compiles the same."""
        known = {value: at for at, value in enumerate(_constants(self._graph))}
        params = ExprTable((param, at) for at, param in enumerate(self._graph.params))
        constants: list[Any] = []
        made: list[bytes] = []
        for array in code.constants:
            at = known.get(ConstantValue(array))
            if at is None:
                made.append(array.tobytes())
            constants.append([array.dtype.str, list(array.shape)] if at is None else at)
        header = {
            "signature": _encoded(code.signature),
            "objects": len(code.objects),
            "params": [params[param] for param in code.params],
            "constants": constants,
        }
        store.keep(self._key, header, (*code.objects, *made))

    def _decoded(self, entry: store.Entry, name: str, structure: Structure) -> Code:
        header, count = entry.header, entry.header["objects"]
        given = list(_constants(self._graph))
        made = iter(entry.blobs[count:])
        constants = [
            given[at].array if isinstance(at, int) else np.frombuffer(next(made), at[0]).reshape(at[1])
            for at in header["constants"]
        ]
        params = tuple(self._graph.params[at] for at in header["params"])
        return Code(entry.blobs[:count], _signature(header["signature"], name, structure), params, tuple(constants))


def slot(
    graph: Graph, sizes: Mapping[str, int], structure: Structure, options: Options, open_to: str | None = None
) -> Slot | None:
    """Where in the cache the code of a graph belongs; None where it cannot be kept, or nothing may be."""
    if store.folder() is None or not _is_own(graph):
        return None
    given = digest(graph)
    if given is None:
        return None
    target = identity(Target.current())
    key = store.key_of("program", given, sorted(sizes.items()), open_to, structure, options, target)
    return None if key is None else Slot(graph, key)


def _is_own(graph: Graph) -> bool:
    """Whether the files of this package say all about the code: who adds operations, or exchanges how they are emitted
    or scheduled, may do so differently the next time."""
    if not graph.ops <= OWN:
        return False
    scalars, lowering = (sys.modules.get(name) for name in (f"{_PACKAGE}.codegen.scalars", f"{__package__}.lowering"))
    exchanged = [scalars.SCALARS[op] for op in graph.ops if op in scalars.SCALARS] if scalars is not None else []
    if lowering is not None:
        exchanged.append(lowering.schedule)
    return all(f.__module__.partition(".")[0] == _PACKAGE for f in exchanged)


def _constants(graph: Graph) -> Iterable[ConstantValue]:
    return (node.attrs["value"] for node in graph.nodes if node.op is leaf.CONSTANT)


_LIVE = ("name", "structure")
"""What a signature has from the function at hand."""


def _encoded(signature: Signature) -> dict[str, Any]:
    """A signature as JSON has it."""
    return {key: value for key, value in dataclasses.asdict(signature).items() if key not in _LIVE}


def _signature(encoded: Mapping[str, Any], name: str, structure: Structure) -> Signature:
    if {*encoded, *_LIVE} != {field.name for field in dataclasses.fields(Signature)}:
        raise KeyError("another signature's fields")

    def array(dtype: str, shape: Sequence[int], rows: int) -> ArrayType:
        return ArrayType(dtype, tuple(shape), rows)

    rest = {key: value for key, value in encoded.items() if key not in ("inputs", "outputs", "params")}
    params = tuple(ParamUse(array(*described), updated) for described, updated in encoded["params"])
    inputs, outputs = (tuple(array(*described) for described in encoded[key]) for key in ("inputs", "outputs"))
    return Signature(name, inputs, outputs, structure, params, **rest)
