"""Which nodes become boxes, and how phases are told apart."""

from __future__ import annotations

import numpy as np

import graphc as gc
from graphc.ir.graph import Graph
from graphc.viz.picture import Box, Picture
from graphc.viz.subject import picture_of


def titles(picture: Picture) -> list[str]:
    return [b.name or b.title for b in picture.boxes]


def box(picture: Picture, name: str) -> Box:
    (found,) = [b for b in picture.boxes if name in (b.name, b.title)]
    return found


def arrows(picture: Picture, role: str = "use") -> set[tuple[str, str]]:
    names = {b.key: b.name or b.title for b in picture.boxes}
    return {(names[a.tail], names[a.head]) for a in picture.arrows if a.role == role}


def test_numbers_and_repetition_are_folded_away() -> None:
    x, b = gc.input("x", (3, 4)), gc.param("b", np.zeros(4, "f"))
    picture = picture_of(gc.exp(x * 2 + b))
    assert titles(picture) == ["x", "× 2", "b", "+", "exp"]
    assert arrows(picture) == {("x", "× 2"), ("× 2", "+"), ("b", "+"), ("+", "exp")}


def test_what_has_a_name_or_is_an_output_is_never_folded() -> None:
    b = gc.param("b", np.zeros(4, "f"))
    rows = gc.broadcast_to(b, (3, 4))
    assert titles(picture_of(rows)) == ["b", "broadcast"]
    assert titles(picture_of(gc.exp(gc.broadcast_to(b, (2, 4))))) == ["b", "exp"]
    named = gc.name(gc.broadcast_to(b, (5, 4)), "rows")
    assert titles(picture_of(gc.exp(named))) == ["b", "rows", "exp"]
    assert titles(picture_of(gc.constant(2.0))) == ["2"]


def test_operands_enter_in_order_where_order_matters() -> None:
    x, y = gc.input("x", ()), gc.input("y", ())
    assert [a.side for a in picture_of(x - y).arrows] == ["left", "right"]
    assert [a.side for a in picture_of(gc.where(x > y, y, x)).arrows][-3:] == ["left", "middle", "right"]
    assert {a.side for a in picture_of(x + y).arrows} == {None}
    assert {a.side for a in picture_of(x - 1).arrows} == {None}


def test_one_value_twice_is_two_arrows() -> None:
    x = gc.input("x", ())
    assert len(picture_of(x * x).arrows) == 2


def test_looks() -> None:
    x, w = gc.input("x", (3,)), gc.param("w", np.ones(3, "f"))
    picture = picture_of(gc.exp(x * w * gc.constant(np.array([1.0, 2.0, 3.0], "f"))))
    looks = {b.name or b.title: b.look for b in picture.boxes}
    assert looks["x"] == "input"
    assert looks["w"] == "param"
    assert looks["[1, 2, 3]"] == "constant"
    assert looks["exp"] == "operation"
    assert [b.title for b in picture.boxes if b.is_output] == ["exp"]


def test_tooltips_are_typed_text_and_the_users_line() -> None:
    (_, op) = picture_of(gc.tanh(gc.input("x", (2,)))).boxes
    assert "f32[2] = tanh %0\ntest_graphs.py:" in op.tooltip
    assert "/" not in op.tooltip


def test_a_loss_alone_has_no_phases(mlp) -> None:
    picture = picture_of(mlp.loss)
    assert picture.groups == ()
    assert {b.group for b in picture.boxes} == {None}


def test_forward_and_backward_stand_side_by_side(mlp) -> None:
    picture = picture_of([mlp.loss, *mlp.grads])
    assert [(g.key, g.runs_upwards) for g in picture.groups] == [("forward", False), ("backward", True)]
    assert box(picture, "loss").group == "forward"
    assert box(picture, "x").group == "forward"
    for name in ("W1", "b1", "W2", "b2"):
        gradient = box(picture, f"∂loss/∂{name}")
        assert gradient.group == "backward"
        assert gradient.look == "gradient"
        assert gradient.is_output
    assert ("x", "transpose") in arrows(picture, "reuse")
    assert ("W1", "∂loss/∂W1") in arrows(picture, "tie")
    groups = {b.key: b.group for b in picture.boxes}
    assert all((groups[a.tail] == groups[a.head]) == (a.role == "use") for a in picture.arrows)


def test_gradients_are_named_without_the_loss_among_the_outputs(mlp) -> None:
    assert box(picture_of(mlp.grads), "∂loss/∂b2").is_output


def test_the_gradient_of_an_unnamed_loss() -> None:
    x = gc.input("x", (3,))
    loss = gc.sum(gc.square(x))
    assert box(picture_of([loss, gc.grad(loss, x)]), "∂loss/∂x").look == "gradient"


def test_what_is_made_of_gradients_is_a_phase_of_its_own() -> None:
    w = gc.param("w", np.ones(3, "f"))
    loss = gc.sum(gc.square(w))
    step = 0.1 * gc.grad(loss, w)
    picture = picture_of({"loss": loss, "new": w - step})
    assert [g.key for g in picture.groups] == ["forward", "backward", "after"]
    assert box(picture, "new").group == "after"
    assert box(picture, "w").group == "forward"


def test_state_that_only_updates_use_stands_with_them() -> None:
    w, m = gc.param("w", np.ones(3, "f")), gc.param("m", np.zeros(3, "f"))
    loss = gc.sum(gc.square(w))
    moment = 0.9 * m + gc.grad(loss, w)
    picture = picture_of(Graph((), (loss,), ((m, moment), (w, w - moment))))
    group = {(b.name, b.look): b.group for b in picture.boxes}
    assert group["m", "param"] == "after"
    assert group["m", "update"] == group["w", "update"] == "after"


def test_a_loss_that_updates_use_stays_forward() -> None:
    w = gc.param("w", np.ones(3, "f"))
    loss = gc.name(gc.sum(gc.exp(w) * 2), "loss")
    picture = picture_of(w - loss * gc.grad(loss, w))
    assert box(picture, "loss").group == box(picture, "exp").group == box(picture, "w").group == "forward"


def test_keys_of_a_dict_name_outputs() -> None:
    x = gc.input("x", ())
    picture = picture_of({"e": gc.exp(x), "t": gc.name(gc.tanh(x), "mine")})
    assert titles(picture) == ["x", "e", "mine"]


def test_a_long_chain_is_read_without_recursion() -> None:
    x = gc.input("x", ())
    for _ in range(5000):
        x = gc.tanh(x)
    assert len(picture_of(x).boxes) == 5001
