"""Matrix expressions of SymPy as graph: matrices are the last two axes, whatever stands before them is elementwise.

A scalar that meets a matrix may be an array of its own; it multiplies one matrix for each of its elements.
"""

from __future__ import annotations

import operator
from functools import reduce
from typing import Any

import sympy

from ..ir.errors import GraphError, ShapeError, describe
from ..ir.expr import Expr
from .sympy_reader import Builder, Reader
from .sympy_scalars import by_squaring

MOST_ENTRIES = 9
"""Entries up to which inverses and determinants are written out."""


def _size(size: Any) -> int | str:
    """Rows or columns: a number, or the name of a named dimension."""
    return int(size) if size.is_Integer else str(size)


def _symbol(part: Any, new: Reader) -> Any:
    value = new.array(part.name)
    fits = value.ndim >= 2 and all(
        not isinstance(actual, int) or not wanted.is_Integer or actual == wanted
        for actual, wanted in zip(value.shape[-2:], part.shape, strict=True)
    )
    if not fits:
        rows, columns = part.shape
        raise ShapeError(f"from_sympy: the matrix {part.name} is {rows}×{columns}{describe(given=value)}")
    return value


def _spread(scalar: Any) -> Any:
    """A scalar as a factor of matrices."""
    return scalar[..., None, None] if isinstance(scalar, Expr) and scalar.ndim else scalar


def _product(part: Any, new: Reader) -> Any:
    """Factors in order; scalars first."""
    import graphc as gc

    scalars = [_spread(new[a]) for a in part.args if not a.is_Matrix]
    matrices = [new[a] for a in part.args if a.is_Matrix]
    return reduce(operator.mul, [reduce(gc.matmul, matrices), *scalars])


def _elementwise(part: Any, new: Reader) -> Any:
    """A product or a power entry by entry."""
    import graphc as gc

    joined = gc.multiply if type(part).__name__ == "HadamardProduct" else gc.pow
    return reduce(joined, (new[a] if getattr(a, "is_Matrix", False) else _spread(new[a]) for a in part.args))


def _power(part: Any, new: Reader) -> Any:
    """Repeated products, as few as squaring allows."""
    import graphc as gc

    base, exponent = part.args
    if not exponent.is_Integer or exponent == 0:
        raise GraphError(f"from_sympy: the exponent {exponent} of {part} is no whole number other than 0")
    factor = new.read(sympy.Inverse(base) if exponent < 0 else base)
    return by_squaring(factor, abs(int(exponent)), gc.matmul)


def _filled(part: Any, new: Reader) -> Any:
    """The identity, zeros or ones. Their numbers take the dtype they meet."""
    import graphc as gc

    rows, columns = map(_size, part.shape)
    if isinstance(part, sympy.Identity):
        return gc.eye(rows, dtype="int64")
    return gc.full((rows, columns), 1 if isinstance(part, sympy.OneMatrix) else 0, dtype="int64")


def _written_out(part: Any, new: Reader) -> Any:
    """An inverse or a determinant by its entries, where they are few."""
    matrix = part.args[0]
    rows, columns = matrix.shape
    if not (rows.is_Integer and columns.is_Integer and rows * columns <= MOST_ENTRIES):
        raise GraphError(
            f"from_sympy: {type(part).__name__} is written out for matrices of up to {MOST_ENTRIES} entries; "
            f"{matrix} is {rows}×{columns}"
        )
    entries = matrix.as_explicit()
    found = entries.det() if isinstance(part, sympy.Determinant) else entries.inv(method="ADJ")
    return new.read(found.as_immutable() if isinstance(found, sympy.MatrixBase) else found)


def _applied(part: Any, new: Reader) -> Any:
    """A function of every entry."""
    entry = sympy.Dummy(real=True)
    return new.where(entry, new.read(part.expr)).read(part.function(entry))


def _trace(part: Any, new: Reader) -> Any:
    import graphc as gc

    return gc.trace(new[part.arg])


def _transpose(part: Any, new: Reader) -> Any:
    import graphc as gc

    return gc.matrix_transpose(new[part.arg])


def _sum(part: Any, new: Reader) -> Any:
    return reduce(operator.add, (new[a] for a in part.args))


MATRICES: dict[str, Builder] = {
    "MatMul": _product,
    "MatAdd": _sum,
    "Transpose": _transpose,
    "Trace": _trace,
    "HadamardProduct": _elementwise,
    "HadamardPower": _elementwise,
}
"""What is built from its operands."""

WHOLE_MATRICES: dict[str, Builder] = {
    "MatrixSymbol": _symbol,
    "MatPow": _power,
    **dict.fromkeys(("Identity", "ZeroMatrix", "OneMatrix"), _filled),
    **dict.fromkeys(("Inverse", "Determinant"), _written_out),
    "ElementwiseApplyFunction": _applied,
}
"""What is looked into."""
