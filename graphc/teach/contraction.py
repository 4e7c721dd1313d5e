"""Products that sum as mathematics: of matrices, and of two vectors."""

from __future__ import annotations

from ..ir.expr import Expr
from .formula import matrix, times, transposed
from .rows import Notation, filled

MATRIX_PRODUCT = Notation(
    "matrix product", lambda node, x, y: matrix(x, y),
    (lambda g, node, out, x, y: matrix(filled(g, node.shape), transposed(y)),
     lambda g, node, out, x, y: matrix(transposed(x), filled(g, node.shape))),
    ("{x} is the left factor of {out}, so {yt} multiplies from the right. The shapes tell why it is transposed: "
     "({gs}) · ({yts}) = {xs}.",
     "{y} is the right factor of {out}, so {xt} multiplies from the left. The shapes tell why it is transposed: "
     "({xts}) · ({gs}) = {ys}."),
)  # fmt: skip

INNER_PRODUCT = Notation(
    "inner product", lambda node, x, y: matrix(x, y),
    (lambda g, node, out, x, y: times(g, y), lambda g, node, out, x, y: times(g, x)),
    ("{out} is a sum of products of entries, so the derivative by {x} is {y}.",
     "{out} is a sum of products of entries, so the derivative by {y} is {x}."),
)  # fmt: skip
"""Of two vectors: what would be a row and a column as matrices is one thing."""


def is_inner(node: Expr) -> bool:
    """Whether a matmul is the product of two vectors, which stand in it as a row and a column."""
    return node.shape == (1, 1) and all(a.op.name == "reshape" and a.args[0].ndim == 1 for a in node.args)
