from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gc

NUMBERS = ("float32", "float64", "int8", "int64", "uint8", "uint32")
VALUES = np.array([0, 1, 2, 3, 5, 7])


@pytest.mark.parametrize(
    "name", ["add", "subtract", "multiply", "maximum", "minimum", "less", "greater_equal", "equal"]
)
@pytest.mark.parametrize("dtype", NUMBERS)
def test_arithmetic_and_comparison_are_numpys(name: str, dtype: str) -> None:
    a, b = VALUES.astype(dtype), VALUES[::-1].astype(dtype)
    np.testing.assert_array_equal(gc.interpret(getattr(gc, name)(a, b)), getattr(np, name)(a, b))


@pytest.mark.parametrize("dtype", NUMBERS)
def test_unary_functions_keep_the_dtype(dtype: str) -> None:
    x = VALUES.astype(dtype)
    for name in ("negative", "square", "sign", "abs"):
        found = gc.interpret(getattr(gc, name)(x))
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, getattr(np, name)(x))
    np.testing.assert_array_equal(gc.interpret(gc.relu(x)), np.maximum(x, 0))


def test_integers_divide_to_float32() -> None:
    found = gc.interpret(gc.divide(np.array([1, 0, -1]), np.array([2, 0, 0])))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [0.5, np.nan, -np.inf])


@pytest.mark.parametrize(
    ("exponent", "op"),
    [(2, "square"), (2.0, "square"), (np.float64(2), "square"), (np.float32(2), "square"), (0.5, "sqrt"),
     (-1, "divide"), (3, "pow"), (2.5, "pow")],
)  # fmt: skip
def test_known_exponents_give_the_simplest_graph(exponent: object, op: str) -> None:
    x = gc.input("x", (3,))
    made = x**exponent
    assert made.op.name == op
    assert made.dtype == "float32"
    values = np.array([0.5, 1.5, 3.0], "float32")
    np.testing.assert_allclose(gc.interpret(made, {x: values}), values**exponent, rtol=1e-6)


def test_powers_zero_and_one() -> None:
    x = gc.input("x", (2,))
    assert x**1 is x
    np.testing.assert_array_equal(gc.interpret(x**0, {x: [np.nan, 0.0]}), [1, 1])


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 7, 13, 64])
@pytest.mark.parametrize("dtype", ["int8", "int64", "uint8"])
def test_integer_powers_wrap_as_numpys(exponent: int, dtype: str) -> None:
    x = gc.input("x", (6,), dtype=dtype)
    values = VALUES.astype(dtype)
    found = gc.interpret(x**exponent, {x: values})
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, values**exponent)


def test_powers_that_mix_kinds() -> None:
    i, f = gc.input("i", (2,), dtype="int32"), gc.input("f", (2,))
    assert (i**2.5).dtype == "float32"
    assert (f**i).dtype == "float32"
    assert (2**f).dtype == "float32"
    assert (i ** np.int64(3)).dtype == "int64"
    np.testing.assert_array_equal(gc.interpret(i**0.5, {i: [4, 9]}), np.array([2, 3], "float32"))
    assert (i**i).dtype == (2**i).dtype == "int32"
    assert (i ** gc.input("u", (2,), dtype="uint8")).dtype == "int32"


@pytest.mark.parametrize("exponent", [-2, np.int64(-2), np.array([3, -1]), [3, -1]])
def test_integers_to_negative_powers_are_refused_as_numpys(exponent: Any) -> None:
    i = gc.input("i", (2,), dtype="int64")
    with pytest.raises(gc.GraphError, match=r"(?s)pow: an integer to a negative power.*test_elementwise\.py"):
        i**exponent
    with pytest.raises(ValueError, match="negative integer powers"):
        np.array([2, 3]) ** exponent  # type: ignore[operator]


BOOL_REFUSED: list[Callable[[gc.Expr], gc.Expr]] = [
    lambda m: m + m, lambda m: -m, lambda m: m**2, gc.abs, gc.square, gc.relu, gc.max, gc.min, lambda m: m < m,
]  # fmt: skip


@pytest.mark.parametrize("function", BOOL_REFUSED)
def test_arithmetic_of_bool_is_refused(function: Callable[[gc.Expr], gc.Expr]) -> None:
    mask = gc.input("mask", (3,), dtype="bool")
    with pytest.raises(gc.DTypeError, match=r"(?s)bool.*'mask'.*test_elementwise\.py"):
        function(mask)


def test_logic_is_of_bool() -> None:
    a, b = np.array([True, True, False]), np.array([True, False, False])
    m, k = gc.input("m", (3,), dtype="bool"), gc.input("k", (3,), dtype="bool")
    given = {m: a, k: b}
    for made, expected in ((m & k, a & b), (m | k, a | b), (~m, ~a), (m == k, a == b), (m != k, a != b)):
        np.testing.assert_array_equal(gc.interpret(made, given), expected)
    np.testing.assert_array_equal(gc.interpret(gc.logical_xor(m, k), given), a ^ b)
    with pytest.raises(gc.DTypeError, match="logical_and is defined for bool"):
        gc.logical_and(gc.input("x", (3,)), m)
    with pytest.raises(gc.DTypeError, match=r"(?s)where: the condition must be bool.*test_elementwise"):
        gc.where(gc.input("x", (3,)), 1, 2)


def test_where_promotes_its_arms_only() -> None:
    x = gc.input("x", (3,), dtype="float64")
    assert gc.where(x > 0, x, 0).dtype == "float64"
    assert gc.where(x > 0, 1, 0.5).dtype == "float32"
    np.testing.assert_array_equal(gc.interpret(gc.where(x > 0, x, 0), {x: [-1.0, 2.0, np.nan]}), [0, 2, 0])


def test_clip_keeps_the_dtype_and_propagates_nan() -> None:
    x = np.array([-5, 0.5, 9, np.nan], "float32")
    np.testing.assert_array_equal(gc.interpret(gc.clip(x, 0, 1)), np.clip(x, 0, 1))
    np.testing.assert_array_equal(gc.interpret(gc.clip(x, min=0)), np.clip(x, 0, None))
    assert gc.clip(np.arange(3, dtype="uint8"), 1, 2).dtype == "uint8"
    assert gc.clip(gc.input("x", (2, 1)), np.zeros(3, "float32")).shape == (2, 3)


def test_clip_takes_arrays_and_shares_the_gradient_at_its_bounds() -> None:
    x, low, high = (gc.input(n, (3,), dtype="float64") for n in ("x", "low", "high"))
    given = {x: np.array([-2.0, 0.5, 9.0]), low: np.zeros(3), high: np.array([1.0, 0.5, 3.0])}
    clipped = gc.clip(x, low, high)
    np.testing.assert_array_equal(gc.interpret(clipped, given), [0, 0.5, 3])
    by_x, by_high = gc.interpret(gc.grad(gc.sum(clipped), [x, high]), given)
    np.testing.assert_array_equal(by_x, [0, 0.5, 0])
    np.testing.assert_array_equal(by_high, [0, 0.5, 1])


def test_reciprocal_is_of_floats() -> None:
    assert gc.reciprocal(np.array([1, 2], "int8")).dtype == "float32"
    np.testing.assert_array_equal(gc.interpret(gc.reciprocal([0.5, -0.0])), np.array([2, -np.inf], "float32"))


def test_real_numbers_have_no_imaginary_part() -> None:
    x = gc.input("x", (3,))
    assert gc.conj(x) is x
    assert gc.real(x) is x
    with pytest.raises(gc.DTypeError, match=r"(?s)no complex dtypes.*test_elementwise\.py"):
        gc.imag(x)


def test_mixed_operands_promote_before_bits_and_remainders() -> None:
    i, u = gc.input("i", (3,), dtype="int16"), gc.input("u", (3,), dtype="uint8")
    for made in (i & u, i % u, i // u, i << u):
        assert made.dtype == "int16"
    assert (u | 7).dtype == "uint8"
    assert (i % 2.5).dtype == "float32"
    assert gc.hypot(i, u).dtype == "float32"


def test_isfinite() -> None:
    np.testing.assert_array_equal(
        gc.interpret(gc.isfinite([1.0, np.inf, -np.inf, np.nan])), [True, False, False, False]
    )
    assert gc.isfinite(gc.input("i", (3,), dtype="int64")).dtype == "bool"


def test_astype_saturates_and_wraps() -> None:
    x = np.array([1.9, -1.9, 300, -300, np.nan, np.inf, -np.inf], "float32")
    np.testing.assert_array_equal(gc.interpret(gc.astype(x, "int8")), [1, -1, 127, -128, 0, 127, -128])
    np.testing.assert_array_equal(gc.interpret(gc.astype(x, "uint8")), [1, 0, 255, 0, 0, 255, 0])
    np.testing.assert_array_equal(gc.interpret(gc.astype(np.array([300, -1]), "uint8")), [44, 255])
    np.testing.assert_array_equal(gc.interpret(gc.astype(np.array([0.0, 0.5, np.nan]), bool)), [False, True, True])
    big = np.array([2.0**63, -(2.0**63), 2.0**64, 1e30])
    np.testing.assert_array_equal(gc.interpret(gc.astype(big, "int64"))[[0, 1]], [2**63 - 1, -(2**63)])
    np.testing.assert_array_equal(gc.interpret(gc.astype(big, "uint64")), [2**63, 0, 2**64 - 1, 2**64 - 1])
    same = gc.input("x", (3,))
    assert gc.astype(same, "float32") is same
    with pytest.raises(gc.DTypeError, match="not a dtype of graphc"):
        gc.astype(same, "float16")


def test_minimum_and_maximum_propagate_nan() -> None:
    a, b = np.array([1.0, np.nan, 2.0]), np.array([np.nan, 1.0, 3.0])
    np.testing.assert_array_equal(gc.interpret(gc.maximum(a, b)), [np.nan, np.nan, 3])
    np.testing.assert_array_equal(gc.interpret(gc.minimum(a, b)), [np.nan, np.nan, 2])
