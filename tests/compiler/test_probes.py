"""gc.probe: values out of the middle of compiled functions."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as gc
from graphc.ir.expr import post_order

DATA = np.array([0.5, 1.5, -1.0], np.float32)


def test_values_out_of_the_middle() -> None:
    x = gc.input("x", ("n",))
    hidden = gc.probe(gc.exp(x), "hidden")
    y = gc.probe(gc.sum(hidden * 2), "total") + 1
    f = gc.compile([x], {"y": y})
    assert f.probes == {}
    for data in (DATA, DATA[:2]):
        found = f(data)
        assert set(found) == {"y"} and set(f.probes) == {"hidden", "total"}
        np.testing.assert_allclose(f.probes["hidden"], np.exp(data), rtol=1e-6)
        np.testing.assert_allclose(f.probes["total"], 2 * np.exp(data).sum(), rtol=1e-6)
        np.testing.assert_allclose(found["y"], f.probes["total"] + 1, rtol=1e-6)


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_probes_change_nothing_else(level: int) -> None:
    x = gc.input("x", (3,))

    def loss(seen: bool) -> gc.Expr:
        h = gc.exp(x) * 1
        return gc.sum(gc.log(gc.probe(h, "h") if seen else h))

    seen, plain = loss(True), loss(False)
    outputs = [(y, gc.grad(y, x), gc.jvp(y, x, DATA)) for y in (seen, plain)]
    f, g = (gc.compile([x], o, optimize=level) for o in outputs)
    for a, b in zip(f(DATA), g(DATA), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(f.probes["h"], np.exp(DATA), rtol=1e-6)
    assert gc.optimize(seen, level=max(level, 1)) is gc.optimize(plain, level=max(level, 1))
    np.testing.assert_array_equal(*gc.interpret((seen, plain), {x: DATA}))


def test_probes_in_updates_out_arrays_and_traced_functions() -> None:
    x, w = gc.input("x", (3,)), gc.param("w", DATA)
    step = gc.compile([x], updates={w: w - gc.probe(x * 0.5, "step")})
    step(DATA)
    np.testing.assert_array_equal(step.probes["step"], DATA / 2)
    np.testing.assert_array_equal(w.value, DATA / 2)

    f = gc.compile([x], gc.probe(x + 1, "inside") * 2)
    into = np.empty(3, np.float32)
    assert f(DATA, out=into) is into
    np.testing.assert_array_equal(f.probes["inside"] * 2, into)

    traced = gc.jit(lambda x: gc.sum(gc.probe(x * x, "squares")))
    traced(DATA)
    traced(2 * DATA)
    np.testing.assert_array_equal(traced.function(DATA).probes["squares"], 4 * DATA * DATA)


def test_probed_batches() -> None:
    xs = gc.input("xs", (2, 3))
    f = gc.compile([xs], gc.vmap(lambda x: gc.sum(gc.probe(x * 2, "twice")))(xs))
    f(np.stack([DATA, DATA]))
    np.testing.assert_array_equal(f.probes["twice"], np.stack([DATA, DATA]) * 2)


def test_a_probe_stays_in_the_graph_of_the_user() -> None:
    x = gc.input("x", (3,))
    y = gc.exp(gc.probe(x, "seen"))
    assert [n.op.name for n in post_order((y,))] == ["input", "probe", "exp"]


def test_what_is_refused() -> None:
    x = gc.input("x", (3,))
    with pytest.raises(gc.GraphError, match="a name is a text"):
        gc.probe(x, "")
    both = gc.probe(x, "same") + gc.probe(x * 2, "same")
    with pytest.raises(gc.GraphError, match=r"(?s)two probes are called 'same'.*test_probes\.py"):
        gc.compile([x], both)
    gc.compile([x], gc.probe(x, "same") + gc.probe(x, "same"))
