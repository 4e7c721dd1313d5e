"""gc.cond: values, derivatives, batches, what is not computed, and what is refused."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc.ir.expr import Expr, post_order

F64 = "float64"


def scalar(name: str = "x") -> Expr:
    return gc.input(name, (), F64)


def both(inputs: list[Expr], outputs: Any, *arrays: Any) -> Any:
    """What a compiled function gives, having been compared with the interpreter at every level."""
    expected = gc.interpret(outputs, dict(zip(inputs, arrays, strict=True)))
    for level in (0, 1, 2, 3):
        found = gc.compile(inputs, outputs, optimize=level)(*arrays)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    return found


# Values --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("taken", [True, False])
def test_the_side_that_the_predicate_asks_for(taken: bool) -> None:
    p, x = gc.input("p", (), "bool"), gc.input("x", (3, 4), F64)
    at = np.arange(12.0).reshape(3, 4) + 1
    found = both([p, x], gc.cond(p, lambda x: gc.log(x).T, lambda x: gc.reshape(x, (4, 3)), x), np.asarray(taken), at)
    np.testing.assert_allclose(found, np.log(at).T if taken else at.reshape(4, 3), rtol=1e-14)


@pytest.mark.parametrize("number", [0, 3, -1])
def test_a_number_holds_unless_it_is_zero(number: int) -> None:
    p, x = gc.input("p", (), "int32"), scalar()
    assert both([p, x], gc.cond(p, gc.exp, gc.sin, x), np.int32(number), 0.7) == pytest.approx(
        np.exp(0.7) if number else np.sin(0.7), rel=1e-14
    )


def test_structures_go_in_and_come_out() -> None:
    p, x, y = gc.input("p", (), "bool"), scalar(), scalar("y")

    def swapped(state: dict[str, Any], by: Expr) -> dict[str, Any]:
        return {"pair": (state["b"][0], state["a"]), "none": None, "sum": state["a"] + by}

    def kept(state: dict[str, Any], by: Expr) -> dict[str, Any]:
        return {"pair": (state["a"], state["b"][0]), "none": None, "sum": 0.0}

    result = gc.cond(p, swapped, kept, {"a": x, "b": [y]}, np.float64(10))
    assert result["none"] is None
    f = gc.compile([p, x, y], [*result["pair"], result["sum"]])
    assert [float(r) for r in f(True, 1.0, 2.0)] == [2, 1, 11]
    assert [float(r) for r in f(False, 1.0, 2.0)] == [1, 2, 0]


def test_what_is_known_now_is_chosen_now() -> None:
    x = scalar()

    def never(x: Expr) -> Expr:
        raise AssertionError("traced")

    for pred in (True, np.True_, 1, np.asarray(2.0)):
        assert gc.cond(pred, gc.exp, never, x) is gc.exp(x)
    for pred in (False, np.False_, 0, np.asarray(0.0)):
        assert gc.cond(pred, never, gc.exp, x) is gc.exp(x)


def test_a_constant_predicate_leaves_one_side() -> None:
    x = scalar()
    f = gc.compile([x], gc.cond(gc.constant(True), gc.exp, gc.sin, x))
    assert not any(node.op.name in ("choose", "sin") for node in post_order(f.graph.roots))
    assert f(0.5) == np.exp(0.5)


def nested(x: Expr, y: Expr) -> Expr:
    def small(x: Expr, y: Expr) -> Expr:
        inner = gc.exp(x) > y  # a predicate that exists in this branch only
        return gc.cond(inner, lambda x: gc.sqrt(-x), lambda x: gc.sin(y) * x, x)

    return gc.cond(x > 0, lambda x, y: gc.cond(y > 0, gc.atan2, lambda x, y: gc.log(x), x, y), small, x, y)


def nested_numpy(x: float, y: float) -> Any:
    if x > 0:
        return np.arctan2(x, y) if y > 0 else np.log(x)
    return np.sqrt(-x) if np.exp(x) > y else np.sin(y) * x


@pytest.mark.parametrize("point", [(0.5, 1.5), (0.5, -1.5), (-0.5, 0.1), (-0.5, 2.0)])
def test_nested_choices_and_their_derivatives(point: tuple[float, float]) -> None:
    x, y = scalar(), scalar("y")
    value = nested(x, y)
    first = gc.grad(value, [x, y], unused="zeros")
    mixed = [gc.grad(g, x, unused="zeros") for g in first]
    forward = gc.jvp(value, x, gc.constant(1.0, F64))
    found = both([x, y], [value, *first, *mixed, forward], *point)

    def difference(f: Callable[..., Any], i: int) -> Any:
        low, high = ([a + s * 1e-6 * (k == i) for k, a in enumerate(point)] for s in (-1, 1))
        return (f(*high) - f(*low)) / 2e-6

    def slope(i: int) -> Callable[..., Any]:
        return lambda a, b: gc.interpret(first[i], {x: a, y: b})

    slopes = [difference(nested_numpy, i) for i in range(2)]
    curved = [difference(slope(i), 0) for i in range(2)]
    np.testing.assert_allclose(found, [nested_numpy(*point), *slopes, *curved, slopes[0]], rtol=1e-6, atol=1e-8)


# Derivatives ---------------------------------------------------------------------------------------------------

SIDES: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "log": (gc.log, lambda x: 1 / x),
    "sqrt": (gc.sqrt, lambda x: 0.5 / np.sqrt(x)),
    "power": (lambda x: x**-2.5, lambda x: -2.5 * x**-3.5),
}


@pytest.mark.parametrize("at", [-1.0, 0.0, 2.0])
@pytest.mark.parametrize("side", SIDES)
def test_the_side_not_taken_poisons_no_derivative(side: str, at: float) -> None:
    function, derivative = SIDES[side]
    x = scalar()
    y = gc.cond(x > 0, function, lambda x: 0 * x, x)
    first = gc.grad(y, x)
    second = gc.grad(first, x)
    forward = gc.jvp(y, x, gc.constant(1.0, F64))
    over = gc.hvp(y, x, gc.constant(1.0, F64))
    found = both([x], [first, second, forward, over], at)
    if at <= 0:
        assert not np.any(found)
    else:
        curved = (derivative(at + 1e-6) - derivative(at - 1e-6)) / 2e-6
        np.testing.assert_allclose(found, [derivative(at), curved, derivative(at), curved], rtol=1e-8)


def test_nor_do_expressions_that_are_no_operands() -> None:
    x, w = scalar(), gc.param("w", -4.0, F64)
    outside = gc.sqrt(w)  # built before, used in one branch only
    y = gc.cond(x > 0, lambda: gc.sqrt(w) + outside, lambda: 3 * w)
    assert both([x], gc.grad(y, w), -1.0) == 3


def test_a_node_in_the_middle_is_a_variable_too() -> None:
    x = scalar()
    middle = gc.exp(x)
    y = gc.cond(x > 0, lambda: middle**2, lambda: gc.log(-middle))
    assert both([x], gc.grad(y, middle), 0.5) == pytest.approx(2 * np.exp(0.5), rel=1e-14)


@pytest.mark.parametrize("at", [[0.3, 2.0], [-0.3, 2.0]])
def test_jacobians_and_hessians(at: list[float]) -> None:
    x = gc.input("x", (2,), F64)
    y = gc.cond(x[0] > 0, lambda x: gc.sqrt(x), lambda x: x**3, x)
    jacobian, hessian = both([x], [gc.jacobian(y, x), gc.hessian(gc.sum(y), x)][:1], np.array(at)), None
    expected = np.diag(0.5 / np.sqrt(at) if at[0] > 0 else 3 * np.square(at))
    np.testing.assert_allclose(jacobian[0], expected, rtol=1e-14)
    hessian = both([x], gc.hessian(gc.sum(y), x), np.array(at))
    expected = np.diag(-0.25 * np.power(at, -1.5) if at[0] > 0 else 6 * np.array(at))
    np.testing.assert_allclose(hessian, expected, rtol=1e-12)


# Batches -------------------------------------------------------------------------------------------------------


def test_a_batch_of_predicates_chooses_element_by_element() -> None:
    xs = gc.input("xs", (5,), F64)
    f = gc.vmap(lambda x: gc.cond(x > 0, gc.log, lambda x: x * 2, x))
    at = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(both([xs], f(xs), at), np.where(at > 0, np.log(at), at * 2), rtol=1e-14)


def test_the_gradient_of_each_element_is_that_of_its_side() -> None:
    xs = gc.input("xs", (4,), F64)

    def slope(x: Expr) -> Any:
        return gc.grad(gc.cond(x > 0, gc.sqrt, lambda x: x * x, x), x)

    at = np.array([-2.0, -1.0, 1.0, 4.0])
    np.testing.assert_allclose(both([xs], gc.vmap(slope)(xs), at), [-4, -2, 0.5, 0.25], rtol=1e-14)


def test_one_predicate_for_a_whole_batch_is_still_a_choice() -> None:
    p, xs = gc.input("p", (), "bool"), gc.input("xs", (5, 3), F64)
    ys = gc.vmap(lambda x: gc.cond(p, gc.log, lambda x: x * 2, x))(xs)
    assert any(node.op.name == "choose" for node in post_order([ys]))
    at = -np.ones((5, 3))
    np.testing.assert_array_equal(both([p, xs], ys, False, at), 2 * at)


# What is not computed ------------------------------------------------------------------------------------------


def seconds(call: Callable[[], Any]) -> float:
    least = np.inf
    for _ in range(5):
        started = time.perf_counter()
        call()
        least = min(least, time.perf_counter() - started)
    return least


@pytest.mark.parametrize("of_derivative", [False, True])
def test_the_side_not_taken_takes_no_time(of_derivative: bool) -> None:
    p, a = gc.input("p", (), "bool"), gc.input("a", (400, 400))
    y = gc.cond(p, lambda a: gc.sum(gc.tanh(a @ a @ a @ a)), lambda a: gc.sum(a), a)
    f = gc.compile([p, a], gc.grad(y, a) if of_derivative else y)
    at = np.full((400, 400), 0.01, "float32")
    assert seconds(lambda: f(False, at)) < seconds(lambda: f(True, at)) / 5


CHECKED: dict[str, Callable[[Any], Any]] = {
    "expensive": lambda x: gc.log(x),
    "cheap, alone": lambda x: x / (x - x),
    "sum": lambda x: gc.sum(gc.log(x)) * x,
    "product": lambda x: gc.log(x)[None, :] @ gc.reshape(gc.log(x), (4, 1)) * x[0],
    "index": lambda x: x[gc.astype(x * 10, "int64")],
}


@pytest.mark.parametrize("name", CHECKED)
def test_nothing_is_found_wrong_where_nothing_is_done(name: str) -> None:
    p, x = gc.input("p", (), "bool"), gc.input("x", (4,), F64)
    wrong = CHECKED[name](x)
    y = gc.cond(p, lambda: CHECKED[name](x), lambda: gc.broadcast_to(x[0], wrong.shape))
    f = gc.compile([p, x], [y, gc.sum(y) * 2], check=True)
    at = np.array([-1.0, -2.0, -3.0, -4.0])
    assert np.all(f(False, at)[0] == -1)
    with pytest.raises(gc.GraphcError, match=r"test_conditional\.py"):
        f(True, at)
    assert np.all(f(False, at)[0] == -1)


def test_work_that_both_sides_need_is_done_once() -> None:
    p, x = gc.input("p", (), "bool"), gc.input("x", (8, 8), F64)
    f = gc.compile([p, x], gc.cond(p, lambda x: gc.sin(x @ x), lambda x: gc.cos(x @ x), x))
    assert sum(node.op.kind == "contract" for node in post_order(f.graph.roots)) == 1
    at = np.random.default_rng(0).normal(size=(8, 8))
    np.testing.assert_allclose(f(True, at), np.sin(at @ at), rtol=1e-12)
    np.testing.assert_allclose(f(False, at), np.cos(at @ at), rtol=1e-12)


@pytest.mark.parametrize("check", [False, True])
def test_a_program_that_is_a_table_chooses_too(check: bool) -> None:
    p, x = gc.input("p", (70,), "bool"), gc.input("x", (3,), F64)
    y = x
    for i in range(70):
        y = gc.cond(p[i], lambda y: gc.sin(gc.cumulative_sum(y)), lambda y, i=i: gc.cos(y) + i, y)
    f = gc.compile([p, x], y, check=check)
    assert len(f.kernels) >= 128
    at, choices = np.array([0.1, 0.2, 0.3]), np.random.default_rng(1).integers(0, 2, 70).astype(bool)
    expected = at
    for i, choice in enumerate(choices):
        expected = np.sin(np.cumsum(expected)) if choice else np.cos(expected) + i
    np.testing.assert_allclose(f(choices, at), expected, rtol=1e-9)


# In programs ---------------------------------------------------------------------------------------------------


def test_updates_of_params() -> None:
    w, n = gc.param("w", np.ones(3)), gc.param("n", 0, "int64")
    x = gc.input("x", (3,), F64)
    good = gc.all(gc.isfinite(x))
    new = gc.cond(good, lambda w, n: {"w": w - 0.5 * x, "n": n + 1}, lambda w, n: {"w": w, "n": n}, w, n)
    step = gc.compile([x], [], updates={w: new["w"], n: new["n"]})
    step(np.array([1.0, 2.0, 3.0]))
    step(np.array([1.0, np.nan, 3.0]))
    np.testing.assert_array_equal(w.value, [0.5, 0.0, -0.5])
    assert n.value == 1
    step(np.array([1.0, 0.0, 0.0]))
    np.testing.assert_array_equal(w.value, [0.0, 0.0, -0.5])
    assert n.value == 2


def test_a_predicate_that_is_a_param_and_changes() -> None:
    on = gc.param("on", True, "bool")
    x = gc.input("x", (50,), F64)
    f = gc.compile([x], gc.cond(on, lambda x: gc.cumulative_sum(x), lambda x: gc.sort(x), x), updates={on: ~on})
    at = np.arange(50.0)[::-1].copy()
    for expected in (np.cumsum(at), np.sort(at), np.cumsum(at)):
        np.testing.assert_array_equal(f(at), expected)


def test_traced_functions() -> None:
    @gc.jit
    def f(x: Any) -> Any:
        return gc.cond(gc.sum(x) > 0, lambda x: gc.sqrt(x), lambda x: -x, x)

    np.testing.assert_array_equal(f(np.array([4.0, 9.0])), [2, 3])
    np.testing.assert_array_equal(f(np.array([-4.0, -9.0])), [4, 9])


def test_named_sizes() -> None:
    x = gc.input("x", ("n", 3), F64)
    f = gc.compile([x], gc.cond(gc.sum(x) > 0, lambda x: x[::-1], lambda x: x * 2, x))
    for n in (1, 4):
        at = np.arange(3.0 * n).reshape(n, 3) + 1
        np.testing.assert_array_equal(f(at), at[::-1])
        np.testing.assert_array_equal(f(-at), -2 * at)


def test_a_shared_loop_inside_of_a_branch() -> None:
    p, x = gc.input("p", (), "bool"), gc.input("x", (300_000,), F64)
    f = gc.compile([p, x], gc.cond(p, lambda x: gc.exp(gc.sin(x)), lambda x: gc.cumulative_sum(x), x), threads=2)
    at = np.linspace(-1, 1, 300_000)
    np.testing.assert_allclose(f(True, at), np.exp(np.sin(at)), rtol=1e-13)
    np.testing.assert_allclose(f(False, at), np.cumsum(at), rtol=1e-9, atol=1e-9)


def test_scalar_code_at_scale() -> None:
    x = scalar()
    y, value = x, 0.3
    for i in range(600):
        y = gc.cond(y > 0.5, lambda y: gc.sin(y), lambda y, i=i: y + 0.01 * (i % 7), y)
        value = np.sin(value) if value > 0.5 else value + 0.01 * (i % 7)
    assert float(gc.compile([x], y)(0.3)) == pytest.approx(value, rel=1e-12)


# What is refused -----------------------------------------------------------------------------------------------

HERE = r".*test_conditional\.py"


def test_predicates_that_are_none() -> None:
    x = gc.input("x", (3,), F64)
    with pytest.raises(gc.ShapeError, match=r"(?s)scalar; gc.where" + HERE):
        gc.cond(x > 0, gc.exp, gc.log, x)
    with pytest.raises(gc.ShapeError, match=r"scalar, not an array of shape \(2,\)"):
        gc.cond(np.array([True, False]), gc.exp, gc.log, x)
    for wrong in ("yes", None, 1j):
        with pytest.raises(gc.DTypeError, match="the predicate must be a bool or a number"):
            gc.cond(wrong, gc.exp, gc.log, x)


def test_branches_that_do_not_fit() -> None:
    x, p = gc.input("x", (3,), F64), gc.input("p", (), "bool")
    with pytest.raises(gc.ShapeError, match=r"(?s)different shapes.*then: .*\(3,\)" + HERE + r".*otherwise: .*\(\)"):
        gc.cond(p, gc.exp, gc.sum, x)
    with pytest.raises(gc.DTypeError, match=r"(?s)different dtypes.*then: .*otherwise: .*float32" + HERE):
        gc.cond(p, gc.exp, lambda x: gc.astype(x, "float32"), x)
    with pytest.raises(gc.GraphError, match=r"(?s)different structures, \(\*, \*\) and \[\*, \{'a': \*\}\]"):
        gc.cond(p, lambda x: (x, x), lambda x: [x, {"a": x}], x)
    with pytest.raises(gc.DTypeError, match="cond"):
        gc.cond(p, lambda x: "text", lambda x: "text", x)
    with pytest.raises(gc.GraphError, match="`otherwise` must be a function"):
        gc.cond(p, gc.exp, x, x)
