"""Statistics of units over a batch: KL, MeanActivation, and Decorrelation."""

import math
from typing import Any

from bridle._keras import ops
from bridle.regularizers._kinds import ActivationPenalty, at_least_float32, broadcast_mask
from bridle.regularizers._registry import penalty
from bridle.regularizers._strength import read_real

MEAN_MARGIN = 1e-6
"""The smallest distance of a mean activation from 0 and 1 in the logarithms."""


@penalty
class KL(ActivationPenalty):
    """`strength * sum_j KL(target || mean_j)`: penalizes units whose mean activation differs from `target`.

    `KL = target log(target / mean_j) + (1 - target) log((1 - target) / (1 - mean_j))`, where `mean_j` is the mean of
    unit `j` (the last axis) over the samples that count, and time and space, clipped to [1e-6, 1 - 1e-6]. The sum
    is over units. It is a statistic of the batch: nothing is divided by the batch size again.

    Args:
        strength: float ≥ 0, list of floats, `bridle.grid`, `bridle.schedule`, or `"auto"` (default), tuned by a study.
        target: float between 0 and 1, the mean activation to reach.

    Errors: `InputError` for a negative or infinite strength, for text, and for an empty list; for a target outside of
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
        self.target = read_real(target, "kl(target=…)", expected, low=MEAN_MARGIN, high=1 - MEAN_MARGIN)
        super().__init__(strength)

    def activation_values(self, x: Any, mask: Any = None) -> tuple[Any, ...]:
        means, count = _means(x, mask)
        means = ops.clip(means, MEAN_MARGIN, 1 - MEAN_MARGIN)
        negative_entropy = self.target * math.log(self.target) + (1 - self.target) * math.log(1 - self.target)
        divergence = negative_entropy - self.target * ops.log(means) - (1 - self.target) * ops.log(1 - means)
        return (ops.sum(ops.maximum(divergence, 0.0)) * ops.minimum(count, 1.0),)


@penalty
class MeanActivation(ActivationPenalty):
    """`strength * sum_j (mean_j - target)^2`: pulls the mean activation of each unit to a target.

    `mean_j` is the mean of unit `j` (the last axis) over the samples that count, and time and space. The sum is over
    units. It is a statistic of the batch: nothing is divided by the batch size again. Unlike `KL` it takes
    activations of any range.

    Args:
        strength: float ≥ 0, list of floats, `bridle.grid`, `bridle.schedule`, or `"auto"` (default), tuned by a study.
        target: float, the mean activation to reach.

    Errors: `InputError` for a negative or infinite strength, for text, and for an empty list; for a target that is not
    finite; for a weight.

    >>> import bridle
    >>> float(bridle.MeanActivation(1.0, target=0.5).activation_values([[0.0, 2.0], [1.0, 0.0]])[0])
    0.25

    Source: Lee, Ekanadham and Ng, "Sparse deep belief net model for visual area V2", NeurIPS 2007.

    """

    names = ("strength",)
    kind = "meanactivation"
    options = ("target",)

    def __init__(self, strength: object = "auto", *, target: float = 0.05) -> None:
        self.target = read_real(target, "meanactivation(target=…)", "a finite number, such as 0.05")
        super().__init__(strength)

    def activation_values(self, x: Any, mask: Any = None) -> tuple[Any, ...]:
        means, count = _means(x, mask)
        return (ops.sum(ops.square(means - self.target)) * ops.minimum(count, 1.0),)


@penalty
class Decorrelation(ActivationPenalty):
    """`strength * 1/2 (||C||_F^2 - ||diag C||^2)`: penalizes the covariance of units.

    `C` is the covariance of the units (the last axis) over the samples that count, and time and space, divided by
    their number. The sum is over pairs of different units. It is a statistic of the batch: nothing is divided by
    the batch size again.

    Args:
        strength: float ≥ 0, list of floats, `bridle.grid`, `bridle.schedule`, or `"auto"` (default), tuned by a study.

    Errors: `InputError` for a negative or infinite strength, for text, and for an empty list; for a weight.

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

    def activation_values(self, x: Any, mask: Any = None) -> tuple[Any, ...]:
        rows, counted = _rows(x, mask)
        count = ops.maximum(ops.sum(counted), 1.0)
        centered = (rows - ops.sum(rows * counted, axis=0) / count) * counted
        covariance = ops.matmul(ops.transpose(centered), centered) / count
        off_diagonal = 1.0 - ops.eye(rows.shape[-1], dtype=rows.dtype)
        return (0.5 * ops.sum(ops.square(covariance) * off_diagonal),)


def _means(x: Any, mask: Any) -> tuple[Any, Any]:
    """Return the mean of each unit over the rows that count, and their number."""
    rows, counted = _rows(x, mask)
    count = ops.sum(counted)
    return ops.sum(rows * counted, axis=0) / ops.maximum(count, 1.0), count


def _rows(x: Any, mask: Any) -> tuple[Any, Any]:
    """Return an activation as (row, unit), a row per sample, time step and position; and its mask as (row, 1)."""
    x = at_least_float32(x)
    if len(x.shape) == (1 if mask is None else len(mask.shape)):
        x = ops.expand_dims(x, -1)
    counted = ops.ones_like(x[..., :1]) * broadcast_mask(mask, x)
    return ops.reshape(x, (-1, x.shape[-1])), ops.reshape(counted, (-1, 1))
