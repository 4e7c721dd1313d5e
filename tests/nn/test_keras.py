"""Everything that bears a name of Keras gives what Keras gives: its answers are kept in reference/keras.json.

Tests marked `peers` ask Keras itself, where it is installed.
"""

import json
from pathlib import Path

import keras_cases as cases
import numpy as np
import pytest

import graphc as gc
from graphc import nn, optim

REFERENCE = json.loads((Path(__file__).parent / "reference" / "keras.json").read_text(encoding="utf-8"))

RTOL = {"loss": 1e-6, "metric": 1e-5, "activation": 1e-6}
"""Keras keeps its epsilons, thresholds and some constants in float32, also where it computes in float64."""

STATISTICS = 0.02
"""How far figures of two samples of 60,000 random numbers may lie apart, relative to their largest."""


def constant(array):
    array = np.asarray(array)
    return gc.constant(array.astype("int64" if array.dtype.kind == "i" else "float64"))


def loss(name, options, kind, reduction, weighted):
    y_true, y_pred = cases.arrays(kind)
    weight = constant(cases.rng(99).uniform(0, 2, len(y_true))) if weighted else None
    made = getattr(nn.losses, name)(reduction=reduction, **options)
    return gc.interpret(made(constant(y_true), constant(y_pred), weight), {})


def metric(name, options, kind, weighted):
    made = keras_metric(name, options)
    return [made(y, p, w if weighted else None) for y, p, w in cases.batches(kind)]


def keras_metric(name, options):
    """Metrics that are means of losses have classes in Keras, and go by the function's name here."""
    if hasattr(nn.metrics, name):
        return getattr(nn.metrics, name)(**options)
    return nn.metrics.get(nn.losses.CLASSES[name.removesuffix("Error") if name == "LogCoshError" else name].function)


def optimizer(name, options):
    params = [gc.param(f"p{i}", start) for i, start in enumerate(cases.starts())]
    made = optim.get({"name": name, **options})
    inputs = [gc.input(f"g{i}", p.shape, dtype="float64") for i, p in enumerate(params)]
    step, seen = gc.compile(inputs, updates=made.apply(inputs, params)), []
    for gradient in cases.gradients():
        step(*gradient)
        seen.append([p.value for p in params])
    return seen


def schedule(name, options):
    made = optim.schedules.get({"schedule": name, **options})
    return [made(step) for step in cases.STEPS]


def activation(name, options):
    return gc.interpret(getattr(nn.activations, name)(constant(cases.ACTIVATION_INPUT), **options), {})


def regularizer(name, options):
    return gc.interpret(getattr(nn.regularizers, name)(**options)(constant(cases.REGULARIZER_INPUT)), {})


def initializer(name, options):
    values = getattr(gc.init, name)(**options)(cases.INITIALIZER_SHAPE, dtype="float64")
    return [values.mean(), values.std(), values.min(), values.max()]


def fit(case):
    told = dict(cases.FITS[case])
    regularized = told.pop("regularized", False)
    penalties = {"kernel_regularizer": nn.regularizers.L2(0.01), "activity_regularizer": nn.regularizers.L1(0.02)}
    hidden = nn.Dense(5, "tanh", **(penalties if regularized else {}))
    layers = [nn.Input((4,), dtype="float64"), hidden, nn.Dense(told["units"], told["activation"])]
    model = nn.Sequential(layers)
    model.set_weights(cases.fit_weights(told["units"]))
    model.compile(optim.Adam(0.02), told["loss"], told["metrics"], weighted_metrics=told.get("weighted_metrics", ()))
    x, y, weight = cases.fit_data(case)
    options = {k: told[k] for k in ("class_weight", "validation_split") if k in told}
    if told.get("sample_weight"):
        options["sample_weight"] = weight
    history = model.fit(x, y, epochs=3, batch_size=16, shuffle=False, verbose=0, **options).history
    return history, model.get_weights()


def all_cases():
    """(name, how graphc computes it, arguments)."""
    for case in cases.LOSSES:
        for reduction in cases.REDUCTIONS:
            yield cases.identity("loss", *case, *reduction), loss, (*case, *reduction)
    for case in cases.METRICS:
        for weighted in (False, True):
            yield cases.identity("metric", *case, weighted), metric, (*case, weighted)
    groups = (
        (optimizer, cases.OPTIMIZERS),
        (schedule, cases.SCHEDULES),
        (activation, cases.ACTIVATIONS),
        (regularizer, cases.REGULARIZERS),
    )
    for compute, listed in groups:
        for case in listed:
            yield cases.identity(compute.__name__, *case), compute, case


CASES = {name: (compute, arguments) for name, compute, arguments in all_cases()}


def compare(name, expected):
    compute, arguments = CASES[name]
    got = compute(*arguments)
    tolerance = RTOL.get(compute.__name__, 1e-6)
    pairs = zip(got, expected, strict=True) if isinstance(got, list) else [(got, expected)]
    for ours, theirs in pairs:
        inner = zip(ours, theirs, strict=True) if isinstance(ours, list) else [(ours, theirs)]
        for a, b in inner:
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * 1e-1)


def compare_initializer(case, expected):
    name, _ = case
    got = initializer(*case)
    scale = max(abs(expected[2]), abs(expected[3]))
    # The largest of normal numbers without bounds differs more from sample to sample than mean and deviation do.
    unbounded = name in ("RandomNormal", "Orthogonal") or case[1].get("distribution") == "untruncated_normal"
    count = 2 if unbounded else 4
    np.testing.assert_allclose(got[:count], expected[:count], atol=STATISTICS * scale)


def compare_fit(case, expected):
    history, weights = fit(case)
    measured, final = expected
    assert history.keys() == measured.keys()
    for name, values in history.items():
        np.testing.assert_allclose(values, measured[name], rtol=1e-6, err_msg=name)
    for ours, theirs in zip(weights, final, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", CASES)
def test_as_keras(name):
    compare(name, REFERENCE[name])


@pytest.mark.parametrize("case", cases.INITIALIZERS, ids=str)
def test_initializers_have_the_figures_of_keras(case):
    compare_initializer(case, REFERENCE[cases.identity("initializer", *case)])


@pytest.mark.parametrize("case", cases.FITS)
def test_trainings_go_as_in_keras(case):
    compare_fit(case, REFERENCE[cases.identity("fit", case)])


def test_every_answer_is_compared():
    initializers = {cases.identity("initializer", *case) for case in cases.INITIALIZERS}
    assert set(REFERENCE) == {*CASES, *initializers, *(cases.identity("fit", case) for case in cases.FITS)}


def test_every_name_is_among_the_cases():
    def named(listed):
        return {name for name, *_ in listed}

    assert named(cases.LOSSES) == set(nn.losses.CLASSES)
    assert named(cases.METRICS) >= set(nn.metrics.CLASSES)
    assert {name.lower() for name in named(cases.OPTIMIZERS)} == set(optim.KNOWN)
    assert named(cases.SCHEDULES) == set(optim.schedules.KNOWN)
    assert named(cases.ACTIVATIONS) == {f.__name__ for f in nn.activations.KNOWN.values()}


@pytest.fixture(scope="module")
def keras_today():
    pytest.importorskip("keras")
    import keras_reference

    return keras_reference.figures()


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_keras_says_so_today(keras_today):
    for name in CASES:
        compare(name, keras_today[name])
    for case in cases.INITIALIZERS:
        compare_initializer(case, keras_today[cases.identity("initializer", *case)])
    for case in cases.FITS:
        compare_fit(case, keras_today[cases.identity("fit", case)])
