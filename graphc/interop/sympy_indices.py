"""Sums, products and elements of arrays: parts of SymPy's formulas in which an index runs.

The terms of a sum lie along a new last axis, which the sum then reduces. What depends on indices only, factorials and
alternating signs and positions of elements, is computed by SymPy, exactly, and becomes a table.
"""

from __future__ import annotations

import math
import operator
from functools import reduce
from typing import Any

import numpy as np
import sympy

from ..ir.errors import GraphError, ShapeError, describe
from ..ir.op import Array
from .sympy_reader import Builder, Reader

MOST_UNROLLED = 4
"""Terms up to which a sum is written out."""


def _carried_out(part: Any, new: Reader) -> Any:
    """What SymPy finds for a derivative, an integral or a sum without numbers for bounds."""
    found = part.doit()
    if found.has(type(part)):
        raise GraphError(f"from_sympy: SymPy finds no formula for {part}; give bounds that are numbers")
    return new.read(found)


def _total(part: Any, new: Reader) -> Any:
    """A sum or product: along an axis of its own, or written out where it is short or inner bounds vary."""
    import graphc as gc

    *inner, (index, low, high) = part.limits
    if not (low.is_Integer and high.is_Integer and high >= low - 1):
        return _carried_out(part, new)
    join, along = (operator.add, gc.sum) if isinstance(part, sympy.Sum) else (operator.mul, gc.prod)
    term = part.func(part.function, *inner) if inner else part.function
    numbers = range(int(low), int(high) + 1)
    if not numbers:
        return 0 if join is operator.add else 1
    is_ragged = any(index in bound.free_symbols for _, *bounds in inner for bound in bounds)
    if is_ragged or len(numbers) <= MOST_UNROLLED or _has_matrices(term):
        return reduce(join, (new.read(term.subs(index, n)) for n in numbers))
    value = gc.asarray(new.along(index, numbers).read(term))
    return along(gc.broadcast_to(value, (*value.shape[:-1], len(numbers))), axis=-1)


def _has_matrices(term: Any) -> bool:
    """Whether a term has matrices in it as a whole, not their elements only."""
    elements = term.atoms(sympy.matrices.expressions.matexpr.MatrixElement)
    return bool(term.xreplace({e: sympy.Dummy() for e in elements}).has(sympy.MatrixExpr, sympy.MatrixBase))


def _element(part: Any, new: Reader) -> Any:
    """x[i, j]: an element, or where indices run along axes, one for each of their numbers."""
    import graphc as gc

    base, *indices = part.args
    x = new.array(base.label if isinstance(base, sympy.IndexedBase) else base)
    if x.ndim < len(indices):
        raise ShapeError(f"from_sympy: {part} has {len(indices)} indices{describe(x=x)}")
    tables = [_positions(part, i, d, new) for i, d in zip(indices, x.shape[x.ndim - len(indices) :], strict=True)]
    if all(t.size == 1 for t in tables):
        return x[(..., *(int(t.item()) for t in tables))]
    # One gather along the axes as one: the numbers of all indices, laid out as the axes of the indices are.
    sizes = [int(d) for d in x.shape[x.ndim - len(indices) :]]
    flat = np.ravel_multi_index(np.broadcast_arrays(*tables), sizes)
    rows = gc.reshape(x, (*x.shape[: x.ndim - len(indices)], math.prod(sizes)))
    return gc.reshape(gc.take(rows, flat.ravel(), axis=-1), (*rows.shape[:-1], *flat.shape))


def _positions(part: Any, index: Any, size: Any, new: Reader) -> Array:
    """The numbers of an index, all of them inside of the axis."""
    if not index.free_symbols <= new.ranges.keys():
        raise GraphError(f"from_sympy: the index {index} in {part} is no number")
    table = new.table(index)
    if table.dtype.kind != "i" or not isinstance(size, int) or table.min() < 0 or table.max() >= size:
        raise ShapeError(f"from_sympy: the index {index} in {part} runs out of an axis of size {size}")
    return table


def _array(part: Any, new: Reader) -> Any:
    """Entries side by side: the axes of the array come last."""
    import graphc as gc

    entries = gc.broadcast_arrays(*(gc.asarray(new[e]) for e in sympy.flatten(part)))
    dtype = gc.result_type(*entries)
    row = gc.stack([gc.astype(e, dtype) for e in entries], axis=-1)
    return gc.reshape(row, (*row.shape[:-1], *part.shape))


ARRAYS: dict[str, Builder] = dict.fromkeys(
    ("ImmutableDenseNDimArray", "ImmutableSparseNDimArray", "ImmutableDenseMatrix", "ImmutableSparseMatrix"), _array
)
"""What is built from its entries."""

INDEXED: dict[str, Builder] = {
    **dict.fromkeys(("Derivative", "Integral", "Limit", "Subs"), _carried_out),
    "Sum": _total,
    "Product": _total,
    "Indexed": _element,
    "MatrixElement": _element,
}
"""What is looked into, for indices, bounds or what SymPy has to carry out first."""
