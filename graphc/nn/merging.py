"""Layers that take several expressions and give one: `nn.Add()([h, r])`."""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

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


class _Fold(_Merge):
    """Several expressions made one by joining two at a time."""

    join: ClassVar[staticmethod[..., Expr]]

    def merge(self, values: list[Expr]) -> Expr:
        """The values made one."""
        return functools.reduce(self.join, values)


class Add(_Fold):
    """The sum."""

    kind = "add"
    join = staticmethod(gc.add)


class Subtract(_Merge):
    """The first less the second."""

    kind = "subtract"

    def merge(self, values: list[Expr]) -> Expr:
        """The values made one."""
        if len(values) != 2:
            raise ShapeError(f"Subtract merges two expressions, not {len(values)}")
        return values[0] - values[1]


class Multiply(_Fold):
    """The product."""

    kind = "multiply"
    join = staticmethod(gc.multiply)


class Average(Add):
    """The mean."""

    kind = "average"

    def merge(self, values: list[Expr]) -> Expr:
        """The values made one."""
        return super().merge(values) / len(values)


class Maximum(_Fold):
    """The largest."""

    kind = "maximum"
    join = staticmethod(gc.maximum)


class Minimum(_Fold):
    """The smallest."""

    kind = "minimum"
    join = staticmethod(gc.minimum)


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
