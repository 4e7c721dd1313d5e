"""Guards: what all uses of a node have in common."""

from __future__ import annotations

import graphc as gc
from graphc.ir.expr import Expr, post_order
from graphc.ops.guard import guards, outermost_first, predicate_of

p, q = gc.input("p", (), "bool"), gc.input("q", (), "bool")
x = gc.input("x", (3,))


def guard_of(node: Expr, *roots: Expr) -> list[tuple[str | None, bool]]:
    found = guards(post_order(roots), roots).get(node, frozenset())
    return [(condition.predicate.name, condition.holds) for condition in outermost_first(found)]


def test_what_one_side_needs_has_its_condition() -> None:
    a, b = gc.exp(x), gc.sin(x)
    y = gc.cond(p, lambda: a * 2, lambda: b)
    assert guard_of(a, y) == [("p", True)]
    assert guard_of(b, y) == [("p", False)]
    assert guard_of(x, y) == guard_of(p, y) == guard_of(y, y) == []


def test_what_is_needed_elsewhere_has_none() -> None:
    a = gc.exp(x)
    y = gc.cond(p, lambda: a * 2, lambda: x)
    assert guard_of(a, y, a) == guard_of(a, y, a + 1) == []
    assert guard_of(a, gc.cond(p, lambda: a * 2, lambda: a * 3)) == []


def test_inner_conditions_come_after_outer_ones() -> None:
    a = gc.exp(x)
    inner = gc.cond(q, lambda: a, lambda: x)
    y = gc.cond(p, lambda: x, lambda: inner * 2)
    assert guard_of(a, y) == [("p", False), ("q", True)]
    assert guard_of(inner, y) == guard_of(q, y) == [("p", False)]


def test_what_two_choices_share_is_their_common_condition() -> None:
    a = gc.exp(x)
    y = gc.cond(p, lambda: gc.cond(q, lambda: a, lambda: x) + gc.sum(a), lambda: x)
    assert guard_of(a, y) == [("p", True)]


def test_a_graph_without_choices_has_no_guards() -> None:
    y = gc.where(gc.broadcast_to(p, (3,)), gc.exp(x), x)
    assert not guards(post_order([y]), [y])


def test_predicates_are_scalars_seen_through_views() -> None:
    y = gc.cond(p, lambda: x, lambda: x * 2)
    assert predicate_of(y) is p
    assert predicate_of(x) is None
