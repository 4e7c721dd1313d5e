"""Transformations against jax, where it is installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gc

pytestmark = pytest.mark.peers
jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")

RNG = np.random.default_rng(3)
W, X = RNG.normal(size=(3, 4)), RNG.normal(size=(5, 3))

Map = Callable[..., Any]


@pytest.fixture(autouse=True)
def _float64() -> Any:
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


def network(np_: Any, w: Any, x: Any) -> Any:
    return np_.tanh(x @ w) * np_.exp(-np_.sum(x * x))


def loss(np_: Any, w: Any, x: Any) -> Any:
    h = network(np_, w, x)
    return np_.log(np_.sum(np_.exp(h))) + np_.sum(h * h) / 3


def ours(transformed: Callable[..., Any], *arrays: Any) -> Any:
    inputs = [gc.input(f"x{i}", a.shape, "float64") for i, a in enumerate(arrays)]
    return gc.compile(inputs, transformed(*inputs))(*arrays)


def same(found: Any, expected: Any) -> None:
    mine, theirs = jax.tree.leaves(found), jax.tree.leaves(expected)
    assert jax.tree.structure(found) == jax.tree.structure(jax.tree.map(np.asarray, expected))
    for a, b in zip(mine, theirs, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def test_jacobians() -> None:
    expected = jax.jacobian(lambda w, x: network(jnp, w, x), argnums=(0, 1))(W, X[0])
    same(ours(lambda w, x: gc.jacobian(network(gc, w, x), (w, x)), W, X[0]), expected)


def test_hessians_of_structures() -> None:
    def of(np_: Any) -> Map:
        return lambda p: loss(np_, p["w"], p["x"])

    expected = jax.hessian(of(jnp))({"w": W, "x": X[0]})
    same(ours(lambda w, x: gc.hessian(of(gc)({"w": w, "x": x}), {"w": w, "x": x}), W, X[0]), expected)


def test_hessian_vector_products() -> None:
    v = RNG.normal(size=W.shape)
    expected = jax.jvp(jax.grad(lambda w: loss(jnp, w, X[0])), (W,), (v,))[1]
    same(ours(lambda w, v: gc.hvp(loss(gc, w, gc.constant(X[0])), w, v), W, v), expected)


def test_batches_of_gradients_and_gradients_of_batches() -> None:
    each = jax.vmap(jax.grad(lambda w, x: loss(jnp, w, x)), in_axes=(None, 0))(W, X)
    same(ours(gc.vmap(lambda w, x: gc.grad(loss(gc, w, x), w), in_axes=(None, 0)), W, X), each)
    total = jax.grad(lambda w: jax.vmap(lambda x: loss(jnp, w, x))(X).sum())(W)
    same(ours(lambda w, xs: gc.grad(gc.sum(gc.vmap(lambda x: loss(gc, w, x))(xs)), w), W, X), total)


@pytest.mark.parametrize("axes", [(0, 0, 0), (1, None, 0), (None, 1, 1), (-1, 0, -1)])
def test_axes(axes: tuple[Any, Any, Any]) -> None:
    a, b = RNG.normal(size=(4, 4, 4)), RNG.normal(size=(4, 4))
    first, second, out = axes
    expected = jax.vmap(lambda a, b: a @ b, in_axes=(first, second), out_axes=out)(a, b)
    same(ours(gc.vmap(lambda a, b: a @ b, in_axes=(first, second), out_axes=out), a, b), expected)


def test_own_derivatives() -> None:
    def of(decorator: Any, np_: Any) -> Any:
        @decorator
        def f(x: Any, y: Any) -> Any:
            return np_.exp(x) * y

        f.defvjp(lambda x, y: (np_.exp(x) * y, (x, y)), lambda saved, g: (saved[1] * g * 3, np_.exp(saved[0]) * g))
        return f

    mine, theirs = of(gc.custom_vjp, gc), of(jax.custom_vjp, jnp)
    expected = jax.vmap(jax.grad(lambda x, y: theirs(x, y).sum(), argnums=(0, 1)))(X, X + 1)
    same(ours(gc.vmap(lambda x, y: gc.grad(gc.sum(mine(x, y)), (x, y))), X, X + 1), expected)


def test_traced_functions() -> None:
    def step(np_: Any, grad: Any) -> Map:
        def run(p: Any, x: Any, rate: Any) -> Any:
            return {k: v - rate * g for (k, v), g in zip(sorted(p.items()), grad(p, x), strict=True)}

        return run

    def of_graph(p: Any, x: Any) -> Any:
        return [gc.grad(loss(gc, p["w"] * p["s"], x), p)[k] for k in ("s", "w")]

    def of_jax(p: Any, x: Any) -> Any:
        g = jax.grad(lambda p: loss(jnp, p["w"] * p["s"], x))(p)
        return [g[k] for k in ("s", "w")]

    params = {"w": W, "s": np.float32(0.7)}
    expected = jax.jit(step(jnp, of_jax))(params, X[1], 0.1)
    found = gc.jit(step(gc, of_graph))(params, X[1], 0.1)
    assert {k: v.dtype for k, v in found.items()} == {k: v.dtype for k, v in expected.items()}
    for k in found:
        np.testing.assert_allclose(found[k], expected[k], rtol=1e-6)
