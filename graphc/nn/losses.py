"""How wrong a prediction is: functions of expressions that give one number for each sample, as in Keras.

    loss = gc.mean(nn.losses.sparse_categorical_crossentropy(y, gc.softmax(z)))

A `Loss` is what a model needs to know beside the function: which targets it takes, and how to read it from logits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import graphc as gc

from ..ir.dim import show
from ..ir.errors import DTypeError, GraphError, ShapeError, describe
from ..ir.expr import Expr

LossFunction: TypeAlias = Callable[[Expr, Expr], Expr]

EPSILON = 1e-7
"""How far probabilities are kept from 0 and 1 before a logarithm, as Keras does."""


def sparse_categorical_crossentropy(y_true: Expr, y_pred: Expr, from_logits: bool = False) -> Expr:
    """-ln of the probability that was given to the true class.

    Args:
        y_true: class indices, integers of shape (...,).
        y_pred: probabilities of shape (..., classes), which are scaled to sum 1 and kept in [1e-7, 1 - 1e-7]; or,
            `from_logits`, scores that a softmax would turn into probabilities. Logits are exact for any size.

    Returns:
        The loss of each sample, of y_true's shape and y_pred's dtype.

    Raises:
        ShapeError, DTypeError: y_true does not fit.
    """
    if not y_true.dtype.is_integer:
        raise DTypeError(
            f"sparse_categorical_crossentropy: the labels must be integers{describe(y_true=y_true, y_pred=y_pred)}"
        )
    if y_true.shape != y_pred.shape[:-1]:
        raise ShapeError(
            "sparse_categorical_crossentropy: there must be one label for each row of predictions, of shape "
            f"{show(y_pred.shape[:-1])}{describe(y_true=y_true, y_pred=y_pred)}"
        )
    log_probabilities = gc.log_softmax(y_pred, axis=-1) if from_logits else gc.log(_proper(y_pred))
    index = gc.expand_dims(y_true, axis=-1)
    return -gc.squeeze(gc.take_along_axis(log_probabilities, index, axis=-1), axis=-1)


def _proper(probabilities: Expr) -> Expr:
    """The probabilities scaled to sum 1, away from 0 and 1."""
    scaled = probabilities / gc.sum(probabilities, axis=-1, keepdims=True)
    return gc.clip(scaled, EPSILON, 1 - EPSILON)


def mean_squared_error(y_true: Expr, y_pred: Expr) -> Expr:
    """The mean of (y_true - y_pred)² over the last axis.

    Args:
        y_true, y_pred: of the same shape (..., features).

    Returns:
        The loss of each sample, of shape (...,).
    """
    return gc.mean(gc.square(y_true - y_pred), axis=-1)


@dataclass(frozen=True)
class Loss:
    """A loss as a model uses it."""

    name: str
    function: LossFunction
    """(y_true, y_pred) -> the loss of each sample."""
    of_logits: LossFunction | None = None
    """The same from the argument of the softmax that gave y_pred; numerically better. None where there is none."""
    labels: bool = False
    """Whether y_true is one integer label for each row of predictions; else it has their shape and dtype."""


def _crossentropy_of_logits(y_true: Expr, logits: Expr) -> Expr:
    return sparse_categorical_crossentropy(y_true, logits, from_logits=True)


def SparseCategoricalCrossentropy(from_logits: bool = False) -> Loss:
    """The loss `sparse_categorical_crossentropy` for `model.compile`, of probabilities or of logits."""
    name = "sparse_categorical_crossentropy"
    if from_logits:
        return Loss(name, _crossentropy_of_logits, labels=True)
    return Loss(name, sparse_categorical_crossentropy, _crossentropy_of_logits, labels=True)


def MeanSquaredError() -> Loss:
    """The loss `mean_squared_error` for `model.compile`."""
    return Loss("mean_squared_error", mean_squared_error)


KNOWN: dict[str, Loss] = {
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy(),
    "mean_squared_error": MeanSquaredError(),
    "mse": MeanSquaredError(),
}


def get(given: str | Loss | LossFunction) -> Loss:
    """The loss of that name, the given one, or one made of a function `(y_true, y_pred) -> loss of each sample`.

    Raises:
        GraphError: no loss has this name.
    """
    if isinstance(given, Loss):
        return given
    if given is sparse_categorical_crossentropy:
        return SparseCategoricalCrossentropy()
    if callable(given):
        return Loss(getattr(given, "__name__", "loss"), given)
    if given not in KNOWN:
        raise GraphError(f"there is no loss {given!r}; known are {', '.join(sorted(KNOWN))}")
    return KNOWN[given]
