"""The formulas of losses: functions of (y_true, y_pred) that give one number for each sample.

Formulas, options and defaults are Keras 3's. y_true takes y_pred's dtype; where one of the two has a last axis of size
1 that the other does not have, it is dropped or added.
"""

from __future__ import annotations

import math

import graphc as gc

from ..ir.dim import show
from ..ir.errors import DTypeError, ShapeError, describe
from ..ir.expr import Expr

EPSILON = 1e-7
"""How far probabilities are kept from 0 and 1 before a logarithm, as Keras does."""


def paired(name: str, y_true: Expr, y_pred: Expr) -> tuple[Expr, Expr]:
    """Both in y_pred's dtype and of one shape.

    Raises:
        ShapeError: the shapes differ by more than a last axis of size 1.
    """
    truth = gc.astype(y_true, y_pred.dtype)
    if truth.ndim + 1 == y_pred.ndim and y_pred.shape[-1] == 1:
        truth = gc.expand_dims(truth, axis=-1)
    elif truth.ndim == y_pred.ndim + 1 and truth.shape[-1] == 1:
        truth = gc.squeeze(truth, axis=-1)
    if truth.shape != y_pred.shape:
        raise ShapeError(f"{name}: y_true and y_pred differ in shape{describe(y_true=y_true, y_pred=y_pred)}")
    return truth, y_pred


def last_mean(values: Expr) -> Expr:
    """The mean over the last axis; of a single number for each sample, itself."""
    return gc.mean(values, axis=-1) if values.ndim > 1 else values


# Regression ----------------------------------------------------------------------------------------------------


def mean_squared_error(y_true: Expr, y_pred: Expr) -> Expr:
    """The mean of (y_true - y_pred)² over the last axis."""
    truth, pred = paired("mean_squared_error", y_true, y_pred)
    return last_mean(gc.square(truth - pred))


def mean_absolute_error(y_true: Expr, y_pred: Expr) -> Expr:
    """The mean of |y_true - y_pred| over the last axis."""
    truth, pred = paired("mean_absolute_error", y_true, y_pred)
    return last_mean(gc.abs(truth - pred))


def mean_absolute_percentage_error(y_true: Expr, y_pred: Expr) -> Expr:
    """100 times the mean of |y_true - y_pred| / |y_true| over the last axis; |y_true| is at least 1e-7."""
    truth, pred = paired("mean_absolute_percentage_error", y_true, y_pred)
    return 100 * last_mean(gc.abs((truth - pred) / gc.maximum(gc.abs(truth), EPSILON)))


def mean_squared_logarithmic_error(y_true: Expr, y_pred: Expr) -> Expr:
    """The mean of (ln(1 + y_true) - ln(1 + y_pred))² over the last axis; both are at least 1e-7."""
    truth, pred = paired("mean_squared_logarithmic_error", y_true, y_pred)
    return last_mean(gc.square(gc.log1p(gc.maximum(pred, EPSILON)) - gc.log1p(gc.maximum(truth, EPSILON))))


def huber(y_true: Expr, y_pred: Expr, delta: float = 1.0) -> Expr:
    """The mean over the last axis of e²/2 for errors e up to delta, and delta |e| - delta²/2 beyond: Huber 1964."""
    truth, pred = paired("huber", y_true, y_pred)
    error = pred - truth
    size = gc.abs(error)
    return last_mean(gc.where(size <= delta, 0.5 * gc.square(error), delta * size - 0.5 * delta**2))


def log_cosh(y_true: Expr, y_pred: Expr) -> Expr:
    """The mean of ln(cosh(y_pred - y_true)) over the last axis."""
    truth, pred = paired("log_cosh", y_true, y_pred)
    error = pred - truth
    return last_mean(error + gc.softplus(-2 * error) - math.log(2))


def cosine_similarity(y_true: Expr, y_pred: Expr, axis: int = -1) -> Expr:
    """Minus the cosine of the angle between y_true and y_pred along the axis: -1 for the same direction."""
    truth, pred = paired("cosine_similarity", y_true, y_pred)
    return -gc.sum(_unit(truth, axis) * _unit(pred, axis), axis=axis)


def _unit(x: Expr, axis: int) -> Expr:
    """x over its Euclidean norm, which is taken as 1e-12 at least."""
    total = gc.sum(gc.square(x), axis=axis, keepdims=True)
    return x / gc.sqrt(gc.maximum(total, 1e-24))


def poisson(y_true: Expr, y_pred: Expr) -> Expr:
    """The mean of y_pred - y_true ln(y_pred + 1e-7) over the last axis."""
    truth, pred = paired("poisson", y_true, y_pred)
    return last_mean(pred - truth * gc.log(pred + EPSILON))


# Hinges --------------------------------------------------------------------------------------------------------


def hinge(y_true: Expr, y_pred: Expr) -> Expr:
    """The mean of max(1 - y_true y_pred, 0) over the last axis; y_true is -1 or 1, or all of it is 0 or 1."""
    return last_mean(_margin_missed("hinge", y_true, y_pred))


def squared_hinge(y_true: Expr, y_pred: Expr) -> Expr:
    """The mean of max(1 - y_true y_pred, 0)² over the last axis; y_true is -1 or 1, or all of it is 0 or 1."""
    return last_mean(gc.square(_margin_missed("squared_hinge", y_true, y_pred)))


def _margin_missed(name: str, y_true: Expr, y_pred: Expr) -> Expr:
    truth, pred = paired(name, y_true, y_pred)
    binary = gc.all((truth == 0) | (truth == 1))
    return gc.relu(1 - gc.where(binary, 2 * truth - 1, truth) * pred)


def categorical_hinge(y_true: Expr, y_pred: Expr) -> Expr:
    """max(1 + the largest score of a wrong class - the score of the true one, 0); y_true is one-hot."""
    truth, pred = paired("categorical_hinge", y_true, y_pred)
    right, wrong = gc.sum(truth * pred, axis=-1), gc.max((1 - truth) * pred, axis=-1)
    return gc.relu(wrong - right + 1)


# Probabilities -------------------------------------------------------------------------------------------------


def kl_divergence(y_true: Expr, y_pred: Expr) -> Expr:
    """Σ y_true ln(y_true / y_pred) over the last axis; both are kept in [1e-7, 1]."""
    truth, pred = (gc.clip(p, EPSILON, 1) for p in paired("kl_divergence", y_true, y_pred))
    return gc.sum(truth * gc.log(truth / pred), axis=-1)


def binary_crossentropy(y_true: Expr, y_pred: Expr, from_logits: bool = False, label_smoothing: float = 0.0) -> Expr:
    """The mean of -y_true ln(p) - (1 - y_true) ln(1 - p) over the last axis.

    Args:
        y_true: 0 or 1, or probabilities.
        y_pred: probabilities p, kept in [1e-7, 1 - 1e-7]; or, `from_logits`, z where p = sigmoid(z), exact for any z.
        label_smoothing: how far y_true is moved from 0 and 1 towards a half.
    """
    truth, pred = paired("binary_crossentropy", y_true, y_pred)
    truth = _towards_half(truth, label_smoothing)
    if from_logits:
        return last_mean(gc.softplus(pred) - truth * pred)
    return last_mean(_binary_entropy(truth, pred))


def _towards_half(truth: Expr, smoothing: float) -> Expr:
    return truth * (1 - smoothing) + 0.5 * smoothing if smoothing else truth


def _binary_entropy(truth: Expr, probability: Expr) -> Expr:
    kept = gc.clip(probability, EPSILON, 1 - EPSILON)
    return -(truth * gc.log(kept) + (1 - truth) * gc.log(1 - kept))


def binary_focal_crossentropy(
    y_true: Expr,
    y_pred: Expr,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
) -> Expr:
    """The binary crossentropy of each element times (1 - p of the true class)^gamma, averaged over the last axis: Lin
    et al. 2018. With `apply_class_balancing` also times alpha for the class 1, and 1 - alpha for the class 0."""
    truth, pred = paired("binary_focal_crossentropy", y_true, y_pred)
    truth = _towards_half(truth, label_smoothing)
    probability = gc.sigmoid(pred) if from_logits else pred
    entropy = gc.softplus(pred) - truth * pred if from_logits else _binary_entropy(truth, pred)
    of_truth = truth * probability + (1 - truth) * (1 - probability)
    focal = (1 - of_truth) ** gamma * entropy
    if apply_class_balancing:
        focal = (truth * alpha + (1 - truth) * (1 - alpha)) * focal
    return last_mean(focal)


def categorical_crossentropy(
    y_true: Expr, y_pred: Expr, from_logits: bool = False, label_smoothing: float = 0.0
) -> Expr:
    """-Σ y_true ln(p) over the last axis.

    Args:
        y_true: one-hot, or probabilities, of y_pred's shape (..., classes).
        y_pred: probabilities p, which are scaled to sum 1 and kept in [1e-7, 1 - 1e-7]; or, `from_logits`, scores that
            a softmax would turn into probabilities, exact for any size.
        label_smoothing: how much of y_true is spread evenly over the classes.
    """
    truth, pred = paired("categorical_crossentropy", y_true, y_pred)
    truth = _towards_even(truth, label_smoothing)
    return -gc.sum(truth * _log_probabilities(pred, from_logits), axis=-1)


def _towards_even(truth: Expr, smoothing: float) -> Expr:
    if not smoothing:
        return truth
    return truth * (1 - smoothing) + smoothing / gc.astype(gc.size(truth, -1), truth.dtype)


def _log_probabilities(y_pred: Expr, from_logits: bool) -> Expr:
    return gc.log_softmax(y_pred, axis=-1) if from_logits else gc.log(_proper(y_pred))


def _proper(probabilities: Expr) -> Expr:
    """The probabilities scaled to sum 1, away from 0 and 1."""
    scaled = probabilities / gc.sum(probabilities, axis=-1, keepdims=True)
    return gc.clip(scaled, EPSILON, 1 - EPSILON)


def categorical_focal_crossentropy(
    y_true: Expr,
    y_pred: Expr,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
) -> Expr:
    """-Σ alpha (1 - p)^gamma y_true ln(p) over the last axis (Lin et al. 2018), for y_true and y_pred as in
    `categorical_crossentropy`."""
    truth, pred = paired("categorical_focal_crossentropy", y_true, y_pred)
    truth = _towards_even(truth, label_smoothing)
    probability = gc.softmax(pred, axis=-1) if from_logits else _proper(pred)
    log_probability = gc.log_softmax(pred, axis=-1) if from_logits else gc.log(probability)
    return -gc.sum(alpha * (1 - probability) ** gamma * truth * log_probability, axis=-1)


def sparse_categorical_crossentropy(
    y_true: Expr, y_pred: Expr, from_logits: bool = False, ignore_class: int | None = None
) -> Expr:
    """-ln of the probability that was given to the true class.

    Args:
        y_true: class indices, integers of shape (...,).
        y_pred: probabilities of shape (..., classes), which are scaled to sum 1 and kept in [1e-7, 1 - 1e-7]; or,
            `from_logits`, scores that a softmax would turn into probabilities. Logits are exact for any size.
        ignore_class: samples of this class, which may lie outside of the others, cost nothing.

    Returns:
        The loss of each sample, of y_true's shape and y_pred's dtype.

    Raises:
        ShapeError, DTypeError: y_true does not fit.
    """
    labels = class_labels("sparse_categorical_crossentropy", y_true, y_pred)
    if ignore_class is not None:
        kept = labels != ignore_class
        inner = sparse_categorical_crossentropy(gc.where(kept, labels, 0), y_pred, from_logits=from_logits)
        return gc.where(kept, inner, 0)
    index = gc.expand_dims(labels, axis=-1)
    return -gc.squeeze(gc.take_along_axis(_log_probabilities(y_pred, from_logits), index, axis=-1), axis=-1)


def class_labels(name: str, y_true: Expr, y_pred: Expr) -> Expr:
    """One integer for each row of predictions; a last axis of size 1 is dropped.

    Raises:
        ShapeError, DTypeError: y_true is something else.
    """
    labels = gc.squeeze(y_true, axis=-1) if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1 else y_true
    if not labels.dtype.is_integer:
        raise DTypeError(f"{name}: the labels must be integers{describe(y_true=y_true, y_pred=y_pred)}")
    if labels.shape != y_pred.shape[:-1]:
        raise ShapeError(
            f"{name}: there must be one label for each row of predictions, of shape "
            f"{show(y_pred.shape[:-1])}{describe(y_true=y_true, y_pred=y_pred)}"
        )
    return labels
