"""The digest of a graph: the same for the same computation, another for every other one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from opchecks import cases

import graphc as gc
from graphc.ir.canonical import digest
from graphc.ir.dim import Dim, ceildiv, floordiv, maximum, minimum
from graphc.ir.dtype import float32
from graphc.ir.expr import Expr, make
from graphc.ir.graph import Graph
from graphc.ir.op import REGISTRY
from graphc.ops import leaf
from graphc.ops.mark import custom_call


def _graph(name: str = "x", scale: float = 2.0) -> Graph:
    x, y = gc.input(name, ("n", 3)), gc.input(f"{name}2", ("n", 3))
    w = gc.param(f"{name}.w", np.full((3, 3), scale, np.float32))
    v = gc.param(f"{name}.v", np.full((3, 3), scale, np.float32))
    hidden = gc.name(gc.tanh(x @ w), f"{name}.hidden")
    return Graph((x, y), (hidden * y, gc.sum(hidden)), ((w, w * 2.0), (v, w + v)))


def test_names_lines_and_values_of_params_do_not_matter() -> None:
    assert digest(_graph()) == digest(_graph("z", 3.0)) is not None


def test_the_same_expressions_in_other_places_are_another_graph() -> None:
    g = _graph()
    (w, new_w), (v, new_v) = g.updates
    others = [
        Graph(g.inputs[::-1], g.outputs, g.updates),
        Graph(g.inputs, g.outputs[::-1], g.updates),
        Graph(g.inputs, g.outputs[:1], g.updates),
        Graph(g.inputs, (*g.outputs, g.outputs[0]), g.updates),
        Graph(g.inputs, (*g.outputs, new_w), g.updates),
        Graph(g.inputs, g.outputs, g.updates[:1]),
        Graph(g.inputs, g.outputs, g.updates[::-1]),
        Graph(g.inputs, g.outputs, ((w, new_v), (v, new_w))),
        Graph((*g.inputs, gc.input("unused", ())), g.outputs, g.updates),
        Graph((*g.inputs, gc.input("unused", (1,))), g.outputs, g.updates),
    ]
    found = [digest(each) for each in (g, *others)]
    assert len(set(found)) == len(found)


def _of(build: Callable[[Expr, Expr], Expr], shape: tuple[int | str, ...] = ("n", 4), dtype: str = "float32") -> Graph:
    x, y = gc.input("x", shape, dtype=dtype), gc.input("y", shape, dtype=dtype)
    return Graph((x, y), (build(x, y),))


def test_ops_attributes_shapes_and_dtypes_matter() -> None:
    graphs = [
        _of(lambda x, y: x - y),
        _of(lambda x, y: y - x),
        _of(lambda x, y: x - x),
        _of(lambda x, y: x * y),
        _of(lambda x, y: x - y, ("m", 4)),
        _of(lambda x, y: x - y, ("n", 5)),
        _of(lambda x, y: x - y, ("n", "n")),
        _of(lambda x, y: x - y, (3, 4)),
        _of(lambda x, y: x - y, ("n", 4), "float64"),
        _of(lambda x, y: x - y, ("n", 4), "int32"),
        _of(lambda x, y: gc.sum(x, axis=0)),
        _of(lambda x, y: gc.sum(x, axis=1)),
        _of(lambda x, y: gc.sum(x)),
        _of(lambda x, y: gc.cumulative_sum(x, axis=1)),
        _of(lambda x, y: gc.sort(x, axis=1)),
        _of(lambda x, y: gc.sort(x, axis=1, descending=True)),
        _of(lambda x, y: x[:, 1:3]),
        _of(lambda x, y: x[:, 0:2]),
        _of(lambda x, y: gc.astype(x, "float64")),
        _of(lambda x, y: gc.astype(x, "int64")),
    ]
    found = [digest(graph) for graph in graphs]
    assert None not in found and len(set(found)) == len(found)


def test_every_bit_of_a_constant_matters() -> None:
    nan = np.array([0x7FC00000, 0x7FC00001], np.uint32).view(np.float32)
    arrays = [
        np.zeros(2, np.float32), -np.zeros(2, np.float32), np.array([0.0, -0.0], np.float32), nan, nan[::-1],
        np.zeros((2, 1), np.float32), np.zeros((1, 2), np.float32), np.zeros(2, np.int32), np.zeros(8, np.bool_),
        np.zeros((0, 2), np.float32), np.zeros((2, 0), np.float32), np.zeros(()), np.zeros((), "f4"),
        np.nextafter(np.zeros(2, np.float32), 1, dtype=np.float32), np.zeros((100, 100), np.float32).T,
    ]  # fmt: skip
    found = [digest(Graph((), (gc.constant(a),))) for a in arrays]
    assert None not in found and len(set(found)) == len(found)


def test_sizes_that_differ_have_different_texts() -> None:
    n, m = Dim("n"), Dim("m")
    sizes = [
        n, m, n + m, n * m, n * n, 2 * n, n + 2, n - m, floordiv(n, 2), ceildiv(n, 2), floordiv(n, m), floordiv(m, n),
        floordiv(n + m, 2), floordiv(n, 2) + m, minimum(n, m), maximum(n, m), floordiv(n * 3, 2), floordiv(n, 2) * 3, 7,
    ]  # fmt: skip
    found = [digest(Graph((), (leaf.input("x", (size,), float32),))) for size in sizes]
    assert len(set(found)) == len(found)


def test_a_weak_input_is_another_one() -> None:
    weak, strong = (leaf.input("x", (), float32, is_weak=w) for w in (True, False))
    assert digest(Graph((weak,), (weak,))) != digest(Graph((strong,), (strong,)))


@pytest.mark.parametrize("op", [op for op in REGISTRY.values() if op.samples is not None], ids=str)
def test_every_op_has_a_digest(op) -> None:  # type: ignore[no-untyped-def]
    for case in cases([op]):
        first, second = (make(op, tuple(case.inputs()), case.attrs) for _ in range(2))
        found = digest(Graph(first.args, (first,)))
        assert found is not None
        assert found == digest(Graph(second.args, (second,)))


def test_an_attribute_that_is_no_value_has_none() -> None:
    x = gc.input("x", (2,))
    call = custom_call(object(), (x,), float32, (), 2)  # type: ignore[arg-type]
    assert digest(Graph((x,), (call,))) is None


def test_a_long_chain_has_one() -> None:
    x = y = gc.input("x", (2,))
    for _ in range(20_000):
        y = gc.sin(y)
    assert digest(Graph((x,), (y,))) is not None
