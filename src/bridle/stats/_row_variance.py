"""Mean, variance and skewness of an estimate from single rows, with what folds and seeds share."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from bridle.stats._summary import nan_mean

MIN_GROUPS = 2
"""The number of folds or seeds from which a variance between them can be computed."""
OTHER_LABEL = 0.5
"""The number of rows with another label that a log loss adds, as Agresti and Min do for each cell of a table."""
SMALLEST_LOSS = 1e-7
"""The log loss of a sure prediction, below which Keras cuts probabilities."""


@dataclass(frozen=True)
class Part:
    """Part of a variance, as the difference of two: that of groups beyond that of their independent rows."""

    excess: float
    """Zero if groups vary no more than their rows."""
    alone: float
    degrees: int

    @property
    def spread(self) -> float:
        """Half the variance of `excess`, from that of the larger of both variances."""
        return (self.excess + self.alone) ** 2 / max(self.degrees, 1) if self.excess > 0 else 0.0


@dataclass(frozen=True)
class Moments:
    """Mean, variance and skewness of an estimate from n rows, each validated by about `fits` fits."""

    mean: float
    variance: float
    """Of the mean of independent rows."""
    chance: float
    """The part of `variance` that differs between fits of the same fold: it comes from seeds, not from rows."""
    folds: Part
    """What the rows of a fold share."""
    seeds: Part
    """What the fits of a seed share."""
    skewness: float
    rows: int
    fits: float
    largest: float
    """The largest difference of a row."""
    other_label: float = 0.0
    """The variance that half a row with another label adds."""


def row_moments(
    paired: Float[np.ndarray, "seed fold position"],
    rows: Int[np.ndarray, "fold position"],
    shares: Float[np.ndarray, "fold position"],
    other: Float[np.ndarray, "seed fold position"] | None = None,
) -> Moments:
    """Return the moments of the mean of paired differences.

    Args:
        paired: differences; NaN if a fit diverged.
        rows: the index of the row; -1 where there is none.
        shares: the weight of the row in the mean.
        other: the differences that rows would have with another label; half a row of these is added.

    """
    means = nan_mean(paired, axis=0)
    used = np.isfinite(means) & (shares > 0)
    if not used.any():
        nothing = Part(0.0, 0.0, 0)
        return Moments(np.nan, np.nan, 0.0, nothing, nothing, 0.0, 0, 0.0, 0.0)
    index, weights = rows[used], shares[used] / shares[used].sum()
    mean = float((weights * means[used]).sum())
    parts = np.bincount(index, weights * (means[used] - mean))
    count = int((np.bincount(index) > 0).sum())
    squares, cubes = float((parts**2).sum()), float((parts**3).sum())
    independent = squares * count / max(count - 1, 1)
    fits = float(np.isfinite(paired[:, used]).sum() / count)
    folds = _excess(np.swapaxes(paired, 0, 1), shares[:, None], independent)
    seeds = _excess(paired, shares[None], _variance_of_fits(paired[:, used], index, weights))
    added = 0.0
    if other is not None:
        extra = (nan_mean(other, axis=0)[used] - mean) / count
        added = OTHER_LABEL * float((weights * extra**2).sum())
        cubes += OTHER_LABEL * float((weights * extra**3).sum())
    total = squares + added
    return Moments(
        mean,
        independent,
        _variance_of_fits(paired[:, used], np.arange(len(index)), weights),
        folds,
        seeds,
        cubes / total**1.5 if total > 0 else 0.0,
        count,
        fits,
        float(np.nanmax(np.abs(paired[:, used]))),
        added,
    )


def with_another_label(losses: Float[np.ndarray, "*any"]) -> Float[np.ndarray, "*any"]:
    """Return the least log loss that each row would have with another label: -log(1 - p), for a loss -log(p).

    >>> import numpy as np
    >>> with_another_label(-np.log(np.array([0.8, 0.5]))).round(3)
    array([1.609, 0.693])
    """
    return -np.log(-np.expm1(-np.maximum(losses, SMALLEST_LOSS)))


def _variance_of_fits(
    fits: Float[np.ndarray, "seed cell"], rows: Int[np.ndarray, "cell"], shares: Float[np.ndarray, "cell"]
) -> float:
    """Return the variance of the mean that comes from the fits of single rows, as if all were independent."""
    finite = np.isfinite(fits)
    values = np.where(finite, fits, 0.0)
    number, total, square = (np.bincount(rows, part.sum(axis=0)) for part in (finite, values, values**2))
    weights, several = np.bincount(rows, shares), number > 1
    between = (square[several] - total[several] ** 2 / number[several]) / (number[several] - 1)
    return float((weights[several] ** 2 * np.maximum(between, 0.0) / number[several]).sum())


def _excess(
    paired: Float[np.ndarray, "group part position"], shares: Float[np.ndarray, "#group part position"], alone: float
) -> Part:
    """Return the variance of the mean over groups beyond `alone`, that of independent rows."""
    weights = np.where(np.isfinite(paired), shares, 0.0)
    totals = weights.sum(axis=(1, 2))
    means = (weights * np.nan_to_num(paired)).sum(axis=(1, 2))[totals > 0] / totals[totals > 0]
    if len(means) < MIN_GROUPS:
        return Part(0.0, alone, 0)
    return Part(max(0.0, float(means.var(ddof=1) / len(means)) - alone), alone, len(means) - 1)
