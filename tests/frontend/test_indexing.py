from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphc as gc

BOUNDS = st.one_of(st.none(), st.integers(-8, 8))
STEPS = st.one_of(st.none(), st.integers(-3, 3).filter(bool))
KEYS = st.one_of(st.builds(slice, BOUNDS, BOUNDS, STEPS), st.integers(-3, 2), st.none())


@settings(max_examples=150)
@given(st.lists(KEYS, max_size=4), st.integers(0, 4), st.booleans())
def test_basic_indexing_is_numpys(keys: list[object], dots: int, named: bool) -> None:
    """Over every bound and step; along a named dimension the window is right for the sizes that come."""
    array = np.arange(5 * 4 * 3.0).reshape(5, 4, 3)
    key = (*keys[:dots], ..., *keys[dots:]) if dots <= len(keys) else tuple(keys)
    x = gc.input("x", ("n", "m", 3) if named else array.shape, dtype="float64")
    try:
        expected = array[key]
    except IndexError:
        with pytest.raises(gc.ShapeError):
            gc.interpret(x[key], {x: array})
        return
    np.testing.assert_array_equal(gc.interpret(x[key], {x: array}), expected)


@settings(max_examples=200)
@given(st.builds(slice, BOUNDS, BOUNDS, STEPS), st.integers(0, 9))
def test_one_slice_is_right_at_every_size(key: slice, size: int) -> None:
    x = gc.input("x", ("n",), dtype="int64")
    values = np.arange(size)
    np.testing.assert_array_equal(gc.interpret(x[key], {x: values}), values[key])


def test_windows_of_one_size_have_one_form() -> None:
    x = gc.input("x", ("n",))
    assert (x[1:] - x[:-1]).shape == x[1:].shape
    assert x[::-1].shape == x.shape
    assert x[2:].shape == x[:-2].shape == x[1:-1].shape
    assert x[-3:].shape == x[:3].shape
    assert x[:] is x
    assert x[...] is x


def test_bounds_may_be_sizes() -> None:
    x, y = gc.input("x", ("n",)), gc.input("y", ("m",))
    given_ = {x: np.arange(7.0), y: np.zeros(4)}
    half = x.shape[0] // 2
    np.testing.assert_array_equal(gc.interpret(x[:half], {x: np.arange(7.0)}), [0, 1, 2])
    np.testing.assert_array_equal(gc.interpret(x[half:], {x: np.arange(7.0)}), [3, 4, 5, 6])
    np.testing.assert_array_equal(gc.interpret([x[: y.shape[0]], y], given_)[0], [0, 1, 2, 3])
    assert x[: x.shape[0]] is x
    assert gc.interpret(x[x.shape[0] - 1], {x: np.arange(7.0)}) == 6


def test_positions_outside_an_axis_are_refused() -> None:
    x = gc.input("x", (3, "n"))
    for key in (3, -4):
        with pytest.raises(gc.ShapeError, match=rf"(?s)indexing: {key} is outside axis 0 of size 3.*test_indexing\.py"):
            x[key]
    last = x[:, 4]
    with pytest.raises(gc.ShapeError, match=r"(?s)slice: .*axis 1 of size 2.*test_indexing\.py"):
        gc.interpret(last, {x: np.zeros((3, 2))})
    with pytest.raises(gc.ShapeError, match=r"(?s)slice: .*axis 1 of size 2"):
        gc.interpret(x[:, -3], {x: np.zeros((3, 2))})


@st.composite
def _array_keys(draw: Any) -> tuple[Any, ...]:
    """Keys into an array of shape (5, 4, 3) with at least one index array, some of them masks."""
    shape = draw(st.sampled_from([(), (2,), (2, 1), (1, 3), (0,)]))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    kinds = draw(st.permutations(["array", draw(st.sampled_from(["array", "mask", "slice", "int"])), "slice"]))
    kinds = kinds[: draw(st.integers(1 + kinds.index("array"), 3))]
    dots = draw(st.integers(0, len(kinds)))
    sizes = (*(5, 4, 3)[:dots], *(5, 4, 3)[3 - len(kinds) + dots :])
    masked = 1 if shape in ((), (2, 1)) else shape[-1]
    key: list[Any] = []
    for kind, size in zip(kinds, sizes, strict=True):
        if kind == "array":
            key.append(rng.integers(-size, size, shape))
        elif kind == "mask":
            key.append(np.isin(np.arange(size), rng.permutation(size)[:masked]))
        elif kind == "slice":
            key.append(draw(st.builds(slice, BOUNDS, BOUNDS, STEPS)))
        else:
            key.append(int(rng.integers(-size, size)))
    key.insert(dots, ...)
    if draw(st.booleans()):
        key.insert(draw(st.integers(0, len(key))), None)
    return tuple(key)


@settings(max_examples=200)
@given(_array_keys(), st.booleans())
def test_index_arrays_are_numpys(key: tuple[Any, ...], named: bool) -> None:
    array = np.arange(5 * 4 * 3.0).reshape(5, 4, 3)
    x = gc.input("x", ("n", "m", 3) if named else array.shape, dtype="float64")
    np.testing.assert_array_equal(gc.interpret(x[key], {x: array}), array[key])


UFUNCS = {"add": np.add, "multiply": np.multiply, "min": np.minimum, "max": np.maximum}


@settings(max_examples=200)
@given(_array_keys(), st.sampled_from(["set", *UFUNCS]), st.booleans())
def test_at_is_numpys_unbuffered_assignment(key: tuple[Any, ...], mode: str, named: bool) -> None:
    array = np.linspace(-2, 3, 5 * 4 * 3).reshape(5, 4, 3)
    x = gc.input("x", ("n", "m", 3) if named else array.shape, dtype="float64")
    expected = array.copy()
    # What is given for a named size has to be spread over it: nothing says that 4 is m.
    values = np.random.default_rng(0).normal(size=() if named else array[key].shape)
    if mode == "set":
        expected[key] = values
    else:
        UFUNCS[mode].at(expected, key, values)
    changed = getattr(x.at[key], mode)(values)
    assert changed.shape == x.shape
    np.testing.assert_array_equal(gc.interpret(changed, {x: array}), expected)


MATRIX = np.arange(12.0).reshape(4, 3)


def test_computed_indices() -> None:
    x, i, j = gc.input("x", ("n", 3), "float64"), gc.input("i", (2, 1), "uint8"), gc.input("j", (), "int32")
    given_ = {x: MATRIX, i: np.array([[0], [2]], "uint8"), j: -1}
    np.testing.assert_array_equal(gc.interpret(x[i, [0, 1]], given_), MATRIX[[[0], [2]], [0, 1]])
    np.testing.assert_array_equal(gc.interpret([x[j], x[i]], given_)[0], MATRIX[-1])
    np.testing.assert_array_equal(gc.interpret([x[j, 1:], x[i]], given_)[0], MATRIX[-1, 1:])
    np.testing.assert_array_equal(gc.interpret([x.at[j].set(7), x[i]], given_)[0][3], [7, 7, 7])


def test_indices_out_of_range_are_clamped_for_reads_and_dropped_for_writes() -> None:
    """Of several index arrays too, one of which is out of range while their sum is not."""
    x = gc.input("x", (4, 3), "float64")
    for dtype in ("int64", "int8", "uint64"):
        far = np.array([0, 100, 3], dtype)
        np.testing.assert_array_equal(gc.interpret(x[far], {x: MATRIX}), MATRIX[[0, 3, 3]])
        expected = MATRIX.copy()
        expected[[0, 3]] += 1
        np.testing.assert_array_equal(gc.interpret(x.at[far].add(1), {x: MATRIX}), expected)
    rows, columns = [0, 1, -5, 2**62], [5, 0, 0, 1]
    np.testing.assert_array_equal(gc.interpret(x[rows, columns], {x: MATRIX}), MATRIX[[0, 1, 0, 3], [2, 0, 0, 1]])
    expected = MATRIX.copy()
    expected[1, 0] = -1
    written = x.at[rows, columns].set(-1)
    np.testing.assert_array_equal(gc.interpret(written, {x: MATRIX}), expected)
    np.testing.assert_array_equal(gc.compile([x], written)(MATRIX), expected)
    largest = np.array([2**64 - 1], "uint64")
    np.testing.assert_array_equal(gc.interpret(x[largest], {x: MATRIX}), MATRIX[[3]])
    np.testing.assert_array_equal(gc.interpret(gc.grad(gc.sum(x[largest]), x), {x: MATRIX}), np.zeros((4, 3)))


def test_the_last_of_several_values_is_kept_and_has_the_gradient() -> None:
    x, v = gc.input("x", (4,), "float64"), gc.input("v", (3,), "float64")
    changed = x.at[[1, 3, 1]].set(v)
    weights = np.array([1.0, 2.0, 3.0, 4.0])
    by_x, by_v = gc.grad(gc.sum(changed * weights), [x, v])
    given_ = {x: np.zeros(4), v: np.array([5.0, 6.0, 7.0])}
    assert gc.interpret(changed, given_).tolist() == [0, 7, 0, 6]
    assert gc.interpret([by_x, changed], given_)[0].tolist() == [1, 0, 3, 0]
    assert gc.interpret([by_v, changed], given_)[0].tolist() == [0, 4, 2]


def test_gradients_of_products_where_something_is_zero() -> None:
    x, v = gc.input("x", (3,), "float64"), gc.input("v", (4,), "float64")
    product = x.at[[0, 0, 1, 2]].multiply(v)
    given_ = {x: np.array([2.0, 3.0, 0.0]), v: np.array([0.0, 5.0, 0.0, 4.0])}
    by_x, by_v = gc.interpret(gc.grad(gc.sum(product), [x, v]), given_)
    assert by_x.tolist() == [0, 0, 4]
    assert by_v.tolist() == [10, 0, 3, 0]


def test_computed_masks_change_in_place_of_choosing() -> None:
    x = gc.input("x", ("n", 3), "float64")
    expected = np.where(MATRIX > 4, 0, MATRIX)
    np.testing.assert_array_equal(gc.interpret(x.at[x > 4].set(0), {x: MATRIX}), expected)
    rows = x[:, 0] > 4
    np.testing.assert_array_equal(
        gc.interpret(x.at[rows].add([1, 2, 3]), {x: MATRIX})[2:], MATRIX[2:] + np.array([1, 2, 3])
    )
    with pytest.raises(gc.DTypeError, match=r"(?s)gc\.where\(mask, x, fill\).*x\.at\[mask\].*test_indexing\.py"):
        x[x > 4]
    with pytest.raises(gc.ShapeError, match="sizes of the first axes"):
        x.at[x[0] > 4].set(0)


def test_at_refuses() -> None:
    x, n = gc.input("x", (4, 3)), gc.input("n", (4,), "int32")
    with pytest.raises(gc.ShapeError, match=r"(?s)x\.at\[\.\.\.\]\.set: .*\(3,\).*\(4,\).*test_indexing\.py"):
        x.at[0].set(np.zeros(4))
    with pytest.raises(gc.ShapeError, match="do not fit"):
        x.at[0, 0].set(np.zeros(2))
    with pytest.raises(gc.DTypeError, match="without losing its meaning"):
        n.at[0].add(0.5)
    with pytest.raises(gc.DTypeError, match="bool can be set only"):
        (n > 0).at[0].add(1)
    with pytest.raises(gc.DTypeError, match="array of numbers"):
        x.at[0].set("a")
    assert x.at[0].set(1).dtype == "float32"
    assert x.at[0].set(np.float64(1)).dtype == "float32"
    assert n.at[0].max(3).dtype == "int32"
    assert x.at[1:].get() is x[1:]


def test_take_is_numpys() -> None:
    table = np.random.default_rng(2).normal(size=(7, 4, 3))
    x = gc.input("x", ("n", 4, 3), "float64")
    for at, axis in ((np.array([3, -1]), 0), (np.array([[0, 1, 2], [2, 1, 0]]), -1), (np.array(2), 1), ([], 0)):
        found = gc.interpret(gc.take(x, at, axis=axis), {x: table})
        np.testing.assert_array_equal(found, np.take(table, np.asarray(at, int), axis))
    assert gc.take(np.arange(3), [0]).shape == (1,)
    with pytest.raises(gc.ShapeError, match="one has to be named"):
        gc.take(x, [0])
    with pytest.raises(gc.DTypeError, match=r"(?s)indices must be integers.*test_indexing\.py"):
        gc.take(x, [0.5], axis=0)
    with pytest.raises(gc.ShapeError, match="nothing to take"):
        gc.take(np.zeros((0, 3)), [0], axis=0)


def test_the_gradient_of_rows_taken_is_a_scatter_of_rows() -> None:
    """Nothing of the size of table times rows is made, and each row is added as a whole."""
    table, at = gc.param("table", np.zeros((1000, 8), "float32")), gc.input("at", (5,), "int64")
    loss = gc.sum(gc.square(gc.take(table, at, axis=0)))
    nodes = gc.ir.graph.Graph((), (gc.grad(loss, table),)).nodes
    assert [n.op.name for n in nodes].count("scatter") == 1
    assert max(int(n.size) for n in nodes) == 1000 * 8
    rows = gc.compile([at], updates={table: table.at[at].add(1)})
    assert "b0[8*" in rows.dump("loops").replace("store ", "")
    assert rows.dump("loops").count("for ") == 2, "the table is not copied: the rows are added where they lie"
    rows(np.array([3, 999, 3, 1000, -1]))
    assert table.value.sum(axis=1)[[3, 999, 0]].tolist() == [16, 16, 0]


@pytest.mark.parametrize("start", [-12, -10, -3, 0, 2, 7, 8, 20])
def test_dynamic_slices_stay_inside(start: int) -> None:
    array = np.arange(30.0).reshape(10, 3)
    x, k = gc.input("x", (10, 3), "float64"), gc.input("k", (), "int32")
    first = min(max(start + 10 if start < 0 else start, 0), 7)
    expected = array.copy()
    expected[first : first + 3, 1:3] = -1
    outputs = [
        gc.dynamic_slice(x, [k, 1], [3, 2]),
        gc.dynamic_update_slice(x, np.full((3, 2), -1.0), [k, 1]),
        x[k : k + 3],
    ]
    references = [array[first : first + 3, 1:3], expected, array[first : first + 3]]
    given_ = {x: array, k: start}
    for found, compiled, reference in zip(
        gc.interpret(outputs, given_), gc.compile([x, k], outputs)(array, start), references, strict=True
    ):
        np.testing.assert_array_equal(found, reference)
        np.testing.assert_array_equal(compiled, reference)


def test_slices_of_computed_start() -> None:
    x, k, n = gc.input("x", (10, 3)), gc.input("k", (), "int64"), gc.input("n", ("m",))
    assert x[k : k + 3].shape == x[k - 1 : k + 2].shape == (3, 3)
    assert x[1 + k : 4 + k, :, None].shape == (3, 3, 1)
    assert x[k : k + n.shape[0]].shape == (n.shape[0], 3)
    assert x.at[k : k + 3].add(1).shape == (10, 3)
    for key in (slice(k, None), slice(None, k), slice(k, 2 * k), slice(k, k + 4, 2), slice(0, k)):
        with pytest.raises(gc.ShapeError, match=r"(?s)x\[i : i \+ length\].*gc\.dynamic_slice.*test_indexing\.py"):
            x[key]
    with pytest.raises(gc.DTypeError, match="a bound of a slice is one integer"):
        x[n[0] : n[0] + 1]


def test_dynamic_slices_refuse() -> None:
    x, k = gc.input("x", (10, 3)), gc.input("k", (), "int64")
    with pytest.raises(gc.ShapeError, match="1 starts for 2 axes"):
        gc.dynamic_slice(x, [k], [3, 2])
    with pytest.raises(gc.ShapeError, match="3 sizes for 2 axes"):
        gc.dynamic_slice(x, [k, k], [3, 2, 1])
    with pytest.raises(gc.ShapeError, match=r"(?s)11 elements do not fit axis 0 of size 10.*test_indexing\.py"):
        gc.dynamic_slice(x, [k, 0], [11, 2])
    with pytest.raises(gc.DTypeError, match="a start is one integer"):
        gc.dynamic_slice(x, [0.5, 0], [3, 2])
    with pytest.raises(gc.ShapeError, match="same number of axes"):
        gc.dynamic_update_slice(x, np.zeros(3, "float32"), [k, 0])


@pytest.mark.parametrize("name", ["nonzero", "unique_all", "unique_counts", "unique_inverse", "unique_values"])
def test_shapes_that_depend_on_values_are_refused(name: str) -> None:
    with pytest.raises(gc.GraphError, match=rf"(?s){name}: .*gc\.(where|sort).*test_indexing\.py"):
        getattr(gc, name)(gc.input("x", (4,)))


def test_other_keys_that_are_none() -> None:
    x = gc.input("x", (3, 4))
    for key in (True, x, [0.5], np.array(["a"]), [gc.input("i", (), "int64")], [[0], [0, 1]]):
        with pytest.raises(gc.DTypeError, match=r"(?s)indexing: .*test_indexing\.py"):
            x[key]
    with pytest.raises(gc.ShapeError, match="a mask of size 2 does not fit axis 0 of size 3"):
        x[np.array([True, False])]
    with pytest.raises(gc.ShapeError, match="do not broadcast"):
        x[[0, 1], [0, 1, 2]]
    for key in ("a", 1.0, slice("a", None)):
        with pytest.raises(gc.DTypeError, match=r"(?s)is no index.*test_indexing\.py"):
            x[key]
    with pytest.raises(gc.ShapeError, match="3 indices for 2 axes"):
        x[0, 0, 0]
    with pytest.raises(gc.ShapeError, match="only one"):
        x[..., 0, ...]
    with pytest.raises(gc.ShapeError, match="other than 0"):
        x[::0]
    assert x[np.int64(1)].shape == (4,)


def test_take_along_axis_is_numpys() -> None:
    rng = np.random.default_rng(0)
    x, at = rng.normal(size=(4, 5, 3)), rng.integers(-5, 5, (4, 2, 3))
    np.testing.assert_array_equal(gc.interpret(gc.take_along_axis(x, at, axis=1)), np.take_along_axis(x, at, 1))
    row = rng.integers(0, 3, (1, 1, 2))
    np.testing.assert_array_equal(gc.interpret(gc.take_along_axis(x, row)), np.take_along_axis(x, row, -1))


def test_indices_outside_are_clamped_and_their_gradient_is_dropped() -> None:
    x = gc.input("x", (3,), dtype="float64")
    taken = gc.take_along_axis(x, np.array([0, 5, -9, -1, 0]), axis=0)
    values = np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(gc.interpret(taken, {x: values}), [1, 3, 1, 3, 1])
    np.testing.assert_array_equal(gc.interpret(gc.grad(gc.sum(taken), x), {x: values}), [2, 0, 1])


def test_take_along_axis_refuses() -> None:
    x = gc.input("x", (4, 5))
    with pytest.raises(gc.DTypeError, match=r"(?s)indices must be integers.*test_indexing\.py"):
        gc.take_along_axis(x, gc.input("at", (4, 1)))
    with pytest.raises(gc.ShapeError, match="same number of axes"):
        gc.take_along_axis(x, np.array([1]))
    with pytest.raises(gc.ShapeError, match="do not broadcast"):
        gc.take_along_axis(x, np.zeros((3, 1), int))
    with pytest.raises(gc.ShapeError, match="nothing to take"):
        gc.take_along_axis(gc.input("e", (4, 0)), np.zeros((4, 1), int))


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_one_hot(axis: int) -> None:
    labels = np.array([[0, 2, 1], [3, -1, 7]])
    expected = np.moveaxis((labels[..., None] == np.arange(4)).astype("float32"), -1, axis)
    found = gc.interpret(gc.one_hot(labels, 4, axis=axis))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)


def test_one_hot_of_any_integer_and_any_size() -> None:
    assert gc.interpret(gc.one_hot(np.array([255], "uint8"), 300)).argmax() == 255
    assert gc.interpret(gc.one_hot(np.array([2**64 - 1], "uint64"), 3)).sum() == 0
    assert gc.one_hot(np.array([1]), 3, dtype="int8").dtype == "int8"
    labels = gc.input("labels", ("n",), dtype="int32")
    assert gc.one_hot(labels, "n").shape == (labels.shape[0],) * 2
    with pytest.raises(gc.DTypeError, match=r"(?s)one_hot: labels must be integers.*test_indexing\.py"):
        gc.one_hot(gc.input("x", (3,)), 4)
    with pytest.raises(gc.ShapeError):
        gc.one_hot(labels, -1)


def test_writing_into_nothing_changes_nothing() -> None:
    x, v, i = gc.input("x", (0, 3), "float64"), gc.input("v", (2, 3), "float64"), gc.input("i", (2,), "int64")
    for mode in ("set", "add", "multiply", "min"):
        changed = getattr(x.at[i], mode)(v)
        outputs = [changed, *gc.grad(gc.sum(changed), [x, v])]
        found = gc.compile([x, v, i], [*outputs, gc.jvp(changed, [x, v], [x, v])])(
            np.zeros((0, 3)), np.ones((2, 3)), [0, 1]
        )
        assert [f.shape for f in found] == [(0, 3), (0, 3), (2, 3), (0, 3)]
        assert not found[2].any()


def test_rows_of_one_element_drop_what_is_out_of_range_too() -> None:
    x, i = gc.input("x", (1,), "float64"), gc.input("i", (3,), "int64")
    f = gc.compile([x, i], [x.at[i].add(1), gc.grad(gc.sum(x[i]), x)])
    changed, gradient = f(np.zeros(1), [0, 3, -1])
    assert changed.tolist() == gradient.tolist() == [2]


@pytest.mark.parametrize("mode", ["set", "add", "multiply", "min", "max"])
@pytest.mark.parametrize("n", [0, 1, 5])
def test_updates_of_a_named_size_have_derivatives_at_every_size(mode: str, n: int) -> None:
    """Of nothing, too: then no update has a place to go to, and no say in the result."""
    rng = np.random.default_rng(n)
    x, u = gc.input("x", ("n", 3), dtype="float64"), gc.input("u", (4, 3), dtype="float64")
    where = np.array([0, -1, 2, 7])
    y = getattr(x.at[where], mode)(u)
    arrays = [rng.normal(size=(n, 3)), rng.normal(size=(4, 3))]
    gradients = gc.grad(gc.sum(y * y), [x, u])
    fixed = [gc.input("x", (n, 3), dtype="float64"), gc.input("u", (4, 3), dtype="float64")]
    known = getattr(fixed[0].at[where], mode)(fixed[1])
    expected = gc.interpret(gc.grad(gc.sum(known * known), fixed), dict(zip(fixed, arrays, strict=True)))
    for found, wanted in zip(gc.compile([x, u], gradients)(*arrays), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_the_gradient_of_a_reversal_is_reversed() -> None:
    """It is as large as what it is made of, and yet not the same."""
    x, w = gc.input("x", (3, 4)), gc.constant(np.arange(12, dtype="float32").reshape(3, 4))
    gradients = [gc.grad(gc.sum(x[key] * w), x) for key in (np.s_[::-1], np.s_[:, ::-1], np.s_[:])]
    turned, mirrored, same = gc.compile([x], gradients)(np.zeros((3, 4), "float32"))
    expected = np.arange(12).reshape(3, 4)
    np.testing.assert_array_equal(turned, expected[::-1])
    np.testing.assert_array_equal(mirrored, expected[:, ::-1])
    np.testing.assert_array_equal(same, expected)
