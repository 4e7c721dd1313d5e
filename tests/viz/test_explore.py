"""The explorer's page: what it tells, that nothing gets out of its place, and a walk through it in a browser."""

from __future__ import annotations

import html
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from viz import networks
from viz.browser import dom, needs_chromium, walk

import graphc as gc
from graphc.ir.expr import post_order
from graphc.viz import explore_story
from graphc.viz.explore_story import shown
from graphc.viz.explore_svg import bare_svg

NASTY = '</script><script>document.title="broken"</script><!--<b onclick=alert(1)>"\'&'


@pytest.fixture
def small() -> tuple[gc.Expr, dict[gc.Expr, Any]]:
    """loss = mean((tanh(x @ W) - y)²)"""
    x, y = gc.input("x", ("batch", 3)), gc.input("y", ("batch", 2))
    W = gc.param("W", np.linspace(-1, 1, 6, dtype="f").reshape(3, 2))
    with gc.scope("hidden"):
        h = gc.name(gc.tanh(x @ W), "h")
    loss = gc.name(gc.mean((h - y) ** 2), "loss")
    return loss, {x: np.arange(12.0).reshape(4, 3) / 10, y: np.ones((4, 2))}


def data_of(page: str) -> dict[str, Any]:
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(found)


def test_what_it_tells(small) -> None:
    loss, values = small
    data = data_of(gc.explore(loss, values).html())
    assert data["title"] == "loss"
    assert [s["name"] for s in data["stages"]][:2] == ["as built", "canonicalize"]
    assert data["stages"][-1]["name"] == "kernels"
    nodes = {n["name"]: n for n in data["nodes"] if n["name"]}
    assert nodes["h"]["title"] == "tanh" and nodes["h"]["scope"] == "hidden"
    assert nodes["h"]["code"] == 'h = gc.name(gc.tanh(x @ W), "h")'
    assert nodes["loss"]["value"]["text"] == f"{float(gc.interpret(loss, values)):.4g}"
    assert nodes["loss"]["gradient"] == {"text": "1"}
    assert nodes["∂loss/∂W"]["derived"]
    assert nodes["W"]["gradient"] == shown(gc.interpret(gc.grad(loss, param_of(loss)), values))


def param_of(loss: gc.Expr) -> gc.Expr:
    return next(n for n in post_order((loss,)) if n.op.name == "param")


def test_the_walk_goes_through_the_derivation(small) -> None:
    loss, values = small
    data = data_of(gc.explore(loss, values).html())
    forward = [data["nodes"][i]["title"] for i in data["forward"]]
    assert forward[:2] == ["matmul", "tanh"]
    assert not any(data["nodes"][i]["derived"] for i in data["forward"])
    (by_W,) = data["derivations"]
    steps = gc.derive(loss, param_of(loss)).steps
    assert by_W["by"] == "W"
    told = [data["steps"][i] for i in by_W["steps"]]
    assert [data["texts"][s["html"]] for s in told] == [s.html for s in steps]
    assert data["nodes"][told[-1]["to"]]["name"] == "W"
    made = [data["nodes"][i]["name"] for i in told[-1]["made"]]
    assert made == ["∂loss/∂W"]


def test_nodes_lead_to_kernels_and_kernels_to_nodes(small) -> None:
    loss, values = small
    data = data_of(gc.explore(loss, values).html())
    by_name = {n["name"]: i for i, n in enumerate(data["nodes"]) if n["name"]}
    kernels = [k for k in data["kernels"] if by_name["h"] in k["nodes"]]
    assert kernels
    assert "tanh" in data["texts"][kernels[0]["loops"]]
    assert "ret" in data["texts"][kernels[0]["assembly"]]
    assert any(by_name["W"] in k["nodes"] for k in data["kernels"])
    boxes = data["stages"][-1]["boxes"].values()
    assert any(by_name["h"] in b["nodes"] and data["kernels"][b["kernel"]] in kernels for b in boxes if "kernel" in b)


def test_every_box_of_every_stage_is_in_its_drawing(small) -> None:
    for stage in data_of(gc.explore(*small).html())["stages"]:
        keys = re.findall(r'<g class="node">\s*<title>(\w+)</title>', stage["svg"])
        assert sorted(keys) == sorted(stage["boxes"])


def test_a_compiled_step(small) -> None:
    loss, values = small
    W = param_of(loss)
    step = gc.compile(list(values), loss, updates={W: W - gc.grad(loss, W)}, name="step")
    before = data_of(gc.explore(step).html())
    assert before["kernels"] == [] and "batch=32" in before["note"]
    assert [d["by"] for d in before["derivations"]] == ["W"]
    sized = data_of(gc.explore(step, batch=4).html())
    assert sized["kernels"] and sized["note"] == ""
    assert [k["name"] for k in sized["kernels"]] == [k.name for k in step.kernels]
    assert all("value" not in n for n in sized["nodes"])
    told = data_of(gc.explore(step, values).html())
    assert all("value" in n for n in told["nodes"])


def test_something_without_a_derivative() -> None:
    x = gc.input("x", (3,), dtype="int64")
    data = data_of(gc.explore(gc.sort(x) + 1, {x: [3, 1, 2]}).html())
    assert data["derivations"] == []
    assert [n["value"]["text"] for n in data["nodes"]][-1] == "[2, 3, 4]"


def test_nan_is_shown_as_such() -> None:
    told = shown(np.array([[np.nan, -2.0], [np.inf, 1.0]]))
    assert told["heat"] == ["?z", "ZM"]
    assert told["text"].startswith("1 nan; 1 ∞")
    assert shown(np.zeros((2, 3)))["heat"] == ["000", "000"]
    assert shown(np.float32(np.nan)) == {"text": "nan"}


def test_large_arrays_keep_their_extremes() -> None:
    array = np.zeros((200, 300))
    array[123, 45] = -7
    told = shown(array)
    assert (len(told["heat"]), len(told["heat"][0])) == (12, 18)
    assert sorted({letter for row in told["heat"] for letter in row}) == ["0", "z"]


def test_what_nobody_would_read_is_left_out(small, monkeypatch: pytest.MonkeyPatch) -> None:
    loss, values = small
    full = data_of(gc.explore(loss, values).html())
    monkeypatch.setattr(explore_story, "_MOST_CODE_IN_ALL", 1)
    monkeypatch.setattr(explore_story, "_MOST_DERIVED", 3)
    short = data_of(gc.explore(loss, values).html())
    assert full["derivations"] and not short["derivations"]
    codes = [short["texts"][k[part]] for k in short["kernels"] for part in ("loops", "assembly")]
    assert "left out" not in codes[0] and all("left out" in code for code in codes[1:])


def test_names_cannot_get_out_of_their_place(tmp_path: Path) -> None:
    x = gc.input(NASTY, (2,))
    with gc.scope(NASTY):
        loss = gc.name(gc.sum(gc.exp(x)), NASTY)
    page = gc.explore(loss, {x: [1.0, 2.0]}).html()
    assert NASTY not in page
    assert page.count("</script") == 2 and "<!--" not in page
    assert f"<title>{html.escape(NASTY)}</title>" in page
    assert NASTY in {n["name"] for n in data_of(page)["nodes"]}


@pytest.mark.parametrize("name", ["page.png", "page", ".html", "page.html.gz"])
def test_unknown_endings_are_refused(small, tmp_path: Path, name: str) -> None:
    with pytest.raises(gc.GraphError, match=r"should be one of \.html, \.htm"):
        gc.explore(small[0]).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_bad_input(small) -> None:
    loss, values = small
    x, _ = values
    with pytest.raises(gc.GraphError, match="explore: only expressions"):
        gc.explore(3)
    with pytest.raises(gc.GraphError, match="no value is given for 'y'"):
        gc.explore(loss, {x: values[x]})
    with pytest.raises(gc.GraphError, match="no named dimension 'rows'"):
        gc.explore(loss, rows=3)


def test_notebooks_get_a_frame_of_its_own(small) -> None:
    shown_there = gc.explore(small[0])._repr_html_()
    assert shown_there.startswith('<iframe sandbox="allow-scripts"')
    assert shown_there.count("<") == 2


def test_the_page_loads_nothing(small) -> None:
    page = gc.explore(*small).html()
    assert "default-src 'none'" in page
    outside = set(re.findall(r"https?://[^\"'\s<\\]+", page))
    assert outside <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
        "http://www.w3.org/1998/Math/MathML",
    }


def test_bare_svg_keeps_the_drawing() -> None:
    drawn = gc.draw(gc.exp(gc.input("x 1.00", ()))).svg().decode()
    bare = bare_svg(drawn)
    assert bare.startswith("<svg") and bare.endswith("</svg>")
    assert "x 1.00</text>" in bare and ">exp</text>" in bare
    assert len(bare) < len(drawn)


# In a browser --------------------------------------------------------------------------------------------------

WALK = """
  const press = (key) => document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  const text = (id) => document.getElementById(id).textContent;
  const seen = { start: text("progress"), forward: [], backward: [], stages: [], problems: [] };
  const total = parseInt(seen.start);
  for (let i = 0; i < total; i++) {
    press("ArrowRight");
    const isForward = text("progress").startsWith("forward");
    (isForward ? seen.forward : seen.backward).push(text("step"));
    if (!document.querySelector("#graph .is-current")) seen.problems.push(`nothing is current at step ${i + 1}`);
    if (!document.querySelector("#node .title")) seen.problems.push(`no node at step ${i + 1}`);
  }
  seen.math = document.querySelectorAll("#step math").length;
  seen.end = [text("progress"), document.getElementById("next").disabled];
  for (let i = 0; i < total; i++) press("ArrowLeft");
  seen.again = text("progress");
  for (let i = 0; i < data.stages.length; i++) {
    seen.stages.push([text("stage-name"), document.querySelectorAll("#graph g.node[tabindex]").length]);
    press("]");
  }
  const [kernelBox] = [...document.querySelectorAll("#graph g.node")].filter((g) => /tanh/.test(g.textContent));
  kernelBox.dispatchEvent(new MouseEvent("click", { bubbles: true }));
  seen.clicked = [text("kernel"), text("node")];
  kernelBox.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
  seen.entered = text("kernel");
  const button = document.querySelector("#kernels button");
  if (button.getAttribute("aria-pressed") === "true") button.click();
  document.querySelector("#kernels button").click();
  seen.related = document.querySelectorAll("#graph .is-related").length;
  const before = document.querySelector("#graph svg").getAttribute("viewBox");
  press("+");
  seen.zoomed = document.querySelector("#graph svg").getAttribute("viewBox") !== before;
  return seen;
"""


@needs_chromium
@pytest.mark.parametrize("network", [networks.digits, networks.transformer_block])
def test_a_walk_forward_and_backward(network: Callable[[], networks.Network], tmp_path: Path) -> None:
    loss, values = network()
    page = gc.explore(loss, values).save(tmp_path / "page.html")
    assert page.stat().st_size < 3e6
    seen, console = walk(page, WALK, tmp_path)
    data = data_of(page.read_text(encoding="utf-8"))
    params = [n for n in post_order((loss,)) if n.op.name == "param"]
    assert [d["by"] for d in data["derivations"]] == [p.name for p in params]
    assert console == []
    assert not isinstance(seen, str), seen
    assert seen["problems"] == []
    assert len(seen["forward"]) == len(data["forward"])
    assert len(seen["backward"]) == len(data["derivations"][0]["steps"])
    assert seen["math"] > 0
    steps = len(data["forward"]) + len(data["derivations"][0]["steps"])
    assert seen["start"] == seen["again"] == f"{steps} steps"
    backward = len(seen["backward"])
    assert seen["end"] == [f"backward {backward} / {backward}", True]
    assert [name for name, _ in seen["stages"]] == [s["name"] for s in data["stages"]]
    assert [count for _, count in seen["stages"]] == [len(s["boxes"]) for s in data["stages"]]
    kernel, node = seen["clicked"]
    assert "tanh" in kernel and "assembly" in kernel
    assert "gc.tanh(_dense(" in node
    assert seen["entered"] == kernel
    assert seen["related"] > 0
    assert seen["zoomed"]


@needs_chromium
def test_the_page_runs_under_its_own_policy_and_nothing_else_does(tmp_path: Path) -> None:
    x = gc.input(NASTY, (2,))
    page = gc.explore(gc.name(gc.sum(gc.exp(x)), NASTY), {x: [1.0, np.nan]}).save(tmp_path / "page.html")
    began = time.perf_counter()
    shown_there, console = dom(page, tmp_path / "profile")
    # Three seconds on an idle machine; the suite's machine may be busy.
    assert time.perf_counter() - began < 15
    assert console == []
    assert '<g class="node' in shown_there
    assert f"<title>{html.escape(NASTY, quote=False)}</title>" in shown_there
    assert 'aria-label="exp' in shown_there
