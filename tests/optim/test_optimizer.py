"""What all optimizers share: state, names and refusals."""

import json
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
    with pytest.raises(AttributeError, match="momentum is fixed once a SGD is made; only learning_rate is not"):
        optim.SGD().momentum = 0.5


def test_hyperparameters_may_be_numpy_numbers():
    optimizer = optim.SGD(np.float32(0.5), momentum=np.float32(0.75), nesterov=np.bool_(True), clipnorm=np.int64(2))
    assert repr(optimizer) == "SGD(learning_rate=0.5, momentum=0.75, nesterov=True, clipnorm=2)"
    assert repr(optim.get(json.loads(json.dumps(optimizer.config())))) == repr(optimizer)
    optimizer.learning_rate = np.float32(0.25)
    assert type(optimizer.learning_rate) is float
    decay = optim.schedules.ExponentialDecay(np.float32(0.5), np.int64(10), np.float32(0.5))
    assert optim.schedules.get(json.loads(json.dumps(decay.config()))) == decay


@pytest.mark.parametrize("options", [{"clipnorm": "1"}, {"momentum": "0.9"}, {"momentum": None}, {"use_ema": "no"}])
def test_hyperparameters_are_numbers(options):
    (name,) = options
    with pytest.raises(gc.DTypeError, match=f"SGD: {name} must be a number, not"):
        optim.SGD(**options)


def test_true_is_no_learning_rate():
    with pytest.raises(gc.GraphError, match="SGD: learning_rate=True is outside what makes sense"):
        optim.SGD(True)


def test_the_learning_rate_is_changed_without_compiling_again():
    w = param()
    optimizer = optim.SGD(0.5)
    step = gc.compile([], updates=optimizer.updates(gc.sum(w), [w]))
    step()
    np.testing.assert_array_equal(w.value, 0.5)
    optimizer.learning_rate = 0.25
    step()
    np.testing.assert_array_equal(w.value, 0.25)
    assert optimizer.learning_rate == 0.25
    for wrong in (-1.0, math.nan, "0.1", None):
        with pytest.raises(gc.GraphError, match="SGD: learning_rate="):
            optimizer.learning_rate = wrong
    assert optimizer.learning_rate == 0.25
    with pytest.raises(gc.GraphError, match="a schedule is chosen when the optimizer is made"):
        optimizer.learning_rate = optim.schedules.PiecewiseConstantDecay([1], [1.0, 2.0])


def test_each_param_gets_the_rate_rounded_once_to_its_own_dtype():
    a, b = gc.param("a", np.zeros((), "float32")), gc.param("b", np.zeros((), "float64"))
    updates = optim.SGD(0.1).updates(gc.astype(a, "float64") + b, [a, b])
    got = gc.interpret([updates[a], updates[b]], {})
    assert (got[0], got[1]) == (np.float32(-0.1), -0.1)


def steps(optimizer, gradients):
    """The values of params that start at 1 after a step against each list of gradients."""
    params = [param(f"p{i}") for i in range(len(gradients[0]))]
    inputs = [gc.input(f"g{i}", (3,)) for i in range(len(params))]
    step = gc.compile(inputs, updates=optimizer.apply(inputs, params))
    for given in gradients:
        step(*(np.asarray(g, "float32") for g in given))
    return [p.value for p in params]


def test_gradients_are_clipped_by_value():
    (got,) = steps(optim.SGD(1.0, clipvalue=0.5), [[[3.0, -2.0, 0.25]]])
    np.testing.assert_array_equal(got, [0.5, 1.5, 0.75])


@pytest.mark.parametrize("limit", [2.0, 100.0])
def test_gradients_are_clipped_by_norm(limit):
    a, b = np.array([3.0, 0.0, -4.0]), np.array([0.0, 12.0, 0.0])
    for name, norms in (("clipnorm", (5, 12)), ("global_clipnorm", (13, 13))):
        got = steps(optim.SGD(1.0, **{name: limit}), [[a, b]])
        for value, g, norm in zip(got, (a, b), norms, strict=True):
            np.testing.assert_allclose(value, 1 - g * min(1, limit / norm), rtol=1e-6)


def test_a_gradient_of_zero_is_clipped_to_zero():
    (got,) = steps(optim.SGD(1.0, clipnorm=1.0), [[np.zeros(3)]])
    np.testing.assert_array_equal(got, 1)


def test_weight_decay_comes_before_the_step_and_spares_what_it_is_told_to():
    a, b = param("a"), param("b")
    optimizer = optim.SGD(0.5, weight_decay=0.1)
    optimizer.exclude_from_weight_decay([b])
    updates = optimizer.updates(gc.sum(2 * a + 2 * b), [a, b])
    got = gc.interpret([updates[a], updates[b]], {})
    np.testing.assert_allclose(got[0], 1 - 0.1 * 0.5 - 0.5 * 2, rtol=1e-6)
    np.testing.assert_allclose(got[1], 1 - 0.5 * 2)


@pytest.mark.parametrize(
    "options", [{"clipnorm": 0.0}, {"clipvalue": -1.0}, {"global_clipnorm": 0}, {"weight_decay": -0.1}]
)
def test_options_of_all_optimizers_are_checked(options):
    with pytest.raises(gc.GraphError, match=f"RMSprop: {next(iter(options))}="):
        optim.RMSprop(**options)


def test_one_way_of_clipping_is_enough():
    with pytest.raises(gc.GraphError, match="not by clipnorm and clipvalue"):
        optim.SGD(clipnorm=1.0, clipvalue=1.0)


def test_there_is_a_gradient_for_each_param():
    with pytest.raises(gc.GraphError, match="0 gradients for 1 params"):
        optim.SGD().apply([], [param()])


@pytest.mark.parametrize("name", sorted(optim.KNOWN))
def test_an_optimizer_comes_back_from_its_plain_data(name):
    made = optim.KNOWN[name](0.25, clipnorm=1.5, weight_decay=0.125)
    again = optim.get(json.loads(json.dumps(made.config())))
    assert type(again) is type(made)
    assert repr(again) == repr(made)
    assert "clipnorm=1.5" in repr(made)


def test_plain_data_of_no_optimizer_are_refused():
    with pytest.raises(gc.GraphError, match=r"SGD cannot be made of \{'beta': 3\}"):
        optim.get({"name": "SGD", "beta": 3})
    with pytest.raises(gc.GraphError, match="there is no optimizer None"):
        optim.get({})


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
    for wrong in ("adan", 3, optim.Adam):
        with pytest.raises(gc.GraphError, match=r"known are adadelta, adagrad, adam, .*sgd"):
            optim.get(wrong)
