"""Arithmetic and functions of SymPy as graph, elementwise."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import reduce
from typing import Any

import sympy

from ..ir.errors import GraphError
from .sympy_reader import Builder, Reader, number

MOST_MULTIPLIED = 16
"""Exponents up to which a power is a product."""

# arithmetic ----------------------------------------------------------------------------------------------------


def _sum(part: Any, new: Reader) -> Any:
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


def _product(part: Any, new: Reader) -> Any:
    """-x·y/z: powers with a negative exponent go under the bar, a coefficient of -1 is a sign.

    Powers of what is in a table are in the table themselves.
    """
    over: list[Any] = []
    under: list[Any] = []
    for factor in part.args:
        if _is_reciprocal(factor) and factor.base in new:
            under.append(_raise(new[factor.base], -factor.exp, new))
        elif factor is not sympy.S.NegativeOne:
            over.append(new[factor])
    product = reduce(operator.mul, over) if over else 1
    if under:
        product = product / reduce(operator.mul, under)
    return -product if sympy.S.NegativeOne in part.args else product


def _is_reciprocal(factor: Any) -> bool:
    return bool(isinstance(factor, sympy.Pow) and factor.free_symbols and factor.exp.is_number and factor.exp < 0)


def _power(part: Any, new: Reader) -> Any:
    if _is_reciprocal(part):
        return 1 / _raise(new[part.base], -part.exp, new)
    return _raise(new[part.base], part.exp, new)


def by_squaring(x: Any, exponent: int, multiply: Callable[[Any, Any], Any]) -> Any:
    """x multiplied with itself, in as few products as squaring allows; None for the exponent 0."""
    result = None
    while exponent:
        if exponent % 2:
            result = x if result is None else multiply(result, x)
        exponent //= 2
        x = multiply(x, x) if exponent else x
    return result


def _raise(base: Any, exponent: Any, new: Reader) -> Any:
    import graphc as gc

    if exponent.is_Rational and exponent.q <= 2 and 0 < exponent <= MOST_MULTIPLIED:
        root = gc.sqrt(base) if exponent.q == 2 else None
        whole = by_squaring(base, int(exponent), lambda a, b: gc.square(a) if a is b else a * b)
        return whole if root is None else root if whole is None else whole * root
    return gc.pow(base, new[exponent] if exponent.free_symbols else number(exponent))


# functions -----------------------------------------------------------------------------------------------------


def _piecewise(part: Any, new: Reader) -> Any:
    """Nested where, the first arm outermost; nan where no arm holds, as in SymPy."""
    import graphc as gc

    arms = list(part.args)
    result: Any = float("nan")
    if arms[-1].cond == True:  # noqa: E712 - SymPy's true is no bool
        result = new[arms.pop().expr]
    for arm in reversed(arms):
        result = gc.where(new[arm.cond], new[arm.expr], result)
    return result


def _choice(part: Any, new: Reader) -> Any:
    import graphc as gc

    return gc.where(*(new[a] for a in part.args))


def _heaviside(part: Any, new: Reader) -> Any:
    import graphc as gc

    x, at_zero = new[part.args[0]], new[part.args[1]]
    return gc.where(x > 0, 1.0, gc.where(gc.equal(x, 0), at_zero, 0.0))


def _polygamma(part: Any, new: Reader) -> Any:
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


def _gamma(part: Any, new: Reader) -> Any:
    """exp(log|Γ|), negative where x lies between an odd negative number and the even one above it."""
    import graphc as gc

    x = new[part.args[0]]
    is_negative = gc.logical_and(x < 0, gc.not_equal(gc.remainder(gc.floor(x), 2), 0))
    size = gc.exp(gc.lgamma(x))
    return gc.where(is_negative, -size, size)


def _sinc(part: Any, new: Reader) -> Any:
    """1 at 0, by way of a number that can be divided by, so that derivatives are finite there too."""
    import graphc as gc

    x = new[part.args[0]]
    is_zero = gc.equal(x, 0)
    divisor = gc.where(is_zero, 1.0, x)
    return gc.where(is_zero, 1.0, gc.sin(divisor) / divisor)


def _call(name: str) -> Builder:
    """The builder that applies the frontend's function of that name, folding from the left what takes many."""

    def build(part: Any, new: Reader) -> Any:
        import graphc as gc

        function = getattr(gc, name)
        operands = [new[a] for a in part.args]
        return reduce(function, operands) if len(operands) > 1 else function(*operands)

    return build


def _reciprocal(name: str) -> Builder:
    call = _call(name)
    return lambda part, new: 1 / call(part, new)


def _rewritten(by: Any) -> Builder:
    """The builder that lets SymPy say a function by another one."""
    return lambda part, new: new.read(part.rewrite(by))


SCALARS: dict[str, Builder] = {
    "Symbol": lambda part, new: new.value(part),
    "Dummy": lambda part, new: new.value(part),
    "Add": _sum,
    "Mul": _product,
    "Pow": _power,
    "Piecewise": _piecewise,
    "ITE": _choice,
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
    "cot": _reciprocal("tan"),
    "coth": _reciprocal("tanh"),
    "csc": _reciprocal("sin"),
    "csch": _reciprocal("sinh"),
    "gamma": _gamma,
    "loggamma": _call("lgamma"),
    "polygamma": _polygamma,
    "sec": _reciprocal("cos"),
    "sech": _reciprocal("cosh"),
    "sinc": _sinc,
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
"""What is built from its operands."""

REWRITTEN: dict[str, Builder] = {
    **dict.fromkeys(("factorial", "binomial", "beta", "RisingFactorial", "FallingFactorial"), _rewritten(sympy.gamma)),
    "frac": _rewritten(sympy.floor),
}
"""What SymPy says by functions that are in the first table."""
