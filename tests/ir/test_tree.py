from __future__ import annotations

from typing import NamedTuple

import pytest

import graphc as gc
from graphc.ir.tree import expressions, flatten


class Pair(NamedTuple):
    left: object
    right: object


def test_structures_come_back_as_they_were() -> None:
    structure = {"a": [1, (2, 3)], "b": Pair(4, {"c": 5}), "d": ()}
    tree = flatten(structure)
    assert tree.leaves == (1, 2, 3, 4, 5)
    assert tree.rebuild("vwxyz") == {"a": ["v", ("w", "x")], "b": Pair("y", {"c": "z"}), "d": ()}
    assert isinstance(tree.rebuild("vwxyz")["b"], Pair)


def test_a_leaf_is_a_structure() -> None:
    assert flatten(7).is_leaf
    assert flatten(7).rebuild(["x"]) == "x"
    assert not flatten([7]).is_leaf


def test_matching_leaves_whole_what_stands_at_a_leaf() -> None:
    tree = flatten({"a": (1, 2), "b": 3})
    assert tree.match({"b": "z", "a": [[1.0, 2.0], "y"]}) == [[1.0, 2.0], "y", "z"]
    for other in ({"a": (1, 2)}, {"a": (1,), "b": 3}, [1, 2], {"a": 1, "b": 3}):
        assert tree.match(other) is None
    assert flatten(0).match([1, 2]) == [[1, 2]]


def test_a_wrong_number_of_leaves_is_refused() -> None:
    with pytest.raises(ValueError, match="2 leaves for a structure of 1"):
        flatten([1]).rebuild([1, 2])


def test_only_expressions_where_expressions_are_wanted() -> None:
    x = gc.input("x", ())
    assert expressions({"x": x}, "outputs").leaves[0] is x
    with pytest.raises(gc.GraphError, match=r"outputs must be expressions.*not float"):
        expressions([x, 1.0], "outputs")
