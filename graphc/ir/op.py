"""What an operation is, and the registry of all of them (filled by `graphc.ops`).

Everything that several rooms must agree on about an op stands in its `OpDef`: name, shape and dtype rule, NumPy
reference, derivatives, algebraic flags, and samples for the tests. What only one room needs (LLVM emission, LaTeX,
SymPy) is in that room's table, keyed by the op's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from .dim import Shape
from .dtype import DType

if TYPE_CHECKING:
    from .affine import Affine
    from .expr import Expr

Attrs: TypeAlias = Mapping[str, Any]
Array: TypeAlias = np.ndarray[Any, Any]
Infer: TypeAlias = Callable[..., tuple[DType, Shape]]
Vjp: TypeAlias = Callable[..., tuple["Expr | None", ...]]
Jvp: TypeAlias = Callable[..., "Expr | None"]
Partials: TypeAlias = Callable[..., tuple["Expr | None", ...]]
View: TypeAlias = Callable[["Expr", tuple["Affine", ...]], tuple["Affine", ...]]
Kind: TypeAlias = Literal[
    "leaf", "elementwise", "view", "join", "reduce", "cumulative", "contract", "index", "sort", "identity"
]


@dataclass(frozen=True, slots=True)
class Sample:
    """Arguments an op is tested with: shapes, attributes, and the interval values are drawn from, per argument."""

    shapes: tuple[tuple[int, ...], ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    domains: tuple[tuple[float, float], ...] = ()
    dtypes: tuple[str, ...] = ()
    """Dtypes of arguments that do not follow the tested one ("int64" for indices); "" follows it."""


@dataclass(frozen=True, eq=False, slots=True)
class OpDef:
    """One operation. Compared by identity; registered once by name."""

    name: str
    kind: Kind
    arity: int
    infer: Infer
    """`(attrs, *args) -> (dtype, shape)`; raises a graphc error for arguments that do not fit."""
    reference: Callable[..., Array]
    """`(attrs, *arrays) -> array` in NumPy; the oracle. Sizes in `attrs` are integers by then."""
    params: tuple[str, ...] = ()
    """Names of the attributes, in the order they are printed."""
    vjp: Vjp | None = None
    """`(g, out, *inputs) -> tuple[Expr | None, ...]`: the cotangent of each input, None for no dependence."""
    jvp: Jvp | None = None
    """`(out, inputs, tangents) -> Expr | None`, tangents None where an input does not move."""
    partials: Partials | None = None
    """Elementwise ops: `(out, *inputs) -> tuple`, the derivative of the value by each argument; None for none."""
    view: View | None = None
    """Views: which element of the argument does an element of the result read."""
    flags: frozenset[str] = frozenset()
    """Among "commutative", "associative", "idempotent", "monotone", "odd", "even", "float", "comparison", "logical",
    "stepwise" (a float that is constant but for steps, so that its derivative is 0), "expensive" (elementwise, and
    better read from memory than computed again)."""
    samples: Callable[[], Iterable[Sample]] | None = None
    dtypes: tuple[str, ...] = ()
    """Kinds of dtype the op is defined for ("float", "int", "uint", "bool"), for the tests."""
    standard: str | None = None
    """Its name in the array API standard."""
    doc: str = ""

    @property
    def is_expensive(self) -> bool:
        """Whether one element of it costs as much as many of an addition."""
        return "expensive" in self.flags

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> tuple[Any, ...]:
        return (find, (self.name,))


REGISTRY: dict[str, OpDef] = {}


def register(op: OpDef) -> OpDef:
    """Add an op to the registry and hand it back."""
    if op.name in REGISTRY:
        raise ValueError(f"the op {op.name!r} is registered twice")
    REGISTRY[op.name] = op
    return op


def find(name: str) -> OpDef:
    """The op of that name."""
    return REGISTRY[name]
