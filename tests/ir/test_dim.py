from __future__ import annotations

import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

import graphc as gc
from graphc.ir.dim import (
    Dim,
    Size,
    as_shape,
    as_size,
    ceildiv,
    evaluate,
    floordiv,
    maximum,
    minimum,
    names,
    product,
    show,
    solve,
)
from graphc.ir.errors import ShapeError

n, m = Dim("n"), Dim("m")


def test_equal_sizes_have_one_form() -> None:
    assert (n + 1) * (n - 1) == n * n - 1
    assert 2 * n + m == m + n + n
    assert hash(2 * n + m) == hash(m + n + n)
    assert n - n == 0
    assert isinstance(n - n + 3, int)
    assert n != m


def test_exact_divisions_leave_no_trace() -> None:
    assert floordiv(6 * n * m, 2 * n) == 3 * m
    assert ceildiv(4 * n, 4) == n
    assert str(floordiv(n, 2)) == "(n // 2)"
    assert floordiv(n + 1, n + 1) == 1


def test_extremes_that_are_decided_are_resolved() -> None:
    assert maximum(n, n + 1) == n + 1
    assert minimum(n, 2 * n) == n
    assert maximum(n, 0) == n
    assert minimum(3, 5) == 3
    assert maximum(n, m) == maximum(m, n)


def test_a_name_is_an_identifier() -> None:
    assert Dim("n") == n
    assert gc.input("x", (Dim("n"), 3)).shape == gc.input("y", ("n", 3)).shape
    for wrong in ("", "2n", "a b", 3, None, ("n",)):
        with pytest.raises(ShapeError, match="cannot name a dimension"):
            Dim(wrong)  # type: ignore[arg-type]


def test_printed_form() -> None:
    assert str(2 * n * m - n + 3) == "2*m*n - n + 3"
    assert str(-n) == "-n"
    assert show((n, 784)) == "(n, 784)"
    assert show((n,)) == "(n,)"


SIZES = st.recursive(
    st.one_of(st.integers(0, 6), st.sampled_from([n, m])),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["+", "-", "*", "min", "max"]), inner, inner),
        st.tuples(st.sampled_from(["//", "ceil"]), inner, st.integers(1, 4)),
    ),
    max_leaves=8,
)


def build(tree: object, sizes: dict[str, int] | None) -> Size:
    """The size of a random tree: symbolic, or as plain integers where `sizes` says what the names are."""
    if not isinstance(tree, tuple):
        return tree if sizes is None else evaluate(tree, sizes)  # type: ignore[return-value, arg-type]
    op, a, b = tree[0], build(tree[1], sizes), build(tree[2], sizes)
    operations = {"+": operator.add, "-": operator.sub, "*": operator.mul, "min": minimum, "max": maximum}
    return {**operations, "//": floordiv, "ceil": ceildiv}[op](a, b)


@given(SIZES, st.integers(0, 9), st.integers(0, 9))
def test_evaluating_is_calculating_with_the_numbers(tree: object, n_value: int, m_value: int) -> None:
    sizes = {"n": n_value, "m": m_value}
    assert evaluate(build(tree, None), sizes) == build(tree, sizes)


def test_partial_evaluation_keeps_the_rest() -> None:
    assert evaluate(n * m + floordiv(m, 2), {"n": 3}) == 3 * m + floordiv(m, 2)
    assert names(n * 2 + floordiv(m, 2)) == {"n", "m"}


def test_solving_for_one_name() -> None:
    assert solve(2 * n + 1, 7, {}) == {"n": 3}
    assert solve(2 * n + 1, 8, {}) == {}
    assert solve(n + m, 7, {"m": 3}) == {"n": 4}
    assert solve(n * n, 9, {}) == {}
    assert solve(n + 5, 3, {}) == {}
    assert solve(4, 4, {}) == {}


def test_product_counts_elements() -> None:
    assert product(()) == 1
    assert product((n, 3, m)) == 3 * n * m
    assert product((n, 0)) == 0


@pytest.mark.parametrize("given", [-1, 2.5, None, True, 2**62, "1x", "", "a b", object()])
def test_what_is_no_size_is_refused(given: object) -> None:
    with pytest.raises(ShapeError):
        as_size(given)


def test_shapes_from_what_users_write() -> None:
    assert as_shape(3) == (3,)
    assert as_shape("n") == (n,)
    assert as_shape(["n", 2, n + 1]) == (n, 2, n + 1)
    with pytest.raises(ShapeError, match="not a shape"):
        as_shape(2.5)


def test_a_size_is_no_number_before_a_call() -> None:
    with pytest.raises(ShapeError, match="use it in shapes"):
        range(n)  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match="not known"):
        bool(n)


def test_a_size_leaves_arithmetic_with_expressions_to_them() -> None:
    x = gc.input("x", ("n",))
    for made in (n * x, x * n, n + x, n - x, x / n):
        assert made.shape == (n,)
    with pytest.raises(TypeError):
        n + 1.5  # type: ignore[operator]
