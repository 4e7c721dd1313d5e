"""Chains of elementwise functions over millions of elements."""

from __future__ import annotations

from typing import Any

from bench.contestants import forward, normal
from bench.race import Race

GROUP = "elementwise"
MILLIONS = 4_000_000


def test_add(compete: Race) -> None:
    compete("x·y + x, 4 M", forward(lambda xp, x, y: x * y + x, normal(MILLIONS), normal(MILLIONS, seed=1)))


def test_logarithms_and_exponentials(compete: Race) -> None:
    def work(xp: Any, x: Any) -> Any:
        return xp.log1p(xp.exp(-xp.abs(x))) * xp.sqrt(1 + x * x)

    compete("log1p(exp(-|x|))·√(1 + x²), 4 M", forward(work, normal(MILLIONS)))


def test_waves(compete: Race) -> None:
    def work(xp: Any, x: Any) -> Any:
        return xp.sin(3 * x) * xp.cos(x) + xp.tanh(x)

    compete("sin·cos + tanh, 4 M", forward(work, normal(MILLIONS)))


def test_float64(compete: Race) -> None:
    def work(xp: Any, x: Any) -> Any:
        return xp.exp(xp.sin(x)) * xp.log(2 + x * x)

    compete("exp(sin x)·log(2 + x²), 1 M float64", forward(work, normal(1_000_000, dtype="float64")))


def test_gelu(compete: Race) -> None:
    def jax_work(jnp: Any, x: Any) -> Any:
        import jax

        return 0.5 * x * (1 + jax.scipy.special.erf(x * 0.5**0.5))

    def work(xp: Any, x: Any) -> Any:
        return 0.5 * x * (1 + xp.erf(x * 0.5**0.5))

    compete("gelu by erf, 4 M", forward(work, normal(MILLIONS), without=["numpy"], jax=jax_work))
