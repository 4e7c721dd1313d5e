"""Nested tuples, lists and dicts of expressions: flattened for the compiler, given back in the user's structure.

None is a structure without leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import GraphError
from .expr import Expr


@dataclass(frozen=True, slots=True)
class Tree:
    """Leaves in a row, and how to build the structure again around other leaves."""

    leaves: tuple[Any, ...]
    skeleton: Any
    """The structure with each leaf's position in its place."""

    def rebuild(self, leaves: Iterable[Any]) -> Any:
        """The same structure around `leaves`, which come in the order of `self.leaves`."""
        row = list(leaves)
        if len(row) != len(self.leaves):
            raise ValueError(f"{len(row)} leaves for a structure of {len(self.leaves)}")
        return _filled(self.skeleton, row)

    def match(self, structure: Any) -> list[Any] | None:
        """What `structure` has where this one has its leaves; None where it is built differently.

        Lists and tuples count as alike. What stands at a leaf may be anything, a list of numbers too.
        """
        found: list[Any] = [None] * len(self.leaves)
        return found if _match(self.skeleton, structure, found) else None

    @property
    def is_leaf(self) -> bool:
        """Whether the structure is a single leaf."""
        return isinstance(self.skeleton, int)


def flatten(structure: Any) -> Tree:
    """Take apart nested tuples, named tuples, lists and dicts; whatever else there is counts as a leaf."""
    leaves: list[Any] = []

    def take(leaf: Any) -> int:
        leaves.append(leaf)
        return len(leaves) - 1

    skeleton = _map(structure, take)
    return Tree(tuple(leaves), skeleton)


def expressions(structure: Any, role: str) -> Tree:
    """`flatten`, where every leaf has to be an expression.

    Raises:
        GraphError: a leaf is something else; `role` says what it was given as.
    """
    tree = flatten(structure)
    for leaf in tree.leaves:
        if not isinstance(leaf, Expr):
            raise GraphError(
                f"{role} must be expressions, or tuples, lists and dicts of them, not {type(leaf).__name__}; "
                "gc.constant makes an expression of an array"
            )
    return tree


def spread(prefix: Any, structure: Any) -> list[Any] | None:
    """For each leaf of `structure` what `prefix` says about it, which is built likewise or ends earlier.

    What `prefix` has in place of a whole part of the structure holds for all leaves of that part. None where the two
    are built differently.
    """
    if not isinstance(prefix, (tuple, list, Mapping)):
        return [prefix] * len(flatten(structure).leaves)
    parts = _children(structure)
    said = _children(prefix)
    if parts is None or said is None or parts.keys() != said.keys():
        return None
    rows = [spread(said[k], part) for k, part in parts.items()]
    return None if any(row is None for row in rows) else [entry for row in rows if row is not None for entry in row]


def _children(structure: Any) -> Mapping[Any, Any] | None:
    """What a tuple, list or dict holds, by position or key; None for a leaf."""
    if isinstance(structure, Mapping):
        return structure
    return dict(enumerate(structure)) if isinstance(structure, (tuple, list)) else None


def _match(skeleton: Any, structure: Any, found: list[Any]) -> bool:
    if skeleton is None:
        return structure is None
    if isinstance(skeleton, int):
        found[skeleton] = structure
        return True
    if isinstance(skeleton, dict):
        same = isinstance(structure, Mapping) and structure.keys() == skeleton.keys()
        return same and all(_match(s, structure[k], found) for k, s in skeleton.items())
    same = isinstance(structure, (tuple, list)) and len(structure) == len(skeleton)
    return same and all(_match(s, part, found) for s, part in zip(skeleton, structure, strict=True))


def _filled(skeleton: Any, leaves: list[Any]) -> Any:
    """The structure around its leaves. Results of calls come this way, so the ordinary cases stand in front."""
    kind = type(skeleton)
    if kind is int:
        return leaves[skeleton]
    if kind is dict:
        return {k: _filled(s, leaves) for k, s in skeleton.items()}
    if kind is list:
        return [_filled(s, leaves) for s in skeleton]
    if kind is tuple:
        return tuple([_filled(s, leaves) for s in skeleton])
    return None if skeleton is None else kind(*[_filled(s, leaves) for s in skeleton])


def _map(structure: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(structure, tuple):
        items = [_map(s, change) for s in structure]
        return type(structure)(*items) if hasattr(structure, "_fields") else tuple(items)
    if isinstance(structure, list):
        return [_map(s, change) for s in structure]
    if isinstance(structure, Mapping):
        return {k: _map(s, change) for k, s in structure.items()}
    return None if structure is None else change(structure)
