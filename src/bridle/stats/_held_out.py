"""Check of a gain on held-out rows: does chance explain how far the difference there is from the gain?"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from bridle.results import StudyResult
from bridle.stats._compare import Comparison
from bridle.stats._intervals import t_quantile
from bridle.stats._rows import RowTable
from bridle.stats._summary import nan_mean

MAX_DEGREES = 1e6
"""Degrees of freedom from which on Student's t is the normal distribution."""


@dataclass(frozen=True)
class HeldOutCheck:
    """Difference to no penalty on held-out rows, next to the gain over the folds; positive is better."""

    difference: float
    """The mean difference of the refits, paired by seed."""
    error: float
    """The standard error of its distance from the gain; NaN if it is unknown."""
    rows: int
    """The number of held-out rows."""
    explained: bool
    """True if chance explains the distance from the gain at the level of its interval, or if that is unknown."""


def check_held_out(
    result: StudyResult, table: RowTable | None, gain: Comparison, candidates: tuple[int, int], name: str
) -> HeldOutCheck | None:
    """Compare the difference of two candidates on held-out rows with a gain over the folds.

    With g the gain, t the difference of k refits on m held-out rows, s² the variance of the differences of single
    validation rows between the two candidates and v² that between seeds: the distance `t - g` has the variance
    `e² + s² / m + v² / k`. The standard error e of the gain is that of its interval on the side of t. Without scores of
    rows, the variance between folds of n₂ validation rows stands for s² / n₂.

    Args:
        result: the measurements of the study.
        table: the scores of single rows, if there are any.
        gain: the difference over the folds, with its interval.
        candidates: the candidate with a penalty, and that without.
        name: the part of the held-out rows.

    Returns: the check; None for a gain without an interval over rows or folds, and where the refits are missing.

    """
    held_out = result.held_out_scores(name)
    sign = 1.0 if result.score.maximize else -1.0
    paired = sign * (held_out[candidates[0]] - held_out[candidates[1]])
    paired = paired[np.isfinite(paired)]
    if not len(paired) or gain.over == "seeds" or not math.isfinite(gain.low):
        return None
    difference, rows = float(paired.mean()), int(result.held_out_rows[name])
    side = gain.difference - gain.low if difference < gain.difference else gain.high - gain.difference
    quantile = t_quantile(0.5 + gain.level / 2, MAX_DEGREES)
    variance = (side / quantile) ** 2 + _variance_of_row(result, table, candidates) / max(rows, 1)
    variance += _variance_of_seed(result, candidates) / len(paired)
    error = math.sqrt(variance) if math.isfinite(variance) else math.nan
    explained = not abs(difference - gain.difference) > quantile * error
    return HeldOutCheck(difference, error, rows, explained)


def _variance_of_row(result: StudyResult, table: RowTable | None, candidates: tuple[int, int]) -> float:
    """Return the variance of the difference of a single row between two candidates, averaged over seeds."""
    if table is not None:
        arm, none = (table.scores[candidate] for candidate in candidates)
        means = nan_mean(arm - none, 0)
        used = np.isfinite(means) & (table.shares > 0)
        return _weighted_variance(means[used], table.shares[used])
    scores = result.scores()
    folds = nan_mean(scores[candidates[0]] - scores[candidates[1]], 0)
    folds = folds[np.isfinite(folds)]
    return float(folds.var(ddof=1) * result.fold_rows[:, 1].mean()) if len(folds) > 1 else math.nan


def _variance_of_seed(result: StudyResult, candidates: tuple[int, int]) -> float:
    """Return the variance of the difference between seeds within a fold, averaged over folds; 0 for one seed."""
    scores = result.scores()
    differences = scores[candidates[0]] - scores[candidates[1]]
    counts = np.isfinite(differences).sum(axis=0)
    if not (counts > 1).any():
        return 0.0
    return float(np.nanvar(differences[:, counts > 1], axis=0, ddof=1).mean())


def _weighted_variance(values: Float[np.ndarray, "row"], weights: Float[np.ndarray, "row"]) -> float:
    shares = weights / weights.sum()
    return float((shares * (values - (shares * values).sum()) ** 2).sum())
