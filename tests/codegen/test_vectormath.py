"""Elementary functions: errors against float64 and mpmath, special values, all lanes rounding alike."""

from __future__ import annotations

import re

import mpmath
import numpy as np
import pytest
from harness import Array, Compiled, assembly, module_text, optimized
from vectormath_cases import CASES

import graphc as gc
from graphc.codegen import vectormath

NAMES = sorted(vectormath.FUNCTIONS)
FMA = pytest.mark.parametrize("fma", [True, False], ids=["fma", "no-fma"])
OF_ONE = pytest.mark.parametrize("name", sorted(CASES))
LIMIT = 2.0


def test_every_function_is_tested() -> None:
    """Those of two arguments and those about Gamma in the files beside this one."""
    elsewhere = {"digamma", "lgamma", "trigamma"} | {name for name in NAMES if vectormath.arity(name) == 2}
    assert set(CASES) == set(NAMES) - elsewhere


def _inputs(name: str, bits: int, count: int) -> Array:
    """Bit patterns, denormals, numbers where the function does something, and the neighbours of edges."""
    rng = np.random.default_rng(bits)
    dtype, integer = (np.float32, np.uint32) if bits == 32 else (np.float64, np.uint64)
    patterns: Array = rng.integers(0, 2**bits - 1, count // 2, dtype=integer, endpoint=True).view(dtype)
    denormal: Array = rng.integers(1, 2 ** (23 if bits == 32 else 52), count // 20, dtype=integer).view(dtype)
    parts = [patterns[np.isfinite(patterns)], denormal, -denormal]
    widest = CASES[name].widest * (1 if bits == 32 else 7)
    parts += [rng.uniform(-reach, reach, count // 8).astype(dtype) for reach in (widest, 20, 2, 0.6)]
    steps = np.arange(-50, 51) * np.finfo(dtype).epsneg
    parts += [(edge * (1 + steps)).astype(dtype) for edge in CASES[name].edges]
    x = np.concatenate(parts)
    low, high = CASES[name].domain
    return np.abs(x) if low == 0 else x[(x >= low) & (x <= high)]


def _worst_float32(x: Array, got: Array, exact: Array) -> float:
    """The largest error in float32 ulps; results that round to infinity have to be infinite."""
    infinite = np.abs(exact) >= (2 - 2.0**-24) * 2.0**127
    assert np.array_equal(np.isinf(got), infinite), x[np.isinf(got) != infinite][:5]
    assert not np.isnan(got).any()
    exponent = np.maximum(np.frexp(exact)[1] - 1, -126)
    error = np.abs(got[~infinite].astype(np.float64) - exact[~infinite])
    return float(np.max(np.ldexp(error, 23 - exponent[~infinite])))


def _worst_float64(name: str, x: Array, got: Array) -> float:
    """The largest error in float64 ulps, where mpmath is asked and the result is finite."""
    case = CASES[name]
    chosen = (np.abs(x) < case.farthest) & ~np.isin(x, [at for at, value in case.specials if np.isinf(value)])
    worst = 0.0
    with mpmath.workprec(180):
        largest = (2 - mpmath.mpf(2) ** -53) * mpmath.mpf(2) ** 1023
        for argument, result in zip(x[chosen].tolist(), got[chosen].tolist(), strict=True):
            exact = case.exact(mpmath.mpf(argument))
            if abs(exact) >= largest:
                assert np.isinf(result), argument
                continue
            exponent = max(mpmath.frexp(exact)[1] - 1, -1022) if exact else -1022
            worst = max(worst, float(mpmath.ldexp(abs(mpmath.mpf(result) - exact), 52 - exponent)))
    return worst


@FMA
@OF_ONE
def test_float32_is_within_two_ulps(name: str, fma: bool) -> None:
    x = _inputs(name, 32, 1_000_000)
    with np.errstate(all="ignore"):
        exact = CASES[name].oracle(x.astype(np.float64))
    nonzero = np.isfinite(exact)
    worst = _worst_float32(x[nonzero], Compiled(name, 32, 16, fma=fma)(x)[nonzero], exact[nonzero])
    print(f"{name} float32 fma={fma}: {worst:.2f} ulp")
    assert worst <= LIMIT


@FMA
@OF_ONE
@pytest.mark.parametrize("count", [2_000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_float64_is_within_two_ulps(name: str, count: int, fma: bool) -> None:
    x = _inputs(name, 64, count)
    with np.errstate(all="ignore"):
        worst = _worst_float64(name, x, Compiled(name, 64, 8, fma=fma)(x))
    print(f"{name} float64 fma={fma}: {worst:.2f} ulp")
    assert worst <= LIMIT


@FMA
@pytest.mark.parametrize("bits", [32, 64])
@OF_ONE
def test_special_values(name: str, bits: int, fma: bool) -> None:
    dtype = np.dtype(f"f{bits // 8}")
    x, expected = np.array([*CASES[name].specials, (np.nan, np.nan)]).astype(dtype).T
    got = Compiled(name, bits, 1, fma=fma)(x)
    np.testing.assert_array_equal(got, expected)
    numbers = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(got[numbers]), np.signbit(expected[numbers]))


@FMA
@pytest.mark.parametrize("bits", [32, 64])
@OF_ONE
def test_nan_stays_nan_whatever_its_payload(name: str, bits: int, fma: bool) -> None:
    rng = np.random.default_rng(7)
    payload = rng.integers(1, 2 ** (23 if bits == 32 else 52), 1000, dtype=np.uint64)
    sign = rng.integers(0, 2, 1000, dtype=np.uint64) << np.uint64(bits - 1)
    exponent = np.uint64(0x7F800000 if bits == 32 else 0x7FF0000000000000)
    x = (payload | sign | exponent).astype(f"u{bits // 8}").view(f"f{bits // 8}")
    assert np.isnan(Compiled(name, bits, 8, fma=fma)(x)).all()


@pytest.mark.parametrize("name", ["erf", *(name for name, case in CASES.items() if case.keeps_tiny)])
def test_denormal_arguments_are_kept(name: str) -> None:
    for dtype in (np.float32, np.float64):
        x = np.arange(1, 101) * np.finfo(dtype).smallest_subnormal
        x = np.concatenate([x, -x]).astype(dtype)
        factor = 2 / np.sqrt(np.pi) if name == "erf" else 1.0
        expected = np.rint(np.arange(1, 101) * factor) * np.finfo(dtype).smallest_subnormal
        got = Compiled(name, dtype().itemsize * 8, 8, fma=True)(x)
        np.testing.assert_array_equal(got, np.concatenate([expected, -expected]).astype(dtype))


@FMA
@pytest.mark.parametrize("bits", [32, 64])
@OF_ONE
def test_every_number_of_lanes_rounds_alike(name: str, bits: int, fma: bool) -> None:
    x = _inputs(name, bits, 20_000)
    x = np.concatenate([x, np.array([0.0, -0.0, np.inf, -np.inf, np.nan, -1.0, -2.0], dtype=x.dtype)])
    scalar = Compiled(name, bits, 1, fma=fma)(x)
    numbers = ~np.isnan(scalar)
    for lanes in (2, 4, 8, 16, 32):
        vector = Compiled(name, bits, lanes, fma=fma)(x)
        np.testing.assert_array_equal(scalar, vector)
        np.testing.assert_array_equal(np.signbit(scalar[numbers]), np.signbit(vector[numbers]))


@pytest.mark.parametrize("bits", [32, 64])
@OF_ONE
def test_every_processor_rounds_alike(name: str, bits: int) -> None:
    """The same IR means the same numbers on the baseline as on the widest vectors."""
    x = _inputs(name, bits, 5_000)
    for cpu, fma in (("x86-64", False), ("x86-64-v3", False), ("x86-64-v3", True)):
        native = Compiled(name, bits, 16, fma=fma)(x)
        other = Compiled(name, bits, 16, fma=fma, cpu=cpu)(x)
        np.testing.assert_array_equal(native, other)
        numbers = ~np.isnan(native)
        np.testing.assert_array_equal(np.signbit(native[numbers]), np.signbit(other[numbers]))


@FMA
@pytest.mark.parametrize("cpu", ["x86-64", "x86-64-v3", "native"])
def test_nothing_is_called_but_for_far_angles(cpu: str, fma: bool) -> None:
    """No library function hides behind an intrinsic, given the instruction for what `fma` asks."""
    if cpu == "x86-64" and fma:
        pytest.skip("the baseline has no fused multiply-add")
    for name in NAMES:
        for bits in (32, 64):
            called = set(re.findall(r"\bcall\w*\s+(\S+)", assembly(name, bits, 16, fma=fma, cpu=cpu)))
            assert called == {f"gc.{helper}" for helper in vectormath.dependencies(name)}, (name, bits)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_far_angles_inside_a_compiled_function(dtype: str) -> None:
    """The branch and the call are in the middle of a fused loop, and among the lanes of a sum."""
    a = np.random.default_rng(3).uniform(-5, 5, (33, 37)).astype(dtype)
    a[3, 5], a[20, 30] = 1e22, -3e30
    x = gc.input("x", a.shape, dtype)
    total, product = gc.compile([x], [gc.sum(gc.sin(x), axis=1), gc.sin(x) * gc.cos(x)])(a)
    wide = a.astype(np.float64)
    tolerance = 50 * float(np.finfo(dtype).eps)
    np.testing.assert_allclose(total, np.sin(wide).sum(1), rtol=0, atol=tolerance)
    np.testing.assert_allclose(product, np.sin(wide) * np.cos(wide), rtol=0, atol=tolerance)


def test_declarations_are_complete_and_shared() -> None:
    """All functions of a width fit into one module, intrinsics and what is called there once."""
    declared: dict[str, None] = {}
    helpers: dict[str, None] = {}
    bodies = []
    for name in NAMES:
        declared |= dict.fromkeys(vectormath.declarations(name, 32, 16, fma=True))
        bodies.append(vectormath.definition(name, 32, 16, fma=True))
        helpers |= {vectormath.definition(other, 32, 16, fma=True): None for other in vectormath.dependencies(name)}
        assert vectormath.symbol(name, 32, 16) == f"gc.{name}.f32x16"
    assert len(helpers) == 1
    optimized("\n".join([*declared, *helpers, *bodies]), "native")
    assert any("@llvm.fma.v16f32" in line for line in declared)


def test_no_fused_multiply_add_unless_asked() -> None:
    for name in NAMES:
        assert "llvm.fma" not in module_text(name, 64, 4, fma=False)


def test_errors_name_what_is_wrong() -> None:
    with pytest.raises(KeyError, match="no elementary function 'sine'"):
        vectormath.definition("sine", 32, 4, fma=True)
    with pytest.raises(ValueError, match="exp: 16 bits, 4 lanes"):
        vectormath.definition("exp", 16, 4, fma=True)
