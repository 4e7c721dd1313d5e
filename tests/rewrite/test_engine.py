"""The engine: fixpoints, ends of what has none, provenance, names, and time in proportion to the graph."""

from __future__ import annotations

import time

import pytest
from linear import assert_linear

import graphc as gc
from graphc.ir.dtype import as_dtype
from graphc.ir.expr import Expr
from graphc.ir.graph import Graph
from graphc.ir.source import no_sources
from graphc.ops import leaf, scalar
from graphc.rewrite import Rule, RuleSet, Simplified, rewrite, simplify
from graphc.rewrite.pattern import P, var

x, y = var("x"), var("y")
F64 = as_dtype("float64")


def run(graph: Graph, *rules: Rule) -> Simplified:
    found = RuleSet(rules)
    with no_sources():
        return rewrite(graph, [(found, found)])


def test_a_graph_nothing_fires_on_is_returned_as_it_is() -> None:
    a = gc.input("a", (3,))
    graph = Graph((a,), (gc.tanh(a),))
    result = simplify(graph)
    assert result.graph is graph
    assert result.hits == {}
    assert not result.origins


def test_what_a_rule_makes_is_rewritten_in_turn() -> None:
    a = gc.input("a", (3,))
    result = run(
        Graph((a,), (gc.exp(a),)),
        Rule("one", P.exp(x), lambda x: scalar.tanh(scalar.erf(x))),
        Rule("two", P.erf(x), lambda x: scalar.sqrt(x)),
        Rule("three", P.tanh(P.sqrt(x)), lambda x: scalar.log(x)),
    )
    assert result.graph.outputs[0] is gc.log(a)
    assert result.hits == {"one": 1, "two": 1, "three": 1}


def test_rules_that_go_in_a_circle_end() -> None:
    a = gc.input("a", (3,))
    result = run(
        Graph((a,), (gc.log(gc.exp(a)),)),
        Rule("there", P.exp(x), lambda x: scalar.tanh(x)),
        Rule("back", P.tanh(x), lambda x: scalar.exp(x)),
    )
    assert result.graph.outputs[0].op.name == "log"
    assert result.hits == {"there": 1, "back": 1}


def test_what_a_rule_only_wraps_stays() -> None:
    a = gc.input("a", (3,))
    result = run(Graph((a,), (gc.exp(a),)), Rule("wrap", P.exp(x), lambda out: scalar.tanh(out)))
    assert result.graph.outputs[0] is gc.exp(a)


def test_a_rule_that_always_grows_ends() -> None:
    a = gc.input("a", (3,))
    result = run(Graph((a,), (gc.exp(a),)), Rule("grow", P.exp(x), lambda x: scalar.exp(scalar.tanh(x))))
    assert 1 < result.hits["grow"] <= 1000


def test_a_rule_may_decline() -> None:
    a = gc.input("a", (3,))
    result = run(Graph((a,), (gc.exp(a),)), Rule("never", P.exp(x), lambda x: None))
    assert result.hits == {}
    assert result.graph.outputs[0] is gc.exp(a)


def test_shared_nodes_are_rewritten_once() -> None:
    a = gc.input("a", (3,))
    shared = gc.multiply(a, 1.0)
    result = simplify(Graph((a,), (gc.exp(shared), gc.tanh(shared))))
    assert result.hits["multiply-one"] == 1


def test_updates_are_rewritten_too() -> None:
    import numpy as np

    w = gc.param("w", np.ones(3, "float32"))
    result = simplify(Graph((), (), ((w, w * 1.0 + (-w)),)))
    assert result.graph.updates[0][0] is w
    assert result.graph.updates[0][1] is gc.subtract(w, w)


def test_origins_lead_from_made_nodes_to_the_matched_ones() -> None:
    a = gc.input("a", (3, 4))
    total = gc.sum(gc.exp(a), axis=1)
    root = gc.log(total)
    result = simplify(Graph((a,), (root,)))
    out = result.graph.outputs[0]
    assert out.op.name == "add"
    assert result.origins[out][0] is root
    largest = next(n for n in result.graph.nodes if n.op.name == "max")
    assert result.origins[largest][0] is root
    assert a not in result.origins


def test_origins_of_merged_nodes_are_kept_side_by_side() -> None:
    a = gc.input("a", (3,))
    first, second = gc.exp(gc.multiply(a, 1.0)), gc.exp(gc.negative(gc.negative(a)))
    result = simplify(Graph((a,), (first, second)))
    out = result.graph.outputs[0]
    assert result.graph.outputs[1] is out
    assert {id(o) for o in result.origins[out]} == {id(first), id(second)}


def test_names_carry_over_but_not_to_constants() -> None:
    a, b = gc.input("a", (3,)), gc.input("b", (3,))
    kept = gc.name(a + (-b), "difference")
    lost = gc.name(gc.constant(2.0, dtype="float64") * gc.constant(3.5, dtype="float64"), "seven")
    result = simplify(Graph((a, b), (kept, lost)))
    assert result.graph.outputs[0] is gc.subtract(a, b)
    assert result.graph.outputs[0].name == "difference"
    assert result.graph.outputs[1].op.name == "constant"
    assert result.graph.outputs[1].name is None


def test_a_name_that_is_there_stays() -> None:
    a, b = gc.input("a", (3,)), gc.input("b", (3,))
    own = gc.name(gc.subtract(a, b), "own")
    result = simplify(Graph((a, b), (gc.name(a + (-b), "other"), own)))
    assert result.graph.outputs[0] is own
    assert own.name == "own"


def test_made_nodes_have_no_source_lines() -> None:
    a = gc.input("a", (7, 11))
    result = simplify(Graph((a,), (gc.log(gc.sum(gc.exp(a), axis=1)),)))
    assert next(n for n in result.graph.nodes if n.op.name == "max").sources == ()


def _chain(length: int) -> Graph:
    """Half of its nodes are rewritten."""
    with no_sources():
        a, b = leaf.input("a", (), F64), leaf.input("b", (), F64)
        expr: Expr = a
        for _ in range(length // 4):
            expr = scalar.add(scalar.negative(scalar.tanh(expr)), scalar.multiply(b, a))
    return Graph((a, b), (expr,))


def _seconds(graph: Graph) -> float:
    graph.nodes  # noqa: B018  (cached: only the rewriting is measured)
    started = time.process_time()
    result = simplify(graph)
    spent = time.process_time() - started
    assert result.hits["add-negative"] >= (len(graph.nodes) - 10) // 4
    return spent


def test_time_is_linear_in_the_length_of_a_chain() -> None:
    assert_linear(lambda length: _seconds(_chain(length)))


def test_a_long_chain_of_one_line_rules_collapses() -> None:
    a = gc.input("a", (), dtype="float64")
    with no_sources():
        expr: Expr = a
        for _ in range(50_000):
            expr = scalar.negative(scalar.negative(expr))
    result = simplify(Graph((a,), (expr,)))
    assert result.graph.outputs[0] is a


@pytest.mark.parametrize("level", [1, 2, 3])
def test_levels(level: int) -> None:
    a = gc.input("a", (3,))
    result = simplify(Graph((a,), (gc.stop_gradient(gc.log(gc.exp(a * 1.0))),)), level=level)
    kept = [n.op.name for n in result.graph.nodes]
    assert kept == (["input", "exp", "log", "stop_gradient"] if level == 1 else ["input"])
