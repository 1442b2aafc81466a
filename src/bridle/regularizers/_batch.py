"""Statistics of units over a batch: KL, MeanActivation, and Decorrelation."""

import math
from typing import Any

import keras
from keras import ops

from bridle.regularizers._kinds import ActivationPenalty, at_least_float32, broadcast_mask
from bridle.regularizers._options import real

EDGE = 1e-6
"""How far mean activations are kept from 0 and 1, where the logarithm ends."""


@keras.saving.register_keras_serializable("bridle")
class KL(ActivationPenalty):
    """`strength * sum_j KL(target || mean_j)`: units that are active in a `target` share of the cases.

    `KL = target log(target / mean_j) + (1 - target) log((1 - target) / (1 - mean_j))`, where `mean_j` is the mean of
    unit `j` (the last axis) over the samples that count, and time and space, clipped to [1e-6, 1 - 1e-6]. The sum
    is over units. It is a statistic of the batch: nothing is divided by the batch size again.

    Args:
        strength: a number ≥ 0, a list or `bridle.grid` of them, `"auto"`, or a schedule.
        target: the mean activation to reach, between 0 and 1.

    Errors: `InputError` for a strength that is negative, not finite, text, or an empty list; for a target outside of
    (0, 1); for a weight.

    >>> import bridle
    >>> round(float(bridle.KL(1.0, target=0.05).activation_values([[0.0, 0.1], [0.1, 0.9]])[0]), 4)
    0.4946

    Source: Ng, "Sparse autoencoder", CS294A lecture notes, Stanford 2011.

    """

    names = ("strength",)
    kind = "kl"
    options = ("target",)
    domain = "unit"

    def __init__(self, strength: object = "auto", *, target: float = 0.05) -> None:
        expected = "a mean activation between 0 and 1 (not within 1e-6 of them), such as 0.05"
        self.target = real(target, "kl(target=…)", expected, low=EDGE, high=1 - EDGE)
        super().__init__(strength)

    def activation_values(self, x: Any, charged: Any = None) -> tuple[Any, ...]:
        means, count = _means(x, charged)
        means = ops.clip(means, EDGE, 1 - EDGE)
        own = self.target * math.log(self.target) + (1 - self.target) * math.log(1 - self.target)
        apart = own - self.target * ops.log(means) - (1 - self.target) * ops.log(1 - means)
        return (ops.sum(ops.maximum(apart, 0.0)) * ops.minimum(count, 1.0),)


@keras.saving.register_keras_serializable("bridle")
class MeanActivation(ActivationPenalty):
    """`strength * sum_j (mean_j - target)^2`: pulls the mean activation of each unit to a target.

    `mean_j` is the mean of unit `j` (the last axis) over the samples that count, and time and space. The sum is over
    units. It is a statistic of the batch: nothing is divided by the batch size again. Unlike `KL` it takes
    activations of any range.

    Args:
        strength: a number ≥ 0, a list or `bridle.grid` of them, `"auto"`, or a schedule.
        target: the mean activation to reach.

    Errors: `InputError` for a strength that is negative, not finite, text, or an empty list; for a target that is no
    finite number; for a weight.

    >>> import bridle
    >>> float(bridle.MeanActivation(1.0, target=0.5).activation_values([[0.0, 2.0], [1.0, 0.0]])[0])
    0.25

    Source: Lee, Ekanadham and Ng, "Sparse deep belief net model for visual area V2", NeurIPS 2007.

    """

    names = ("strength",)
    kind = "meanactivation"
    options = ("target",)

    def __init__(self, strength: object = "auto", *, target: float = 0.05) -> None:
        self.target = real(target, "meanactivation(target=…)", "a finite number, such as 0.05")
        super().__init__(strength)

    def activation_values(self, x: Any, charged: Any = None) -> tuple[Any, ...]:
        means, count = _means(x, charged)
        return (ops.sum(ops.square(means - self.target)) * ops.minimum(count, 1.0),)


@keras.saving.register_keras_serializable("bridle")
class Decorrelation(ActivationPenalty):
    """`strength * 1/2 (||C||_F^2 - ||diag C||^2)`: units that do not vary together.

    `C` is the covariance of the units (the last axis) over the samples that count, and time and space, divided by
    their number. The sum is over pairs of different units. It is a statistic of the batch: nothing is divided by
    the batch size again.

    Args:
        strength: a number ≥ 0, a list or `bridle.grid` of them, `"auto"`, or a schedule.

    Errors: `InputError` for a strength that is negative, not finite, text, or an empty list; for a weight.

    >>> import bridle
    >>> float(bridle.Decorrelation(1.0).activation_values([[1.0, 2.0], [-1.0, -2.0]])[0])
    4.0

    Source: Cogswell, Ahmed, Girshick, Zitnick and Batra, "Reducing overfitting in deep networks by decorrelating
    representations", ICLR 2016.

    """

    names = ("strength",)
    kind = "decorrelation"

    def __init__(self, strength: object = "auto") -> None:
        super().__init__(strength)

    def activation_values(self, x: Any, charged: Any = None) -> tuple[Any, ...]:
        rows, counted = _rows(x, charged)
        count = ops.maximum(ops.sum(counted), 1.0)
        apart = (rows - ops.sum(rows * counted, axis=0) / count) * counted
        covariance = ops.matmul(ops.transpose(apart), apart) / count
        others = 1.0 - ops.eye(rows.shape[-1], dtype=rows.dtype)
        return (0.5 * ops.sum(ops.square(covariance) * others),)


def _means(x: Any, charged: Any) -> tuple[Any, Any]:
    """The mean of each unit over what counts, and how much that is."""
    rows, counted = _rows(x, charged)
    count = ops.sum(counted)
    return ops.sum(rows * counted, axis=0) / ops.maximum(count, 1.0), count


def _rows(x: Any, charged: Any) -> tuple[Any, Any]:
    """An activation as (row, unit), a row for each sample, time and place; and what counts, as (row, 1)."""
    x = at_least_float32(x)
    if len(x.shape) == (1 if charged is None else len(charged.shape)):
        x = ops.expand_dims(x, -1)
    counted = ops.ones_like(x[..., :1]) * broadcast_mask(charged, x)
    return ops.reshape(x, (-1, x.shape[-1])), ops.reshape(counted, (-1, 1))
