"""Elementwise operations: a row for each. Here are arithmetic, exponentials, choices, comparison and logic.

`rounding`, `transcendental` and `bitwise` have the others. A row holds the name, the dtypes it is defined for, the
NumPy reference, the derivative by each argument, and the intervals tests draw from. Both sweeps follow from the
derivatives: vjp is g·∂, jvp is Σ ∂·t. A row may give its own vjp where the product would turn 0·inf into nan.
Arguments agree in dtype and shape; broadcasting is a node.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from ..ir.dim import Shape
from ..ir.dtype import ALL as ALL_DTYPES
from ..ir.dtype import DType, bool_
from ..ir.errors import DTypeError, ShapeError, describe
from ..ir.expr import Expr, make
from ..ir.op import Array, Attrs, Jvp, OpDef, Partials, Sample, Vjp, register
from . import leaf
from .shape import broadcast_to

_ORDINALS = ("first", "second", "third")
NUMBERS = ("float", "int", "uint")
ANY = (*NUMBERS, "bool")
FLOAT = ("float",)


def like(value: float, x: Expr) -> Expr:
    """The number as a constant of x's dtype and shape."""
    return broadcast_to(leaf.scalar(value, x.dtype), x.shape)


def _infer(name: str, kinds: tuple[str, ...], result: DType | None, same: slice) -> Callable[..., Any]:
    def infer(attrs: Attrs, *args: Expr) -> tuple[DType, Shape]:
        shape, dtype = args[0].shape, args[same][0].dtype
        for arg in args[1:]:
            if arg.shape is not shape and arg.shape != shape:
                roles = dict(zip(_ORDINALS, args, strict=False))
                raise ShapeError(f"{name}: operands differ in shape{describe(**roles)}")
        for arg in args[same]:
            if arg.dtype is not dtype:
                roles = dict(zip(_ORDINALS, args, strict=False))
                raise DTypeError(f"{name}: operands differ in dtype{describe(**roles)}")
        if dtype.kind not in kinds:
            wanted = "floating point" if kinds == FLOAT else "/".join(kinds)
            roles = {"operand": args[same][0]}
            raise DTypeError(f"{name} is defined for {wanted}, not {dtype}{describe(**roles)}")
        return result or dtype, shape

    return infer


def _vjp(partials: Partials) -> Vjp:
    def vjp(g: Expr, out: Expr, *inputs: Expr) -> tuple[Expr | None, ...]:
        return tuple([None if d is None else multiply(g, d) for d in partials(out, *inputs)])

    return vjp


def _jvp(partials: Partials) -> Callable[..., Expr | None]:
    def jvp(out: Expr, inputs: tuple[Expr, ...], tangents: tuple[Expr | None, ...]) -> Expr | None:
        total: Expr | None = None
        for derivative, tangent in zip(partials(out, *inputs), tangents, strict=True):
            if derivative is not None and tangent is not None:
                term = multiply(tangent, derivative)
                total = term if total is None else add(total, term)
        return total

    return jvp


def row(
    name: str,
    arity: int,
    reference: Callable[..., Any],
    partials: Partials | None = None,
    *,
    dtypes: tuple[str, ...] = FLOAT,
    result: DType | None = None,
    domain: tuple[tuple[float, float], ...] = (),
    flags: str = "",
    standard: str | None = "",
    vjp: Vjp | None = None,
    jvp: Jvp | None = None,
    same: slice = slice(None),
    doc: str = "",
) -> Build:
    """Register an elementwise op and return what builds it.

    Args:
        domain: the interval each argument is drawn from in tests.
        same: the arguments that agree in dtype.
    """
    intervals = domain or ((-3.0, 3.0),) * arity

    def samples() -> tuple[Sample, ...]:
        shapes = ((7,), (3, 5), (), (0, 4), (2, 3, 17))
        return tuple(Sample((s,) * arity, {}, intervals) for s in shapes)

    op = register(
        OpDef(
            name, "elementwise", arity, _infer(name, dtypes, result, same),
            lambda attrs, *arrays: np.asarray(reference(*arrays)),
            vjp=vjp or (_vjp(partials) if partials else None),
            jvp=jvp or (_jvp(partials) if partials else None),
            partials=partials, flags=frozenset(flags.split()), samples=samples, dtypes=dtypes,
            standard=name if standard == "" else standard, doc=doc,
        )
    )  # fmt: skip

    def build(*args: Expr) -> Expr:
        return make(op, args)

    build.__name__ = name
    build.__doc__ = doc
    return build


STEPWISE: dict[str, Any] = {"vjp": lambda g, out, *inputs: (None,) * len(inputs),
                            "jvp": lambda out, inputs, tangents: None}  # fmt: skip
"""Derivatives of what is constant but for steps: none flow."""

# Derivatives refer to rows further down.
Build: TypeAlias = Callable[..., Expr]
divide: Build
greater: Build
negative: Build
sign: Build
where: Build

# Arithmetic ----------------------------------------------------------------------------------------------------

add = row("add", 2, np.add, lambda out, x, y: (like(1, x), like(1, y)), dtypes=NUMBERS,
           vjp=lambda g, out, x, y: (g, g), flags="commutative associative", doc="x + y")  # fmt: skip
subtract = row("subtract", 2, np.subtract, lambda out, x, y: (like(1, x), like(-1, y)), dtypes=NUMBERS,
                vjp=lambda g, out, x, y: (g, negative(g)), doc="x - y")  # fmt: skip
multiply = row("multiply", 2, np.multiply, lambda out, x, y: (y, x), dtypes=NUMBERS,
                flags="commutative associative", doc="x · y")  # fmt: skip
divide = row("divide", 2, np.divide, lambda out, x, y: (divide(like(1, y), y), negative(divide(out, y))),
              vjp=lambda g, out, x, y: (divide(g, y), negative(multiply(divide(g, y), out))),
              domain=((-3, 3), (0.5, 3)), doc="x / y")  # fmt: skip
negative = row("negative", 1, np.negative, lambda out, x: (like(-1, x),), dtypes=("float", "int"),
                vjp=lambda g, out, x: (negative(g),), flags="odd", doc="-x")  # fmt: skip
absolute = row("abs", 1, np.abs, lambda out, x: (sign(x),), dtypes=NUMBERS, domain=((0.2, 3),),
                flags="even", doc="|x|")  # fmt: skip
sign = row("sign", 1, np.sign, lambda out, x: (like(0, x),), dtypes=NUMBERS, domain=((0.2, 3),),
            **STEPWISE, flags="odd idempotent stepwise",
            doc="-1, 0 or 1 as x is negative, zero or positive; nan for nan")  # fmt: skip
square = row("square", 1, np.square, lambda out, x: (multiply(like(2, x), x),), dtypes=NUMBERS,
              flags="even", doc="x²")  # fmt: skip
sqrt = row("sqrt", 1, np.sqrt, lambda out, x: (divide(like(0.5, x), out),), domain=((0.2, 4),),
            flags="monotone", doc="√x")  # fmt: skip


def _power_partials(out: Expr, x: Expr, y: Expr) -> tuple[Expr | None, ...]:
    zero, one = like(0, x), like(1, x)
    by_base = where(equal(y, zero), zero, multiply(y, power(x, subtract(y, one))))
    positive = greater(x, zero)
    by_exponent = where(positive, multiply(out, log(where(positive, x, one))), zero)
    return by_base, by_exponent


def _power(x: Array, y: Array) -> Array:
    """NumPy's, and for integers to negative powers, which NumPy refuses, the whole part of 1 / x^|y|; of 1 / 0, 0."""
    if x.dtype.kind != "i":
        return np.asarray(np.power(x, y))
    size_one = np.where(y & 1, x, 1)
    inverse = np.where(np.abs(x) == 1, size_one, 0)
    return np.where(y < 0, inverse, np.power(x, np.maximum(y, 0))).astype(x.dtype)


power = row("pow", 2, _power, _power_partials, dtypes=NUMBERS, domain=((0.3, 3), (-2, 2)), flags="expensive",
            doc="x to the power y")  # fmt: skip

# Exponentials and what is made of them -------------------------------------------------------------------------

exp = row("exp", 1, np.exp, lambda out, x: (out,), flags="expensive monotone", doc="eˣ")
log = row("log", 1, np.log, lambda out, x: (divide(like(1, x), x),), domain=((0.2, 4),),
           vjp=lambda g, out, x: (divide(g, x),), flags="expensive monotone", doc="natural logarithm of x")  # fmt: skip
expm1 = row("expm1", 1, np.expm1, lambda out, x: (add(out, like(1, x)),), flags="expensive monotone", doc="eˣ - 1")
log1p = row("log1p", 1, np.log1p, lambda out, x: (divide(like(1, x), add(x, like(1, x))),), domain=((-0.6, 3),),
             vjp=lambda g, out, x: (divide(g, add(x, like(1, x))),), flags="expensive monotone",
           doc="ln(1 + x)")  # fmt: skip
tanh = row("tanh", 1, np.tanh, lambda out, x: (subtract(like(1, x), square(out)),), flags="expensive monotone odd",
            doc="hyperbolic tangent")  # fmt: skip


def _sigmoid(x: Array) -> Array:
    e = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1 / (1 + e), e / (1 + e)), x.dtype)


def _softplus(x: Array) -> Array:
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), x.dtype)


def _erf(x: Array) -> Array:
    return np.asarray(np.vectorize(math.erf, otypes=[np.float64])(x), x.dtype)


sigmoid = row("sigmoid", 1, _sigmoid, lambda out, x: (multiply(out, subtract(like(1, x), out)),),
               flags="expensive monotone", standard=None, doc="1 / (1 + e⁻ˣ)")  # fmt: skip
softplus = row("softplus", 1, _softplus, lambda out, x: (sigmoid(x),), flags="expensive monotone", standard=None,
                doc="ln(1 + eˣ)")  # fmt: skip
erf = row("erf", 1, _erf,
           lambda out, x: (multiply(like(2 / math.sqrt(math.pi), x), exp(negative(square(x)))),),
           flags="expensive monotone odd", standard=None, doc="the error function, 2/√π ∫₀ˣ e^(-t²) dt")  # fmt: skip

# Piecewise -----------------------------------------------------------------------------------------------------


def _half_at_ties(x: Expr, y: Expr) -> Expr:
    return where(greater(x, y), like(1, x), where(equal(x, y), like(0.5, x), like(0, x)))


relu = row("relu", 1, lambda x: np.maximum(x, x.dtype.type(0)),
            lambda out, x: (where(greater(x, like(0, x)), like(1, x), like(0, x)),), dtypes=NUMBERS,
            vjp=lambda g, out, x: (where(greater(out, like(0, x)), g, like(0, g)),),
            jvp=lambda out, inputs, tangents: None if tangents[0] is None else where(
                greater(inputs[0], like(0, inputs[0])), tangents[0], like(0, out)),
            domain=((0.2, 3),), flags="monotone idempotent", standard=None, doc="max(x, 0)")  # fmt: skip
maximum = row("maximum", 2, np.maximum, lambda out, x, y: (_half_at_ties(x, y), _half_at_ties(y, x)),
               dtypes=NUMBERS, domain=((-3, 3), (-3, 3)), flags="commutative associative idempotent",
               doc="the larger of x and y; nan if either is")  # fmt: skip
minimum = row("minimum", 2, np.minimum, lambda out, x, y: (_half_at_ties(y, x), _half_at_ties(x, y)),
               dtypes=NUMBERS, domain=((-3, 3), (-3, 3)), flags="commutative associative idempotent",
               doc="the smaller of x and y; nan if either is")  # fmt: skip


def _comparison(name: str, reference: Callable[..., Any], doc: str, flags: str = "") -> Callable[..., Expr]:
    kinds = ANY if name in ("equal", "not_equal") else NUMBERS
    return row(name, 2, reference, dtypes=kinds, result=bool_, flags=f"comparison {flags}", doc=doc)


equal = _comparison("equal", np.equal, "x = y", "commutative")
not_equal = _comparison("not_equal", np.not_equal, "x ≠ y", "commutative")
less = _comparison("less", np.less, "x < y")
less_equal = _comparison("less_equal", np.less_equal, "x ≤ y")
greater = _comparison("greater", np.greater, "x > y")
greater_equal = _comparison("greater_equal", np.greater_equal, "x ≥ y")

logical_and = row("logical_and", 2, np.logical_and, dtypes=("bool",), flags="logical commutative associative",
                   doc="x and y")  # fmt: skip
logical_or = row("logical_or", 2, np.logical_or, dtypes=("bool",), flags="logical commutative associative",
                  doc="x or y")  # fmt: skip
logical_xor = row("logical_xor", 2, np.logical_xor, dtypes=("bool",), flags="logical commutative associative",
                  doc="x or y but not both")  # fmt: skip
logical_not = row("logical_not", 1, np.logical_not, dtypes=("bool",), flags="logical", doc="not x")
isfinite = row("isfinite", 1, np.isfinite, result=bool_, flags="comparison even",
                doc="whether x is neither infinite nor nan")  # fmt: skip
isinf = row("isinf", 1, np.isinf, result=bool_, flags="comparison even", doc="whether x is inf or -inf")
isnan = row("isnan", 1, np.isnan, result=bool_, flags="comparison even", doc="whether x is nan")


def _choice(name: str, doc: str, standard: str | None) -> Build:
    """Register an op that chooses between two arguments by a condition."""
    arms = _infer(name, ANY, None, slice(1, None))

    def infer(attrs: Attrs, condition: Expr, x: Expr, y: Expr) -> tuple[DType, Shape]:
        if condition.dtype is not bool_:
            raise DTypeError(f"{name}: the condition must be bool{describe(condition=condition)}")
        result: tuple[DType, Shape] = arms(attrs, condition, x, y)
        return result

    def jvp(out: Expr, inputs: tuple[Expr, ...], tangents: tuple[Expr | None, ...]) -> Expr | None:
        condition, if_true, if_false = inputs[0], tangents[1], tangents[2]
        if if_true is None and if_false is None:
            return None
        zero = like(0, out)
        return build(condition, zero if if_true is None else if_true, zero if if_false is None else if_false)

    def vjp(g: Expr, out: Expr, condition: Expr, x: Expr, y: Expr) -> tuple[Expr | None, ...]:
        zero = like(0, g)
        return None, build(condition, g, zero), build(condition, zero, g)

    def partials(out: Expr, condition: Expr, x: Expr, y: Expr) -> tuple[Expr | None, ...]:
        one, zero = like(1, x), like(0, x)
        return None, build(condition, one, zero), build(condition, zero, one)

    op = register(
        OpDef(
            name, "elementwise", 3, infer, lambda attrs, c, x, y: np.asarray(np.where(c, x, y)),
            vjp=vjp, jvp=jvp, partials=partials, dtypes=ANY, standard=standard,
            samples=lambda: tuple(
                Sample((s, s, s), {}, ((0, 1), (-3, 3), (-3, 3)), ("bool", "", "")) for s in ((7,), (3, 5), (), (0, 4))
            ),
            doc=doc,
        )
    )  # fmt: skip

    def build(condition: Expr, x: Expr, y: Expr) -> Expr:
        return make(op, (condition, x, y))

    build.__name__ = name
    build.__doc__ = doc
    return build


where = _choice("where", "x where the condition holds, else y", "where")
choose = _choice("choose", "x if the condition holds, else y; what only one of them needs is computed only then", None)

# Conversions and marks -----------------------------------------------------------------------------------------


def cast(array: Array, dtype: DType) -> Array:
    """The array in another dtype: float to integer saturates and nan becomes 0, integers wrap."""
    if array.dtype.kind != "f" or not dtype.is_integer:
        return np.asarray(array).astype(dtype.numpy)
    info = np.iinfo(dtype.numpy)
    whole = np.nan_to_num(np.trunc(np.asarray(array)), nan=0.0, posinf=np.inf, neginf=-np.inf)
    # 2**63 and 2**64 are floats, the largest integers are not: compare first, convert what is inside.
    inside = (whole >= float(info.min)) & (whole < float(info.max) + (1.0 if info.bits < 64 else 0.0))
    result = np.where(inside, whole, 0).astype(dtype.numpy)
    result = np.where(whole >= float(info.max), info.max, result)
    return np.asarray(np.where(whole <= float(info.min), info.min, result), dtype.numpy)


def _astype_infer(attrs: Attrs, x: Expr) -> tuple[DType, Shape]:
    return attrs["dtype"], x.shape


def _astype_vjp(g: Expr, out: Expr, x: Expr) -> tuple[Expr | None, ...]:
    return (astype(g, x.dtype) if x.dtype.is_float and out.dtype.is_float else None,)


def _astype_jvp(out: Expr, inputs: tuple[Expr, ...], tangents: tuple[Expr | None, ...]) -> Expr | None:
    moves = tangents[0] is not None and out.dtype.is_float
    return astype(tangents[0], out.dtype) if moves and tangents[0] is not None else None


_ASTYPE = register(
    OpDef(
        "astype", "elementwise", 1, _astype_infer, lambda attrs, x: cast(x, attrs["dtype"]),
        params=("dtype",), vjp=_astype_vjp, jvp=_astype_jvp, dtypes=ANY, standard="astype",
        samples=lambda: tuple(
            Sample((s,), {"dtype": d}, ((-3, 3),)) for s in ((7,), (3, 5), ()) for d in ALL_DTYPES
        ),
        doc="x converted to another dtype",
    )
)  # fmt: skip


def astype(x: Expr, dtype: DType) -> Expr:
    """x converted to `dtype`; x itself when it has it."""
    return x if x.dtype is dtype else make(_ASTYPE, (x,), {"dtype": dtype})


stop_gradient = row("stop_gradient", 1, lambda x: x, lambda out, x: (None,), dtypes=ANY, flags="identity",
                     standard=None, doc="x, taken as a constant by derivatives")  # fmt: skip
