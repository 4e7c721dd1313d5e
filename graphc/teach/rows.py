"""What a row of mathematics is, and how rows are made: see `graphc.teach.notation` for the table of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..ir.dim import Shape
from .formula import Formula, Infix, SumOver, Symbol, apply, is_scalar, matrix, times, transposed
from .wording import axes_words

Adjoint = Callable[..., Formula]
"""`(g, node, out, *args)`: the cotangent of one argument, given the formulas of all of them."""

ONES = Symbol("𝟏")
"""An array of ones, of the shape its place asks for."""


@dataclass(frozen=True, slots=True)
class Notation:
    """One operation as mathematics."""

    rule: str
    """What its application is called: "product rule"."""
    value: Callable[..., Formula]
    """`(node, *args)`: how it is written."""
    adjoints: tuple[Adjoint | None, ...] = ()
    """For each argument; None where no derivative flows."""
    why: tuple[str, ...] = ()
    """For each argument a sentence; {x} {y} {z} are the arguments, {out} is the value."""


# Arrays as their place asks for them --------------------------------------------------------------------------


def filled(g: Formula, shape: Shape) -> Formula:
    """A cotangent that is the same number everywhere, written as an array where the formula needs one."""
    return times(g, ONES) if shape and is_scalar(g) else g


def spread(g: Formula, shape: Shape, axes: tuple[int, ...]) -> Formula:
    """A value repeated along the axes of `shape` it was reduced over: a column is g 𝟏ᵀ, rows and numbers repeat
    as broadcasting has it."""
    if is_scalar(g) or len(axes) == len(shape) or not axes:
        return g
    if len(shape) == 2:
        return matrix(g, transposed(ONES)) if axes == (1,) else g
    return g if axes == tuple(range(len(axes))) else apply("spread", g)


def summed(g: Formula, shape: Shape, axes: tuple[int, ...]) -> Formula:
    """Σ over these axes of an array of that shape."""
    return SumOver(axes_words(len(shape), axes), filled(g, shape), scalar=len(axes) == len(shape))


# Kinds of rows ------------------------------------------------------------------------------------------------


def pointwise(
    rule: str,
    value: Callable[..., Formula],
    *derivatives: Callable[..., Formula] | None,
    why: tuple[str, ...] = (),
) -> Notation:
    """A function of numbers: `derivatives` are `(out, *args)`."""

    def adjoint(derivative: Callable[..., Formula]) -> Adjoint:
        return lambda g, node, out, *args: times(g, derivative(out, *args))

    adjoints = tuple(None if d is None else adjoint(d) for d in derivatives)
    return Notation(rule, lambda node, *args: value(*args), adjoints, why or ("",) * len(adjoints))


def function(name: str, derivative: Callable[..., Formula], why: str) -> Notation:
    """A function of one number that is written name(x)."""
    return pointwise(f"derivative of {name}", lambda x: apply(name, x), derivative, why=(why,))


def condition(sign: str) -> Notation:
    """A comparison or connective of two arguments, through which no derivative flows."""
    return pointwise("comparison", lambda x, y: Infix(x, sign, y))
