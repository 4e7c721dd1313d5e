"""What things are called: the user's names first, then readable ones, never two alike."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as gc
from graphc.ir.expr import Expr
from graphc.teach import Derivation, derive
from graphc.teach.formula import Symbol
from graphc.teach.names import symbol_of
from graphc.teach.printers import text


def legend(d: Derivation) -> dict[str, str]:
    return {text(x.symbol): "" if x.formula is None else text(x.formula) for x in d.legend}


def cotangents(d: Derivation) -> list[str]:
    return [text(s.equation[0]) for s in d.steps]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("W1", ("W", "1")), ("W_1", ("W", "1")), ("w", ("w", "")), ("alpha", ("α", "")), ("theta3", ("θ", "3")),
        ("b_out", ("b", "out")), ("sigma_x", ("σ", "x")), ("hidden1", ("hidden", "1")), ("hidden_x", ("hidden_x", "")),
        ("x y", ("x y", "")), ("3d", ("3d", "")), ("β1", ("β", "1")), ("W12_3", ("W12_3", "")),
    ],
)  # fmt: skip
def test_names_become_symbols(name: str, expected: tuple[str, str]) -> None:
    assert symbol_of(name) == Symbol(*expected)


def network(*names: str) -> tuple[Expr, Expr]:
    """A layer with an activation, its parts named where a name is given."""
    x, w = gc.input("x", ("n", 3)), gc.param("w", np.ones((3, 2)))
    z = x @ w
    a = gc.tanh(z)
    for node, name in zip((z, a), names, strict=False):
        if name:
            gc.name(node, name)
    loss = gc.sum(gc.square(a))
    if len(names) > 2:
        gc.name(loss, names[2])
    return loss, w


def test_readable_names_for_the_unnamed() -> None:
    assert legend(derive(*network())) == {
        "x": "", "w": "", "Z": "x w", "A": "tanh(Z)", "U": "A²", "L": "Σ U"
    }  # fmt: skip


def test_the_users_names_are_used_everywhere() -> None:
    d = derive(*network("pre", "act", "cost"))
    assert set(legend(d)) >= {"pre", "act", "cost"}
    assert cotangents(d) == ["∂cost/∂cost", "∂cost/∂U", "∂cost/∂act", "δₚᵣₑ", "∂cost/∂w"]


def test_a_users_z1_gives_delta_1() -> None:
    assert "δ₁" in cotangents(derive(*network("z1")))


def test_no_readable_name_is_close_to_one_of_the_users() -> None:
    x = gc.input("A", ("n", 3))
    w = gc.param("z", np.ones((3, 2)))
    d = derive(gc.sum(gc.tanh(x @ w)), w)
    assert set(legend(d)) == {"A", "z", "Z₁", "A₁", "L"}


def test_a_user_may_own_the_letters_of_the_loss_and_of_cotangents() -> None:
    L, delta = gc.input("L", ("n", 3)), gc.param("delta", np.ones((3, 2)))
    d = derive(gc.sum(gc.tanh(L @ delta)), delta)
    assert list(legend(d)) == ["L", "δ", "Z", "A", "J"]
    # δ is the user's, so the cotangent of Z is written out.
    assert cotangents(d) == ["∂J/∂J", "∂J/∂A", "∂J/∂Z", "∂J/∂δ"]


def test_things_of_one_name_are_told_apart() -> None:
    kernels = [gc.param("kernel", np.full((3, 3), value)) for value in (0.1, 0.2, 0.3)]
    x = gc.input("x", ("n", 3))
    for kernel in kernels:
        x = gc.tanh(x @ kernel)
    d = derive(gc.sum(x), kernels[0])
    assert {"kernel", "kernel₍₂₎", "kernel₍₃₎"} <= set(legend(d))
    assert d.check({gc_input(d): np.ones((2, 3))})


def gc_input(d: Derivation) -> Expr:
    (found,) = (x.node for x in d.legend if x.words == "input")
    return found


def test_symbols_are_different_and_defined_before_use() -> None:
    x = gc.input("x", ("n", 3))
    h = gc.exp(gc.log1p(gc.square(x)))
    d = derive(gc.sum(gc.max(h * gc.sqrt(h), axis=1)), x, detail="full")
    symbols = [x.symbol for x in d.legend]
    assert len(set(symbols)) == len(symbols)
    nodes: list[Expr] = []
    for definition in d.legend:
        assert all(any(a is n for n in nodes) for a in definition.node.args if a.op.kind != "leaf")
        nodes.append(definition.node)


def test_names_do_not_depend_on_the_variable(perceptron: object) -> None:
    loss, params = perceptron.loss, perceptron.params  # type: ignore[attr-defined]
    legends = [legend(derive(loss, p)) for p in params.values()]
    assert all(one == legends[0] for one in legends)


def test_constants_are_written_out_and_arrays_get_a_letter() -> None:
    x = gc.input("x", (2, 3), "float64")
    d = derive(gc.sum(gc.square(2.5 * x + gc.constant(np.arange(6.0).reshape(2, 3)))), x)
    assert legend(d) == {"x": "", "C": "", "U₁": "2.5 x + C", "U₂": "U₁²", "L": "Σ U₂"}
    assert d.check({x: np.ones((2, 3))})


def test_numbers_are_written_out_whatever_another_graph_calls_them() -> None:
    """1/n is one object in the whole process, so a name that a metric gives it is no name of this loss."""
    x = gc.input("x", ("rows_of_a_test",), "float64")
    gc.name(gc.mean(x).args[1], "count_of_a_metric")
    d = derive(gc.mean(gc.square(x)), x)
    assert "count_of_a_metric" not in d.text()
    assert "rows_of_a_test" in text(d.steps[1].equation[-1])
