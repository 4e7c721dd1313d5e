from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from strategies import GraphCase, graphs

import graphc as gc
from graphc.interpret import trace
from graphc.ir.graph import Graph, bind_sizes


def test_structure_of_the_outputs_is_kept() -> None:
    x = gc.input("x", (2,))
    found = gc.interpret({"a": [x, (x + 1,)], "b": gc.sum(x)}, {x: [1, 2]})
    np.testing.assert_array_equal(found["a"][0], [1, 2])
    np.testing.assert_array_equal(found["a"][1][0], [2, 3])
    assert found["b"] == 3
    assert isinstance(found["b"], np.ndarray)
    assert gc.interpret([], {}) == []


def test_inputs_are_converted_like_arguments_of_a_call() -> None:
    x = gc.input("x", (2, 3))
    for given_ in (np.arange(6).reshape(2, 3), np.arange(6.0).reshape(3, 2).T, [[1, 2, 3], [4, 5, 6]],
                   np.arange(12, dtype=">f4").reshape(2, 6)[:, ::-2]):  # fmt: skip
        found = gc.interpret(x, {x: given_})
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, given_)
    with pytest.raises(gc.DTypeError, match="the value of 'x'"):
        gc.interpret(x, {x: np.zeros((2, 3), complex)})
    with pytest.raises(gc.ShapeError, match=r"(?s)axis 1 of 'x' has size 3, not 2.*test_interpret\.py"):
        gc.interpret(x, {x: np.zeros((2, 2))})


def test_results_are_the_callers_own() -> None:
    x, c = gc.input("x", (3,), dtype="float64"), gc.constant(np.arange(3.0))
    array = np.arange(3.0)
    for made in (x, x[::-1][::-1], gc.reshape(x, (3,)), c):
        found = gc.interpret(made, {x: array})
        found[:] = 9
    np.testing.assert_array_equal(array, [0, 1, 2])
    np.testing.assert_array_equal(gc.interpret(c), [0, 1, 2])


def test_missing_and_unknown_inputs() -> None:
    x, y, w = gc.input("x", ()), gc.input("y", ()), gc.param("w", 1.0)
    with pytest.raises(gc.GraphError, match=r"(?s)no value is given for 'y'.*test_interpret\.py"):
        gc.interpret(x + y, {x: 1.0})
    for unknown in (w, x + 1, "x"):
        with pytest.raises(gc.GraphError, match="values are given for inputs only"):
            gc.interpret(x, {x: 1.0, unknown: 2.0})
    assert gc.interpret(x, {x: 1.0, y: 2.0}) == 1


def test_params_have_their_value() -> None:
    w = gc.param("w", [1.0, 2.0])
    np.testing.assert_array_equal(gc.interpret(w * 2), [2, 4])
    w.value = [3, 4]
    np.testing.assert_array_equal(gc.interpret(w * 2), [6, 8])


def test_sizes_follow_the_inputs_and_have_to_agree() -> None:
    x, y = gc.input("x", ("n", 2)), gc.input("y", ("n",))
    made = gc.sum(x, axis=0) + gc.size(x, 0)
    for n in (0, 1, 5):
        np.testing.assert_array_equal(gc.interpret(made, {x: np.ones((n, 2))}), [2 * n, 2 * n])
    with pytest.raises(gc.ShapeError, match=r"(?s)'y' has size 3.*n is 2 by axis 0 of 'x'"):
        gc.interpret([x, y], {x: np.zeros((2, 2)), y: np.zeros(3)})


def test_impossible_sizes_name_the_users_line() -> None:
    x = gc.input("x", ("n",))
    with pytest.raises(gc.ShapeError, match=r"(?s)max: of no elements there is none.*test_interpret\.py"):
        gc.interpret(gc.max(x), {x: np.zeros(0)})


def test_a_size_that_no_input_determines() -> None:
    with pytest.raises(gc.ShapeError, match=r"(?s)no input determines the size n.*test_interpret\.py"):
        gc.interpret(gc.broadcast_to(1.0, ("n", 2)))


def test_nothing_is_warned_about() -> None:
    x = gc.input("x", (2,))
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(gc.interpret(1 / x, {x: [0.0, -0.0]}), [np.inf, -np.inf])
        assert np.isnan(gc.interpret(gc.log(x), {x: [-1.0, np.nan]})).all()


def test_trace_has_the_value_of_every_node() -> None:
    x = gc.input("x", ("n",))
    h = gc.tanh(x)
    values = trace(gc.sum(h), {x: [0.0, 1.0]})
    np.testing.assert_array_equal(values[h], np.tanh(np.array([0, 1], "float32")))
    assert len(values) == 3


def test_a_long_chain_needs_no_recursion() -> None:
    x = gc.input("x", ())
    y = x
    for _ in range(20_000):
        y = y + 1.0
    assert gc.interpret(y, {x: 0.0}) == 20_000


@settings(max_examples=60)
@given(graphs(gradients=True))
def test_named_and_numbered_sizes_give_the_same(case: GraphCase) -> None:
    sizes = {str(d): n for x, a in zip(case.inputs, case.arrays, strict=True)
             for d, n in zip(x.shape, a.shape, strict=True) if not isinstance(d, int)}  # fmt: skip
    bound, became = bind_sizes(Graph(tuple(case.inputs), tuple(case.outputs)), sizes)
    given_ = {became[x]: a for x, a in zip(case.inputs, case.arrays, strict=True)}
    for found, expected in zip(gc.interpret(list(bound.outputs), given_), case.expected(), strict=True):
        np.testing.assert_array_equal(found, expected)
