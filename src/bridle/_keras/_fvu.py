"""Fraction of variance unexplained as a metric of Keras."""

from typing import Any

import keras

from bridle._keras._internals import get_mask

ops = keras.ops


@keras.saving.register_keras_serializable(package="bridle")
class FVU(keras.metrics.Metric):
    """Fraction of variance unexplained: `sum (y - p)^2 / sum (y - mean)^2`, over rows and columns.

    `mean` is that of each column of y, over the rows of the metric, weighted like them. 0 is a perfect reconstruction,
    1 that of the mean. It is 1 - R2, with R2 weighted by the variances of the columns. Less is better, which a study
    knows: `bridle.Study(…, score="fvu")`. Of sequences, each step of each feature is a column, and steps that the mask
    of the prediction leaves out are not counted.

    The sums are formed in one pass: those of y are taken around the first row, which keeps their rounding small.

    Args:
        name: str, the name of the metric. Default `"fvu"`.
        dtype: the type of the sums. Default: that of Keras, float32.

    y and p: shape (row, …), all axes known but the first. Weights: shape (row,), or (row, step) for single steps.

    Errors: `ValueError` of Keras for shapes that do not fit.

    >>> import bridle, numpy as np
    >>> metric = bridle.metrics.FVU()
    >>> metric.update_state(np.array([[0.0], [2.0]]), np.array([[0.5], [1.5]]))
    >>> float(metric.result())
    0.25

    """

    def __init__(self, name: str = "fvu", dtype: Any = None) -> None:
        super().__init__(dtype=dtype, name=name)
        self._direction, self.built = "down", False

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Add the sums, of the shape of a row."""
        shape = tuple(y_true.shape[1:])
        self.origin, self.total, self.square, self.rest, self.weight = (
            self.add_variable(shape, "zeros", name=name) for name in ("origin", "total", "square", "rest", "weight")
        )
        self.built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y, p = ops.cast(y_true, self.dtype), ops.cast(y_pred, self.dtype)
        if not self.built:
            self.build(y, p)
        weights = self._entry_weights(y, get_mask(y_pred), sample_weight)
        origin = ops.where(ops.convert_to_tensor(self.weight) > 0, ops.convert_to_tensor(self.origin), y[0])
        self.origin.assign(origin)
        self.total.assign_add(ops.sum(weights * (y - origin), axis=0))
        self.square.assign_add(ops.sum(weights * (y - origin) ** 2, axis=0))
        self.rest.assign_add(ops.sum(weights * (y - p) ** 2, axis=0))
        self.weight.assign_add(ops.sum(weights, axis=0))

    def result(self) -> Any:
        total, square, rest, weight = map(ops.convert_to_tensor, (self.total, self.square, self.rest, self.weight))
        return ops.sum(rest) / ops.sum(square - total**2 / ops.maximum(weight, 1e-30))

    def _entry_weights(self, y: Any, mask: Any, sample_weight: Any) -> Any:
        """Return the weight of each entry of y: that of its row or step, and 0 where the mask is False."""
        weights = ops.ones(ops.shape(y), self.dtype)
        for part in (mask, sample_weight):
            if part is not None:
                part = ops.cast(part, self.dtype)
                weights = weights * ops.reshape(part, (*ops.shape(part), *(1,) * (len(y.shape) - len(part.shape))))
        return weights
