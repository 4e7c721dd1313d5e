from __future__ import annotations

import numpy as np
import pytest

import graphc as gc

X = np.arange(24.0).reshape(2, 3, 4)


@pytest.mark.parametrize("shape", [(6, 4), (-1,), (2, -1), (-1, 2, 3), (4, 3, 2), 24, [2, 12], (2, 3, 4, 1)])
def test_reshape_is_numpys(shape: object) -> None:
    np.testing.assert_array_equal(gc.interpret(gc.reshape(X, shape)), np.reshape(X, shape))


def test_reshape_with_names() -> None:
    x = gc.input("x", ("n", 3, 4))
    n = x.shape[0]
    assert gc.reshape(x, (-1, 12)).shape == (n, 12)
    assert gc.reshape(x, ("n", -1)).shape == (n, 12)
    assert gc.reshape(x, (-1, 4)).shape == (3 * n, 4)
    assert gc.reshape(x, (2 * n, 6)).shape == (2 * n, 6)
    found = gc.interpret(gc.reshape(x, (-1, 6)), {x: np.zeros((5, 3, 4))})
    assert found.shape == (10, 6)


@pytest.mark.parametrize("shape", [(5, 5), (-1, 5), (-1, -1), (-1, 0), (-2, 12), (2.5, 2)])
def test_shapes_that_do_not_fit_are_refused(shape: object) -> None:
    x = gc.input("x", (2, 3, 4))
    with pytest.raises(gc.ShapeError):
        gc.reshape(x, shape)


def test_a_shape_that_fits_only_some_sizes_is_refused() -> None:
    x = gc.input("x", ("n", 3))
    with pytest.raises(gc.ShapeError, match=r"(?s)reshape: .*whatever the named sizes are.*test_shapes\.py"):
        gc.reshape(x, (-1, 2))
    with pytest.raises(gc.ShapeError, match="does not have as many elements"):
        gc.reshape(x, ("m", 3))


def test_permute_dims_and_transposes() -> None:
    x = gc.input("x", X.shape)
    given = {x: X}
    np.testing.assert_array_equal(gc.interpret(gc.permute_dims(x, (2, 0, 1)), given), X.transpose(2, 0, 1))
    np.testing.assert_array_equal(gc.interpret(gc.permute_dims(x, (-1, 0, -2)), given), X.transpose(2, 0, 1))
    np.testing.assert_array_equal(gc.interpret(gc.matrix_transpose(x), given), np.matrix_transpose(X))
    np.testing.assert_array_equal(gc.interpret(x.mT, given), X.mT)
    np.testing.assert_array_equal(gc.interpret(gc.constant(X[0]).T), X[0].T)
    assert gc.permute_dims(x, (0, 1, 2)) is x
    for axes in ((0, 1), (0, 1, 1), (0, 1, 3), (0, 1, 2, 2)):
        with pytest.raises(gc.ShapeError, match=r"(?s)permute_dims.*test_shapes\.py"):
            gc.permute_dims(x, axes)
    with pytest.raises(gc.ShapeError, match=r"\.T is for matrices.*\.mT"):
        x.T  # noqa: B018
    with pytest.raises(gc.ShapeError, match="no two axes"):
        gc.matrix_transpose(gc.input("v", (3,)))


@pytest.mark.parametrize("axis", [0, 1, 3, -1, -4, (0, 2), (-1, 0)])
def test_expand_dims_and_squeeze_undo_each_other(axis: object) -> None:
    x = gc.input("x", X.shape)
    wide = gc.expand_dims(x, axis=axis)
    assert wide.shape == np.expand_dims(X, axis).shape
    assert gc.interpret(gc.squeeze(wide, axis=axis), {x: X}).shape == X.shape


def test_squeeze_refuses_what_is_not_one() -> None:
    x = gc.input("x", (1, "n", 3))
    assert gc.squeeze(x, axis=0).ndim == 2
    for axis in (1, 2, (0, 2)):
        with pytest.raises(gc.ShapeError, match=r"(?s)squeeze: axis \d has size .*, not 1.*test_shapes\.py"):
            gc.squeeze(x, axis=axis)
    with pytest.raises(gc.ShapeError, match="does not exist"):
        gc.expand_dims(x, axis=4)


def test_broadcast_to() -> None:
    row = gc.constant(X[0, 0])
    np.testing.assert_array_equal(gc.interpret(gc.broadcast_to(row, (2, 3, 4))), np.broadcast_to(X[0, 0], (2, 3, 4)))
    assert gc.broadcast_to(row, ("n", 4)).shape[1] == 4
    for shape in ((3,), (4, 3), ("n",), ()):
        with pytest.raises(gc.ShapeError, match=r"(?s)broadcast_to: \(4,\) does not stretch to.*test_shapes\.py"):
            gc.broadcast_to(row, shape)
