"""Rows of mathematics for trigonometry, hyperbolic and special functions, rounding, and bits."""

from __future__ import annotations

from collections.abc import Callable

from .formula import (
    ONE,
    TWO,
    Bars,
    Formula,
    Number,
    Root,
    Symbol,
    apply,
    minus,
    negated,
    over,
    plus,
    power,
    times,
)
from .rows import Notation, condition, function, pointwise

_PI = Symbol("π", scalar=True)


def _square(x: Formula) -> Formula:
    return power(x, TWO)


def _stepwise(name: str) -> Notation:
    return pointwise("rounding", lambda x: apply(name, x), None)


def _named(name: str) -> Callable[..., Formula]:
    return lambda *args: apply(name, *args)


def _base(name: str, base: str) -> Notation:
    """A logarithm to a base."""
    return function(
        name,
        lambda out, x: over(ONE, times(apply("ln", Number(base)), x)),
        f"The logarithm to the base {base} is the natural one divided by ln {base}.",
    )


_ANGLE = "The {part} of the point turns it by its share of the other coordinate, over the squared distance."
_SHARE = "The derivative is the share that {which} has in the sum of the exponentials, a sigmoid of the difference."
_SIDE = "The derivative of a distance by one coordinate is that coordinate over the distance {{out}}: {which}."

FUNCTIONS: dict[str, Notation] = {
    # Trigonometry
    "sin": function("sin", lambda out, x: apply("cos", x), "The derivative of the sine is the cosine."),
    "cos": function("cos", lambda out, x: negated(apply("sin", x)), "The derivative of the cosine is minus the sine."),
    "tan": function(
        "tan", lambda out, x: plus(ONE, _square(out)),
        "The derivative of the tangent is 1 + tan², and tan is already there: {out}.",
    ),
    "asin": function(
        "arcsin", lambda out, x: over(ONE, Root(minus(ONE, _square(x)))), "The derivative of arcsin is 1/√(1 − x²)."
    ),
    "acos": function(
        "arccos", lambda out, x: negated(over(ONE, Root(minus(ONE, _square(x))))),
        "The derivative of arccos is −1/√(1 − x²).",
    ),
    "atan": function(
        "arctan", lambda out, x: over(ONE, plus(ONE, _square(x))), "The derivative of arctan is 1/(1 + x²)."
    ),
    "atan2": pointwise(
        "derivative of the angle", _named("atan2"),
        lambda out, y, x: over(x, plus(_square(x), _square(y))),
        lambda out, y, x: negated(over(y, plus(_square(x), _square(y)))),
        why=(_ANGLE.format(part="ordinate"), _ANGLE.format(part="abscissa")),
    ),
    "hypot": pointwise(
        "derivative of the distance", lambda x, y: Root(plus(_square(x), _square(y))),
        lambda out, x, y: over(x, out), lambda out, x, y: over(y, out),
        why=(_SIDE.format(which="{x}/{out}"), _SIDE.format(which="{y}/{out}")),
    ),
    # Hyperbolic
    "sinh": function("sinh", lambda out, x: apply("cosh", x), "The derivative of sinh is cosh."),
    "cosh": function("cosh", lambda out, x: apply("sinh", x), "The derivative of cosh is sinh, without a sign."),
    "asinh": function(
        "arsinh", lambda out, x: over(ONE, Root(plus(_square(x), ONE))), "The derivative of arsinh is 1/√(x² + 1)."
    ),
    "acosh": function(
        "arcosh", lambda out, x: over(ONE, Root(minus(_square(x), ONE))), "The derivative of arcosh is 1/√(x² − 1)."
    ),
    "atanh": function(
        "artanh", lambda out, x: over(ONE, minus(ONE, _square(x))), "The derivative of artanh is 1/(1 − x²)."
    ),
    # Other bases and roots
    "exp2": pointwise(
        "derivative of exp", lambda x: power(TWO, x), lambda out, x: times(apply("ln", TWO), out),
        why=("2ˣ is its own derivative, but for the factor ln 2.",),
    ),
    "log2": _base("log2", "2"),
    "log10": _base("log10", "10"),
    "logaddexp": pointwise(
        "derivative of log-sum-exp", lambda x, y: apply("ln", plus(apply("exp", x), apply("exp", y))),
        lambda out, x, y: apply("sigmoid", minus(x, y)), lambda out, x, y: apply("sigmoid", minus(y, x)),
        why=(_SHARE.format(which="{x}"), _SHARE.format(which="{y}")),
    ),
    "cbrt": function(
        "cbrt", lambda out, x: over(ONE, times(Number("3"), _square(out))),
        "The derivative of the cube root is 1/(3 out²), and the root is already there: {out}.",
    ),
    # Special functions
    "erfc": function(
        "erfc", lambda out, x: negated(times(over(TWO, Root(_PI)), apply("exp", negated(_square(x))))),
        "erfc is 1 − erf, so that its derivative is minus the bell curve 2/√π exp(−x²).",
    ),
    "lgamma": pointwise(
        "derivative of ln Γ", lambda x: apply("ln", Bars(apply("Γ", x))), lambda out, x: apply("ψ", x),
        why=("The derivative of ln Γ is called the digamma function, ψ.",),
    ),
    "digamma": function("ψ", lambda out, x: apply("ψ′", x), "The derivative of ψ is called the trigamma function."),
    "trigamma": function("ψ′", lambda out, x: apply("ψ′′", x), "The derivative of ψ′ is ψ′′, the tetragamma function."),
    # Rounding, remainders and signs
    "ceil": _stepwise("ceil"), "floor": _stepwise("floor"), "round": _stepwise("round"), "trunc": _stepwise("trunc"),
    "floor_divide": pointwise("rounding", lambda x, y: apply("floor", over(x, y)), None, None),
    "remainder": pointwise(
        "derivative of the remainder", lambda x, y: minus(x, times(y, apply("floor", over(x, y)))),
        lambda out, x, y: ONE, lambda out, x, y: negated(apply("floor", over(x, y))),
        why=("Between its jumps the remainder moves as {x} does.",
             "As often as {y} goes into {x}, so often its change is taken away."),
    ),
    "copysign": pointwise(
        "derivative of the absolute value", lambda x, y: times(Bars(x), apply("sign", y)),
        lambda out, x, y: times(apply("sign", x), apply("sign", y)), None,
        why=("|x| rises where {x} is positive and falls where it is negative; the sign of {y} is a factor.", ""),
    ),
    "nextafter": pointwise(
        "neighbour", _named("next"), lambda out, x, y: ONE, None,
        why=("The float next to {x} is {x} but for rounding, and moves with it.", ""),
    ),
    # Comparison, logic and bits
    "signbit": pointwise("comparison", _named("signbit")),
    "isinf": pointwise("comparison", _named("isinf")),
    "isnan": pointwise("comparison", _named("isnan")),
    "logical_xor": condition("≠"),
    "bitwise_and": condition("&"), "bitwise_or": condition("|"), "bitwise_xor": condition("⊕"),
    "bitwise_left_shift": condition("≪"), "bitwise_right_shift": condition("≫"),
    "bitwise_invert": pointwise("negation", lambda x: minus(negated(x), ONE)),
}  # fmt: skip
