"""RMSprop against its formulas in plain NumPy."""

import numpy as np
import pytest

import graphc as gc
from graphc import optim


@pytest.mark.parametrize("momentum", [0.0, 0.8])
@pytest.mark.parametrize("centered", [False, True])
def test_three_steps(three_steps, dtype, close, momentum, centered):
    optimizer = optim.RMSprop(0.01, rho=0.7, momentum=momentum, epsilon=1e-3, centered=centered)
    w, gradients, seen = three_steps(optimizer, dtype)
    v = a = m = 0 * w
    for g, got in zip(gradients, seen, strict=True):
        v = 0.7 * v + 0.3 * g**2
        a = 0.7 * a + 0.3 * g if centered else a
        m = momentum * m + 0.01 * g / np.sqrt(v - a**2 + 1e-3)
        w = w - m
        close(got, w)


def test_defaults_are_keras():
    assert repr(optim.RMSprop()) == (
        "RMSprop(learning_rate=0.001, rho=0.9, momentum=0.0, epsilon=1e-07, centered=False)"
    )


def test_the_first_step_of_the_documented_example():
    """keras.optimizers.RMSprop(0.1) on w = 10, loss = w²/2 gives 9.683772."""
    w = gc.param("w", np.float64(10.0))
    updates = optim.RMSprop(0.1).updates(gc.square(w) / 2, [w])
    assert float(gc.interpret(updates[w], {})) == pytest.approx(9.683772, abs=1e-6)


@pytest.mark.parametrize("wrong", [{"rho": 1.5}, {"epsilon": -1.0}, {"momentum": -0.1}])
def test_hyperparameters_outside_their_range_are_refused(wrong):
    with pytest.raises(gc.GraphError, match=f"RMSprop: {next(iter(wrong))}="):
        optim.RMSprop(**wrong)
