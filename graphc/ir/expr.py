"""The node of the tensor graph.

An `Expr` *is* its op, attributes, arguments, dtype and shape: building it twice gives the same object. Nodes are
immutable and weakly interned, so a graph that nobody holds is freed. Names and source lines are annotations beside
the node and never part of its identity.
"""

from __future__ import annotations

import weakref
from collections.abc import Hashable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from .dim import Shape, Size, product, show
from .dtype import DType
from .errors import GraphError, ShapeError, describe
from .fork import lock
from .op import Array, Attrs, OpDef
from .scope import Path, current_scope
from .source import Source, user_source

if TYPE_CHECKING:
    from .storage import Storage

_NO_ATTRS: Attrs = MappingProxyType({})
_SITES_KEPT = 4
_STATIC = "under gc.jit, an argument that decides branches, loops or shapes is named in static_argnames"
MAX_BYTES = 2**47
"""What an address space holds; arrays beyond it are a mistake and refused."""


_NOTES = frozenset(("name", "scope", "sources", "value"))
"""What may be set: what is known beside a node, and the value of a param."""


class _Draft:
    """An expression that is being made."""

    __slots__ = ("__weakref__", "args", "attrs", "dtype", "name", "op", "scope", "shape", "sources")

    op: OpDef
    args: tuple[Expr, ...]
    attrs: Attrs
    dtype: DType
    shape: Shape
    name: str | None
    scope: Path
    sources: tuple[Source, ...]


class Expr(_Draft):
    """A node of the graph: what to compute, never when or how.

    Operators, indexing and comparison build graph, elementwise. `hash` is identity.
    """

    __slots__ = ()
    __array_priority__ = 1000.0
    __array_ufunc__: Any = None

    def __init__(self, *_: object, **__: object) -> None:
        raise TypeError("expressions are made by gc.input, gc.param, gc.constant and by functions of them")

    def __setattr__(self, name: str, value: object) -> None:
        if name not in _NOTES:
            self._no_change(name)
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        self._no_change(name)

    def _no_change(self, name: str) -> NoReturn:
        raise AttributeError(
            f"an expression does not change, nor does its {name}; functions such as gc.reshape and gc.astype make "
            f"others ({self.label}){describe(x=self)}"
        )

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def source(self) -> Source | None:
        """The user's line that first built this expression."""
        return self.sources[0] if self.sources else None

    @property
    def size(self) -> Size:
        """The number of elements."""
        return product(self.shape)

    @property
    def type_text(self) -> str:
        """Dtype and shape as printed graphs show them: f32[batch, 784]."""
        return f"{self.dtype.short}[{', '.join(map(str, self.shape))}]"

    @property
    def label(self) -> str:
        """What an error message calls this expression."""
        what = f"{self.name!r}, " if self.name else ""
        return f"{what}{self.op.name} of dtype {self.dtype} and shape {show(self.shape)}"

    def __repr__(self) -> str:
        name = f" {self.name!r}" if self.name else ""
        return f"<{self.op.name}{name}: {self.type_text}>"

    __hash__ = object.__hash__

    def __bool__(self) -> NoReturn:
        raise GraphError(
            f"the truth of an expression is not known while the graph is built ({self.label}); "
            "use gc.where(condition, a, b) to choose between values, or `is` to compare expressions; "
            f"{_STATIC}{describe(condition=self)}"
        )

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a 0-dimensional expression has no length")
        if isinstance(self.shape[0], int):
            return self.shape[0]
        raise GraphError(f"the length {self.shape[0]} is not a number before a call ({self.label})")

    def __iter__(self) -> Iterator[Expr]:
        return (self[i] for i in range(len(self)))

    def _not_a_number(self) -> NoReturn:
        raise GraphError(
            f"an expression has no value before it is computed ({self.label}); "
            f"compile it with gc.compile, or look with gc.interpret; {_STATIC}{describe(x=self)}"
        )

    def __float__(self) -> float:
        self._not_a_number()

    def __int__(self) -> int:
        self._not_a_number()

    def __index__(self) -> int:
        self._not_a_number()

    def __array__(self, dtype: object = None, copy: object = None) -> NoReturn:
        self._not_a_number()

    def __format__(self, how: str) -> str:
        return format(str(self), how) if how in ("", "s") else self._not_a_number()

    def __reduce__(self) -> NoReturn:
        raise GraphError(
            f"an expression is not pickled ({self.label}): its identity is its meaning; send the function that builds "
            f"it, or keep values (param.value, model.save) or the text of gc.dump{describe(x=self)}"
        )

    def __copy__(self) -> Expr:
        return self

    def __deepcopy__(self, memo: object) -> Expr:
        return self

    if TYPE_CHECKING:
        # Given their meaning by graphc.frontend, which knows promotion and broadcasting.
        def __add__(self, other: object) -> Expr: ...
        def __radd__(self, other: object) -> Expr: ...
        def __sub__(self, other: object) -> Expr: ...
        def __rsub__(self, other: object) -> Expr: ...
        def __mul__(self, other: object) -> Expr: ...
        def __rmul__(self, other: object) -> Expr: ...
        def __truediv__(self, other: object) -> Expr: ...
        def __rtruediv__(self, other: object) -> Expr: ...
        def __floordiv__(self, other: object) -> Expr: ...
        def __rfloordiv__(self, other: object) -> Expr: ...
        def __mod__(self, other: object) -> Expr: ...
        def __rmod__(self, other: object) -> Expr: ...
        def __divmod__(self, other: object) -> tuple[Expr, Expr]: ...
        def __rdivmod__(self, other: object) -> tuple[Expr, Expr]: ...
        def __and__(self, other: object) -> Expr: ...
        def __rand__(self, other: object) -> Expr: ...
        def __or__(self, other: object) -> Expr: ...
        def __ror__(self, other: object) -> Expr: ...
        def __xor__(self, other: object) -> Expr: ...
        def __rxor__(self, other: object) -> Expr: ...
        def __lshift__(self, other: object) -> Expr: ...
        def __rlshift__(self, other: object) -> Expr: ...
        def __rshift__(self, other: object) -> Expr: ...
        def __rrshift__(self, other: object) -> Expr: ...
        def __invert__(self) -> Expr: ...
        def __floor__(self) -> Expr: ...
        def __ceil__(self) -> Expr: ...
        def __trunc__(self) -> Expr: ...
        def __round__(self, ndigits: int | None = None) -> Expr: ...
        def __matmul__(self, other: object) -> Expr: ...
        def __rmatmul__(self, other: object) -> Expr: ...
        def __pow__(self, other: object) -> Expr: ...
        def __rpow__(self, other: object) -> Expr: ...
        def __neg__(self) -> Expr: ...
        def __pos__(self) -> Expr: ...
        def __abs__(self) -> Expr: ...
        def __getitem__(self, key: object) -> Expr: ...
        def __lt__(self, other: object) -> Expr: ...
        def __le__(self, other: object) -> Expr: ...
        def __gt__(self, other: object) -> Expr: ...
        def __ge__(self, other: object) -> Expr: ...
        def __eq__(self, other: object) -> Expr: ...  # type: ignore[override]
        def __ne__(self, other: object) -> Expr: ...  # type: ignore[override]
        @property
        def T(self) -> Expr: ...
        @property
        def mT(self) -> Expr: ...
        @property
        def at(self) -> Any: ...
        @property
        def value(self) -> Array: ...
        @value.setter
        def value(self, array: object) -> None: ...


class _Entry(weakref.ref[Expr]):
    """Where an expression is found by what it is."""

    __slots__ = ("key",)
    key: Hashable


_interned: dict[Hashable, _Entry] = {}
_lock = lock()
"""Reentrant: an entry may have to go while another is entered."""


def _forget(entry: weakref.ref[Expr]) -> None:
    assert isinstance(entry, _Entry)
    with _lock:
        if _interned.get(entry.key) is entry:
            del _interned[entry.key]


def _enter(key: Hashable, fresh: Expr) -> Expr:
    """The expression under this key: `fresh`, unless another thread was quicker."""
    entry = _Entry(fresh, _forget)
    entry.key = key
    with _lock:
        before = _interned.get(key)
        known = None if before is None else before()
        if known is not None:
            return known
        _interned[key] = entry
    return fresh


def new_node(op: OpDef, args: tuple[Expr, ...], attrs: Attrs, dtype: DType, shape: Shape) -> Expr:
    """A node of these parts, whether they fit or not, and however many there are of them."""
    made: Any = _Draft()
    made.op = op
    made.args = args
    made.attrs = attrs
    made.dtype = dtype
    made.shape = shape
    made.name = None
    made.scope = current_scope()
    made.sources = ()
    made.__class__ = Expr
    expr: Expr = made
    return expr


def make(
    op: OpDef,
    args: tuple[Expr, ...] = (),
    attrs: Attrs = _NO_ATTRS,
    *,
    dtype: DType | None = None,
    shape: Shape | None = None,
) -> Expr:
    """The expression of this op, attributes and arguments: the one that exists, or a new one.

    `dtype` and `shape` are given for leaves only; other ops infer them, which is where bad arguments are refused.
    """
    key = (op.name, tuple(map(id, args)), tuple(attrs.values()) if attrs else (), dtype, shape)
    entry = _interned.get(key)
    expr = None if entry is None else entry()
    if expr is None:
        if dtype is None or shape is None:
            dtype, shape = op.infer(attrs, *args)
        if shape:
            _refuse_absurd(op, args, dtype, shape)
        frozen = MappingProxyType(dict(attrs)) if attrs else _NO_ATTRS
        expr = _enter(key, new_node(op, args, frozen, dtype, shape))
    if len(expr.sources) < _SITES_KEPT:
        site = user_source()
        if site is not None and site not in expr.sources:
            expr.sources = (*expr.sources, site)
    return expr


def _refuse_absurd(op: OpDef, args: tuple[Expr, ...], dtype: DType, shape: Shape) -> None:
    total = dtype.bytes
    for d in shape:
        if isinstance(d, int):
            total *= d
    if total >= MAX_BYTES:
        roles = {f"operand{i}": a for i, a in enumerate(args)}
        raise ShapeError(
            f"{op.name}: an array of shape {show(shape)} is beyond what an address reaches{describe(**roles)}"
        )


class ConstantValue:
    """A constant's array as an attribute: read-only, compared by its bits, so that -0.0 and nan stay themselves."""

    __slots__ = ("_bits", "_hash", "array", "is_weak")

    def __init__(self, array: Array, *, is_weak: bool = False) -> None:
        self.array = np.array(array, order="C", copy=True)
        self.array.setflags(write=False)
        self.is_weak = is_weak
        """Whether it is one of Python's numbers and takes the dtype of what it meets."""
        self._bits = self.array.tobytes() if self.array.nbytes <= 64 else None
        self._hash = hash((self.array.dtype.str, self.array.shape, is_weak, self._bits or self.array.tobytes()))

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, ConstantValue):
            return NotImplemented
        if self._hash != other._hash or self.is_weak is not other.is_weak:
            return False
        a, b = self.array, other.array
        return bool(a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes())

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        if self.array.size <= 8:
            # By way of text, so that float32 shows its own shortest digits: 0.1, not 0.10000000149011612.
            shown = self.array.astype(str).astype(np.float64) if self.array.dtype.kind == "f" else self.array
            return str(shown.tolist())
        return f"<{self.array.size} values>"

    __repr__ = __str__


class Token:
    """What makes a generative node (input, param, random draw) different from every other."""

    __slots__ = ("is_weak", "storage")

    def __init__(self, storage: Storage | None = None, *, is_weak: bool = False) -> None:
        self.storage = storage
        self.is_weak = is_weak
        """Whether the node stands for one of Python's numbers and takes the dtype of what it meets."""

    def __str__(self) -> str:
        return "…"


def post_order(roots: Mapping[Any, Expr] | list[Expr] | tuple[Expr, ...]) -> list[Expr]:
    """Every node the roots depend on, arguments before the nodes that use them, each once. Iterative."""
    values = roots.values() if isinstance(roots, Mapping) else roots
    order: list[Expr] = []
    seen: set[Expr] = set()
    stack: list[Expr | None] = [*values][::-1]
    while stack:
        node = stack.pop()
        if node is None:  # its arguments are done
            order.append(stack.pop())  # type: ignore[arg-type]
        elif node not in seen:
            seen.add(node)
            if node.args:
                stack += (node, None)
                stack += [a for a in node.args[::-1] if a not in seen]
            else:
                order.append(node)
    return order
