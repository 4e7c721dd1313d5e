"""Before and after a pass."""

from __future__ import annotations

import numpy as np

import graphc as gc
from graphc.viz.changes import differences
from graphc.viz.subject import picture_of


def ops(nodes: list[gc.Expr]) -> list[str]:
    return [n.op.name for n in nodes]


def test_what_both_have_is_no_difference() -> None:
    x = gc.input("x", (3,))
    y = gc.exp(x)
    assert differences([gc.tanh(y)], [gc.tanh(y)]) == ([], [])


def test_new_operands_are_no_difference_of_the_user() -> None:
    x = gc.input("x", (3,))
    gone, new = differences([gc.tanh(gc.exp(x))], [gc.tanh(gc.sin(x))])
    assert (ops(gone), ops(new)) == (["exp"], ["sin"])


def test_another_attribute_is_a_difference() -> None:
    x = gc.input("x", (3, 3))
    gone, new = differences([gc.sum(x, axis=0)], [gc.sum(x, axis=1)])
    assert (ops(gone), ops(new)) == (["sum"], ["sum"])


def test_the_picture_has_both_sides_in_frames_of_their_own() -> None:
    x = gc.input("x", (3,))
    with gc.scope("part"):
        y = gc.log(gc.exp(x))
    picture = picture_of(gc.name(y * 2, "y"), after=gc.sin(x) * 2)
    assert [(g.key, g.parent) for g in picture.groups] == [
        ("before", None), ("before_s0", "before"), ("after", None),
    ]  # fmt: skip
    changes = {(b.key.partition("_")[0], b.name or b.title): b.change for b in picture.boxes}
    assert changes == {
        ("before", "x"): None, ("before", "exp"): "gone", ("before", "log"): "gone", ("before", "y"): None,
        ("after", "x"): None, ("after", "sin"): "new", ("after", "× 2"): None,
    }  # fmt: skip
    assert picture.notes[0].startswith("2 of ")


def test_what_the_simplifier_did() -> None:
    x = gc.input("x", (3,))
    loss = gc.sum(gc.log(gc.exp(x) + 1) * 1)
    drawing = gc.draw(loss, after=gc.optimize(loss))
    assert ">taken away</FONT>" in drawing.source
    assert ">put in its place</FONT>" in drawing.source
    assert "<svg" in drawing.svg().decode()


def test_a_compiled_function_may_be_what_comes_after() -> None:
    x = gc.input("x", (3,))
    y = gc.exp(x) * 1
    picture = picture_of(y, after=gc.compile([x], y))
    assert {b.group for b in picture.boxes} == {"before", "after"}


def test_constants_with_nan_are_compared_by_their_bits() -> None:
    x = gc.input("x", (2,))
    before, after = gc.constant(np.array([np.nan, 1])), gc.constant(np.array([np.nan, 1]))
    assert differences([gc.exp(x) + before], [gc.exp(x) + after]) == ([], [])
