"""Where graphs begin: inputs, params, constants, and sizes as values."""

from __future__ import annotations

from collections.abc import Iterable

from ..ir import dtype as dtypes
from ..ir.dim import Dim, Size, as_shape
from ..ir.dtype import as_dtype
from ..ir.errors import GraphError, describe
from ..ir.expr import Expr
from ..ops import leaf, mark, scalar
from .lifting import ArrayLike, DTypeLike, constant_array, lift, normalize_axis


def input(name: str, shape: Iterable[int | str | Dim] | int | str | Dim, dtype: DTypeLike = "float32") -> Expr:
    """An argument of the functions compiled from the graph. Every call makes another one.

    Args:
        name: what it is called in messages, pictures and keyword arguments.
        shape: sizes; a str names a dimension whose size each call decides.
        dtype: of the elements; arrays given in a call are converted to it within its kind.

    Raises:
        ShapeError: a size is negative, beyond what an address can reach, or no identifier.
        DTypeError: no dtype of graphc.
    """
    return leaf.input(_checked_name("input", name), as_shape(shape), as_dtype(dtype))


def param(name: str, value: ArrayLike, dtype: DTypeLike | None = None) -> Expr:
    """State that lives between calls, is differentiated and updated: weights. Every call makes another one.

    Args:
        name: what it is called in messages and pictures.
        value: the first value, copied. An array keeps its dtype; Python's numbers and lists become float32.
        dtype: of the elements, if it should differ.

    `p.value` reads a copy of what it holds; assigning to it copies in and checks dtype and shape.

    Raises:
        DTypeError: the value is no array, or does not convert to `dtype`.
    """
    if isinstance(value, (Expr, Dim)):
        kind = "expression" if isinstance(value, Expr) else "size"
        raise GraphError(f"param {name!r} starts from an array, not from an {kind} without a value")
    return leaf.param(_checked_name("param", name), constant_array(value, dtype, dtypes.float32, "param"))


def constant(value: ArrayLike, dtype: DTypeLike | None = None) -> Expr:
    """A fixed array. Equal constants (by dtype, shape and bits) are one expression; the array is copied.

    An array keeps its dtype; Python's numbers and lists become bool, int64 or float32 after their kind.

    Raises:
        DTypeError: the value is no array, or does not convert to `dtype`.
    """
    if isinstance(value, Expr):
        raise GraphError(f"constant: takes an array; use gc.stop_gradient or gc.astype{describe(given=value)}")
    if isinstance(value, Dim):
        return lift("constant", value, None if dtype is None else as_dtype(dtype))
    return leaf.constant(constant_array(value, dtype, None, "constant"))


def asarray(obj: ArrayLike, /, *, dtype: DTypeLike | None = None) -> Expr:
    """An expression as it is, anything else as a constant; in another dtype if one is given.

    Raises:
        DTypeError: it is no array, or does not convert to `dtype`.
    """
    if isinstance(obj, (Expr, Dim)):
        expr = lift("asarray", obj)
        return expr if dtype is None else scalar.astype(expr, as_dtype(dtype))
    return constant(obj, dtype)


def name(x: Expr, name: str) -> Expr:
    """Give an expression the name that pictures, messages and derivations show; the same object comes back.

    A name is an annotation, no part of what the expression is. Inputs and params keep the one they were made with.

    Raises:
        GraphError: `x` is no expression, or the name no text.
    """
    if not isinstance(x, Expr):
        raise GraphError(f"name: only expressions have names, not {type(x).__name__}")
    label = _checked_name("name", name)
    if x.op.name not in ("input", "param"):
        x.name = label
    return x


def probe(x: ArrayLike, name: str) -> Expr:
    """Hand a value out of the middle of a compiled graph: `f.probes[name]` is what it was in the latest call of f.

    The result stands for `x` in what is computed further; outputs, derivatives and the optimized graph stay what they
    are, but for the probed value, which has to be kept.

    Raises:
        GraphError: the name is no text; when compiled, if two probes have the same name.
    """
    return mark.probe(lift("probe", x), _checked_name("probe", name))


def size(x: ArrayLike, axis: int | None = None) -> Expr:
    """The size of an axis as an int64 scalar of the graph; the number of elements where `axis` is None.

    Raises:
        ShapeError: there is no such axis.
    """
    expr = lift("size", x)
    length: Size = expr.size if axis is None else expr.shape[normalize_axis("size", expr, axis)]
    return leaf.size(length)


def _checked_name(what: str, name: object) -> str:
    if not isinstance(name, str) or not name:
        raise GraphError(f"{what}: a name is a text such as 'x', not {name!r}")
    return name
