from __future__ import annotations

import numpy as np
import pytest

import graphc as gc

SHAPES = [
    ((3,), (3,)), ((3,), (3, 4)), ((2, 3), (3,)), ((2, 3), (3, 4)), ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)),
    ((5, 2, 3), (5, 3, 4)), ((5, 1, 2, 3), (6, 3, 4)), ((3,), (5, 3, 4)), ((5, 2, 3), (3,)), ((0, 3), (3, 2)),
    ((2, 0), (0, 4)), ((0,), (0,)), ((1, 1), (1, 1)),
]  # fmt: skip


@pytest.mark.parametrize(("a", "b"), SHAPES)
def test_matmul_is_numpys(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=a), rng.normal(size=b)
    made = gc.constant(x) @ y
    assert made.shape == np.matmul(x, y).shape
    np.testing.assert_allclose(gc.interpret(made), np.matmul(x, y), rtol=1e-13)
    np.testing.assert_allclose(gc.interpret(x @ gc.constant(y)), np.matmul(x, y), rtol=1e-13)


def test_operands_promote_and_integers_wrap() -> None:
    assert gc.matmul(np.ones((2, 2), "int8"), np.ones((2, 2), "float32")).dtype == "float32"
    a = np.full((1, 2), 100, "int8")
    np.testing.assert_array_equal(gc.interpret(gc.matmul(a, a.T)), np.matmul(a, a.T))


def test_named_sizes() -> None:
    x, w = gc.input("x", ("n", "k")), gc.input("w", ("k", 5))
    assert (x @ w).shape == (x.shape[0], 5)
    stack = gc.input("stack", ("b", "n", "k"))
    assert (stack @ w).shape == (*stack.shape[:2], 5)


def test_refusals_name_sizes_and_lines() -> None:
    x = gc.input("x", ("n", 3))
    with pytest.raises(
        gc.ShapeError, match=r"(?s)matmul: .*size 3.*meets 4.*'x'.*test_contraction\.py.*'w'.*test_contr"
    ):
        x @ gc.input("w", (4, 5))
    with pytest.raises(gc.ShapeError, match=r"size 3.*meets n"):
        x @ x
    with pytest.raises(gc.ShapeError, match="0-dimensional"):
        x @ 2.0
    with pytest.raises(gc.ShapeError, match=r"matmul: shapes .* do not broadcast"):
        gc.input("a", (2, 3, 3)) @ gc.input("b", (4, 3, 3))
    with pytest.raises(gc.DTypeError, match="numeric"):
        gc.matmul(np.ones((2, 2), bool), np.ones((2, 2), bool))
