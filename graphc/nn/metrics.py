"""What to watch beside the loss: functions `(y_true, y_pred) -> a number for each sample`, as in Keras."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import graphc as gc

from ..ir.dim import show
from ..ir.errors import GraphError, ShapeError, describe
from ..ir.expr import Expr
from .losses import mean_squared_error

Metric: TypeAlias = Callable[[Expr, Expr], Expr]


def sparse_categorical_accuracy(y_true: Expr, y_pred: Expr) -> Expr:
    """1 where the class with the largest prediction is the true one, else 0.

    Args:
        y_true: class indices, integers of shape (...,).
        y_pred: probabilities or scores of shape (..., classes).

    Returns:
        Of y_true's shape and y_pred's dtype.

    Raises:
        ShapeError: there is not one label for each row of predictions.
    """
    if not y_true.dtype.is_integer or y_true.shape != y_pred.shape[:-1]:
        raise ShapeError(
            "accuracy: there must be one integer label for each row of predictions, of shape "
            f"{show(y_pred.shape[:-1])}{describe(y_true=y_true, y_pred=y_pred)}"
        )
    return gc.astype(gc.argmax(y_pred, axis=-1) == gc.astype(y_true, "int64"), y_pred.dtype)


def mean_absolute_error(y_true: Expr, y_pred: Expr) -> Expr:
    """The mean of |y_true - y_pred| over the last axis; both of the same shape (..., features)."""
    return gc.mean(gc.abs(y_true - y_pred), axis=-1)


KNOWN: dict[str, Metric] = {
    "accuracy": sparse_categorical_accuracy,
    "acc": sparse_categorical_accuracy,
    "sparse_categorical_accuracy": sparse_categorical_accuracy,
    "mean_squared_error": mean_squared_error,
    "mse": mean_squared_error,
    "mean_absolute_error": mean_absolute_error,
    "mae": mean_absolute_error,
}


def get(given: str | Metric) -> tuple[str, Metric]:
    """The name a metric goes by in the history, and its function.

    Raises:
        GraphError: no metric has this name.
    """
    if callable(given):
        return getattr(given, "__name__", "metric"), given
    if given not in KNOWN:
        raise GraphError(f"there is no metric {given!r}; known are {', '.join(sorted(KNOWN))}")
    return given, KNOWN[given]
