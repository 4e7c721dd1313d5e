"""The same work for graphc and each peer that is installed, from one description.

`work(xp, *arrays)` is written with names that NumPy, JAX, PyTorch and graphc share. Where a framework has a function of
its own for something, the work in its words is given by the framework's name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from bench.race import Call, peer

import graphc as gc

Work = Callable[..., Any]
Array = np.ndarray[Any, Any]


def normal(*shape: int, scale: float = 1.0, dtype: str = "float32", seed: int = 0) -> Array:
    """Normally distributed numbers, the same ones every time."""
    return (np.random.default_rng(seed + len(shape)).standard_normal(shape) * scale).astype(dtype)


def inputs_like(arrays: Sequence[Array]) -> list[gc.Expr]:
    """An input for each array."""
    return [gc.input(f"x{i}", a.shape, dtype=a.dtype.name) for i, a in enumerate(arrays)]


def forward(work: Work, *arrays: Array, without: Sequence[str] = (), **own: Work) -> dict[str, Call]:
    """Sides that compute `work` once; `own` has it in a framework's own words, `without` leaves some out."""
    inputs = inputs_like(arrays)
    compiled = gc.compile(inputs, own.get("graphc", work)(gc, *inputs))
    sides: dict[str, Call] = {"graphc": lambda: compiled(*arrays)}
    if "numpy" not in without:
        sides["numpy"] = lambda: own.get("numpy", work)(np, *arrays)
    if "torch" not in without and (torch := peer("torch")):
        tensors = [torch.from_numpy(a) for a in arrays]
        sides["torch"] = lambda: own.get("torch", work)(torch, *tensors)
    if "jax" not in without and (jax := peer("jax")):
        on_device = [jax.numpy.asarray(a) for a in arrays]
        jitted = jax.jit(lambda *xs: own.get("jax", work)(jax.numpy, *xs))
        sides["jax"] = lambda: jax.block_until_ready(jitted(*on_device))
    return sides


def with_gradient(loss: Work, wrt: int, *arrays: Array, **own: Work) -> dict[str, Call]:
    """Sides that compute a loss and its gradient by the first `wrt` arrays."""
    inputs = inputs_like(arrays)
    value = own.get("graphc", loss)(gc, *inputs)
    compiled = gc.compile(inputs, [value, *gc.grad(value, inputs[:wrt])])
    sides: dict[str, Call] = {"graphc": lambda: compiled(*arrays)}
    if torch := peer("torch"):
        tensors = [torch.from_numpy(a).requires_grad_(i < wrt) for i, a in enumerate(arrays)]

        def backward() -> Any:
            found = own.get("torch", loss)(torch, *tensors)
            return [found, *torch.autograd.grad(found, tensors[:wrt])]

        sides["torch"] = backward
    if jax := peer("jax"):
        on_device = [jax.numpy.asarray(a) for a in arrays]
        jitted = jax.jit(
            jax.value_and_grad(lambda *xs: own.get("jax", loss)(jax.numpy, *xs), argnums=tuple(range(wrt)))
        )

        def step() -> Any:
            found, gradients = jax.block_until_ready(jitted(*on_device))
            return [found, *gradients]

        sides["jax"] = step
    return sides


def training(loss: Work, params: Sequence[Array], arrays: Sequence[Array], rate: float, **own: Work) -> dict[str, Call]:
    """Sides that do a step of gradient descent on the params, and hand out the loss before it."""
    held = [gc.param(f"p{i}", p) for i, p in enumerate(params)]
    inputs = inputs_like(arrays)
    value = own.get("graphc", loss)(gc, *held, *inputs)
    updates = {p: p - rate * g for p, g in zip(held, gc.grad(value, held), strict=True)}
    compiled = gc.compile(inputs, value, updates)
    sides: dict[str, Call] = {"graphc": lambda: compiled(*arrays)}
    if torch := peer("torch"):
        tensors = [torch.from_numpy(p.copy()).requires_grad_() for p in params]
        optimizer = torch.optim.SGD(tensors, lr=rate)
        data = [torch.from_numpy(a) for a in arrays]

        def descend() -> Any:
            optimizer.zero_grad(set_to_none=True)
            found = own.get("torch", loss)(torch, *tensors, *data)
            found.backward()
            optimizer.step()
            return found.detach()

        sides["torch"] = descend
    if jax := peer("jax"):
        on_device = [jax.numpy.asarray(a) for a in arrays]

        def one(state: Any, *xs: Any) -> Any:
            found, gradients = jax.value_and_grad(lambda p: own.get("jax", loss)(jax.numpy, *p, *xs))(state)
            return found, [p - rate * g for p, g in zip(state, gradients, strict=True)]

        jitted = jax.jit(one, donate_argnums=0)
        state = [jax.numpy.array(p) for p in params]

        def step() -> Any:
            found, state[:] = jitted(state, *on_device)
            return jax.block_until_ready(found)

        sides["jax"] = step
    return sides
