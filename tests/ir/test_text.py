from __future__ import annotations

from collections.abc import Callable

import numpy as np

import graphc as gc
from graphc.ir.graph import Graph
from graphc.ir.text import dump

Golden = Callable[[str, str, str], None]


def test_an_mlp_with_its_gradients_and_updates(golden: Golden) -> None:
    x, y = gc.input("x", ("batch", 784)), gc.input("y", ("batch",), dtype="int64")
    W1, b1 = gc.param("W1", np.zeros((784, 512), "float32")), gc.param("b1", np.zeros(512, "float32"))
    W2, b2 = gc.param("W2", np.zeros((512, 10), "float32")), gc.param("b2", np.zeros(10, "float32"))
    h = gc.name(gc.relu(x @ W1 + b1), "h")
    logits = gc.name(h @ W2 + b2, "logits")
    picked = gc.take_along_axis(gc.log_softmax(logits), gc.expand_dims(y, axis=1), axis=1)
    loss = gc.name(-gc.mean(picked), "loss")
    params = [W1, b1, W2, b2]
    updates = [(p, p - 0.1 * g) for p, g in zip(params, gc.grad(loss, params), strict=True)]
    golden("graph", "mlp", dump(Graph((x, y), (loss,), tuple(updates))))


def test_attributes_constants_and_names(golden: Golden) -> None:
    x = gc.input("x", (3, "n"), dtype="float64")
    weights = gc.constant(np.arange(3.0))
    parts = [x[::-1, 1:], gc.one_hot(gc.argmax(x, axis=0), 3), gc.where(x > 0, x, -0.0), gc.sum(weights), x.T]
    golden("graph", "attributes", gc.dump(parts))


def test_sources_are_printed_on_demand() -> None:
    x = gc.input("x", ())
    assert "test_text.py:" in dump(x, sources=True)
    assert "test_text.py:" not in dump(x)
