"""Elementary functions of two arguments: errors, special values and signs of zero as in C, all lanes alike."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from harness import Array, Compiled

from graphc.codegen import vectormath

ORACLES: dict[str, Callable[[Array, Array], Array]] = {"atan2": np.arctan2, "hypot": np.hypot, "pow": np.power}
EXACT: dict[str, Callable[[Any, Any], Any]] = {"atan2": mpmath.atan2, "hypot": mpmath.hypot, "pow": mpmath.power}
FMA = pytest.mark.parametrize("fma", [True, False], ids=["fma", "no-fma"])
OF_TWO = pytest.mark.parametrize("name", sorted(ORACLES))
LIMIT = 2.0


def test_every_function_is_tested() -> None:
    assert sorted(ORACLES) == sorted(name for name in vectormath.FUNCTIONS if vectormath.arity(name) == 2)


def _patterns(rng: np.random.Generator, bits: int, count: int) -> Array:
    x = rng.integers(0, 2**bits - 1, count, dtype=f"u{bits // 8}", endpoint=True).view(f"f{bits // 8}")
    return np.where(np.isfinite(x), x, 1.5).astype(x.dtype)


def _inputs(name: str, bits: int, count: int) -> tuple[Array, Array]:
    """Any bits, ordinary numbers, numbers of like size, and for powers bases near 1 with results anywhere."""
    rng = np.random.default_rng(bits)
    dtype = np.dtype(f"f{bits // 8}")
    widest = float(np.log(np.finfo(dtype).max))
    part = count // 5
    size = np.exp(rng.uniform(-widest, widest - 2, part))
    pairs = [
        (_patterns(rng, bits, part), _patterns(rng, bits, part)),
        (rng.uniform(-3, 3, part), rng.uniform(-3, 3, part)),
        (size, size * rng.uniform(-3, 3, part)),
        (rng.uniform(-1, 1, part), rng.uniform(-1e3, 1e3, part)),
    ]
    if name == "pow":
        base = 1 + rng.uniform(-1, 1, part) * 10.0 ** rng.uniform(-15, -0.5, part)
        base = np.where(base == 1, 1.5, base.astype(dtype).astype(np.float64))
        pairs.append((base, rng.uniform(-widest, widest, part) / np.log(np.where(base == 1, 1.5, base))))
        pairs.append((np.exp(rng.uniform(-10, 10, part)), rng.integers(-9, 10, part)))
    else:
        pairs.append((np.exp(rng.uniform(-widest, widest, part)), np.exp(rng.uniform(-widest, widest, part))))
    with np.errstate(all="ignore"):
        x = np.concatenate([pair[0] for pair in pairs]).astype(dtype)
        y = np.concatenate([pair[1] for pair in pairs]).astype(dtype)
    kept = np.isfinite(x) & np.isfinite(y) & ((x > 0) | (name != "pow"))
    return x[kept], y[kept]


def _magnitude(value: Any) -> int:
    """The exponent of the number's last place but for the width of the format."""
    return int(mpmath.frexp(value)[1]) - 1 if value else -(10**6)


@FMA
@OF_TWO
def test_float32_is_within_two_ulps(name: str, fma: bool) -> None:
    x, y = _inputs(name, 32, 1_000_000)
    with np.errstate(all="ignore"):
        exact = ORACLES[name](x.astype(np.float64), y.astype(np.float64))
    got = Compiled(name, 32, 16, fma=fma)(x, y)
    infinite = np.abs(exact) >= (2 - 2.0**-24) * 2.0**127
    np.testing.assert_array_equal(np.isinf(got), infinite)
    got, exact = got[~infinite].astype(np.float64), exact[~infinite]
    worst = np.max(np.ldexp(np.abs(got - exact), 23 - np.maximum(np.frexp(exact)[1] - 1, -126)))
    print(f"{name} float32 fma={fma}: {worst:.2f} ulp")
    assert worst <= LIMIT


def _exact(name: str, x: float, y: float) -> Any:
    """The result in 180 bits, powers out of all range being infinite or zero."""
    if name == "pow":
        logarithm = mpmath.log(x) * y
        if abs(logarithm) > 1000:
            return mpmath.inf if logarithm > 0 else mpmath.mpf(0)
    return EXACT[name](mpmath.mpf(x), mpmath.mpf(y))


@FMA
@OF_TWO
@pytest.mark.parametrize("count", [2_000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_float64_is_within_two_ulps(name: str, count: int, fma: bool) -> None:
    x, y = _inputs(name, 64, count)
    got = Compiled(name, 64, 8, fma=fma)(x, y)
    worst = 0.0
    with mpmath.workprec(180):
        largest = (2 - mpmath.mpf(2) ** -53) * mpmath.mpf(2) ** 1023
        for first, second, result in zip(x.tolist(), y.tolist(), got.tolist(), strict=True):
            exact = _exact(name, first, second)
            if abs(exact) >= largest:
                assert math.isinf(result), (first, second)
                continue
            error = abs(mpmath.mpf(result) - exact)
            worst = max(worst, float(mpmath.ldexp(error, 52 - max(_magnitude(exact), -1022))))
    print(f"{name} float64 fma={fma}: {worst:.2f} ulp")
    assert worst <= LIMIT


ENDS = (0.0, 0.5, 1.0, 2.0, 3.0, 2.5, 1e-45, 5e-324, 1e38, 1e308, 2.0**23 + 1, 2.0**24, 2.0**52 + 1, 2.0**53, np.inf)


@FMA
@pytest.mark.parametrize("bits", [32, 64])
@OF_TWO
def test_special_values(name: str, bits: int, fma: bool) -> None:
    """All pairs of ends, both signs and NaN, as the C library has them, signs of zeros too."""
    dtype = np.dtype(f"f{bits // 8}")
    with np.errstate(all="ignore"):
        values = np.array([*ENDS, *(-end for end in ENDS), np.nan]).astype(dtype)
        x, y = np.array(list(itertools.product(values, values)), dtype).T
        expected = ORACLES[name](x, y)
    got = Compiled(name, bits, 4, fma=fma)(x, y)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
    numbers = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(got[numbers]), np.signbit(expected[numbers]))
    np.testing.assert_array_max_ulp(got[numbers], expected[numbers], 2)
    round_ones = numbers & ((expected == 0) | (expected == 1) | np.isinf(expected))
    np.testing.assert_array_equal(got[round_ones], expected[round_ones])


@pytest.mark.parametrize("bits", [32, 64])
def test_small_integer_powers_are_exact(bits: int) -> None:
    """Integers to integers, where the results fit the format."""
    base, power = np.meshgrid(np.arange(-10.0, 11.0), np.arange(0.0, 16.0))
    exact = base**power
    fits = np.abs(exact) <= 2.0 ** (24 if bits == 32 else 53)
    got = Compiled("pow", bits, 8, fma=True)(base[fits], power[fits])
    np.testing.assert_allclose(got, exact[fits], rtol=2.0 ** (-24 if bits == 32 else -53))


@FMA
@pytest.mark.parametrize("bits", [32, 64])
def test_powers_next_to_the_end_of_the_range_are_finite(bits: int, fma: bool) -> None:
    largest = np.finfo(f"f{bits // 8}").max
    x = np.array([largest, largest * (1 - 2.0 ** (8 - bits)), np.nextafter(np.sqrt(largest), 0), -largest, -largest])
    y = np.array([1, 1, 2, 1, np.nextafter(largest.dtype.type(1), 2)], x.dtype)
    with np.errstate(all="ignore"):
        expected = np.power(x, y)
    np.testing.assert_array_equal(Compiled("pow", bits, 1, fma=fma)(x, y), expected)


def test_hypot_neither_overflows_nor_vanishes() -> None:
    for dtype in (np.float32, np.float64):
        bits, info = dtype().itemsize * 8, np.finfo(dtype)
        scale = np.array([2.0 ** (info.maxexp - 4), info.tiny, info.smallest_subnormal])
        got = Compiled("hypot", bits, 4, fma=True)(scale * 3, scale * 4)
        np.testing.assert_array_equal(got, (scale * 5).astype(dtype))


@FMA
@pytest.mark.parametrize("bits", [32, 64])
@OF_TWO
def test_every_number_of_lanes_and_every_processor_rounds_alike(name: str, bits: int, fma: bool) -> None:
    x, y = _inputs(name, bits, 10_000)
    x, y = np.append(x, [0, -1, np.inf, np.nan]).astype(x.dtype), np.append(y, [-1, 0.5, 2, 0]).astype(y.dtype)
    scalar = Compiled(name, bits, 1, fma=fma)(x, y)
    numbers = ~np.isnan(scalar)
    machines = [(lanes, "native") for lanes in (2, 8, 16, 32)] + [(16, "x86-64-v3")] + [(16, "x86-64")] * (not fma)
    for lanes, cpu in machines:
        vector = Compiled(name, bits, lanes, fma=fma, cpu=cpu)(x, y)
        np.testing.assert_array_equal(scalar, vector)
        np.testing.assert_array_equal(np.signbit(scalar[numbers]), np.signbit(vector[numbers]))
