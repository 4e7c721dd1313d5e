"""Pictures as DOT text."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pygraphviz
import pytest

import graphc as gc
from graphc.viz.dot import to_dot
from graphc.viz.picture import Arrow, Box, Group, Look, Picture
from graphc.viz.style import STYLES
from graphc.viz.subject import picture_of

NASTY = [
    'quo"te',
    "<b>&amp;",
    "back\\slash\\n",
    "new\nline\ttab",
    "ünïcödé ∂ 数",
    "a]b}c;",
    "x" * 500,
    "\x00\x1b[0m",
    "%",
]


def parsed(picture: Picture) -> Any:
    """What Graphviz itself makes of the text."""
    return pygraphviz.AGraph(string=to_dot(picture))


def test_golden(mlp, golden) -> None:
    golden("draw", "mlp_loss", gc.draw(mlp.loss).source)
    golden("draw", "mlp_gradients", gc.draw([mlp.loss, *mlp.grads]).source)
    golden("draw", "mlp_values", gc.draw(mlp.loss, mlp.arrays).source)


def test_nodes_edges_and_clusters_are_those_of_the_picture(mlp) -> None:
    picture = picture_of([mlp.loss, *mlp.grads])
    graph = parsed(picture)
    assert set(graph.nodes()) == {b.key for b in picture.boxes}
    assert graph.number_of_edges() == len(picture.arrows)
    clusters = {g.name: set(g.nodes()) for g in graph.subgraphs()}
    for group in picture.groups:
        assert clusters[f"cluster_{group.key}"] == {b.key for b in picture.boxes if b.group == group.key}


def test_equal_pictures_give_equal_text(mlp) -> None:
    assert gc.draw(mlp.grads).source == gc.draw(mlp.grads).source


@pytest.mark.parametrize("name", NASTY, ids=range(len(NASTY)))
def test_names_of_users_cannot_break_the_drawing(name: str) -> None:
    x = gc.input(name, (2,))
    e = gc.name(gc.exp(x), name)
    drawing = gc.draw({name: e, "other": gc.tanh(x)})
    graph = pygraphviz.AGraph(string=drawing.source)
    assert set(graph.nodes()) == {"n0", "n1", "n2"}
    assert b"<svg" in drawing.svg()


def test_names_show_as_they_were_given() -> None:
    svg = gc.draw(gc.name(gc.exp(gc.input('a<b> & "c" \\n', ())), "d\\e")).svg().decode()
    assert "a&lt;b&gt; &amp; &quot;c&quot; \\n</text>" in svg
    assert "d\\e</text>" in svg


def test_long_names_are_cut() -> None:
    source = gc.draw(gc.input("x" * 500, ())).source
    assert f"<B>{'x' * 59}…</B>" in source


def test_the_legend_lists_what_occurs(mlp) -> None:
    legend = gc.draw([mlp.loss, *mlp.grads]).source.partition("label=<")[2].partition("</TABLE></TD></TR>")[0]
    for word in ("input", "param", "operation", "gradient", "output"):
        assert f">{word}</FONT>" in legend
    for word in ("constant", "updated param"):
        assert word not in legend
    assert "dotted: a value used by another phase" in gc.draw(mlp.grads).source
    assert "dotted" not in gc.draw(mlp.loss).source
    assert "float32 where no dtype is written" in gc.draw(mlp.loss).source


def test_shallow_graphs_run_sideways_and_deep_ones_down() -> None:
    x = gc.input("x", ())
    assert "rankdir=LR" in gc.draw(gc.exp(x) - x).source
    assert "first operands enter at the top" in gc.draw(gc.exp(x) - x).source
    for _ in range(8):
        x = gc.exp(x)
    assert "rankdir=TB" in gc.draw(x).source


def test_groups_that_run_upwards_turn_their_arrows() -> None:
    boxes = tuple(Box(k, "operation", k, group=g) for k, g in (("a", "f"), ("b", "f"), ("c", "r"), ("d", "r")))
    arrows = (Arrow("a", "b"), Arrow("c", "d", side="left"), Arrow("a", "c", role="reuse"), Arrow("a", "d", role="tie"))
    text = to_dot(Picture(boxes, arrows, (Group("f", "forward"), Group("r", "backward", runs_upwards=True))))
    assert "  a -> b;" in text
    assert '  d:sw -> c [dir="back"];' in text
    assert '  a -> c [style="dotted"' in text
    assert '  a -> d [style="invis", minlen="0"];' in text


def test_every_look_has_a_style_of_its_own() -> None:
    assert set(STYLES) == set(get_args(Look))
    outlines = {(s.shape, s.style, s.fill, s.line) for s in STYLES.values()}
    assert len(outlines) == len(STYLES)


def test_dtypes_other_than_float32_are_written() -> None:
    source = gc.draw(gc.astype(gc.input("x", (2, 3), dtype="int16"), "float32")).source
    assert ">int16 2×3<" in source
    assert ">2×3<" in source
    assert "float32 2×3" not in source


def test_scalar_constants_are_no_boxes() -> None:
    source = gc.draw(gc.input("x", (2,)) * 0.5 + np.float32(1)).source
    assert "label=<× 0.5<BR/>" in source
    assert "label=<+ 1<BR/>" in source
    assert source.count("[label=<") == 3 + source.count("graph [label=<")
