"""Means and errors of scores, without NaN: seeds are averaged within a fold, errors are taken across folds."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float


def nan_mean(values: np.ndarray, axis: int | tuple[int, ...]) -> np.ndarray:
    """Return the mean of the finite values along `axis`."""
    finite = np.isfinite(values)
    count = finite.sum(axis=axis)
    total = np.where(finite, values, 0.0).sum(axis=axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def nan_sd(values: np.ndarray, axis: int) -> np.ndarray:
    """Return the standard deviation (n - 1 in the denominator) of the finite values along `axis`."""
    finite = np.isfinite(values)
    count = finite.sum(axis=axis)
    centre = np.expand_dims(nan_mean(values, axis), axis)
    squares = np.where(finite, values - centre, 0.0) ** 2
    return np.where(count > 1, np.sqrt(squares.sum(axis=axis) / np.maximum(count - 1, 1)), np.nan)


@dataclass(frozen=True)
class Summary:
    """Statistics of each candidate; NaN if nothing finished or where one fold gives no error."""

    mean: Float[np.ndarray, "candidate"]
    error: Float[np.ndarray, "candidate"]
    """Standard error of the mean across folds."""
    seed_sd: Float[np.ndarray, "candidate"]
    """Standard deviation, over seeds, of the mean over folds: what one more seed would change."""
    complete: Bool[np.ndarray, "candidate"]
    """True if every fit of the candidate has a score, in the folds where any fit has one."""


def summarize(scores: Float[np.ndarray, "candidate seed fold"]) -> Summary:
    """Reduce scores to a mean, a standard error and a spread over seeds, for every candidate.

    With `m_f` the mean over seeds within fold f, of K folds: `mean = (1/K) sum_f m_f` and
    `error = sqrt(sum_f (m_f - mean)^2 / (K - 1)) / sqrt(K)`, the rule of glmnet.

    >>> import numpy as np
    >>> s = summarize(np.array([[[0.8, 0.6], [1.0, 0.6]]]))
    >>> round(float(s.mean[0]), 3), round(float(s.error[0]), 3)
    (0.75, 0.15)

    Source: Friedman, Hastie and Tibshirani, "Regularization paths for generalized linear models via
    coordinate descent", Journal of Statistical Software 33(1), 2010.
    """
    by_fold = nan_mean(scores, axis=1)
    folds = np.sum(np.isfinite(by_fold), axis=1)
    return Summary(
        mean=_plain(nan_mean(by_fold, axis=1)),
        error=nan_sd(by_fold, axis=1) / np.sqrt(np.maximum(folds, 1)),
        seed_sd=nan_sd(nan_mean(scores, axis=2), axis=1),
        complete=np.all(np.isfinite(scores) | ~np.any(np.isfinite(scores), axis=(0, 1)), axis=(1, 2)),
    )


def _plain(values: Float[np.ndarray, "candidate"]) -> Float[np.ndarray, "candidate"]:
    """Round means to 7 significant digits, the precision of a score, so that rounding cannot break a tie."""
    return np.array([float(f"{value:.7g}") for value in values])
