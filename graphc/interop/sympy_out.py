"""To SymPy: a small expression as formulas.

gc.to_sympy(gc.exp(-x * x / 2))                      # exp(-x**2/2)
gc.to_sympy(gc.softmax(z))                           # for a z of shape (3,): an array of exp(z[0] - …)/(…)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import sympy

from ..ir.dim import Atom, Dim, Size, show
from ..ir.dtype import DType
from ..ir.errors import GraphError, describe
from ..ir.expr import Expr, post_order
from ..ir.graph import ExprTable
from ..ir.op import Array
from ..ir.tree import expressions
from .sympy_table import SYMPY

MOST_ELEMENTS = 4096
"""Elements that an array may have at most to be written out."""


def to_sympy(what: Any) -> Any:
    """The formula of a scalar expression, or of each element of a small array.

    Args:
        what: an expression, or tuples, lists and dicts of them. Arrays may have 4096 elements at most, everywhere in
            the graph, and no named sizes.

    Returns:
        In the structure of `what`, for a scalar a `sympy.Expr`, or a SymPy truth value where it is bool; for an array
        a `sympy.ImmutableDenseNDimArray` of them. Scalar inputs and params become symbols of their names, arrays the
        elements of an `IndexedBase` of their name. Float symbols are real, int ones integer. Constants are exact where
        they are short fractions, decimal otherwise; marks such as stop_gradient vanish.

    Raises:
        GraphError: an array that is too large, an op without a formula, or two inputs of one name.
    """
    tree = expressions(what, "to_sympy: what is converted")
    new: ExprTable[Array] = ExprTable()
    taken: dict[str, Expr] = {}
    for node in post_order(tree.leaves):
        _check_small(node)
        written = _leaf(node, taken) if node.op.kind == "leaf" else _computed(node, [new[a] for a in node.args])
        new[node] = _as_objects(written, tuple(map(int, node.shape)))
    return tree.rebuild(_handed_over(new[leaf]) for leaf in tree.leaves)


def _check_small(node: Expr) -> None:
    if any(isinstance(d, Dim) for d in node.shape) or math.prod(map(int, node.shape)) > MOST_ELEMENTS:
        raise GraphError(
            f"to_sympy: an array of shape {show(node.shape)} is not written out; its sizes should be numbers, and "
            f"its elements {MOST_ELEMENTS} at most{describe(node=node)}"
        )


def _as_objects(written: Any, shape: tuple[int, ...]) -> Array:
    found = np.empty(shape, object)
    found[...] = written
    return found


def _handed_over(formulas: Array) -> Any:
    if formulas.ndim == 0:
        return sympy.sympify(formulas[()])
    return sympy.ImmutableDenseNDimArray(formulas.ravel().tolist(), formulas.shape)


# leaves --------------------------------------------------------------------------------------------------------

_ASSUMPTIONS: dict[str, dict[str, bool]] = {
    "float": {"real": True},
    "int": {"integer": True},
    "uint": {"integer": True, "nonnegative": True},
    "bool": {},
}


def _leaf(node: Expr, taken: dict[str, Expr]) -> Any:
    match node.op.name:
        case "input" | "param":
            return _symbols(node, taken)
        case "size":
            return _size(node.attrs["size"])
        case _:
            values = node.op.reference(node.attrs)
            return _by_element(lambda value: _constant(value, node.dtype), values)


def _symbols(node: Expr, taken: dict[str, Expr]) -> Any:
    name = node.name or node.op.name
    if taken.setdefault(name, node) is not node:
        raise GraphError(f"to_sympy: two inputs are called {name!r}{describe(first=taken[name], second=node)}")
    assumptions = _ASSUMPTIONS[node.dtype.kind]
    if not node.shape:
        return sympy.Symbol(name, **assumptions)
    base = sympy.IndexedBase(name, **assumptions)
    elements = np.empty(node.shape, object)
    for at in np.ndindex(elements.shape):
        elements[at] = base[at]
    return elements


def _constant(value: Any, dtype: DType) -> Any:
    if dtype.kind == "bool":
        return sympy.true if value else sympy.false
    if dtype.is_integer:
        return sympy.Integer(int(value))
    if np.isnan(value):
        return sympy.nan
    if np.isinf(value):
        return sympy.oo if value > 0 else -sympy.oo
    numerator, denominator = float(value).as_integer_ratio()
    if denominator <= 64 and abs(numerator) < 2**53:
        return sympy.Rational(numerator, denominator)
    # The shortest decimal that is this number in its own dtype: 0.1, not 0.100000001490116.
    return sympy.Float(np.format_float_scientific(value))


def _size(size: Size) -> Any:
    if not isinstance(size, Dim):
        return sympy.Integer(size)
    return sympy.Add(*(c * sympy.Mul(*map(_size_atom, monomial)) for monomial, c in size.terms))


_SIZE_CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "floordiv": lambda a, b: sympy.floor(a / b),
    "ceildiv": lambda a, b: sympy.ceiling(a / b),
    "min": sympy.Min,
    "max": sympy.Max,
}


def _size_atom(atom: Atom) -> Any:
    if isinstance(atom, str):
        return sympy.Symbol(atom, integer=True, nonnegative=True)
    return _SIZE_CALLS[atom.op](_size(atom.left), _size(atom.right))


# what is computed ----------------------------------------------------------------------------------------------

_JOINED: dict[str, Callable[..., Any]] = {
    "sum": sympy.Add,
    "prod": sympy.Mul,
    "max": sympy.Max,
    "min": sympy.Min,
    "any": sympy.Or,
    "all": sympy.And,
}
"""Reductions: a function of all the elements that become one."""

_REARRANGED = ("view", "join", "contract")
"""Kinds of op whose NumPy reference does with formulas what it does with numbers."""
_CHOSEN = ("take", "take_along_axis")
"""Ops that do so once their indices are numbers."""


def _computed(node: Expr, args: list[Array]) -> Any:
    name = node.op.name
    if name in SYMPY:
        return _by_element(lambda *elements: SYMPY[name](*elements, **node.attrs), *args)
    if name in _JOINED:
        return _reduced(_JOINED[name], args[0], node.attrs["axes"])
    if name in _CHOSEN:
        return node.op.reference(node.attrs, args[0], _indices(node, args[1]))
    if node.op.kind in _REARRANGED:
        return node.op.reference(node.attrs, *args)
    raise GraphError(f"to_sympy: {name} has no formula{describe(node=node)}")


def _by_element(row: Callable[..., Any], *args: Array) -> Array:
    found = np.empty(args[0].shape, object)
    for at in np.ndindex(found.shape):
        found[at] = row(*(a[at] for a in args))
    return found


def _reduced(join: Callable[..., Any], x: Array, axes: tuple[int, ...]) -> Array:
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    rows = x.transpose(*kept, *axes)
    found = np.empty(rows.shape[: len(kept)], object)
    for at in np.ndindex(found.shape):
        found[at] = join(*rows[at].ravel())
    return found


def _indices(node: Expr, indices: Array) -> Array:
    if not all(isinstance(i, sympy.Integer) for i in indices.ravel()):
        raise GraphError(f"to_sympy: {node.op.name} has no formula unless its indices are numbers{describe(node=node)}")
    return indices.astype(np.int64)
