"""Names of the user's variables, as far as lines tell them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import graphc as gc
from graphc.ir.expr import Expr, post_order
from graphc.teach import derive
from graphc.teach.assigned import assigned_names
from graphc.teach.printers import text


def named(loss: Expr) -> dict[str, str]:
    return {name: node.op.name for node, name in assigned_names(post_order((loss,))).items()}


def test_assignments_name_what_they_compute() -> None:
    x, w = gc.input("x", ("n", 3)), gc.param("w", np.ones((3, 2)))
    scores = x @ w
    hidden: Expr = gc.tanh(
        scores * 2.0,
    )
    cost = gc.mean(hidden**2)
    assert named(cost) == {"scores": "matmul", "hidden": "tanh", "cost": "divide"}
    d = derive(cost, w, names="assigned")
    assert [text(x.symbol) for x in d.legend] == ["x", "w", "scores", "hidden", "U", "cost"]
    assert d.check({x: np.ones((4, 3))})
    assert cost.name is None and hidden.name is None, "the user's expressions stay as they are"
    assert [text(x.symbol) for x in derive(cost, w).legend] == ["x", "w", "Z", "A", "U", "L"]


def layer(x: Expr) -> Expr:
    out = gc.tanh(x)
    return out * 2.0


def test_what_is_computed_twice_on_one_line_is_numbered() -> None:
    x = gc.input("x", (3,))
    assert named(gc.sum(layer(x) + layer(gc.exp(x)))) == {"out1": "tanh", "out2": "tanh"}


def test_a_loop_names_its_last_value() -> None:
    h = gc.input("x", (3,))
    for _ in range(3):
        h = gc.tanh(h)
    total = gc.sum(h)
    nodes = post_order((total,))
    found = assigned_names(nodes)
    assert found[h] == "h" and len(found) == 2


def test_names_that_were_given_are_kept_and_others_need_one_target() -> None:
    x = gc.input("x", (3,))
    a = gc.name(gc.exp(x), "power")
    b, c = gc.tanh(a), gc.sigmoid(a)
    assert named(gc.sum(b * c)) == {}


def test_lines_that_cannot_be_read_name_nothing(tmp_path: Path) -> None:
    for code in ("y = gc.tanh(x)", "exec('y = gc.tanh(x)')"):
        space = {"gc": gc, "x": gc.input("x", (3,))}
        exec(compile(code, str(tmp_path / "gone.py"), "exec"), space)
        assert named(gc.sum(space["y"])) == {}


def test_other_choices_are_refused() -> None:
    x = gc.input("x", ())
    with pytest.raises(gc.GraphError, match="names is 'given' or 'assigned', not 'all'"):
        derive(gc.exp(x), x, names="all")  # type: ignore[arg-type]
