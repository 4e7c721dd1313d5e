"""The check itself: it holds what is true, finds what is not, and says so."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc.ir.expr import Expr
from graphc.ir.op import find
from graphc.ops import scalar
from graphc.teach import derive
from graphc.teach.check import CheckReport
from graphc.teach.formula import TWO, times

Changed = Callable[..., AbstractContextManager[None]]


def wrong_tanh(g: Expr, out: Expr, x: Expr) -> tuple[Expr | None, ...]:
    """The square forgotten: 1 - tanh instead of 1 - tanh²."""
    return (scalar.multiply(g, scalar.subtract(scalar.like(1, x), out)),)


def test_a_wrong_rule_is_named(changed: Changed) -> None:
    x = gc.input("x", ("n",))
    loss = gc.mean(gc.square(gc.tanh(gc.exp(x))))
    with changed(find("tanh"), vjp=wrong_tanh):
        report = derive(loss, x).check({x: np.array([0.3, -0.2, 0.5])})
    assert not report
    assert [(row.number, row.rule) for row in report.failed] == [
        (4, "derivative of tanh"), (0, "the whole derivation")
    ]  # fmt: skip
    assert "step 4  derivative of tanh: ∂L/∂e  FAILS: derived" in str(report)
    assert "by finite differences" in str(report)
    assert str(report).endswith("2 of 6 claims fail (tolerance 1e-05)")


def test_a_wrong_sum_of_contributions_is_named() -> None:
    x = gc.input("x", (3,), "float64")
    h = gc.name(gc.exp(x), "h")
    d = derive(gc.sum(h * gc.tanh(h)), x)
    (total,) = (s for s in d.steps if s.kind == "sum")
    object.__setattr__(total, "contributions", total.contributions[:1])
    report = d.check({x: np.ones(3)})
    assert [row.rule for row in report.failed] == ["sum over uses"]


def test_a_small_error_in_one_element_is_found(changed: Changed) -> None:
    x = gc.input("x", (1000,), "float64")
    off = np.zeros(1000)
    off[123] = 1e-3

    def almost(g: Expr, out: Expr, x: Expr) -> tuple[Expr | None, ...]:
        return (scalar.multiply(g, scalar.add(out, gc.constant(off))),)

    with changed(find("exp"), vjp=almost):
        report = derive(gc.sum(gc.exp(x)), x).check({x: np.random.default_rng(0).normal(size=1000)})
    assert report.failed and report.failed[0].rule == "derivative of exp"


def test_what_holds_says_so() -> None:
    x = gc.input("x", ("n",))
    report = derive(gc.mean(gc.square(x)), x).check({x: [1.0, 2.0]})
    assert isinstance(report, CheckReport) and report and report.failed == ()
    assert [row.number for row in report.rows] == [1, 2, 3, 0]
    assert all(row.holds and row.error < 1e-7 and not row.detail for row in report.rows)
    assert str(report).endswith("every step holds (tolerance 1e-05)")
    assert repr(report) == str(report)


def test_float32_graphs_are_checked_in_float64(perceptron: Any) -> None:
    """Differences in float32 would leave three digits; here all rounding is far below the tolerance."""
    assert perceptron.loss.dtype is gc.float32
    d = derive(perceptron.loss, perceptron.params["W1"])
    report = d.check(perceptron.values, tolerance=1e-7)
    assert report, report


def test_conversions_inside_the_graph_do_not_lose_digits() -> None:
    x = gc.input("x", (4,), "float64")
    loss = gc.sum(gc.tanh(gc.astype(gc.exp(gc.astype(x, "float32")), "float64")))
    report = derive(loss, x, detail="full").check({x: np.array([0.1, 0.2, -0.3, 0.4])}, tolerance=1e-7)
    assert report, report


CORNERS: list[tuple[str, Callable[[Expr], Expr], int]] = [
    ("relu", gc.relu, 2),
    ("abs", gc.abs, 0),
    ("maximum", lambda x: gc.maximum(x, 0.0), 0),
    ("clip", lambda x: gc.clip(x, 0.0, 1.0), 0),
    ("where", lambda x: gc.where(x > 0, x, 0.0), 2),
    ("square", gc.square, 0),
]


@pytest.mark.parametrize(("name", "function", "corners"), CORNERS, ids=[n for n, *_ in CORNERS])
def test_corners_are_told_from_errors(name: str, function: Callable[[Expr], Expr], corners: int) -> None:
    """At 0 there is no derivative. Where ours is the mean of both sides nothing is amiss, else the place is counted."""
    x = gc.input("x", (4,), "float64")
    report = derive(gc.sum(gc.exp(function(x))), x, detail="full").check({x: np.array([0.0, 0.0, 0.5, -0.5])})
    assert report, report
    found = sum(row.corners for row in report.rows if row.number)
    assert found == corners if name != "where" else found <= corners
    if corners and name == "relu":
        assert "2 at a corner" in str(report)


def test_a_wrong_rule_is_found_beside_a_corner(changed: Changed) -> None:
    x = gc.input("x", (4,), "float64")

    def wrong(g: Expr, out: Expr, x: Expr) -> tuple[Expr | None, ...]:
        return (g,)

    with changed(find("relu"), vjp=wrong):
        report = derive(gc.sum(gc.relu(x)), x).check({x: np.array([0.0, 0.0, 0.5, -0.5])})
    assert next(row.rule for row in report.failed) == "derivative of relu"


def test_ties_of_a_maximum() -> None:
    x = gc.input("x", (2, 3), "float64")
    values = {x: np.array([[1.0, 1.0, 1.0], [0.0, 2.0, 2.0]])}
    report = derive(gc.sum(gc.max(x, axis=1)), x).check(values)
    assert report, report


def test_steep_and_flat_places() -> None:
    x = gc.input("x", (5,), "float64")
    magnitudes = [np.array([1.0, 2.0, 3.0, 4.0, 5.0]) * scale for scale in (1e-8, 1e-4, 1.0, 1e8)]
    signed = np.array([-30.0, -5.0, 1e-9, 5.0, 30.0])
    cases = [(function, at) for function in (gc.log, gc.sqrt) for at in magnitudes]
    cases += [(function, at) for function in (gc.tanh, gc.softplus, gc.sigmoid) for at in (signed, 10 * signed)]
    for function, at in cases:
        report = derive(gc.sum(function(x)), x).check({x: at})
        assert report, f"{at}\n{report}"


def test_params_have_their_value_unless_another_is_given() -> None:
    w = gc.param("w", np.array([-1.0, 2.0], "float32"))
    loss = gc.sum(gc.sqrt(w))
    assert not derive(loss, w).check({})
    assert derive(loss, w).check({w: np.array([1.0, 2.0])})
    assert w.value.tolist() == [-1.0, 2.0]


def test_refusals() -> None:
    x, z = gc.input("x", ("n", 3)), gc.input("z", ("n",))
    w = gc.param("w", np.ones(3, "float32"))
    d = derive(gc.mean(gc.square(x @ w - z)), w)
    good: dict[Any, Any] = {x: np.ones((2, 3)), z: np.ones(2)}
    with pytest.raises(gc.GraphError, match="no value is given for 'z'"):
        d.check({x: good[x]})
    with pytest.raises(gc.ShapeError, match="'z' has size 3, but n should be 2"):
        d.check({x: good[x], z: np.ones(3)})
    with pytest.raises(gc.ShapeError, match=r"a value of shape \(4,\) does not fit"):
        d.check({**good, w: np.ones(4)})
    with pytest.raises(gc.GraphError, match="inputs and params only: 'x'"):
        d.check({"x": good[x]})
    with pytest.raises(gc.GraphError, match="inputs and params only"):
        d.check({**good, d.loss: 1.0})
    with pytest.raises(gc.DTypeError):
        d.check({**good, z: "ones"})
    assert d.check(good)


def test_values_that_are_not_finite_do_not_hold() -> None:
    x = gc.input("x", (2,), "float64")
    assert not derive(gc.sum(gc.log(x)), x).check({x: np.array([-1.0, 1.0])})


def test_a_wrong_printed_formula_is_caught(perceptron: Any) -> None:
    """The graph is right, but what stands on the page is not."""
    d = derive(perceptron.loss, perceptron.params["W1"])
    step = d.steps[-1]
    object.__setattr__(step, "equation", (*step.equation[:-1], times(TWO, step.equation[-1])))
    report = d.check(perceptron.values)
    assert [row.number for row in report.failed] == [len(d.steps)]


def test_a_wrong_simplification_is_caught() -> None:
    x = gc.input("x", ("n", 6), "float64")
    d = derive(gc.mean(gc.square(x)), x)
    last = d.conclusion[0].lines[-1]
    object.__setattr__(last, "formula", times(TWO, last.formula))
    (failed,) = d.check({x: np.ones((2, 6))}).failed
    assert failed.rule == "simplified"


def test_values_that_are_no_numbers_are_said_to_be(perceptron: Any) -> None:
    x = gc.input("x", (3,), "float64")
    report = derive(gc.sum(gc.log(x)), x).check({x: np.array([1.0, np.nan, np.inf])})
    assert not report
    assert "1 nan in the argument" in str(report) and "1 infinite in the argument" in str(report)


@pytest.mark.parametrize("left", [True, False])
def test_vectors_times_matrices(left: bool) -> None:
    x, W = gc.input("x", (3,)), gc.param("W", np.linspace(-1, 1, 12).reshape((3, 4) if left else (4, 3)))
    d = derive(gc.sum(gc.tanh(x @ W if left else W @ x)), W)
    assert d.check({x: [0.1, -0.2, 0.5]})
    assert d.text().partition("Result\n")[2].strip() == ("∂L/∂W = xᵀ (1 − a²)" if left else "∂L/∂W = (1 − a²) xᵀ")


def test_the_product_of_two_vectors() -> None:
    x, w = gc.input("x", (3,)), gc.param("w", np.array([0.5, -1, 2]))
    d = derive(gc.tanh(x @ w), w)
    assert d.check({x: [0.1, -0.2, 0.5]})
    assert d.text().partition("Result\n")[2].strip() == "∂L/∂w = (1 − L²) · x"


@pytest.mark.parametrize("slope", [1, 2])
def test_derivatives_of_ones_own_are_taken_as_given(slope: int) -> None:
    @gc.custom_vjp
    def squared(x: Expr) -> Expr:
        return x * x

    squared.defvjp(lambda x: (x * x, x), lambda x, g: (slope * g * x,))
    x = gc.input("x", (3,))
    d = derive(gc.sum(gc.exp(squared(gc.sin(x)))), x)
    report = d.check({x: [0.1, -0.2, 0.5]})
    assert report
    given = [row.rule for row in report.rows if row.given]
    assert given == ["own derivative", "derivative of custom call", *["the whole derivation"] * (slope != 2)]
    assert "taken as given: gc.custom_vjp says so" in str(report)
    assert "taken as given" in d.markdown()
