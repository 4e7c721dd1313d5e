"""Few columns added up in several chains: right at every number of rows, and the same bits with checks and threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gc

REDUCTIONS: dict[str, Callable[[Any], gc.Expr]] = {
    "sum": lambda x: gc.sum(x, axis=0),
    "mean of squares": lambda x: gc.mean(x * x, axis=0),
    "prod": lambda x: gc.prod(1 + x / 1000, axis=0),
    "max": lambda x: gc.max(x, axis=0),
    "min": lambda x: gc.min(x, axis=0),
    "any": lambda x: gc.any(x > 3, axis=0),
    "all": lambda x: gc.all(x > -3, axis=0),
    "argmax": lambda x: gc.argmax(x, axis=0),
}


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@pytest.mark.parametrize("shape", [(64, 8), (67, 3), (130, 16), (1000, 5), (70_001, 4), (20, 9, 2)])
def test_columns(shape: tuple[int, ...], dtype: str) -> None:
    x = gc.input("x", shape, dtype=dtype)
    values = np.random.default_rng(0).normal(size=shape, scale=2).astype(dtype)
    wanted = REDUCTIONS if dtype != "int32" else {name: REDUCTIONS[name] for name in ("sum", "max", "min", "argmax")}
    for name, reduction in wanted.items():
        result = reduction(x)
        f = gc.compile([x], result)
        found = f(values)
        np.testing.assert_allclose(found, gc.interpret(result, {x: values}), rtol=1e-4, atol=1e-4, err_msg=name)
        for other in (gc.compile([x], result, check=True), gc.compile([x], result, threads=1)):
            np.testing.assert_array_equal(other(values), found, err_msg=name)


def test_which_columns_have_several_chains() -> None:
    def loops(*shape: int, axis: int = 0) -> str:
        x = gc.input("x", shape)
        return gc.compile([x], gc.sum(x, axis=axis)).dump("loops")

    assert "i0c" in loops(1000, 4)
    assert "i0l" in loops(1003, 4)
    assert "i0c" not in loops(1000, 4096)
    assert "i0c" not in loops(50, 4)
    x = gc.input("x", (1000, 4))
    assert "i0c" not in gc.compile([x], gc.sum(gc.erf(gc.exp(gc.sin(x) * 2) + gc.tanh(x)), axis=0)).dump("loops")


def test_a_row_by_few_columns() -> None:
    x, w = gc.input("x", (1, 4096)), gc.input("w", (4096, 8))
    f = gc.compile([x, w], x @ w)
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(1, 4096)).astype("float32"), rng.normal(size=(4096, 8)).astype("float32")
    np.testing.assert_allclose(f(a, b), a.astype("float64") @ b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "int64"])
@pytest.mark.parametrize("name", ["sum", "max"])
def test_each_chain_looks_up_its_own(name: str, dtype: str) -> None:
    """An index that is read has a name, which is another one in each chain."""
    w, i = gc.input("w", (256,)), gc.input("i", (130, 8), dtype=dtype)
    rng = np.random.default_rng(0)
    values, places = rng.normal(size=256).astype("float32"), rng.integers(0, 256, (130, 8)).astype(dtype)
    result = getattr(gc, name)(gc.take(w, i, axis=0), axis=0)
    expected = getattr(np, name)(values.astype("float64")[places.astype(int)], axis=0)
    np.testing.assert_allclose(gc.compile([w, i], result)(values, places), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("columns", [8, 32, 128, 256])
@pytest.mark.parametrize("rows", [100, 256, 1024])
def test_checks_change_no_bit(rows: int, columns: int) -> None:
    """They bring registers of their own, which decide neither lanes nor chains."""
    x = gc.input("x", (rows, columns))
    values = np.random.default_rng(0).normal(size=(rows, columns)).astype("float32")
    outputs = [gc.sum(f(x), axis=0) for f in (gc.exp, gc.negative, gc.square, lambda x: gc.tanh(x) * 2 + x)]
    outputs += [gc.max(x, axis=0), gc.prod(1 + x / 100, axis=0)]
    for output in outputs:
        plain, checked = gc.compile([x], output), gc.compile([x], output, check=True)
        np.testing.assert_array_equal(plain(values), checked(values))
    values[rows // 2, columns // 2] = np.nan
    with pytest.raises(gc.NotFiniteError):
        gc.compile([x], outputs[0], check=True)(values)
