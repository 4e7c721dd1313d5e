"""SGD against its formulas in plain NumPy."""

import pytest

import graphc as gc
from graphc import optim


def test_plain(three_steps, dtype, close):
    w, gradients, seen = three_steps(optim.SGD(0.1), dtype)
    for g, got in zip(gradients, seen, strict=True):
        w = w - 0.1 * g
        close(got, w)


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum(three_steps, dtype, close, nesterov):
    w, gradients, seen = three_steps(optim.SGD(0.1, momentum=0.9, nesterov=nesterov), dtype)
    v = 0 * w
    for g, got in zip(gradients, seen, strict=True):
        v = 0.9 * v - 0.1 * g
        w = w + (0.9 * v - 0.1 * g if nesterov else v)
        close(got, w)


def test_defaults_are_keras():
    assert repr(optim.SGD()) == "SGD(learning_rate=0.01, momentum=0.0, nesterov=False)"


def test_momentum_outside_0_to_1_is_refused():
    with pytest.raises(gc.GraphError, match=r"SGD: momentum=1.5"):
        optim.SGD(momentum=1.5)
