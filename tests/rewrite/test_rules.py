"""Rules about rules: each fires, keeps the value, ends, and is reached in the pipeline."""

from __future__ import annotations

import numpy as np
import pytest
from rewrite_examples import EXAMPLES, Inputs

import graphc as gc
from graphc.ir.expr import Expr
from graphc.ir.graph import Graph
from graphc.ir.source import no_sources
from graphc.ir.verify import verify
from graphc.rewrite import RULES, Rule, RuleSet, explain, rewrite, simplify

TOLERANCE = {"float32": 2e-6, "float64": 1e-14}


def by_itself(rule: Rule, expr: Expr) -> tuple[Expr, dict[str, int]]:
    """What one rule alone makes of an expression."""
    rules = RuleSet([rule])
    with no_sources():
        result = rewrite(Graph(tuple(_inputs(expr)), (expr,)), [(rules, rules)])
    verify(result.graph)
    return result.graph.outputs[0], result.hits


def _inputs(expr: Expr) -> list[Expr]:
    return [n for n in Graph((), (expr,)).nodes if n.op.name == "input"]


def _value(expr: Expr, inputs: Inputs) -> np.ndarray:
    needed = {id(n) for n in _inputs(expr)}
    return np.asarray(gc.interpret(expr, {k: v for k, v in inputs.given().items() if id(k) in needed}))


def assert_same_bits(found: np.ndarray, expected: np.ndarray) -> None:
    """Equal, signed zeros told apart; one nan is as good as another."""
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(found, expected)
    if expected.dtype.kind == "f":
        known = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(found)[known], np.signbit(expected)[known])


def test_every_rule_has_an_example() -> None:
    assert sorted(EXAMPLES) == sorted(r.name for r in RULES)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
def test_the_rule_fires_and_keeps_the_value(rule: Rule, dtype: str) -> None:
    inputs = Inputs(dtype, special=rule.kind == "exact")
    before = EXAMPLES[rule.name](inputs)
    after, hits = by_itself(rule, before)
    assert hits == {rule.name: hits.get(rule.name)}
    assert (after.dtype, after.shape) == (before.dtype, before.shape)
    expected, found = _value(before, inputs), _value(after, inputs)
    if rule.kind == "exact":
        assert_same_bits(found, expected)
    else:
        np.testing.assert_allclose(found, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
def test_the_rule_is_reached_and_leaves_nothing_to_do(rule: Rule) -> None:
    inputs = Inputs("float64", special=False)
    expr = EXAMPLES[rule.name](inputs)
    fast_math = rule.kind == "fast_math"
    once = simplify(Graph(tuple(inputs.exprs), (expr,)), fast_math=fast_math)
    assert once.hits.get(rule.name, 0) > 0
    twice = simplify(once.graph, fast_math=fast_math)
    assert twice.hits == {}
    assert twice.graph.outputs[0] is once.graph.outputs[0]


@pytest.mark.parametrize("rule", [r for r in RULES if r.kind == "fast_math"], ids=lambda r: r.name)
def test_fast_math_is_asked_for(rule: Rule) -> None:
    inputs = Inputs("float64", special=False)
    hits = simplify(Graph(tuple(inputs.exprs), (EXAMPLES[rule.name](inputs),))).hits
    assert not any(name.startswith("fast-") for name in hits)


def test_explain_lists_every_rule_on_a_line() -> None:
    lines = explain().splitlines()
    assert len(lines) == 2 + len(RULES)
    assert "| stabilize | log1p | stabilize | `log(add(x, 1)) → log1p(x)` |" in lines
    assert all(line.count("|") == 5 for line in lines)


def test_names_of_rules_are_distinct() -> None:
    assert len({r.name for r in RULES}) == len(RULES)
