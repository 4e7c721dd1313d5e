"""What a loss does not depend on: the sentence shows the way that was looked for, and where it ends."""

from __future__ import annotations

import pytest

import graphc as gc
from graphc.ir.expr import Expr
from graphc.teach import derive


def refusal(loss: Expr, wrt: Expr) -> str:
    with pytest.raises(gc.GraphError) as refused:
        derive(loss, wrt)
    assert "test_absence.py" in str(refused.value)
    return str(refused.value).splitlines()[0]


x, w = gc.input("x", (3,)), gc.input("w", (3,))


def test_what_is_not_there_is_told_by_what_is() -> None:
    z = gc.input("z", (3,))
    assert refusal(gc.sum(x * w), z) == "derive: the loss does not depend on z: it is computed from x and w"
    assert refusal(gc.constant(1.0), z).endswith("it is computed from constants alone")
    many = [gc.input(f"x{i}", ()) for i in range(20)]
    total = many[0]
    for one in many[1:]:
        total = total + one
    assert refusal(total, z).endswith("from x0, x1, x2, x3, x4, x5, x6, x7 and …")


@pytest.mark.parametrize(
    ("build", "way"),
    [
        (
            lambda: gc.sum(gc.stop_gradient(gc.exp(x)) * w),
            "the way x → exp → stop_gradient → multiply → sum (the loss) ends at stop_gradient, which derivatives take",
        ),
        (lambda: gc.sum(gc.astype(x > 0, "float32")), "x → greater → astype → sum (the loss) ends at greater, whose"),
        (lambda: gc.sum(gc.sign(gc.name(x * 2, "twice"))), "x → twice → sign → sum (the loss) ends at sign, which is"),
    ],
)
def test_what_is_cut_off_is_told_by_the_way_and_its_end(build: object, way: str) -> None:
    assert callable(build)
    sentence = refusal(build(), x)
    assert sentence.startswith("derive: the loss depends on x, but not in a differentiable way: ")
    assert way in sentence


def test_long_ways_are_abridged() -> None:
    end = gc.stop_gradient(x)
    for _ in range(5000):
        end = gc.tanh(end)
    way = refusal(gc.sum(end), x).partition("the way ")[2].partition(" (the loss)")[0]
    assert way == "x → stop_gradient → tanh → tanh → … → tanh → tanh → tanh → sum"
