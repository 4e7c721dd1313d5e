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


def _small() -> tuple[gc.Expr, gc.Expr]:
    x = gc.input("x", (4, 3))
    w = gc.param("w", np.ones((3, 2), "float32"))
    return x, gc.softmax(gc.tanh(x @ w) + gc.arange(2, dtype="float32"), axis=1)


def test_graphs_come_back_as_the_same_expressions() -> None:
    x, y = _small()
    for what in (y, [y, {"a": x, "b": (y, gc.exp(y))}], (gc.concat([x, 2 * x]), gc.take(x, np.array([1, 0]), axis=0))):
        assert str(gc.from_networkx(gc.to_networkx(what))) == str(what)
    assert gc.from_networkx(gc.to_networkx(y)) is y


def test_a_changed_graph_is_built_as_it_says() -> None:
    x, y = gc.input("x", (3,)), gc.input("y", (3,))
    graph = gc.to_networkx(gc.tanh(x - y))
    (tanh,) = [n for n, op in graph.nodes(data="op") if op == "tanh"]
    (difference,) = [n for n, op in graph.nodes(data="op") if op == "subtract"]
    graph.nodes[tanh]["op"] = "exp"
    for _, _, data in graph.in_edges(difference, data=True):
        data["position"] = 1 - data["position"]
    assert gc.from_networkx(graph) is gc.exp(y - x)


def test_a_graph_made_by_hand_gets_inputs_of_its_own() -> None:
    graph = nx.MultiDiGraph()
    graph.add_node("a", op="input", name="x", shape=("n", 3), dtype="float64")
    graph.add_node("b", op="square", name="squared")
    graph.add_node("c", op="sum", attrs={"axes": (1,)})
    graph.add_edge("a", "b", position=0)
    graph.add_edge("b", "c", position=0)
    (total,) = gc.from_networkx(graph)
    assert total.args[0].name == "squared"
    x = total.args[0].args[0]
    assert (x.name, str(x.shape[0]), x.dtype.name) == ("x", "n", "float64")
    assert gc.interpret(total, {x: np.ones((2, 3))}).tolist() == [3, 3]


def test_bytes_are_for_longest_paths_and_cheapest_cuts() -> None:
    x = gc.input("x", ("n", 8))
    graph = gc.to_networkx(gc.sum(gc.exp(x) * gc.tanh(x[:, :1]), axis=1), n=4)
    sizes = {d["op"]: d["bytes"] for _, d in graph.nodes(data=True)}
    assert (sizes["input"], sizes["sum"]) == (4 * 4 * 8, 4 * 4)
    path = nx.dag_longest_path(graph, weight="bytes")
    carried = [max(d["bytes"] for d in graph[a][b].values()) for a, b in nx.utils.pairwise(path)]
    assert sum(carried) >= 3 * 4 * 4 * 8
    (source,) = [n for n, d in graph.nodes(data=True) if d["op"] == "input"]
    (target,) = [n for n, d in graph.nodes(data=True) if d["output"]]
    assert nx.ancestors(graph, target) == set(graph) - {target}
    flow = nx.DiGraph(graph)
    cut, _ = nx.minimum_cut(flow, source, target, capacity="bytes")
    assert cut == 4 * 4 * 8
    assert "bytes" not in gc.to_networkx(x).nodes[0]


def test_a_compiled_function_says_which_kernels_compute_a_node() -> None:
    x, y = _small()
    f = gc.compile([x], {"y": y, "total": gc.sum(y)})
    graph = gc.to_networkx(f)
    named = {kernel for _, kernels in graph.nodes(data="kernels") for kernel in kernels}
    assert named == {k.name for k in f.kernels}
    leaves = ("input", "param", "constant", "iota")
    assert all(d["kernels"] for _, d in graph.nodes(data=True) if d["op"] not in leaves)
    back = gc.from_networkx(graph)
    assert back.keys() == {"y", "total"}
    assert back["y"] is f.graph.outputs[0]


def test_broken_graphs_are_refused() -> None:
    def broken(**changes: object) -> nx.MultiDiGraph:
        graph = nx.MultiDiGraph()
        graph.add_node(0, op="input", name="x", shape=(3,), dtype="float32")
        graph.add_node(1, **({"op": "sum", "attrs": {"axes": (0,)}} | changes))
        graph.add_edge(0, 1, position=0)
        return graph

    cyclic = broken()
    cyclic.add_edge(1, 0, position=0)
    twice = broken(op="add", attrs={})
    twice.add_edge(0, 1, position=0)
    for graph, error, words in [
        (cyclic, gc.GraphError, "cycle"),
        (nx.Graph(), gc.GraphError, "not directed"),
        (broken(op="frobnicate"), gc.GraphError, "'frobnicate', which does not exist"),
        (broken(attrs={"axis": 0}), gc.GraphError, "has the attributes axes, not axis"),
        (broken(op="add", attrs={}), gc.GraphError, "needs 2 arguments"),
        (twice, gc.GraphError, "needs 2 arguments"),
        (broken(op="param"), gc.GraphError, "needs 0 arguments"),
        (broken(attrs={"axes": (1,)}), gc.ShapeError, "are not axes"),
    ]:
        with pytest.raises(error, match=words):
            gc.from_networkx(graph)
    alone = nx.MultiDiGraph()
    alone.add_node(0, op="param", name="w")
    with pytest.raises(gc.GraphError, match="needs its `expr`"):
        gc.from_networkx(alone)
