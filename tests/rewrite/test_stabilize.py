"""Textbook formulas and their gradients at logits where they overflow, against a float64 oracle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc.ir.expr import Expr
from graphc.ir.graph import Graph
from graphc.rewrite import simplify

Array = np.ndarray[Any, Any]


def simplified(*exprs: Expr) -> tuple[Expr, ...]:
    inputs = tuple(n for n in Graph((), exprs).nodes if n.op.name == "input")
    return simplify(Graph(inputs, exprs)).graph.outputs


def counts(*exprs: Expr) -> dict[str, int]:
    found: dict[str, int] = {}
    for node in Graph((), exprs).nodes:
        found[node.op.name] = found.get(node.op.name, 0) + 1
    return found


LOGITS = np.array([
    [1000.0, -1000.0, 0.0, 3.0], [-1000.0, -1000.0, -1000.5, -999.0], [1000.0, 999.0, 1001.0, -1000.0],
    [0.5, -0.25, 2.0, 1.0], [300.0, -300.0, 90.0, 0.0],
])  # fmt: skip
LABELS = np.array([1, 2, -1, 3, 2])


def oracle_log_softmax(x: Array) -> Array:
    shifted = x - x.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def oracle() -> tuple[float, Array]:
    """The mean cross-entropy and its gradient by the logits, in float64."""
    rows, logs = np.arange(len(LABELS)), oracle_log_softmax(LOGITS)
    chosen = np.zeros_like(LOGITS)
    chosen[rows, LABELS] = 1
    return float(-logs[rows, LABELS].mean()), (np.exp(logs) - chosen) / len(LABELS)


def naive(x: Expr) -> Expr:
    e = gc.exp(x)
    return e / gc.sum(e, axis=1, keepdims=True)


def shifted_by_hand(x: Expr) -> Expr:
    e = gc.exp(x - gc.stop_gradient(gc.max(x, axis=1, keepdims=True)))
    return e / gc.sum(e, axis=1, keepdims=True)


def picked(values: Expr, y: Expr) -> Expr:
    return gc.take_along_axis(values, gc.expand_dims(y, axis=1), axis=1)


LOSSES: dict[str, Callable[[Expr, Expr], Expr]] = {
    "log of the picked share": lambda x, y: -gc.mean(gc.log(picked(naive(x), y))),
    "picked log of the share": lambda x, y: -gc.mean(picked(gc.log(naive(x)), y)),
    "log of softmax": lambda x, y: -gc.mean(picked(gc.log(gc.softmax(x)), y)),
    "log of the picked softmax": lambda x, y: -gc.mean(gc.log(picked(gc.softmax(x), y))),
    "shifted by hand": lambda x, y: -gc.mean(gc.log(picked(shifted_by_hand(x), y))),
    "log softmax": lambda x, y: -gc.mean(picked(gc.log_softmax(x), y)),
    "scores minus log-sum-exp": lambda x, y: gc.mean(
        gc.log(gc.sum(gc.exp(x), axis=1)) - gc.squeeze(picked(x, y), axis=1)),
    "one-hot times log": lambda x, y: -gc.sum(gc.one_hot(y, 4, dtype=x.dtype) * gc.log(naive(x))) / 5,
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", LOSSES)
def test_cross_entropy_is_stable_forward_and_backward(name: str, dtype: str) -> None:
    x, y = gc.input("x", LOGITS.shape, dtype=dtype), gc.input("y", LABELS.shape, dtype="int64")
    loss = LOSSES[name](x, y)
    after = simplified(loss, gc.grad(loss, x))
    labels = LABELS % 4 if name == "one-hot times log" else LABELS
    found = gc.interpret(list(after), {x: LOGITS.astype(dtype), y: labels})
    tolerance = 2e-6 if dtype == "float32" else 1e-13
    for value, expected in zip(found, oracle(), strict=True):
        np.testing.assert_allclose(value, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", [n for n in LOSSES if n != "one-hot times log"])
def test_cross_entropy_needs_three_reductions_and_one_exponential(name: str) -> None:
    x, y = gc.input("x", LOGITS.shape), gc.input("y", LABELS.shape, dtype="int64")
    loss = LOSSES[name](x, y)
    found = counts(*simplified(loss, gc.grad(loss, x)))
    assert found["max"] == 1
    assert found["sum"] == 2
    assert found["exp"] == 1
    assert found["log"] == 1
    assert "scatter_add_along_axis" not in found


@pytest.mark.parametrize("axis", [0, 1, (0, 1)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_log_sum_exp_over_any_axes(axis: Any, keepdims: bool) -> None:
    x = gc.input("x", (5, 4), dtype="float64")
    expr = gc.log(gc.sum(gc.exp(x), axis=axis, keepdims=keepdims))
    (after,) = simplified(expr)
    largest = LOGITS.max(axis=axis, keepdims=True)
    expected = np.log(np.exp(LOGITS - largest).sum(axis=axis, keepdims=True)) + largest
    np.testing.assert_allclose(
        gc.interpret(after, {x: LOGITS}), expected.reshape([int(d) for d in expr.shape]), rtol=1e-14
    )


def test_log_sum_exp_keeps_its_limits() -> None:
    x = gc.input("x", (3, 2), dtype="float64")
    (after,) = simplified(gc.log(gc.sum(gc.exp(x), axis=1)))
    rows = np.array([[-np.inf, -np.inf], [np.inf, 1.0], [np.nan, 1.0]])
    np.testing.assert_array_equal(gc.interpret(after, {x: rows}), [-np.inf, np.inf, np.nan])


def test_log_sum_exp_of_nothing_stays_the_log_of_zero() -> None:
    x = gc.input("x", (3, 0), dtype="float64")
    (after,) = simplified(gc.log(gc.sum(gc.exp(x), axis=1)))
    np.testing.assert_array_equal(gc.interpret(after, {x: np.zeros((3, 0))}), [-np.inf] * 3)


def test_the_gradient_of_log_sum_exp_is_softmax() -> None:
    x = gc.input("x", (5, 4), dtype="float64")
    total = gc.sum(gc.log(gc.sum(gc.exp(x), axis=1)))
    after = simplified(total, gc.grad(total, x))
    found = gc.interpret(list(after), {x: LOGITS})
    np.testing.assert_allclose(found[1], np.exp(oracle_log_softmax(LOGITS)), rtol=1e-13, atol=1e-300)
    assert counts(*after)["exp"] == 1


def test_what_is_shifted_is_not_shifted_again() -> None:
    x = gc.input("x", (5, 4))
    for expr in (gc.softmax(x), gc.log_softmax(x), gc.logsumexp(x, axis=1), gc.log(shifted_by_hand(x))):
        assert counts(*simplified(expr))["max"] == 1


def test_a_shift_by_another_maximum_does_not_count() -> None:
    x = gc.input("x", (5, 4), dtype="float64")
    e = gc.exp(x - gc.max(x))
    (after,) = simplified(gc.log(e / gc.sum(e, axis=1, keepdims=True)))
    np.testing.assert_allclose(gc.interpret(after, {x: LOGITS}), oracle_log_softmax(LOGITS), rtol=1e-12)


def test_log_of_clipped_probabilities_comes_from_logits() -> None:
    x = gc.input("x", (5, 4), dtype="float64")
    low, high = 1e-7, 1 - 1e-7
    (after,) = simplified(gc.log(gc.clip(naive(x), low, high)))
    expected = np.clip(oracle_log_softmax(LOGITS), np.log(low), np.log(high))
    np.testing.assert_allclose(gc.interpret(after, {x: LOGITS}), expected, rtol=1e-9)
    assert counts(after)["log"] == 1


SCORES = np.array([-1000.0, -90.0, -1.5, 0.0, 0.5, 90.0, 1000.0])
TRUTH = np.array([0.0, 1.0, 0.25, 1.0, 0.0, 0.5, 1.0])


def softplus(x: Array) -> Array:
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))


def sigmoid(x: Array) -> Array:
    return np.asarray(np.exp(-softplus(-x)))


PROBABILITIES: dict[str, Callable[[Expr], Expr]] = {
    "sigmoid": gc.sigmoid,
    "by hand": lambda x: 1 / (1 + gc.exp(-x)),
    "by hand, exponential first": lambda x: 1 / (gc.exp(-x) + 1),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", PROBABILITIES)
def test_binary_cross_entropy_is_stable_forward_and_backward(name: str, dtype: str) -> None:
    x, y = gc.input("x", SCORES.shape, dtype=dtype), gc.input("y", SCORES.shape, dtype=dtype)
    p = PROBABILITIES[name](x)
    loss = -gc.sum(y * gc.log(p) + (1 - y) * gc.log(1 - p))
    value, gradient = gc.interpret(
        list(simplified(loss, gc.grad(loss, x))), {x: SCORES.astype(dtype), y: TRUTH.astype(dtype)}
    )
    tolerance = 2e-6 if dtype == "float32" else 1e-13
    expected = np.sum(TRUTH * softplus(-SCORES) + (1 - TRUTH) * softplus(SCORES))
    np.testing.assert_allclose(value, expected, rtol=tolerance)
    np.testing.assert_allclose(gradient, sigmoid(SCORES) - TRUTH, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_softplus_by_hand_and_its_gradient(dtype: str) -> None:
    x = gc.input("x", SCORES.shape, dtype=dtype)
    total = gc.sum(gc.log(1 + gc.exp(x)))
    value, gradient = gc.interpret(list(simplified(total, gc.grad(total, x))), {x: SCORES.astype(dtype)})
    tolerance = 2e-6 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(value, softplus(SCORES).sum(), rtol=tolerance)
    np.testing.assert_allclose(gradient, sigmoid(SCORES), rtol=tolerance, atol=1e-38)


SMALL = np.array([1e-30, -1e-12, 1e-20, 3e-17])

BETTER: dict[str, tuple[Callable[[Expr], Expr], Callable[[Array], Array], Array]] = {
    "log(1 + x)": (lambda x: gc.log(1 + x), np.log1p, SMALL),
    "log(1 - x)": (lambda x: gc.log(1 - x), lambda x: np.log1p(-x), SMALL),
    "exp(x) - 1": (lambda x: gc.exp(x) - 1, np.expm1, SMALL),
    "log(exp(x))": (lambda x: gc.log(gc.exp(x)), lambda x: x, SCORES),
    "sqrt(x²)": (lambda x: gc.sqrt(gc.square(x)), np.abs, np.array([1e300, -1e-300, 3.0])),
    "1 - sigmoid(x)": (lambda x: 1 - gc.sigmoid(x), lambda x: sigmoid(-x), SCORES),
    "log(sigmoid(x))": (lambda x: gc.log(gc.sigmoid(x)), lambda x: -softplus(-x), SCORES),
    "log(1 - sigmoid(x))": (lambda x: gc.log(1 - gc.sigmoid(x)), lambda x: -softplus(x), SCORES),
    "log(exp(x) / exp(2x))": (lambda x: gc.log(gc.exp(x) / gc.exp(2 * x)), lambda x: -x, SCORES),
}


@pytest.mark.parametrize("name", BETTER)
def test_the_stable_form_is_right_where_the_written_one_is_not(name: str) -> None:
    build, exact, points = BETTER[name]
    x = gc.input("x", points.shape, dtype="float64")
    (after,) = simplified(build(x))
    written, found = gc.interpret([build(x), after], {x: points})
    np.testing.assert_allclose(found, exact(points), rtol=1e-14)
    with np.errstate(invalid="ignore"):
        assert not np.allclose(written, exact(points), rtol=1e-6, atol=0)


NEAR_AND_FAR = np.array([1e-30, -1e-7, 1e-3, 0.3, -0.999, 0.999999])
SECOND: dict[str, tuple[Callable[[Expr], Expr], Callable[[Array], Array]]] = {
    "asin": (gc.asin, lambda x: x / (1 - x**2) ** 1.5),
    "acos": (gc.acos, lambda x: -x / (1 - x**2) ** 1.5),
    "atanh": (gc.atanh, lambda x: 2 * x / (1 - x**2) ** 2),
}


@pytest.mark.parametrize("name", SECOND)
def test_second_derivatives_of_inverse_functions_keep_their_digits(name: str) -> None:
    function, exact = SECOND[name]
    x, ones = gc.input("x", NEAR_AND_FAR.shape), np.ones(NEAR_AND_FAR.shape, "float32")
    backward = gc.grad(gc.sum(gc.grad(gc.sum(function(x)), x)), x)
    forward = gc.jvp(gc.jvp(function(x), [x], [ones]), [x], [ones])
    points = NEAR_AND_FAR.astype("float32")
    for found in gc.interpret(list(simplified(backward, forward)), {x: points}):
        np.testing.assert_allclose(found, exact(points.astype("float64")), rtol=1e-6)


def test_the_slope_of_softsign_keeps_its_digits() -> None:
    x, t = gc.input("x", (7,)), gc.input("t", (7,))
    points = np.array([0, -0.1, 3, 1e4, -1e6, 1e8, 1e15], "float32")
    slopes = [gc.grad(e, x) for e in (gc.sum(gc.softsign(x)), gc.sum(gc.square(gc.softsign(x) - t)))]
    found = gc.interpret(list(simplified(*slopes)), {x: points, t: gc.interpret(gc.softsign(points)) - 0.5})
    for slope in found:
        np.testing.assert_allclose(slope, 1 / (1 + np.abs(points.astype("float64"))) ** 2, rtol=5e-7)


def test_a_difference_of_conjugates_is_finite_where_it_was() -> None:
    a, x = gc.input("a", (3,)), gc.input("x", (3,))
    values = np.array([0.25, 1, 0], "float32"), np.array([3e38, 1, -3e38], "float32")
    found = gc.compile([a, x], a * (1 + x) - a * (1 - x))(*values)
    np.testing.assert_allclose(found, [1.5e38, 2, 0], rtol=1e-6)
