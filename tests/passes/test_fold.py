"""Constant folding: what is evaluated, and what is left symbolic."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as gc
from graphc.ir.dtype import as_dtype
from graphc.ir.expr import Expr, make
from graphc.ir.graph import Graph, bind_sizes
from graphc.ops import leaf
from graphc.passes.fold import fold
from graphc.rewrite.constants import LARGEST


def folded(expr: Expr) -> Expr:
    inputs = tuple(n for n in Graph((), (expr,)).nodes if n.op.name == "input")
    return fold(Graph(inputs, (expr,))).outputs[0]


def value(expr: Expr) -> np.ndarray:
    assert expr.op.name == "constant"
    return np.asarray(expr.attrs["value"].array)


def test_the_references_do_the_folding() -> None:
    array = np.arange(6.0).reshape(2, 3)
    a = gc.constant(array)
    found = value(folded(gc.sum(gc.exp(a) @ gc.permute_dims(a, (1, 0)), axis=0)))
    np.testing.assert_allclose(found, (np.exp(array) @ array.T).sum(axis=0))


def test_only_constant_parts_are_folded() -> None:
    x = gc.input("x", (3,), dtype="float64")
    found = folded(x * gc.exp(gc.constant(np.arange(3.0))))
    assert found.args[0] is x
    np.testing.assert_array_equal(value(found.args[1]), np.exp(np.arange(3.0)))


def test_folding_never_warns_and_keeps_nan_and_infinity() -> None:
    found = value(folded(gc.log(gc.constant(np.array([0.0, -1.0, 1.0]))) * 10))
    np.testing.assert_array_equal(found, [-np.inf, np.nan, 0.0])


def test_a_broadcast_constant_is_not_laid_out() -> None:
    x = gc.input("x", (1000, 1000), dtype="float64")
    found = folded(x + gc.broadcast_to(gc.constant(np.arange(1000.0)), (1000, 1000)))
    assert [n.op.name for n in Graph((x,), (found,)).nodes] == ["input", "constant", "broadcast_to", "add"]


def test_a_broadcast_number_takes_part() -> None:
    found = folded(gc.constant(np.arange(3.0)) * gc.broadcast_to(gc.constant(2.0, dtype="float64"), (3,)))
    np.testing.assert_array_equal(value(found), [0.0, 2.0, 4.0])


@pytest.mark.parametrize(("size", "op"), [(LARGEST, "constant"), (LARGEST + 1, "exp")])
def test_large_results_are_left_to_the_program(size: int, op: str) -> None:
    assert folded(gc.exp(gc.constant(np.arange(size) / size))).op.name == op


def test_positions_stay_symbolic() -> None:
    iota = leaf.iota((3,), 0, as_dtype("int64"))
    assert folded(iota) is iota
    assert [n.op.name for n in Graph((), (folded(iota * iota),)).nodes] == ["iota", "multiply"]


def test_sizes_become_numbers_when_they_are_known() -> None:
    x = gc.input("x", ("n", 2))
    graph = Graph((x,), (gc.mean(x, axis=0),))
    assert fold(graph).outputs[0] is graph.outputs[0]
    bound, _ = bind_sizes(graph, {"n": 4})
    found = fold(bound).outputs[0]
    assert "size" not in [n.op.name for n in Graph((), (found,)).nodes]
    np.testing.assert_array_equal(gc.interpret(found, {bound.inputs[0]: np.ones((4, 2), "float32")}), [1.0, 1.0])
    known = make(leaf.SIZE, (), {"size": 7}, dtype=as_dtype("int64"), shape=())
    assert value(folded(known)) == 7


def test_uniform_arrays_become_numbers() -> None:
    found = folded(gc.constant(np.full((2, 3), -0.0)))
    assert found.op.name == "broadcast_to"
    assert np.signbit(value(found.args[0]))
    mixed = gc.constant(np.array([0.0, -0.0]))
    assert folded(mixed) is mixed
    nans = folded(gc.constant(np.full(4, np.nan)))
    assert np.isnan(value(nans.args[0]))
    empty = gc.constant(np.zeros((0, 3)))
    assert folded(empty) is empty


def test_nothing_else_is_rewritten() -> None:
    x = gc.input("x", (3,))
    expr = gc.negative(-(x * 1.0))
    assert folded(expr) is expr
