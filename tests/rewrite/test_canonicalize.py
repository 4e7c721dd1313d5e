"""Canonical forms: above all, what must not be touched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from rewrite_examples import simplified

import graphc as gc
from graphc.ir.dtype import ALL, as_dtype
from graphc.ir.expr import Expr
from graphc.ir.graph import Graph
from graphc.ops import scalar
from graphc.ops.scalar import like
from graphc.rewrite.canonicalize import holds, never_negative_zero

a, b = gc.input("a", (3,)), gc.input("b", (3,))
i = gc.input("i", (3,), dtype="int32")

UNTOUCHED: dict[str, Expr] = {
    "x + 0.0 is 0.0 where x is -0.0": a + like(0.0, a),
    "x - (-0.0) is x + 0.0": a - like(-0.0, a),
    "0.0 - x is 0.0 where -x is -0.0": like(0.0, a) - a,
    "x - x is nan where x is inf": a - a,
    "x * 0 is nan where x is inf, -0.0 where x < 0": a * like(0.0, a),
    "x / x is nan where x is 0": a / a,
    "exp(log(x)) is nan where x < 0": gc.exp(gc.log(a)),
    "c * (d * x) rounds twice": like(0.7, a) * (like(3.0, a) * a),
    "small powers of two lose denormals": like(0.5, a) * (like(0.25, a) * a),
    "x / 3 is no product": a / like(3.0, a),
    "x / 2**127's reciprocal is denormal": a / like(2.0**127, a),
    "(x + c) + d rounds twice": (a + like(3.0, a)) + like(0.7, a),
    "not (x < y) is not x >= y where either is nan": gc.logical_not(gc.less(a, b)),
    "x == x is false where x is nan": gc.equal(a, a),
    "|x²| of integers that wrapped": gc.abs(gc.square(i)),
    "relu(|x|) of the smallest integer": gc.relu(gc.abs(i)),
    "float to integer saturates": gc.astype(gc.astype(i, "float64"), "int8"),
    "int32 to float32 rounds": gc.astype(gc.astype(i, "float32"), "float64"),
}


@pytest.mark.parametrize("why", UNTOUCHED)
def test_what_is_not_exact_stays(why: str) -> None:
    assert simplified(UNTOUCHED[why]) is UNTOUCHED[why]


def test_zero_is_dropped_where_no_negative_zero_can_be() -> None:
    positive = gc.exp(a)
    assert simplified(positive + like(0.0, a)) is positive
    assert simplified(a + positive + like(0.0, a)) is a + positive
    assert not never_negative_zero(a + b)
    assert simplified(i + like(0, i)) is i


def test_powers_of_two_combine_only_while_the_product_is_finite() -> None:
    large = like(2.0**100, a)
    assert simplified(large * (large * a)).op.name == "multiply"
    assert simplified(like(2.0, a) * (like(4.0, a) * a)) is gc.multiply(a, like(8.0, a))


def test_negations_cancel_through_products() -> None:
    assert simplified((-a) * (-b)) is gc.multiply(a, b)
    assert simplified((-a) / (-b)) is gc.divide(a, b)
    assert simplified(b - (-a) * gc.exp(b)).op.name == "add"
    assert simplified(-(a * 2.5)) is gc.multiply(a, like(-2.5, a))


def test_square_root_power_at_the_edges() -> None:
    x = gc.input("x", (5,), dtype="float64")
    edges = np.array([-0.0, 0.0, -np.inf, np.inf, np.nan])
    root = simplified(scalar.power(x, like(0.5, x)))
    assert "pow" not in [n.op.name for n in Graph((x,), (root,)).nodes]
    found = gc.interpret(root, {x: edges})
    expected = np.power(edges, np.full(5, 0.5))
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(np.signbit(found[:4]), np.signbit(expected[:4]))


@pytest.mark.parametrize("wide", ALL, ids=str)
@pytest.mark.parametrize("narrow", ALL, ids=str)
def test_holds_is_what_converted_values_show(wide: Any, narrow: Any) -> None:
    if narrow.name == "bool":
        values = np.array([False, True])
    elif narrow.is_integer:
        info = np.iinfo(narrow.numpy)
        values = np.array([info.min, info.min + 1, 0, info.max // 2 + 1, info.max - 1, info.max], narrow.numpy)
    else:
        values = np.array([1e-300, 0.1, -(2.0**70) - 2.0**30, np.finfo(narrow.numpy).max], np.float64).astype(
            narrow.numpy
        )
    with np.errstate(over="ignore"):
        converted = scalar.cast(values, wide)
    assert holds(wide, narrow) == (converted.tolist() == values.tolist())


@pytest.mark.parametrize("via", [d.name for d in ALL])
@pytest.mark.parametrize("target", [d.name for d in ALL])
@pytest.mark.parametrize("source", ["bool", "int8", "uint8", "int32", "uint64", "float32"])
def test_chains_of_conversions_keep_every_value(source: str, via: str, target: str) -> None:
    x = gc.input("x", (7,), dtype=source)
    values = scalar.cast(np.array([-129.0, -1.0, 0.0, 1.5, 200.0, 2.0**31 - 1, 2.0**63]), as_dtype(source))
    chain: Callable[[Expr], Expr] = lambda e: gc.astype(gc.astype(e, via), target)  # noqa: E731
    found, expected = gc.interpret([simplified(chain(x)), chain(x)], {x: values})
    np.testing.assert_array_equal(found, expected)
