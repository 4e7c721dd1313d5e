"""Graphs as NetworkX knows them."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

import graphc as gc


def test_nodes_carry_what_an_expression_says_of_itself() -> None:
    x = gc.input("x", ("batch", 3))
    w = gc.param("w", np.ones((3, 2), "float32"))
    y = gc.name(x @ w, "y")
    graph = gc.to_networkx(gc.sum(y, axis=1))
    by_name = {d["name"]: d for _, d in graph.nodes(data=True)}
    assert by_name["y"]["op"] == "matmul"
    assert by_name["y"]["shape"] == ("batch", 2)
    assert by_name["w"]["dtype"] == "float32"
    assert by_name["y"]["expr"] is y
    assert "test_networkx.py:" in by_name["y"]["source"]
    (total,) = [d for _, d in graph.nodes(data=True) if d["op"] == "sum"]
    assert total["attrs"] == {"axes": (1,)}
    assert total["output"] == [0]
    assert by_name["x"]["attrs"] == {}


def test_edges_say_which_argument_they_are() -> None:
    x, y = gc.input("x", ()), gc.input("y", ())
    graph = gc.to_networkx(y - x)
    names = nx.get_node_attributes(graph, "name")
    assert {(names[a], p) for a, _, p in graph.edges(data="position")} == {("y", 0), ("x", 1)}


def test_one_value_may_be_two_arguments() -> None:
    x = gc.input("x", ())
    graph = gc.to_networkx(x * x)
    assert graph.number_of_edges() == 2
    assert isinstance(graph, nx.DiGraph)


def test_outputs_and_order() -> None:
    x = gc.input("x", ())
    a, b = gc.exp(x), gc.tanh(x)
    graph = gc.to_networkx({"a": a, "b": [b, a]})
    outputs = {d["op"]: d["output"] for _, d in graph.nodes(data=True)}
    assert outputs == {"input": [], "exp": [0, 2], "tanh": [1]}
    assert all(tail < head for tail, head in graph.edges())
    assert nx.is_directed_acyclic_graph(graph)


def test_a_long_chain_converts_without_recursion() -> None:
    x = gc.input("x", ())
    for _ in range(5000):
        x = gc.tanh(x)
    assert nx.dag_longest_path_length(gc.to_networkx(x)) == 5000


def test_arrays_are_refused() -> None:
    with pytest.raises(gc.GraphError, match="must be expressions"):
        gc.to_networkx([np.ones(3)])
