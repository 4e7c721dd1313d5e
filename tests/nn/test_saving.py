"""Models in files: exact resume, and nothing half loaded."""

import functools
import json
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import graphc as gc
from graphc import nn, optim
from graphc.nn import safetensors


def data(samples=150, features=6, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(samples, features)).astype("float32"), rng.integers(0, classes, samples)


def small(optimizer="adam", **options):
    layers = [nn.Dense(8, "relu", kernel_regularizer="l2"), nn.Dropout(0.3), nn.Dense(3, "softmax")]
    model = nn.Sequential(layers, seed=1, **options)
    model.compile(optim.get(optimizer), metrics=["accuracy", nn.metrics.SparseTopKCategoricalAccuracy(2, name="top")])
    return model


def same(a, b):
    assert list(a) == list(b)
    for name in a:
        np.testing.assert_array_equal(a[name].value, b[name].value, err_msg=name)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "m.safetensors"


RESUME = """
    import sys
    import numpy as np
    from graphc import nn

    with np.load(sys.argv[2]) as file:
        x, y = file["x"], file["y"]
    model = nn.load_model(sys.argv[1])
    history = model.fit(x, y, epochs=10, initial_epoch=5, verbose=0)
    assert history.epoch == [5, 6, 7, 8, 9]
    model.save(sys.argv[1])
"""


@pytest.mark.parametrize("optimizer", ["adam", "schedule"])
def test_ten_epochs_are_five_and_five_in_another_process(path, tmp_path, optimizer):
    x, y = data()
    np.savez(tmp_path / "data.npz", x=x, y=y)

    def make():
        if optimizer == "adam":
            return small()
        rate = optim.schedules.ExponentialDecay(0.05, decay_steps=7, decay_rate=0.9)
        return small(optim.SGD(rate, momentum=0.9, nesterov=True))

    whole, halves = make(), make()
    whole.fit(x, y, epochs=10, verbose=0)
    halves.fit(x, y, epochs=5, verbose=0)
    halves.save(path)
    run = [sys.executable, "-c", textwrap.dedent(RESUME), str(path), str(tmp_path / "data.npz")]
    subprocess.run(run, check=True)
    loaded = nn.load_model(path)
    same(whole.weights(), loaded.weights())
    # The optimizer's memory, too, and the place in the order of samples: another epoch is the same.
    for model in (whole, loaded):
        model.fit(x, y, epochs=1, verbose=0)
    same(whole.weights(), loaded.weights())
    assert whole.evaluate(x, y) == loaded.evaluate(x, y)


@pytest.mark.parametrize("name", sorted(optim.KNOWN))
def test_every_optimizer_goes_on_where_it_was(path, name):
    x, y = data(64)
    model = small(name)
    model.fit(x, y, verbose=0)
    model.optimizer.learning_rate = 0.0125
    model.save(path)
    loaded = nn.load_model(path)
    assert repr(loaded.optimizer) == repr(model.optimizer)
    for one in (model, loaded):
        one.fit(x, y, epochs=2, verbose=0)
    same(model.weights(), loaded.weights())
    for a, b in zip(model.optimizer.state, loaded.optimizer.state, strict=True):
        np.testing.assert_array_equal(a.value, b.value)


def functional():
    a, b = nn.Input((4,), name="a"), nn.Input((3,), name="b")
    shared = nn.Dense(5, functools.partial(nn.activations.relu, max_value=2.0), name="shared")
    h = shared(a) + 0.5 * gc.tanh(nn.Dense(5, kernel_initializer=nn.initializers.HeNormal(seed=3))(b))
    h = nn.concatenate([h, shared(a)])
    tower = nn.Sequential([nn.Dense(6, "tanh"), nn.Dense(4)], name="tower")
    model = nn.Model([a, b], {"class": nn.Dense(3, "softmax")(tower(h)), "size": nn.Dense(1)(h)}, name="two", seed=2)
    model.compile(
        "rmsprop",
        {"class": "sparse_categorical_crossentropy", "size": nn.losses.Huber(0.5)},
        metrics={"class": ["accuracy"], "size": ["mae"]},
        loss_weights={"class": 1.0, "size": 0.3},
    )
    return model


def two_inputs(samples=40):
    rng = np.random.default_rng(1)
    x = {"a": rng.normal(size=(samples, 4)), "b": rng.normal(size=(samples, 3))}
    return x, {"class": rng.integers(0, 3, samples), "size": rng.normal(size=samples)}


@pytest.mark.parametrize("compiled_again", [False, True])
def test_what_came_to_rest_leaves_nothing_in_the_file(path, compiled_again):
    """The optimizer has moved those layers before, and remembers more than the model that comes back will."""
    x = np.random.default_rng(0).normal(size=(50, 4)).astype("float32")
    optimizer = optim.Adam()
    model = nn.Sequential([nn.Dense(8), nn.Dense(3)])
    model.compile(optimizer, "mse")
    model.fit(x, x[:, :3], verbose=0)
    model.layers[0].trainable = False
    if compiled_again:
        model.compile(optimizer, "mse")
        model.fit(x, x[:, :3], verbose=0)
    model.save(path)
    again = nn.load_model(path)
    assert [layer.trainable for layer in again.layers] == [False, True]
    if compiled_again:
        for one in (model, again):
            one.fit(x, x[:, :3], verbose=0)
    for mine, theirs in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_graph_of_layers_comes_back(path):
    x, y = two_inputs()
    model = functional()
    model.fit(x, y, epochs=2, verbose=0)
    model.save(path)
    loaded = nn.load_model(path)
    assert loaded.name == "two"
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]
    for key, value in model.predict(x).items():
        np.testing.assert_array_equal(loaded.predict(x)[key], value)
    for one in (model, loaded):
        one.fit(x, y, epochs=2, verbose=0)
    same(model.weights(), loaded.weights())
    assert model.evaluate(x, y, return_dict=True) == loaded.evaluate(x, y, return_dict=True)


def test_an_unbuilt_and_an_uncompiled_model_come_back(path):
    nn.Sequential([nn.Dense(3, name="only")], name="m").save(path)
    loaded = nn.load_model(path)
    assert (loaded.name, loaded.built, loaded.optimizer) == ("m", False, None)
    assert loaded.predict(np.ones((2, 5))).shape == (2, 3)


def test_layers_of_every_kind_come_back(path):
    model = nn.Sequential(
        [
            nn.Input((2, 6)),
            nn.Rescaling(0.5, 1.0),
            nn.Normalization(mean=np.arange(6.0), variance=np.ones(6)),
            nn.Flatten(),
            nn.Dense(12, "gelu", use_bias=False, activity_regularizer=nn.regularizers.L1(0.1)),
            nn.Reshape((3, -1)),
            nn.Activation("swish"),
            nn.Dropout(0.5),
            nn.Sequential([nn.Dense(2)]),
        ]
    )
    x = np.random.default_rng(0).normal(size=(7, 2, 6))
    model.layers[3].trainable = False
    model.save(path)
    loaded = nn.load_model(path)
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
    assert [layer.trainable for layer in loaded.layers] == [layer.trainable for layer in model.layers]
    assert len(loaded.trainable_params) == 2


def test_weights_alone(path):
    model, other = small(), small("sgd")
    for one in (model, other):
        one.build((None, 6))
    for param in model.params:
        param.value = param.value + 1
    model.save_weights(path)
    other.load_weights(path)
    same(model.weights(), other.weights())
    assert list(safetensors.read(path).arrays) == [
        "dense/kernel", "dense/bias", "dropout/key", "dropout/steps", "dense_1/kernel", "dense_1/bias",
    ]  # fmt: skip
    with pytest.raises(gc.GraphError, match=r"holds weights without a model; read them with model.load_weights"):
        nn.load_model(path)
    model.save(path)
    other.load_weights(path)


def scaled(x):
    return 2 * x


class Scale(nn.Layer):
    kind = "scale"

    def build(self, shape, dtype):
        self.scale = self.add_weight("scale", shape[-1:], "ones", dtype)

    def apply(self, x):
        return x * self.scale

    def config(self):
        return {}


def test_what_is_not_graphcs_is_asked_for(path):
    model = nn.Sequential([nn.Input((3,)), nn.Dense(4, scaled), Scale()])
    model.save(path)
    with pytest.raises(gc.GraphError, match="the layer 'Scale', which is not graphc's; hand it over"):
        nn.load_model(path, {"scaled": scaled})
    with pytest.raises(gc.GraphError, match="the activation 'scaled', which is not graphc's; hand it over"):
        nn.load_model(path, {"Scale": Scale})
    loaded = nn.load_model(path, {"Scale": Scale, "scaled": scaled})
    np.testing.assert_array_equal(loaded.predict(np.ones((2, 3))), model.predict(np.ones((2, 3))))


def test_what_has_no_plain_form_is_refused_before_anything_is_written(path):
    model = nn.Sequential([nn.Input((3,)), nn.Dense(4, lambda x: x)])
    with pytest.raises(gc.GraphError, match="cannot be saved: it has no name to ask for"):
        model.save(path)
    x = nn.Input((3,))
    centred = nn.Model(x, nn.Dense(2)(x - gc.mean(x, axis=0)))
    with pytest.raises(gc.GraphError, match=r"elementwise operations can be saved[\s\S]*test_saving.py"):
        centred.save(path)
    assert not path.exists()
    centred.save_weights(path)
    centred.load_weights(path)


def rewritten(path, change):
    """The file with its arrays and its description changed."""
    contents = safetensors.read(path)
    about = json.loads(contents.metadata["graphc"])
    arrays = change(dict(contents.arrays), about) or contents.arrays
    safetensors.write(path, arrays, {"graphc": json.dumps(about)})


def without(name):
    return lambda arrays, about: {k: v for k, v in arrays.items() if k != name}


def with_array(name, array):
    return lambda arrays, about: {**arrays, name: array}


ALTERED = {
    "a weight missing": (without("dense/kernel"), "lacks dense/kernel: it is of another model"),
    "the optimizer's memory missing": (without("@optimizer/momentum/dense/kernel"), "lacks @optimizer/momentum/dense"),
    "an unknown array": (with_array("../../etc/passwd", np.ones(2)), r"has in addition ../../etc/passwd"),
    "another shape": (
        with_array("dense/bias", np.ones((1, 8), "float32")),
        r"'dense/bias' as .* of shape \(1, 8\)",
    ),
    "another dtype": (with_array("dense/bias", np.ones(8)), "'dense/bias' as float64"),
}


@pytest.mark.parametrize("case", ALTERED)
def test_an_altered_file_changes_nothing(path, case):
    change, message = ALTERED[case]
    x, y = data()
    model = small()
    model.fit(x, y, verbose=0)
    model.save(path)
    rewritten(path, change)
    with pytest.raises(gc.GraphError, match=message):
        nn.load_model(path)
    if "optimizer" in case:
        return
    before = model.get_weights()
    for param in model.params:
        param.value = param.value + 1
    with pytest.raises(gc.GraphError, match=message):
        model.load_weights(path)
    for a, b in zip(before, model.get_weights(), strict=True):
        assert a.dtype != np.float32 or not np.array_equal(a, b)


def put(*keys):
    *inner, last, value = keys

    def change(arrays, about):
        place = about
        for key in inner:
            place = place[key]
        place[last] = value

    return change


LAYER = ("model", "config", "layers", 0)
HOSTILE = {
    "a format of the future": (put("format", 99), "is of format 99"),
    "no model": (put("model", None), "does not describe a model"),
    "a class that is none": (put("model", "class", "os.system"), "the layer 'os.system', which"),
    "a layer for a model": (
        put("model", {"class": "Add", "name": "f", "trainable": True, "config": {}}),
        "no model",
    ),
    "layers larger than the file": (put(*LAYER, "config", "units", 10**15), "larger than the file|address"),
    "an unknown activation": (put(*LAYER, "config", "activation", "eval"), "no activation 'eval'"),
    "an activation that is a list": (put(*LAYER, "config", "activation", ["relu"]), "no activation"),
    "options that do not exist": (
        put(*LAYER, "config", "activation", {"function": "relu", "x": 3}),
        "not describe a model",
    ),
    "an argument that does not exist": (put(*LAYER, "config", "code", "1"), "does not describe a model"),
    "a name with a path": (put(*LAYER, "name", "../x"), "a layer's name is a text without '/'"),
    "an unknown optimizer": (put("compiled", "optimizer", "name", "system"), "no optimizer 'system'"),
    "a rate that is none": (put("compiled", "optimizer", "learning_rate", -1), "learning_rate=-1"),
    "an unknown loss": (put("compiled", "losses", ["eval"]), "no loss 'eval'"),
    "a loss with odd options": (
        put("compiled", "losses", [{"class": "Huber", "x": 1}]),
        "the loss Huber cannot be",
    ),
    "a state that is none": (put("shuffling", {"bit_generator": "MT19937"}), "does not describe a model"),
    "an input of odd shape": (put("model", "config", "input", "shape", ["x"]), "nn.Input takes the shape"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_description_is_a_clear_error(path, case):
    change, message = HOSTILE[case]
    model = small()
    model.build((None, 6))
    model.save(path)
    rewritten(path, change)
    with pytest.raises(gc.GraphcError, match=message):
        nn.load_model(path)


STEPS = {
    "a step before it is made": (put("model", "config", "steps", -1, "args", [99]), "no step or layer 99"),
    "a negative step": (put("model", "config", "steps", -1, "args", [-1]), "no step or layer -1"),
    "an operation that is none": (
        put("model", "config", "steps", -1, {"op": "exec", "args": [0], "dtype": None}),
        "no operation 'exec'",
    ),
    "an operation that is not elementwise": (
        put("model", "config", "steps", -1, {"op": "slice", "args": [0], "dtype": None}),
        "does not stand between layers like this",
    ),
    "outputs of nothing": (put("model", "config", "outputs", 10**9), "no step or layer"),
}


@pytest.mark.parametrize("case", STEPS)
def test_a_hostile_graph_is_a_clear_error(path, case):
    change, message = STEPS[case]
    functional().save(path)
    rewritten(path, change)
    with pytest.raises(gc.GraphcError, match=message):
        nn.load_model(path)


def test_random_changes_of_the_description_never_do_more_than_fail(path):
    """Values somewhere in the description are replaced by odd ones; loading gives a model or a graphc error."""
    odd = [None, -1, 0, 1e30, "x", [], {}, [[]], True, "relu", 10**12, {"function": "relu"}]
    rng = np.random.default_rng(0)
    functional().save(path)
    original = path.read_bytes()

    def places(value):
        keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
        for key in keys:
            yield value, key
            yield from places(value[key])

    loaded = 0
    for _ in range(150):
        path.write_bytes(original)

        def change(arrays, about):
            found = list(places(about))
            holder, key = found[rng.integers(len(found))]
            holder[key] = odd[rng.integers(len(odd))]

        rewritten(path, change)
        try:
            nn.load_model(path)
            loaded += 1
        except gc.GraphcError:
            pass
    assert loaded < 75


def test_a_folder_that_is_not_there_is_named(tmp_path):
    model = nn.Sequential([nn.Input((2,)), nn.Dense(1)])
    wanted = tmp_path / "nowhere" / "m.safetensors"
    with pytest.raises(FileNotFoundError) as failed:
        model.save(wanted)
    assert failed.value.filename == str(wanted)
