"""Activations by name, for `Dense(512, activation="relu")`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import graphc as gc

from ..ir.errors import GraphError
from ..ir.expr import Expr

Activation: TypeAlias = Callable[[Expr], Expr]


def linear(x: Expr) -> Expr:
    """x itself."""
    return x


def relu(x: Expr) -> Expr:
    """max(x, 0)."""
    return gc.relu(x)


def sigmoid(x: Expr) -> Expr:
    """1 / (1 + e⁻ˣ)."""
    return gc.sigmoid(x)


def tanh(x: Expr) -> Expr:
    """The hyperbolic tangent."""
    return gc.tanh(x)


def softplus(x: Expr) -> Expr:
    """ln(1 + eˣ)."""
    return gc.softplus(x)


def softmax(x: Expr) -> Expr:
    """eˣ over its sum along the last axis."""
    return gc.softmax(x, axis=-1)


KNOWN: dict[str, Activation] = {f.__name__: f for f in (linear, relu, sigmoid, tanh, softplus, softmax)}


def get(given: str | Activation | None) -> Activation:
    """The activation of that name, the given function itself, or `linear` for None.

    Raises:
        GraphError: no activation has this name.
    """
    if given is None:
        return linear
    if callable(given):
        return given
    if given not in KNOWN:
        raise GraphError(f"there is no activation {given!r}; known are {', '.join(sorted(KNOWN))}")
    return KNOWN[given]
