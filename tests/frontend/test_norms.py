from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc as gc

STACK = np.random.default_rng(0).normal(size=(3, 4, 5))


@pytest.mark.parametrize("order", [2, 1, 0, 3, -1, 0.5, np.inf, -np.inf])
@pytest.mark.parametrize(("axis", "keepdims"), [(None, False), (-1, True), ((0, 2), False)])
def test_vector_norms_are_numpys(order: float, axis: Any, keepdims: bool) -> None:
    found = gc.vector_norm(gc.constant(STACK), axis=axis, keepdims=keepdims, ord=order)
    expected = np.linalg.vector_norm(STACK, axis=axis, keepdims=keepdims, ord=order)
    np.testing.assert_allclose(gc.interpret(found), expected, rtol=1e-13)


@pytest.mark.parametrize("order", ["fro", 1, -1, np.inf, -np.inf])
@pytest.mark.parametrize("keepdims", [False, True])
def test_matrix_norms_are_numpys(order: Any, keepdims: bool) -> None:
    found = gc.matrix_norm(gc.constant(STACK), keepdims=keepdims, ord=order)
    expected = np.linalg.matrix_norm(STACK, keepdims=keepdims, ord=order)
    np.testing.assert_allclose(gc.interpret(found), expected, rtol=1e-13)


def test_refusals() -> None:
    x = gc.input("x", (3, 4))
    for order in (2, "nuc", -2, "two"):
        with pytest.raises(gc.ShapeError, match=r"(?s)matrix_norm: ord is 'fro'.*test_norms\.py"):
            gc.matrix_norm(x, ord=order)
    with pytest.raises(gc.ShapeError, match="no two axes"):
        gc.matrix_norm(x[0])
    with pytest.raises(gc.ShapeError, match="ord is a number"):
        gc.vector_norm(x, ord="fro")  # type: ignore[arg-type]
    assert gc.vector_norm(np.array([3, 4])).dtype == "float32"
