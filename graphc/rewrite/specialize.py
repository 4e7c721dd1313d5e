"""What compiled code does better in another form: for a graph that will not be differentiated any more.

    %2 = scatter_add_along_axis %0, %1 {axis=1, size=10}     %3 = equal %iota, %0
                                                         →   %4 = where %3, %1, 0

A gather that reads one element of a row computes just that element; adding at one position of a row is a choice, so
that it fuses with what surrounds it; products with a vector or of a column and a row are sums and maps.
"""

from __future__ import annotations

from ..ir.dim import Shape, Size, product
from ..ir.dtype import DType, int64
from ..ir.expr import Expr, make
from ..ops import leaf, reduce
from ..ops.index import take_along_axis
from ..ops.linalg import matmul, transposed
from ..ops.scalar import (
    add,
    astype,
    equal,
    greater_equal,
    less,
    like,
    logical_and,
    multiply,
    negative,
    where,
)
from ..ops.shape import BROADCAST, broadcast_to, permute_dims, reshape, stretched_axes
from .engine import Rule
from .movement import is_one
from .pattern import P, var

# Gathers -------------------------------------------------------------------------------------------------------


def _take_of_elementwise(out: Expr, source: Expr, indices: Expr) -> Expr | None:
    """Operate on the elements taken, where these are fewer: one of a row. Not inside of a contraction's epilogue:
    its result is stored anyway, and would have to be stored twice."""
    axis = out.attrs["axis"]
    if source.op.kind != "elementwise" or not is_one(indices.shape[axis]) or is_one(source.shape[axis]):
        return None
    if _is_epilogue(source):
        return None
    taken = tuple(take_along_axis(a, indices, axis) for a in source.args)
    return make(source.op, taken, source.attrs)


def _is_epilogue(expr: Expr, depth: int = 6) -> bool:
    """Whether an expression is made elementwise of a contraction and of leaves alone."""
    if expr.op.kind == "contract":
        return True
    if expr.op.kind != "elementwise" or depth == 0:
        return False
    if any(a.op is BROADCAST and a.args[0].op.kind != "leaf" for a in expr.args):
        return False
    return any(_is_epilogue(a, depth - 1) for a in expr.args)


def _take_of_broadcast(out: Expr, x: Expr, spread: Expr) -> Expr | None:
    """Along an axis on which all elements are equal, any index takes the same."""
    if out.attrs["axis"] not in stretched_axes(x.shape, spread.shape):
        return None
    return broadcast_to(x, out.shape)


# Adding at positions -------------------------------------------------------------------------------------------


def _index_dtype(indices: Expr, size: Size) -> DType:
    """A dtype in which both the indices and the size are exact: int32 and the 64-bit ones as they are, else int64."""
    small = indices.dtype.name == "int32" and isinstance(size, int) and size < 2**31
    return indices.dtype if small or indices.dtype.bits == 64 else int64


def _size_like(size: Size, indices: Expr) -> Expr:
    return broadcast_to(astype(leaf.size(size), indices.dtype), indices.shape)


def _positions_of(indices: Expr, size: Size) -> Expr:
    """Indices with the negative ones counted from the end."""
    wide = astype(indices, _index_dtype(indices, size))
    if wide.dtype.kind == "uint" or indices.dtype.kind == "uint":
        return wide
    return where(less(wide, like(0, wide)), add(wide, _size_like(size, wide)), wide)


def _in_range(indices: Expr, size: Size) -> Expr:
    wide = astype(indices, _index_dtype(indices, size))
    end = _size_like(size, wide)
    below = less(wide, end)
    return below if indices.dtype.kind == "uint" else logical_and(greater_equal(wide, negative(end)), below)


def _scatter_of_one(out: Expr, indices: Expr, g: Expr) -> Expr | None:
    """Adding at one position of each row is choosing g there and 0 elsewhere."""
    axis, size = out.attrs["axis"], out.attrs["size"]
    if not is_one(indices.shape[axis]):
        return None
    positions = _positions_of(indices, size)
    here = equal(leaf.iota(out.shape, axis, positions.dtype), broadcast_to(positions, out.shape))
    return where(here, broadcast_to(g, out.shape), like(0, out))


def _sum_of_scatter(out: Expr, indices: Expr, g: Expr, scattered: Expr) -> Expr | None:
    """All that was added, wherever it went, unless it was dropped."""
    axes = out.attrs["axes"]
    if scattered.attrs["axis"] not in axes:
        return None
    return reduce.sum(where(_in_range(indices, scattered.attrs["size"]), g, like(0, g)), axes)


# Contractions that are none ------------------------------------------------------------------------------------


def _matmul_without_depth(out: Expr, a: Expr) -> Expr | None:
    return like(0, out) if isinstance(a.shape[-1], int) and a.shape[-1] == 0 else None


def _outer_product(out: Expr, a: Expr, b: Expr) -> Expr | None:
    if not is_one(a.shape[-1]):
        return None
    return multiply(broadcast_to(a, out.shape), broadcast_to(b, out.shape))


def _is_known(sizes: Shape) -> bool:
    return all(isinstance(size, int) for size in sizes)


def _matrix_times_vector(out: Expr, a: Expr, b: Expr) -> Expr | None:
    if not is_one(b.shape[-1]) or not _is_known((*a.shape[1:], *b.shape[1:])) or _is_column(b):
        return None
    row = reshape(b, (*b.shape[:-2], 1, b.shape[-2]))
    return reshape(reduce.sum(multiply(a, broadcast_to(row, a.shape)), (a.ndim - 1,)), out.shape)


def _is_column(b: Expr) -> bool:
    """Whether a vector is cut out of something larger, where its elements may lie apart: products pack it once."""
    while b.op.name == "reshape":
        b = b.args[0]
    return b.op.name == "slice"


def _vector_times_matrix(out: Expr, a: Expr, b: Expr) -> Expr | None:
    if not is_one(a.shape[-2]) or not _is_known((*a.shape, *b.shape)):
        return None
    column = reshape(a, (*a.shape[:-2], a.shape[-1], 1))
    return reshape(reduce.sum(multiply(broadcast_to(column, b.shape), b), (b.ndim - 2,)), out.shape)


def _sum_of_products(out: Expr, a: Expr, b: Expr) -> Expr | None:
    """One long contraction instead of a stack of products that are added up: the gradient of a shared weight."""
    stack = a.ndim - 2
    if not stack or out.attrs["axes"] != tuple(range(stack)):
        return None
    depth = product(a.shape[:stack]) * a.shape[-1]
    rows = permute_dims(a, (stack, *range(stack), stack + 1))
    return matmul(reshape(rows, (a.shape[-2], depth)), reshape(b, (depth, b.shape[-1])))


def _transposed_product(out: Expr, a: Expr, b: Expr) -> Expr | None:
    ndim = out.ndim
    if out.attrs["axes"] != (*range(ndim - 2), ndim - 1, ndim - 2):
        return None
    return matmul(transposed(b), transposed(a))


x, a, b, g, indices, source = var("x"), var("a"), var("b"), var("g"), var("indices"), var("source")
_scattered = P.scatter_add_along_axis(indices, g, name="scattered")

SUMS_OF_SCATTERS = (
    Rule("sum-of-scatter", P.sum(_scattered), _sum_of_scatter, "stabilize", "sum(where(in range, g, 0))"),
    Rule("sum-of-negative-scatter", P.sum(P.negative(_scattered)),
         lambda out, indices, g, scattered: _sum_of_scatter(out, indices, negative(g), scattered), "stabilize",
         "sum(where(in range, -g, 0))"),
)  # fmt: skip

MARKS = (Rule("stop-gradient", P.stop_gradient(x), lambda x: x, becomes="x"),)

GATHERS = (
    Rule("take-of-broadcast", P.take_along_axis(P.broadcast_to(x, name="spread"), indices), _take_of_broadcast,
         becomes="broadcast_to(x)"),
    Rule("take-of-elementwise", P.take_along_axis(source, indices), _take_of_elementwise,
         becomes="op(take_along_axis)"),
    Rule("scatter-of-one", P.scatter_add_along_axis(indices, g), _scatter_of_one, "stabilize",
         "where(equal(iota, indices), g, 0)"),
)  # fmt: skip

CONTRACTIONS = (
    Rule("matmul-without-depth", P.matmul(a, b), _matmul_without_depth, becomes="0"),
    Rule("outer-product", P.matmul(a, b), _outer_product, "stabilize", "multiply(broadcast_to(a), broadcast_to(b))"),
    Rule("matrix-times-vector", P.matmul(a, b), _matrix_times_vector, "stabilize", "sum(multiply(a, b))"),
    Rule("vector-times-matrix", P.matmul(a, b), _vector_times_matrix, "stabilize", "sum(multiply(a, b))"),
    Rule("sum-of-products", P.sum(P.matmul(a, b)), _sum_of_products, "stabilize",
         "matmul(rows of a side by side, b below b)"),
    Rule("transposed-product", P.permute_dims(P.matmul(a, b)), _transposed_product, "stabilize", "matmul(bᵀ, aᵀ)"),
)  # fmt: skip

SPECIALIZE = MARKS + GATHERS + CONTRACTIONS
