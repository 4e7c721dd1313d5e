"""Layers that take several expressions and give one: `nn.Add()([h, r])`."""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import graphc as gc

from ..ir.errors import ShapeError
from ..ir.expr import Expr
from .layer import Layer


class _Merge(Layer):
    """Several expressions made one."""

    def apply(self, x: Sequence[Expr]) -> Expr:
        """The expressions, merged.

        Raises:
            ShapeError: there are fewer than two.
        """
        if not isinstance(x, (list, tuple)) or len(x) < 2:
            raise ShapeError(f"{type(self).__name__} merges a list of two expressions or more")
        return self.merge(list(x))

    @abstractmethod
    def merge(self, values: list[Expr]) -> Expr:
        """The values made one."""

    def config(self) -> dict[str, Any]:
        """No arguments."""
        return {}


class Add(_Merge):
    """The sum."""

    kind = "add"

    def merge(self, values: list[Expr]) -> Expr:
        """The values made one."""
        return functools.reduce(gc.add, values)


class Subtract(_Merge):
    """The first less the second."""

    kind = "subtract"

    def merge(self, values: list[Expr]) -> Expr:
        """The values made one."""
        if len(values) != 2:
            raise ShapeError(f"Subtract merges two expressions, not {len(values)}")
        return values[0] - values[1]


class Multiply(_Merge):
    """The product."""

    kind = "multiply"

    def merge(self, values: list[Expr]) -> Expr:
        """The values made one."""
        return functools.reduce(gc.multiply, values)


class Average(_Merge):
    """The mean."""

    kind = "average"

    def merge(self, values: list[Expr]) -> Expr:
        """The values made one."""
        return functools.reduce(gc.add, values) / len(values)


class Maximum(_Merge):
    """The largest."""

    kind = "maximum"

    def merge(self, values: list[Expr]) -> Expr:
        """The values made one."""
        return functools.reduce(gc.maximum, values)


class Minimum(_Merge):
    """The smallest."""

    kind = "minimum"

    def merge(self, values: list[Expr]) -> Expr:
        """The values made one."""
        return functools.reduce(gc.minimum, values)


class Concatenate(_Merge):
    """The values one behind the other along an axis."""

    kind = "concatenate"

    def __init__(self, axis: int = -1, name: str | None = None) -> None:
        super().__init__(name)
        self.axis = axis

    def merge(self, values: list[Expr]) -> Expr:
        """The values made one."""
        return gc.concat(values, axis=self.axis)

    def config(self) -> dict[str, Any]:
        """The arguments of the constructor, in plain data."""
        return {"axis": self.axis}


def add(values: Sequence[Expr]) -> Expr:
    """The sum of the values, as an `Add` layer."""
    return _merged(Add(), values)


def concatenate(values: Sequence[Expr], axis: int = -1) -> Expr:
    """The values one behind the other, as a `Concatenate` layer."""
    return _merged(Concatenate(axis), values)


def _merged(layer: Layer, values: Sequence[Expr]) -> Expr:
    result = layer(list(values))
    assert isinstance(result, Expr)
    return result
