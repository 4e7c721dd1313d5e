"""Compiled functions: a frame for each kernel."""

from __future__ import annotations

from graphc.ir.graph import Graph
from graphc.viz.dot import to_dot
from graphc.viz.picture import Picture
from graphc.viz.subject import picture_of

from .conftest import FakeFunction, FakeKernel


def inside(picture: Picture, group: str | None) -> list[str]:
    return [b.name or b.title for b in picture.boxes if b.group == group]


def test_every_kernel_is_a_group_with_its_name_and_kind(compiled: FakeFunction) -> None:
    picture = picture_of(compiled)
    assert [g.caption for g in picture.groups] == ["k0_matmul_relu · contract", "k1_sum · reduce", "k2_subtract · map"]
    assert {g.look for g in picture.groups} == {"kernel"}
    assert inside(picture, "kernel0") == ["matmul", "relu"]
    assert inside(picture, "kernel1") == ["+ 1", "sum"]
    assert "3 kernels" in picture.notes[0]


def test_what_two_kernels_compute_is_drawn_in_both(compiled: FakeFunction) -> None:
    assert inside(picture_of(compiled), "kernel2") == ["+ 1", "transpose", "−"]


def test_inputs_and_params_stand_beside_each_kernel_that_reads_them(compiled: FakeFunction) -> None:
    outside = [(b.name, b.look) for b in picture_of(compiled).boxes if b.group is None]
    assert sorted(outside) == [("w", "param"), ("w", "param"), ("w", "update"), ("x", "input")]


def test_buffers_between_kernels_are_labelled_with_their_type(compiled: FakeFunction) -> None:
    picture = picture_of(compiled)
    group = {b.key: b.group for b in picture.boxes}
    labelled = [(group[a.tail], group[a.head], a.label) for a in picture.arrows if a.label]
    assert labelled == [("kernel0", "kernel1", "4×4"), ("kernel0", "kernel2", "4×4")]


def test_outputs_and_updates(compiled: FakeFunction) -> None:
    picture = picture_of(compiled)
    assert [b.title for b in picture.boxes if b.is_output] == ["sum"]
    (update,) = [b for b in picture.boxes if b.look == "update"]
    assert (update.name, update.type) == ("w", "updated, 4×4")
    (arrow,) = [a for a in picture.arrows if a.head == update.key]
    assert next(b.title for b in picture.boxes if b.key == arrow.tail) == "−"


def test_a_function_may_say_what_derivatives_became(compiled: FakeFunction) -> None:
    compiled.is_derived = lambda node: node.op.name == "permute_dims"  # type: ignore[attr-defined]
    assert [b.title for b in picture_of(compiled).boxes if b.look == "gradient"] == ["transpose"]


def test_values_on_kernels(compiled: FakeFunction) -> None:
    (x,) = compiled.graph.inputs
    picture = picture_of(compiled, {x: [[1.0] * 4] * 4})
    assert {b.title: b.value for b in picture.boxes if b.group == "kernel1"} == {"+ 1": "all 2", "sum": "32"}


def test_an_output_that_is_an_input_is_drawn(compiled: FakeFunction) -> None:
    (x,) = compiled.graph.inputs
    (only,) = picture_of(FakeFunction(Graph((x,), (x,)))).boxes
    assert only.is_output and only.name == "x"


def test_views_that_belong_to_no_kernel_stand_alone(compiled: FakeFunction) -> None:
    first, second, third = compiled.kernels
    turned = third.nodes[1]
    third.nodes = tuple(n for n in third.nodes if n is not turned)
    picture = picture_of(compiled)
    assert "transpose" in inside(picture, None)
    keys = {b.key for b in picture.boxes}
    assert {k for a in picture.arrows for k in (a.tail, a.head)} <= keys
    assert isinstance(first, FakeKernel) and isinstance(second, FakeKernel)


def test_golden(compiled: FakeFunction, golden) -> None:
    golden("draw", "kernels", _without_tooltips(to_dot(picture_of(compiled))))


def _without_tooltips(dot: str) -> str:
    """Without the lines of this suite, which move."""
    import re

    return re.sub(r', tooltip="[^"]*"', "", dot)
