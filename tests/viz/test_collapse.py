"""Fewer boxes for large graphs."""

from __future__ import annotations

import graphc as gc
from graphc.viz.collapse import collapse
from graphc.viz.drawing import MOST_BOXES
from graphc.viz.subject import picture_of


def chain(length: int) -> gc.Expr:
    x = gc.input("x", (3,))
    for _ in range(length):
        x = gc.tanh(x) + 1
    return x


def test_a_small_picture_is_left_alone() -> None:
    picture = picture_of(chain(3))
    assert collapse(picture, 7) is picture


def test_elementwise_chains_become_one_box_that_counts() -> None:
    picture = collapse(picture_of(gc.sum(gc.name(chain(50), "z") * 2)), 10)
    titles = [(b.name, b.title) for b in picture.boxes]
    assert titles == [("x", ""), ("z", "100 operations: tanh, + 1, tanh …"), ("", "× 2"), ("", "sum")]
    assert sum(b.count for b in picture.boxes) == 103
    assert len(picture.arrows) == 3
    assert "one box" in picture.notes[-1]


def test_values_with_several_users_stay() -> None:
    x = gc.input("x", ())
    y = gc.exp(x)
    picture = collapse(picture_of(gc.tanh(y) + gc.square(y)), 3)
    assert [b.title for b in picture.boxes if b.title] == ["exp", "3 operations: tanh, square, +"]


def test_what_is_nearest_to_the_outputs_is_kept() -> None:
    x = gc.input("x", (2, 2))
    for _ in range(100):
        x = x @ x
    picture = collapse(picture_of(x), 20)
    assert len(picture.boxes) == 20
    assert picture.boxes[-1].is_output
    assert "81 nodes are left out" in picture.notes[-1]
    keys = {b.key for b in picture.boxes}
    assert all(a.tail in keys and a.head in keys for a in picture.arrows)


def test_drawings_are_capped() -> None:
    x = gc.input("x", (2, 2))
    for _ in range(2000):
        x = x @ x
    drawing = gc.draw(x)
    assert drawing.source.count("label=<matmul") == MOST_BOXES
    assert "1,401 nodes are left out" in drawing.source


def test_collapsing_keeps_groups_apart(mlp) -> None:
    picture = collapse(picture_of([mlp.loss, *mlp.grads]), 20)
    assert len(picture.boxes) <= 20
    assert {b.group for b in picture.boxes} == {g.key for g in picture.groups}
