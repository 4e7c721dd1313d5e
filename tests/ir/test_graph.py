from __future__ import annotations

import pytest

import graphc as gc
from graphc.ir.expr import make, post_order
from graphc.ir.graph import ExprTable, Graph, bind_sizes, check_updates, rebuild, replace


def test_tables_are_keyed_by_identity() -> None:
    x, y = gc.input("x", ()), gc.input("y", ())
    table = ExprTable([(x, 1)])
    table[y] = 2
    assert (table[x], table[y], len(table)) == (1, 2, 2)
    assert x in table
    assert gc.exp(x) not in table
    assert table.get(gc.exp(x), 7) == 7
    assert table.pop(x) == 1
    assert table.pop(x, None) is None
    assert list(table.values()) == [2]
    assert [k is y for k in table] == [True]
    with pytest.raises(KeyError):
        table[x]


def test_graph_knows_its_nodes_params_and_users() -> None:
    x, w, b = gc.input("x", (3,)), gc.param("w", [1.0, 2.0, 3.0]), gc.param("b", 0.0)
    y = x * w
    loss = gc.sum(y * y)
    graph = Graph((x,), (loss,), ((b, loss),))
    assert graph.roots == (loss, loss)
    assert [p is q for p, q in zip(graph.params, (w, b), strict=True)] == [True, True]
    assert len(graph.users[y]) == 2
    other = graph.with_roots((y, b))
    assert other.outputs[0] is y
    assert other.updates[0][0] is b and other.updates[0][1] is b


def test_rebuilding_over_the_same_arguments_changes_nothing() -> None:
    x, y = gc.input("x", (3,)), gc.input("y", (3,))
    s = gc.sum(x, axis=0)
    assert rebuild(s, s.args) is s
    assert rebuild(s, (y,)) is gc.sum(y, axis=0)


def test_replace_rebuilds_from_the_leaves_up() -> None:
    x, y = gc.input("x", (3,)), gc.input("y", (3,))
    root = gc.tanh(x) * gc.exp(x)
    (new,) = replace([root], lambda node, args: y if node is x else rebuild(node, args))
    assert new is gc.tanh(y) * gc.exp(y)


def test_binding_sizes_makes_every_shape_a_number() -> None:
    x = gc.input("x", ("n", 3))
    h = gc.name(x[1:], "h")
    graph = Graph((x,), (gc.mean(h, axis=0), gc.reshape(h, (-1,))))
    bound, became = bind_sizes(graph, {"n": 5})
    assert [o.shape for o in bound.outputs] == [(3,), (12,)]
    assert all(isinstance(d, int) for node in bound.nodes for d in node.shape)
    assert became[h].name == "h"
    assert became[h].source == h.source
    assert became[x].op.name == "input"


def test_what_has_no_names_stays_itself_when_sizes_are_bound() -> None:
    x = gc.input("x", (4, 3))
    graph = Graph((x,), (gc.softmax(x),))
    bound, _ = bind_sizes(graph, {"n": 5})
    assert bound.outputs[0] is graph.outputs[0]


def test_binding_a_size_at_which_an_operation_is_impossible_names_the_line() -> None:
    x = gc.input("x", ("n",))
    graph = Graph((x,), (x[3],))
    with pytest.raises(gc.ShapeError, match=r"(?s)slice.*size 2.*test_graph\.py"):
        bind_sizes(graph, {"n": 2})


def test_updates_have_to_fit() -> None:
    w = gc.param("w", [1.0, 2.0])
    check_updates([(w, w * 2)])
    with pytest.raises(gc.GraphError, match="updated twice"):
        check_updates([(w, w * 2), (w, w * 3)])
    with pytest.raises(gc.GraphError, match="only params"):
        check_updates([(gc.exp(w), w)])
    with pytest.raises(gc.ShapeError, match=r"(?s)shape.*'w'.*test_graph\.py"):
        check_updates([(w, gc.sum(w))])
    with pytest.raises(gc.DTypeError, match="dtype"):
        check_updates([(w, gc.astype(w, "float64"))])


def test_order_of_nodes_is_that_of_first_need() -> None:
    x = gc.input("x", ())
    a, b = gc.exp(x), gc.tanh(x)
    assert [n.op.name for n in Graph((x,), (b, a)).nodes] == ["input", "tanh", "exp"]
    assert post_order({"out": a})[-1] is a


def test_attributes_are_read_only() -> None:
    s = gc.sum(gc.input("x", (3,)))
    with pytest.raises(TypeError):
        s.attrs["axes"] = ()  # type: ignore[index]
    assert make(s.op, s.args, s.attrs) is s
