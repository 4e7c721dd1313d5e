"""Symmetries, whole numbers and bits: above all, what must not be touched."""

from __future__ import annotations

import numpy as np
import pytest
from rewrite_examples import simplified

import graphc as gc
from graphc.ir.expr import Expr
from graphc.ir.op import REGISTRY
from graphc.rewrite.elementary import EVEN, ODD, whole

a, b = gc.input("a", (3,)), gc.input("b", (3,))
i = gc.input("i", (3,), dtype="int32")

UNTOUCHED: dict[str, Expr] = {
    "the sign of the smallest integer's negative": gc.sign(-i),
    "⌊inf / 1⌋ is nan": gc.floor_divide(a, gc.constant(np.float32(1))),
    "floats have no bits to shift": gc.floor_divide(a, gc.constant(np.float32(8))),
    "division by 3": i // 3,
    "division by -4 rounds the other way": i // -4,
    "remainder by -4 is never positive": i % -4,
    "floor before a conversion that truncates": gc.astype(gc.floor(a), "int32"),
    "trunc before a conversion to floats": gc.astype(gc.trunc(a), "float64"),
    "x & 1 is not x": i & 1,
    "ceil is not odd": gc.ceil(-a),
    "acos is not even": gc.acos(-a),
}


@pytest.mark.parametrize("why", UNTOUCHED)
def test_what_is_not_exact_stays(why: str) -> None:
    assert simplified(UNTOUCHED[why]) is UNTOUCHED[why]


def test_the_names_are_those_of_odd_and_even_ops() -> None:
    assert all("odd" in REGISTRY[name].flags for name in ODD)
    assert all("even" in REGISTRY[name].flags for name in EVEN)


def test_what_is_whole() -> None:
    assert whole(gc.sign(a))
    assert whole(gc.floor(a / b))
    assert whole(gc.astype(i, "float32"))
    assert not whole(gc.remainder(a, b))
    assert not whole(gc.astype(a, "float64"))
    assert not whole(i)


def test_signs_reach_the_sum_that_takes_them_up() -> None:
    assert simplified(b + gc.sin(-a)) is gc.subtract(b, gc.sin(a))
    assert simplified(b - gc.tanh(-gc.asinh(-a))).op.name == "subtract"


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64"])
def test_powers_of_two_divide_as_shifts_and_masks(dtype: str) -> None:
    x = gc.input("x", (256,), dtype=dtype)
    values = np.arange(-128, 128).astype(dtype)
    for power in (2, 8, 64):
        quotient, rest = simplified(x // power), simplified(x % power)
        assert (quotient.op.name, rest.op.name) == ("bitwise_right_shift", "bitwise_and")
        np.testing.assert_array_equal(gc.interpret(quotient, {x: values}), values // power)
        np.testing.assert_array_equal(gc.interpret(rest, {x: values}), values % power)


def test_sums_of_exponentials_and_error_functions_become_stable() -> None:
    far = np.array([800.0, -800.0, 5.0])
    x, y = gc.input("x", (3,), dtype="float64"), gc.input("y", (3,), dtype="float64")
    total = simplified(gc.log(gc.exp(x) + gc.exp(y)))
    np.testing.assert_allclose(gc.interpret(total, {x: far, y: far}), far + np.log(2), rtol=1e-15)
    tail = simplified(1 + gc.erf(x))
    assert (gc.interpret(tail, {x: np.full(3, -20.0)}) > 0).all()
