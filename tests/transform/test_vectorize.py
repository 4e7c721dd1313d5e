"""gc.vmap: axes, structures, nesting, derivatives on both sides, refusals."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as gc
from graphc.ir.expr import Expr, post_order

RNG = np.random.default_rng(5)
F64 = "float64"


def batch_of(*shape: int | str) -> Expr:
    return gc.input("batch", shape, F64)


def test_a_function_of_one_element_takes_a_batch() -> None:
    xs, w = batch_of("n", 3), RNG.normal(size=(4, 3))
    W = gc.constant(w)
    ys = gc.vmap(lambda x: gc.tanh(W @ x))(xs)
    data = RNG.normal(size=(5, 3))
    assert ys.shape == (gc.Dim("n"), 4)
    np.testing.assert_allclose(gc.interpret(ys, {xs: data}), np.tanh(data @ w.T), rtol=1e-13)
    np.testing.assert_allclose(gc.compile([xs], ys)(data), np.tanh(data @ w.T), rtol=1e-13)


def test_a_matrix_that_all_share_is_met_in_one_product() -> None:
    W, xs = batch_of(4, 3), batch_of(7, 3)
    ys = gc.vmap(lambda W, x: W @ x, in_axes=(None, 0))(W, xs)
    products = [n for n in post_order((ys,)) if n.op.name == "matmul"]
    assert [p.shape for p in products] == [(7, 4)]


def test_what_does_not_depend_on_the_batch_stays_one_node() -> None:
    x, xs = batch_of(3), batch_of(7, 3)
    shared = gc.exp(x)
    ys = gc.vmap(lambda e: shared * e)(xs)
    assert any(n is shared for n in post_order((ys,)))
    assert gc.vmap(lambda e: (shared, e), out_axes=(None, 0))(xs)[0] is shared


@pytest.mark.parametrize("in_axis", [0, 1, 2, -1])
@pytest.mark.parametrize("out_axis", [0, 1, -1])
def test_axes_may_be_any(in_axis: int, out_axis: int) -> None:
    xs = batch_of(2, 3, 4)
    data = RNG.normal(size=(2, 3, 4))
    found = gc.interpret(gc.vmap(lambda x: x.T * 2.0, in_axis, out_axis)(xs), {xs: data})
    rows = [np.take(data, i, in_axis).T * 2.0 for i in range(data.shape[in_axis])]
    np.testing.assert_array_equal(found, np.stack(rows, out_axis))


def test_structures_and_axes_of_their_own() -> None:
    xs, shared, ys = batch_of(2, 5), batch_of(2), batch_of(5)
    arrays = {xs: RNG.normal(size=(2, 5)), shared: RNG.normal(size=2), ys: RNG.normal(size=5)}

    def f(both: dict[str, Expr], y: Expr, *, z: Expr) -> dict[str, object]:
        return {"sum": both["x"] + both["shared"], "pair": [y * z, (y,)]}

    axes = ({"x": 1, "shared": None}, 0)
    found = gc.vmap(f, in_axes=axes, out_axes={"sum": 1, "pair": 0})({"x": xs, "shared": shared}, ys, z=ys)
    value = gc.interpret(found, arrays)
    np.testing.assert_array_equal(value["sum"], arrays[xs] + arrays[shared][:, None])
    np.testing.assert_array_equal(value["pair"][0], arrays[ys] ** 2)
    np.testing.assert_array_equal(value["pair"][1][0], arrays[ys])


def test_arrays_lift_themselves() -> None:
    found = gc.vmap(lambda x, y: x * y)(np.arange(3.0), np.ones(3))
    np.testing.assert_array_equal(gc.interpret(found), [0, 1, 2])


def test_nested_batches() -> None:
    a, b = batch_of(3, 2), batch_of(4, 2)
    table = gc.vmap(lambda x: gc.vmap(lambda y: gc.sum(x * y))(b))(a)
    arrays = {a: RNG.normal(size=(3, 2)), b: RNG.normal(size=(4, 2))}
    np.testing.assert_allclose(gc.interpret(table, arrays), arrays[a] @ arrays[b].T, rtol=1e-13)
    crossed = gc.vmap(gc.vmap(lambda x, y: gc.sum(x * y), in_axes=(None, 0)), in_axes=(0, None))(a, b)
    np.testing.assert_allclose(gc.interpret(crossed, arrays), arrays[a] @ arrays[b].T, rtol=1e-13)


def test_gradients_of_batches_and_batches_of_gradients() -> None:
    xs, w = batch_of("n", 3), gc.param("w", RNG.normal(size=3))
    data = RNG.normal(size=(6, 3))
    each = gc.vmap(lambda x: gc.grad(gc.tanh(gc.sum(w * x)), w))(xs)
    slopes = 1 - np.tanh(data @ w.value) ** 2
    np.testing.assert_allclose(gc.interpret(each, {xs: data}), slopes[:, None] * data, rtol=1e-12)
    total = gc.grad(gc.sum(gc.vmap(lambda x: gc.tanh(gc.sum(w * x)))(xs)), w)
    np.testing.assert_allclose(gc.interpret(total, {xs: data}), slopes @ data, rtol=1e-12)


def test_expressions_that_are_there_already() -> None:
    x, xs = batch_of(3), batch_of("n", 3)
    y = gc.exp(x) + 1.0
    data = RNG.normal(size=(4, 3))
    value = gc.interpret(gc.vmap({"y": y, "one": gc.sum(y)}, given={x: xs}), {xs: data})
    np.testing.assert_allclose(value["y"], np.exp(data) + 1, rtol=1e-13)
    np.testing.assert_allclose(value["one"], (np.exp(data) + 1).sum(1), rtol=1e-13)
    middle = gc.vmap(gc.sum(y), in_axes=1, given={y: data.T})
    np.testing.assert_allclose(gc.interpret(middle), data.sum(1), rtol=1e-13)


def test_names_go_along() -> None:
    def f(x: Expr) -> Expr:
        return gc.name(gc.exp(x), "hidden") * 2

    assert [n.name for n in post_order((gc.vmap(f)(batch_of(3, 2)),)) if n.op.name == "exp"] == ["hidden"]


def test_a_chain_of_100_000_nodes() -> None:
    def chain(x: Expr) -> Expr:
        for _ in range(50_000):
            x = x * 1.5 + 1.0
        return x

    assert gc.vmap(chain)(batch_of(4, 2)).shape == (4, 2)


def test_what_is_refused() -> None:
    xs, ys = batch_of(3, 2), batch_of(4, 2)
    with pytest.raises(gc.ShapeError, match=r"(?s)batches of 3 and of 4.*test_vectorize\.py"):
        gc.vmap(lambda x, y: x + y)(xs, ys)
    with pytest.raises(gc.ShapeError, match=r"axis 5 does not exist"):
        gc.vmap(lambda x: x, in_axes=5)(xs)
    with pytest.raises(gc.GraphError, match="no argument is batched"):
        gc.vmap(lambda x: x, in_axes=None)(xs)
    with pytest.raises(gc.GraphError, match="2 entries for 1 arguments"):
        gc.vmap(lambda x: x, in_axes=(0, 0))(xs)
    with pytest.raises(gc.GraphError, match="structure of the arguments"):
        gc.vmap(lambda x: x["a"], in_axes=({"b": 0},))({"a": xs})
    with pytest.raises(gc.GraphError, match="structure of the results"):
        gc.vmap(lambda x: x, out_axes=(0, 1))(xs)
    with pytest.raises(gc.GraphError, match=r"(?s)out_axes is None.*test_vectorize\.py"):
        gc.vmap(lambda x: x + 1, out_axes=None)(xs)
    with pytest.raises(gc.GraphError, match="expected a function"):
        gc.vmap(xs)
    with pytest.raises(gc.GraphError, match="goes with expressions"):
        gc.vmap(lambda x: x, given={xs: ys})
    with pytest.raises(gc.ShapeError, match="each element"):
        gc.vmap(xs + 1, given={xs: ys})
