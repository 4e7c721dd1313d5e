"""Jacobians, Hessians and Hessian–vector products, against SymPy, differences and closed forms."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

import graphc as gc
from graphc.ir.expr import Expr, post_order

RNG = np.random.default_rng(11)
F64 = "float64"


def variable(*shape: int | str) -> Expr:
    return gc.input("x", shape, F64)


def network(W1: Expr, b1: Expr, W2: Expr, x: Expr) -> Expr:
    """A 2-4-2 network: 8 + 4 + 8 = 20 parameters."""
    return gc.tanh(x @ W1 + b1) @ W2


def test_jacobian_and_hessian_of_twenty_parameters_are_sympys() -> None:
    sympy = pytest.importorskip("sympy")
    shapes = ((2, 4), (4,), (4, 2))
    parameters = [variable(*s) for s in shapes]
    x = np.array([0.3, -0.7])
    y = network(*parameters, gc.constant(x))
    loss = gc.sum(gc.exp(y) + y**2)

    symbols = [np.array(sympy.symbols(f"{n}:{np.prod(s)}")).reshape(s) for n, s in zip("abc", shapes, strict=True)]
    W1, b1, W2 = symbols
    flat = [s for array in symbols for s in array.ravel()]
    hidden = [sympy.tanh(sum(x[i] * W1[i, j] for i in range(2)) + b1[j]) for j in range(4)]
    outputs = [sum(hidden[j] * W2[j, k] for j in range(4)) for k in range(2)]
    scalar = sum(sympy.exp(o) + o**2 for o in outputs)
    exact_jacobian = sympy.lambdify(flat, sympy.Matrix(outputs).jacobian(flat))
    exact_hessian = sympy.lambdify(flat, sympy.hessian(scalar, flat))

    jacobians = gc.jacobian(y, parameters)
    hessians = gc.hessian(loss, parameters)
    both = gc.compile(parameters, (jacobians, hessians))
    assert len(flat) == 20
    for _ in range(3):
        values = [RNG.normal(size=s) for s in shapes]
        point = np.concatenate([v.ravel() for v in values])
        interpreted = gc.interpret((jacobians, hessians), dict(zip(parameters, values, strict=True)))
        for found_jacobians, found_hessians in (both(*values), interpreted):
            J = np.concatenate([j.reshape(2, -1) for j in found_jacobians], 1)
            H = np.block([[h.reshape(a.size, b.size) for h, b in zip(row, values, strict=True)]
                          for row, a in zip(found_hessians, values, strict=True)])  # fmt: skip
            np.testing.assert_allclose(J, exact_jacobian(*point), rtol=1e-12, atol=1e-13)
            np.testing.assert_allclose(H, exact_hessian(*point), rtol=1e-11, atol=1e-12)


FUNCTIONS: dict[str, Callable[[Expr], Expr]] = {
    "elementwise": lambda x: gc.exp(x) * gc.sum(x),
    "few outputs": lambda x: gc.sum(gc.tanh(x), axis=0),
    "many outputs": lambda x: gc.expand_dims(gc.expand_dims(x, -1), -1) * np.arange(15.0).reshape(3, 5),
    "scalar": lambda x: gc.logsumexp(x),
    "reordered": lambda x: gc.softmax(x[::-1, 1:]),
    "contracted": lambda x: x.T @ x,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_jacobians_agree_with_differences(name: str) -> None:
    x = variable(4, 3)
    y = FUNCTIONS[name](x)
    J = gc.jacobian(y, x)
    assert J.shape == (*y.shape, *x.shape)
    value, step = RNG.normal(size=(4, 3)), 1e-6
    f = gc.compile([x], y)
    expected = np.empty(J.shape)
    for at in np.ndindex(4, 3):
        e = np.zeros((4, 3))
        e[at] = step
        expected[(..., *at)] = (f(value + e) - f(value - e)) / (2 * step)
    for found in (gc.interpret(J, {x: value}), gc.compile([x], J)(value)):
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-8)


def test_jacobians_are_a_sweep_and_no_loop() -> None:
    def nodes(n: int) -> int:
        x = variable(n)
        return len(post_order((gc.jacobian(gc.tanh(x * gc.sum(x)), x),)))

    assert nodes(3) == nodes(300)


def test_the_side_with_fewer_directions_is_taken() -> None:
    W = gc.constant(RNG.normal(size=(50, 3)))
    widest = {}
    for name, (y_of, n) in {"tall": (lambda x: W @ x, 3), "wide": (lambda x: gc.tanh(x) @ W, 50)}.items():
        x = variable(n)
        nodes = post_order((gc.jacobian(y_of(x), x),))
        widest[name] = max(max(e.shape, default=0) * min(e.shape, default=0) for e in nodes if e.ndim == 2)
    assert widest == {"tall": 150, "wide": 150}


def test_structures_nest_as_jax_has_them() -> None:
    x, y = variable(2), variable(3)
    found = gc.jacobian({"a": x * 2.0, "b": [gc.sum(y)]}, (x, {"y": y}))
    value = gc.interpret(found, {x: [1.0, 2.0], y: [1.0, 2.0, 3.0]})
    np.testing.assert_array_equal(value["a"][0], 2 * np.eye(2))
    np.testing.assert_array_equal(value["a"][1]["y"], np.zeros((2, 3)))
    np.testing.assert_array_equal(value["b"][0][0], np.zeros(2))
    np.testing.assert_array_equal(value["b"][0][1]["y"], np.ones(3))
    seconds = gc.hessian(gc.sum(x) * gc.sum(y**2), {"x": x, "y": y})
    value = gc.interpret(seconds, {x: [1.0, 2.0], y: [1.0, 2.0, 3.0]})
    np.testing.assert_array_equal(value["x"]["x"], np.zeros((2, 2)))
    np.testing.assert_array_equal(value["x"]["y"], np.tile([2.0, 4, 6], (2, 1)))
    np.testing.assert_array_equal(value["y"]["x"], value["x"]["y"].T)
    np.testing.assert_array_equal(value["y"]["y"], 6 * np.eye(3))


def test_named_dimensions() -> None:
    x = variable("n")
    J = gc.jacobian(gc.tanh(x), x)
    value = RNG.normal(size=5)
    np.testing.assert_allclose(gc.compile([x], J)(value), np.diag(1 - np.tanh(value) ** 2), rtol=1e-12)


@pytest.mark.parametrize("n", [1, 5])
def test_hessian_vector_products_are_products_with_hessians(n: int) -> None:
    x, v = variable(n), variable(n)
    loss = gc.sum(gc.tanh(x) ** 2) * gc.exp(gc.sum(x))
    values = {x: RNG.normal(size=n), v: RNG.normal(size=n)}
    product, hessian = gc.interpret((gc.hvp(loss, x, v), gc.hessian(loss, x)), values)
    np.testing.assert_allclose(product, hessian @ values[v], rtol=1e-11)
    np.testing.assert_allclose(hessian, hessian.T, rtol=1e-11)


def test_a_hessian_vector_product_costs_at_most_four_gradients() -> None:
    """Counted in floating point operations of the compiled program, which decide at this size."""
    x, y = gc.input("x", (128, 64)), gc.input("y", (128, 10))
    parameters = [gc.input(f"W{i}", s) for i, s in enumerate(((64, 128), (128,), (128, 10), (10,)))]
    W1, b1, W2, b2 = parameters
    logits = gc.relu(x @ W1 + b1) @ W2 + b2
    loss = -gc.mean(gc.sum(y * gc.log_softmax(logits), axis=-1))
    directions = [gc.input(f"v{i}", p.shape) for i, p in enumerate(parameters)]

    def work(outputs: object) -> int:
        f = gc.compile([x, y, *parameters, *directions], outputs)
        return sum(k.flops for k in f.report().kernels)

    assert work(gc.hvp(loss, parameters, directions)) <= 4 * work(gc.grad(loss, parameters))


def test_what_is_refused() -> None:
    x = variable(3)
    for derivative in (gc.hessian, lambda y, x: gc.hvp(y, x, x)):
        with pytest.raises(gc.ShapeError, match=r"(?s)must be a scalar.*test_derivatives\.py"):
            derivative(gc.exp(x), x)
        with pytest.raises(gc.GraphError, match="must be an expression"):
            derivative(1.0, x)
    with pytest.raises(gc.DTypeError, match="floating point, not int64"):
        gc.jacobian(x, gc.input("i", (2,), "int64"))
    with pytest.raises(gc.GraphError, match="must be expressions"):
        gc.jacobian(x, [1.0])
    with pytest.raises(gc.ShapeError, match="must have the shape"):
        gc.hvp(gc.sum(x), x, np.zeros(4))


def test_identities_of_calculus() -> None:
    """J of a composition is the product of Js, for every pair of these maps."""
    maps = (gc.tanh, lambda x: x * gc.sum(x), lambda x: gc.softmax(x))
    value = RNG.normal(size=4)
    for f, g in itertools.product(maps, repeat=2):
        x = variable(4)
        inner = f(x)
        outer = gc.jacobian(g(inner), inner) @ gc.jacobian(inner, x)
        found, expected = gc.interpret((gc.jacobian(g(inner), x), outer), {x: value})
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)
