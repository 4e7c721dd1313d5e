"""Dense against NumPy; names, seeds and refusals."""

import numpy as np
import pytest

import graphc as gc
from graphc import nn


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


REFERENCE = {
    None: lambda z: z,
    "linear": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "softplus": lambda z: np.log1p(np.exp(z)),
    "softmax": softmax,
}


@pytest.mark.parametrize("activation", list(REFERENCE), ids=str)
@pytest.mark.parametrize("lead", [("batch",), (), ("batch", 3)], ids=str)
def test_dense_is_activation_of_xw_plus_b(activation, lead):
    x = gc.input("x", (*lead, 6), dtype="float64")
    layer = nn.Dense(4, activation, bias_initializer="random_normal", seed=1)
    y = layer(x)
    data = np.random.default_rng(2).normal(size=tuple(5 if d == "batch" else d for d in (*lead, 6)))
    W, b = (p.value for p in layer.params)
    assert (W.shape, W.dtype, b.shape) == ((6, 4), np.float64, (4,))
    assert (b != 0).any()
    np.testing.assert_allclose(gc.interpret(y, {x: data}), REFERENCE[activation](data @ W + b), rtol=1e-12)


def test_parameters_are_made_once_and_shared():
    layer = nn.Dense(3)
    assert layer.params == []
    a, b = gc.input("a", ("batch", 5)), gc.input("b", ("batch", 5))
    layer(a)
    kernel = layer.kernel
    layer(b)
    assert layer.kernel is kernel
    assert layer(a) is layer(a)


def test_without_bias_there_is_only_a_kernel():
    layer = nn.Dense(3, use_bias=False)
    layer(gc.input("x", ("batch", 5)))
    assert [p.name for p in layer.params] == ["W"]


def test_names_are_those_of_the_textbook():
    x = gc.input("x", ("batch", 5))
    layer = nn.Dense(3, "relu", name="hidden")
    h = layer(x)
    assert [p.name for p in layer.params] == ["W_hidden", "b_hidden"]
    assert (h.name, layer.preactivation(x).name) == ("a_hidden", "z_hidden")


def test_a_seed_gives_the_initializers_numbers():
    layer = nn.Dense(3, seed=4)
    layer(gc.input("x", ("batch", 5)))
    np.testing.assert_array_equal(layer.kernel.value, gc.init.glorot_uniform((5, 3), seed=4))


def test_an_initializer_may_be_a_function():
    layer = nn.Dense(3, kernel_initializer=lambda shape, seed, dtype: np.full(shape, 0.5, dtype))
    layer(gc.input("x", ("batch", 5)))
    assert (layer.kernel.value == 0.5).all()


def test_an_initializer_that_gives_something_else_is_refused():
    layer = nn.Dense(3, kernel_initializer=lambda shape, seed, dtype: np.zeros(3))
    with pytest.raises(
        gc.GraphError, match=r"initializer of W gave float64 of shape \(3,\).*float32 of shape \(5, 3\)"
    ):
        layer(gc.input("x", ("batch", 5)))


def test_what_a_layer_cannot_take_is_refused():
    with pytest.raises(gc.DTypeError, match="called on an expression"):
        nn.Dense(3)(np.ones((2, 5)))
    with pytest.raises(gc.DTypeError, match="floating point numbers, not int64"):
        nn.Dense(3)(gc.input("x", ("batch", 5), dtype="int64"))
    with pytest.raises(gc.ShapeError, match=r"last axis whose length is a number.*\(batch,\)"):
        nn.Dense(3)(gc.input("x", ("batch",)))
    layer = nn.Dense(3, name="hidden")
    layer(gc.input("x", ("batch", 5)))
    with pytest.raises(gc.ShapeError, match=r"hidden was built for 5 features[\s\S]*test_layers"):
        layer(gc.input("x", ("batch", 6)))


@pytest.mark.parametrize("units", [0, -3, True])
def test_units_are_at_least_one(units):
    with pytest.raises(gc.ShapeError, match="units must be at least 1"):
        nn.Dense(units)


def test_units_are_an_integer():
    with pytest.raises(gc.DTypeError, match="units must be an integer"):
        nn.Dense(2.5)


def test_unknown_names_are_answered_with_the_known_ones():
    with pytest.raises(gc.GraphError, match=r"no activation 'rulu'; known are .*relu"):
        nn.Dense(3, "rulu")
    with pytest.raises(gc.GraphError, match=r"no initializer 'glorot'; known are .*glorot_uniform"):
        nn.Dense(3, kernel_initializer="glorot")


def test_input_takes_a_shape_in_numbers():
    x = nn.Input((28, 28), name="image")
    assert (x.name, str(x.shape[0]), x.shape[1:], x.dtype) == ("image", "batch", (28, 28), gc.float32)
    assert nn.Input(784, dtype="uint8").type_text == "u8[batch, 784]"
    with pytest.raises(gc.ShapeError, match="without the batch"):
        nn.Input(("batch", 784))
