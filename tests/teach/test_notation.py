"""Every op of the registry has its row of mathematics, and every row is right."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pytest
from opchecks import Case, differentiable

import graphc as gc
from graphc.ir.expr import Expr, make
from graphc.ir.op import REGISTRY, OpDef
from graphc.teach.derivation import Derivation, derive
from graphc.teach.formula import Symbol
from graphc.teach.notation import NOTATION
from graphc.teach.printers import latex, mathml, text
from graphc.teach.wording import axes_words, show_shape
from graphc.teach.written import notation_of

OPS = list(REGISTRY.values())
MOVING = [op for op in OPS if op.kind != "leaf" and differentiable(op) and op.vjp is not None]
MOVING = [op for op in MOVING if op.name != "stop_gradient" and "stepwise" not in op.flags]
"""Ops through which derivatives flow."""


def test_the_table_has_exactly_the_ops_of_the_registry() -> None:
    assert set(NOTATION) == set(REGISTRY)


@pytest.mark.parametrize("op", MOVING, ids=str)
def test_rows_have_an_adjoint_and_a_sentence_for_each_argument(op: OpDef) -> None:
    case = next(iter(differentiable(op)))
    node = make(op, tuple(case.inputs()), case.attrs)
    row = notation_of(node)
    assert len(row.adjoints) == len(row.why) == len(node.args)
    assert all(bool(why) == (adjoint is not None) for adjoint, why in zip(row.adjoints, row.why, strict=True))


def moving(case: Case) -> tuple[Expr, list[Expr], dict[Expr, np.ndarray[Any, Any]]]:
    """A loss with the op in it, weighted so that no two elements count alike, and what moves it."""
    inputs = case.inputs()
    out = make(case.op, tuple(inputs), case.attrs)
    weights = np.random.default_rng(1).normal(size=out.shape)
    loss = gc.sum(out * gc.constant(weights))
    assert case.op.vjp is not None
    pulled = case.op.vjp(out, out, *inputs)
    variables = [x for x, g in zip(inputs, pulled, strict=True) if g is not None]
    return loss, variables, dict(zip(inputs, case.arrays(), strict=True))


@pytest.mark.parametrize("detail", ["textbook", "full"])
@pytest.mark.parametrize("op", MOVING, ids=str)
def test_derivations_of_every_op_hold(op: OpDef, detail: str) -> None:
    for case in differentiable(op):
        loss, variables, arrays = moving(case)
        for variable in variables:
            derivation = derive(loss, variable, detail=detail)  # type: ignore[arg-type]
            assert derivation.result is gc.grad(loss, variable)
            report = derivation.check(arrays)
            assert report, f"{case}\n{derivation}\n{report}"
            assert not any(row.corners for row in report.rows), f"{case}\n{report}"


@pytest.mark.parametrize("op", MOVING, ids=str)
def test_a_wrong_rule_of_any_op_is_caught_at_its_step(
    op: OpDef, changed: Callable[..., AbstractContextManager[None]]
) -> None:
    right = op.vjp
    assert right is not None

    def a_percent_off(g: Expr, out: Expr, *inputs: Expr) -> tuple[Expr | None, ...]:
        return tuple(None if c is None else c * 1.01 for c in right(g, out, *inputs))

    case = next(c for c in differentiable(op) if all(0 not in s for s in c.sample.shapes))
    loss, variables, arrays = moving(case)
    with changed(op, vjp=a_percent_off):
        report = derive(loss, variables[0], detail="full").check(arrays)
    # The step through the op, and the derivation as a whole; multiply also stands before the sum of every loss.
    assert report.failed
    assert report.failed[-1].rule == "the whole derivation"
    assert notation_of(make(op, tuple(case.inputs()), case.attrs)).rule in {row.rule for row in report.failed}


@pytest.mark.parametrize("op", MOVING, ids=str)
def test_every_row_prints_in_every_notation(op: OpDef, assert_valid: Callable[[Derivation], None]) -> None:
    mathtext = pytest.importorskip("matplotlib.mathtext").MathTextParser("path")
    for case in differentiable(op):
        loss, variables, _ = moving(case)
        derivation = derive(loss, variables[-1], detail="full")
        for step in derivation.steps:
            mathtext.parse(f"${step.latex}$")
        assert_valid(derivation)


@pytest.mark.parametrize("op", [op for op in OPS if op.kind != "leaf"], ids=str)
def test_values_of_every_op_are_written(op: OpDef, assert_balanced: Callable[[str], None]) -> None:
    """Also those no derivative flows through: comparisons, positions, logic."""
    assert op.samples is not None
    kinds = {"float": "float64", "int": "int64", "uint": "uint8", "bool": "bool"}
    for sample in op.samples():
        dtypes = [d or kinds[op.dtypes[0]] for d in sample.dtypes or ("",) * op.arity]
        inputs = [gc.input("x", s, d) for s, d in zip(sample.shapes, dtypes, strict=True)]
        node = make(op, tuple(inputs), sample.attrs)
        symbols = [Symbol(letter, scalar=x.ndim == 0) for letter, x in zip("XYZ", inputs, strict=False)]
        formula = notation_of(node).value(node, *symbols)
        assert text(formula)
        assert_balanced(latex(formula))
        ElementTree.fromstring(mathml.inline(formula))


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ((slice(1, 4), slice(None)), "x[1:4, :]"),
        ((slice(None, 2), slice(None, None, 2)), "x[:2, :8:2]"),
        ((slice(None, None, -1), 3), "x[5::-1, 3]"),
        ((-1, slice(-2, None)), "x[5, 6:8]"),
    ],
)
def test_windows_are_written_as_python_does(key: tuple[object, ...], expected: str) -> None:
    x = gc.input("x", (6, 8))
    legend = derive(gc.name(gc.sum(gc.square(x[key])), "loss"), x).legend
    written = [text(d.formula) for d in legend if d.formula is not None]
    assert any(expected in w for w in written), written


def test_shapes_and_axes_in_words() -> None:
    assert show_shape(()) == "a number"
    assert show_shape(gc.input("x", ("batch", 3)).shape) == "batch × 3"
    assert axes_words(2, (0,)) == "rows"
    assert axes_words(2, (1,)) == "columns"
    assert axes_words(2, (0, 1)) == ""
    assert axes_words(4, (0, 2)) == "axes 0, 2"
    assert axes_words(3, (1,)) == "axis 1"
