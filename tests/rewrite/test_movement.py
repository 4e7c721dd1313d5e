"""Views: chains become one, and end up outside of what is computed elementwise."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as gc
from graphc.ir.dtype import as_dtype
from graphc.ir.expr import Expr
from graphc.ir.graph import Graph
from graphc.ops import leaf
from graphc.ops.shape import broadcast_to, permute_dims, reshape
from graphc.rewrite import simplify


def simplified(expr: Expr) -> Expr:
    inputs = tuple(n for n in Graph((), (expr,)).nodes if n.op.name == "input")
    return simplify(Graph(inputs, (expr,)), level=1).graph.outputs[0]


def ops(expr: Expr) -> list[str]:
    return [n.op.name for n in Graph((), (expr,)).nodes]


a = gc.input("a", (3, 4))
row = gc.input("row", (4,))
named = gc.input("named", ("batch", 4))


def test_views_move_outward() -> None:
    assert simplified(gc.exp(gc.reshape(a, (12,)))) is reshape(gc.exp(a), (12,))
    assert simplified(gc.exp(a.mT)) is permute_dims(gc.exp(a), (1, 0))
    assert simplified(gc.exp(gc.broadcast_to(row, (3, 4)))) is broadcast_to(gc.exp(row), (3, 4))
    assert simplified(gc.tanh(a.mT * 2.0) - 1.0).op.name == "permute_dims"


def test_a_broadcast_ends_outside_of_a_reshape() -> None:
    expr = simplified(gc.exp(gc.reshape(gc.broadcast_to(row, (3, 4)), (3, 1, 4))))
    assert expr is broadcast_to(gc.exp(row), (3, 1, 4))


def test_a_broadcast_scalar_passes_every_view() -> None:
    scalar = gc.input("scalar", ())
    assert simplified(gc.reshape(a, (12,)) * scalar) is reshape(gc.multiply(a, scalar), (12,))
    assert simplified(a.mT * scalar) is permute_dims(gc.multiply(a, scalar), (1, 0))


def test_different_views_stay() -> None:
    other = gc.input("other", (12,))
    for expr in (gc.reshape(a, (12,)) + other, gc.broadcast_to(row, (3, 4)) + a, a.mT + gc.input("c", (4, 3))):
        assert simplified(expr) is expr


def test_a_reshape_that_moves_longer_axes_does_not_pass_a_broadcast() -> None:
    expr = gc.reshape(gc.broadcast_to(row, (3, 4)), (12,))
    assert simplified(expr) is expr


def test_a_permutation_of_longer_axes_is_no_reshape() -> None:
    assert simplified(a.mT).op.name == "permute_dims"
    column = gc.input("column", (5, 1))
    assert simplified(column.mT) is reshape(column, (1, 5))


def test_keepdims_makes_no_difference() -> None:
    kept = gc.log(gc.sum(gc.exp(a), axis=1, keepdims=True))
    assert simplified(kept) is reshape(gc.log(gc.sum(gc.exp(a), axis=1)), (3, 1))


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 1), (0, 2), (0, 1, 2)])
@pytest.mark.parametrize("dtype", ["float64", "int8", "uint8"])
def test_sums_of_broadcasts_count(axes: tuple[int, ...], dtype: str) -> None:
    x = gc.input("x", (3, 1), dtype=dtype)
    expr = gc.sum(gc.broadcast_to(x, (200, 3, 4)), axis=axes, dtype=dtype)
    after = simplified(expr)
    if 0 in axes or 2 in axes:
        assert "multiply" in ops(after)
    values = np.array([[1], [2], [100]], dtype)
    found, expected = gc.interpret([after, expr], {x: values})
    np.testing.assert_array_equal(found, expected)


def test_a_sum_over_nothing_is_no_product() -> None:
    x = gc.input("x", (), dtype="float64")
    expr = gc.sum(gc.broadcast_to(x, (0,)))
    assert gc.interpret(simplified(expr), {x: np.inf}) == 0.0


def test_named_sizes_move_like_others() -> None:
    expr = gc.sum(gc.reshape(gc.exp(named * 1.0), ("batch", 1, 4)), axis=2)
    assert simplified(expr) is reshape(gc.sum(gc.exp(named), axis=1), expr.shape)
    sliced = named[1:]
    assert simplified(sliced) is sliced
    assert simplified(gc.sum(gc.broadcast_to(row, named.shape), axis=0)).op.name == "sum"


@pytest.mark.parametrize(("size", "dtype", "exact"), [
    (2**24 + 1, "float32", True), (2**24 + 2, "float32", False), (128, "int8", True), (129, "int8", False),
    (2**31, "int32", True), (2**31 + 1, "int32", False), (256, "uint8", True),
])  # fmt: skip
def test_positions_change_dtype_only_where_they_stay_exact(size: int, dtype: str, exact: bool) -> None:
    positions = leaf.iota((size,), 0, as_dtype("int64"))
    assert (simplified(gc.astype(positions, dtype)).op.name == "iota") is exact


def test_sums_of_permutations_keep_the_order_of_what_is_left() -> None:
    x = gc.input("x", (2, 3, 4, 5), dtype="float64")
    values = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    for axes in ((3, 1, 0, 2), (2, 0, 3, 1), (1, 0, 2, 3)):
        for summed in ((0,), (2,), (1, 3), (0, 1, 2)):
            expr = gc.sum(gc.permute_dims(x, axes), axis=summed)
            found, expected = gc.interpret([simplified(expr), expr], {x: values})
            np.testing.assert_allclose(found, expected, rtol=1e-13)
