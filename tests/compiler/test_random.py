"""Random graphs with their gradients: compiled, as given and simplified, they are the oracle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from strategies import GraphCase, assert_close, graphs

import graphc as gc
from graphc.ir.open_size import FEWEST


def _agrees(case: GraphCase, optimize: int) -> None:
    expected, changed = case.expected(), case.expected_updates()
    f = gc.compile(case.inputs, case.outputs, updates=dict(case.updates), optimize=optimize)
    for output, ours, oracle in zip(case.outputs, f(*case.arrays), expected, strict=True):
        assert_close(ours, oracle, case.is_coarse(output))
    for (param, new), oracle in zip(case.updates, changed, strict=True):
        assert_close(param.value, oracle, case.is_coarse(new))


# In float64: thirty steps may amplify a float32 rounding beyond any tolerance that would still find a mistake.
@pytest.mark.parametrize("optimize", [0, 2])
@settings(max_examples=250, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(graphs(gradients=True, dtype="float64", varied=True))
def test_compiled_graphs_are_the_oracle(optimize: int, case: GraphCase) -> None:
    _agrees(case, optimize)


def _with_rows(array: gc.Expr, given: object, rows: int) -> object:
    """An array for an input, of so many rows if "batch" leads it: its own over and over."""
    if not array.shape or str(array.shape[0]) != "batch":
        return given
    values = np.asarray(given)
    return np.concatenate([values] * -(-rows // max(len(values), 1)))[:rows]


@settings(max_examples=150, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(graphs(gradients=True, dtype="float64", varied=True, in_rows=True), st.integers(1, 40))
def test_programs_for_more_rows_are_the_oracle(case: GraphCase, more: int) -> None:
    """The program is made for more rows than it is called with then."""
    led = [a.shape[0] for x, a in zip(case.inputs, case.arrays, strict=True) if x.shape and str(x.shape[0]) == "batch"]
    assume(led and led[0] >= FEWEST)
    expected, changed = case.expected(), case.expected_updates()
    f = gc.compile(case.inputs, case.outputs, updates=dict(case.updates))
    before = [param.value for param, _ in case.updates]
    with np.errstate(all="ignore"):
        f(*(_with_rows(x, a, led[0] + more) for x, a in zip(case.inputs, case.arrays, strict=True)))
    assume(f._latest.open_to)
    for (param, _), value in zip(case.updates, before, strict=True):
        param.value = value
    for output, ours, oracle in zip(case.outputs, f(*case.arrays), expected, strict=True):
        assert_close(ours, oracle, case.is_coarse(output))
    for (param, new), oracle in zip(case.updates, changed, strict=True):
        assert_close(param.value, oracle, case.is_coarse(new))


@pytest.mark.slow
@settings(max_examples=5000, suppress_health_check=list(HealthCheck))
@given(graphs(gradients=True, dtype="float64", varied=True))
def test_many_compiled_graphs_are_the_oracle(case: GraphCase) -> None:
    _agrees(case, 2)
