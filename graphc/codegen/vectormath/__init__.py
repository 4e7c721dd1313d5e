"""Elementary functions as straight-line LLVM IR, of floats or of vectors with any number of lanes.

Each is one function of vectors (or scalars) without tables in memory or calls, to be inlined into the loop that uses
it. `definition("exp", 32, 16, fma=True)` begins

    define internal <16 x float> @gc.exp.f32x16(<16 x float> %x) alwaysinline nounwind {
    entry:
      %v0 = fcmp olt <16 x float> %x, splat (float 0xC05A000000000000)
      %v1 = select <16 x i1> %v0, <16 x float> splat (float 0xC05A000000000000), <16 x float> %x
      ...

float32 is computed in float32, but for pow, where float64 takes half the operations that pairs of float32 would, and
for the reduction of angles without fma. The results are C's for NaN, infinities and signed zeros; denormals are kept
on both sides; nothing overflows on the way. All lanes do the same operations, so that scalars and vectors of any
length round alike, and so do all processors given the same `fma`. What is rare and long stands behind a branch that is
taken if any lane wants it, and then only counts for those lanes: angles beyond many thousands of turns (`angle`), which
go to a function that does them one by one, and negative arguments of lgamma, digamma and trigamma.

    writing         values and instructions         formats      constants of the formats
    scaling         powers of two                   angle        reduction by multiples of pi
    exponential     exp and what is made of it      logarithmic  log in all bases
    trigonometric   sin, cos, tan                   arcs         asin, acos, atan, atan2
    hyperbolic      sinh, cosh, all inverses        powers       pow, cbrt, hypot
    error           erf, erfc                       gamma        lgamma, digamma, trigamma

Methods: reduction of the argument in two or more steps by a constant with trailing zero bits (Cody and Waite,
"Software Manual for the Elementary Functions", 1980); what a sum or product lost in rounding by the fast two-sum and
by fma or halves (Dekker, "A floating-point technique for extending the available precision", 1971); log(1 + f) as
2 artanh(f/(2 + f)) and the rest (Muller, "Elementary Functions", 3rd ed.); minimax polynomials, see `formats`.

The largest errors seen, in units in the last place of the exact result:

                  float32            float64
               fma   no fma      fma   no fma
    acos        1.12     1.12     1.10     1.10
    acosh       1.50     1.50     0.74     0.74
    asin        1.15     1.15     1.08     1.08
    asinh       1.50     1.48     0.70     0.70
    atan        1.62     1.62     1.59     1.59
    atan2       1.77     1.77     1.58     1.58
    atanh       1.49     1.49     0.71     0.74
    cbrt        0.67     0.67     0.67     0.67
    cos         1.55     1.94     1.44     1.70
    cosh        0.95     1.10     0.85     0.96
    erf         1.52     1.62     1.09     1.18
    erfc        1.40     1.55     1.41     1.41
    exp         0.89     1.17     0.84     1.13
    exp2        0.83     1.01     0.75     1.02
    expm1       1.24     1.25     1.18     1.13
    hypot       0.99     1.16     0.95     1.11
    log         1.52     1.52     0.76     0.76
    log10       1.63     1.82     1.42     1.57
    log1p       1.63     1.65     1.15     1.15
    log2        1.59     1.65     1.33     1.39
    pow         0.74     0.74     0.80     1.05
    sigmoid     1.72     1.75     1.49     1.49
    sin         1.47     1.92     1.34     1.82
    sinh        1.15     1.32     1.26     1.26
    softplus    1.68     1.99     1.51     1.64
    tan         1.64     1.62     1.56     1.56
    tanh        1.50     1.45     1.46     1.42

float32 was measured against float64 on a million numbers or more, float64 against mpmath on 20,000 or more, so that
its worst cases may be a little worse. For x > 0, lgamma, digamma and trigamma are within 4 units of their results, next
to their zeros too. For x < 0, where there is a zero between any two poles, they are within 6 units of the largest term
that makes them: of max(|y|, |f(-x)| + 1).
"""

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
