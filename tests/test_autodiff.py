from __future__ import annotations

import gc as collector
import time
import weakref
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from linear import assert_linear
from strategies import GraphCase, graphs

import graphc as gc
from graphc.autodiff import origin, sweep
from graphc.ir.expr import Expr, post_order
from graphc.ir.graph import ExprTable
from graphc.ops import leaf

F64 = "float64"


def x_of(*shape: int | str) -> Expr:
    return gc.input("x", shape, dtype=F64)


# Values --------------------------------------------------------------------------------------------------------


def test_a_gradient_worked_by_hand() -> None:
    x, w = gc.input("x", ("n", 3), dtype=F64), gc.param("w", np.arange(3.0))
    loss = gc.sum((x @ w) ** 2)
    values = np.random.default_rng(0).normal(size=(5, 3))
    expected = 2 * values.T @ (values @ np.arange(3.0))
    np.testing.assert_allclose(gc.interpret(gc.grad(loss, w), {x: values}), expected, rtol=1e-13)


def test_structures_come_back() -> None:
    a, b = gc.param("a", np.float32(2)), gc.param("b", np.float32(3))
    loss = a * b
    assert gc.interpret(gc.grad(loss, a)) == 3
    assert gc.interpret(gc.grad(loss, [a, b])) == [3, 2]
    assert gc.interpret(gc.grad(loss, {"w": (a,), "v": b})) == {"w": (3,), "v": 2}
    assert gc.interpret(gc.grad(loss, (a, a))) == (3, 3)


def test_uses_are_added_up() -> None:
    x = x_of()
    y = x * x + gc.exp(x) * x
    found = gc.interpret(gc.grad(y, x), {x: 0.7})
    np.testing.assert_allclose(found, 1.4 + np.exp(0.7) * 1.7, rtol=1e-15)


def test_what_is_in_the_middle_is_a_variable_like_any_other() -> None:
    x = x_of(3)
    h = gc.tanh(x)
    loss = gc.sum(h * h * x)
    d_h, d_x = gc.interpret(gc.grad(loss, [h, x]), {x: [0.1, 0.2, 0.3]})
    v = np.array([0.1, 0.2, 0.3])
    np.testing.assert_allclose(d_h, 2 * np.tanh(v) * v)
    np.testing.assert_allclose(d_x, np.tanh(v) ** 2 + d_h * (1 - np.tanh(v) ** 2))
    assert gc.interpret(gc.grad(loss, loss), {}) == 1


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_order_after_order(order: int) -> None:
    x = x_of()
    y = gc.exp(2 * x)
    for _ in range(order):
        y = gc.grad(y, x)
    np.testing.assert_allclose(gc.interpret(y, {x: 0.3}), 2**order * np.exp(0.6), rtol=1e-13)


def test_gradients_through_broadcasting_sum_what_was_repeated() -> None:
    x, b, s = x_of("n", 3), gc.param("b", np.zeros((1, 3))), gc.param("s", np.zeros(()))
    found = gc.interpret(gc.grad(gc.sum((x + b) * 2 + s), [b, s]), {x: np.ones((4, 3))})
    np.testing.assert_array_equal(found[0], [[8, 8, 8]])
    assert found[1] == 12


def test_stop_gradient_and_integers_stop_it() -> None:
    x = x_of(3)
    through = gc.sum(x * gc.stop_gradient(x) + gc.astype(gc.astype(x, "int64"), F64) * 5)
    np.testing.assert_array_equal(gc.interpret(gc.grad(through, x), {x: [1.0, 2.0, 3.0]}), [1, 2, 3])


def test_a_change_of_float_width_is_followed() -> None:
    x = gc.input("x", (2,), dtype="float32")
    g = gc.grad(gc.sum(gc.astype(x, F64) ** 2), x)
    assert g.dtype == "float32"
    np.testing.assert_array_equal(gc.interpret(g, {x: [1.0, 2.0]}), [2, 4])


KINKS: list[tuple[Callable[[Expr], Expr], list[float], list[float]]] = [
    (gc.relu, [-1, 0, 2], [0, 0, 1]), (gc.abs, [-1, 0, 2], [-1, 0, 1]),
    (lambda x: gc.maximum(x, 0.0), [-1, 0, 2], [0, 0.5, 1]), (lambda x: gc.minimum(x, 0.0), [-1, 0, 2], [1, 0.5, 0]),
    (lambda x: gc.max(x), [1, 3, 3], [0, 0.5, 0.5]), (lambda x: gc.min(x), [1, 1, 3], [0.5, 0.5, 0]),
    (lambda x: x[::-2] * 3.0, [1, 2, 3], [3, 0, 3]), (lambda x: x**2.0, [-1, 0, 2], [-2, 0, 4]),
    (lambda x: x**3, [-1, 0, 2], [3, 0, 12]), (lambda x: x**0, [-1, 0, 2], [0, 0, 0]),
]  # fmt: skip


@pytest.mark.parametrize(("function", "values", "expected"), KINKS)
def test_conventions_at_kinks_and_ties(function: Callable[[Expr], Expr], values: object, expected: object) -> None:
    x = x_of(3)
    gradient = gc.grad(gc.sum(function(x)), x, unused="zeros")
    np.testing.assert_array_equal(gc.interpret(gradient, {x: values}), expected)


def test_where_keeps_the_untaken_side_out() -> None:
    x = x_of(2)
    safe = gc.where(x > 0, x, 1.0)
    loss = gc.sum(gc.where(x > 0, gc.log(safe), 0.0))
    np.testing.assert_array_equal(gc.interpret(gc.grad(loss, x), {x: [0.0, 2.0]}), [0, 0.5])


# vjp and jvp ---------------------------------------------------------------------------------------------------


def test_vjp_and_jvp_of_several_outputs_and_inputs() -> None:
    a, b = gc.input("a", (2,), dtype=F64), gc.input("b", (2,), dtype=F64)
    outputs = {"product": a * b, "sum": gc.sum(a)}
    given_ = {a: [1.0, 2.0], b: [3.0, 4.0]}
    pulled = gc.vjp(outputs, (a, b), {"product": [1.0, 10.0], "sum": 100.0})
    np.testing.assert_array_equal(gc.interpret(pulled, given_), ([103, 140], [1, 20]))
    pushed = gc.interpret(gc.jvp(outputs, [a, b], [np.array([1.0, 0.0]), np.array([0.0, 1.0])]), given_)
    np.testing.assert_array_equal(pushed["product"], [3, 2])
    assert pushed["sum"] == 1


def test_directions_may_be_expressions() -> None:
    x, v = x_of(3), gc.input("v", (3,), dtype=F64)
    y = x**2
    hvp = gc.jvp(gc.grad(gc.sum(x**3 / 3.0), x), x, v)
    given_ = {x: [1.0, 2.0, 3.0], v: [1.0, 1.0, 2.0]}
    np.testing.assert_allclose(gc.interpret(hvp, given_), [2, 4, 12])
    np.testing.assert_allclose(gc.interpret(gc.vjp(y, x, v), given_), [2, 4, 12])


def test_what_does_not_move_has_zero_derivatives() -> None:
    x, y = x_of(3), gc.input("y", (2,), dtype=F64)
    np.testing.assert_array_equal(gc.interpret(gc.jvp(gc.exp(y), x, [1.0, 1, 1]), {y: [1.0, 2.0]}), [0, 0])
    np.testing.assert_array_equal(gc.interpret(gc.vjp(gc.exp(y), x, [1.0, 1.0]), {y: [1.0, 2.0]}), [0, 0, 0])


def test_directions_have_to_fit() -> None:
    x = x_of(3)
    for derivative in (gc.vjp, gc.jvp):
        with pytest.raises(gc.ShapeError, match=r"(?s)must have the shape.*'x'|must have the shape"):
            derivative(gc.exp(x), x, [1.0, 2.0])
        with pytest.raises(gc.DTypeError, match="must have the dtype"):
            derivative(gc.exp(x), x, gc.constant(np.zeros(3, "float32")))
        with pytest.raises(gc.DTypeError):
            derivative(gc.exp(x), x, "text")
        for wrong in ([np.zeros(3)] * 2, np.zeros((1, 3)), {"x": np.zeros(3)}):
            with pytest.raises(gc.GraphError, match="structure"):
                derivative([gc.exp(x)], [x], wrong)


@settings(max_examples=60)
@given(graphs(dtype=F64, max_steps=25))
def test_both_sweeps_are_of_the_same_linear_map(case: GraphCase) -> None:
    """⟨w, J v⟩ = ⟨Jᵀ w, v⟩ over random graphs, kinks and ties included."""
    variables = [e for e in post_order(tuple(case.outputs)) if e.op.kind == "leaf" and e.name and e.dtype.is_float]
    outputs = [o for o in case.outputs if o.dtype.is_float]
    given_ = dict(zip(case.inputs, case.arrays, strict=True))
    values = gc.interpret([*variables, *outputs], given_)
    rng = np.random.default_rng(0)
    directions = [leaf.input(f"d{i}", e.shape, e.dtype) for i, e in enumerate([*variables, *outputs])]
    given_.update((d, rng.normal(size=v.shape)) for d, v in zip(directions, values, strict=True))
    steps, weights = directions[: len(variables)], directions[len(variables) :]
    pushed, pulled = gc.interpret((gc.jvp(outputs, variables, steps), gc.vjp(outputs, variables, weights)), given_)
    forward = [np.sum(p * given_[w]) for p, w in zip(pushed, weights, strict=True)]
    backward = [np.sum(p * given_[s]) for p, s in zip(pulled, steps, strict=True)]
    if np.all(np.isfinite([*forward, *backward])):
        scale = (
            1
            + sum(map(abs, forward))
            + sum(float(np.sum(np.abs(p * given_[s]))) for p, s in zip(pulled, steps, strict=True))
        )
        np.testing.assert_allclose(sum(forward), sum(backward), rtol=0, atol=1e-9 * scale)


# Refusals ------------------------------------------------------------------------------------------------------


def test_losses_that_are_none() -> None:
    x = gc.input("x", ("n",))
    with pytest.raises(gc.ShapeError, match=r"(?s)must be a scalar; reduce it with gc\.sum.*\(n,\).*test_autodiff\.py"):
        gc.grad(gc.exp(x), x)
    with pytest.raises(gc.DTypeError, match=r"(?s)must be floating point.*test_autodiff\.py"):
        gc.grad(gc.argmax(x), x)
    with pytest.raises(gc.GraphError, match="must be an expression, not float"):
        gc.grad(3.0, x)
    with pytest.raises(gc.GraphError, match=r"not function; apply it to .* gc\.grad\(f\(x\), x\)"):
        gc.grad(lambda x: gc.sum(x), x)
    with pytest.raises(gc.GraphError, match="must be expressions"):
        gc.grad(gc.sum(x), [x, 3.0])


def test_what_the_loss_does_not_depend_on() -> None:
    x, y = gc.input("x", (2,)), gc.input("lonely", (2,))
    loss = gc.sum(x)
    with pytest.raises(
        gc.GraphError, match=r"(?s)does not depend on lonely.*stop_gradient.*zeros.*'lonely'.*test_auto"
    ):
        gc.grad(loss, [x, y])
    with pytest.raises(gc.GraphError, match="does not depend on x"):
        gc.grad(gc.sum(gc.stop_gradient(x)), x)
    found = gc.interpret(gc.grad(loss, [x, y], unused="zeros"), {x: [1, 2]})
    np.testing.assert_array_equal(found, [[1, 1], [0, 0]])


def test_integers_have_no_gradient() -> None:
    i = gc.input("labels", (2,), dtype="int64")
    with pytest.raises(gc.DTypeError, match=r"(?s)floating point, not int64.*'labels'.*test_autodiff\.py"):
        gc.grad(gc.sum(gc.exp(i)), i)


# What a sweep records ------------------------------------------------------------------------------------------


def test_the_sweep_records_every_application_of_the_chain_rule() -> None:
    x = x_of(3)
    h = gc.tanh(x)
    y = h * h
    loss = gc.sum(y)
    record = sweep((loss,), (leaf.scalar(1, loss.dtype),), (x,))
    assert [n.op.name for n in record.order] == ["sum", "multiply", "tanh", "input"]
    assert all(n in record.cotangents for n in record.order)
    assert [(c.consumer is y, c.position) for c in record.contributions[h]] == [(True, 0), (True, 1)]
    total = record.cotangents[h]
    assert total.op.name == "add"
    assert [a is c.cotangent for a, c in zip(total.args, record.contributions[h], strict=True)] == [True, True]
    assert loss not in record.contributions
    assert record.cotangents[x] is gc.grad(loss, x)


def test_only_what_lies_between_is_visited() -> None:
    x, w = x_of(3), gc.param("w", np.ones(3))
    frozen = gc.exp(x) * 2
    loss = gc.sum(frozen * w)
    record = sweep((loss,), (leaf.scalar(1, loss.dtype),), (w,))
    visited = ExprTable((n, None) for n in record.order)
    assert w in visited
    assert x not in visited and frozen not in visited


def test_gradient_nodes_know_the_forward_node_they_were_made_for() -> None:
    x = x_of(3)
    h = gc.tanh(x)
    loss = gc.sum(gc.exp(h))
    g = gc.grad(loss, x)
    forward = ExprTable((n, None) for n in post_order((loss,)))
    assert g.op.name == "multiply"
    assert origin(g) is h
    for node in post_order((g,)):
        # What is made of constants alone is one node for all graphs, and may be known from another one.
        own = any(n is x for n in post_order((node,)))
        if own and node not in forward:
            assert origin(node) in forward
    assert origin(h) is None


def test_provenance_keeps_no_graph_alive() -> None:
    x = x_of(3)
    loss = gc.sum(gc.tanh(x))
    g = gc.grad(loss, x)
    gone = [weakref.ref(g), weakref.ref(loss)]
    node = id(g)
    del g, loss
    collector.collect()
    assert [r() for r in gone] == [None, None]
    from graphc import autodiff

    assert node not in autodiff._origins


def test_gradients_of_a_chain_of_100_000_nodes_take_linear_time() -> None:
    def seconds(length: int) -> float:
        x = x_of(4)
        y: Expr = x
        for _ in range(length // 2):
            y = y * x + x
        loss = gc.sum(y)
        collector.collect()
        start = time.process_time()
        gradient = gc.grad(loss, x)
        elapsed = time.process_time() - start
        assert gradient.shape == (4,)
        return elapsed

    assert_linear(seconds)


def test_numbers_out_of_a_vector_give_one_gradient() -> None:
    """Many pieces that do not overlap are joined; a few, or some that do, are added up."""
    p = gc.input("p", (40,), dtype="float64")
    value = np.linspace(-1, 1, 40)
    apart = sum(gc.exp(p[i]) * (i + 1) for i in range(1, 39, 3))
    gradient = gc.grad(apart, p)
    assert gradient.op.name == "concat"
    expected = np.where(np.isin(np.arange(40), np.arange(1, 39, 3)), np.exp(value) * (np.arange(40) + 1), 0.0)
    np.testing.assert_allclose(gc.compile([p], gradient)(value), expected, rtol=1e-12)
    windows = sum(gc.sum(p[4 * i : 4 * i + 4] ** 2) * i for i in range(10))
    np.testing.assert_allclose(gc.compile([p], gc.grad(windows, p))(value), 2 * value * np.repeat(np.arange(10), 4))
    reaching = sum(gc.sum(p[3 * i : 3 * i + 4] ** 2) for i in range(10))
    summed = np.zeros(40)
    for i in range(10):
        summed[3 * i : 3 * i + 4] += 2 * value[3 * i : 3 * i + 4]
    np.testing.assert_allclose(gc.compile([p], gc.grad(reaching, p))(value), summed)
    backward = sum(gc.exp(p[::-1][i]) for i in range(40))
    np.testing.assert_allclose(gc.compile([p], gc.grad(backward, p))(value), np.exp(value), rtol=1e-12)
