"""How each operation is written and explained: a row of mathematics for every op of the registry.

A row says how the value is written, how its derivative turns the upstream cotangent G into the cotangent of each
argument (the adjoint), and why, in a sentence. For a function of numbers the adjoint is G ⊙ the derivative.
"""

from __future__ import annotations

from ..ir.dim import Shape, Size
from ..ir.expr import Expr
from ..ops.shape import stretched_axes
from .contraction import MATRIX_PRODUCT
from .folding import FOLDING, extremum_adjoint
from .formula import (
    HALF,
    ONE,
    TWO,
    ZERO,
    At,
    Bars,
    Formula,
    Iverson,
    Number,
    Product,
    Quotient,
    Root,
    Symbol,
    Words,
    apply,
    is_scalar,
    iverson,
    minus,
    negated,
    number,
    over,
    plus,
    power,
    times,
    transposed,
)
from .functions import FUNCTIONS
from .indexing import INDEXING
from .rows import Notation, condition, filled, function, pointwise, spread, summed


def is_resized(node: Expr) -> bool:
    """Whether a reshape only adds or drops axes of size 1."""
    old, new = ([d for d in shape if d != 1] for shape in (node.args[0].shape, node.shape))
    return old == new


def _reshaped(node: Expr, x: Formula) -> Formula:
    return x if is_scalar(x) or is_resized(node) else apply("reshape", x)


def is_transposition(node: Expr) -> bool:
    """Whether a permute_dims exchanges the last two axes and nothing else."""
    n = node.ndim
    return n >= 2 and node.attrs["axes"] == (*range(n - 2), n - 1, n - 2)


def _permuted(node: Expr, x: Formula) -> Formula:
    return transposed(x) if is_transposition(node) else apply("permute", x)


def _repeated(node: Expr, x: Formula) -> Formula:
    return spread(x, node.shape, stretched_axes(node.args[0].shape, node.shape))


def _cotangent_of_call(g: Formula, node: Expr, out: Formula, value: Formula, call: Formula) -> Formula:
    """The cotangents of all results of a call are laid out flat, one after the other."""
    flat = node.args[1]
    full = filled(g, node.shape)
    return full if flat.shape == node.shape else apply("reshape" if flat.size == node.size else "embed", full)


def _window(starts: tuple[Size, ...], sizes: Shape, steps: tuple[int, ...], whole: Shape) -> tuple[str, ...]:
    return tuple(map(_range_text, starts, sizes, steps, whole))


def _range_text(start: Size, size: Size, step: int, whole: Size) -> str:
    if size == whole and start == 0 and step == 1:
        return ":"
    if size == 1:
        return str(start)
    first = "" if start == 0 else str(start)
    if step == 1:
        return f"{first}:{start + size}"
    stop = start + size * step
    end = "" if isinstance(stop, int) and stop < 0 else str(stop)
    return f"{first if step > 0 else start}:{end}:{step}"


def _sliced(node: Expr, x: Formula) -> Formula:
    attrs = node.attrs
    return At(x, _window(attrs["starts"], attrs["sizes"], attrs["steps"], node.args[0].shape))


def _unscattered(g: Formula, node: Expr, out: Formula, x: Formula) -> Formula:
    attrs = node.attrs
    return At(filled(g, node.shape), _window(attrs["starts"], node.args[0].shape, attrs["steps"], node.shape))


def _untaken(g: Formula, node: Expr, out: Formula, x: Formula, indices: Formula) -> Formula:
    axis = node.attrs["axis"]
    if node.shape[axis] == 1:
        return times(spread(g, node.args[0].shape, (axis,)), apply("onehot", indices))
    return apply("scatter", indices, filled(g, node.shape))


def _lower(exponent: Formula) -> Formula:
    return number(float(exponent.text) - 1) if isinstance(exponent, Number) else minus(exponent, ONE)


def _half_at_ties(x: Formula, sign: str, y: Formula) -> Formula:
    return plus(iverson(x, sign, y), times(HALF, iverson(x, "=", y)))


def _constant_value(node: Expr) -> Formula:
    array = node.attrs["value"].array
    if array.ndim:
        return Symbol("C")
    return Words(str(bool(array)).lower()) if array.dtype.kind == "b" else number(array[()])


def product_of(x: Formula, y: Formula) -> Formula:
    """x · y as one writes it: numbers in front, ⊙ between arrays."""
    if is_scalar(x) and is_scalar(y):
        return Product("scalar", (x, y)) if ONE not in (x, y) else times(x, y)
    return times(x, y)


def _choice(name: str) -> Notation:
    return pointwise(
        "choice", lambda c, x, y: apply(name, c, x, y), None, lambda out, c, x, y: Iverson(c),
        lambda out, c, x, y: minus(ONE, Iverson(c)),
        why=("", "{y} is what was chosen where the condition holds: the cotangent goes there and nowhere else.",
             "{z} is what was chosen where the condition does not hold: the cotangent goes there and nowhere else."),
    )  # fmt: skip


_UNCHANGED = "A sum hands its cotangent on to every term unchanged."
_WINNER = "Only the {which} of {{x}} and {{y}} has influence; where they are equal, each counts half."
_SQUARED_ERF = Quotient(TWO, Root(Symbol("π", scalar=True)))

NOTATION: dict[str, Notation] = {
    # Leaves
    "input": Notation("input", lambda node: Words(node.name or "input")),
    "param": Notation("param", lambda node: Words(node.name or "param")),
    "constant": Notation("constant", _constant_value),
    "size": Notation("size", lambda node: Words(str(node.attrs["size"]))),
    "iota": Notation("positions", lambda node: Words("0, 1, 2, …")),
    # Arithmetic
    "add": pointwise(
        "sum rule", plus, lambda out, x, y: ONE, lambda out, x, y: ONE, why=(_UNCHANGED, _UNCHANGED)
    ),
    "subtract": pointwise(
        "sum rule", minus, lambda out, x, y: ONE, lambda out, x, y: negated(ONE),
        why=(_UNCHANGED, "What is subtracted receives the cotangent with the opposite sign."),
    ),
    "multiply": pointwise(
        "product rule", product_of, lambda out, x, y: y, lambda out, x, y: x,
        why=("The derivative of a product by one factor is the other factor, {y}.",
             "The derivative of a product by one factor is the other factor, {x}."),
    ),
    "divide": pointwise(
        "quotient rule", over, lambda out, x, y: over(ONE, y), lambda out, x, y: negated(over(out, y)),
        why=("The derivative of a quotient by its numerator is one over the denominator {y}.",
             "The derivative of x/y by y is −x/y², which is minus the quotient divided by {y} once more."),
    ),
    "negative": pointwise("sign", negated, lambda out, x: negated(ONE), why=("A minus sign passes through.",)),
    "abs": pointwise(
        "derivative of the absolute value", Bars, lambda out, x: apply("sign", x),
        why=("The absolute value rises where {x} is positive and falls where it is negative: its slope is the sign.",),
    ),
    "sign": pointwise("sign", lambda x: apply("sign", x), None),
    "square": pointwise(
        "power rule", lambda x: power(x, TWO), lambda out, x: times(TWO, x), why=("The derivative of x² is 2x.",)
    ),
    "sqrt": pointwise(
        "derivative of the square root", Root, lambda out, x: over(ONE, times(TWO, out)),
        why=("The derivative of √x is 1/(2√x), and √x is already there: {out}.",),
    ),
    "pow": pointwise(
        "power rule", power, lambda out, x, y: times(y, power(x, _lower(y))),
        lambda out, x, y: times(out, apply("ln", x)),
        why=("The exponent comes down and is lowered by one.", "The derivative of x^y by y is x^y ln x."),
    ),
    # Exponentials and what is made of them
    "exp": function("exp", lambda out, x: out, "The exponential is its own derivative: {out} once more."),
    "log": function("ln", lambda out, x: over(ONE, x), "The derivative of the logarithm is 1/x."),
    "expm1": pointwise(
        "derivative of exp", lambda x: minus(apply("exp", x), ONE), lambda out, x: plus(out, ONE),
        why=("The derivative of eˣ − 1 is eˣ, which is the value plus 1.",),
    ),
    "log1p": pointwise(
        "derivative of ln", lambda x: apply("ln", plus(ONE, x)), lambda out, x: over(ONE, plus(ONE, x)),
        why=("The derivative of ln(1 + x) is 1/(1 + x).",),
    ),
    "tanh": function(
        "tanh", lambda out, x: minus(ONE, power(out, TWO)),
        "The derivative of tanh is 1 − tanh², and tanh is already there: {out}.",
    ),
    "sigmoid": function(
        "sigmoid", lambda out, x: times(out, minus(ONE, out)),
        "The derivative of the sigmoid σ is σ(1 − σ), and σ is already there: {out}.",
    ),
    "softplus": function(
        "softplus", lambda out, x: apply("sigmoid", x), "The derivative of ln(1 + eˣ) is the sigmoid."
    ),
    "erf": function(
        "erf", lambda out, x: times(_SQUARED_ERF, apply("exp", negated(power(x, TWO)))),
        "The derivative of the error function is the bell curve 2/√π exp(−x²).",
    ),
    # Piecewise
    "relu": function(
        "relu", lambda out, x: iverson(x, ">", ZERO),
        "relu passes the cotangent where {x} is positive and blocks it elsewhere.",
    ),
    "maximum": pointwise(
        "the larger one", lambda x, y: apply("max", x, y), lambda out, x, y: _half_at_ties(x, ">", y),
        lambda out, x, y: _half_at_ties(y, ">", x), why=(_WINNER.format(which="larger"),) * 2,
    ),
    "minimum": pointwise(
        "the smaller one", lambda x, y: apply("min", x, y), lambda out, x, y: _half_at_ties(x, "<", y),
        lambda out, x, y: _half_at_ties(y, "<", x), why=(_WINNER.format(which="smaller"),) * 2,
    ),
    "where": _choice("where"), "choose": _choice("choose"),
    # Comparison and logic: piecewise constant, so no derivative flows
    "equal": condition("="), "not_equal": condition("≠"), "less": condition("<"), "less_equal": condition("≤"),
    "greater": condition(">"), "greater_equal": condition("≥"), "logical_and": condition("∧"),
    "logical_or": condition("∨"),
    "logical_not": pointwise("negation", lambda x: apply("not", x)),
    "isfinite": pointwise("comparison", lambda x: apply("isfinite", x)),
    **FUNCTIONS,
    # Conversions and marks
    "astype": pointwise(
        "conversion", lambda x: x, lambda out, x: ONE, why=("Converting between floating point types is the identity.",)
    ),
    "probe": pointwise("probe", lambda x: x, lambda out, x: ONE, why=("A probe only looks at {x}.",)),
    "custom_result": Notation(
        "own derivative", lambda node, value, call: value,
        (None, _cotangent_of_call),
        ("", "The value comes with a derivative of its own, to which the cotangents of all its results go."),
    ),
    "custom_call": Notation("own derivative", lambda node, *args: apply("call", *args)),
    "stop_gradient": pointwise("stop", lambda x: apply("const", x), None),
    # Views
    "reshape": Notation(
        "reshape", _reshaped, (lambda g, node, out, x: _reshaped(node, g),),
        ("A reshape moves no number, so its cotangent is given back the shape of {x}.",),
    ),
    "permute_dims": Notation(
        "transpose", _permuted, (lambda g, node, out, x: _permuted(node, filled(g, node.shape)),),
        ("Axes that were exchanged are exchanged back.",),
    ),
    "broadcast_to": Notation(
        "broadcast", _repeated,
        (lambda g, node, out, x: summed(g, node.shape, stretched_axes(node.args[0].shape, node.shape)),),
        ("{x} is {used}, so its gradient sums over {axes}.",),
    ),
    "slice": Notation(
        "slice", _sliced, (lambda g, node, out, x: apply("embed", filled(g, node.shape)),),
        ("Only the window was read: its cotangent is put back in its place, and everything else gets 0.",),
    ),
    "scatter_slice": Notation(
        "embedding", lambda node, x: apply("embed", x), (_unscattered,),
        ("Only the window depends on {x}: its part of the cotangent is cut out.",),
    ),
    # Reductions
    "sum": Notation(
        "sum", lambda node, x: summed(x, node.args[0].shape, node.attrs["axes"]),
        (lambda g, node, out, x: spread(g, node.args[0].shape, node.attrs["axes"]),),
        ("Every summand has the weight 1, so the cotangent is spread over {axes}.",),
    ),
    "max": Notation(
        "maximum", lambda node, x: apply("max", x), (extremum_adjoint,),
        ("Only an entry that attains the maximum has influence; several that do share it equally.",),
    ),
    "argmax": Notation("position", lambda node, x: apply("argmax", x)),
    **FOLDING,
    # Contraction
    "matmul": MATRIX_PRODUCT,
    # Indexing
    **INDEXING,
    "take_along_axis": Notation(
        "selection", lambda node, x, indices: apply("pick", x, indices), (_untaken, None),
        ("Each entry that was picked gets the cotangent of where it went, all others get 0.", ""),
    ),
    "scatter_add_along_axis": Notation(
        "scattering", lambda node, indices, x: apply("scatter", indices, x),
        (None, lambda g, node, out, indices, x: apply("pick", filled(g, node.shape), indices)),
        ("", "Each number gets the cotangent of the place it was added to."),
    ),
}  # fmt: skip
