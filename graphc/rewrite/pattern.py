"""Patterns: what a rule looks for, written the way the expression is written.

    P.log(P.exp(x))                     an op over patterns; `x = var("x")` stands for any expression
    P.multiply(x, const(1))             a number, bare or broadcast; -0.0 and 0.0 are different numbers
    P.multiply(x, x)                    the same variable twice is the same expression twice
    P.reshape(P.reshape(x))             attributes are read by the rule's build function, from `out`
    spread(P.sum(x))                    a reduced value laid out again over the axes it was reduced along

Commutative ops are written in one order; `variants` gives the others once, when a rule is indexed, so that matching
itself never branches.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations, product
from typing import Any, TypeAlias

from ..ir.expr import Expr
from ..ir.op import OpDef, find
from ..ops.leaf import CONSTANT
from ..ops.reduce import dropped_shape, kept_shape
from ..ops.shape import BROADCAST, RESHAPE

Found: TypeAlias = dict[str, Expr]
Predicate: TypeAlias = Callable[[Expr], bool]


class Pattern:
    """What one place of an expression may be."""

    __slots__ = ()

    def match(self, expr: Expr, found: Found) -> bool:
        """Whether `expr` fits; its variables are entered in `found`."""
        raise NotImplementedError

    def admits(self, op: OpDef) -> bool:
        """Whether an expression of this op can fit: what rules are indexed by."""
        return True

    def admits_arguments(self, ops: Sequence[OpDef]) -> bool:
        """Whether an expression over arguments of these ops can fit."""
        return True

    def admits_deeper(self, ops: Sequence[Sequence[OpDef]]) -> bool:
        """Whether an expression can fit whose arguments are over arguments of these ops."""
        return True

    def is_of_itself(self) -> bool:
        """Whether it is an op over twice the same argument."""
        return False

    def variants(self) -> Iterator[Pattern]:
        """The pattern under every order of the arguments of commutative ops."""
        yield self


@dataclass(frozen=True, eq=False, slots=True)
class Var(Pattern):
    """Any expression for which the predicate holds; the same one wherever the name stands again."""

    name: str
    only: Predicate | None = None

    def match(self, expr: Expr, found: Found) -> bool:
        seen = found.get(self.name)
        if seen is not None:
            return seen is expr
        if self.only is not None and not self.only(expr):
            return False
        found[self.name] = expr
        return True

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, eq=False, slots=True)
class Number(Pattern):
    """A scalar constant, bare or broadcast: of a given value, or any, under a name."""

    value: float | None = None
    name: str = ""
    only: Callable[[Any], bool] | None = None

    def match(self, expr: Expr, found: Found) -> bool:
        number = scalar_value(expr)
        if number is None:
            return False
        if self.value is not None:
            same_sign = number != 0 or math.copysign(1.0, number) == math.copysign(1.0, self.value)
            return bool(number == self.value and same_sign)
        if self.only is not None and not self.only(number):
            return False
        found[self.name] = expr
        return True

    def admits(self, op: OpDef) -> bool:
        return op is CONSTANT or op is BROADCAST

    def __str__(self) -> str:
        if self.value is None:
            return self.name
        return str(self.value).lower() if isinstance(self.value, bool) else f"{self.value:g}"


@dataclass(frozen=True, eq=False, slots=True)
class Apply(Pattern):
    """An op over patterns of its arguments."""

    op: OpDef
    args: tuple[Pattern, ...]
    name: str = ""

    def match(self, expr: Expr, found: Found) -> bool:
        if expr.op is not self.op:
            return False
        for pattern, arg in zip(self.args, expr.args, strict=False):
            if not pattern.match(arg, found):
                return False
        if self.name:
            found[self.name] = expr
        return True

    def admits(self, op: OpDef) -> bool:
        return op is self.op

    def admits_arguments(self, ops: Sequence[OpDef]) -> bool:
        return all(p.admits(o) for p, o in zip(self.args, ops, strict=False))

    def admits_deeper(self, ops: Sequence[Sequence[OpDef]]) -> bool:
        return all(p.admits_arguments(o) for p, o in zip(self.args, ops, strict=False))

    def is_of_itself(self) -> bool:
        names = [a.name for a in self.args if isinstance(a, Var)]
        return len(self.args) == len(names) == 2 and names[0] == names[1]

    def variants(self) -> Iterator[Pattern]:
        orders = [self.args]
        if "commutative" in self.op.flags and str(self.args[0]) != str(self.args[1]):
            orders = list(permutations(self.args))
        for order in orders:
            for args in product(*(a.variants() for a in order)):
                yield Apply(self.op, args, self.name)

    def __str__(self) -> str:
        return f"{self.op.name}({', '.join(map(str, self.args))})"


@dataclass(frozen=True, eq=False, slots=True)
class OneOf(Pattern):
    """Any op of some names, over patterns of its arguments."""

    names: tuple[str, ...]
    args: tuple[Pattern, ...]

    def match(self, expr: Expr, found: Found) -> bool:
        return self.admits(expr.op) and all(p.match(a, found) for p, a in zip(self.args, expr.args, strict=True))

    def admits(self, op: OpDef) -> bool:
        return op.name in self.names

    def admits_arguments(self, ops: Sequence[OpDef]) -> bool:
        return all(p.admits(o) for p, o in zip(self.args, ops, strict=False))

    def admits_deeper(self, ops: Sequence[Sequence[OpDef]]) -> bool:
        return all(p.admits_arguments(o) for p, o in zip(self.args, ops, strict=False))

    def __str__(self) -> str:
        return f"{'/'.join(self.names)}({', '.join(map(str, self.args))})"


@dataclass(frozen=True, eq=False, slots=True)
class Over(Pattern):
    """Any op of some kinds, all of whose arguments are results of certain ops (one at least of the first of them)."""

    kinds: tuple[str, ...]
    argument_ops: tuple[str, ...]

    def match(self, expr: Expr, found: Found) -> bool:
        return True

    def admits(self, op: OpDef) -> bool:
        return op.kind in self.kinds

    def admits_arguments(self, ops: Sequence[OpDef]) -> bool:
        names = [o.name for o in ops]
        return self.argument_ops[0] in names and all(n in self.argument_ops for n in names)

    def __str__(self) -> str:
        return f"{'/'.join(self.kinds)} op of {'/'.join(self.argument_ops)}"


@dataclass(frozen=True, eq=False, slots=True)
class Spread(Pattern):
    """A reduction laid out again over the axes it was reduced along, as `graphc.ops.reduce.spread` does."""

    reduced: Pattern

    def match(self, expr: Expr, found: Found) -> bool:
        reduced = spread_reduction(expr)
        return reduced is not None and self.reduced.match(reduced, found)

    def admits(self, op: OpDef) -> bool:
        return op is BROADCAST

    def variants(self) -> Iterator[Pattern]:
        return (Spread(v) for v in self.reduced.variants())

    def __str__(self) -> str:
        return f"spread({self.reduced})"


class _Ops:
    """`P.exp(x)` is the pattern of an exp; `name=` hands the matched node itself to the build function."""

    def __getattr__(self, op: str) -> Callable[..., Apply]:
        def apply(*args: Pattern, name: str = "") -> Apply:
            return Apply(find(op), args, name)

        return apply


P = _Ops()


def var(name: str, only: Predicate | None = None) -> Var:
    """Any expression, under a name."""
    return Var(name, only)


def const(value: float) -> Number:
    """The number itself, bare or broadcast."""
    return Number(value)


def number(name: str, only: Callable[[Any], bool] | None = None) -> Number:
    """Any number, bare or broadcast, under a name: the build function gets the expression."""
    return Number(None, name, only)


def spread(reduced: Pattern) -> Spread:
    """A reduction laid out again over the axes it was reduced along."""
    return Spread(reduced)


def scalar_value(expr: Expr) -> Any:
    """The NumPy scalar that every element of a constant or broadcast constant is; None for anything else."""
    if expr.op is BROADCAST:
        expr = expr.args[0]
    if expr.op is not CONSTANT or expr.shape:
        return None
    return expr.attrs["value"].array[()]


def spread_reduction(expr: Expr) -> Expr | None:
    """The reduction that `expr` lays out again over the axes it was reduced along; None for anything else."""
    if expr.op is not BROADCAST:
        return None
    source = expr.args[0]
    reduced = source.args[0] if source.op is RESHAPE else source
    if reduced.op.kind != "reduce" or "axes" not in reduced.attrs or reduced.args[0].shape != expr.shape:
        return None
    axes = reduced.attrs["axes"]
    if source is reduced and not source.shape:
        return reduced
    kept = kept_shape(expr.shape, axes)
    lead = len(kept) - source.ndim
    laid_out = kept[lead:] == source.shape and all(isinstance(d, int) and d == 1 for d in kept[:lead])
    return reduced if laid_out and dropped_shape(expr.shape, axes) == reduced.shape else None
