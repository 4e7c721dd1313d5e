"""From SymPy: a formula as graph.

gc.from_sympy(sympy.exp(-s**2 / 2), {s: x})                          # elementwise, over an x of any shape
gc.from_sympy(sympy.Sum(s**k / sympy.factorial(k), (k, 0, 20)), {s: x})    # a sum along an axis of its own
gc.from_sympy(A @ A.T, {"A": a})                                     # matrices are the last two axes

Formulas are read over the real numbers, part by part and each part once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy

from ..ir.expr import Expr
from ..ir.tree import flatten
from .sympy_indices import ARRAYS, INDEXED
from .sympy_matrices import MATRICES, WHOLE_MATRICES
from .sympy_reader import Builder, Builders, Reader
from .sympy_scalars import REWRITTEN, SCALARS

OF_OPERANDS = {**SCALARS, **ARRAYS, **MATRICES}
WHOLES = {**REWRITTEN, **INDEXED, **WHOLE_MATRICES}


def from_sympy(
    formula: Any, symbols: Mapping[Any, Expr], *, functions: Mapping[str, Callable[..., Expr]] | None = None
) -> Any:
    """A SymPy formula as graph.

    Args:
        formula: a `sympy.Expr` or SymPy truth value, a matrix or matrix expression, or tuples, lists and dicts of them.
            Sums and products need numbers for bounds, or a closed form that SymPy finds; derivatives and integrals
            are those SymPy can carry out.
        symbols: what each symbol, or symbol's name, stands for. Arrays are fine: the result is elementwise and
            has the shape the operands broadcast to. Numbers in the formula take the dtype they meet. A matrix symbol
            stands for an array whose last two axes are its rows and columns, a base with indices for an array with
            one axis for each index.
        functions: what functions of these names are, for those that SymPy does not define or graphc has no op for:
            `{"f": lambda x: gc.tanh(x) + 1}`.

    Returns:
        The expressions, in the structure of `formula`. Matrices are the last two axes of theirs.

    Raises:
        GraphError: a symbol without a value, a sum without numbers for bounds, or a function graphc has no op for;
            the message lists those it has.
        ShapeError: an array that is not of its symbol's size.
    """
    import graphc as gc

    own = {name: _applied(function) for name, function in (functions or {}).items()}
    wholes = {name: builder for name, builder in WHOLES.items() if name not in own}
    reader = Reader(symbols, Builders({**OF_OPERANDS, **own}, wholes))
    tree = flatten(formula)
    found = [reader.read(_over_reals(leaf)) for leaf in tree.leaves]
    return tree.rebuild(value if isinstance(value, Expr) else gc.constant(value) for value in found)


def _applied(function: Callable[..., Expr]) -> Builder:
    return lambda part, new: function(*(new[a] for a in part.args))


def _over_reals(formula: Any) -> Any:
    """The formula with every symbol that might be complex as a real one, so that re, im and conjugate vanish."""
    formula = sympy.sympify(formula)
    if isinstance(formula, (sympy.NDimArray, sympy.MatrixBase)):
        formula = formula.as_immutable()
    unclear = [s for s in formula.free_symbols if type(s) is sympy.Symbol and s.is_real is None]
    return formula.xreplace({s: sympy.Symbol(s.name, real=True) for s in unclear}) if unclear else formula
