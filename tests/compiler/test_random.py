"""Random graphs with their gradients: compiled, as given and simplified, they are the oracle."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from strategies import GraphCase, assert_close, graphs

import graphc as gc


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


@pytest.mark.slow
@settings(max_examples=5000, suppress_health_check=list(HealthCheck))
@given(graphs(gradients=True, dtype="float64", varied=True))
def test_many_compiled_graphs_are_the_oracle(case: GraphCase) -> None:
    _agrees(case, 2)
