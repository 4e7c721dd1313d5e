from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import graphc as gc
from graphc.ir.expr import Expr
from graphc.ir.graph import ExprTable
from graphc.loop.ir import Buffer, LoopFn
from graphc.loop.network import odd_even
from graphc.loop.schedule import Machine
from graphc.loop.sort import COUNTED, WIDE_FROM, Sorting
from graphc.loop.text import show_function
from graphc.loop.verify import verify_function
from graphc.ops import sort as ops


def written(node: Expr) -> LoopFn:
    """The verified loops of a sort."""
    x = node.args[0]
    source, target = (Buffer(n, e.dtype, int(e.size)) for n, e in (("x", x), ("out", node)))
    sorting = Sorting(node, ExprTable([(x, source)]), ExprTable([(node, target)]), Machine())
    fn = LoopFn("sort", (source, target), sorting.workspaces, sorting.write())
    verify_function(fn)
    return fn


@pytest.mark.parametrize("dtype", ["float32", "int8", "uint64"])
def test_short_rows_need_no_memory_and_long_ones_no_comparisons(dtype: str) -> None:
    short = show_function(written(ops.sort(gc.input("x", (1, COUNTED // 2), dtype), 1, False)))
    assert "workspace" not in short
    assert "count[0] sum=" in short
    long = written(ops.argsort(gc.input("x", (4, WIDE_FROM), dtype), 1, True))
    assert {b.name for b in long.workspaces} == {"keys0", "keys1", "places0", "places1", "counts"}
    assert "less" not in show_function(long)


def test_many_rows_go_through_a_network() -> None:
    many = show_function(written(ops.sort(gc.input("x", (64, 100)), 1, False)))
    assert "as 8 lanes" in many
    assert "workspace" not in many


@pytest.mark.parametrize("size", [2, 4, 8, 16])
def test_a_network_sorts_all_zeros_and_ones(size: int) -> None:
    """And with them everything else (Knuth, The Art of Computer Programming 3, 5.3.4)."""
    for number in range(2**size):
        row = [number >> bit & 1 for bit in range(size)]
        for low, high in odd_even(size):
            row[low], row[high] = min(row[low], row[high]), max(row[low], row[high])
        assert row == sorted(row)


SHAPES = (
    ((40, 64), 1),
    ((37, 5), 1),
    ((20, 13), 0),
    ((3, 17, 50), 1),
    ((3, 17, 50), 2),
    ((9, 300), 1),
    ((50, 1), 1),
    ((2, 33), 1),
    ((11, 2100), 1),
    ((700,), 0),
    ((33,), 0),
    ((100, 2), 1),
)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "uint16"])
@pytest.mark.parametrize(("shape", "axis"), SHAPES, ids=str)
def test_every_way_keeps_the_order_of_what_is_equal(shape: tuple[int, ...], axis: int, dtype: str) -> None:
    """Zeros of both signs are equal, so are all that are not numbers."""
    rng = np.random.default_rng(0)
    descending = bool(shape[axis] % 2)
    value = rng.integers(0, 9, shape).astype(dtype)
    if dtype.startswith("float"):
        kind = rng.random(shape)
        value = np.select([kind < 0.1, kind < 0.2, kind < 0.3], [np.nan, -0.0, np.inf], value).astype(dtype)
    x = gc.input("x", shape, dtype=dtype)
    size = min(3, shape[axis])
    outputs = [gc.sort(x, axis=axis, descending=descending), gc.argsort(x, axis=axis, descending=descending)]
    outputs += gc.topk(x, size, axis=axis)
    largest = np.take(stable_order(value, axis, descending=True), np.arange(size), axis)
    order = stable_order(value, axis, descending=descending)
    expected = [np.take_along_axis(value, o, axis) for o in (order, largest)]
    for threads in (1, 3):
        in_order, positions, top, top_positions = gc.compile([x], outputs, threads=threads)(value)
        np.testing.assert_array_equal(positions, order)
        np.testing.assert_array_equal(top_positions, largest)
        for got, wanted in zip((in_order, top), expected, strict=True):
            np.testing.assert_array_equal(got, wanted)
            np.testing.assert_array_equal(np.signbit(got[got == 0]), np.signbit(wanted[wanted == 0]))


def stable_order(value: npt.NDArray[Any], axis: int, *, descending: bool) -> npt.NDArray[np.int64]:
    """The positions of a stable sort; a descending one is an ascending one there and back."""
    if not descending:
        return np.argsort(value, axis, kind="stable")
    backward = np.argsort(np.flip(value, axis), axis, kind="stable")
    return np.asarray(value.shape[axis] - 1 - np.flip(backward, axis))


def test_rows_along_any_axis_of_what_is_computed_are_sorted() -> None:
    """The row is read through views and cheap operations; nothing else is stored first."""
    array = np.random.default_rng(0).normal(size=(200, 3, 2)).astype("float32")
    x = gc.input("x", array.shape)
    f = gc.compile([x], gc.sort(-gc.permute_dims(x, (1, 0, 2)), axis=1))
    np.testing.assert_array_equal(f(array), np.sort(-array.transpose(1, 0, 2), axis=1))
    assert f.dump("kernels").count(" over (") == 1
