"""Python's numbers stay weak on their way through transformations: they take the dtype of what they meet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gc


def scaled(a: Any, k: Any) -> gc.Expr:
    return a * k


def _batched(a: gc.Expr, k: Any) -> gc.Expr:
    return gc.vmap(scaled, (0, None))(a, k)


def _chosen(a: gc.Expr, k: Any) -> gc.Expr:
    return gc.cond(gc.any(a > 0), scaled, lambda a, k: a, a, k)


def _own(a: gc.Expr, k: Any) -> gc.Expr:
    function = gc.custom_vjp(scaled)
    function.defvjp(lambda a, k: (a * k, (a, k)), lambda r, g: (g * r[1], gc.sum(g * r[0])))
    return function(a, k)


@pytest.mark.parametrize("through", [_batched, _chosen, _own])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "uint64"])
def test_a_number_takes_the_dtype_of_what_it_meets(through: Callable[..., gc.Expr], dtype: str) -> None:
    a = gc.input("a", (3,), dtype=dtype)
    number = 0.1 if dtype.startswith("float") else 3
    result = through(a, number)
    assert result.dtype == dtype
    values = np.arange(1, 4, dtype=dtype)
    expected = values * np.asarray(number, dtype)
    np.testing.assert_array_equal(gc.compile([a], result)(values), expected)
    np.testing.assert_array_equal(gc.jit(lambda a: through(a, number))(values), expected)
    np.testing.assert_array_equal(gc.jit(through)(values, number), expected)
    if dtype.startswith("float"):
        gradient = gc.grad(gc.sum(result), a)
        np.testing.assert_array_equal(gc.compile([a], gradient)(values), np.full(3, 0.1, dtype))


def test_a_number_out_of_range_is_refused() -> None:
    with pytest.raises(gc.DTypeError, match="300 is outside the range of int8"):
        gc.vmap(scaled, (0, None))(np.ones(3, np.int8), 300)


def test_a_number_that_meets_nothing_is_as_it_would_be_outside() -> None:
    assert gc.vmap(lambda a, k: k, (0, None))(np.ones(3, "float64"), 2.0).dtype == "float32"
    assert gc.cond(True, lambda k: k, lambda k: k, 2).dtype == "int64"


def test_there_are_derivatives_by_a_number() -> None:
    x = gc.input("x", (5,))
    ones = np.ones(5, "float32")
    slopes = gc.vmap(lambda a, b: gc.grad(a * b * b, b), in_axes=(0, None))(x, 3.0)
    np.testing.assert_array_equal(gc.compile([x], slopes)(ones), 6 * ones)
    p = gc.input("p", (), dtype="bool")
    slope = gc.cond(p, lambda b: gc.grad(b * b * b, b), lambda b: b, 3.0)
    assert [gc.compile([p], slope)(holds) for holds in (True, False)] == [27, 3]
    traced = gc.jit(lambda a, b: gc.grad(gc.sum(a) * b * b, b))
    assert traced(ones, 3.0) == gc.interpret(traced(x, 3.0), {x: ones}) == 30
