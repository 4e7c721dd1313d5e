"""gc.custom_vjp: whose derivative is used, in every sweep, over batches, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc.ir.expr import Expr, post_order

F64 = "float64"
POINT = np.array([0.1, -0.5, 2.0])


def variable(*shape: int | str) -> Expr:
    return gc.input("x", shape, F64)


@gc.custom_vjp
def sine(x: Expr) -> Expr:
    """Its derivative is twice the true one, so that one sees whose is used."""
    return gc.sin(x)


sine.defvjp(lambda x: (gc.sin(x), gc.cos(x)), lambda cosine, g: (2.0 * cosine * g,))


@gc.custom_vjp
def polar(r: Expr, angle: Expr, scale: Any = 1.0) -> dict[str, Any]:
    return {"x": scale * r * gc.cos(angle), "rest": (scale * r * gc.sin(angle), gc.argmax(r))}


def _polar_forward(r: Expr, angle: Expr, scale: Any) -> Any:
    return polar.__wrapped__(r, angle, scale), {"angle": angle, "r": r, "scale": scale}  # type: ignore[attr-defined]


def _polar_backward(saved: dict[str, Any], g: dict[str, Any]) -> Any:
    along, (across, _) = g["x"], g["rest"]
    cosine, sine_ = gc.cos(saved["angle"]), gc.sin(saved["angle"])
    by_r = saved["scale"] * (along * cosine + across * sine_)
    by_angle = saved["scale"] * saved["r"] * (across * cosine - along * sine_)
    return by_r, gc.astype(by_angle, "float32"), None


polar.defvjp(_polar_forward, _polar_backward)


def test_the_value_is_the_functions_and_the_derivative_the_users() -> None:
    x = variable(3)
    value, slope = gc.interpret((sine(x), gc.grad(gc.sum(sine(x) ** 2), x)), {x: POINT})
    np.testing.assert_array_equal(value, np.sin(POINT))
    np.testing.assert_allclose(slope, 2 * np.sin(POINT) * 2 * np.cos(POINT), rtol=1e-14)
    assert sine.__doc__ is not None and "true one" in sine.__doc__


def test_forward_and_second_derivatives_are_those_of_the_rule() -> None:
    x, v = variable(3), variable(3)
    y = sine(x)
    given = {x: POINT, v: np.array([1.0, 2.0, -1.0])}
    tangent, hessian, product = gc.interpret(
        (gc.jvp(y, x, v), gc.hessian(gc.sum(y), x), gc.hvp(gc.sum(y), x, v)), given
    )
    np.testing.assert_allclose(tangent, 2 * np.cos(POINT) * given[v], rtol=1e-14)
    np.testing.assert_allclose(hessian, np.diag(-2 * np.sin(POINT)), rtol=1e-14)
    np.testing.assert_allclose(product, -2 * np.sin(POINT) * given[v], rtol=1e-14)


def test_jacobians_and_batches() -> None:
    x, xs = variable(3), variable("n", 3)
    batch = np.stack([POINT, 2 * POINT])
    np.testing.assert_allclose(
        gc.interpret(gc.jacobian(sine(x), x), {x: POINT}), np.diag(2 * np.cos(POINT)), rtol=1e-14
    )
    each = gc.vmap(lambda x: gc.grad(gc.sum(sine(x)), x))(xs)
    whole = gc.grad(gc.sum(gc.vmap(sine)(xs)), xs)
    twice = gc.grad(gc.sum(gc.vmap(gc.vmap(sine))(xs)), xs)
    moved = gc.jvp(gc.vmap(sine)(xs), xs, xs * 0 + 1)
    for found in gc.interpret((each, whole, twice, moved), {xs: batch}):
        np.testing.assert_allclose(found, 2 * np.cos(batch), rtol=1e-14)


def test_shared_arguments_of_a_batch_gather_its_cotangents() -> None:
    @gc.custom_vjp
    def product(w: Expr, x: Expr) -> Expr:
        return w * x

    product.defvjp(lambda w, x: (w * x, (w, x)), lambda saved, g: (3.0 * g * saved[1], 5.0 * g * saved[0]))
    w, xs = variable(3), variable(4, 3)
    ys = gc.vmap(product, in_axes=(None, 0))(w, xs)
    arrays = {w: POINT, xs: np.arange(12.0).reshape(4, 3)}
    by_w, by_x = gc.interpret(gc.grad(gc.sum(ys), (w, xs)), arrays)
    np.testing.assert_allclose(by_w, 3 * arrays[xs].sum(0), rtol=1e-14)
    np.testing.assert_allclose(by_x, np.tile(5 * POINT, (4, 1)), rtol=1e-14)


def test_several_results_of_several_dtypes() -> None:
    r, angle = variable(3), gc.input("angle", (3,), "float32")
    arrays = {r: np.array([1.0, 3.0, 2.0]), angle: np.array([0.1, 0.2, 0.3], np.float32)}
    found = polar(r, angle, 2)
    plain = polar.__wrapped__(r, angle, gc.constant(2))  # type: ignore[attr-defined]
    weight = gc.constant(np.array([1.0, -1.0, 0.5]))

    def loss(results: dict[str, Any]) -> Expr:
        return gc.sum(results["x"] * weight) + gc.sum(results["rest"][0] ** 2)

    gradients = gc.grad(loss(found), (r, angle)), gc.grad(loss(plain), (r, angle))
    own, expected = gc.interpret(gradients, arrays)
    for a, b in zip(own, expected, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-6 if a.dtype == np.float32 else 1e-12)
    assert gc.interpret(found["rest"][1], arrays) == 1
    tangents = [gc.jvp((f["x"], f["rest"][0]), (r, angle), (arrays[r], arrays[angle])) for f in (found, plain)]
    for a, b in zip(*gc.interpret(tangents, arrays), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_backward_is_called_once_with_the_cotangents_of_all_results() -> None:
    calls: list[int] = []

    @gc.custom_vjp
    def pair(x: Expr) -> tuple[Expr, Expr]:
        return x * 1.0, x * 2.0

    def backward(saved: None, g: tuple[Expr, Expr]) -> tuple[Expr]:
        calls.append(1)
        return (gc.maximum(g[0], g[1]),)  # not linear: two calls would give another answer

    pair.defvjp(lambda x: ((x * 1.0, x * 2.0), None), backward)
    x = variable(3)
    a, b = pair(x)
    np.testing.assert_array_equal(gc.interpret(gc.grad(gc.sum(a) + gc.sum(3.0 * b), x), {x: POINT}), [3, 3, 3])
    assert len(calls) == 1


def test_a_rule_that_is_not_linear_moves_by_its_derivative_at_zero() -> None:
    @gc.custom_vjp
    def clipped(x: Expr) -> Expr:
        return x * 1.0

    clipped.defvjp(lambda x: (x * 1.0, None), lambda _, g: (gc.minimum(gc.maximum(g, -1.0), 1.0),))
    x = variable(3)
    np.testing.assert_array_equal(gc.interpret(gc.grad(gc.sum(clipped(x) * 5.0), x), {x: POINT}), [1, 1, 1])
    np.testing.assert_array_equal(gc.interpret(gc.jvp(clipped(x), x, POINT), {x: POINT}), POINT)


def test_what_has_no_derivative_gets_one() -> None:
    @gc.custom_vjp
    def straight_through(x: Expr) -> Expr:
        return gc.astype(gc.argmax(x), F64) + gc.sum(x) * 0.0

    straight_through.defvjp(lambda x: (straight_through.__wrapped__(x), x), lambda x, g: (g * x,))  # type: ignore[attr-defined]
    x = variable(3)
    np.testing.assert_array_equal(gc.interpret(gc.grad(straight_through(x), x), {x: POINT}), POINT)


def test_arguments_that_are_no_expressions() -> None:
    def power(n: int, x: Expr) -> Expr:
        return x**n

    f = gc.custom_vjp(power, nondiff_argnums=0)
    f.defvjp(lambda n, x: (x**n, x), lambda n, x, g: (g * n * x ** (n - 1) * 10,))
    x = variable(3)
    found = gc.interpret(gc.grad(gc.sum(f(3, x)), x), {x: POINT})
    np.testing.assert_allclose(found, 30 * POINT**2, rtol=1e-14)


def test_compiled_graphs_keep_no_trace_of_it() -> None:
    x = variable(3)
    y = sine(x)
    slope = gc.grad(gc.sum(y), x)
    for level in (0, 1, 2, 3):
        f = gc.compile([x], (y, slope), optimize=level)
        value, found = f(POINT)
        np.testing.assert_allclose(value, np.sin(POINT), rtol=1e-14)
        np.testing.assert_allclose(found, 2 * np.cos(POINT), rtol=1e-14)
    assert gc.optimize(y) is gc.optimize(gc.sin(x))
    assert not any(n.op.name.startswith("custom") for n in post_order((gc.optimize(slope),)))


def test_what_is_refused() -> None:
    x = variable(3)
    with pytest.raises(gc.GraphError, match="no derivative yet"):
        gc.custom_vjp(gc.sin)(x)
    with pytest.raises(gc.GraphError, match="expected a function"):
        gc.custom_vjp(3)

    def of(forward: Any, backward: Any) -> Expr:
        f = gc.custom_vjp(lambda x: gc.exp(x))
        f.defvjp(forward, backward)
        return gc.grad(gc.sum(f(x)), x)

    with pytest.raises(gc.GraphError, match="another structure"):
        of(lambda x: ([gc.exp(x)], None), lambda _, g: (g,))
    with pytest.raises(gc.GraphError, match=r"returns \(results, residuals\)"):
        of(lambda x: gc.exp(x), lambda _, g: (g,))
    with pytest.raises(gc.ShapeError, match=r"(?s)other results.*test_custom\.py"):
        of(lambda x: (gc.sum(x), None), lambda _, g: (g,))
    with pytest.raises(gc.GraphError, match="a cotangent for each of its 1 arguments"):
        of(lambda x: (gc.exp(x), None), lambda _, g: (g, g))
    with pytest.raises(gc.GraphError, match="another structure than its arguments"):
        of_pair()
    with pytest.raises(gc.ShapeError, match=r"(?s)not the dtype and shape.*test_custom\.py"):
        of(lambda x: (gc.exp(x), None), lambda _, g: (gc.sum(g),))


def of_pair() -> Expr:
    """A rule that hands its cotangents over in another structure than the argument has."""
    x = variable(3)
    f = gc.custom_vjp(lambda both: both["a"] * 2.0)
    f.defvjp(lambda both: (both["a"] * 2.0, None), lambda _, g: ([g],))
    return gc.grad(gc.sum(f({"a": x})), x)
