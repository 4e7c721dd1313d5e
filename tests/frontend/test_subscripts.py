from __future__ import annotations

import pytest

import graphc as gc
from graphc.frontend.subscripts import parse


@pytest.mark.parametrize(
    ("text", "at", "why"),
    [
        ("ij,jk->i1", 8, "'1' is no letter"),
        ("ij,jk->ikk", 9, "k stands twice in the output"),
        ("ij,jk->iz", 8, "z is in no input"),
        ("ij", 2, "1 terms for 2 operands"),
        ("ijk,jk", 2, "3 letters for 2 axes"),
        ("ij,jk,kl", 5, "3 terms for 2 operands"),
        ("ij,k->ij", 3, "1 letters for 2 axes"),
        ("ij,jk->i$", 8, r"'\$' is no letter"),
        ("i..j,jk", 1, r"'\.' is no letter"),
        ("ij,kj->ik", 4, "j is of size 3 and 5"),
        ("...ij...,jk", 5, r"\.\.\. stands twice"),
        ("ij,jk->i->k", 8, "'-' is no letter"),
        ("...j,jk->k", 9, r"the output lacks the \.\.\."),
    ],
)  # fmt: skip
def test_what_does_not_parse_is_pointed_at(text: str, at: int, why: str) -> None:
    x, y = gc.input("x", (2, 3)), gc.input("y", (3, 5))
    with pytest.raises(gc.ShapeError, match=rf"(?s)einsum: .*{why}.*test_subscripts\.py") as caught:
        gc.einsum(text, x, y)
    lines = str(caught.value).splitlines()
    assert lines[1].strip() == text
    assert lines[2].index("^") - lines[1].index(text) == at


def test_labels_and_sizes() -> None:
    x, y = gc.input("x", ("n", 1, 3)), gc.input("y", (4, 3, 5))
    found = parse("...j,...jk", (x, y))
    assert found.inputs == (("-2", "-1", "j"), ("-1", "j", "k"))
    assert found.output == ("-2", "-1", "k")
    assert found.sizes == {"-2": x.shape[0], "-1": 4, "j": 3, "k": 5}
    assert parse("ba", (x[0],)).output == ("a", "b")


def test_other_arguments_are_refused() -> None:
    with pytest.raises(gc.ShapeError, match="the subscripts are a text"):
        gc.einsum(3, gc.input("x", (3,)))  # type: ignore[arg-type]
    with pytest.raises(gc.ShapeError, match="no operands"):
        gc.einsum("i")
