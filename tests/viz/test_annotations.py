"""What is written on boxes: data and gradients, thumbnails, marks of an error; and the times of kernels."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc.viz.kernels import duration
from graphc.viz.picture import Cell
from graphc.viz.style import HEAT_HIGH, HEAT_INFINITE, HEAT_LOW, HEAT_NAN, blended, readable_on
from graphc.viz.subject import picture_of
from graphc.viz.values import colours, extremes, thumbnail
from graphc.viz.wording import number


def micrograd() -> tuple[gc.Expr, dict[gc.Expr, Any]]:
    a, b, c = (gc.input(n, (), dtype="float64") for n in "abc")
    return gc.name(gc.tanh(gc.name(a * b, "d") + c) * a, "L"), {a: 2.0, b: -3.0, c: 6.5}


def test_data_and_grad_of_scalars() -> None:
    loss, values = micrograd()
    boxes = {b.name: b for b in picture_of(loss, values, gradients=True).boxes if b.name}
    a, b, _ = values
    by_a, by_b = gc.interpret(list(gc.grad(loss, [a, b])), values)
    assert (boxes["a"].value, boxes["a"].gradient) == ("2", number(by_a))
    assert (boxes["b"].value, boxes["b"].gradient) == ("−3", number(by_b))
    assert boxes["L"].gradient == "1"
    source = gc.draw(loss, values, gradients=True).source
    assert '>data 2</FONT><FONT POINT-SIZE="10" COLOR="#5f6b7a"> | </FONT>' in source


def test_tensors_have_gradients_too(mlp) -> None:
    boxes = {b.name: b for b in picture_of(mlp.loss, mlp.arrays, gradients=True).boxes if b.name}
    assert boxes["W1"].gradient and boxes["W1"].thumbnail
    assert boxes["y"].gradient == ""


def test_gradients_need_values_and_a_loss(mlp) -> None:
    with pytest.raises(gc.GraphError, match="needs values="):
        gc.draw(mlp.loss, gradients=True)
    x = gc.input("x", (3,))
    with pytest.raises(gc.GraphError, match="floating point scalar"):
        gc.draw(gc.exp(x), {x: np.ones(3)}, gradients=True)
    with pytest.raises(gc.GraphError, match="compiled function"):
        gc.draw(gc.compile([x], gc.exp(x)), {x: np.ones(3)}, gradients=True)


# Thumbnails ----------------------------------------------------------------------------------------------------


def test_small_matrices_are_tables_of_numbers() -> None:
    assert thumbnail(np.array([[1.0, -0.5], [0.0, 0.25]])) == (
        (Cell(HEAT_HIGH, "1"), Cell(blended(HEAT_LOW, 0.5), "−0.5")),
        (Cell("#ffffff", "0"), Cell(blended(HEAT_HIGH, 0.25), "0.25")),
    )


def test_large_arrays_are_fields_of_colour() -> None:
    drawn = thumbnail(np.arange(5 * 100 * 100.0).reshape(5, 100, 100))
    assert (len(drawn), len(drawn[0])) == (6, 12)
    assert all(cell.text == "" for row in drawn for cell in row)
    assert drawn[-1][-1].fill == HEAT_HIGH


@pytest.mark.parametrize("array", [np.float32(3), np.ones(3), np.zeros((0, 3)), np.ones((4, 4), bool)])
def test_no_thumbnail_where_words_say_it_all(array: Any) -> None:
    assert thumbnail(np.asarray(array)) == ()


def test_nan_and_infinity_have_colours_of_their_own() -> None:
    assert colours(np.array([[np.nan, np.inf, -np.inf, -2.0]])) == [[HEAT_NAN, HEAT_INFINITE, HEAT_INFINITE, HEAT_LOW]]
    assert colours(np.array([[np.nan, 0.0]])) == [[HEAT_NAN, "#ffffff"]]


def test_fields_keep_spikes_and_nan() -> None:
    rows = np.zeros((60, 120))
    rows[59, 0], rows[0, 119] = -9, np.nan
    fields = extremes(rows, 6, 12)
    assert fields.shape == (6, 12)
    assert fields[5, 0] == -9
    assert np.isnan(fields[0, 11])
    assert np.count_nonzero(fields) == 2


def test_nan_is_written_and_drawn() -> None:
    x = gc.input("x", (3, 3))
    source = gc.draw(gc.log(x), {x: [[np.nan, 1, 2], [3, 4, 5], [6, 7, 8]]}).source
    assert "1 nan; 1 … 8" in source
    assert f'BGCOLOR="{HEAT_NAN}"' in source


def test_colours_run_from_white_to_the_end_of_the_scale() -> None:
    assert (blended(HEAT_HIGH, 0), blended(HEAT_HIGH, 1)) == ("#ffffff", HEAT_HIGH)
    assert readable_on("#ffffff") != readable_on(HEAT_INFINITE) == "#ffffff"


# Kernels -------------------------------------------------------------------------------------------------------


def test_kernels_in_the_colour_of_their_time(compiled) -> None:
    seconds = {"k0_matmul_relu": 3e-6, "k1_sum": 1e-6, "elsewhere": 5.0}
    picture = picture_of(compiled, profile=seconds)
    assert [(g.caption, g.share) for g in picture.groups] == [
        ("k0_matmul_relu · contract · 3 µs, 75%", 0.75),
        ("k1_sum · reduce · 1 µs, 25%", 0.25),
        ("k2_subtract · map", None),
    ]
    assert "the warmer a kernel" in gc.draw(compiled, profile=seconds).source


def test_a_profile_of_a_real_call() -> None:
    x = gc.input("x", (64, 64))
    f = gc.compile([x], gc.sum(gc.exp(x @ x)))
    groups = picture_of(f, profile=f.profile(np.ones((64, 64), "f") / 64, calls=3)).groups
    assert sum(g.share or 0 for g in groups) == pytest.approx(1)


@pytest.mark.parametrize("profile", [3, "fast", {"k": "slow"}, {"k": -1.0}])
def test_other_profiles_are_refused(compiled, profile: Any) -> None:
    with pytest.raises(gc.GraphError, match="profile= takes"):
        gc.draw(compiled, profile=profile)


def test_what_only_compiled_functions_have() -> None:
    x = gc.input("x", ("n",))
    with pytest.raises(gc.GraphError, match="a profile is shown on a compiled function"):
        gc.draw(gc.exp(x), profile={})
    with pytest.raises(gc.GraphError, match=r"a size \(n=...\) is shown on a compiled function"):
        gc.draw(gc.exp(x), n=3)


def test_sizes_of_a_function_that_was_not_called() -> None:
    x = gc.input("x", ("n", 2))
    f = gc.compile([x], gc.exp(x))
    assert "7×2" in f.draw(n=7).source
    with pytest.raises(gc.GraphError, match="no named dimension 'rows'; it has n"):
        f.draw(rows=7)


def test_compiled_derivatives_are_gradients() -> None:
    x, w = gc.input("x", (3, 3)), gc.param("w", np.eye(3, dtype="f"))
    loss = gc.sum(gc.square(x @ w))
    step = gc.compile([x], loss, updates={w: w - gc.grad(loss, w)})
    looks = {b.title: b.look for b in picture_of(step).boxes if b.title}
    assert looks["transpose"] == "gradient"
    assert looks["−"] == "operation"


@pytest.mark.parametrize(("seconds", "text"), [(0.0, "0 µs"), (1.234e-6, "1.23 µs"), (0.0375, "37.5 ms"), (2.0, "2 s")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


# Errors --------------------------------------------------------------------------------------------------------


def mismatch() -> gc.ShapeError:
    x, w = gc.input("x", ("batch", 8)), gc.param("W", np.zeros((4, 3), "f"))
    with pytest.raises(gc.ShapeError) as refusal:
        gc.name(gc.relu(x), "h") @ w
    return refusal.value


def test_an_error_is_drawn_with_the_operands_marked() -> None:
    picture = picture_of(mismatch())
    marked = {b.name or b.title: b.mark for b in picture.boxes if b.mark}
    assert marked == {"h": "first", "W": "second", "matmul": "does not fit"}
    assert [a.tail for a in picture.arrows if a.head == "failed"] == [
        b.key for b in picture.boxes if b.name in ("h", "W")
    ]
    assert picture.notes[-1].startswith("ShapeError: matmul: ")
    assert "<svg" in gc.draw(mismatch()).svg().decode()


def test_errors_hold_what_they_describe_and_travel_without_it() -> None:
    error = mismatch()
    assert {role: e.name for role, e in error.operands.items()} == {"first": "h", "second": "W"}
    copy = pickle.loads(pickle.dumps(error))
    assert str(copy) == str(error)
    assert dict(copy.operands) == {}
    assert dict(gc.ShapeError("another").operands) == {}


def test_other_errors_are_no_pictures() -> None:
    with pytest.raises(gc.GraphError, match="ValueError is not about expressions: no"):
        gc.draw(ValueError("no"))
