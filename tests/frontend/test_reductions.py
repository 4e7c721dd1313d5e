from __future__ import annotations

import numpy as np
import pytest
import scipy.special

import graphc as gc

X = np.random.default_rng(0).normal(size=(2, 3, 5)).astype("float32")
AXES = [None, 0, -1, (0, 2), (1, -1, 0), ()]


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("name", ["sum", "mean", "max", "min"])
def test_reductions_are_numpys(name: str, axis: object, keepdims: bool) -> None:
    x = gc.input("x", X.shape)
    made = getattr(gc, name)(x, axis=axis, keepdims=keepdims)
    expected = getattr(np, name)(X, axis=axis, keepdims=keepdims)
    found = gc.interpret(made, {x: X})
    assert (made.dtype, made.shape) == (expected.dtype, expected.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("keepdims", [False, True])
def test_argmax_is_numpys(axis: int | None, keepdims: bool) -> None:
    found = gc.interpret(gc.argmax(X, axis=axis, keepdims=keepdims))
    np.testing.assert_array_equal(found, np.argmax(X, axis=axis, keepdims=keepdims))
    assert found.dtype == np.int64


def test_argmax_finds_the_first_and_nan() -> None:
    assert gc.interpret(gc.argmax([1.0, 3.0, 3.0])) == 1
    assert gc.interpret(gc.argmax([1.0, np.nan, np.inf])) == 1


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("int8", "int64"), ("int64", "int64"), ("uint8", "uint64"), ("bool", "int64"), ("float32", "float32")],
)
def test_sums_of_small_integers_are_wide(dtype: str, expected: str) -> None:
    ones = np.ones(300, dtype)
    found = gc.interpret(gc.sum(ones))
    assert (found.dtype, found) == (expected, 300)
    assert gc.sum(ones, dtype="int16").dtype == "int16"
    assert gc.mean(gc.constant(ones)).dtype == "float32"


@pytest.mark.parametrize("dtype", ["int8", "int64", "uint8", "uint64"])
def test_the_minimum_of_integers_is_exact_at_the_ends(dtype: str) -> None:
    info = np.iinfo(dtype)
    for values in ([info.min, 5, info.max], [info.max, info.max], [info.min, info.min], [3, 1, 2]):
        assert gc.interpret(gc.min(np.array(values, dtype))) == min(values)


def test_nan_wins() -> None:
    x = np.array([1.0, np.nan, 3.0])
    assert np.isnan(gc.interpret(gc.max(x)))
    assert np.isnan(gc.interpret(gc.min(x)))


def test_of_nothing() -> None:
    x = gc.input("x", (0, 3))
    given = {x: np.zeros((0, 3))}
    np.testing.assert_array_equal(gc.interpret(gc.sum(x, axis=0), given), [0, 0, 0])
    np.testing.assert_array_equal(gc.interpret(gc.mean(x, axis=0), given), [np.nan] * 3)
    assert gc.interpret(gc.max(x, axis=1), given).shape == (0,)
    for function in (gc.max, gc.min, gc.argmax):
        with pytest.raises(gc.ShapeError, match=r"(?s)there is none.*test_reductions\.py"):
            function(x, axis=0)


def test_a_mean_over_a_named_dimension_divides_by_it() -> None:
    x = gc.input("x", ("n", "m"))
    for shape in ((4, 3), (1, 1), (17, 2)):
        values = np.random.default_rng(1).normal(size=shape).astype("float32")
        np.testing.assert_allclose(gc.interpret(gc.mean(x), {x: values}), values.mean(), rtol=1e-5)
        np.testing.assert_allclose(gc.interpret(gc.mean(x, axis=0), {x: values}), values.mean(0), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    "function", [gc.sum, gc.mean, gc.max, gc.min, gc.argmax, gc.softmax, gc.log_softmax, gc.logsumexp]
)
@pytest.mark.parametrize("axis", [3, -4, 1.5, "a"])
def test_axes_that_do_not_exist_are_refused(function: object, axis: object) -> None:
    x = gc.input("x", (2, 3, 5))
    with pytest.raises(gc.ShapeError, match=r"(?s)axis.*'x', input.*\(2, 3, 5\).*test_reductions\.py"):
        function(x, axis=axis)  # type: ignore[operator]


def test_an_axis_named_twice_is_refused() -> None:
    with pytest.raises(gc.ShapeError, match="named twice"):
        gc.sum(X, axis=(0, -3))


ROWS = np.array(
    [[1, 2, 3], [1000, 1001, 1002], [-1000, -1001, -1002], [1e30, 0, -1e30], [-np.inf, 0, 1], [0, 0, 0]], "float64"
)


@pytest.mark.parametrize("axis", [-1, 0, (0, 1)])
def test_the_softmax_family_is_scipys(axis: object) -> None:
    with np.errstate(all="ignore"):
        expected = scipy.special.softmax(ROWS, axis), scipy.special.log_softmax(ROWS, axis)
        total = scipy.special.logsumexp(ROWS, axis), scipy.special.logsumexp(ROWS, axis, keepdims=True)
    np.testing.assert_allclose(gc.interpret(gc.softmax(ROWS, axis=axis)), expected[0], rtol=1e-14)
    np.testing.assert_allclose(gc.interpret(gc.log_softmax(ROWS, axis=axis)), expected[1], rtol=1e-14)
    np.testing.assert_allclose(gc.interpret(gc.logsumexp(ROWS, axis=axis)), total[0], rtol=1e-14)
    np.testing.assert_allclose(gc.interpret(gc.logsumexp(ROWS, axis=axis, keepdims=True)), total[1], rtol=1e-14)


def test_logsumexp_of_infinite_rows() -> None:
    rows = np.array([[-np.inf, -np.inf], [np.inf, 0], [np.inf, -np.inf], [np.nan, 0]])
    np.testing.assert_array_equal(gc.interpret(gc.logsumexp(rows, axis=1)), [-np.inf, np.inf, np.inf, np.nan])


@pytest.mark.parametrize("compiled", [False, True])
def test_the_softmax_family_of_nothing(compiled: bool) -> None:
    x, given = gc.input("x", (3, 0)), np.zeros((3, 0), "float32")
    values = [gc.softmax(x), gc.log_softmax(x), gc.logsumexp(x), gc.logsumexp(x, axis=1), gc.logsumexp(x, axis=0)]
    slopes = [gc.grad(gc.sum(v), x) for v in values]
    found = gc.compile([x], [*values, *slopes])(given) if compiled else gc.interpret([*values, *slopes], {x: given})
    expected = [given, given, -np.inf, [-np.inf] * 3, np.zeros(0), *[given] * 5]
    for a, b in zip(found, expected, strict=True):
        assert a.shape == np.shape(b)
        np.testing.assert_array_equal(a, b)


def test_logsumexp_reduces_everything_by_default() -> None:
    np.testing.assert_allclose(gc.interpret(gc.logsumexp(X)), scipy.special.logsumexp(X), rtol=1e-6)


def test_the_gradient_of_logsumexp_is_softmax() -> None:
    x = gc.input("x", (6, 3), dtype="float64")
    given = {x: ROWS}
    gradient = gc.grad(gc.sum(gc.logsumexp(x, axis=1)), x)
    np.testing.assert_allclose(gc.interpret(gradient, given), scipy.special.softmax(ROWS, 1), rtol=1e-13)
