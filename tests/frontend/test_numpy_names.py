from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gc
from graphc.frontend.numpy_names import METHODS

A = np.random.default_rng(0).normal(size=(2, 3, 4))
M = A[0]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.dot(x, M.T), lambda x: np.dot(M, x[0].T), lambda x: np.dot(x, M[0]), lambda x: np.dot(x, 2.0),
        lambda x: np.dot(x[0, 0], M[0]), np.linalg.norm, lambda x: np.linalg.norm(x, axis=1),
        lambda x: np.linalg.norm(x[0, 0], 1), lambda x: np.linalg.norm(x[0], np.inf),
        lambda x: np.linalg.norm(x, 1, axis=(1, 2), keepdims=True), lambda x: np.linalg.norm(x, axis=(0, 2)),
        lambda x: np.squeeze(x[:, None, :1]), lambda x: np.squeeze(x[:, :1], axis=1),
        lambda x: np.swapaxes(x, 0, -1), np.ravel, np.copy, lambda x: np.empty_like(x) * 0,
        lambda x: np.isclose(x, A + 1e-9), lambda x: np.isclose(x, 1.001 * A, rtol=1e-2), lambda x: np.isclose(x, M),
    ],
)  # fmt: skip
def test_numpys_functions_of_expressions_are_numpys(function: Callable[[Any], Any]) -> None:
    x = gc.input("x", A.shape, dtype="float64")
    made = function(x)
    assert isinstance(made, gc.Expr)
    np.testing.assert_allclose(gc.interpret(made, {x: A}), function(A), rtol=1e-14)


def test_infinities_are_close_to_themselves_only() -> None:
    values, others = np.array([np.inf, np.inf, -np.inf, np.nan, 1.0]), np.array([np.inf, 1.0, np.inf, np.nan, np.inf])
    x = gc.input("x", (5,), dtype="float64")
    np.testing.assert_array_equal(gc.interpret(np.isclose(x, others), {x: values}), np.isclose(values, others))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: np.linalg.inv(x), r"np\.linalg\.inv does not take expressions.*'x'.*test_numpy_names\.py"),
        (lambda x: np.median(x), r"np\.median does not take expressions.*'x'"),
        (lambda x: np.max(x, axis=0, initial=0), r"np\.max of an expression: .*'initial'.*'x'"),
        (lambda x: np.where(x > 0), r"np\.where of an expression: .*missing"),
        (lambda x: np.unique(x, return_counts=True), r"np\.unique of an expression: .*'return_counts'"),
    ],
)
def test_what_numpy_offers_and_graphc_does_not_is_refused_by_name(call: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(gc.DTypeError, match=f"(?s){message}"):
        call(gc.input("x", (3, 3)))


def test_refusals_name_what_was_called() -> None:
    with pytest.raises(gc.ShapeError, match=r"^trace: axis 2"):
        np.trace(gc.input("x", (3, 3)), axis2=2)


@pytest.mark.parametrize("axis", [None, (1, 0)])
def test_norms_that_need_a_choice_ask_for_it(axis: tuple[int, int] | None) -> None:
    with pytest.raises(gc.ShapeError, match=r"(?s)norm: .*'x'"):
        np.linalg.norm(gc.input("x", A.shape), 1, axis=axis)


def test_assignment_to_elements_names_at() -> None:
    x = gc.input("x", (3,))
    with pytest.raises(gc.GraphError, match=r"(?s)x\.at\[key\]\.set\(value\).*'x'.*test_numpy_names\.py"):
        x[0] = 1.0  # type: ignore[index]


def test_methods_of_arrays_name_what_is_written_instead() -> None:
    x = gc.input("x", (3,))
    for name, instead in METHODS.items():
        with pytest.raises(AttributeError, match=f"no attribute {name!r}; write ") as caught:
            getattr(x, name)
        assert str(caught.value).endswith(instead)
    with pytest.raises(AttributeError, match=r"no attribute 'nonsense'$"):
        _ = x.nonsense  # type: ignore[attr-defined]
    assert not hasattr(x, "__array_interface__")


@pytest.mark.parametrize("name", [n for n, instead in METHODS.items() if instead.startswith("gc.")])
def test_what_is_written_instead_exists(name: str) -> None:
    assert callable(getattr(gc, METHODS[name][3:].partition("(")[0]))
