"""Ops without a row of their own: their derivatives are written out from the rules they bring along."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from opchecks import differentiable

import graphc as gc
from graphc.ir.expr import make
from graphc.ir.graph import ExprTable
from graphc.ir.op import REGISTRY, OpDef
from graphc.teach import Derivation, derive
from graphc.teach.formula import Symbol
from graphc.teach.notation import NOTATION
from graphc.teach.printers import text
from graphc.teach.written import notation_of, written

OPS = [op for op in REGISTRY.values() if op.kind != "leaf" and differentiable(op) and op.vjp is not None]
OPS = [op for op in OPS if "stepwise" not in op.flags and op.name not in ("stop_gradient", "custom_result")]


@pytest.mark.parametrize("op", OPS, ids=str)
def test_every_op_derives_without_its_row(
    op: OpDef, monkeypatch: pytest.MonkeyPatch, assert_valid: Callable[[Derivation], None]
) -> None:
    """Also what the composed formula says is read and compared, as far as it says everything."""
    monkeypatch.delitem(NOTATION, op.name, raising=False)
    case = next(c for c in differentiable(op) if all(0 not in s for s in c.sample.shapes))
    inputs = case.inputs()
    out = make(op, tuple(inputs), case.attrs)
    assert op.vjp is not None
    arrays = dict(zip(inputs, case.arrays(), strict=True))
    for variable, pulled in zip(inputs, op.vjp(out, out, *inputs), strict=True):
        if pulled is not None:
            d = derive(gc.sum(out), variable, detail="full")
            report = d.check(arrays)
            assert report, f"{d}\n{report}"
            assert_valid(d)


def test_partials_are_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(NOTATION, "tanh")
    x = gc.input("x", (3,), "float64")
    node = gc.tanh(x)
    row = notation_of(node)
    assert row.rule == "derivative of tanh"
    found = row.adjoints[0](Symbol("G"), node, Symbol("A"), Symbol("X"))  # type: ignore[misc]
    assert text(found) == "G ⊙ (1 − A²)"


def test_graphs_are_written_in_what_is_known() -> None:
    x, y = gc.input("x", (3,), "float64"), gc.input("y", (3,), "float64")
    known = ExprTable([(x, Symbol("X")), (y, Symbol("Y"))])
    assert text(written(gc.exp(x) * y - x, known)) == "exp(X) ⊙ Y − X"


def test_long_graphs_are_written_without_recursion() -> None:
    x = gc.input("x", (), "float64")
    total = x
    for _ in range(20_000):
        total = gc.stop_gradient(total)
    known = ExprTable([(x, Symbol("x", scalar=True))])
    assert written(total, known) is not None
