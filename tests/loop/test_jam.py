"""Rows summed up together: the same bits as one by one, at every number of rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import graphc as gc
from graphc.loop import jam

RNG = np.random.default_rng(0)


def product(rows: int, columns: int, dtype: str, threads: int = 1) -> gc.Function:
    a, b = gc.input("a", (rows, columns), dtype=dtype), gc.input("b", (columns,), dtype=dtype)
    return gc.compile([a, b], gc.tanh(a @ b), threads=threads)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@pytest.mark.parametrize(("rows", "columns"), [(8, 130), (9, 256), (11, 1000), (203, 777), (3, 4096)])
def test_no_result_changes(
    rows: int, columns: int, dtype: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    a, b = ((9 * RNG.normal(size=s)).astype(dtype) for s in ((rows, columns), columns))
    together = [product(rows, columns, dtype, threads)(a, b) for threads in (1, 2)]
    monkeypatch.setattr(jam, "TOGETHER", 1)
    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(tmp_path))
    single = product(rows, columns, dtype)
    assert "i0r" not in single.dump("loops")
    alone = single(a, b)
    for result in together:
        np.testing.assert_array_equal(result, alone)
    np.testing.assert_allclose(alone, np.tanh(a.astype(np.float64) @ b), rtol=1e-4, atol=1e-6)


def test_rows_with_a_vector_in_common_go_together() -> None:
    assert "i0r" in product(64, 512, "float32").dump("loops")
    a, b = gc.input("a", (64, 512)), gc.input("b", (64, 512))
    assert "i0r" not in gc.compile([a, b], gc.sum(a * b, axis=1)).dump("loops")
    assert "i0r" not in gc.compile([a], gc.sum(a, axis=1)).dump("loops")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(9, 128), (17, 17), (17, 40), (64, 64)])
def test_rows_that_all_go_into_one_sum_stay_apart(shape: tuple[int, int], dtype: str) -> None:
    """Their registers are none of a row's: what a row adds to is what the row before has left."""
    x, v = gc.input("x", shape, dtype=dtype), gc.input("v", shape[1:], dtype=dtype)
    a, b = (RNG.normal(size=s).astype(dtype) for s in (shape, shape[1:]))
    total, largest = gc.compile([x, v], [gc.sum(x * v), gc.max(x + v)])(a, b)
    np.testing.assert_allclose(total, np.sum(a.astype("float64") * b), rtol=1e-5, atol=1e-5)
    assert largest == np.max(a + b)
