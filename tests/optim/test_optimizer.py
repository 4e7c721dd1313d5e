"""What all optimizers share: state, names and refusals."""

import math

import numpy as np
import pytest

import graphc as gc
from graphc import optim


def param(name="w", size=3):
    return gc.param(name, np.ones(size, "float32"))


def test_state_is_kept_for_each_param_and_made_once():
    optimizer = optim.RMSprop()
    a, b = param("a"), param("b")
    optimizer.updates(gc.sum(a * b), [a, b])
    first = optimizer.state
    optimizer.updates(gc.sum(a * a), [a])
    assert [s.name for s in first] == ["a.velocity", "b.velocity"]
    assert all(s is t for s, t in zip(first, optimizer.state, strict=True))
    assert all((s.value == 0).all() and s.dtype is a.dtype for s in first)


def test_hyperparameters_are_fixed():
    """Changing one after the step is compiled could only be ignored."""
    with pytest.raises(AttributeError):
        optim.SGD().learning_rate = 0.5


@pytest.mark.parametrize("rate", [-0.1, math.nan, math.inf])
def test_a_learning_rate_that_makes_no_sense_is_refused(rate):
    with pytest.raises(gc.GraphError, match="Adam: learning_rate="):
        optim.Adam(rate)


def test_only_params_are_moved_and_each_once():
    w, x = param(), gc.input("x", (3,))
    loss = gc.sum(w * x)
    with pytest.raises(gc.GraphError, match="moves params"):
        optim.SGD().updates(loss, [x])
    with pytest.raises(gc.GraphError, match="moves params, not 3"):
        optim.SGD().updates(loss, [3])
    with pytest.raises(gc.GraphError, match=r"each param once[\s\S]*'w'"):
        optim.SGD().updates(loss, [w, w])


def test_the_loss_must_be_a_scalar():
    w = param()
    with pytest.raises(gc.GraphcError, match="scalar"):
        optim.SGD().updates(w * 2, [w])


def test_names_are_found_and_others_answered():
    assert isinstance(optim.get("RMSprop"), optim.RMSprop)
    given = optim.Adam(0.1)
    assert optim.get(given) is given
    assert optim.get("adam") is not optim.get("adam")
    for wrong in ("adamw", 3, optim.Adam):
        with pytest.raises(gc.GraphError, match="known are adam, rmsprop, sgd"):
            optim.get(wrong)
