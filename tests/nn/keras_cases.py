"""What is compared with Keras: cases in plain data, each computed by Keras and by graphc.

Names, arguments and options are the same in both, so a case is a name, its options and the arrays it is fed.
`python tests/nn/keras_reference.py` has Keras compute all of them and writes reference/keras.json.
"""

import numpy as np

STEPS = [0, 1, 2, 5, 10, 17, 25, 40, 100]


def rng(seed=0):
    return np.random.default_rng(seed)


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def arrays(kind, seed=0, samples=7):
    """(y_true, y_pred) as losses and metrics of this kind take them."""
    r = rng(seed)
    if kind == "real":
        return r.normal(size=(samples, 4)) * 2, r.normal(size=(samples, 4)) * 2
    if kind == "positive":
        return r.uniform(0.1, 3, (samples, 4)), r.uniform(0.1, 3, (samples, 4))
    if kind == "binary":
        p = r.uniform(0, 1, (samples, 4))
        p[0, :2] = 0, 1
        return r.integers(0, 2, (samples, 4)).astype("float64"), p
    if kind == "binary logits":
        return r.integers(0, 2, (samples, 4)).astype("float64"), r.normal(size=(samples, 4)) * 4
    if kind == "signs":
        return 2.0 * r.integers(0, 2, (samples, 4)) - 1, r.normal(size=(samples, 4)) * 2
    labels, z = r.integers(0, 5, samples), r.normal(size=(samples, 5)) * 2
    if kind == "sparse":
        return labels, softmax(z)
    if kind == "sparse logits":
        return labels, z
    if kind == "one-hot":
        return np.eye(5)[labels], softmax(z)
    if kind == "one-hot logits":
        return np.eye(5)[labels], z
    if kind == "distributions":
        return softmax(r.normal(size=(samples, 5))), softmax(z)
    if kind == "rounded":
        return r.integers(0, 3, (samples, 4)).astype("float64"), r.integers(0, 3, (samples, 4)).astype("float64")
    assert kind == "one number"
    return r.integers(0, 2, (samples, 1)).astype("float64"), r.uniform(0, 1, (samples, 1))


LOSSES = [
    ("MeanSquaredError", {}, "real"),
    ("MeanAbsoluteError", {}, "real"),
    ("MeanAbsolutePercentageError", {}, "real"),
    ("MeanSquaredLogarithmicError", {}, "positive"),
    ("MeanSquaredLogarithmicError", {}, "real"),
    ("Huber", {}, "real"),
    ("Huber", {"delta": 2.5}, "real"),
    ("LogCosh", {}, "real"),
    ("CosineSimilarity", {}, "real"),
    ("Poisson", {}, "positive"),
    ("Hinge", {}, "signs"),
    ("Hinge", {}, "binary logits"),
    ("SquaredHinge", {}, "signs"),
    ("SquaredHinge", {}, "binary logits"),
    ("CategoricalHinge", {}, "one-hot logits"),
    ("KLDivergence", {}, "distributions"),
    ("KLDivergence", {}, "one-hot"),
    ("BinaryCrossentropy", {}, "binary"),
    ("BinaryCrossentropy", {"from_logits": True}, "binary logits"),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, "binary"),
    ("BinaryFocalCrossentropy", {}, "binary"),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True, "alpha": 0.3, "gamma": 1.5}, "binary"),
    ("BinaryFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, "binary logits"),
    ("CategoricalCrossentropy", {}, "one-hot"),
    ("CategoricalCrossentropy", {}, "distributions"),
    ("CategoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, "one-hot logits"),
    ("CategoricalFocalCrossentropy", {}, "one-hot"),
    ("CategoricalFocalCrossentropy", {"alpha": 0.5, "gamma": 3.0, "label_smoothing": 0.1}, "one-hot"),
    ("CategoricalFocalCrossentropy", {"from_logits": True}, "one-hot logits"),
    ("SparseCategoricalCrossentropy", {}, "sparse"),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, "sparse logits"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1}, "sparse"),
    ("SparseCategoricalCrossentropy", {"from_logits": True, "ignore_class": 2}, "sparse logits"),
]

REDUCTIONS = [
    ("sum_over_batch_size", False),
    ("sum_over_batch_size", True),
    ("sum", True),
    ("mean_with_sample_weight", True),
    ("none", False),
    ("none", True),
]
"""Reductions, and whether the samples have weights."""

METRICS = [
    ("Accuracy", {}, "rounded"),
    ("BinaryAccuracy", {}, "binary"),
    ("BinaryAccuracy", {"threshold": 0.7}, "binary"),
    ("CategoricalAccuracy", {}, "one-hot"),
    ("SparseCategoricalAccuracy", {}, "sparse"),
    ("TopKCategoricalAccuracy", {"k": 2}, "one-hot"),
    ("TopKCategoricalAccuracy", {}, "one-hot"),
    ("SparseTopKCategoricalAccuracy", {"k": 3}, "sparse"),
    ("CosineSimilarity", {}, "real"),
    ("RootMeanSquaredError", {}, "real"),
    ("MeanSquaredError", {}, "real"),
    ("MeanAbsoluteError", {}, "real"),
    ("MeanAbsolutePercentageError", {}, "real"),
    ("MeanSquaredLogarithmicError", {}, "positive"),
    ("LogCoshError", {}, "real"),
    ("KLDivergence", {}, "distributions"),
    ("Poisson", {}, "positive"),
    ("BinaryCrossentropy", {}, "binary"),
    ("CategoricalCrossentropy", {}, "one-hot"),
    ("SparseCategoricalCrossentropy", {}, "sparse"),
    ("Hinge", {}, "signs"),
    ("SquaredHinge", {}, "signs"),
    ("CategoricalHinge", {}, "one-hot logits"),
    ("Precision", {}, "binary"),
    ("Precision", {"thresholds": [0.1, 0.5, 0.9]}, "binary"),
    ("Precision", {"class_id": 2, "thresholds": 0.3}, "one-hot"),
    ("Recall", {}, "binary"),
    ("Recall", {"thresholds": [0.1, 0.5, 0.9]}, "one number"),
    ("Recall", {"class_id": 1, "thresholds": 0.2}, "one-hot"),
    ("TruePositives", {}, "binary"),
    ("TrueNegatives", {}, "binary"),
    ("FalsePositives", {}, "binary"),
    ("FalseNegatives", {}, "binary"),
    ("AUC", {}, "one number"),
    ("AUC", {}, "binary"),
    ("AUC", {"curve": "PR"}, "binary"),
    ("AUC", {"curve": "PR", "summation_method": "minoring"}, "binary"),
    ("AUC", {"summation_method": "majoring", "num_thresholds": 20}, "binary"),
    ("AUC", {"thresholds": [0.2, 0.45, 0.8]}, "binary"),
    ("AUC", {"from_logits": True}, "binary logits"),
    ("AUC", {"multi_label": True}, "binary"),
    ("AUC", {"multi_label": True, "curve": "PR"}, "binary"),
]

OPTIMIZERS = [
    ("SGD", {}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.8}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.8, "nesterov": True, "weight_decay": 0.01}),
    ("RMSprop", {}),
    ("RMSprop", {"learning_rate": 0.01, "rho": 0.8, "momentum": 0.9, "centered": True, "epsilon": 1e-4}),
    ("Adam", {}),
    ("Adam", {"learning_rate": 0.02, "beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3, "amsgrad": True}),
    ("Adam", {"learning_rate": 0.02, "clipnorm": 0.5}),
    ("Adam", {"learning_rate": 0.02, "clipvalue": 0.3}),
    ("AdamW", {}),
    ("AdamW", {"learning_rate": 0.02, "weight_decay": 0.1, "amsgrad": True}),
    ("Adamax", {}),
    ("Adamax", {"learning_rate": 0.05, "beta_1": 0.7, "beta_2": 0.8, "weight_decay": 0.02}),
    ("Nadam", {}),
    ("Nadam", {"learning_rate": 0.05, "beta_1": 0.7, "beta_2": 0.8, "epsilon": 1e-3}),
    ("Adagrad", {}),
    ("Adagrad", {"learning_rate": 0.1, "initial_accumulator_value": 0.5, "epsilon": 1e-2}),
    ("Adadelta", {}),
    ("Adadelta", {"learning_rate": 1.0, "rho": 0.8, "epsilon": 1e-3}),
    ("Lion", {}),
    ("Lion", {"learning_rate": 0.01, "beta_1": 0.6, "beta_2": 0.7, "weight_decay": 0.1}),
    ("Ftrl", {}),
    ("Ftrl", {"learning_rate": 0.1, "learning_rate_power": -0.4, "initial_accumulator_value": 0.3,
              "l1_regularization_strength": 0.05, "l2_regularization_strength": 0.1,
              "l2_shrinkage_regularization_strength": 0.2, "beta": 0.3}),
    ("SGD", {"learning_rate": 0.1, "global_clipnorm": 1.0}),
    ("SGD", {"learning_rate": 0.1, "gradient_accumulation_steps": 2, "global_clipnorm": 1.0}),
    ("Adam", {"learning_rate": 0.1, "gradient_accumulation_steps": 3, "weight_decay": 0.01}),
    ("Adam", {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.7, "ema_overwrite_frequency": 2}),
    ("SGD", {"learning_rate": 0.1, "gradient_accumulation_steps": 2, "use_ema": True, "ema_overwrite_frequency": 1}),
    ("SGD", {"learning_rate": {"schedule": "ExponentialDecay", "initial_learning_rate": 0.5, "decay_steps": 2,
                               "decay_rate": 0.7}}),
    ("Adam", {"learning_rate": {"schedule": "PiecewiseConstantDecay", "boundaries": [0, 1],
                                "values": [0.1, 0.05, 0.02]}, "weight_decay": 0.01}),
]  # fmt: skip

SCHEDULES = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.8}),
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.8, "staircase": True}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.8}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.8, "staircase": True}),
    ("PiecewiseConstantDecay", {"boundaries": [5, 20], "values": [0.1, 0.05, 0.01]}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 20}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 8, "end_learning_rate": 0.02, "power": 2.0,
                         "cycle": True}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 30, "alpha": 0.1}),
    ("CosineDecay", {"initial_learning_rate": 0.01, "decay_steps": 30, "warmup_target": 0.1, "warmup_steps": 10}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 6}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 6, "t_mul": 1.0, "m_mul": 0.8}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 4, "t_mul": 1.5, "m_mul": 0.9,
                             "alpha": 0.05}),
]  # fmt: skip

ACTIVATIONS = [
    ("linear", {}),
    ("relu", {}),
    ("relu", {"negative_slope": 0.1}),
    ("relu", {"max_value": 2.0, "threshold": 0.5}),
    ("relu", {"negative_slope": 0.2, "max_value": 1.5, "threshold": -0.5}),
    ("leaky_relu", {}),
    ("leaky_relu", {"negative_slope": 0.05}),
    ("relu6", {}),
    ("elu", {}),
    ("elu", {"alpha": 0.5}),
    ("selu", {}),
    ("celu", {}),
    ("celu", {"alpha": 2.0}),
    ("gelu", {}),
    ("gelu", {"approximate": True}),
    ("silu", {}),
    ("softplus", {}),
    ("softsign", {}),
    ("squareplus", {}),
    ("squareplus", {"b": 1.0}),
    ("tanh", {}),
    ("hard_tanh", {}),
    ("tanh_shrink", {}),
    ("soft_shrink", {}),
    ("hard_shrink", {"threshold": 1.0}),
    ("sigmoid", {}),
    ("log_sigmoid", {}),
    ("hard_sigmoid", {}),
    ("hard_silu", {}),
    ("exponential", {}),
    ("mish", {}),
    ("glu", {}),
    ("softmax", {}),
    ("log_softmax", {}),
    ("softmax", {"axis": 0}),
]

REGULARIZERS = [("L1", {}), ("L1", {"l1": 0.3}), ("L2", {}), ("L2", {"l2": 0.2}), ("L1L2", {"l1": 0.1, "l2": 0.2})]

INITIALIZERS = [
    ("Zeros", {}),
    ("Ones", {}),
    ("Constant", {"value": 0.3}),
    ("RandomUniform", {"seed": 1}),
    ("RandomNormal", {"mean": 1.0, "stddev": 0.2, "seed": 1}),
    ("TruncatedNormal", {"mean": 0.5, "stddev": 0.2, "seed": 1}),
    ("GlorotUniform", {"seed": 1}),
    ("GlorotNormal", {"seed": 1}),
    ("HeUniform", {"seed": 1}),
    ("HeNormal", {"seed": 1}),
    ("LecunUniform", {"seed": 1}),
    ("LecunNormal", {"seed": 1}),
    ("VarianceScaling", {"scale": 2.0, "mode": "fan_out", "distribution": "untruncated_normal", "seed": 1}),
    ("VarianceScaling", {"scale": 0.5, "mode": "fan_avg", "distribution": "uniform", "seed": 1}),
    ("Orthogonal", {"gain": 1.5, "seed": 1}),
    ("Identity", {"gain": 2.0}),
]

ACTIVATION_INPUT = np.concatenate([np.linspace(-6, 6, 21), [0.0, -30.0, 30.0]]).reshape(4, 6)
REGULARIZER_INPUT = rng(3).normal(size=(4, 3))
INITIALIZER_SHAPE = (300, 200)


def gradients():
    """Three gradients for each of two params, the second step's large."""
    r = rng(11)
    return [[scale * r.normal(size=(4, 3)), scale * r.normal(size=3)] for scale in (1.0, 5.0, 0.2)]


def starts():
    r = rng(12)
    return [r.normal(size=(4, 3)), r.normal(size=3)]


def batches(kind):
    """Three batches of different sizes: (y_true, y_pred, weights)."""
    sizes = (7, 4, 9)
    return [(*arrays(kind, seed, n), rng(seed + 50).uniform(0, 2, n)) for seed, n in enumerate(sizes)]


FITS = {
    "classes": {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"], "activation": "softmax",
                "units": 3},
    "one-hot": {"loss": "categorical_crossentropy", "metrics": ["accuracy", "mse"], "activation": "softmax",
                "units": 3},
    "binary": {"loss": "binary_crossentropy", "metrics": ["accuracy", "AUC"], "activation": "sigmoid", "units": 1},
    "regression": {"loss": "mse", "metrics": ["mae", "RootMeanSquaredError"], "activation": None, "units": 2},
    "weighted": {"loss": "mse", "metrics": ["mae"], "weighted_metrics": ["mae"], "sample_weight": True,
                 "activation": None, "units": 2},
    "class weights": {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"],
                      "class_weight": {0: 0.5, 2: 3.0}, "activation": "softmax", "units": 3},
    "regularized": {"loss": "mse", "metrics": ["mae"], "regularized": True, "activation": None, "units": 2},
    "split": {"loss": "mse", "metrics": ["mae"], "validation_split": 0.3, "activation": None, "units": 2},
}  # fmt: skip
"""Whole trainings: three epochs of Adam on a hidden layer of five, in batches of 16 in the order of the data."""


def fit_data(case):
    r = rng(21)
    x = r.normal(size=(50, 4))
    labels = r.integers(0, 3, 50)
    y = {
        "classes": labels,
        "class weights": labels,
        "one-hot": np.eye(3)[labels],
        "binary": (labels[:, None] > 0).astype("float64"),
    }.get(case, r.normal(size=(50, 2)))
    return x, y, r.uniform(0, 2, 50)


def fit_weights(units):
    r = rng(22)
    return [r.normal(size=(4, 5)) / 2, r.normal(size=5) / 2, r.normal(size=(5, units)) / 2, r.normal(size=units) / 2]


def identity(group, *parts):
    """What a case is called in the reference and in test ids."""
    return f"{group}: {' '.join(str(p) for p in parts)}"
