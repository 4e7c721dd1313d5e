"""Keras's answers to the cases of keras_cases.py, in float64.

python tests/nn/keras_reference.py      # writes reference/keras.json
"""

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import keras_cases as cases
import numpy as np

if keras.backend.backend() == "jax":  # it may have been imported long before
    import jax

    jax.config.update("jax_enable_x64", True)

REFERENCE = Path(__file__).parent / "reference" / "keras.json"


def plain(value):
    return np.asarray(value, np.float64).tolist()


def losses():
    for name, options, kind in cases.LOSSES:
        y_true, y_pred = cases.arrays(kind)
        weight = cases.rng(99).uniform(0, 2, len(y_true))
        for reduction, weighted in cases.REDUCTIONS:
            loss = getattr(keras.losses, name)(reduction=reduction, **options)
            value = loss(y_true, y_pred, sample_weight=weight if weighted else None)
            yield cases.identity("loss", name, options, kind, reduction, weighted), plain(value)


def metrics():
    for name, options, kind in cases.METRICS:
        for weighted in (False, True):
            metric, seen = getattr(keras.metrics, name)(**options), []
            for y_true, y_pred, weight in cases.batches(kind):
                metric.update_state(y_true, y_pred, sample_weight=weight if weighted else None)
                seen.append(plain(metric.result()))
            yield cases.identity("metric", name, options, kind, weighted), seen


def optimizer(name, options):
    options = dict(options)
    if isinstance(options.get("learning_rate"), dict):
        rate = dict(options["learning_rate"])
        options["learning_rate"] = getattr(keras.optimizers.schedules, rate.pop("schedule"))(**rate)
    return getattr(keras.optimizers, name)(**options)


def optimizers():
    for name, options in cases.OPTIMIZERS:
        params = [keras.Variable(start, dtype="float64") for start in cases.starts()]
        made, seen = optimizer(name, options), []
        for gradient in cases.gradients():
            made.apply([keras.ops.convert_to_tensor(g) for g in gradient], params)
            seen.append([plain(p) for p in params])
        yield cases.identity("optimizer", name, options), seen


def schedules():
    for name, options in cases.SCHEDULES:
        made = getattr(keras.optimizers.schedules, name)(**options)
        yield cases.identity("schedule", name, options), [float(made(step)) for step in cases.STEPS]


def activations():
    for name, options in cases.ACTIVATIONS:
        value = getattr(keras.activations, name)(keras.ops.convert_to_tensor(cases.ACTIVATION_INPUT), **options)
        yield cases.identity("activation", name, options), plain(value)


def regularizers():
    for name, options in cases.REGULARIZERS:
        value = getattr(keras.regularizers, name)(**options)(keras.ops.convert_to_tensor(cases.REGULARIZER_INPUT))
        yield cases.identity("regularizer", name, options), plain(value)


def initializers():
    for name, options in cases.INITIALIZERS:
        values = np.asarray(getattr(keras.initializers, name)(**options)(cases.INITIALIZER_SHAPE), np.float64)
        figures = [values.mean(), values.std(), values.min(), values.max()]
        yield cases.identity("initializer", name, options), plain(figures)


def fits():
    for case, told in cases.FITS.items():
        told = dict(told)
        regularizer = keras.regularizers.L2(0.01) if told.pop("regularized", False) else None
        activity = keras.regularizers.L1(0.02) if regularizer else None
        hidden = keras.layers.Dense(5, "tanh", kernel_regularizer=regularizer, activity_regularizer=activity)
        model = keras.Sequential([keras.Input((4,)), hidden, keras.layers.Dense(told["units"], told["activation"])])
        model.set_weights(cases.fit_weights(told["units"]))
        kinds = {"metrics": told["metrics"], "weighted_metrics": told.get("weighted_metrics")}
        model.compile(keras.optimizers.Adam(0.02), told["loss"], **kinds)
        x, y, weight = cases.fit_data(case)
        options = {k: told[k] for k in ("class_weight", "validation_split") if k in told}
        if told.get("sample_weight"):
            options["sample_weight"] = weight
        history = model.fit(x, y, epochs=3, batch_size=16, shuffle=False, verbose=0, **options).history
        weights = [plain(w) for w in model.get_weights()]
        yield cases.identity("fit", case), [{name: plain(v) for name, v in history.items()}, weights]


def figures():
    """All answers, by case."""
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    try:
        groups = (losses, metrics, optimizers, schedules, activations, regularizers, initializers, fits)
        return {name: value for group in groups for name, value in group()}
    finally:
        keras.config.set_floatx(before)


def main():
    found = figures()
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in found.items())
    REFERENCE.parent.mkdir(exist_ok=True)
    REFERENCE.write_text("{\n" + lines + "\n}\n", encoding="utf-8")
    print(f"{len(found)} answers of Keras {keras.__version__} in {REFERENCE}", file=sys.stderr)


if __name__ == "__main__":
    main()
