"""Elementary functions as straight-line LLVM IR."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

from . import arcs, error, exponential, gamma, hyperbolic, logarithmic, powers, trigonometric
from .angle import FAR_ANGLE, FAR_ANGLE_TEXT
from .formats import FORMATS
from .writing import Body, Value

_FUNCTIONS: Final[dict[str, Callable[..., Value]]] = {
    "acos": arcs.acos,
    "acosh": hyperbolic.acosh,
    "asin": arcs.asin,
    "asinh": hyperbolic.asinh,
    "atan": arcs.atan,
    "atan2": arcs.atan2,
    "atanh": hyperbolic.atanh,
    "cbrt": powers.cbrt,
    "cos": trigonometric.cos,
    "cosh": hyperbolic.cosh,
    "digamma": gamma.digamma,
    "erf": error.erf,
    "erfc": error.erfc,
    "exp": exponential.exp,
    "exp2": exponential.exp2,
    "expm1": exponential.expm1,
    "hypot": powers.hypot,
    "lgamma": gamma.lgamma,
    "log": logarithmic.log,
    "log10": logarithmic.log10,
    "log1p": logarithmic.log1p,
    "log2": logarithmic.log2,
    "pow": powers.pow,
    "sigmoid": exponential.sigmoid,
    "sin": trigonometric.sin,
    "sinh": hyperbolic.sinh,
    "softplus": exponential.softplus,
    "tan": trigonometric.tan,
    "trigamma": gamma.trigamma,
    "tanh": exponential.tanh,
}

_BINARY: Final[frozenset[str]] = frozenset({"atan2", "hypot", "pow"})

_HELPERS: Final = {FAR_ANGLE: FAR_ANGLE_TEXT}

FUNCTIONS: Final = frozenset(_FUNCTIONS)
"""The names of the functions there are."""


@cache
def _build(name: str, bits: int, lanes: int, fma: bool) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """The definition, the declarations and the helpers it needs."""
    _check(name)
    if bits not in FORMATS or lanes < 1:
        raise ValueError(f"{name}: {bits} bits, {lanes} lanes; bits are 32 or 64, lanes at least 1")
    if name in _HELPERS:
        return _HELPERS[name], (), ()
    body = Body(bits, lanes, fma=fma)
    names = ("%x", "%y")[: arity(name)]
    result = _FUNCTIONS[name](body, *(body.argument(n) for n in names))
    kind = body.type_of(body.real)
    parameters = ", ".join(f"{kind} {n}" for n in names)
    head = f"define internal {kind} @{symbol(name, bits, lanes)}({parameters}) alwaysinline nounwind {{"
    inside = (f"  {line}" for line in (*body.slots, *body.lines))
    text = "\n".join((head, "entry:", *inside, f"  ret {kind} {result.text}", "}", ""))
    return text, tuple(body.declarations), tuple(body.helpers)


def _check(name: str) -> None:
    if name not in FUNCTIONS and name not in _HELPERS:
        raise KeyError(f"no elementary function {name!r}; there are {', '.join(sorted(FUNCTIONS))}")


def arity(name: str) -> int:
    """How many arguments the function takes."""
    _check(name)
    return 2 if name in _BINARY else 1


def symbol(name: str, bits: int, lanes: int) -> str:
    """The function's name in IR, without the `@`: `gc.exp.f32x16`."""
    return f"gc.{name}.f{bits}x{lanes}"


def definition(name: str, bits: int, lanes: int, *, fma: bool) -> str:
    """IR text of the function on `lanes` floats of `bits` bits (a scalar for one lane).

    With `fma` its multiplications and additions are fused by `llvm.fma`, which wants a target that has
    the instruction; without they are rounded one by one.

    Raises:
        KeyError: there is no such function.
        ValueError: `bits` is neither 32 nor 64, or there is no lane.
    """
    return _build(name, bits, lanes, fma)[0]


def declarations(name: str, bits: int, lanes: int, *, fma: bool) -> tuple[str, ...]:
    """The `declare` lines of the intrinsics that the definition calls, each once."""
    return _build(name, bits, lanes, fma)[1]


def dependencies(name: str) -> tuple[str, ...]:
    """Functions that the definition of `name` calls and that have to be defined beside it; they need no other."""
    return _build(name, 64, 1, True)[2]
