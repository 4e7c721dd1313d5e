"""What to watch beside the loss, as in Keras.

A `Metric` says what a batch adds to its state, in graph operations, and what the state amounts to. In a model the
state is params that the compiled step updates, in float64; alone, a metric holds it itself:

    precision = nn.metrics.Precision()
    precision.update_state([0, 1, 1], [0.2, 0.3, 0.9])
    precision.result()
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

import graphc as gc

from ..ir.errors import GraphError
from ..ir.expr import Expr
from ..optim.plain import make_plain, plain
from . import registry
from .confusion import Counts, area, count_outcomes, divided, even_thresholds
from .loss_functions import (
    EPSILON,
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    paired,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from .losses import spread_weight
from .metric_functions import (
    binary_accuracy,
    categorical_accuracy,
    cosine_similarity,
    equal_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)

Array: TypeAlias = npt.NDArray[Any]
MetricFunction: TypeAlias = Callable[..., Expr]


@dataclass
class Metric(ABC):
    """Something measured over many batches.

    Args:
        name: what it is called in the history; by default what Keras calls it.
    """

    name: str = field(default="", kw_only=True)
    title: ClassVar[str] = "metric"
    """The name of one that is given none."""
    better: ClassVar[str] = "max"
    """Whether callbacks look for the "max" or the "min"."""
    labels: ClassVar[bool] = False
    """Whether y_true has to be one integer label for each row of predictions."""

    def __post_init__(self) -> None:
        make_plain(self)
        self.name = self.name or self.title
        self.reset_state()

    @abstractmethod
    def sums(self, y_true: Expr, y_pred: Expr, weight: Expr | None) -> dict[str, Expr]:
        """What a batch adds to the state, by name."""

    @abstractmethod
    def value(self, state: Mapping[str, Array]) -> Any:
        """What a state amounts to: a float, or an array for several thresholds."""

    # Alone ---------------------------------------------------------------------------------------------------------

    def reset_state(self) -> None:
        """Forget all batches."""
        self._state: dict[str, Array] = {}

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch of arrays into account."""
        truth, pred = gc.constant(np.asarray(y_true)), gc.constant(np.asarray(y_pred))
        if not pred.dtype.is_float:
            pred = gc.astype(pred, "float32")
        weight = None if sample_weight is None else gc.constant(np.asarray(sample_weight))
        for name, array in gc.interpret(self.sums(truth, pred, weight)).items():
            added = np.asarray(array, np.float64)
            self._state[name] = self._state[name] + added if name in self._state else added

    def result(self) -> Any:
        """The value over all batches since the last reset.

        Raises:
            GraphError: there were none.
        """
        if not self._state:
            raise GraphError(f"the metric {self.name!r} has seen no batch yet")
        return self.value(self._state)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Take a batch of arrays into account; the value over all of them."""
        self.update_state(y_true, y_pred, sample_weight)
        return self.result()

    def config(self) -> Any:
        """The class and its options in plain data, which `metrics.from_config` turns back into such a metric."""
        return registry.class_config(self)


# Means ---------------------------------------------------------------------------------------------------------


@dataclass
class MeanMetric(Metric):
    """The mean of a function over all samples, weighted if they have weights."""

    function: ClassVar[MetricFunction]
    """(y_true, y_pred, **options) -> numbers for each sample."""

    def numbers(self, y_true: Expr, y_pred: Expr) -> Expr:
        """What is averaged: one or several numbers for each sample."""
        options = {name: value for name, value in registry.options_of(self).items() if name != "name"}
        return type(self).function(y_true, y_pred, **options)

    def sums(self, y_true: Expr, y_pred: Expr, weight: Expr | None) -> dict[str, Expr]:
        """The sum of weight times number, and the sum of the weights."""
        return weighted_sums(self.numbers(y_true, y_pred), weight)

    def value(self, state: Mapping[str, Array]) -> float:
        """The mean."""
        return float(divided(state["total"], state["count"]))


def weighted_sums(values: Expr, weight: Expr | None) -> dict[str, Expr]:
    """Total and count, whose quotient is the mean over samples; each is the mean of its own numbers."""
    if weight is not None:
        spread = spread_weight(weight, values)
        values, counted = values * spread, _for_each_sample(spread)
        return {"total": gc.sum(_for_each_sample(values)), "count": gc.sum(counted)}
    each = _for_each_sample(values)
    return {"total": gc.sum(each), "count": gc.astype(gc.size(each), "float64")}


def _for_each_sample(values: Expr) -> Expr:
    return gc.mean(values, axis=tuple(range(1, values.ndim))) if values.ndim > 1 else values


@dataclass
class Accuracy(MeanMetric):
    """1 where y_pred equals y_true, else 0, averaged."""

    title = "accuracy"
    function = staticmethod(equal_accuracy)


@dataclass
class BinaryAccuracy(MeanMetric):
    """See `binary_accuracy`."""

    threshold: float = 0.5
    title = "binary_accuracy"
    function = staticmethod(binary_accuracy)


@dataclass
class CategoricalAccuracy(MeanMetric):
    """See `categorical_accuracy`."""

    title = "categorical_accuracy"
    function = staticmethod(categorical_accuracy)


@dataclass
class SparseCategoricalAccuracy(MeanMetric):
    """See `sparse_categorical_accuracy`."""

    title = "sparse_categorical_accuracy"
    labels = True
    function = staticmethod(sparse_categorical_accuracy)


@dataclass
class TopKCategoricalAccuracy(MeanMetric):
    """See `top_k_categorical_accuracy`."""

    k: int = 5
    title = "top_k_categorical_accuracy"
    function = staticmethod(top_k_categorical_accuracy)


@dataclass
class SparseTopKCategoricalAccuracy(MeanMetric):
    """See `sparse_top_k_categorical_accuracy`."""

    k: int = 5
    title = "sparse_top_k_categorical_accuracy"
    labels = True
    function = staticmethod(sparse_top_k_categorical_accuracy)


@dataclass
class CosineSimilarity(MeanMetric):
    """See `cosine_similarity`."""

    axis: int = -1
    title = "cosine_similarity"
    function = staticmethod(cosine_similarity)


@dataclass
class FunctionMetric(MeanMetric):
    """The mean of a function `(y_true, y_pred) -> numbers for each sample`: a known one or the user's own."""

    own: MetricFunction = mean_squared_error

    def numbers(self, y_true: Expr, y_pred: Expr) -> Expr:
        """What is averaged."""
        return self.own(y_true, y_pred)

    @property
    def better(self) -> str:  # type: ignore[override]
        """Losses are looked for at their smallest; which way a function of the user's own goes is not known."""
        return "min" if self.own in LOSSES.values() else "unknown"

    @property
    def labels(self) -> bool:  # type: ignore[override]
        """Whether the function is a loss of labels."""
        return self.own is sparse_categorical_crossentropy

    def config(self) -> Any:
        """The function and the name in plain data."""
        return {"mean_of": registry.function_config("metric", LOSSES, self.own), "name": self.name}


@dataclass
class RootMeanSquaredError(Metric):
    """√ of the mean of (y_true - y_pred)²."""

    title = "root_mean_squared_error"
    better = "min"

    def sums(self, y_true: Expr, y_pred: Expr, weight: Expr | None) -> dict[str, Expr]:
        """The sums of squares and of weights."""
        truth, pred = paired("root_mean_squared_error", y_true, y_pred)
        return weighted_sums(gc.square(truth - pred), weight)

    def value(self, state: Mapping[str, Array]) -> float:
        """The root of the mean."""
        return float(np.sqrt(divided(state["total"], state["count"])))


# Of outcomes ---------------------------------------------------------------------------------------------------


@dataclass
class _OutcomeMetric(Metric):
    """What follows from how often a prediction above or not above a threshold was right: what `Counts` has under the
    metric's title.

    Args:
        thresholds: one, or several for an array of results; predictions above it are positive.
        class_id: of predictions of shape (..., classes), only this class is looked at.
    """

    thresholds: float | Sequence[float] = 0.5
    class_id: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.thresholds = plain(self.thresholds)
        wrong = [t for t in self._listed if not 0 <= t <= 1]
        if wrong:
            raise GraphError(f"{type(self).__name__}: thresholds lie between 0 and 1, not {wrong}")

    @property
    def _listed(self) -> list[float]:
        return list(self.thresholds) if isinstance(self.thresholds, Sequence) else [self.thresholds]

    def sums(self, y_true: Expr, y_pred: Expr, weight: Expr | None) -> dict[str, Expr]:
        """How many true and false positives and negatives there are at each threshold."""
        truth, pred = paired(self.title, y_true, y_pred)
        if weight is not None:
            weight = spread_weight(weight, pred)
        if self.class_id is not None:
            chosen = (Ellipsis, slice(self.class_id, self.class_id + 1))
            truth, pred = truth[chosen], pred[chosen]
            weight = None if weight is None else weight[chosen]
        return count_outcomes(truth, pred, weight, self._listed)

    def value(self, state: Mapping[str, Array]) -> Any:
        """A float for one threshold, an array for a list of them."""
        result = np.asarray(getattr(Counts(**state), self.title))
        return result if isinstance(self.thresholds, Sequence) else float(result[0])


@dataclass
class Precision(_OutcomeMetric):
    """Of what was predicted positive, the fraction that is: tp / (tp + fp)."""

    title = "precision"


@dataclass
class Recall(_OutcomeMetric):
    """Of what is positive, the fraction that was predicted so: tp / (tp + fn)."""

    title = "recall"


@dataclass
class TruePositives(_OutcomeMetric):
    """How much of what is positive was predicted so."""

    title = "true_positives"


@dataclass
class TrueNegatives(_OutcomeMetric):
    """How much of what is negative was predicted so."""

    title = "true_negatives"


@dataclass
class FalsePositives(_OutcomeMetric):
    """How much of what is negative was predicted positive."""

    title = "false_positives"
    better = "min"


@dataclass
class FalseNegatives(_OutcomeMetric):
    """How much of what is positive was predicted negative."""

    title = "false_negatives"
    better = "min"


@dataclass
class AUC(Metric):
    """The area under a curve that predictions draw as the threshold goes from 0 to 1.

    Args:
        num_thresholds: how many points of the curve are counted.
        curve: "ROC" (recall over false positive rate) or "PR" (precision over recall).
        summation_method: how the area between two points is taken: "interpolation" (for PR: Davis and Goadrich 2006),
            "minoring" or "majoring".
        thresholds: the points between 0 and 1 themselves, instead of their number.
        multi_label: predictions are (samples, labels): the mean of the areas for each label.
        from_logits: predictions are arguments of a sigmoid.
    """

    num_thresholds: int = 200
    curve: str = "ROC"
    summation_method: str = "interpolation"
    thresholds: Sequence[float] | None = None
    multi_label: bool = False
    from_logits: bool = False
    title = "auc"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.thresholds = plain(self.thresholds)
        self.curve = registry.find("curve of AUC", {"ROC": "ROC", "PR": "PR"}, str(self.curve).upper())
        methods = {name: name for name in ("interpolation", "minoring", "majoring")}
        registry.find("summation_method of AUC", methods, self.summation_method)
        if self.thresholds is None and self.num_thresholds < 2:
            raise GraphError(f"AUC: num_thresholds has to be 2 or more, not {self.num_thresholds!r}")

    def sums(self, y_true: Expr, y_pred: Expr, weight: Expr | None) -> dict[str, Expr]:
        """How many true and false positives and negatives there are at each threshold."""
        truth, pred = paired("auc", y_true, y_pred)
        if weight is not None:
            weight = spread_weight(weight, pred)
        if self.from_logits:
            pred = gc.sigmoid(pred)
        points = even_thresholds(self.num_thresholds) if self.thresholds is None else sorted(self.thresholds)
        # Predictions of exactly 0 and 1 belong to the curve's ends.
        listed = [-EPSILON, *points, 1 + EPSILON]
        return count_outcomes(truth, pred, weight, listed, by_label=self.multi_label)

    def value(self, state: Mapping[str, Array]) -> float:
        """The area, or the mean of the areas of all labels."""
        return float(np.mean(area(Counts(**state), self.curve, self.summation_method)))


# By name -------------------------------------------------------------------------------------------------------

CLASSES: dict[str, type[Metric]] = {
    kind.__name__: kind
    for kind in (
        Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy, TopKCategoricalAccuracy,
        SparseTopKCategoricalAccuracy, CosineSimilarity, RootMeanSquaredError, Precision, Recall, TruePositives,
        TrueNegatives, FalsePositives, FalseNegatives, AUC,
    )
}  # fmt: skip

LOSSES: dict[str, MetricFunction] = {
    f.__name__: f
    for f in (
        mean_squared_error,
        mean_absolute_error,
        mean_absolute_percentage_error,
        mean_squared_logarithmic_error,
        huber,
        log_cosh,
        poisson,
        hinge,
        squared_hinge,
        categorical_hinge,
        kl_divergence,
        binary_crossentropy,
        binary_focal_crossentropy,
        categorical_crossentropy,
        categorical_focal_crossentropy,
        sparse_categorical_crossentropy,
    )
}
"""The functions that are losses, which are looked for at their smallest."""

_SHORT = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "kld": "kl_divergence",
    "rmse": "root_mean_squared_error",
}

_BY_TITLE = {kind.title: kind for kind in CLASSES.values()}
KNOWN = sorted({*_BY_TITLE, *LOSSES, *_SHORT, "acc"})
"""The names `model.compile(metrics=["mae"])` takes."""


def get(given: str | Metric | MetricFunction) -> Metric:
    """The metric of that name or class name, the given one, or the mean of a function `(y_true, y_pred) -> numbers`.

    Where the name is "accuracy" or "acc" a model chooses by its output and its targets, see `accuracy_for`.

    Raises:
        GraphError: no metric has this name.
    """
    if isinstance(given, Metric):
        return given
    if callable(given):
        return FunctionMetric(own=given, name=getattr(given, "__name__", "metric").strip("<>"))
    if given in CLASSES:
        return CLASSES[given](name=given)
    full = _SHORT.get(given, given) if isinstance(given, str) else given
    if full in LOSSES:
        return FunctionMetric(own=LOSSES[full], name=given)
    known: dict[str, type[Metric]] = {**dict.fromkeys(KNOWN, Accuracy), **_BY_TITLE}
    return registry.find("metric", known, full)(name=given)


def accuracy_for(y_true: Expr, y_pred: Expr, name: str) -> Metric:
    """The accuracy that fits: binary for outputs of one number, else sparse for labels and categorical for one-hot
    targets."""
    if y_pred.ndim == 0 or y_pred.shape[-1] == 1:
        return BinaryAccuracy(name=name)
    if y_true.ndim < y_pred.ndim or y_true.shape[-1] == 1:
        return SparseCategoricalAccuracy(name=name)
    return CategoricalAccuracy(name=name)


def from_config(config: Any, custom: Mapping[str, Any]) -> Metric:
    """The metric of a `config()`.

    Raises:
        GraphError: there is none of this name, or with these options.
    """
    if isinstance(config, Mapping) and "mean_of" in config:
        function = registry.function_from("metric", LOSSES, config["mean_of"], custom)
        return FunctionMetric(own=function, name=str(config.get("name", "")))
    return registry.make("metric", CLASSES, config)


__all__ = [
    "AUC",
    "CLASSES",
    "KNOWN",
    "Accuracy",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "CosineSimilarity",
    "FalseNegatives",
    "FalsePositives",
    "FunctionMetric",
    "MeanMetric",
    "Metric",
    "Precision",
    "Recall",
    "RootMeanSquaredError",
    "SparseCategoricalAccuracy",
    "SparseTopKCategoricalAccuracy",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "accuracy_for",
    "binary_accuracy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "cosine_similarity",
    "from_config",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "squared_hinge",
    "top_k_categorical_accuracy",
    "weighted_sums",
]
