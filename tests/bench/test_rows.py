"""Softmax, cross-entropy and normalization of rows, with their gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
from bench.contestants import forward, normal, with_gradient
from bench.race import Race

import graphc as gc

GROUP = "rows"


def test_softmax(compete: Race) -> None:
    def work(xp: Any, x: Any) -> Any:
        shifted = xp.exp(x - xp.max(x, axis=1, keepdims=True))
        return shifted / xp.sum(shifted, axis=1, keepdims=True)

    sides = forward(work, normal(4096, 1000), torch=lambda torch, x: torch.softmax(x, 1))
    compete("softmax, 4096×1000", sides)


def test_cross_entropy(compete: Race) -> None:
    labels = np.random.default_rng(0).integers(0, 1000, 4096)

    def graphc_loss(xp: Any, x: Any, y: Any) -> Any:
        return -gc.mean(gc.take_along_axis(gc.log_softmax(x, axis=1), y[:, None], axis=1))

    def jax_loss(jnp: Any, x: Any, y: Any) -> Any:
        import jax

        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(x, axis=1), y[:, None], axis=1))

    def torch_loss(torch: Any, x: Any, y: Any) -> Any:
        return torch.nn.functional.cross_entropy(x, y)

    sides = with_gradient(graphc_loss, 1, normal(4096, 1000), labels, jax=jax_loss, torch=torch_loss)
    compete("cross-entropy and gradient, 4096×1000", sides)


def test_layer_norm(compete: Race) -> None:
    def loss(xp: Any, x: Any, gain: Any, offset: Any, weight: Any) -> Any:
        centred = x - xp.mean(x, axis=1, keepdims=True)
        scaled = centred / xp.sqrt(xp.mean(centred * centred, axis=1, keepdims=True) + 1e-5)
        return xp.sum((scaled * gain + offset) * weight)

    def torch_loss(torch: Any, x: Any, gain: Any, offset: Any, weight: Any) -> Any:
        return torch.sum(torch.nn.functional.layer_norm(x, (512,), gain, offset, 1e-5) * weight)

    arrays = normal(4096, 512), normal(512), normal(512, seed=1), normal(4096, 512, seed=1)
    compete("layer norm and gradients, 4096×512", with_gradient(loss, 3, *arrays, torch=torch_loss))
