"""Frames for the sides of `gc.cond`."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as gc
from graphc.viz.kernels import draw_kernels
from graphc.viz.picture import Picture
from graphc.viz.subject import graph_annotations, picture_of


@pytest.fixture
def x() -> gc.Expr:
    return gc.input("x", (3,))


def framed(picture: Picture) -> dict[tuple[str, ...], set[str]]:
    """The titles of boxes by the captions of the frames around them."""
    by_key = {g.key: g for g in picture.groups}
    found: dict[tuple[str, ...], set[str]] = {}
    for box in picture.boxes:
        captions, key = [], box.group
        while key is not None:
            captions.append(by_key[key].caption)
            key = by_key[key].parent
        found.setdefault(tuple(reversed(captions)), set()).add(box.title or box.name)
    return found


def test_each_side_has_a_frame_and_what_both_need_has_none(x) -> None:
    flag, both = gc.input("flag", (), dtype="bool"), gc.sin(x)
    y = gc.cond(flag, lambda v: gc.exp(v) + both, lambda v: gc.log(v) - both, x)
    assert framed(picture_of(y)) == {
        (): {"x", "flag", "sin", "choose"},
        ("if flag",): {"exp", "+"},
        ("unless flag",): {"log", "−"},
    }


def test_derivatives_of_a_side_are_framed_too(x) -> None:
    flag = gc.input("flag", (), dtype="bool")
    loss = gc.name(gc.sum(gc.cond(flag, gc.tanh, gc.exp, x)), "loss")
    frames = framed(picture_of([loss, gc.grad(loss, x)]))
    assert frames["forward", "if flag"] == {"tanh"}
    assert "square" in frames["backward", "if flag"]
    assert "square" not in frames["backward", "unless flag"]


def test_conditions_say_what_is_compared(x) -> None:
    s = gc.name(gc.sum(x), "s")
    y = gc.cond(s > 0, gc.exp, lambda v: gc.cond(gc.any(v == 2), gc.log, gc.sin, v), x)
    assert set(framed(picture_of(y))) == {
        (), ("if s > 0",), ("unless s > 0",), ("unless s > 0", "if any"), ("unless s > 0", "unless any")
    }  # fmt: skip


def test_predicates_of_the_same_words_are_told_apart(x) -> None:
    y = gc.cond(gc.any(x > 0), gc.exp, gc.log, x) + gc.cond(gc.any(x > 1), gc.sin, gc.cos, x)
    frames = framed(picture_of(y))
    assert frames["if any",] == {"exp"} and frames["unless any",] == {"log"}
    assert frames["if any (2)",] == {"sin"} and frames["unless any (2)",] == {"cos"}


def test_branches_stand_within_scopes(x) -> None:
    flag = gc.input("flag", (), dtype="bool")
    with gc.scope("block"):
        y = gc.cond(flag, gc.exp, gc.log, x)
    assert framed(picture_of(y))["block", "if flag"] == {"exp"}


def test_kernels_say_when_they_run(x) -> None:
    flag = gc.input("flag", (), dtype="bool")
    W = gc.param("W", np.ones((3, 3), "f"))
    f = gc.compile([x, flag], gc.cond(flag, lambda v: gc.tanh(v @ W), lambda v: gc.cumulative_sum(gc.exp(v)), x))
    picture = draw_kernels(f.graph, f.kernels, graph_annotations(f.graph.roots))
    captions = [g.caption.split(" · ") for g in picture.groups]
    assert {parts[2] for parts in captions if len(parts) > 2} == {"if flag", "unless flag"}
    assert any(len(parts) == 2 for parts in captions)
