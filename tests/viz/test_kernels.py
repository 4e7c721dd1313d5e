"""Compiled functions: a frame for each kernel."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np

import graphc as gc
from graphc.ir.graph import Graph
from graphc.viz.dot import to_dot
from graphc.viz.picture import Picture
from graphc.viz.subject import picture_of


def inside(picture: Picture, group: str | None) -> list[str]:
    return [b.name or b.title for b in picture.boxes if b.group == group]


def test_every_kernel_is_a_group_with_its_name_and_kind(compiled) -> None:
    picture = picture_of(compiled)
    assert [g.caption for g in picture.groups] == ["k0_matmul_relu · contract", "k1_sum · reduce", "k2_subtract · map"]
    assert {g.look for g in picture.groups} == {"kernel"}
    assert inside(picture, "kernel0") == ["matmul", "relu"]
    assert inside(picture, "kernel1") == ["+ 1", "sum"]
    assert "3 kernels" in picture.notes[0]


def test_what_two_kernels_compute_is_drawn_in_both(compiled) -> None:
    assert inside(picture_of(compiled), "kernel2") == ["+ 1", "transpose", "−"]


def test_inputs_and_params_stand_beside_each_kernel_that_reads_them(compiled) -> None:
    outside = [(b.name, b.look) for b in picture_of(compiled).boxes if b.group is None]
    assert sorted(outside) == [("w", "param"), ("w", "param"), ("w", "update"), ("x", "input")]


def test_buffers_between_kernels_are_labelled_with_their_type(compiled) -> None:
    picture = picture_of(compiled)
    group = {b.key: b.group for b in picture.boxes}
    labelled = [(group[a.tail], group[a.head], a.label) for a in picture.arrows if a.label]
    assert labelled == [("kernel0", "kernel1", "4×4"), ("kernel0", "kernel2", "4×4")]


def test_outputs_and_updates(compiled) -> None:
    picture = picture_of(compiled)
    assert [b.title for b in picture.boxes if b.is_output] == ["sum"]
    (update,) = [b for b in picture.boxes if b.look == "update"]
    assert (update.name, update.type) == ("w", "updated, 4×4")
    (arrow,) = [a for a in picture.arrows if a.head == update.key]
    assert next(b.title for b in picture.boxes if b.key == arrow.tail) == "−"


def test_a_function_may_say_what_derivatives_became(compiled) -> None:
    (x,) = compiled.graph.inputs
    built = gc.grad(gc.sum(gc.exp(x)), x)
    compiled.origins = lambda node: (built,) if node.op.name == "permute_dims" else (node,)
    assert [b.title for b in picture_of(compiled).boxes if b.look == "gradient"] == ["transpose"]


def test_values_on_kernels(compiled) -> None:
    (x,) = compiled.graph.inputs
    picture = picture_of(compiled, {x: [[1.0] * 4] * 4})
    assert {b.title: b.value for b in picture.boxes if b.group == "kernel1"} == {"+ 1": "all 2", "sum": "32"}


def test_an_output_that_is_an_input_is_drawn(compiled) -> None:
    (x,) = compiled.graph.inputs
    (only,) = picture_of(SimpleNamespace(graph=Graph((x,), (x,)), kernels=[])).boxes
    assert only.is_output and only.name == "x"


def test_a_compiled_step_end_to_end() -> None:
    x, w = gc.input("x", ("batch", 4)), gc.param("w", np.eye(4, dtype="f"))
    loss = gc.name(gc.sum(gc.square(gc.relu(x @ w))), "loss")
    step = gc.compile([x], loss, updates={w: w - 0.1 * gc.grad(loss, w)})
    before = picture_of(step)
    assert [g.key for g in before.groups] == ["forward", "backward", "after"]
    assert before.notes == ("kernels are made when the first call tells the sizes, or draw(batch=32)",)
    assert "(batch, 4)" in [b.type for b in before.boxes]
    result = step(np.ones((3, 4), "f"))
    after = picture_of(step, {x: np.ones((3, 4))})
    assert [g.caption.partition(" ")[0] for g in after.groups] == [k.name for k in step.kernels]
    assert "3×4" in [b.type for b in after.boxes]
    assert [b.type for b in after.boxes if b.look == "update"] == ["updated, 4×4"]
    (output,) = [b for b in after.boxes if b.is_output]
    assert output.name == "loss"
    assert result == 12
    assert "cluster_kernel0" in step.draw().source


def test_views_that_belong_to_no_kernel_stand_alone(compiled) -> None:
    third = compiled.kernels[2]
    third.nodes = tuple(n for n in third.nodes if n.op.name != "permute_dims")
    picture = picture_of(compiled)
    assert "transpose" in inside(picture, None)
    keys = {b.key for b in picture.boxes}
    assert {k for a in picture.arrows for k in (a.tail, a.head)} <= keys


def test_golden(compiled, golden) -> None:
    golden("draw", "kernels", _without_tooltips(to_dot(picture_of(compiled))))


def _without_tooltips(dot: str) -> str:
    """Without the lines of this suite, which move."""
    return re.sub(r', tooltip="[^"]*"', "", dot)
