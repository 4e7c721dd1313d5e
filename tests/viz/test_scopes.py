"""The user's scopes in pictures: frames, open and closed."""

from __future__ import annotations

import numpy as np
import pygraphviz
import pytest

import graphc as gc
from graphc.ir.expr import post_order
from graphc.viz.picture import Picture
from graphc.viz.scopes import MOST_OPEN, OVERVIEW, close, common
from graphc.viz.subject import picture_of


def blocks(count: int, width: int = 2) -> gc.Expr:
    """A stack of blocks, each of `width` halves with a param and two operations."""
    h = gc.input("x", (4, 4))
    for i in range(count):
        with gc.scope(f"block{i}"):
            for j in range(width):
                with gc.scope(f"half{j}"):
                    h = gc.tanh(h @ gc.param(f"W{i}{j}", np.eye(4, dtype="f")))
    return h


def frames(picture: Picture) -> list[tuple[str, str]]:
    """Captions of frames, and of the frames around them."""
    captions = {g.key: g.caption for g in picture.groups}
    return [(g.caption, captions.get(g.parent or "", "")) for g in picture.groups]


def test_scopes_are_nested_frames() -> None:
    picture = picture_of(blocks(2))
    assert frames(picture) == [
        ("block0", ""), ("half0", "block0"), ("half1", "block0"),
        ("block1", ""), ("half0", "block1"), ("half1", "block1"),
    ]  # fmt: skip
    by_name = {b.name: b for b in picture.boxes if b.name}
    assert by_name["x"].group is None
    assert by_name["W00"].group == picture.groups[1].key


def test_graphviz_sees_the_same_nesting() -> None:
    graph = pygraphviz.AGraph(string=gc.draw(blocks(1)).source)
    (outer,) = graph.subgraphs()
    assert outer.graph_attr["label"].count("block0") == 1
    assert [("half0" in s.graph_attr["label"], len(s.nodes())) for s in outer.subgraphs()] == [(True, 3), (False, 3)]


def test_a_param_stands_with_all_that_use_it() -> None:
    w = gc.param("w", np.eye(4, dtype="f"))
    with gc.scope("outer"):
        with gc.scope("a"):
            y = gc.input("x", (4, 4)) @ w
        with gc.scope("b"):
            y = y @ w
    picture = picture_of(y)
    captions = {g.key: g.caption for g in picture.groups}
    assert captions[next(b.group for b in picture.boxes if b.name == "w")] == "outer"


def test_gradients_stand_in_the_scope_of_what_they_are_of() -> None:
    loss = gc.name(gc.sum(blocks(1)), "loss")
    w = next(n for n in post_order((loss,)) if n.name == "W00")
    picture = picture_of([loss, gc.grad(loss, w)])
    assert ("block0", "backward") in frames(picture)
    captions = {g.key: g.caption for g in picture.groups}
    assert captions[next(b.group for b in picture.boxes if b.name == "∂loss/∂W00")] == "half0"


def test_closed_scopes_are_one_box_each() -> None:
    picture = close(picture_of(blocks(3)), 0)
    assert [(b.name, b.title) for b in picture.boxes] == [
        ("x", ""), ("block0", "4 operations"), ("block1", "4 operations"), ("block2", "4 operations"),
    ]  # fmt: skip
    assert [(a.tail, a.head) for a in picture.arrows] == [("n0", "s0"), ("s0", "s3"), ("s3", "s6")]
    assert picture.groups == ()
    assert picture.boxes[-1].is_output
    assert sum(b.count for b in picture.boxes) == len(picture_of(blocks(3)).boxes)


def test_depth_opens_level_by_level() -> None:
    whole = picture_of(blocks(2))
    assert [len(close(whole, d).boxes) for d in (0, 1, 2, 3)] == [3, 5, len(whole.boxes), len(whole.boxes)]
    assert frames(close(whole, 1)) == [("block0", ""), ("block1", "")]


def test_large_pictures_are_drawn_closed_with_a_note() -> None:
    small = picture_of(blocks(5))
    assert len(small.boxes) <= MOST_OPEN
    assert close(small, None) is small
    large = close(picture_of(blocks(13)), None)
    assert len(large.boxes) == 14
    assert large.notes[-1].startswith("scopes of the model are drawn as one box each; draw(..., depth=1)")
    between = close(picture_of(blocks(7, width=3)), None)
    assert len(between.boxes) == 22 <= OVERVIEW
    assert "depth=2" in between.notes[-1]


def test_a_layer_is_a_scope() -> None:
    layer = gc.nn.Dense(3, name="hidden")
    y = layer(gc.input("x", ("batch", 4)))
    assert y.scope == ("hidden",)
    assert frames(picture_of(y)) == [("hidden", "")]


@pytest.mark.parametrize("depth", [-1, 1.5, "all"])
def test_depth_is_a_number_of_levels(depth: object) -> None:
    with pytest.raises(gc.GraphError, match="depth is a number of levels"):
        gc.draw(blocks(1), depth=depth)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("paths", "path"),
    [
        ([], ()),
        ([("a", "b")], ("a", "b")),
        ([("a", "b"), ("a", "c")], ("a",)),
        ([("a",), ("b",)], ()),
        ([("a",), ()], ()),
    ],
)
def test_common(paths: list[tuple[str, ...]], path: tuple[str, ...]) -> None:
    assert common(paths) == path
