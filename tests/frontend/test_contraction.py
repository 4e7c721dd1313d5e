from __future__ import annotations

from typing import Any

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


RNG = np.random.default_rng(1)
A, B, C, V = (RNG.normal(size=s) for s in ((3, 4, 5), (4, 5, 2), (5, 3, 4), (5,)))


def both(made: gc.Expr) -> list[np.ndarray[Any, Any]]:
    return [gc.interpret(made), gc.compile([], made)()]


@pytest.mark.parametrize(
    ("a", "b", "axes"),
    [(A, B, 2), (A, C, ([0, 2], [1, 0])), (V, V, 0), (A, V, 1), (A, A, 3), (A, C, (2, 0)), (A, C, ((-1,), (-3,)))],
)
def test_tensordot_is_numpys(a: Any, b: Any, axes: Any) -> None:
    for found in both(gc.tensordot(gc.constant(a), b, axes=axes)):
        np.testing.assert_allclose(found, np.tensordot(a, b, axes), rtol=1e-12)


def test_vecdot_and_outer_are_numpys() -> None:
    for found in both(gc.vecdot(gc.constant(A), V)):
        np.testing.assert_allclose(found, np.vecdot(A, V), rtol=1e-12)
    for found in both(gc.vecdot(gc.constant(A), A, axis=-2)):
        np.testing.assert_allclose(found, np.vecdot(A, A, axis=-2), rtol=1e-12)
    for found in both(gc.outer(gc.constant(V), A)):
        np.testing.assert_allclose(found, np.outer(V, A), rtol=1e-15)


@pytest.mark.parametrize("offset", [-3, -1, 0, 1, 2, 4, 9])
def test_diagonals_are_numpys(offset: int) -> None:
    for found in both(gc.diagonal(gc.constant(A), offset=offset)):
        np.testing.assert_array_equal(found, np.diagonal(A, offset, -2, -1))
    for found in both(gc.trace(gc.constant(A), offset=offset)):
        np.testing.assert_allclose(found, np.trace(A, offset, -2, -1), rtol=1e-13)


def test_other_products_refuse() -> None:
    x, y = gc.input("x", (3, 4)), gc.input("y", (4, 5))
    with pytest.raises(gc.ShapeError, match=r"(?s)tensordot: axes 1 and 1 meet and have sizes 4 and 5.*test_contr"):
        gc.tensordot(x, y, axes=(1, 1))
    for axes in (3, ([0], [0, 1]), "ij", ([0, 0], [0, 1])):
        with pytest.raises(gc.ShapeError, match="tensordot: "):
            gc.tensordot(x, y, axes=axes)  # type: ignore[arg-type]
    with pytest.raises(gc.ShapeError, match="vectors of size 4 and 5"):
        gc.vecdot(x, y)
    with pytest.raises(gc.ShapeError, match="axis 2 is not in both"):
        gc.vecdot(x, x, axis=2)
    for function in (gc.diagonal, gc.trace):
        with pytest.raises(gc.ShapeError, match=f"{function.__name__}: there are no two axes"):
            function(x[0])
        with pytest.raises(gc.ShapeError, match=f"{function.__name__}: .*sizes n and 4"):
            function(gc.input("z", ("n", 4)))
    for product in (gc.outer, gc.vecdot, gc.tensordot):
        with pytest.raises(gc.DTypeError, match="convert bool"):
            product(np.ones((2, 2), bool), np.ones((2, 2), bool))
