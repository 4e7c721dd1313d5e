"""Time to build and compile from nothing: no cache on disk, nothing kept from before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bench.contestants import Array, inputs_like, normal
from bench.race import Call, Race, peer

import graphc as gc

GROUP = "build and compile"


def _sides(loss: Callable[..., Any], arrays: Sequence[Array]) -> dict[str, Call]:
    def ours() -> Any:
        inputs = inputs_like(arrays)
        value = loss(gc, *inputs)
        return gc.compile(inputs, [value, *gc.grad(value, inputs)])

    sides: dict[str, Call] = {"graphc": ours}
    if jax := peer("jax"):

        def theirs() -> Any:
            jax.clear_caches()
            # A function of its own each time, for JAX keeps what it traced.
            traced = jax.value_and_grad(lambda *xs: loss(jax.numpy, *xs), argnums=tuple(range(len(arrays))))
            return jax.jit(traced).lower(*arrays).compile()

        sides["jax"] = theirs
    return sides


def test_one_operation(compete: Race) -> None:
    compete("sum(x·x)", _sides(lambda xp, x: xp.sum(x * x), [normal(1000)]), tolerance=None)


def test_network(compete: Race) -> None:
    def loss(xp: Any, a: Any, b: Any, c: Any, x: Any) -> Any:
        return xp.mean(xp.tanh(xp.tanh(x @ a) @ b) @ c)

    arrays = [normal(64, 128), normal(128, 128), normal(128, 1), normal(32, 64)]
    compete("three layers and gradients", _sides(loss, arrays), tolerance=None)


def test_deep_network(compete: Race) -> None:
    def loss(xp: Any, h: Any, *weights: Any) -> Any:
        for w in weights:
            h = xp.tanh(h @ w)
        return xp.mean(h)

    weights = [normal(32, 32, seed=i) for i in range(50)]
    compete("50 layers and gradients", _sides(loss, [normal(16, 32), *weights]), tolerance=None)


def test_sizes_of_a_batch(compete: Race) -> None:
    """Compiled, and called with ten sizes of the leading axis."""
    w, batches = normal(64, 32), [normal(n, 64) for n in range(40, 30, -1)]

    def loss(xp: Any, x: Any, w: Any) -> Any:
        return xp.mean(xp.tanh(x @ w))

    def ours() -> Any:
        x, v = gc.input("x", ("batch", 64)), gc.input("w", w.shape)
        value = loss(gc, x, v)
        f = gc.compile([x, v], [value, gc.grad(value, v)])
        return [f(batch, w) for batch in batches]

    sides: dict[str, Call] = {"graphc": ours}
    if jax := peer("jax"):

        def theirs() -> Any:
            jax.clear_caches()
            f = jax.jit(jax.value_and_grad(lambda v, x: loss(jax.numpy, x, v)))
            return [f(w, batch) for batch in batches]

        sides["jax"] = theirs
    compete("ten sizes of a batch", sides, tolerance=None)
