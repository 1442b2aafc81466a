"""The direction of a metric: whether more or less of it is better, where Keras knows."""

import keras

from bridle._keras._internals import metric_direction, metric_function

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

    Nothing is concluded from a name: `distance`, `brier` and `skill` are functions of a person's own.
    """
    carried = metric_direction(metric)
    if carried in (UP, DOWN):
        return carried
    if any(metric_function(metric) is function for function in SHARES):
        return UP
    return COUNTS.get(type(metric))
