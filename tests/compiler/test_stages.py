"""The training step of a small perceptron at every stage, as text; and of the large one, how many kernels."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as gc
from graphc import optim


def _step(inputs: int, hidden: int, batch: int) -> gc.Function:
    x, y = gc.input("x", (batch, inputs)), gc.input("y", (batch,), dtype="int64")
    W1 = gc.param("W1", gc.init.glorot_uniform((inputs, hidden), seed=0))
    b1 = gc.param("b1", np.zeros(hidden, "float32"))
    W2 = gc.param("W2", gc.init.glorot_uniform((hidden, 10), seed=1))
    b2 = gc.param("b2", np.zeros(10, "float32"))
    logits = gc.relu(x @ W1 + b1) @ W2 + b2
    picked = gc.take_along_axis(gc.log_softmax(logits, axis=-1), gc.expand_dims(y, axis=1), axis=1)
    loss = -gc.mean(picked)
    return gc.compile([x, y], loss, updates=optim.RMSprop(1e-3).updates(loss, [W1, b1, W2, b2]), threads=1)


@pytest.mark.parametrize("stage", ["graph", "kernels"])
def test_stages_of_a_training_step(stage: str, golden) -> None:  # type: ignore[no-untyped-def]
    golden(stage, "perceptron_step", _step(12, 16, 8).dump(stage))


def test_loops_of_a_training_step(golden, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("GRAPHC_CPU", "x86-64-v3")
    golden("loops", "perceptron_step", _step(12, 16, 8).dump("loops"))


def test_the_step_of_the_first_network_is_at_most_twelve_kernels() -> None:
    report = _step(784, 512, 128).report()
    assert len(report.kernels) <= 12
    assert report.copies == 0
    assert report.arena_bytes < 2_000_000
    assert "one native call" in str(report)


def test_native_texts_can_be_looked_at() -> None:
    step = _step(12, 16, 8)
    assert "define" in step.dump("llvm")
    assert "ret" in step.dump("asm")
    with pytest.raises(gc.GraphError, match="no stage"):
        step.dump("wasm")
