"""How wrong a prediction is, as in Keras: functions of expressions that give one number for each sample.

    loss = gc.mean(nn.losses.sparse_categorical_crossentropy(y, gc.softmax(z)))

The classes bind options and a reduction to them, for `model.compile(loss=nn.losses.Huber(delta=2.0))`; called with
expressions they give a scalar.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

import graphc as gc

from ..ir.dtype import DType
from ..ir.errors import GraphError, ShapeError, describe
from ..ir.expr import Expr
from ..optim.plain import make_plain
from . import registry
from .loss_functions import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    class_labels,
    cosine_similarity,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)

LossFunction: TypeAlias = Callable[..., Expr]
REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None)


@dataclass(frozen=True)
class Loss:
    """A loss as a model uses it: a function with its options, and how the numbers of all samples become one.

    Args:
        reduction: "sum_over_batch_size" (also "mean"): the sum of loss times weight over the number of samples;
            "sum": without the division; "mean_with_sample_weight": divided by the sum of the weights; None or "none":
            the losses of the samples, which a model cannot be trained on.
        name: what it is called.
    """

    reduction: str | None = field(default="sum_over_batch_size", kw_only=True)
    name: str | None = field(default=None, kw_only=True)

    function: ClassVar[LossFunction]
    """(y_true, y_pred, **options) -> the loss of each sample."""
    activation: ClassVar[str | None] = None
    """Whose argument the loss can be read from, numerically better than from its result: "softmax", "sigmoid"."""
    labels: ClassVar[bool] = False
    """Whether y_true is one integer label for each row of predictions; else it has their shape and dtype."""

    def __post_init__(self) -> None:
        make_plain(self)
        if self.reduction not in REDUCTIONS:
            known = ", ".join(repr(r) for r in REDUCTIONS)
            raise GraphError(f"{type(self).__name__}: there is no reduction {self.reduction!r}; known are {known}")

    @property
    def options(self) -> dict[str, Any]:
        """What the function takes beside y_true and y_pred."""
        return {name: value for name, value in registry.options_of(self).items() if name not in ("reduction", "name")}

    def each(self, y_true: Expr, y_pred: Expr, logits: tuple[str, Expr] | None = None) -> Expr:
        """The loss of each sample.

        Args:
            y_true: what should have come out.
            y_pred: what came out.
            logits: if y_pred is a softmax or a sigmoid, which of them, and its argument.
        """
        options = self.options
        if logits is not None and logits[0] == self.activation and not options.get("from_logits", True):
            return type(self).function(y_true, logits[1], **{**options, "from_logits": True})
        return type(self).function(y_true, y_pred, **options)

    def counted(self, y_true: Expr, y_pred: Expr) -> Expr | None:
        """Which samples count at all, bool of their shape; None for all of them."""
        return None

    def __call__(
        self, y_true: Expr, y_pred: Expr, sample_weight: Expr | None = None, logits: tuple[str, Expr] | None = None
    ) -> Expr:
        """The loss of all samples, a scalar (unless there is no reduction).

        Raises:
            ShapeError: there is not one weight for each sample.
        """
        values, counted = self.each(y_true, y_pred, logits), self.counted(y_true, y_pred)
        if sample_weight is None and counted is None:
            return _reduced(values, self.reduction)
        weight = gc.ones_like(values) if sample_weight is None else spread_weight(sample_weight, values)
        if counted is not None:
            weight = weight * _share(counted, self.reduction, values.dtype)
        weighted = values * weight
        if self.reduction != "mean_with_sample_weight":
            return _reduced(weighted, self.reduction)
        total = gc.sum(weight)
        return gc.where(total == 0, 0, gc.sum(weighted) / gc.where(total == 0, 1, total))

    def config(self) -> Any:
        """The class and its options in plain data, which `losses.from_config` turns back into such a loss."""
        return registry.class_config(self)


def _share(counted: Expr, reduction: str | None, dtype: DType) -> Expr:
    """The weights with which those that count make up the result; a mean is theirs alone."""
    weights = gc.astype(counted, dtype)
    if reduction not in ("mean", "sum_over_batch_size"):
        return weights
    some = gc.maximum(gc.sum(weights), 1)
    return weights * (gc.astype(gc.size(weights), dtype) / some)


def _reduced(values: Expr, reduction: str | None) -> Expr:
    if reduction in ("none", None):
        return values
    return gc.sum(values) if reduction == "sum" else gc.mean(values)


def spread_weight(weight: Expr, values: Expr) -> Expr:
    """The weight of each sample for all values of the sample, in their dtype.

    Raises:
        ShapeError: the weights do not fit the values.
    """
    weight = gc.astype(weight, values.dtype)
    if weight.ndim == values.ndim + 1 and weight.shape[-1] == 1:
        weight = gc.squeeze(weight, axis=-1)
    if weight.shape != values.shape[: weight.ndim]:
        raise ShapeError(f"there must be one weight for each sample{describe(sample_weight=weight, values=values)}")
    missing = values.ndim - weight.ndim
    spread = gc.expand_dims(weight, axis=tuple(range(weight.ndim, values.ndim))) if missing else weight
    return gc.broadcast_to(spread, values.shape)


# Regression ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MeanSquaredError(Loss):
    """See `mean_squared_error`."""

    function = staticmethod(mean_squared_error)


@dataclass(frozen=True)
class MeanAbsoluteError(Loss):
    """See `mean_absolute_error`."""

    function = staticmethod(mean_absolute_error)


@dataclass(frozen=True)
class MeanAbsolutePercentageError(Loss):
    """See `mean_absolute_percentage_error`."""

    function = staticmethod(mean_absolute_percentage_error)


@dataclass(frozen=True)
class MeanSquaredLogarithmicError(Loss):
    """See `mean_squared_logarithmic_error`."""

    function = staticmethod(mean_squared_logarithmic_error)


@dataclass(frozen=True)
class Huber(Loss):
    """See `huber`."""

    delta: float = 1.0
    function = staticmethod(huber)


@dataclass(frozen=True)
class LogCosh(Loss):
    """See `log_cosh`."""

    function = staticmethod(log_cosh)


@dataclass(frozen=True)
class CosineSimilarity(Loss):
    """See `cosine_similarity`."""

    axis: int = -1
    function = staticmethod(cosine_similarity)


@dataclass(frozen=True)
class Poisson(Loss):
    """See `poisson`."""

    function = staticmethod(poisson)


# Hinges --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Hinge(Loss):
    """See `hinge`."""

    function = staticmethod(hinge)


@dataclass(frozen=True)
class SquaredHinge(Loss):
    """See `squared_hinge`."""

    function = staticmethod(squared_hinge)


@dataclass(frozen=True)
class CategoricalHinge(Loss):
    """See `categorical_hinge`."""

    function = staticmethod(categorical_hinge)


# Probabilities -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class KLDivergence(Loss):
    """See `kl_divergence`."""

    function = staticmethod(kl_divergence)


@dataclass(frozen=True)
class BinaryCrossentropy(Loss):
    """See `binary_crossentropy`."""

    from_logits: bool = False
    label_smoothing: float = 0.0
    function = staticmethod(binary_crossentropy)
    activation = "sigmoid"


@dataclass(frozen=True)
class BinaryFocalCrossentropy(Loss):
    """See `binary_focal_crossentropy`."""

    apply_class_balancing: bool = False
    alpha: float = 0.25
    gamma: float = 2.0
    from_logits: bool = False
    label_smoothing: float = 0.0
    function = staticmethod(binary_focal_crossentropy)
    activation = "sigmoid"


@dataclass(frozen=True)
class CategoricalCrossentropy(Loss):
    """See `categorical_crossentropy`."""

    from_logits: bool = False
    label_smoothing: float = 0.0
    function = staticmethod(categorical_crossentropy)
    activation = "softmax"


@dataclass(frozen=True)
class CategoricalFocalCrossentropy(Loss):
    """See `categorical_focal_crossentropy`."""

    alpha: float = 0.25
    gamma: float = 2.0
    from_logits: bool = False
    label_smoothing: float = 0.0
    function = staticmethod(categorical_focal_crossentropy)
    activation = "softmax"


@dataclass(frozen=True)
class SparseCategoricalCrossentropy(Loss):
    """See `sparse_categorical_crossentropy`."""

    from_logits: bool = False
    ignore_class: int | None = None
    function = staticmethod(sparse_categorical_crossentropy)
    activation = "softmax"
    labels = True

    def counted(self, y_true: Expr, y_pred: Expr) -> Expr | None:
        """Whether a sample is of another class than the one that is left out."""
        if self.ignore_class is None:
            return None
        return class_labels("sparse_categorical_crossentropy", y_true, y_pred) != self.ignore_class


@dataclass(frozen=True)
class FunctionLoss(Loss):
    """A function `(y_true, y_pred) -> the loss of each sample` of the user's own."""

    own: LossFunction = mean_squared_error

    def each(self, y_true: Expr, y_pred: Expr, logits: tuple[str, Expr] | None = None) -> Expr:
        """The loss of each sample."""
        return self.own(y_true, y_pred)

    def for_labels(self, labels: bool) -> FunctionLoss:
        """The loss for targets that are one integer label for each sample, or that are like the predictions."""
        return (_LabelsFunctionLoss if labels else FunctionLoss)(self.own, reduction=self.reduction, name=self.name)

    def config(self) -> Any:
        """{"custom": the function's name}.

        Raises:
            GraphError: it has none.
        """
        return registry.function_config("loss", {}, self.own)


class _LabelsFunctionLoss(FunctionLoss):
    labels = True


CLASSES: dict[str, type[Loss]] = {
    kind.__name__: kind
    for kind in (
        MeanSquaredError, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredLogarithmicError, Huber, LogCosh,
        CosineSimilarity, Poisson, Hinge, SquaredHinge, CategoricalHinge, KLDivergence, BinaryCrossentropy,
        BinaryFocalCrossentropy, CategoricalCrossentropy, CategoricalFocalCrossentropy, SparseCategoricalCrossentropy,
    )
}  # fmt: skip

_BY_FUNCTION = {kind.function.__name__: kind for kind in CLASSES.values()}
_SHORT = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "logcosh": "log_cosh",
    "kld": "kl_divergence",
    "bce": "binary_crossentropy",
}

KNOWN: dict[str, type[Loss]] = _BY_FUNCTION | {short: _BY_FUNCTION[name] for short, name in _SHORT.items()}
"""The losses by the names `model.compile(loss="mse")` takes."""


def get(given: str | Loss | LossFunction) -> Loss:
    """The loss of that name or class name, the given one, or one made of a function `(y_true, y_pred) -> the loss of
    each sample`.

    Raises:
        GraphError: no loss has this name.
    """
    if isinstance(given, Loss):
        return given
    if callable(given):
        name = getattr(given, "__name__", "loss")
        known = _BY_FUNCTION.get(name)
        return known() if known is not None and given is known.function else FunctionLoss(own=given, name=name)
    return CLASSES[given]() if given in CLASSES else registry.find("loss", KNOWN, given)()


def from_config(config: Any, custom: Mapping[str, Any]) -> Loss:
    """The loss of a `config()`.

    Raises:
        GraphError: there is none of this name, or with these options.
    """
    if isinstance(config, Mapping) and "class" in config:
        return registry.make("loss", CLASSES, config)
    return get(registry.function_from("loss", {}, config, custom))


__all__ = [
    "CLASSES",
    "KNOWN",
    "REDUCTIONS",
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "FunctionLoss",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "binary_crossentropy",
    "binary_focal_crossentropy",
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
    "sparse_categorical_crossentropy",
    "spread_weight",
    "squared_hinge",
]
