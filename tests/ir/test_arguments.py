from __future__ import annotations

import numpy as np
import pytest

import graphc as gc
from graphc.ir.arguments import convert, solve_sizes
from graphc.ir.dtype import ALL, DType, as_dtype, float32, float64, int8, int64, uint8


def test_what_fits_goes_in_without_a_copy() -> None:
    array = np.zeros((3, 4), np.float32)
    assert convert(array, float32, "x") is array


@pytest.mark.parametrize(
    "given",
    [
        np.arange(12, dtype="float32").reshape(3, 4).T,
        np.arange(12, dtype="float32")[::-1],
        np.arange(12, dtype="float32")[::3],
        np.arange(3, dtype=">f4"),
        np.frombuffer(b"\0" + np.arange(3, dtype="float32").tobytes(), np.uint8)[1:].view("float32"),
        np.broadcast_to(np.float32(2), (3, 2)),
        np.zeros((0, 3), "float32")[:, ::-1],
        [1.5, 2.5],
        ((1, 2), (3, 4)),
        2,
        True,
        np.float16(0.5),
        np.arange(4, dtype="uint8"),
        np.arange(4.0),
    ],
    ids=repr,
)
def test_what_converts_is_converted(given: object) -> None:
    found = convert(given, float32, "x")
    assert found.dtype == np.float32 and found.dtype.isnative
    assert found.flags.c_contiguous and found.flags.aligned
    np.testing.assert_array_equal(found, np.asarray(given))


@pytest.mark.parametrize("dtype", ALL, ids=str)
@pytest.mark.parametrize("source", ALL, ids=str)
def test_casts_are_numpys_same_kind(source: DType, dtype: DType) -> None:
    array = np.ones(2, source.numpy)
    if np.can_cast(source.numpy, dtype.numpy, "same_kind"):
        assert convert(array, dtype, "x").dtype == dtype.numpy
    else:
        with pytest.raises(gc.DTypeError, match=rf"x has dtype {source}, which does not convert to {dtype}"):
            convert(array, dtype, "x")


@pytest.mark.parametrize(
    "given", ["text", None, object(), b"bytes", {"a": 1}, 1j, [[1, 2], [3]], np.array(["a"]), np.array([None]), {1, 2}]
)
def test_objects_that_are_no_arrays_are_refused(given: object) -> None:
    with pytest.raises(gc.DTypeError, match="x "):
        convert(given, float32, "x")


def test_python_integers_have_to_be_in_range() -> None:
    assert convert([0, 255], uint8, "x").tolist() == [0, 255]
    with pytest.raises(gc.DTypeError, match="outside the range of uint8, 0 to 255"):
        convert([0, 256], uint8, "x")
    with pytest.raises(gc.DTypeError, match="outside the range of int8"):
        convert(-129, int8, "x")
    with pytest.raises(gc.DTypeError):
        convert([1.5], int64, "x")


def test_float64_that_overflows_float32_is_infinite() -> None:
    assert convert(np.array([1e300, -1e300]), float32, "x").tolist() == [np.inf, -np.inf]
    assert convert([1e300], float64, "x").tolist() == [1e300]


def test_sizes_are_solved_across_inputs() -> None:
    n = gc.input("n", ("n",)).shape[0]
    x, y = gc.input("x", (2 * n + 1, "m")), gc.input("y", ("m", "n"))
    assert solve_sizes([x, y], [(7, 4), (4, 3)]) == {"n": 3, "m": 4}
    assert solve_sizes([gc.input("empty", (n, 3))], [(0, 3)]) == {"n": 0}


def test_a_size_that_needs_another_input_first() -> None:
    m, n = (gc.input("e", ("m", "n"))).shape
    both, only = gc.input("both", (m + n,)), gc.input("only", ("n",))
    assert solve_sizes([both, only], [(7,), (3,)]) == {"n": 3, "m": 4}
    with pytest.raises(gc.ShapeError, match="not determined by the inputs"):
        solve_sizes([both], [(7,)])


def test_disagreements_name_both_inputs() -> None:
    x, y = gc.input("x", ("batch", 3)), gc.input("y", ("batch",))
    with pytest.raises(gc.ShapeError, match=r"(?s)'y' has size 5.*batch is 4 by axis 0 of 'x'.*test_arguments"):
        solve_sizes([x, y], [(4, 3), (5,)])
    with pytest.raises(gc.ShapeError, match=r"axis 1 of 'x' has size 3, not 2"):
        solve_sizes([x], [(4, 2)])
    with pytest.raises(gc.ShapeError, match=r"'x'.*has 1 axes, not 2"):
        solve_sizes([x], [(4,)])
    even = gc.input("even", (2 * x.shape[0],))
    with pytest.raises(gc.ShapeError, match=r"no size makes 2\*batch of that"):
        solve_sizes([even], [(3,)])


def test_as_dtype_is_what_convert_takes() -> None:
    assert convert(1, as_dtype("int64"), "x").dtype == np.int64


def test_masks_are_not_lost() -> None:
    data = np.arange(4, dtype=np.float32)
    with pytest.raises(gc.DTypeError, match=r"'x' is a masked array.*filled"):
        convert(np.ma.masked_less(data, 2), float32, "'x'")
    assert convert(np.ma.masked_array(data), float32, "'x'").tolist() == [0, 1, 2, 3]
