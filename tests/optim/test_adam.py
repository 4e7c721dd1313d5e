"""Adam against Kingma and Ba's formulas in plain NumPy."""

import numpy as np
import pytest

import graphc as gc
from graphc import optim


def test_three_steps(three_steps, dtype, close):
    optimizer = optim.Adam(0.01, beta_1=0.8, beta_2=0.95, epsilon=1e-3)
    w, gradients, seen = three_steps(optimizer, dtype)
    m = v = 0 * w
    for t, (g, got) in enumerate(zip(gradients, seen, strict=True), start=1):
        m = 0.8 * m + 0.2 * g
        v = 0.95 * v + 0.05 * g**2
        alpha = 0.01 * np.sqrt(1 - 0.95**t) / (1 - 0.8**t)
        w = w - alpha * m / (np.sqrt(v) + 1e-3)
        close(got, w)
    assert optimizer.state[0].value == 3


def test_without_epsilon_it_is_the_paper_with_corrected_means(three_steps):
    """Algorithm 1 of the paper: m̂ = m / (1 - β₁ᵗ), v̂ = v / (1 - β₂ᵗ), w ← w - α m̂ / √v̂."""
    w, gradients, seen = three_steps(optim.Adam(0.01, epsilon=0.0))
    m = v = 0 * w
    for t, (g, got) in enumerate(zip(gradients, seen, strict=True), start=1):
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g**2
        w = w - 0.01 * (m / (1 - 0.9**t)) / np.sqrt(v / (1 - 0.999**t))
        np.testing.assert_allclose(got, w, rtol=1e-10)


def test_defaults_are_keras():
    assert repr(optim.Adam()) == "Adam(learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-07, amsgrad=False)"


def test_state_is_the_count_and_two_means_for_each_param():
    a, b = gc.param("a", np.ones(2, "float32")), gc.param("b", np.ones(3, "float32"))
    optimizer = optim.Adam()
    updates = optimizer.updates(gc.sum(a) + gc.sum(b * b), [a, b])
    assert [s.name for s in optimizer.state] == ["iterations", "a.momentum", "b.momentum", "a.velocity", "b.velocity"]
    assert len(updates) == 7
    assert all(any(s is p for p in updates) for s in [a, b, *optimizer.state])


@pytest.mark.parametrize("wrong", [{"beta_1": 1.0}, {"beta_2": -0.1}, {"epsilon": -1.0}])
def test_hyperparameters_outside_their_range_are_refused(wrong):
    with pytest.raises(gc.GraphError, match=f"Adam: {next(iter(wrong))}="):
        optim.Adam(**wrong)
