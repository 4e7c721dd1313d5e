"""Every op over batches, from the registry alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import numpy as np
import pytest
from opchecks import Case, cases, differentiable

import graphc as gc
from graphc.ir.expr import Expr, make
from graphc.ir.op import REGISTRY, OpDef
from graphc.ops import leaf
from graphc.transform.batching import RULES, batching_rule

Array = np.ndarray[Any, Any]

OPS = [op for op in REGISTRY.values() if op.kind != "leaf"]
BATCH = 3


def kinds_of(op: OpDef) -> list[Case]:
    """Each sample once, in the widest dtype of the op: a rule never looks at dtypes."""
    found = list(cases([op]))
    return [c for c in found if c.dtype is found[-1].dtype]  # none of calls with derivatives of their own


def batches(case: Case) -> Iterator[tuple[list[Expr], list[Array], Mapping[Expr, Expr], Mapping[Expr, Array]]]:
    """The case with every choice of batched arguments: elements, their arrays, batches, and what all are given."""
    for chosen in product((False, True), repeat=len(case.sample.shapes)):
        if not any(chosen):
            continue
        elements = case.inputs()
        arrays = [
            np.stack([dataclasses.replace(case, seed=seed).arrays()[i] for seed in range(BATCH)])
            if is_batched
            else case.arrays()[i]
            for i, is_batched in enumerate(chosen)
        ]
        given, values = {}, {}
        for element, array, is_batched in zip(elements, arrays, chosen, strict=True):
            if is_batched:
                given[element] = leaf.input("batch", array.shape, element.dtype)
                values[given[element]] = array
            else:
                values[element] = array
        yield elements, arrays, given, values


@pytest.mark.parametrize("op", OPS, ids=str)
def test_every_op_has_a_rule(op: OpDef) -> None:
    assert batching_rule(op) is not None


def test_rules_are_of_ops() -> None:
    assert set(RULES) <= set(REGISTRY)
    assert [op.name for op in REGISTRY.values() if op.kind == "leaf" and batching_rule(op)] == []


@pytest.mark.parametrize("op", OPS, ids=str)
def test_a_batch_is_computed_as_its_elements_are(op: OpDef) -> None:
    for case in kinds_of(op):
        for elements, arrays, given, values in batches(case):
            node = make(op, tuple(elements), case.attrs)
            whole = gc.interpret(gc.vmap(node, given=given), values)
            for i in range(BATCH):
                single = [a[i] if given.get(e) is not None else a for e, a in zip(elements, arrays, strict=True)]
                with np.errstate(all="ignore"):
                    expected = op.reference(node.attrs, *single)
                np.testing.assert_allclose(whole[i], expected, rtol=1e-13, atol=1e-13, err_msg=str(case))


@pytest.mark.parametrize("op", [op for op in OPS if op.vjp is not None and differentiable(op)], ids=str)
def test_a_batch_of_gradients_is_a_gradient_of_batches(op: OpDef) -> None:
    case = differentiable(op)[0]
    elements = case.inputs()
    moving = [e for e in elements if e.dtype.is_float]
    loss = gc.sum(make(op, tuple(elements), case.attrs))
    gradients = gc.grad(loss, moving, unused="zeros")
    given = {e: leaf.input("batch", (BATCH, *e.shape), e.dtype) for e in elements}
    rows = [dataclasses.replace(case, seed=seed).arrays() for seed in range(BATCH)]
    values = {given[e]: np.stack([row[i] for row in rows]) for i, e in enumerate(elements)}
    whole = gc.vmap(gradients, given=given)
    total = gc.grad(gc.sum(gc.vmap(loss, given=given)), [given[e] for e in moving], unused="zeros")
    for a, b in zip(*gc.interpret((whole, total), values), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12, err_msg=str(case))
