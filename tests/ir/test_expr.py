from __future__ import annotations

import copy
import functools
import gc as collector
import inspect
import pickle
import re
import threading
import time
import weakref

import numpy as np
import pytest
from linear import assert_linear

import graphc as gc
from graphc.ir.expr import ConstantValue, Expr, post_order
from graphc.ir.source import no_sources, user_source
from graphc.ops import leaf


def here() -> int:
    """The line of the caller."""
    frame = inspect.currentframe()
    assert frame is not None and frame.f_back is not None
    return frame.f_back.f_lineno


def test_building_twice_gives_the_same_object() -> None:
    x = gc.input("x", (3, 4))
    assert gc.sum(gc.tanh(x) * 2, axis=1) is gc.sum(gc.tanh(x) * 2, axis=1)
    assert gc.sum(x, axis=0) is not gc.sum(x, axis=1)


def test_inputs_and_params_are_always_new() -> None:
    assert gc.input("x", (3,)) is not gc.input("x", (3,))
    assert gc.param("w", [1.0]) is not gc.param("w", [1.0])


def test_constants_are_told_apart_by_bits_dtype_and_shape() -> None:
    assert gc.constant(0.0) is not gc.constant(-0.0)
    assert gc.constant(np.nan) is gc.constant(np.nan)
    assert gc.constant(np.ones((), "float32")) is not gc.constant(np.ones((), "float64"))
    assert gc.constant(np.zeros((2, 3))) is not gc.constant(np.zeros((3, 2)))
    assert gc.constant(np.arange(100)) is gc.constant(np.arange(100))
    assert gc.constant(True) is not gc.constant(1)
    assert ConstantValue(np.zeros(2)) != 3


def test_constants_keep_their_own_copy() -> None:
    array = np.zeros(3)
    c = gc.constant(array)
    array[:] = 7
    np.testing.assert_array_equal(gc.interpret(c), [0, 0, 0])
    with pytest.raises(ValueError, match="read-only"):
        c.attrs["value"].array[0] = 1


def test_a_graph_nobody_holds_is_freed() -> None:
    x = gc.input("x", (3,))
    made = weakref.ref(gc.tanh(x))
    collector.collect()
    assert made() is None
    assert gc.tanh(x) is gc.tanh(x)


def test_threads_building_the_same_graph_get_the_same_nodes() -> None:
    x = gc.input("x", (3,))
    barrier, results = threading.Barrier(8), []

    def build() -> None:
        barrier.wait()
        y = x
        for i in range(200):
            y = gc.tanh(y) * float(i)
        results.append(y)

    threads = [threading.Thread(target=build) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(results) == 8
    assert all(r is results[0] for r in results)


def test_the_users_line_is_kept() -> None:
    x = gc.input("x", (3,))
    y = gc.log_softmax(x)
    line = here() - 1
    assert y.source is not None
    assert (y.source.file, y.source.line) == (__file__, line)
    assert y.args[0].source == y.source


def test_the_users_line_is_not_one_of_pythons_library() -> None:
    x = gc.input("x", (5,))
    folded = functools.reduce(gc.add, [gc.exp(x), gc.sin(x), gc.cos(x)])
    line = inspect.currentframe().f_lineno - 1  # type: ignore[union-attr]
    assert str(folded.source) == f"{__file__}:{line}"


def test_a_few_sites_are_kept_and_the_first_is_the_source() -> None:
    x = gc.input("x", (3,))
    first = gc.exp(x)
    gc.exp(x)
    assert len(first.sources) == 2
    for _ in range(10):
        gc.exp(x)
    assert len(first.sources) == 3
    assert first.source == first.sources[0]


def test_the_compilers_own_nodes_have_no_source() -> None:
    x = gc.input("x", (3,))
    with no_sources():
        assert gc.exp(x).source is None
        assert user_source() is None
    assert gc.log(x).source is not None


def test_truth_length_and_numbers() -> None:
    x, v = gc.input("x", (3, 2)), gc.input("v", ("n",))
    with pytest.raises(gc.GraphError, match=r"(?s)truth.*gc\.where"):
        bool(x > 0)
    with pytest.raises(gc.GraphError):
        bool(v in [gc.input("w", ("n",))])
    assert len(x) == 3
    assert [e.shape for e in x] == [(2,)] * 3
    with pytest.raises(gc.GraphError, match="not a number before a call"):
        len(v)
    with pytest.raises(TypeError, match="no length"):
        len(gc.sum(x))
    for convert in (float, int, np.asarray, np.array, lambda e: [1][e]):
        with pytest.raises(gc.GraphError, match="no value before it is computed"):
            convert(gc.sum(x))
    assert f"{x}|{x:s}" == f"{x!r}|{x!r}"
    with pytest.raises(gc.GraphError, match=r"(?s)no value before it is computed.*test_expr\.py"):
        f"{gc.sum(x):.2f}"
    with pytest.raises(gc.GraphError, match=r"(?s)is not pickled.*test_expr\.py"):
        pickle.dumps({"x": x})


def test_properties_and_texts() -> None:
    x = gc.input("x", ("batch", 784))
    h = gc.name(gc.relu(x), "h")
    assert (x.ndim, str(x.size), str(x.shape[0])) == (2, "784*batch", "batch")
    assert repr(x) == "<input 'x': f32[batch, 784]>"
    assert repr(h) == "<relu 'h': f32[batch, 784]>"
    assert h.label == "'h', relu of dtype float32 and shape (batch, 784)"
    assert copy.copy(x) is x
    assert copy.deepcopy({"x": x})["x"] is x


def test_expressions_are_keys_of_dicts() -> None:
    keys = [gc.input(f"x{i}", ()) for i in range(100)]
    table = dict(zip(keys, range(100), strict=True))
    assert [table[k] for k in keys] == list(range(100))


def test_absurd_sizes_are_refused_where_they_are_built() -> None:
    tall, wide = gc.input("tall", (2**31, 1)), gc.input("wide", (1, 2**31))
    with pytest.raises(gc.ShapeError, match=r"(?s)beyond what an address reaches.*'tall'.*test_expr\.py"):
        tall @ wide
    with pytest.raises(gc.ShapeError, match="beyond what an address"):
        gc.input("x", (2**62,))
    with pytest.raises(gc.ShapeError, match="beyond what an address reaches"):
        gc.input("x", (2**40, 2**40, "n"))
    assert gc.input("x", (2**40, 2**40, 0)).size == 0


def test_post_order_has_arguments_first_and_each_node_once() -> None:
    x = gc.input("x", (3,))
    y = gc.tanh(x)
    z = y * y + gc.exp(y)
    order = post_order((z, y))
    assert len({id(e) for e in order}) == len(order)
    place = {id(e): i for i, e in enumerate(order)}
    assert all(place[id(a)] < place[id(e)] for e in order for a in e.args)
    assert [e.op.name for e in order] == ["input", "tanh", "multiply", "exp", "add"]


def chain(length: int) -> Expr:
    y = x = gc.input("x", (4,))
    for _ in range(length // 2):
        y = y * x + x
    return y


def test_a_chain_of_100_000_nodes_is_built_printed_and_freed_in_linear_time() -> None:
    def seconds(length: int) -> float:
        start = time.process_time()
        text = gc.dump(chain(length))
        assert text.count("\n") == length + 2
        collector.collect()
        return time.process_time() - start

    assert_linear(seconds)


def test_sizes_as_leaves() -> None:
    assert leaf.size(3) is leaf.scalar(3, gc.int64)
    assert gc.dump(gc.size(gc.input("x", ("n", 3)))).startswith("%0: i64[] = size {size=3*n}")


def test_a_sweep_is_of_the_line_that_asked_for_it_and_a_users_rule_of_its_own() -> None:
    x = gc.input("x", (3,))

    @gc.custom_vjp
    def twice(v: gc.Expr) -> gc.Expr:
        return v + v

    twice.defvjp(lambda v: (v + v, ()), lambda residuals, g: (gc.sinh(g),))
    line = inspect.currentframe().f_lineno + 1  # type: ignore[union-attr]
    found = gc.grad(gc.sum(gc.exp(twice(x)) * 2.5), x)
    own = {n.op.name: n.source for n in post_order((found,)) if n.source is not None}
    assert own["sinh"].line == line - 2
    assert {own[name].line for name in ("multiply", "exp", "broadcast_to")} == {line}
    assert all(s.file == __file__ for s in own.values())


@pytest.mark.parametrize("what", ["shape", "dtype", "op", "args", "attrs", "anything"])
def test_an_expression_does_not_change(what: str) -> None:
    """Equal expressions are one: what one user did to it would happen to all."""
    x = gc.input("x", (2,))
    y = gc.sin(x)
    with pytest.raises(AttributeError, match=f"nor does its {what};"):
        setattr(y, what, (7,))
    with pytest.raises(AttributeError, match=rf"(?s)nor does its {what};.*{re.escape(__file__)}"):
        delattr(y, what)
    assert gc.sin(x) is y and y.shape == (2,)
