from __future__ import annotations

import numpy as np
import pytest

import graphc as gc


def test_inputs_are_float32_unless_asked() -> None:
    x = gc.input("x", ("batch", 784))
    assert (x.dtype, x.name, x.op.name, str(x.shape)) == ("float32", "x", "input", "(batch, 784)")
    assert gc.input("y", (), dtype=np.int64).dtype == "int64"
    assert gc.input("v", 3).shape == (3,)
    assert gc.input("v", "n").ndim == 1


@pytest.mark.parametrize("shape", [(-1,), (2**62,), ("not a name",), (1.5,), None, (None,), ([3],)])
def test_shapes_that_are_none_are_refused(shape: object) -> None:
    with pytest.raises(gc.ShapeError):
        gc.input("x", shape)


@pytest.mark.parametrize("name", ["", None, 3])
def test_names_that_are_none_are_refused(name: object) -> None:
    for make in (lambda: gc.input(name, ()), lambda: gc.param(name, 0.0), lambda: gc.name(gc.constant(1), name)):
        with pytest.raises(gc.GraphError, match="a name is a text"):
            make()


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        ([1, 2], "float32"), (0.5, "float32"), (3, "float32"), (np.float64(1), "float32"), (np.zeros(2), "float64"),
        (np.zeros(2, "float32"), "float32"), (np.arange(2), "int64"), ([True, False], "bool"), (np.int8(1), "int8"),
        (np.zeros(3, ">f8"), "float64"),
    ],
)  # fmt: skip
def test_params_keep_arrays_and_default_to_float32(value: object, dtype: str) -> None:
    p = gc.param("p", value)
    assert p.dtype == dtype
    np.testing.assert_array_equal(p.value, value)


def test_a_param_has_its_own_copy() -> None:
    start = np.zeros(3, "float32")
    p = gc.param("p", start)
    start[:] = 5
    np.testing.assert_array_equal(p.value, [0, 0, 0])
    p.value[:] = 7
    np.testing.assert_array_equal(p.value, [0, 0, 0])
    p.value = start
    start[:] = 9
    np.testing.assert_array_equal(p.value, [5, 5, 5])


def test_assigning_converts_within_the_kind_and_checks_the_shape() -> None:
    p = gc.param("p", np.zeros((2, 3), "float32"))
    p.value = np.arange(6.0).reshape(3, 2).T
    np.testing.assert_array_equal(p.value, np.arange(6).reshape(3, 2).T)
    p.value = [[1, 2, 3], [4, 5, 6]]
    with pytest.raises(gc.ShapeError, match=r"(?s)shape \(3,\) does not fit.*'p'.*test_creation\.py"):
        p.value = np.zeros(3)
    with pytest.raises(gc.ShapeError):
        p.value = 0.0
    with pytest.raises(gc.DTypeError, match="the value of 'p' should be an array of numbers"):
        p.value = np.zeros((2, 3), complex)
    counter = gc.param("counter", np.zeros((), "int64"))
    with pytest.raises(gc.DTypeError, match="float64, which does not convert to int64"):
        counter.value = np.ones(())
    np.testing.assert_array_equal(p.value, [[1, 2, 3], [4, 5, 6]])


def test_only_params_have_values() -> None:
    x = gc.input("x", (3,))
    with pytest.raises(gc.GraphError, match=r"(?s)only params hold a value.*test_creation\.py"):
        x.value  # noqa: B018
    with pytest.raises(gc.GraphError, match="only params can be assigned"):
        x.value = np.zeros(3)


def test_params_start_from_arrays() -> None:
    x = gc.input("x", ("n",))
    for value in (x, x.shape[0]):
        with pytest.raises(gc.GraphError, match="starts from an array"):
            gc.param("p", value)
    with pytest.raises(gc.DTypeError):
        gc.param("p", "text")
    assert gc.param("p", [1, 2], dtype="int8").dtype == "int8"
    assert gc.param("p", np.zeros(2), dtype="float32").dtype == "float32"
    with pytest.raises(gc.DTypeError):
        gc.param("p", np.zeros(2), dtype="int32")


def test_constants_keep_the_kind_of_numbers() -> None:
    assert gc.constant([1, 2]).dtype == "int64"
    assert gc.constant(1.5).dtype == "float32"
    assert gc.constant(True).dtype == "bool"
    assert gc.constant(np.arange(10)).dtype == "int64"
    assert gc.constant(np.zeros(2)).dtype == "float64"
    assert gc.constant([1.5], dtype="float64").dtype == "float64"
    with pytest.raises(gc.GraphError, match="takes an array"):
        gc.constant(gc.input("x", ()))
    n = gc.input("x", ("n",)).shape[0]
    assert gc.constant(n).dtype == "int64"
    assert gc.constant(n, dtype="float32").dtype == "float32"


def test_names_annotate_and_change_nothing() -> None:
    x = gc.input("x", (3,))
    h = gc.tanh(x)
    assert gc.name(h, "h") is h
    assert gc.tanh(x).name == "h"
    assert gc.name(x, "other").name == "x"
    with pytest.raises(gc.GraphError, match="only expressions have names"):
        gc.name(3.0, "three")


def test_sizes_as_values() -> None:
    x = gc.input("x", ("n", 3))
    given = {x: np.zeros((5, 3))}
    assert gc.interpret([gc.size(x, 0), gc.size(x, -1), gc.size(x)], given) == [5, 3, 15]
    assert gc.size(x, 0).dtype == "int64"
    with pytest.raises(gc.ShapeError, match="axis 2 does not exist"):
        gc.size(x, 2)
