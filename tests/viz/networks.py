"""Networks of a size that people look at: real digits through a perceptron, and one block of a transformer."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.datasets import load_digits

import graphc as gc

Network = tuple[gc.Expr, dict[gc.Expr, Any]]
"""A loss, and values for its inputs."""


def digits() -> Network:
    """64-512-10 with tanh units on the first 32 of scikit-learn's digits."""
    images, labels = load_digits(return_X_y=True)
    x, y = gc.input("x", ("batch", 64)), gc.input("y", ("batch",), dtype="int64")
    hidden = gc.tanh(_dense(x, 512, "1"))
    picked = gc.take_along_axis(gc.log_softmax(_dense(hidden, 10, "2")), gc.expand_dims(y, axis=1), axis=1)
    return gc.name(-gc.mean(picked), "loss"), {x: images[:32] / 16, y: labels[:32]}


def transformer_block(batch: int = 2, length: int = 8, width: int = 16) -> Network:
    """x + attention(norm(x)), then the same with two dense layers, against a target."""
    x, y = gc.input("x", (batch, length, width)), gc.input("y", (batch, length, width))
    with gc.scope("block"):
        inner = x + _attention(_norm(x, "1"), heads=4)
        with gc.scope("dense"):
            outer = inner + _dense(gc.tanh(_dense(_norm(inner, "2"), 4 * width, "up")), width, "down")
    rng = np.random.default_rng(0)
    return gc.name(gc.mean((outer - y) ** 2), "loss"), {e: rng.normal(size=e.shape) for e in (x, y)}


def _dense(x: gc.Expr, width: int, name: str) -> gc.Expr:
    W = gc.param(f"W{name}", gc.init.glorot_uniform((x.shape[-1], width), seed=0))
    return x @ W + gc.param(f"b{name}", np.zeros(width, "f"))


def _norm(x: gc.Expr, name: str) -> gc.Expr:
    gain = gc.param(f"gamma{name}", np.ones(x.shape[-1], "f"))
    with gc.scope(f"norm{name}"):
        centered = x - gc.mean(x, axis=-1, keepdims=True)
        return centered / gc.sqrt(gc.mean(centered**2, axis=-1, keepdims=True) + 1e-5) * gain


def _attention(x: gc.Expr, heads: int) -> gc.Expr:
    batch, length, width = x.shape

    def split(projected: gc.Expr) -> gc.Expr:
        return gc.permute_dims(gc.reshape(projected, (batch, length, heads, -1)), (0, 2, 1, 3))

    with gc.scope("attention"):
        Q, K, V = (split(_dense(x, width, name)) for name in "QKV")
        weights = gc.softmax(Q @ gc.matrix_transpose(K) / (width / heads) ** 0.5)
        return _dense(gc.reshape(gc.permute_dims(weights @ V, (0, 2, 1, 3)), x.shape), width, "O")
