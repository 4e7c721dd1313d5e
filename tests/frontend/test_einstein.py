from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphc as gc
from graphc.frontend.einstein import EXHAUSTIVE, path
from graphc.frontend.subscripts import Subscripts
from graphc.ir.graph import Graph

EXTENTS = {"a": 2, "b": 3, "i": 4, "j": 5, "k": 6, "l": 3, "m": 2}
CASES = (
    "ij,jk->ik", "ij,jk", "ij,kj->ki", "bij,bjk->bik", "bij,kj->bki", "i,i->", "i,i", "i,j->ij", "ij->ji", "ij->",
    "ii->i", "ii", "iij->j", "ij,ij->ij", "ij,ij->", "ij->i", "ijk,kl,lm->ijm", "ij,jk,kl,lm->im", "bi,bj,ij->b",
    "...ij,...jk->...ik", "...i,...i", "...,...", "i...,i...->...", "ij,j->i", "ij,k->ijk", "iji->j", "iii",
    "bij,b->ij", "ab,kl->", "ij,ij,ij->i", "ijk->kji", "i,i,i,i->i", "...->...", " ij , jk -> ik ", "abij,abjk->aibk",
)  # fmt: skip

Array = np.ndarray[Any, Any]


def operands(subscripts: str, dots: tuple[int, ...] = (2, 3)) -> list[Array]:
    rng = np.random.default_rng(len(subscripts))
    arrays = []
    for term in subscripts.split("->")[0].replace(" ", "").split(","):
        before, found, after = term.partition("...")
        arrays.append(
            rng.normal(size=[*(EXTENTS[c] for c in before), *(dots if found else ()), *(EXTENTS[c] for c in after)])
        )
    return arrays


@pytest.mark.parametrize("subscripts", CASES)
def test_contractions_are_numpys(subscripts: str) -> None:
    arrays = operands(subscripts)
    inputs = [gc.input(f"x{i}", a.shape, "float64") for i, a in enumerate(arrays)]
    result = gc.einsum(subscripts, *inputs)
    expected = np.einsum(subscripts, *arrays)
    assert result.shape == expected.shape
    np.testing.assert_allclose(
        gc.interpret([result, *inputs], dict(zip(inputs, arrays, strict=True)))[0], expected, rtol=1e-12, atol=1e-13
    )
    np.testing.assert_allclose(gc.compile(inputs, result)(*arrays), expected, rtol=1e-12, atol=1e-13)


@settings(max_examples=100)
@given(st.lists(st.lists(st.sampled_from("abijk"), max_size=4), min_size=1, max_size=4), st.data())
def test_any_contraction_is_numpys(terms: list[list[str]], data: Any) -> None:
    letters = sorted({letter for term in terms for letter in term})
    output = data.draw(st.permutations(letters)) if letters else []
    output = output[: data.draw(st.integers(0, len(output)))]
    subscripts = ",".join("".join(t) for t in terms) + "->" + "".join(output)
    arrays = operands(subscripts)
    found = gc.interpret(gc.einsum(subscripts, *arrays))
    np.testing.assert_allclose(found, np.einsum(subscripts, *arrays), rtol=1e-10, atol=1e-12, err_msg=subscripts)


def test_axes_under_dots_broadcast() -> None:
    a, b = np.random.default_rng(0).normal(size=(4, 1, 2, 3)), np.random.default_rng(1).normal(size=(5, 3, 6))
    np.testing.assert_allclose(
        gc.interpret(gc.einsum("...ij,...jk->...ik", a, b)), np.einsum("...ij,...jk->...ik", a, b), rtol=1e-13
    )


def test_integers_promote_and_bool_is_refused() -> None:
    assert gc.einsum("i,i", np.ones(3, "int8"), np.ones(3, "int32")).dtype == "int32"
    assert gc.interpret(gc.einsum("i,i", np.full(2, 100, "int8"), np.full(2, 2, "int8"))) == np.int8(-112)
    with pytest.raises(gc.DTypeError, match="convert bool"):
        gc.einsum("i->", np.ones(3, bool))


def test_named_sizes_and_diagonals() -> None:
    x, w = gc.input("x", ("n", "n"), "float64"), gc.input("w", ("n", 3), "float64")
    array = np.random.default_rng(0).normal(size=(4, 4))
    assert gc.einsum("ij,jk->ki", x, w).shape == (3, x.shape[0])
    np.testing.assert_array_equal(gc.interpret(gc.einsum("ii->i", x), {x: array}), np.diag(array))
    np.testing.assert_array_equal(gc.compile([x], gc.einsum("ii->i", x))(array), np.diag(array))


def test_gradients_are_contractions() -> None:
    a, b = gc.input("a", (3, 4), "float64"), gc.input("b", (4, 5), "float64")
    x, y = np.random.default_rng(0).normal(size=(3, 4)), np.random.default_rng(1).normal(size=(4, 5))
    by_a, by_b = gc.interpret(gc.grad(gc.einsum("ij,jk->", a, b), [a, b]), {a: x, b: y})
    np.testing.assert_allclose(by_a, np.broadcast_to(y.sum(1), (3, 4)), rtol=1e-12)
    np.testing.assert_allclose(by_b, np.broadcast_to(x.sum(0)[:, None], (4, 5)), rtol=1e-12)


def flops(parts: list[frozenset[str]], output: frozenset[str], steps: list[tuple[int, int]]) -> int:
    total = 0
    for first, second in steps:
        joined = parts[first] | parts[second]
        total += int(np.prod([EXTENTS[x] for x in joined]))
        parts = [p for i, p in enumerate(parts) if i not in (first, second)]
        parts.append(joined & output.union(*parts))
    return total


@pytest.mark.parametrize("subscripts", ["ij,jk,kl->il", "ai,ij,jk,kb->ab", "i,ij,j,jk,k->", "ab,bi,ij,jk,kl,lm->am"])
def test_the_order_is_the_cheapest_of_all(subscripts: str) -> None:
    left, output = subscripts.split("->")
    labels = [tuple(t) for t in left.split(",")]
    terms = Subscripts(tuple(labels), tuple(output), dict(EXTENTS))
    sets = [frozenset(t) for t in labels]

    def orders(count: int) -> Any:
        if count == 1:
            yield []
            return
        for pair in itertools.combinations(range(count), 2):
            for rest in orders(count - 1):
                yield [pair, *rest]

    cheapest = min(flops(sets, frozenset(output), steps) for steps in orders(len(sets)))
    assert flops(sets, frozenset(output), path(labels, terms)) == cheapest


def test_many_operands_are_joined_greedily() -> None:
    count = EXHAUSTIVE + 4
    names = [chr(ord("a") + i) for i in range(count + 1)]
    subscripts = ",".join(f"{p}{q}" for p, q in itertools.pairwise(names)) + f"->{names[0]}{names[-1]}"
    rng = np.random.default_rng(0)
    matrices = [rng.normal(size=(2 + i % 3, 2 + (i + 1) % 3)) for i in range(count)]
    found = gc.interpret(gc.einsum(subscripts, *matrices))
    np.testing.assert_allclose(found, np.linalg.multi_dot(matrices), rtol=1e-10)


def test_a_chain_starts_where_it_is_thin() -> None:
    a, b, c = (gc.input(n, s) for n, s in (("a", (1000, 2)), ("b", (2, 1000)), ("c", (1000, 3))))
    products = [n for n in Graph((), (gc.einsum("ij,jk,kl->il", a, b, c),)).nodes if n.op.name == "matmul"]
    assert [p.shape for p in products] == [(2, 3), (1000, 3)]


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        ("bij,bjk->bik", ((2, 3, 4), (2, 4, 5))),
        ("ij,kj->ki", ((30, 40), (50, 40))),
        ("bqhd,bkhd->bhqk", ((2, 7, 3, 8), (2, 9, 3, 8))),
    ],
)
def test_a_product_is_one_kernel_that_reads_its_operands_where_they_lie(
    subscripts: str, shapes: tuple[tuple[int, ...], ...]
) -> None:
    a, b = (gc.input(n, s) for n, s in zip("ab", shapes, strict=True))
    f = gc.compile([a, b], gc.einsum(subscripts, a, b))
    f(*(np.ones(s, "float32") for s in shapes))
    kernels = f.dump("kernels")
    assert kernels.count(": contract over") == kernels.count(" over (") == 1
