from __future__ import annotations

import numpy as np
import pytest

import graphc as gc
from graphc.ir.expr import Expr
from graphc.ir.graph import ExprTable
from graphc.loop.ir import Buffer, LoopFn
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
    short = show_function(written(ops.sort(gc.input("x", (4, COUNTED // 2), dtype), 1, False)))
    assert "workspace" not in short
    assert "count[0] sum=" in short
    long = written(ops.argsort(gc.input("x", (4, WIDE_FROM), dtype), 1, True))
    assert {b.name for b in long.workspaces} == {"keys0", "keys1", "places0", "places1", "counts"}
    assert "less" not in show_function(long)


def test_the_rounds_follow_from_the_dtype_and_the_size() -> None:
    def rounds(size: int, dtype: str) -> int:
        return Sorting(ops.sort(gc.input("x", (size,), dtype), 0, False), ExprTable(), ExprTable(), Machine()).rounds

    assert [rounds(500, d) for d in ("int8", "uint16", "float32", "float64")] == [1, 2, 4, 8]
    assert [rounds(WIDE_FROM, d) for d in ("int8", "uint16", "float32", "float64")] == [1, 2, 3, 6]


def test_rows_along_any_axis_of_what_is_computed_are_sorted() -> None:
    """The row is read through views and cheap operations; nothing else is stored first."""
    array = np.random.default_rng(0).normal(size=(200, 3, 2)).astype("float32")
    x = gc.input("x", array.shape)
    f = gc.compile([x], gc.sort(-gc.permute_dims(x, (1, 0, 2)), axis=1))
    np.testing.assert_array_equal(f(array), np.sort(-array.transpose(1, 0, 2), axis=1))
    assert f.dump("kernels").count(" over (") == 1
