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


POINTS = [(0.5, 1.5), (0.5, -1.5), (-0.5, 0.1), (-0.5, 2.0)]


@pytest.mark.parametrize("point", POINTS)
def test_nested_choices_and_their_derivatives(point: tuple[float, float]) -> None:
    x, y = scalar(), scalar("y")
    value = nested(x, y)
    first = gc.grad(value, [x, y], unused="zeros")
    seconds = [gc.grad(g, x, unused="zeros") for g in first]
    forward = gc.jvp(value, [x, y], [gc.constant(1.0, F64), gc.constant(0.0, F64)])
    found = both([x, y], [value, *first, *seconds, forward], *point)
    step = 1e-6

    def difference(f: Callable[[float, float], Any], i: int) -> Any:
        low, high = ([a + s * step * (k == i) for k, a in enumerate(point)] for s in (-1, 1))
        return (f(*high) - f(*low)) / (2 * step)

    slopes = [difference(nested_numpy, i) for i in range(2)]
    curved = [difference(lambda x, y, i=i: float(gc.interpret(first[i], {x_: x, y_: y})), 0) for i in range(2)]
    np.testing.assert_allclose(found, [nested_numpy(*point), *slopes, *curved, slopes[0]], rtol=1e-6, atol=1e-8)


x_, y_ = scalar(), scalar("y")


@pytest.fixture(autouse=True)
def _same_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Differences are taken of the very expressions under test."""
