"""Bits of every integer dtype, as NumPy has them; shifts by any count."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from opchecks import EVALUATORS

import graphc as gc
from graphc.ir.dtype import INTEGERS, DType

NAMES = {
    "bitwise_and": np.bitwise_and, "bitwise_or": np.bitwise_or, "bitwise_xor": np.bitwise_xor,
    "bitwise_left_shift": np.left_shift, "bitwise_right_shift": np.right_shift,
}  # fmt: skip


def values(dtype: DType) -> np.ndarray:
    info = np.iinfo(dtype.numpy)
    wanted = {info.min, info.max, info.max // 3, *range(-3, 12), dtype.bits - 1, dtype.bits, dtype.bits + 1, 100}
    return np.array(sorted(v for v in wanted if info.min <= v <= info.max), dtype.numpy)


@pytest.mark.parametrize("evaluator", EVALUATORS)
@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_pairs_are_numpys(name: str, dtype: DType, evaluator: str) -> None:
    a, b = (np.array(v, dtype.numpy) for v in zip(*itertools.product(values(dtype), values(dtype)), strict=True))
    x, y = gc.input("x", a.shape, dtype), gc.input("y", b.shape, dtype)
    (found,) = EVALUATORS[evaluator]([getattr(gc, name)(x, y)], {x: a, y: b})
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, NAMES[name](a, b))


@pytest.mark.parametrize("evaluator", EVALUATORS)
@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_every_bit_is_turned(dtype: DType, evaluator: str) -> None:
    x = gc.input("x", values(dtype).shape, dtype)
    (found,) = EVALUATORS[evaluator]([~x], {x: values(dtype)})
    np.testing.assert_array_equal(found, ~values(dtype))


def test_shifts_lose_all_bits_beyond_the_width() -> None:
    x = np.array([-5, 5], "int16")
    for count in (16, 17, 1000, -1):
        np.testing.assert_array_equal(gc.interpret(gc.bitwise_left_shift(x, count)), [0, 0])
        np.testing.assert_array_equal(gc.interpret(gc.bitwise_right_shift(x, count)), [-1, 0])


def test_bits_of_bool_are_logic_and_of_floats_refused() -> None:
    m, k = gc.input("m", (3,), "bool"), gc.input("k", (3,), "bool")
    assert (m & k).op.name == "logical_and"
    assert (m | k).op.name == "logical_or"
    assert (m ^ k).op.name == "logical_xor"
    assert (~m).op.name == "logical_not"
    x = gc.input("x", (3,))
    for refused in (lambda: x & x, lambda: ~x, lambda: x << 2, lambda: m << k, lambda: gc.bitwise_xor(x, 1)):
        with pytest.raises(gc.DTypeError, match=r"(?s)bitwise_.*is defined for int/uint.*test_bitwise\.py"):
            refused()
