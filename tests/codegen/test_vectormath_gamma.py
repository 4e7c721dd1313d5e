"""lgamma, digamma and trigamma: errors where they have zeros on one side, poles and far arguments on the other."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from harness import Array, Compiled

EXACT: dict[str, Callable[[Any], Any]] = {
    "digamma": mpmath.digamma,
    "lgamma": lambda x: mpmath.loggamma(x).real,
    "trigamma": lambda x: mpmath.psi(1, x),
}
POSITIVE_LIMIT = 4.0
NEGATIVE_LIMIT = 6.0
FMA = pytest.mark.parametrize("fma", [True, False], ids=["fma", "no-fma"])
BITS = pytest.mark.parametrize("bits", [32, 64])
OF_GAMMA = pytest.mark.parametrize("name", sorted(EXACT))


def _positive(bits: int, count: int) -> Array:
    """Numbers of all sizes, many about 1 and 2 and the zero of digamma."""
    rng = np.random.default_rng(bits)
    widest = 80 if bits == 32 else 600
    parts = [rng.uniform(0, reach, count // 8) for reach in (1, 3, 9, 30, 1000)]
    parts.append(np.exp(rng.uniform(-widest, widest, count // 8)))
    near = rng.uniform(-1, 1, count // 8) * 10.0 ** rng.uniform(-12, -1, count // 8)
    parts += [centre + near for centre in (1.0, 2.0, 1.4616321449683622)]
    x = np.concatenate(parts).astype(f"f{bits // 8}")
    return x[(x > 0) & np.isfinite(x)]


def _negative(bits: int, count: int) -> Array:
    rng = np.random.default_rng(bits)
    x = -np.concatenate([rng.uniform(0, reach, count // 3) for reach in (1, 5, 40)]).astype(f"f{bits // 8}")
    return x[x != np.floor(x)]


def _worst(name: str, bits: int, x: Array, got: Array, least: Callable[[float], float]) -> float:
    """The largest error in units of the last place of the exact result, or of `least` where that is larger."""
    digits, lowest = (23, -126) if bits == 32 else (52, -1022)
    worst = 0.0
    with mpmath.workprec(160):
        for argument, result in zip(x.tolist(), got.tolist(), strict=True):
            exact = EXACT[name](mpmath.mpf(argument))
            if abs(exact) > float(np.finfo(x.dtype).max):
                assert math.isinf(result), argument
                continue
            scale = max(abs(exact), mpmath.mpf(least(argument)))
            unit = mpmath.ldexp(1, max(int(mpmath.frexp(scale)[1]) - 1, lowest) - digits)
            worst = max(worst, float(abs(mpmath.mpf(result) - exact) / unit))
    return worst


@FMA
@BITS
@OF_GAMMA
@pytest.mark.parametrize("count", [1_000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_positive_arguments(name: str, bits: int, fma: bool, count: int) -> None:
    """Relative to the result, also next to the zeros: 1 and 2 for lgamma, 1.46 for digamma."""
    x = _positive(bits, count)
    worst = _worst(name, bits, x, Compiled(name, bits, 8, fma=fma)(x), lambda _: 0.0)
    print(f"{name} float{bits} x > 0 fma={fma}: {worst:.2f} ulp")
    assert worst <= POSITIVE_LIMIT


@FMA
@BITS
@OF_GAMMA
@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_negative_arguments(name: str, bits: int, fma: bool, count: int) -> None:
    """Relative to the larger of the result and the terms that make it, since there is a zero between any two poles."""

    def terms(argument: float) -> float:
        return float(abs(EXACT[name](mpmath.mpf(-argument)))) + 1

    x = _negative(bits, count)
    worst = _worst(name, bits, x, Compiled(name, bits, 8, fma=fma)(x), terms)
    print(f"{name} float{bits} x < 0 fma={fma}: {worst:.2f} units of the largest term")
    assert worst <= NEGATIVE_LIMIT


INF, NAN = np.inf, np.nan
SPECIALS = {
    "digamma": [(0.0, -INF), (-0.0, INF), (-1.0, NAN), (-1e30, NAN), (INF, INF), (-INF, NAN), (NAN, NAN),
                (-1e-40, INF), (-5e-324, INF)],
    "lgamma": [(0.0, INF), (-0.0, INF), (1.0, 0.0), (2.0, 0.0), (-1.0, INF), (INF, INF), (-INF, INF), (NAN, NAN)],
    "trigamma": [(0.0, INF), (-0.0, INF), (-1.0, INF), (1e-40, INF), (-1e-40, INF), (INF, 0.0), (NAN, NAN)],
}  # fmt: skip


@FMA
@BITS
@OF_GAMMA
def test_special_values(name: str, bits: int, fma: bool) -> None:
    dtype = np.dtype(f"f{bits // 8}")
    x, expected = np.array([pair for pair in SPECIALS[name] if bits == 32 or abs(pair[0]) != 1e-40]).astype(dtype).T
    np.testing.assert_array_equal(Compiled(name, bits, 1, fma=fma)(x), expected)


@FMA
@BITS
@OF_GAMMA
def test_every_number_of_lanes_and_every_processor_rounds_alike(name: str, bits: int, fma: bool) -> None:
    """Also where a few negative arguments are among positive ones."""
    x = np.concatenate([_positive(bits, 4_000), _negative(bits, 500)])
    np.random.default_rng(0).shuffle(x)
    scalar = Compiled(name, bits, 1, fma=fma)(x)
    machines = [(lanes, "native") for lanes in (2, 8, 16, 32)] + [(16, "x86-64-v3")] + [(16, "x86-64")] * (not fma)
    for lanes, cpu in machines:
        np.testing.assert_array_equal(scalar, Compiled(name, bits, lanes, fma=fma, cpu=cpu)(x))
