"""Products of matrices: square, skinny, batched, and what follows them."""

from __future__ import annotations

from typing import Any

import pytest
from bench.contestants import forward, normal
from bench.race import Race

GROUP = "matrix products"


def _product(xp: Any, a: Any, b: Any) -> Any:
    return a @ b


@pytest.mark.parametrize("size", [64, 256, 512, 1024])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_square(compete: Race, size: int, dtype: str) -> None:
    a, b = normal(size, size, dtype=dtype), normal(size, size, dtype=dtype, seed=1)
    compete(f"{size}³ {dtype}", forward(_product, a, b))


@pytest.mark.parametrize(
    ("m", "k", "n"), [(1, 784, 128), (128, 784, 1), (8, 784, 4096), (4096, 32, 32), (32, 4096, 32), (128, 784, 512)]
)
def test_skinny(compete: Race, m: int, k: int, n: int) -> None:
    compete(f"{m}×{k} @ {k}×{n}", forward(_product, normal(m, k), normal(k, n, seed=1)))


def test_transposed(compete: Race) -> None:
    compete("Aᵀ @ B, 512³", forward(lambda xp, a, b: a.T @ b, normal(512, 512), normal(512, 512, seed=1)))


def test_batched(compete: Race) -> None:
    compete("64 of 64³", forward(_product, normal(64, 64, 64), normal(64, 64, 64, seed=1)))


def test_epilogue(compete: Race) -> None:
    def work(xp: Any, x: Any, w: Any, b: Any) -> Any:
        return xp.tanh(x @ w + b)

    compete("tanh(x @ w + b), 512³", forward(work, normal(512, 512), normal(512, 512, scale=0.04), normal(512)))
