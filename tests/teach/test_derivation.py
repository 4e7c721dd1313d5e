"""Steps in the order of the chain rule, each with all it claims; and what is refused."""

from __future__ import annotations

import gc as collector
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc.ir.expr import Expr
from graphc.teach import Derivation, Step, derive
from graphc.teach.printers import text

Golden = Callable[[str, str, str], None]


def lines(d: Derivation) -> list[str]:
    return [" = ".join(map(text, step.equation)) for step in d.steps]


@pytest.mark.parametrize("name", ["W1", "b1"])
def test_golden_perceptron(perceptron: Any, golden: Golden, name: str) -> None:
    d = derive(perceptron.loss, perceptron.params[name])
    golden("derive", f"perceptron_{name}_text", d.text())
    golden("derive", f"perceptron_{name}_markdown", d.markdown())


def test_golden_perceptron_in_full(perceptron: Any, golden: Golden) -> None:
    d = derive(perceptron.loss, perceptron.params["W1"], detail="full")
    golden("derive", "perceptron_W1_full", d.text())


def test_the_first_layer_as_a_textbook_has_it(perceptron: Any) -> None:
    d = derive(perceptron.loss, perceptron.params["W1"])
    assert lines(d) == [
        "∂L/∂L = 1",
        "∂L/∂ℓ = 𝟏 / batch",
        "δ₂ = ∂L/∂Z₂ = (softmax(Z₂) − onehot(y)) / batch",
        "∂L/∂A₁ = δ₂ W₂ᵀ",
        "δ₁ = ∂L/∂Z₁ = ∂L/∂A₁ ⊙ [Z₁ > 0]",
        "∂L/∂W₁ = xᵀ δ₁",
    ]
    assert [f"{text(line.symbol)} = {text(line.formula)}" for line in d.conclusion] == [
        "∂L/∂W₁ = xᵀ δ₁",
        "δ₁ = (δ₂ W₂ᵀ) ⊙ [Z₁ > 0]",
        "δ₂ = (softmax(Z₂) − onehot(y)) / batch",
    ]
    assert d.check(perceptron.values)


@pytest.mark.parametrize(
    ("name", "last"), [("b1", "∂L/∂b₁ = Σ_rows δ₁"), ("W2", "∂L/∂W₂ = A₁ᵀ δ₂"), ("b2", "∂L/∂b₂ = Σ_rows δ₂")]
)
def test_the_other_parameters(perceptron: Any, name: str, last: str) -> None:
    d = derive(perceptron.loss, perceptron.params[name])
    assert lines(d)[-1] == last
    assert d.check(perceptron.values)


def test_a_broadcast_parameter_is_explained_by_the_rows_it_is_added_to(perceptron: Any) -> None:
    d = derive(perceptron.loss, perceptron.params["b1"])
    assert "b₁ is added to every row, so its gradient sums over rows." in text.prose(d.steps[-1].reason)


def test_transposes_are_explained_by_shapes(perceptron: Any) -> None:
    d = derive(perceptron.loss, perceptron.params["W1"])
    assert "(784 × batch) · (batch × 512) = 784 × 512" in text.prose(d.steps[-1].reason)


def test_the_result_is_the_gradient_that_is_compiled(perceptron: Any) -> None:
    for detail in ("textbook", "full"):
        for param in perceptron.params.values():
            d = derive(perceptron.loss, param, detail=detail)  # type: ignore[arg-type]
            assert d.result is gc.grad(perceptron.loss, param)
            assert d.steps[-1].argument is param


def test_steps_follow_each_other(perceptron: Any) -> None:
    """The upstream of every step is what an earlier one arrived at."""
    for detail in ("textbook", "full"):
        known = []
        for step in derive(perceptron.loss, perceptron.params["W1"], detail=detail).steps:  # type: ignore[arg-type]
            assert step.kind == "start" or any(step.node is k for k in known) or step.kind == "sum"
            known.append(step.argument)


def test_a_step_says_everything() -> None:
    x = gc.input("x", ("n", 3))
    loss = gc.sum(gc.exp(gc.tanh(x)))
    tanh = loss.args[0].args[0]
    step = derive(loss, x).steps[-1]
    assert isinstance(step, Step)
    assert (step.kind, step.rule) == ("chain", "derivative of tanh")
    assert step.node is tanh and step.argument is x
    assert step.upstream is gc.grad(loss, tanh)
    assert isinstance(step.local, Expr) and step.local is 1 - gc.square(tanh)
    assert step.result is gc.grad(loss, x)
    shape = x.shape
    assert step.shapes == {"upstream": shape, "local": shape, "result": shape}
    assert step.latex == r"\frac{\partial L}{\partial x} = \frac{\partial L}{\partial A} \odot (1 - A^{2})"
    assert step.text.startswith("∂L/∂x = ∂L/∂A ⊙ (1 − A²)    The derivative of tanh is 1 − tanh²")
    assert repr(step) == "<derivative of tanh: ∂L/∂x = ∂L/∂A ⊙ (1 − A²)>"


def test_local_derivatives_that_are_no_graph_are_said_in_words() -> None:
    x, W = gc.input("x", (2, 3)), gc.param("W", np.ones((3, 4)))
    step = derive(gc.sum(gc.tanh(x @ W)), W).steps[-1]
    assert step.local == "G ↦ xᵀ G"
    assert set(step.shapes) == {"upstream", "result"}


def test_several_uses_are_added_up_in_a_step_of_their_own() -> None:
    x = gc.input("x", (3,), "float64")
    h = gc.name(gc.tanh(x), "h")
    loss = gc.sum(h * gc.exp(h))
    d = derive(loss, x)
    assert lines(d)[-5:] == [
        "∂L/∂e = h",
        "(∂L/∂h)₁ = ∂L/∂e ⊙ e",
        "(∂L/∂h)₂ = e",
        "∂L/∂h = (∂L/∂h)₁ + (∂L/∂h)₂",
        "∂L/∂x = ∂L/∂h ⊙ (1 − h²)",
    ]
    (total,) = (s for s in d.steps if s.kind == "sum")
    assert total.result is gc.grad(loss, h)
    assert len(total.contributions) == 2
    assert text(d.conclusion[0].formula) == "e ⊙ (h + 1) ⊙ (1 − h²)"
    assert d.check({x: np.array([0.1, -0.5, 2.0])})


def test_many_uses_are_abridged() -> None:
    x = gc.input("x", (3,), "float64")
    total = x
    for _ in range(20):
        total = gc.tanh(total) * x
    d = derive(gc.sum(total), x)
    assert " = ".join(map(text, d.steps[-1].equation)) == "∂L/∂x = (∂L/∂x)₁ + (∂L/∂x)₂ + … + (∂L/∂x)₂₁"
    assert d.check({x: np.array([0.1, -0.5, 2.0])})


def test_what_is_cut_off_has_no_steps() -> None:
    x = gc.input("x", (3,), "float64")
    loss = gc.sum(x * gc.stop_gradient(gc.exp(gc.tanh(x))))
    d = derive(loss, x)
    assert len(d.steps) == 3
    assert d.check({x: np.array([0.1, -0.5, 2.0])})
    assert "const marks what derivatives take as a constant" in d.markdown()


def test_by_something_in_the_middle() -> None:
    x = gc.input("x", ("n", 3))
    h = gc.relu(x)
    loss = gc.mean(gc.square(h))
    d = derive(loss, h)
    assert d.steps[-1].argument is h
    assert d.result is gc.grad(loss, h)
    assert d.check({x: np.ones((2, 3))})


def test_the_loss_by_itself() -> None:
    x = gc.input("x", ())
    d = derive(x, x)
    assert lines(d) == ["∂x/∂x = 1"]
    assert d.check({x: 3.0})
    assert "∂x/∂x = 1" in d.text()


def test_second_derivatives_are_derived_like_any_other() -> None:
    x = gc.input("x", (), "float64")
    first = gc.grad(gc.sin(x) if hasattr(gc, "sin") else gc.tanh(x) * x, x)
    d = derive(first, x)
    assert d.result is gc.grad(first, x)
    assert d.check({x: 0.7})


def test_zero_sizes_and_scalars() -> None:
    x = gc.input("x", (0, 3), "float64")
    assert derive(gc.sum(gc.tanh(x)), x).check({x: np.zeros((0, 3))})
    s = gc.input("s", (), "float64")
    assert derive(s * s + 2 * s, s).check({s: 1.5})


def test_refusals_name_what_is_wrong() -> None:
    x, i = gc.input("x", (3,)), gc.input("i", (3,), "int64")
    z = gc.input("z", (3,))
    loss = gc.sum(x)
    with pytest.raises(gc.GraphError, match="does not depend on z: it is computed from x") as refused:
        derive(loss, z)
    assert "test_derivation.py" in str(refused.value)
    with pytest.raises(gc.ShapeError, match="scalar"):
        derive(x, x)
    with pytest.raises(gc.DTypeError, match="variable must be floating point"):
        derive(gc.sum(x * i), i)
    with pytest.raises(gc.DTypeError, match="loss must be floating point"):
        derive(gc.sum(i), x)
    with pytest.raises(gc.GraphError, match="must be an expression, not list"):
        derive(loss, [x])  # type: ignore[arg-type]
    with pytest.raises(gc.GraphError, match="must be an expression, not float"):
        derive(1.0, x)  # type: ignore[arg-type]
    with pytest.raises(gc.GraphError, match="'textbook' or 'full'"):
        derive(loss, x, detail="brief")  # type: ignore[arg-type]


def test_users_lines_are_not_changed_by_deriving() -> None:
    x = gc.input("x", (3,))
    loss = gc.sum(gc.exp(x))
    before = loss.args[0].sources
    derive(loss, x)
    assert loss.args[0].sources == before


def test_a_long_chain_takes_time_in_proportion() -> None:
    """3,000 nodes deep, which no recursion would survive; and every use of x is a step."""
    x = gc.input("x", (2,), "float64")
    total = x
    for _ in range(1500):
        total = total * 0.5 + x
    for detail in ("textbook", "full"):
        d = derive(gc.sum(total), x, detail=detail)  # type: ignore[arg-type]
        assert len(d.steps) > 3000
        assert d.text().endswith("∂L/∂x = (∂L/∂x)₁ + (∂L/∂x)₂ + … + (∂L/∂x)₁₅₀₁\n")


def test_it_shows_itself(perceptron: Any) -> None:
    d = derive(perceptron.loss, perceptron.params["W1"])
    assert str(d) == d.text()
    assert repr(d) == "<derivation of ∂L/∂W₁: 6 steps>"
    assert d._repr_markdown_() == d.markdown()
    assert "<article" in d._repr_html_() and "<html" not in d._repr_html_()


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_of_garbage_is_left_as_it_was(enabled: bool) -> None:
    """It rests while a derivation is made; also where that fails."""
    x = gc.input("x", (3,))
    before = collector.isenabled()
    try:
        (collector.enable if enabled else collector.disable)()
        derive(gc.sum(x), x)
        assert collector.isenabled() is enabled
        with pytest.raises(gc.GraphError):
            derive(gc.sum(x), gc.input("y", (3,)))
        assert collector.isenabled() is enabled
    finally:
        (collector.enable if before else collector.disable)()
