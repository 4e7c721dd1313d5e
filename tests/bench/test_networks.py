"""Steps of training small and middling networks."""

from __future__ import annotations

from typing import Any

import numpy as np
from bench.contestants import normal, training
from bench.race import Race

import graphc as gc

GROUP = "training steps"


def test_small_network(compete: Race) -> None:
    sizes = ((8, 16), (16, 16), (16, 1))
    params = [p for m, n in sizes for p in (normal(m, n, scale=0.3), np.zeros(n, np.float32))]

    def loss(xp: Any, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, x: Any, y: Any) -> Any:
        error = xp.tanh(xp.tanh(x @ a + b) @ c + d) @ e + f - y
        return xp.mean(error * error)

    compete("8-16-16-1, batch 32", training(loss, params, [normal(32, 8), normal(32, 1)], 1e-2))


def test_classifier(compete: Race) -> None:
    params = [
        normal(784, 512, scale=0.04),
        np.zeros(512, np.float32),
        normal(512, 10, scale=0.06),
        np.zeros(10, np.float32),
    ]
    labels = np.random.default_rng(0).integers(0, 10, 128)

    def logits(xp: Any, a: Any, b: Any, c: Any, d: Any, x: Any) -> Any:
        return xp.maximum(x @ a + b, xp.zeros_like(b)) @ c + d

    def loss(xp: Any, *operands: Any) -> Any:
        *others, y = operands
        found = _log_softmax(xp, logits(xp, *others))
        return -xp.mean(xp.take_along_axis(found, y[:, None], axis=1))

    def torch_loss(torch: Any, *operands: Any) -> Any:
        *others, y = operands
        return torch.nn.functional.cross_entropy(logits(torch, *others), y)

    sides = training(loss, params, [abs(normal(128, 784)), labels], 1e-3, torch=torch_loss)
    compete("784-512-10, batch 128", sides)


def test_deep_network(compete: Race) -> None:
    depth = 200
    params = [normal(32, 32, scale=0.18, seed=i) for i in range(depth)]

    def loss(xp: Any, *operands: Any) -> Any:
        *weights, h = operands
        for w in weights:
            h = xp.tanh(h @ w)
        return xp.mean(h * h)

    compete("200 layers of 32, batch 16", training(loss, params, [normal(16, 32)], 1e-2))


def _log_softmax(xp: Any, z: Any) -> Any:
    if xp is gc:
        return gc.log_softmax(z, axis=1)
    import jax

    return jax.nn.log_softmax(z, axis=1)
