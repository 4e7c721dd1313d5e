"""The walk through a formula of SymPy: each part is built once, its operands before it.

How a part is built stands in tables, by the name of its class: `sympy_scalars`, `sympy_indices`, `sympy_matrices`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeAlias

import numpy as np
import sympy

from ..ir.errors import GraphError
from ..ir.expr import Expr
from ..ir.op import Array

Builder: TypeAlias = Callable[[Any, "Reader"], Any]


@dataclass(frozen=True)
class Builders:
    """How parts are built, by the name of SymPy's class."""

    of_operands: Mapping[str, Builder]
    """From what the operands were built as."""
    of_wholes: Mapping[str, Builder]
    """By looking into the part: its operands are not built before."""

    def find(self, part: Any) -> Builder:
        """The builder of a part.

        Raises:
            GraphError: there is none.
        """
        name = type(part).__name__
        builder = self.of_operands.get(name) or self.of_wholes.get(name)
        if builder is None:
            known = ", ".join(sorted({*self.of_operands, *self.of_wholes}))
            raise GraphError(f"from_sympy: {name} in {part} has no op; give it by functions=, or use one of {known}")
        return builder


class Reader:
    """Builds the parts of formulas, each once, for given values of their symbols."""

    def __init__(
        self,
        values: Mapping[Any, Any],
        builders: Builders,
        arrays: Mapping[Any, Any] | None = None,
        ranges: Mapping[Any, range] | None = None,
    ) -> None:
        self.builders = builders
        self.values = {**{str(symbol): value for symbol, value in values.items()}, **values}
        self.arrays = self.values if arrays is None else arrays
        """The values as they were given: without axes for the terms of sums."""
        self.ranges = ranges or {}
        """What each index runs over; the last ones have the last axes."""
        self._new: dict[Any, Any] = {}

    def __getitem__(self, part: Any) -> Any:
        """What a part was built as."""
        return self._new[part]

    def __contains__(self, part: Any) -> bool:
        return part in self._new

    def read(self, formula: Any) -> Any:
        """The formula as an expression, or as one of Python's numbers."""
        stack = [formula]
        while stack:
            part = stack[-1]
            if part in self._new:
                stack.pop()
                continue
            waiting = [a for a in self._operands(part) if a not in self._new]
            if waiting:
                stack.extend(reversed(waiting))
            else:
                self._new[part] = self._build(part)
                stack.pop()
        return self._new[formula]

    def along(self, index: Any, numbers: range) -> Reader:
        """A reader of terms: they lie along a new last axis, and `index` runs along it."""
        values = {s: v[..., None] if isinstance(v, Expr) and v.ndim else v for s, v in self.values.items()}
        return Reader(values, self.builders, self.arrays, {**self.ranges, index: numbers})

    def where(self, symbol: Any, value: Any) -> Reader:
        """A reader to which a symbol means something else."""
        return Reader({**self.values, symbol: value}, self.builders, self.arrays, self.ranges)

    def value(self, symbol: Any) -> Any:
        """What a symbol stands for."""
        return self._found(symbol, self.values)

    def array(self, symbol: Any) -> Any:
        """The array that a symbol stands for outside of all sums."""
        return self._found(symbol, self.arrays)

    def table(self, part: Any) -> Array:
        """What depends on indices only, at each of their numbers: an axis for each index, of size 1 if unused."""
        used = [numbers if index in part.free_symbols else range(1) for index, numbers in self.ranges.items()]
        points = [dict(zip(self.ranges, at, strict=True)) for at in product(*used)]
        return np.array([number(part.subs(point)) for point in points]).reshape([len(numbers) for numbers in used])

    def is_of_indices(self, part: Any) -> bool:
        """Whether nothing but indices decides what a part is."""
        return bool(part.free_symbols) and part.free_symbols <= self.ranges.keys()

    def _found(self, symbol: Any, values: Mapping[Any, Any]) -> Any:
        for key in (symbol, str(symbol)):
            if key in values:
                return values[key]
        given = ", ".join(dict.fromkeys(map(str, self.arrays))) or "none"
        raise GraphError(f"from_sympy: the symbol {symbol} has no value; given: {given}")

    def _operands(self, part: Any) -> Iterable[Any]:
        """The parts that are built before a part is."""
        if isinstance(part, (sympy.NDimArray, sympy.MatrixBase)):
            return list(sympy.flatten(part))
        if _is_number(part) or self.is_of_indices(part) or type(part).__name__ in self.builders.of_wholes:
            return ()
        if isinstance(part, sympy.Piecewise):
            return tuple(a for arm in part.args for a in arm.args)
        return tuple(part.args)

    def _build(self, part: Any) -> Any:
        import graphc as gc

        if _is_number(part):
            return number(part)
        if self.is_of_indices(part):
            return gc.constant(self._in_our_precision(self.table(part)))
        return self.builders.find(part)(part, self)

    def _in_our_precision(self, table: Array) -> Array:
        """Numbers with a fraction in the dtype of the symbols' floats; whole numbers take the dtype they meet."""
        import graphc as gc

        if table.dtype.kind in "bi":
            return table
        floats = [v for v in self.arrays.values() if isinstance(v, Expr) and v.dtype.is_float]
        dtype = gc.result_type(*floats) if floats else "float32"
        return table.astype(str(dtype))


def _is_number(part: Any) -> bool:
    return not (part.free_symbols or getattr(part, "is_Matrix", False) or isinstance(part, sympy.NDimArray))


def number(part: Any) -> bool | int | float:
    """A part without symbols as one of Python's numbers."""
    if isinstance(part, sympy.logic.boolalg.BooleanAtom):
        return bool(part)
    if part.is_Integer and abs(part) < 2**63:
        return int(part)
    try:
        return float(part)
    except TypeError:
        raise GraphError(f"from_sympy: {part} is not a real number") from None
