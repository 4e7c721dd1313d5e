"""Every op, from the registry alone: adding an op adds its tests."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from opchecks import (
    EVALUATORS,
    cases,
    check_jvp,
    check_transposes,
    check_values,
    check_vjp,
    differentiable,
    groups,
)

import graphc as gc
from graphc.ir.dtype import ALL, float64
from graphc.ir.expr import Expr, make
from graphc.ir.op import REGISTRY, OpDef, find, register
from graphc.ops import leaf

OPS = list(REGISTRY.values())
SAMPLED = [op for op in OPS if op.kind != "leaf"]
ELEMENTWISE = [op for op in OPS if op.kind == "elementwise"]
DIFFERENTIABLE = [op for op in SAMPLED if op.vjp is not None and differentiable(op) and op.name != "stop_gradient"]
"""Ops whose derivative is that of their value; stop_gradient has none on purpose."""
SMOOTH = [op for op in ELEMENTWISE if op in DIFFERENTIABLE]
CHOICES = ("where", "choose")
"""Ops whose arguments differ in dtype."""
GROUPS = groups()


@pytest.mark.parametrize("evaluator", EVALUATORS)
@pytest.mark.parametrize("group", GROUPS)
def test_values_agree_with_the_reference(group: str, evaluator: str) -> None:
    check_values(GROUPS[group], EVALUATORS[evaluator], exact=evaluator == "interpret")


@pytest.mark.parametrize("op", DIFFERENTIABLE, ids=str)
def test_vjp_agrees_with_differences_to_second_order(op: OpDef) -> None:
    for case in differentiable(op):
        check_vjp(case)


@pytest.mark.parametrize("op", DIFFERENTIABLE, ids=str)
def test_jvp_agrees_with_differences_to_second_order(op: OpDef) -> None:
    for case in differentiable(op):
        check_jvp(case)


@pytest.mark.parametrize("op", DIFFERENTIABLE, ids=str)
def test_jvp_and_vjp_are_transposes(op: OpDef) -> None:
    for case in differentiable(op):
        check_transposes(case)


# The checkers catch what is wrong ------------------------------------------------------------------------------

MOVING = [op for op in DIFFERENTIABLE if "stepwise" not in op.flags]
"""Ops with a derivative that is not zero, of which there can be a wrong one."""


def wrong(op: OpDef, **changed: Any) -> OpDef:
    """A copy under another name: interning tells ops apart by name."""
    return dataclasses.replace(op, name=f"wrong_{op.name}", **changed)


@pytest.mark.parametrize("op", MOVING, ids=str)
def test_a_wrong_vjp_is_caught(op: OpDef) -> None:
    right = op.vjp
    assert right is not None

    def a_percent_off(g: Expr, out: Expr, *inputs: Expr) -> tuple[Expr | None, ...]:
        return tuple(None if c is None else c * 1.01 for c in right(g, out, *inputs))

    with pytest.raises(AssertionError):
        for case in differentiable(wrong(op, vjp=a_percent_off)):
            check_vjp(case)
    with pytest.raises(AssertionError):
        for case in differentiable(wrong(op, vjp=a_percent_off)):
            check_transposes(case)


@pytest.mark.parametrize("op", MOVING, ids=str)
def test_a_wrong_jvp_is_caught(op: OpDef) -> None:
    right = op.jvp
    assert right is not None

    def a_percent_off(*arguments: Any) -> Expr | None:
        tangent = right(*arguments)
        return None if tangent is None else tangent * 1.01

    with pytest.raises(AssertionError):
        for case in differentiable(wrong(op, jvp=a_percent_off)):
            check_jvp(case)


def test_a_wrong_reference_is_caught() -> None:
    def off(attrs: Any, x: Any) -> Any:
        return np.exp(x) + np.asarray(1e-3, x.dtype)

    op = wrong(find("exp"), reference=off)
    with pytest.raises(AssertionError, match="wrong_exp"):
        check_values(list(cases([op])), lambda outputs, arrays: [np.exp(a) for a in arrays.values()], exact=False)


# Scalar rules, by SymPy ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("op", SMOOTH, ids=str)
def test_scalar_vjps_are_the_derivatives_sympy_finds(op: OpDef) -> None:
    sympy = pytest.importorskip("sympy")
    table = pytest.importorskip("graphc.interop.sympy_table").SYMPY
    case = next(c for c in differentiable(op) if c.sample.shapes[0] == ())
    inputs = case.inputs()
    out = make(op, tuple(inputs), case.attrs)
    assert op.vjp is not None
    rows = op.vjp(leaf.scalar(1.0, out.dtype), out, *inputs)
    moving = [i for i, row in enumerate(rows) if row is not None]
    pulled = [row for row in rows if row is not None]
    symbols = [sympy.Symbol(f"x{i}", real=True) for i in range(op.arity)]
    for seed in range(5):
        arrays = dataclasses.replace(case, seed=seed).arrays()
        found = gc.interpret(pulled, dict(zip(inputs, arrays, strict=True)))
        numbers = dict(zip(symbols, (a.item() for a in arrays), strict=True))
        arguments = [sympy.true if n is True else sympy.false if n is False else s for s, n in numbers.items()]
        formula = table[op.name](*arguments, **case.attrs)
        for i, value in zip(moving, found, strict=True):
            # SymPy leaves the derivatives of floor and the like unsaid: they are 0 where there is one.
            derivative = sympy.diff(formula, symbols[i]).replace(
                lambda part: isinstance(part, sympy.Subs), lambda part: 0
            )
            expected = float(derivative.subs(numbers).evalf(30))
            np.testing.assert_allclose(float(value), expected, rtol=1e-12, atol=1e-14)


# The facts themselves ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("op", OPS, ids=str)
def test_facts_are_complete(op: OpDef) -> None:
    assert op.doc
    assert REGISTRY[op.name] is op
    if op.kind == "leaf":
        return
    assert op.samples is not None
    assert op.dtypes
    for sample in op.samples():
        assert len(sample.shapes) == op.arity
        assert tuple(sample.attrs) == op.params
        assert len(sample.domains) in (0, op.arity)
        assert len(sample.dtypes) in (0, op.arity)
    assert (op.vjp is None) == (op.jvp is None)
    assert (op.view is not None) == (op.kind == "view")
    if op.standard is not None:
        assert callable(getattr(gc, op.standard))


@pytest.mark.parametrize("op", [op for op in SAMPLED if op.vjp is None], ids=str)
def test_what_has_no_derivative_gives_no_floats(op: OpDef) -> None:
    for case in cases([op]):
        out = make(op, tuple(case.inputs()), case.attrs)
        assert op.jvp is None
        assert not out.dtype.is_float or "float" not in op.dtypes


@pytest.mark.parametrize("op", ELEMENTWISE, ids=str)
def test_elementwise_ops_refuse_operands_that_do_not_fit(op: OpDef) -> None:
    for dtype in ALL:
        operand = leaf.input("operand", (3,), dtype)
        if dtype.kind not in op.dtypes and op.name not in CHOICES:
            with pytest.raises(gc.DTypeError, match=r"test_registry\.py"):
                make(op, (operand,) * op.arity, dict.fromkeys(op.params, float64))
    if op.arity < 2 or op.name in CHOICES:
        return
    first = next(d for d in ALL if d.kind in op.dtypes)
    x, longer = leaf.input("x", (3,), first), leaf.input("longer", (4,), first)
    with pytest.raises(gc.ShapeError, match=rf"(?s){op.name}.*\(3,\).*test_registry\.py.*\(4,\)"):
        make(op, (x, longer))
    other = leaf.input("other", (3,), next(d for d in ALL if d is not first))
    with pytest.raises(gc.DTypeError, match=rf"(?s){op.name}.*'other'.*test_registry\.py"):
        make(op, (x, other))


def test_a_name_is_registered_once() -> None:
    with pytest.raises(ValueError, match="registered twice"):
        register(find("add"))


@pytest.mark.parametrize("op", [op for op in ELEMENTWISE if "commutative" in op.flags], ids=str)
def test_commutative_ops_are(op: OpDef) -> None:
    for case in cases([op]):
        a, b = case.arrays()
        np.testing.assert_array_equal(op.reference({}, a, b), op.reference({}, b, a))


@pytest.mark.parametrize("op", [op for op in ELEMENTWISE if {"even", "odd"} & op.flags], ids=str)
def test_even_and_odd_ops_are(op: OpDef) -> None:
    x = np.linspace(-4, 4, 33)
    sign = -1 if "odd" in op.flags else 1
    with np.errstate(all="ignore"):  # nan on both sides, outside the domain
        np.testing.assert_array_equal(op.reference({}, -x), sign * op.reference({}, x))


@pytest.mark.parametrize("op", [op for op in ELEMENTWISE if "monotone" in op.flags], ids=str)
def test_monotone_ops_are(op: OpDef) -> None:
    low, high = op.samples()[0].domains[0]  # type: ignore[misc, index]
    values = op.reference({}, np.linspace(low, high, 1001))
    assert np.all(np.diff(values) >= 0)


@pytest.mark.parametrize("op", [op for op in ELEMENTWISE if "idempotent" in op.flags], ids=str)
def test_idempotent_ops_are(op: OpDef) -> None:
    x = np.linspace(-3, 3, 25)
    if op.arity == 1:
        once = op.reference({}, x)
        np.testing.assert_array_equal(op.reference({}, once), once)
    else:
        np.testing.assert_array_equal(op.reference({}, x, x), x)
