from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc.ir.graph import Graph


def value(expr: gc.Expr) -> np.ndarray[Any, Any]:
    """By both evaluators, which agree."""
    found = gc.interpret(expr)
    np.testing.assert_allclose(gc.compile([], expr)(), found, rtol=1e-6)
    return np.asarray(found)


@pytest.mark.parametrize(
    ("build", "reference"),
    [
        (lambda: gc.zeros((2, 3)), np.zeros((2, 3), "float32")),
        (lambda: gc.ones(4, dtype="int8"), np.ones(4, "int8")),
        (lambda: gc.empty((2,)), np.zeros(2, "float32")),
        (lambda: gc.full((2, 2), 7), np.full((2, 2), 7)),
        (lambda: gc.full((2, 2), True), np.full((2, 2), True)),
        (lambda: gc.full(3, 2.5), np.full(3, 2.5, "float32")),
        (lambda: gc.full(3, np.float64(2.5), dtype="float64"), np.full(3, 2.5)),
        (lambda: gc.full_like(np.zeros((2, 3), "int16"), 4), np.full((2, 3), 4, "int16")),
        (lambda: gc.zeros_like(np.ones(3, bool)), np.zeros(3, bool)),
        (lambda: gc.ones_like(np.ones(3, "uint8"), dtype="float64"), np.ones(3)),
        (lambda: gc.empty_like(np.ones((2, 1))), np.zeros((2, 1))),
        (lambda: gc.eye(3), np.eye(3, dtype="float32")),
        (lambda: gc.eye(2, 4, k=1, dtype="int64"), np.eye(2, 4, 1, "int64")),
        (lambda: gc.eye(4, 2, k=-2, dtype=bool), np.eye(4, 2, -2, bool)),
        (lambda: gc.arange(5), np.arange(5)),
        (lambda: gc.arange(2, 11, 3), np.arange(2, 11, 3)),
        (lambda: gc.arange(5, 0, -2), np.arange(5, 0, -2)),
        (lambda: gc.arange(3, 1), np.arange(3, 1)),
        (lambda: gc.arange(0, 1, 0.1), np.arange(0, 1, 0.1).astype("float32")),
        (lambda: gc.arange(4, dtype="float64"), np.arange(4.0)),
        (lambda: gc.arange(100, dtype="uint8"), np.arange(100, dtype="uint8")),
        (lambda: gc.linspace(0, 1, 11), np.linspace(0, 1, 11, dtype="float32")),
        (lambda: gc.linspace(-2.5, 7, 1000, dtype="float64"), np.linspace(-2.5, 7, 1000)),
        (lambda: gc.linspace(0, 1, 10, endpoint=False), np.linspace(0, 1, 10, False, dtype="float32")),
        (lambda: gc.linspace(3, 4, 1), np.linspace(3, 4, 1, dtype="float32")),
        (lambda: gc.linspace(3, 4, 0), np.linspace(3, 4, 0, dtype="float32")),
        (lambda: gc.asarray([[1, 2], [3, 4]]), np.array([[1, 2], [3, 4]])),
        (lambda: gc.asarray(gc.constant(2.5), dtype="int32"), np.array(2, "int32")),
    ],
)  # fmt: skip
def test_they_are_numpys(build: Callable[[], gc.Expr], reference: np.ndarray[Any, Any]) -> None:
    made = build()
    assert (made.dtype, made.shape) == (reference.dtype, reference.shape)
    np.testing.assert_allclose(value(made), reference, rtol=1e-7, atol=1e-15)


def test_the_last_of_a_linspace_is_the_stop_to_the_bit() -> None:
    for stop in (0.1, 1 / 3, 1e30):
        assert value(gc.linspace(-1, stop, 7, dtype="float64"))[-1] == stop


def test_ranges_are_not_stored() -> None:
    for made in (gc.arange(10**9), gc.linspace(0, 1, 10**8), gc.eye(10**5), gc.zeros((10**6, 10**6))):
        constants = [n for n in Graph((), (made,)).nodes if n.op.name == "constant"]
        assert all(n.attrs["value"].array.size == 1 for n in constants)
    assert gc.interpret(gc.sum(gc.arange(100000))) == 4999950000


def test_sizes_may_be_named() -> None:
    x = gc.input("x", ("n", 3))
    n = x.shape[0]
    assert gc.zeros(("n", 2)).shape == (n, 2)
    row = gc.compile([x], gc.sum(x, axis=1) + gc.arange(n) + gc.matmul(gc.eye(n), gc.ones((n,))))
    np.testing.assert_array_equal(row(np.zeros((4, 3), "float32")), np.arange(4) + 1)
    behind = gc.arange(2, n) + gc.zeros_like(x[2:, 0])
    np.testing.assert_array_equal(gc.interpret(behind, {x: np.zeros((5, 3))}), [2, 3, 4])


@pytest.mark.parametrize("indexing", ["xy", "ij"])
@pytest.mark.parametrize("sizes", [(3,), (3, 2), (3, 2, 4)])
def test_grids_are_numpys(sizes: tuple[int, ...], indexing: Any) -> None:
    vectors = [np.arange(n) * 2.0 for n in sizes]
    found = gc.interpret(gc.meshgrid(*vectors, indexing=indexing))
    for mine, reference in zip(found, np.meshgrid(*vectors, indexing=indexing), strict=True):
        np.testing.assert_array_equal(mine, reference)
    assert gc.meshgrid() == []


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: gc.full((2,), [1, 2]), gc.ShapeError, "with a scalar"),
        (lambda: gc.full((2,), 300, dtype="uint8"), gc.DTypeError, "outside the range"),
        (lambda: gc.zeros((-1,)), gc.ShapeError, "sizes are integers"),
        (lambda: gc.arange(0, 5, 0), gc.GraphError, "step is not 0"),
        (lambda: gc.arange(3, dtype=bool), gc.DTypeError, "counted up"),
        (lambda: gc.arange(0, gc.Dim("n"), 2), gc.GraphError, "the step is 1"),
        (lambda: gc.linspace(0, 1, gc.Dim("n")), gc.ShapeError, "follows from the number"),
        (lambda: gc.meshgrid(np.zeros((2, 2))), gc.ShapeError, "takes vectors"),
        (lambda: gc.meshgrid(np.zeros(2), indexing="yx"), gc.GraphError, "xy"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(build: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        build()
