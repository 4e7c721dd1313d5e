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


def value(layer, data, **options):
    x = gc.input("x", ("batch", *data.shape[1:]), dtype=str(data.dtype))
    return gc.interpret(layer(x, **options), {x: data})


def test_layers_that_only_look_at_shapes():
    data = np.arange(24, dtype="float32").reshape(2, 3, 4)
    np.testing.assert_array_equal(value(nn.Flatten(), data), data.reshape(2, 12))
    np.testing.assert_array_equal(value(nn.Flatten(), data[:, 0, 0]), data[:, 0, :1])
    np.testing.assert_array_equal(value(nn.Reshape((6, -1)), data), data.reshape(2, 6, 2))
    np.testing.assert_array_equal(value(nn.Reshape((4, 3)), data), data.reshape(2, 4, 3))


@pytest.mark.parametrize("shape", [(5, -1), (-1, -1), (11,), (0, -1)])
def test_shapes_that_do_not_fit_are_refused(shape):
    with pytest.raises(gc.ShapeError, match="12 elements do not fit"):
        nn.Reshape(shape)(gc.input("x", ("batch", 3, 4)))


def test_rescaling_turns_pixels_into_numbers():
    data = np.array([[0, 51, 255]], "uint8")
    got = value(nn.Rescaling(1 / 255, -0.5), data)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, [[-0.5, -0.3, 0.5]], rtol=1e-6)


def test_normalization_learns_mean_and_variance():
    data = np.random.default_rng(0).normal(3, 2, size=(500, 4)).astype("float32")
    data[:, 3] = 7
    layer = nn.Normalization()
    layer.adapt(data)
    got = value(layer, data)
    np.testing.assert_allclose(got.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(got.std(axis=0), [1, 1, 1, 0], rtol=1e-4)
    assert layer.params == []
    assert [p.name for p in layer.state] == ["mean", "variance"]
    layer.adapt(2 * data)
    np.testing.assert_allclose(value(layer, 2 * data), got, atol=1e-4)
    with pytest.raises(gc.GraphError, match="was built for 4 features, not 5"):
        layer.adapt(np.ones((3, 5)))
    with pytest.raises(gc.GraphError, match="given together"):
        nn.Normalization(mean=1.0)


def test_an_activation_may_be_a_layer():
    data = np.array([[-1.0, 2.0]], "float32")
    np.testing.assert_array_equal(value(nn.Activation("relu"), data), [[0, 2]])
    with pytest.raises(gc.GraphError, match="no activation 'rulu'"):
        nn.Activation("rulu")


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (nn.Add(), lambda a, b, c: a + b + c),
        (nn.Multiply(), lambda a, b, c: a * b * c),
        (nn.Average(), lambda a, b, c: (a + b + c) / 3),
        (nn.Maximum(), lambda a, b, c: np.maximum(np.maximum(a, b), c)),
        (nn.Minimum(), lambda a, b, c: np.minimum(np.minimum(a, b), c)),
        (nn.Concatenate(), lambda a, b, c: np.concatenate([a, b, c], axis=-1)),
        (nn.Concatenate(axis=1), lambda a, b, c: np.concatenate([a, b, c], axis=1)),
    ],
)
def test_merging_layers(layer, expected):
    arrays = np.random.default_rng(0).normal(size=(3, 2, 3, 4)).astype("float32")
    inputs = [gc.input(f"x{i}", ("batch", 3, 4)) for i in range(3)]
    got = gc.interpret(layer(inputs), dict(zip(inputs, arrays, strict=True)))
    np.testing.assert_allclose(got, expected(*arrays), rtol=1e-6)


def test_a_layer_of_ones_own():
    class Scale(nn.Layer):
        def build(self, shape, dtype):
            self.scale = self.add_weight("scale", shape[-1:], nn.initializers.Constant(3.0), dtype)

        def apply(self, x):
            return x * self.scale

    model = nn.Sequential([Scale(), nn.Dense(1)])
    model.build((None, 4))
    assert list(model.weights()) == ["layer/scale", "dense/kernel", "dense/bias"]
    np.testing.assert_array_equal(model.params[0].value, 3)
    with pytest.raises(gc.GraphError, match="'layer' cannot be saved"):
        model.save("/nowhere/at/all")
