"""How often a prediction was right, threshold by threshold, and the curves that follow from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

import graphc as gc

from ..ir.expr import Expr

Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True)
class Counts:
    """Outcomes by threshold along the first axis, and by label along a second one where labels are kept apart."""

    true_positives: Array
    false_positives: Array
    true_negatives: Array
    false_negatives: Array

    @property
    def precision(self) -> Array:
        """tp / (tp + fp)."""
        return divided(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> Array:
        """tp / (tp + fn)."""
        return divided(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def false_positive_rate(self) -> Array:
        """fp / (fp + tn)."""
        return divided(self.false_positives, self.false_positives + self.true_negatives)


def divided(a: Array, b: Array) -> Array:
    """a / b, and 0 where b is 0."""
    return np.divide(a, b, out=np.zeros(np.broadcast(a, b).shape), where=np.asarray(b) != 0)


def even_thresholds(count: int) -> list[float]:
    """The points between 0 and 1 of `count` evenly spaced ones."""
    return [i / (count - 1) for i in range(1, count - 1)]


def count_outcomes(
    y_true: Expr, y_pred: Expr, weight: Expr | None, thresholds: Sequence[float], *, by_label: bool = False
) -> dict[str, Expr]:
    """The weight of all true and false positives and negatives, for every threshold.

    Args:
        y_true: positive where it is not 0.
        y_pred: of the same shape; positive where it lies above the threshold.
        weight: of the same shape, or None for 1.
        thresholds: the thresholds, T of them.
        by_label: whether the labels along the last axis are counted apart.

    Returns:
        Arrays of shape (T,), or (T, labels).
    """
    shape = (-1, y_pred.shape[-1]) if by_label else (-1,)
    truth, pred = (gc.reshape(x, shape) for x in (y_true != 0, y_pred))
    share = gc.astype(truth, "bool")
    weights = (
        gc.reshape(weight, shape) if weight is not None else gc.broadcast_to(gc.constant(1.0, "float64"), pred.shape)
    )
    weights = gc.astype(weights, "float64")
    positive, negative = gc.where(share, weights, 0), gc.where(share, 0, weights)
    levels = gc.constant(np.asarray(thresholds, pred.dtype.numpy).reshape(-1, *[1] * pred.ndim))
    above = gc.expand_dims(pred, axis=0) > levels
    tp, fp = (gc.sum(gc.where(above, gc.expand_dims(part, axis=0), 0), axis=1) for part in (positive, negative))
    all_positive, all_negative = gc.sum(positive, axis=0), gc.sum(negative, axis=0)
    return {
        "true_positives": tp,
        "false_positives": fp,
        "true_negatives": all_negative - fp,
        "false_negatives": all_positive - tp,
    }


def area(counts: Counts, curve: str, method: str) -> Array:
    """The area under the "ROC" or "PR" curve, for each label where they are kept apart."""
    if curve == "PR" and method == "interpolation":
        return _interpolated_pr(counts)
    x, y = (counts.false_positive_rate, counts.recall) if curve == "ROC" else (counts.recall, counts.precision)
    left, right = y[:-1], y[1:]
    heights = {
        "interpolation": (left + right) / 2,
        "minoring": np.minimum(left, right),
        "majoring": np.maximum(left, right),
    }
    return np.asarray(np.sum((x[:-1] - x[1:]) * heights[method], axis=0))


def _interpolated_pr(counts: Counts) -> Array:
    """Between two points true positives, not precision, go along a straight line (Davis and Goadrich 2006)."""
    tp = counts.true_positives
    p = tp + counts.false_positives
    slope = divided(tp[:-1] - tp[1:], np.maximum(p[:-1] - p[1:], 0))
    intercept = tp[1:] - slope * p[1:]
    ratio = np.where((p[:-1] > 0) & (p[1:] > 0), divided(p[:-1], np.maximum(p[1:], 0)), 1.0)
    ratio = np.where(ratio > 0, ratio, 1.0)
    gained = slope * (tp[:-1] - tp[1:] + intercept * np.log(ratio))
    return np.asarray(np.sum(divided(gained, np.maximum(tp[1:] + counts.false_negatives[1:], 0)), axis=0))
