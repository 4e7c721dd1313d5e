"""The formulas of metrics that are means over samples: functions of (y_true, y_pred), as Keras 3 has them.

Every loss function is a metric too.
"""

from __future__ import annotations

import graphc as gc

from ..ir.errors import ShapeError, describe
from ..ir.expr import Expr
from . import loss_functions
from .loss_functions import class_labels, paired


def equal_accuracy(y_true: Expr, y_pred: Expr) -> Expr:
    """1 where y_pred equals y_true, else 0."""
    truth, pred = paired("accuracy", y_true, y_pred)
    return gc.astype(truth == pred, y_pred.dtype)


def binary_accuracy(y_true: Expr, y_pred: Expr, threshold: float = 0.5) -> Expr:
    """1 where y_pred lies above the threshold and y_true is 1, or not above and y_true is 0; else 0."""
    truth, pred = paired("binary_accuracy", y_true, y_pred)
    return gc.astype(gc.astype(pred > threshold, pred.dtype) == truth, pred.dtype)


def categorical_accuracy(y_true: Expr, y_pred: Expr) -> Expr:
    """1 where y_true, one-hot, and y_pred are largest for the same class, else 0; both of shape (..., classes)."""
    truth, pred = paired("categorical_accuracy", y_true, y_pred)
    return gc.astype(gc.argmax(truth, axis=-1) == gc.argmax(pred, axis=-1), pred.dtype)


def sparse_categorical_accuracy(y_true: Expr, y_pred: Expr) -> Expr:
    """1 where the class with the largest prediction is the true one, else 0.

    Args:
        y_true: class indices, integers of shape (...,).
        y_pred: probabilities or scores of shape (..., classes).

    Returns:
        Of y_true's shape and y_pred's dtype.

    Raises:
        ShapeError, DTypeError: there is not one integer label for each row of predictions.
    """
    labels = class_labels("sparse_categorical_accuracy", y_true, y_pred)
    return gc.astype(gc.argmax(y_pred, axis=-1) == gc.astype(labels, "int64"), y_pred.dtype)


def top_k_categorical_accuracy(y_true: Expr, y_pred: Expr, k: int = 5) -> Expr:
    """1 where fewer than k classes have a larger prediction than the true one, else 0; y_true is one-hot."""
    truth, pred = paired("top_k_categorical_accuracy", y_true, y_pred)
    return _among_largest(gc.argmax(truth, axis=-1), pred, k)


def sparse_top_k_categorical_accuracy(y_true: Expr, y_pred: Expr, k: int = 5) -> Expr:
    """1 where fewer than k classes have a larger prediction than the true one, else 0; y_true is class indices."""
    labels = class_labels("sparse_top_k_categorical_accuracy", y_true, y_pred)
    return _among_largest(labels, y_pred, k)


def _among_largest(labels: Expr, scores: Expr, k: int) -> Expr:
    if scores.ndim < 1:
        raise ShapeError(f"top_k: there is no axis of classes{describe(y_pred=scores)}")
    own = gc.take_along_axis(scores, gc.expand_dims(labels, axis=-1), axis=-1)
    larger = gc.sum(gc.astype(~(scores <= own), "int64"), axis=-1)  # nan is larger than everything
    hit = (larger < k) & ~gc.isnan(gc.squeeze(own, axis=-1))
    return gc.astype(hit, scores.dtype)


def cosine_similarity(y_true: Expr, y_pred: Expr, axis: int = -1) -> Expr:
    """The cosine of the angle between y_true and y_pred along the axis: 1 for the same direction."""
    return -loss_functions.cosine_similarity(y_true, y_pred, axis)
