"""How many kernels a graph needs, and which values are never in memory."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from strategies import GraphCase, graphs

import graphc as gc
from graphc.ir.expr import Expr
from graphc.ir.graph import ExprTable, Graph


def calls_for_a_kernel(node: Expr) -> bool:
    """Whether a node may be why there is one more kernel: it reduces, contracts, puts together or reorders."""
    if node.op.kind in ("leaf", "elementwise"):
        return False
    if node.op.name != "reshape":
        return True
    old, new = ([d for d in shape if d != 1] for shape in (node.args[0].shape, node.shape))
    return old != new


def most_kernels(graph: Graph) -> int:
    """The bound: a kernel for each node that may call for one, and for each result."""
    roots: ExprTable[None] = ExprTable((r, None) for r in graph.roots if r.op.name not in ("input", "param"))
    return len(roots) + sum(calls_for_a_kernel(n) for n in graph.nodes)


@settings(max_examples=150, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(graphs(gradients=True, dtype="float64"))
def test_a_random_graph_needs_no_more_kernels_than_its_reorderings_call_for(case: GraphCase) -> None:
    f = gc.compile(case.inputs, case.outputs)
    f(*case.arrays)
    assert len(f.kernels) <= most_kernels(f.graph), f.dump("kernels")


x, y = gc.input("x", (40, 64)), gc.input("y", (30, 64))
X, Y = (np.random.default_rng(0).normal(size=e.shape).astype("float32") for e in (x, y))

ONE_KERNEL: dict[str, tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]] = {
    "concat of elementwise": (
        lambda x, y: gc.concat([gc.exp(x), gc.tanh(y)]), lambda x, y: np.r_[np.exp(x), np.tanh(y)],
    ),
    "concat between elementwise": (
        lambda x, y: gc.tanh(gc.concat([gc.exp(x) * 2, y])) + 1, lambda x, y: np.tanh(np.r_[np.exp(x) * 2, y]) + 1,
    ),
    "stack of elementwise": (
        lambda x, y: gc.stack([gc.exp(x), x, gc.sqrt(gc.abs(x))], axis=1),
        lambda x, y: np.stack([np.exp(x), x, np.sqrt(np.abs(x))], 1),
    ),
    "pad": (lambda x, y: gc.pad(gc.exp(x), 1, constant_values=2), lambda x, y: np.pad(np.exp(x), 1, constant_values=2)),
    "pad with zeros": (lambda x, y: gc.pad(gc.exp(x), 3), lambda x, y: np.pad(np.exp(x), 3)),
    "flip": (lambda x, y: gc.flip(gc.exp(x)) * 2, lambda x, y: np.flip(np.exp(x)) * 2),
    "flip as a result": (lambda x, y: gc.flip(gc.exp(x), axis=1), lambda x, y: np.flip(np.exp(x), 1)),
    "roll": (lambda x, y: gc.roll(gc.exp(x), 70) + x[0], lambda x, y: np.roll(np.exp(x), 70) + x[0]),
    "tile and repeat": (
        lambda x, y: gc.tile(x, (1, 2)) * gc.repeat(x, 2, axis=1), lambda x, y: np.tile(x, (1, 2)) * np.repeat(x, 2, 1),
    ),
    "run back": (
        lambda x, y: gc.flip(gc.cumulative_sum(gc.flip(gc.exp(x), axis=1), axis=1), axis=1) / 2,
        lambda x, y: np.cumsum(np.exp(x)[:, ::-1], 1)[:, ::-1] / 2,
    ),
    "standardized rows": (
        lambda x, y: (x - gc.mean(x, axis=1, keepdims=True)) / gc.std(x, axis=1, keepdims=True),
        lambda x, y: (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True),
    ),
    "range of rows": (
        lambda x, y: (gc.max(x * 2, axis=1) - gc.min(gc.abs(x), axis=1)) * gc.prod(gc.exp(x / 64), axis=1),
        lambda x, y: ((x * 2).max(1) - np.abs(x).min(1)) * np.exp(x / 64).prod(1),
    ),
    "triangle of ranges": (
        lambda x, y: gc.tril(gc.exp(x)) + gc.arange(64, dtype="float32"),
        lambda x, y: np.tril(np.exp(x)) + np.arange(64),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ONE_KERNEL)
def test_neighbours_are_computed_where_they_are_read(case: str) -> None:
    build, reference = ONE_KERNEL[case]
    f = gc.compile([x, y], build(x, y))
    assert len(f.kernels) == 1, f.dump("kernels")
    report = f.report()
    assert (report.copies, report.arena_bytes) == (0, 0)
    np.testing.assert_allclose(f(X, Y), reference(X, Y), rtol=2e-4, atol=1e-5)


def test_what_others_need_as_well_is_computed_once() -> None:
    shared = gc.exp(x)
    f = gc.compile([x, y], [gc.concat([shared, y]), gc.flip(shared), gc.sum(shared)])
    assert f.dump("kernels").count("= exp") == 1
    assert sum(k.name.count("exp") for k in f.kernels) == 1
    for found, expected in zip(f(X, Y), (np.r_[np.exp(X), Y], np.flip(np.exp(X)), np.exp(X).sum()), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_long_chain_keeps_a_kernel_of_its_own() -> None:
    chain = x
    for _ in range(60):
        chain = gc.tanh(chain + 1)
    f = gc.compile([x, y], gc.concat([chain, y]))
    assert len(f.kernels) == 2


@pytest.mark.parametrize("parts", [3, 40])
def test_every_part_has_a_nest_of_its_own(parts: int) -> None:
    f = gc.compile([x], gc.concat([x * i for i in range(1, parts + 1)], axis=1))
    assert len(f.kernels) == 1
    assert " where " not in f.dump("loops")
    np.testing.assert_array_equal(f(X), np.concatenate([X * i for i in range(1, parts + 1)], 1))


def test_numbers_out_of_a_vector_do_not_tell_kernels_apart() -> None:
    """A neuron for each unit and sample, its weights taken out of a vector: few functions, each called often."""
    units, samples = 8, 16
    w, x = gc.input("w", (9 * units,), dtype="float64"), np.random.default_rng(0).normal(size=(samples, 8))

    def neuron(unit: int, sample: int) -> gc.Expr:
        total = w[9 * unit]
        for i in range(8):
            total = total + w[9 * unit + 1 + i] * float(x[sample, i])
        return gc.tanh(total)

    function = gc.compile([w], [neuron(unit, sample) for sample in range(samples) for unit in range(units)])
    value = np.random.default_rng(1).normal(size=9 * units)
    weights = value.reshape(units, 9)
    expected = np.tanh(weights[:, 0] + x @ weights[:, 1:].T).ravel()
    np.testing.assert_allclose(function(value), expected, rtol=1e-12)
    defined = set(re.findall(r"define \w+ @?(k\d+_multiply_add_tanh)\(", function.dump("llvm").replace("@", "")))
    assert 0 < len(defined) < samples


def test_another_output_that_runs_along_changes_no_sum() -> None:
    """Long sums are made in pieces, beside a run over the same elements or without one; short ones go along."""
    data = np.random.default_rng(0).normal(size=300_001).astype("float32")
    x = gc.input("x", data.shape)
    alone = gc.compile([x], gc.sum(x))
    total, *_ = gc.compile([x], [gc.sum(x), gc.cumulative_sum(x), gc.cumulative_prod(x) / gc.sum(x)])(data)
    assert total == alone(data)
    np.testing.assert_allclose(total, np.sum(data, dtype="float64"), rtol=1e-5)
    rows = gc.input("rows", (300, 200))
    f = gc.compile([rows], [gc.sum(rows, axis=1), gc.cumulative_sum(rows, axis=1)])
    assert len(f.kernels) == 1
