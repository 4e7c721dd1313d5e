"""To SymPy and back: a scalar expression as a formula, and a formula as graph.

gc.to_sympy(gc.exp(-x * x / 2))                      # exp(-x**2/2)
gc.from_sympy(sympy.exp(-s**2 / 2), {s: x})            # the graph again, over an x of any shape
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np
import sympy

from ..ir.dim import Atom, Dim, Size
from ..ir.dtype import DType
from ..ir.errors import GraphError, describe
from ..ir.expr import Expr, post_order
from ..ir.graph import ExprTable
from .sympy_table import SYMPY

# to SymPy ------------------------------------------------------------------------------------------------------


def to_sympy(expr: Expr) -> Any:
    """The formula of a scalar expression; inputs and params become symbols of their names.

    Args:
        expr: an expression of shape (), made of elementwise ops of scalars.

    Returns:
        A `sympy.Expr`, or a SymPy truth value for a bool expression. Float symbols are real, int ones integer.
        Constants are exact where they are short fractions, decimal otherwise; marks such as stop_gradient vanish.

    Raises:
        GraphError: an array is met, an op without a scalar formula, or two inputs of one name.
    """
    new: ExprTable[Any] = ExprTable()
    symbols: dict[str, Expr] = {}
    for node in post_order((expr,)):
        if node.shape != ():
            raise GraphError(f"to_sympy: only scalar expressions are formulas{describe(node=node)}")
        if node.op.name in ("input", "param"):
            new[node] = _symbol(node, symbols)
        elif node.op.name == "constant":
            new[node] = _constant(node.attrs["value"].array[()], node.dtype)
        elif node.op.name == "size":
            new[node] = _size(node.attrs["size"])
        elif node.op.kind == "view":
            new[node] = new[node.args[0]]
        elif node.op.name in SYMPY:
            new[node] = SYMPY[node.op.name](*(new[a] for a in node.args), **node.attrs)
        else:
            raise GraphError(f"to_sympy: {node.op.name} has no scalar formula{describe(node=node)}")
    return new[expr]


_ASSUMPTIONS: dict[str, dict[str, bool]] = {
    "float": {"real": True},
    "int": {"integer": True},
    "uint": {"integer": True, "nonnegative": True},
    "bool": {},
}


def _symbol(node: Expr, taken: dict[str, Expr]) -> Any:
    name = node.name or node.op.name
    if taken.setdefault(name, node) is not node:
        raise GraphError(f"to_sympy: two inputs are called {name!r}{describe(first=taken[name], second=node)}")
    return sympy.Symbol(name, **_ASSUMPTIONS[node.dtype.kind])


def _constant(value: Any, dtype: DType) -> Any:
    if dtype.kind == "bool":
        return sympy.true if value else sympy.false
    if dtype.is_integer:
        return sympy.Integer(int(value))
    if np.isnan(value):
        return sympy.nan
    if np.isinf(value):
        return sympy.oo if value > 0 else -sympy.oo
    numerator, denominator = float(value).as_integer_ratio()
    if denominator <= 64 and abs(numerator) < 2**53:
        return sympy.Rational(numerator, denominator)
    # The shortest decimal that is this number in its own dtype: 0.1, not 0.100000001490116.
    return sympy.Float(np.format_float_scientific(value))


def _size(size: Size) -> Any:
    if not isinstance(size, Dim):
        return sympy.Integer(size)
    return sympy.Add(*(c * sympy.Mul(*map(_size_atom, monomial)) for monomial, c in size.terms))


_SIZE_CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "floordiv": lambda a, b: sympy.floor(a / b),
    "ceildiv": lambda a, b: sympy.ceiling(a / b),
    "min": sympy.Min,
    "max": sympy.Max,
}


def _size_atom(atom: Atom) -> Any:
    if isinstance(atom, str):
        return sympy.Symbol(atom, integer=True, nonnegative=True)
    return _SIZE_CALLS[atom.op](_size(atom.left), _size(atom.right))


# from SymPy ----------------------------------------------------------------------------------------------------


def from_sympy(formula: Any, symbols: Mapping[Any, Expr]) -> Expr:
    """A SymPy formula as graph.

    Args:
        formula: a `sympy.Expr` or SymPy truth value.
        symbols: what each symbol, or symbol's name, stands for. Arrays are fine: the result is elementwise and
            has the shape the operands broadcast to. Numbers in the formula take the dtype they meet.

    Raises:
        GraphError: a symbol without a value, or a function graphc has no op for; the message lists those it has.
    """
    import graphc as gc

    formula = sympy.sympify(formula)
    values = {str(symbol): value for symbol, value in symbols.items()}
    new: dict[Any, Any] = {}
    stack = [formula]
    while stack:
        part = stack[-1]
        if part in new:
            stack.pop()
            continue
        waiting = [a for a in _operands(part) if a not in new]
        if waiting:
            stack.extend(reversed(waiting))
        else:
            new[part] = _build(part, new, values)
            stack.pop()
    result = new[formula]
    return result if isinstance(result, Expr) else gc.constant(result)


def _operands(part: Any) -> tuple[Any, ...]:
    """The parts a part is made of; none when it is a number by itself."""
    if isinstance(part, sympy.Piecewise):
        return tuple(a for arm in part.args for a in arm.args)
    return part.args if part.free_symbols else ()


def _build(part: Any, new: Mapping[Any, Any], values: Mapping[str, Expr]) -> Any:
    if isinstance(part, sympy.Symbol):
        if part.name not in values:
            raise GraphError(f"from_sympy: the symbol {part} has no value; given: {', '.join(values) or 'none'}")
        return values[part.name]
    if not part.free_symbols:
        return _number(part)
    builder = _BUILDERS.get(type(part).__name__)
    if builder is None:
        known = ", ".join(sorted(_BUILDERS))
        raise GraphError(f"from_sympy: {type(part).__name__} in {part} has no op; known: {known}")
    return builder(part, new)


def _number(part: Any) -> bool | int | float:
    if isinstance(part, sympy.logic.boolalg.BooleanAtom):
        return bool(part)
    if part.is_Integer:
        return int(part)
    try:
        return float(part)
    except TypeError:
        raise GraphError(f"from_sympy: {part} is not a real number") from None


def _sum(part: Any, new: Mapping[Any, Any]) -> Any:
    """x + y - z: terms with a negative coefficient are subtracted."""
    total: Any = None
    terms = sorted(part.args, key=_is_negated)
    for term in terms:
        if total is None:
            total = new[term]
        elif _is_negated(term) and -term in new:
            total = total - new[-term]
        else:
            total = total + new[term]
    return total


def _is_negated(term: Any) -> bool:
    return bool(term.could_extract_minus_sign())


def _product(part: Any, new: Mapping[Any, Any]) -> Any:
    """-x·y/z: powers with a negative exponent go under the bar, a coefficient of -1 is a sign."""
    over: list[Any] = []
    under: list[Any] = []
    for factor in part.args:
        if _is_reciprocal(factor):
            under.append(_raise(new[factor.base], -factor.exp, new))
        elif factor is not sympy.S.NegativeOne:
            over.append(new[factor])
    product = reduce(operator.mul, over) if over else 1
    if under:
        product = product / reduce(operator.mul, under)
    return -product if sympy.S.NegativeOne in part.args else product


def _is_reciprocal(factor: Any) -> bool:
    return bool(isinstance(factor, sympy.Pow) and factor.free_symbols and factor.exp.is_number and factor.exp < 0)


def _power(part: Any, new: Mapping[Any, Any]) -> Any:
    if _is_reciprocal(part):
        return 1 / _raise(new[part.base], -part.exp, new)
    return _raise(new[part.base], part.exp, new)


def _raise(base: Any, exponent: Any, new: Mapping[Any, Any]) -> Any:
    import graphc as gc

    if exponent == 1:
        return base
    if exponent == 2:
        return gc.square(base)
    if exponent == sympy.Rational(1, 2):
        return gc.sqrt(base)
    return gc.pow(base, new[exponent] if exponent.free_symbols else _number(exponent))


def _piecewise(part: Any, new: Mapping[Any, Any]) -> Any:
    """Nested where, the first arm outermost; nan where no arm holds, as in SymPy."""
    import graphc as gc

    arms = list(part.args)
    result: Any = float("nan")
    if arms[-1].cond == True:  # noqa: E712 - SymPy's true is no bool
        result = new[arms.pop().expr]
    for arm in reversed(arms):
        result = gc.where(new[arm.cond], new[arm.expr], result)
    return result


def _heaviside(part: Any, new: Mapping[Any, Any]) -> Any:
    import graphc as gc

    x, at_zero = new[part.args[0]], new[part.args[1]]
    return gc.where(x > 0, 1.0, gc.where(gc.equal(x, 0), at_zero, 0.0))


def _polygamma(part: Any, new: Mapping[Any, Any]) -> Any:
    """The derivatives of ψ, by differentiating it as often."""
    import graphc as gc

    order, argument = part.args
    if not order.is_Integer:
        raise GraphError(f"from_sympy: the order of {part} is no number")
    x = new[argument]
    result = gc.digamma(x)
    for _ in range(int(order)):
        result = gc.jvp(result, x, x**0)
    return result


def _call(name: str) -> Callable[[Any, Mapping[Any, Any]], Any]:
    """The builder that applies the frontend's function of that name, folding from the left what takes many."""

    def build(part: Any, new: Mapping[Any, Any]) -> Any:
        import graphc as gc

        function = getattr(gc, name)
        operands = [new[a] for a in part.args]
        return reduce(function, operands) if len(operands) > 1 else function(*operands)

    return build


_BUILDERS: dict[str, Callable[[Any, Mapping[Any, Any]], Any]] = {
    "Add": _sum,
    "Mul": _product,
    "Pow": _power,
    "Piecewise": _piecewise,
    "Heaviside": _heaviside,
    **{
        name: _call(name)
        for name in (
            "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cos", "cosh", "erf", "erfc", "exp", "floor",
            "log", "sign", "sin", "sinh", "tan", "tanh",
        )
    },
    "Abs": _call("abs"),
    "ceiling": _call("ceil"),
    "loggamma": _call("lgamma"),
    "polygamma": _polygamma,
    "Mod": _call("remainder"),
    "Max": _call("maximum"),
    "Min": _call("minimum"),
    "Equality": _call("equal"),
    "Unequality": _call("not_equal"),
    "StrictLessThan": _call("less"),
    "LessThan": _call("less_equal"),
    "StrictGreaterThan": _call("greater"),
    "GreaterThan": _call("greater_equal"),
    "And": _call("logical_and"),
    "Or": _call("logical_or"),
    "Xor": _call("logical_xor"),
    "Not": _call("logical_not"),
}  # fmt: skip
