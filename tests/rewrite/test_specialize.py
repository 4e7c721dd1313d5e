"""Forms for compiled code: one element of a row, one position of a row, products that are none."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as gc
from graphc.ir.expr import Expr
from graphc.ir.graph import Graph
from graphc.ops import index
from graphc.rewrite import simplify


def simplified(*exprs: Expr) -> tuple[Expr, ...]:
    inputs = tuple(n for n in Graph((), exprs).nodes if n.op.name == "input")
    return simplify(Graph(inputs, exprs)).graph.outputs


def ops(*exprs: Expr) -> list[str]:
    return [n.op.name for n in Graph((), exprs).nodes]


INDICES = {
    "int64": [0, 4, -1, -5, 5, -6, 2**62, -(2**63)],
    "int32": [0, 4, -1, -5, 5, -6, 2**31 - 1, -(2**31)],
    "int8": [0, 4, -1, -5, 5, -6, 127, -128],
    "uint8": [0, 4, 5, 6, 127, 128, 251, 255],
    "uint32": [0, 4, 5, 6, 2**31, 2**32 - 5, 2**32 - 1, 1],
    "uint64": [0, 4, 5, 6, 2**63, 2**64 - 5, 2**64 - 1, 1],
}


@pytest.mark.parametrize("dtype", INDICES)
def test_adding_at_one_position_is_a_choice_for_every_index(dtype: str) -> None:
    i, g = gc.input("i", (8, 1), dtype=dtype), gc.input("g", (8, 1), dtype="float64")
    scattered = index.scatter_add_along_axis(i, g, 1, 5)
    exprs = (scattered, gc.sum(scattered, axis=1), gc.sum(scattered), gc.sum(-scattered, axis=1))
    after = simplified(*exprs)
    assert not any(op.startswith("scatter") for op in ops(*after))
    given = {i: np.array(INDICES[dtype], dtype)[:, None], g: np.arange(1.0, 9.0)[:, None]}
    for found, expected in zip(gc.interpret(list(after), given), gc.interpret(list(exprs), given), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_adding_at_many_positions_stays_an_addition() -> None:
    i, g = gc.input("i", (8, 3), dtype="int64"), gc.input("g", (8, 3))
    assert "scatter_add_along_axis" in ops(*simplified(index.scatter_add_along_axis(i, g, 1, 5)))


def test_a_small_index_dtype_reaches_a_large_axis() -> None:
    i, g = gc.input("i", (3, 1), dtype="uint8"), gc.input("g", (3, 1), dtype="float64")
    scattered = index.scatter_add_along_axis(i, g, 1, 300)
    given = {i: np.array([[0], [128], [255]], "uint8"), g: np.ones((3, 1))}
    found, expected = gc.interpret([*simplified(scattered), scattered], given)
    np.testing.assert_array_equal(found, expected)


def test_a_gather_of_one_element_computes_one_element() -> None:
    x, i = gc.input("x", (6, 5), dtype="float64"), gc.input("i", (6, 1), dtype="int64")
    taken = gc.take_along_axis(gc.log_softmax(x), i, axis=1)
    (after,) = simplified(taken)
    full = [n for n in Graph((), (after,)).nodes if n.op.kind == "elementwise" and n.shape == (6, 5)]
    assert [n.op.name for n in full] == ["subtract", "exp"]
    given = {x: np.random.default_rng(0).normal(size=(6, 5)), i: np.array([[0], [4], [-1], [-5], [7], [-9]])}
    found, expected = gc.interpret([after, taken], given)
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_a_gather_reads_the_stored_result_of_a_contraction() -> None:
    x, w, b = gc.input("x", (6, 3)), gc.input("w", (3, 5)), gc.input("b", (5,))
    scores = x @ w + b
    i = gc.input("i", (6, 1), dtype="int64")
    (after,) = simplified(gc.take_along_axis(gc.log_softmax(scores), i, axis=1))
    taken = [n for n in Graph((), (after,)).nodes if n.op.name == "take_along_axis"]
    assert len(taken) == 1
    assert taken[0].args[0] is scores


def test_gathers_of_several_elements_stay() -> None:
    x, i = gc.input("x", (6, 5)), gc.input("i", (6, 2), dtype="int64")
    (after,) = simplified(gc.take_along_axis(gc.exp(x), i, axis=1))
    assert after is gc.take_along_axis(gc.exp(x), i, axis=1)


@pytest.mark.parametrize("shapes", [((1, 7), (7, 1)), ((4, 7), (7, 1)), ((1, 7), (7, 4)), ((4, 1), (1, 7)),
                                    ((2, 4, 7), (2, 7, 1)), ((2, 1, 7), (2, 7, 3)), ((3, 0), (0, 4))])  # fmt: skip
def test_products_that_are_none(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    a, b = (gc.input(f"x{k}", s, dtype="float64") for k, s in enumerate(shapes))
    (after,) = simplified(a @ b)
    assert "matmul" not in ops(after)
    rng = np.random.default_rng(0)
    given = {a: rng.normal(size=shapes[0]), b: rng.normal(size=shapes[1])}
    found, expected = gc.interpret([after, a @ b], given)
    np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_rows_times_a_vector_are_sums_however_many_there_are() -> None:
    a, b = gc.input("a", ("n", 7)), gc.input("b", (7, 1))
    assert "matmul" not in ops(*simplified(a @ b))
    deep, vector = gc.input("deep", (3, "k")), gc.input("vector", ("k",))
    assert "matmul" in ops(*simplified(deep @ vector))


def test_a_vector_whose_elements_lie_apart_is_packed_by_the_product() -> None:
    a, b = gc.input("a", (3, 7)), gc.input("b", (7, 5))
    assert "matmul" in ops(*simplified(a @ b[:, 0]))


def test_a_transposed_product_is_the_product_of_the_transposed() -> None:
    a, b = gc.input("a", (3, 4)), gc.input("b", (4, 5))
    (after,) = simplified(gc.matrix_transpose(gc.matrix_transpose(b) @ gc.matrix_transpose(a)))
    assert after is gc.matmul(a, b)


def test_no_mark_is_left() -> None:
    x = gc.input("x", (3, 4))
    assert "stop_gradient" not in ops(*simplified(gc.log_softmax(x), gc.stop_gradient(x)))
