"""Patterns: variables, numbers, orders of arguments, spreads."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as gc
from graphc.ir.dtype import as_dtype
from graphc.ir.expr import Expr
from graphc.ops import leaf, reduce
from graphc.ops.scalar import like
from graphc.ops.shape import broadcast_to, reshape
from graphc.rewrite.pattern import Found, P, Pattern, const, number, scalar_value, spread, spread_reduction, var


def matched(pattern: Pattern, expr: Expr) -> Found | None:
    """The variables of the first order of arguments that matches."""
    for variant in pattern.variants():
        found: Found = {}
        if variant.match(expr, found):
            return found
    return None


def test_a_variable_is_the_same_expression_everywhere() -> None:
    a, b = gc.input("a", (3,)), gc.input("b", (3,))
    x = var("x")
    assert matched(P.multiply(x, x), a * b) is None
    found = matched(P.multiply(x, x), a * a)
    assert found is not None
    assert found["x"] is a


def test_commutative_ops_match_in_both_orders_and_others_in_one() -> None:
    a, b = gc.input("a", (3,)), gc.input("b", (3,))
    x, y = var("x"), var("y")
    for expr in (gc.exp(a) + b, b + gc.exp(a)):
        found = matched(P.add(P.exp(x), y), expr)
        assert found is not None
        assert found["x"] is a
        assert found["y"] is b
    assert matched(P.subtract(P.exp(x), y), b - gc.exp(a)) is None


def test_nested_commutative_ops_match_in_all_orders() -> None:
    a, b, c = (gc.input(n, (3,)) for n in "abc")
    pattern = P.add(P.multiply(P.exp(var("x")), var("y")), var("z"))
    assert len(list(pattern.variants())) == 4
    for product in (gc.exp(a) * b, b * gc.exp(a)):
        for expr in (product + c, c + product):
            assert matched(pattern, expr) is not None


def test_predicates_and_names() -> None:
    a, i = gc.input("a", (3,)), gc.input("i", (3,), dtype="int32")
    pattern = P.square(var("x", lambda e: e.dtype.is_float), name="whole")
    found = matched(pattern, gc.square(a))
    assert found is not None
    assert found["whole"] is gc.square(a)
    assert matched(pattern, gc.square(i)) is None


@pytest.mark.parametrize(
    ("value", "wanted", "fits"),
    [(1.0, 1, True), (0.0, 0, True), (-0.0, 0, False), (-0.0, -0.0, True), (0.0, -0.0, False), (2.0, 1, False),
     (np.nan, 0, False), (-1.0, -1, True)],
)  # fmt: skip
def test_numbers_are_told_apart_by_sign(value: float, wanted: float, fits: bool) -> None:
    bare = leaf.scalar(value, as_dtype("float32"))
    for expr in (bare, broadcast_to(bare, (2, 3))):
        assert const(wanted).match(expr, {}) is fits


def test_unsigned_numbers_are_never_negative() -> None:
    assert not const(-1).match(leaf.scalar(255, as_dtype("uint8")), {})


def test_numbers_under_a_name_are_expressions() -> None:
    two = like(2.0, gc.input("a", (3,)))
    found: Found = {}
    assert number("c", lambda value: value > 1).match(two, found)
    assert found["c"] is two
    assert not number("c", lambda value: value > 2).match(two, {})


def test_scalar_values() -> None:
    assert scalar_value(leaf.scalar(3, as_dtype("int8"))) == 3
    assert scalar_value(gc.constant(np.arange(3))) is None
    assert scalar_value(gc.input("a", ())) is None


def test_a_spread_goes_back_over_its_own_axes_only() -> None:
    a = gc.input("a", (4, 4))
    rows = gc.sum(a, axis=1)
    assert spread_reduction(reduce.spread(rows, (4, 4), (1,))) is rows
    assert spread_reduction(broadcast_to(rows, (4, 4))) is None
    columns = gc.sum(a, axis=0)
    assert spread_reduction(broadcast_to(columns, (4, 4))) is columns
    total = gc.sum(a)
    assert spread_reduction(broadcast_to(total, (4, 4))) is total
    assert spread_reduction(broadcast_to(reshape(rows, (4, 1)), (2, 4, 4))) is None
    assert matched(spread(P.sum(var("x"))), reduce.spread(rows, (4, 4), (1,))) is not None
    assert matched(spread(P.max(var("x"))), reduce.spread(rows, (4, 4), (1,))) is None
