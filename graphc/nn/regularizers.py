"""What large weights or activations cost: a scalar that is added to the loss. Names and formulas are Keras 3's."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import graphc as gc

from ..ir.errors import GraphError
from ..ir.expr import Expr
from ..optim.plain import make_plain
from . import registry

Penalty: TypeAlias = Callable[[Expr], Expr]


@dataclass(frozen=True)
class L1L2:
    """l1 Σ |x| + l2 Σ x²."""

    l1: float = 0.0
    l2: float = 0.0

    def __post_init__(self) -> None:
        _check(self, "l1", "l2")

    def __call__(self, x: Expr) -> Expr:
        """The penalty for x, a scalar."""
        parts = [self.l1 * gc.sum(gc.abs(x))] if self.l1 else []
        if self.l2 or not parts:
            parts.append(self.l2 * gc.sum(gc.square(x)))
        return parts[0] if len(parts) == 1 else parts[0] + parts[1]


@dataclass(frozen=True)
class L1:
    """l1 Σ |x|."""

    l1: float = 0.01

    def __post_init__(self) -> None:
        _check(self, "l1")

    def __call__(self, x: Expr) -> Expr:
        """The penalty for x, a scalar."""
        return self.l1 * gc.sum(gc.abs(x))


@dataclass(frozen=True)
class L2:
    """l2 Σ x²."""

    l2: float = 0.01

    def __post_init__(self) -> None:
        _check(self, "l2")

    def __call__(self, x: Expr) -> Expr:
        """The penalty for x, a scalar."""
        return self.l2 * gc.sum(gc.square(x))


def _check(regularizer: Any, *names: str) -> None:
    make_plain(regularizer)
    for name in names:
        value = getattr(regularizer, name)
        if not (isinstance(value, (int, float)) and 0 <= value < math.inf):
            raise GraphError(f"{type(regularizer).__name__}: {name} is a number of at least 0, not {value!r}")


KNOWN: dict[str, Callable[..., Penalty]] = {
    "L1": L1,
    "L2": L2,
    "L1L2": L1L2,
    "l1": L1,
    "l2": L2,
    "l1_l2": lambda l1=0.01, l2=0.01: L1L2(l1, l2),
}


def get(given: str | Penalty | None) -> Penalty | None:
    """The regularizer of that name with its defaults, the given function itself, or None.

    Raises:
        GraphError: no regularizer has this name.
    """
    if given is None or callable(given):
        return given
    return registry.find("regularizer", KNOWN, given)()


def to_config(given: Penalty | None) -> Any:
    """A regularizer as plain data.

    Raises:
        GraphError: a function without a name.
    """
    if given is None:
        return None
    if isinstance(given, (L1, L2, L1L2)):
        return registry.class_config(given)
    return registry.function_config("regularizer", {}, given)


def from_config(config: Any, custom: Any) -> Penalty | None:
    """The regularizer of a `to_config`.

    Raises:
        GraphError: there is none of this name.
    """
    if config is None:
        return None
    if "custom" in config:
        penalty: Penalty = registry.function_from("regularizer", {}, config, custom)
        return penalty
    return registry.make("regularizer", KNOWN, config)
