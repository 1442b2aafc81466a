"""Metrics of Keras: the direction in which they improve, and the rows over which they are undefined."""

from collections.abc import (
    Callable,
)
from typing import (
    Any,
)

import keras

from bridle._keras._internals import (
    flat_metrics,
    flatten_labels,
    metric_direction,
    metric_function,
)

UP, DOWN = "up", "down"
COUNTS = {
    keras.metrics.TruePositives: UP,
    keras.metrics.TrueNegatives: UP,
    keras.metrics.FalsePositives: DOWN,
    keras.metrics.FalseNegatives: DOWN,
}
"""Metrics of Keras that have a direction and do not carry it."""
SHARES = (
    keras.metrics.binary_accuracy,
    keras.metrics.categorical_accuracy,
    keras.metrics.sparse_categorical_accuracy,
    keras.metrics.top_k_categorical_accuracy,
    keras.metrics.sparse_top_k_categorical_accuracy,
)
"""Functions of Keras of which more is better; of its other functions, the losses, less is."""


def direction(metric: keras.metrics.Metric) -> str | None:
    """Return "up" or "down" where Keras knows it of a metric, else None.

    Nothing is concluded from a name: `distance`, `brier` and `skill` are functions of the user.
    """
    carried = metric_direction(metric)
    if carried in (UP, DOWN):
        return carried
    if any(metric_function(metric) is function for function in SHARES):
        return UP
    return COUNTS.get(type(metric))


M = keras.metrics
Rule = Callable[[Any], Any]
"""Labels, of NumPy or JAX → whether a metric is defined over them."""


def _both(y: Any) -> Any:
    return (y > 0).any() & (y <= 0).any()


def _both_in_columns(y: Any) -> Any:
    y = y.reshape(-1, y.shape[-1])
    return ((y > 0).any(axis=0) & (y <= 0).any(axis=0)).all()


def _positives(y: Any) -> Any:
    return (y > 0).any()


def _varied(y: Any) -> Any:
    return (y.max(axis=0) > y.min(axis=0)).all()


CURVES = (
    M.AUC, M.PrecisionAtRecall, M.RecallAtPrecision, M.SensitivityAtSpecificity, M.SpecificityAtSensitivity
)  # fmt: skip
RULES: dict[type, Rule] = {
    **dict.fromkeys(CURVES, _both),
    **dict.fromkeys((M.Precision, M.Recall), _positives),
    **dict.fromkeys((M.R2Score, M.PearsonCorrelation, M.ConcordanceCorrelation), _varied),
}
"""By exact class: curves need both classes, precision and recall a positive row, shares of variance some variance."""


def rule_of(metric: keras.metrics.Metric) -> Rule | None:
    """Return what tells whether a metric is defined over labels; None for a metric that always is."""
    rule = RULES.get(type(metric))
    if rule is _both and getattr(metric, "multi_label", False):
        return _both_in_columns
    column = getattr(metric, "class_id", None)
    if rule is None or column is None:
        return rule
    return lambda y: rule(y[..., column])


def rules_of(container: Any) -> list[tuple[Rule | None, int]]:
    """Return the rule of each compiled metric and the output that it measures, in the order of its results."""
    outputs = flat_metrics(container)
    return [(rule_of(metric), output) for output, group in outputs if group for metric in group.metrics]


def leaves_of(container: Any, y: Any) -> list[Any]:
    """Return the labels of each output as compiled metrics pair them with outputs."""
    return flatten_labels(container, y)
