"""The graphs that pictures are tested with."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

import graphc as gc
from graphc.ir.graph import Graph
from graphc.ir.source import no_sources
from graphc.ops.guard import Condition


@dataclass
class FakeKernel:
    """As much of a kernel as a drawing looks at."""

    name: str
    kind: str
    nodes: tuple[gc.Expr, ...]
    inputs: tuple[gc.Expr, ...]
    outputs: tuple[gc.Expr, ...]
    guard: tuple[Condition, ...] = ()


@dataclass
class FakeFunction:
    """As much of a compiled function as a drawing looks at."""

    graph: Graph
    kernels: list[FakeKernel] = field(default_factory=list)


@dataclass
class Mlp:
    """A two-layer perceptron, its loss and gradients."""

    inputs: tuple[gc.Expr, gc.Expr]
    params: tuple[gc.Expr, ...]
    loss: gc.Expr
    grads: list[gc.Expr]

    @property
    def arrays(self) -> dict[gc.Expr, np.ndarray]:
        """Something to feed it."""
        x, y = self.inputs
        return {x: np.linspace(-1, 1, 5 * 8, dtype="float32").reshape(5, 8), y: np.array([0, 1, 2, 1, 0])}


@pytest.fixture
def mlp() -> Mlp:
    rng = np.random.default_rng(0)
    with no_sources():
        x, y = gc.input("x", ("batch", 8)), gc.input("y", ("batch",), dtype="int64")
        w1, b1 = gc.param("W1", rng.normal(size=(8, 4)).astype("f")), gc.param("b1", np.zeros(4, "f"))
        w2, b2 = gc.param("W2", rng.normal(size=(4, 3)).astype("f")), gc.param("b2", np.zeros(3, "f"))
        h = gc.name(gc.relu(x @ w1 + b1), "h")
        picked = gc.take_along_axis(gc.log_softmax(h @ w2 + b2, axis=-1), gc.expand_dims(y, axis=1), axis=1)
        loss = gc.name(-gc.mean(picked), "loss")
        params = (w1, b1, w2, b2)
        return Mlp((x, y), params, loss, gc.grad(loss, list(params)))


@pytest.fixture
def compiled() -> FakeFunction:
    """y = relu(x @ w), z = sum(y + 1), and w stepped by the transposed y: three kernels, x + 1 … in two of them."""
    x, w = gc.input("x", (4, 4)), gc.param("w", np.eye(4, dtype="f"))
    product = x @ w
    y = gc.relu(product)
    shifted = y + 1
    z = gc.sum(shifted)
    turned = gc.permute_dims(shifted, (1, 0))
    new = w - turned
    kernels = [
        FakeKernel("k0_matmul_relu", "contract", (product, y), (x, w), (y,)),
        FakeKernel("k1_sum", "reduce", (shifted, z), (y,), (z,)),
        FakeKernel("k2_subtract", "map", (shifted, turned, new), (y, w), (new,)),
    ]
    return FakeFunction(Graph((x,), (z,), ((w, new),)), kernels)
