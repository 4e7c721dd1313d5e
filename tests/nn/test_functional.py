"""Models from inputs to outputs: several of each, layers shared, models in models, plain expressions between."""

import copy

import numpy as np
import pytest

import graphc as gc
from graphc import nn, optim


def relu(z):
    return np.maximum(z, 0)


def dense(x, layer):
    W, b = (p.value for p in layer.params)
    return x @ W + b


def data(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def test_a_residual_is_an_addition():
    x = nn.Input((6,))
    first, last = nn.Dense(6, "relu"), nn.Dense(2)
    model = nn.Model(x, last(first(x) + x))
    values = data(9, 6)
    expected = dense(relu(dense(values, first)) + values, last)
    np.testing.assert_allclose(model.predict(values), expected, rtol=1e-4, atol=1e-6)
    assert [layer.name for layer in model.layers] == ["dense", "dense_1"]
    assert [p.name for p in model.params] == ["W1", "b1", "W2", "b2"]


def two_towers():
    a, b = nn.Input((4,), name="a"), nn.Input((3,), name="b")
    left, right = nn.Dense(5, name="left"), nn.Dense(5, name="right")
    h = nn.Concatenate()([left(a), gc.tanh(right(b))])
    kind, size = nn.Dense(3, "softmax", name="kind"), nn.Dense(1, name="size")
    return nn.Model([a, b], [kind(h), size(h)])


def test_several_inputs_and_outputs():
    model = two_towers()
    a, b = data(8, 4), data(8, 3, seed=1)
    left, right, kind, size = (model.get_layer(name) for name in ("left", "right", "kind", "size"))
    h = np.concatenate([dense(a, left), np.tanh(dense(b, right))], axis=1)
    z = np.exp(dense(h, kind))
    for x in ([a, b], {"b": b, "a": a}):
        p, y = model.predict(x, batch_size=3)
        np.testing.assert_allclose(p, z / z.sum(1, keepdims=True), rtol=1e-4)
        np.testing.assert_allclose(y, dense(h, size), rtol=1e-4, atol=1e-5)
    assert model.output_names == ["kind", "size"]
    assert [s[1:] for s in model.input_shape] == [(4,), (3,)]
    assert [s[1:] for s in model.output_shape] == [(3,), (1,)]


def test_losses_and_metrics_of_several_outputs():
    model = two_towers()
    x = {"a": data(20, 4), "b": data(20, 3, seed=1)}
    y = {"kind": np.arange(20) % 3, "size": data(20, 1, seed=2)}
    model.compile(
        "sgd",
        {"kind": "sparse_categorical_crossentropy", "size": "mse"},
        {"kind": ["accuracy"], "size": ["mae"]},
        loss_weights=[1.0, 0.25],
    )
    values = model.evaluate(x, y, batch_size=7, return_dict=True)
    p, s = model.predict(x)
    crossentropy = -np.log(p[np.arange(20), y["kind"]]).mean()
    squares = ((s - y["size"]) ** 2).mean()
    assert values == pytest.approx(
        {
            "loss": crossentropy + 0.25 * squares,
            "kind_loss": crossentropy,
            "size_loss": squares,
            "kind_accuracy": (p.argmax(1) == y["kind"]).mean(),
            "size_mae": np.abs(s - y["size"]).mean(),
        },
        rel=1e-5,
    )
    history = model.fit(x, [y["kind"], y["size"]], epochs=15, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]


def test_an_output_without_a_loss_is_left_out():
    model = two_towers()
    model.compile("sgd", {"size": "mse"})
    x, y = [data(12, 4), data(12, 3)], {"size": data(12, 1)}
    before = model.get_layer("kind").kernel.value
    model.fit(x, y, verbose=0)
    np.testing.assert_array_equal(model.get_layer("kind").kernel.value, before)
    assert model.evaluate(x, y, return_dict=True).keys() == {"loss", "size_loss"}


@pytest.mark.parametrize("one_hot", [False, True])
def test_metrics_of_an_output_without_a_loss_are_measured(one_hot, tmp_path):
    model = two_towers()
    model.compile("sgd", [None, "mse"], [["accuracy"], ["mae"]], weighted_metrics=[None, ["mae"]])
    x, labels, size = [data(12, 4), data(12, 3)], np.arange(12) % 3, data(12, 1)
    before = model.get_layer("kind").kernel.value
    y = [np.eye(3)[labels] if one_hot else labels, size]
    assert model.fit(x, y, verbose=0).history.keys() == {
        "loss", "size_loss", "kind_accuracy", "size_mae", "size_weighted_mae",
    }  # fmt: skip
    np.testing.assert_array_equal(model.get_layer("kind").kernel.value, before)
    hits = model.predict(x)[0].argmax(1) == labels
    values = model.evaluate(x, y, return_dict=True)
    assert values["kind_accuracy"] == pytest.approx(hits.mean())
    model.save(tmp_path / "m.safetensors")
    assert nn.load_model(tmp_path / "m.safetensors").evaluate(x, y, return_dict=True) == values


def test_a_metric_of_labels_without_a_loss_is_fed_labels():
    model = two_towers()
    model.compile("sgd", [None, "mse"], [["sparse_categorical_accuracy"], None])
    assert [t.dtype.name for t in model.graph.targets] == ["int64", "float32"]
    for wrong, message in ((None, "must be an array of numbers"), ([[1, 2], [3]], "rows differ in shape")):
        with pytest.raises(gc.GraphcError, match=rf"y \(kind\) .*{message}"):
            model.fit([data(2, 4), data(2, 3)], [wrong, data(2, 1)], verbose=0)


def test_a_shared_layer_has_one_set_of_parameters():
    a, b = nn.Input((4,), name="a"), nn.Input((4,), name="b")
    shared = nn.Dense(3)
    model = nn.Model([a, b], nn.Subtract()([shared(a), shared(b)]))
    assert len(model.params) == 2
    x = data(5, 4)
    np.testing.assert_array_equal(model.predict([x, x]), 0)


def test_a_model_is_a_layer_with_the_same_parameters():
    x = nn.Input((6,))
    inner = nn.Model(x, nn.Dense(3, "softmax")(x), name="inner")
    z = nn.Input((6,), name="z")
    outer = nn.Model(z, inner(2 * z))
    values = data(5, 6)
    np.testing.assert_allclose(outer.predict(values), inner.predict(2 * values), rtol=1e-5)
    assert [layer.name for layer in outer.layers] == ["inner"]
    assert all(p is q for p, q in zip(inner.params, outer.params, strict=True))
    assert list(outer.weights()) == ["inner/dense/kernel", "inner/dense/bias"]
    fixed = gc.input("fixed", (5, 6))
    np.testing.assert_allclose(gc.interpret(inner(fixed), {fixed: values}), inner.predict(values), rtol=1e-5)


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("make", ["softmax", "sigmoid"])
def test_losses_read_logits_through_layers_and_models(make, nested):
    """Logits of ±1000 would be log(0) if the loss were taken from rounded probabilities."""
    units = 2 if make == "softmax" else 1
    x = nn.Input((units,))
    inner = nn.Sequential([nn.Dense(units, kernel_initializer=lambda s, seed, dtype: 1e3 * np.eye(*s, dtype=dtype)),
                           nn.Activation(make)])  # fmt: skip
    if nested:
        copy = nn.Input((units,))
        inner = nn.Model(copy, inner(copy))
    model = nn.Model(x, inner(x))
    model.compile("sgd", "categorical_crossentropy" if make == "softmax" else "binary_crossentropy")
    values = np.array([[1.0, 0.0], [0.0, 1.0]]) if make == "softmax" else np.array([[1.0], [-1.0]])
    wrong = 1 - values if make == "softmax" else np.array([[0.0], [1.0]])
    assert model.evaluate(values, wrong) == pytest.approx(1000)


def test_regularizers_are_part_of_the_loss():
    x = nn.Input((4,))
    layer = nn.Dense(
        3,
        bias_initializer="ones",
        kernel_regularizer=nn.regularizers.L1L2(0.1, 0.2),
        bias_regularizer="l1",
        activity_regularizer=nn.regularizers.L2(0.3),
    )
    model = nn.Model(x, nn.Dense(3)(layer(x)))
    model.compile("sgd", "mse")
    values, y = data(7, 4), data(7, 3)
    W, b = (p.value for p in layer.params)
    h = values @ W + b
    cost = 0.1 * np.abs(W).sum() + 0.2 * (W**2).sum() + 0.01 * np.abs(b).sum() + 0.3 * (h**2).sum() / 7
    assert model.evaluate(values, y) == pytest.approx(((model.predict(values) - y) ** 2).mean() + cost, rel=1e-5)


def test_activities_inside_of_a_nested_model_cost_once():
    inner = nn.Sequential([nn.Dense(3, activity_regularizer="l2"), nn.Dense(2)])
    x = nn.Input((4,))
    model = nn.Model(x, inner(x))
    model.compile("sgd", "mse")
    values = data(6, 4)
    h = dense(values, inner.layers[0])
    y = model.predict(values)
    assert model.evaluate(values, y) == pytest.approx(0.01 * (h**2).sum() / 6, rel=1e-5)


def test_a_regularizer_counts_once_in_two_nested_models():
    shared = nn.Dense(4, kernel_regularizer=nn.regularizers.L2(np.float32(1.0)), use_bias=False)
    first = nn.Sequential([nn.Input((4,)), shared])
    second = nn.Sequential([nn.Input((4,)), shared, nn.Dense(4)])
    x = nn.Input((4,))
    model = nn.Model(x, first(x) + second(x))
    model.compile("sgd", "mse")
    values = data(6, 4)
    cost = (shared.kernel.value**2).sum()
    assert model.evaluate(values, model.predict(values)) == pytest.approx(cost, rel=1e-5)


@pytest.mark.parametrize("frozen", ["layer", "inner", "model"])
def test_what_is_not_trainable_costs_nothing_but_its_activity(frozen):
    layer = nn.Dense(3, kernel_regularizer="l2", activity_regularizer="l2")
    inner = nn.Sequential([nn.Input((4,)), layer])
    model = nn.Sequential([inner, nn.Dense(2)])
    {"layer": layer, "inner": inner, "model": model}[frozen].trainable = False
    model.compile("sgd", "mse")
    values = data(6, 4)
    model.build((None, 4))
    activity = 0.01 * (dense(values, layer) ** 2).sum() / 6
    assert model.evaluate(values, model.predict(values)) == pytest.approx(activity, rel=1e-5)


def test_what_is_not_trainable_stays():
    model = nn.Sequential([nn.Dense(4, name="fixed"), nn.Dense(1)], seed=0)
    model.get_layer("fixed").trainable = False
    model.compile("sgd", "mse")
    x, y = data(10, 3), data(10, 1)
    model.build((None, 3))
    fixed = model.get_layer("fixed").kernel.value
    moved = model.get_layer(index=1).kernel.value
    model.fit(x, y, verbose=0)
    np.testing.assert_array_equal(model.get_layer("fixed").kernel.value, fixed)
    assert (model.get_layer(index=1).kernel.value != moved).any()


def test_weights_are_read_and_set_as_a_whole():
    model = two_towers()
    values = [v + 1 for v in model.get_weights()]
    model.set_weights(values)
    for a, b in zip(values, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert model.count_params() == sum(v.size for v in values)
    with pytest.raises(gc.ShapeError, match="8 weights, 7 arrays"):
        model.set_weights(values[1:])
    with pytest.raises(gc.ShapeError, match="'size/bias' has the shape"):
        model.set_weights([*[v + 1 for v in values[:-1]], np.ones((2, 2))])
    for a, b in zip(values, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_params_that_belong_to_no_layer_are_trained_too():
    x = nn.Input((3,))
    scale = gc.param("scale", np.ones(3, "float32"))
    model = nn.Model(x, x * scale)
    model.compile(optim.SGD(0.5), "mse")
    values = data(32, 3)
    model.fit(values, values * [1.0, 2.0, -1.0], epochs=200, verbose=0)
    np.testing.assert_allclose(scale.value, [1, 2, -1], atol=1e-3)
    assert list(model.weights()) == ["scale"]


def test_summary_says_what_is_fed_by_what():
    lines = []
    two_towers().summary(print_fn=lines.append)
    rows = [line.split() for line in lines[0].splitlines()]
    assert ["Layer", "(type)", "Output", "shape", "Params", "Fed", "by"] in rows
    assert ["kind", "(Dense)", "(batch,", "3)", "33", "concatenate"] in rows
    assert ["left", "(Dense)", "(batch,", "5)", "25", "a"] in rows
    assert rows[-1] == ["89", "params"]
    x = nn.Input((4,), name="x")
    h = nn.Dense(4, name="h")(x)
    nn.Model(x, nn.Dense(2, name="y")(h + gc.tanh(h) * x)).summary(print_fn=lines.append)
    assert any(line.endswith("h, x") for line in lines[1].splitlines())


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda x: nn.Model(x * 2, x), "inputs are made by nn.Input"),
        (lambda x: nn.Model(x, nn.Input((4,)) + x), "depend on an input that is not among its inputs"),
        (lambda x: nn.Model([x, x], x * 2), "given once"),
        (lambda x: nn.Model(gc.input("y", (3, 4)), x), r"has the shape \(batch, numbers"),
        (lambda x: nn.Model(x, [nn.Dense(2, name="a")(x), nn.Dense(2, name="a")(x)]), "two layers .* called 'a'"),
        (lambda x: nn.Model(x, np.ones(3)), "outputs must be expressions"),
        (lambda x: nn.Dense(2, name="a/b"), "a text without '/'"),
        (lambda x: nn.Concatenate()([x]), "two expressions or more"),
        (lambda x: nn.Add()(x), "two expressions or more"),
        (lambda x: nn.Reshape((5,))(x), r"4 elements do not fit \(5,\)"),
        (lambda x: nn.Model(x, nn.Dense(2)(x))(gc.input("y", ("batch", 5))), "made for another input"),
    ],
)
def test_what_makes_no_model_is_refused(build, message):
    with pytest.raises(gc.GraphcError, match=message):
        build(nn.Input((4,)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"loss": ["mse"]}, "an entry for each of the outputs kind, size"),
        ({"loss": {"kinds": "mse"}}, "there is no output 'kinds'; the outputs are kind, size"),
        ({"loss": {"kind": None}}, "a loss for one output at least"),
        ({"loss": "mse", "metrics": ["mae"]}, "an entry for each of the outputs"),
    ],
)
def test_what_does_not_fit_the_outputs_is_refused(arguments, message):
    with pytest.raises(gc.GraphError, match=message):
        two_towers().compile("sgd", **arguments)


def test_data_that_do_not_fit_the_inputs_are_refused():
    model = two_towers()
    with pytest.raises(gc.GraphError, match="an entry for each of a, b"):
        model.predict(data(3, 4))
    with pytest.raises(gc.GraphError, match="x is a dict of a, c; the model takes a, b"):
        model.predict({"a": data(3, 4), "c": data(3, 3)})
    with pytest.raises(gc.ShapeError, match=r"x \(a\) has 3, x \(b\) has 4"):
        model.predict([data(3, 4), data(4, 3)])
    with pytest.raises(gc.ShapeError, match=r"x \(b\) must have the shape \(samples, 3\)"):
        model.predict([data(3, 4), data(3, 4)])


def test_a_random_seed_makes_layers_the_same():
    def kernel():
        layer = nn.Dense(3)
        layer(gc.input("x", ("batch", 4)))
        return layer.kernel.value

    try:
        nn.set_random_seed(5)
        first, second = kernel(), kernel()
        nn.set_random_seed(5)
        np.testing.assert_array_equal(kernel(), first)
        assert (first != second).any()
    finally:
        nn.initializers._state.clear()


def test_a_random_seed_makes_trainings_the_same():
    def train(model):
        model.compile("sgd", "mse")
        return model.fit(X, X[:, :1], epochs=2, batch_size=5, verbose=0).history["loss"]

    def stack():
        return nn.Sequential([nn.Dense(8), nn.Dropout(0.5), nn.Dense(1)])

    def functional():
        x = nn.Input((4,))
        return nn.Model(x, nn.Dense(1)(nn.Dropout(0.5)(x)))

    try:
        for make in (stack, functional):
            losses = []
            for seed in (5, 5, 6):
                nn.set_random_seed(seed)
                losses.append(train(make()))
            assert losses[0] == losses[1] != losses[2]
        model = nn.Sequential([nn.Input((4,)), nn.Dense(1)])
        begin, losses = model.get_weights(), []
        for _ in range(2):
            model.set_weights(begin)
            nn.set_random_seed(5)
            losses.append(train(model))
        assert losses[0] == losses[1]
    finally:
        nn.initializers._state.clear()


def test_layers_of_two_models_may_be_joined(tmp_path):
    parts = [nn.Sequential([nn.Input((4,)), nn.Dense(2)]) for _ in range(2)]
    first, second = (part.layers[0] for part in parts)
    x = nn.Input((4,))
    model = nn.Model(x, [first(x), second(x)])
    model.compile("adam", "mse")
    model.fit(X, [X[:, :2]] * 2, verbose=0)
    assert list(model.weights()) == ["dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias"]
    assert model.get_layer("dense_1") is second
    assert model.output_names == ["dense", "dense_1"]
    model.save(tmp_path / "m.safetensors")
    again = nn.load_model(tmp_path / "m.safetensors")
    assert again.output_names == model.output_names
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    for part in parts:
        assert list(part.weights()) == ["dense/kernel", "dense/bias"]
        assert part.get_layer("dense") is part.layers[0]


def test_names_of_the_user_come_before_those_of_models(tmp_path):
    free = nn.Sequential([nn.Input((4,)), nn.Dense(4)]).layers[0]
    stack = nn.Sequential([nn.Input((4,)), nn.Dense(4), free, nn.Dense(4, name="dense"), nn.Dense(1)])
    paths = [path for path in stack.weights() if path.endswith("kernel")]
    assert paths == ["dense_1/kernel", "dense_2/kernel", "dense/kernel", "dense_3/kernel"]
    stack.save(tmp_path / "m.safetensors")
    again = nn.load_model(tmp_path / "m.safetensors")
    assert list(again.weights()) == list(stack.weights())
    np.testing.assert_array_equal(again.predict(X), stack.predict(X))
    with pytest.raises(gc.GraphError, match="the layer 'dense' is in the model already"):
        nn.Sequential([free, free])


def test_layers_leave_with_their_results():
    from graphc.nn import calls

    before = len(calls._calls)
    x = nn.Input((4,))
    h = nn.Dense(3)(x)
    assert calls.call_of(h).inputs[0] is x
    assert len(calls._calls) == before + 2
    del x, h
    assert len(calls._calls) == before


# Models of models, and what several layers give -----------------------------------------------------------------


X = data(50, 4)


def test_a_model_called_on_a_layers_result_keeps_that_layer(tmp_path):
    z = nn.Input((2,))
    decoder = nn.Model(z, nn.Dense(1, name="d")(z), name="decoder")
    x = nn.Input((4,))
    hidden = nn.Dense(2, kernel_regularizer=nn.regularizers.L2(10.0), name="h")(x)
    model = nn.Model(x, decoder(hidden))
    assert [layer.name for layer in model.layers] == ["h", "decoder"]
    assert list(model.weights()) == ["h/kernel", "h/bias", "decoder/d/kernel", "decoder/d/bias"]
    assert len(model.penalties()) == 1
    assert model.get_layer("h").name == "h"
    model.save(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(nn.load_model(tmp_path / "m.safetensors").predict(X), model.predict(X))


def test_layers_in_front_of_a_nested_model_train(tmp_path):
    z, x = nn.Input((2,)), nn.Input((4,))
    decoder = nn.Model(z, nn.Dense(1)(z))
    model = nn.Model(x, decoder(nn.Dropout(0.5)(nn.Dense(2)(x))) + decoder(nn.Dense(2)(x)))
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.fit(X, X[:, :1], verbose=0)
    assert [layer.kind for layer in model.layers] == ["dense", "dropout", "model", "dense"]
    assert sum((a != b).any() for a, b in zip(before, model.get_weights(), strict=True)) >= 4


def test_a_model_may_be_called_on_its_own_input():
    x = nn.Input((4,))
    encoder = nn.Model(x, nn.Dense(2)(x), name="encoder")
    encoder.compile("sgd", "mse")
    whole = nn.Model(x, nn.Dense(4)(encoder(x)))
    assert [layer.name for layer in whole.layers] == ["encoder", "dense"]
    assert [layer.name for layer in encoder.layers] == ["dense"]
    assert len(whole.params) == 4 and len(encoder.params) == 2
    encoder.fit(X, X[:, :2], verbose=0)
    stack = nn.Sequential([x, nn.Dense(3)])
    stack(x)
    assert [layer.name for layer in stack.layers] == ["dense"]
    assert "15 params" in summary_of(stack)


def test_another_layer_with_the_same_result_changes_no_model():
    x = nn.Input((4,))
    hidden = nn.Dense(3)(x)
    first = nn.Activation("relu", name="a")
    first.activity_regularizer = nn.regularizers.L2(0.5)
    model = nn.Model(x, first(hidden))
    model.compile("sgd", {"a": "mse"})
    cost = model.evaluate(X, X[:, :3], verbose=0)
    nn.Activation("relu", name="b")(hidden)
    model.compile("sgd", {"a": "mse"})
    assert model.get_layer("a") is first
    assert model.evaluate(X, X[:, :3], verbose=0) == cost


def test_heads_are_named_by_layers_that_give_back_what_they_get(tmp_path):
    x = nn.Input((4,))
    heads = [nn.Activation("linear", name=name)(nn.Dense(1)(x)) for name in ("o1", "o2")]
    model = nn.Model(x, heads)
    model.compile("sgd", {"o1": "mse", "o2": "mae"})
    assert {"o1_loss", "o2_loss"} <= set(model.fit(X, [X[:, :1]] * 2, verbose=0).history)
    model.save(tmp_path / "m.safetensors")
    again = nn.load_model(tmp_path / "m.safetensors")
    assert again.output_names == model.output_names == ["o1", "o2"]
    assert "fed by" in summary_of(again).lower()
    # Other models of the same input know nothing of it.
    nn.Flatten(name="f")(x)
    assert [layer.name for layer in nn.Model(x, nn.Dense(1)(x)).layers] == ["dense"]


def test_a_copy_knows_its_layers_by_their_names():
    x, layers = nn.Input((4,)), [nn.Dense(4), nn.Dense(4)]
    for layer in layers:
        nn.Model(x, layer(x))  # each the first of its model, and called so there
    model = nn.Model(x, layers[1](layers[0](x)))
    assert list(model.weights()) == list(copy.deepcopy(model).weights())
    assert list(model.weights())[::2] == ["dense/kernel", "dense_1/kernel"]


def summary_of(model):
    lines = []
    model.summary(print_fn=lines.append)
    return "\n".join(lines)
