"""Paired comparison on the scores of single rows, with an interval that accounts for shared training rows."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from bridle.results import ALL_ROWS, StudyResult
from bridle.stats._compare import EVEN, FEW, MIN_DIFFERENCES, ROUNDING_SHARE, SAME, WIDE, Comparison
from bridle.stats._intervals import invert_skew, remove_skew, t_quantile, t_tail
from bridle.stats._select import select_strength
from bridle.stats._summary import nan_mean, summarize

OVERLAP = 1.2
"""The factor of the variance for training rows that the fits share; calibrated by simulation (benchmarks.power)."""
INSTABILITY = 0.5
"""The part of the variance between the fits of one row that no average removes; calibrated in the same way."""
DEPENDENT_ROWS = "dependent rows"
"""The entry of the provenance that says why the rows of a study are not independent: in groups, or in time order."""

Rule = Callable[[Float[np.ndarray, "candidate seed fold"]], int | None]
"""A rule of selection: the candidate to use, from the scores of some rows; None if nothing finished."""


@dataclass(frozen=True)
class RowTable:
    """Scores of single rows by candidate, seed and fold, in the units of the score."""

    scores: Float[np.ndarray, "candidate seed fold position"]
    """NaN after the last row of a fold, and for fits that did not finish."""
    rows: Int[np.ndarray, "fold position"]
    """The index of the row; -1 after the last row of the fold."""
    shares: Float[np.ndarray, "fold position"]
    """The weight of the row in the mean over folds, w / (K W): they sum to 1."""

    def outside(self, fold: int) -> Float[np.ndarray, "candidate seed fold"]:
        """Return the scores of all folds on the rows that `fold` does not validate; NaN where no row is left."""
        inside = np.isin(self.rows, self.rows[fold][self.rows[fold] >= 0])
        shares = np.where(inside, 0.0, self.shares)
        total = shares.sum(axis=1)
        left = np.flatnonzero(total > 0)
        means = np.full(self.scores.shape[:3], np.nan)
        values = np.where(shares[left] > 0, self.scores[:, :, left], 0.0)
        means[:, :, left] = np.einsum("csfp,fp->csf", values, shares[left] / total[left, None])
        return means

    def choose(self, rule: Rule) -> list[int | None]:
        """Return what a rule selects for each fold, from the rows that the fold does not validate."""
        return [rule(self.outside(fold)) for fold in range(len(self.rows))]

    def take(self, candidates: list[int | None]) -> Float[np.ndarray, "seed fold position"]:
        """Return the scores of one candidate for each fold; NaN for a fold without."""
        table = np.full(self.scores.shape[1:], np.nan)
        for fold, candidate in enumerate(candidates):
            if candidate is not None:
                table[:, fold] = self.scores[candidate, :, fold]
        return table


def best_of(path: Int[np.ndarray, "point"], *, maximize: bool) -> Rule:
    """Return the rule that selects the best mean of some candidates, the first on a tie."""

    def rule(scores: Float[np.ndarray, "candidate seed fold"]) -> int | None:
        choice = select_strength(path, summarize(scores), maximize=maximize)
        return None if choice is None else choice.best

    return rule


def read_rows(result: StudyResult) -> RowTable | None:
    """Return the row scores of a study; None where there are none, or where its rows are not independent."""
    scores, members = result.row_scores, result.members
    if scores is None or result.folds == 1 or result.provenance.get(DEPENDENT_ROWS):
        return None
    totals = scores.weights.sum(axis=1, keepdims=True)
    if (totals <= 0).any():
        return None
    table = np.full((len(result.setting_arm), len(result.seeds), *scores.rows.shape), np.nan)
    used = np.flatnonzero((members.fold != ALL_ROWS) & members.finished)
    seeds = np.searchsorted(result.seeds, members.seed[used])
    table[members.setting[used], seeds, members.fold[used]] = scores.values[used]
    return RowTable(table, scores.rows, scores.weights / totals / len(totals))


@dataclass(frozen=True)
class _Moments:
    """Mean, variance and skewness of an estimate, and the number of its rows."""

    mean: float
    variance: float
    skewness: float
    rows: int
    largest: float
    """The largest difference of a row."""


def compare_rows(
    arm: Float[np.ndarray, "seed fold position"],
    none: Float[np.ndarray, "seed fold position"],
    table: RowTable,
    *,
    level: float = 0.95,
    share: bool = False,
    widest: float = np.inf,
) -> Comparison:
    """Return the mean paired difference `arm - none` and its interval, from the scores of single rows.

    With `d_i` the difference of row i, averaged over seeds and over the folds that validate it, n rows and `u_i` their
    weights, which sum to 1: `d = sum_i u_i d_i`, with variance
    `OVERLAP * (n / (n - 1) sum_i u_i^2 (d_i - d)^2 + INSTABILITY * sum_i u_i^2 v_i)`. `v_i` is the variance of the
    differences of one row between the fits that validate it: networks whose difference varies with the seed and the
    partition vary with the rows that were drawn as well, which all fits share and no average removes. With one fit for
    each row, `v_i` is half of `(d_i - d)^2`. The interval is Student's with n - 1 degrees of freedom, after
    Hall's transformation for skewness, for the differences of a log loss have a long tail.

    Args:
        arm, none: scores; NaN if a fit diverged.
        table: the rows and weights.
        level: the confidence level.
        share: row scores are hits. The variance is then increased by `1 / n^2`, half a row in each cell that differs
            (Agresti and Min), since few rows have few possible differences.
        widest: the largest possible difference, to which intervals are cut.

    Source: Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52, 2003, has the problem;
    Hall, "On the removal of skewness by transformation", Journal of the Royal Statistical Society B 54, 1992; Agresti
    and Min, "Simple improved confidence intervals for comparing matched proportions", Statistics in Medicine 24, 2005.

    """
    moments = _moments(arm - none, table)
    size = max(float(np.nanmax(np.abs(side), initial=0.0)) for side in (arm, none)) if moments.rows else 0.0
    rounding = ROUNDING_SHARE * size

    def without(reason: str) -> Comparison:
        p_value = 1.0 if reason == SAME else np.nan
        return Comparison(moments.mean, np.nan, np.nan, p_value, level, "rows", moments.rows, reason)

    if moments.rows and moments.largest <= rounding:
        return without(SAME)
    if moments.rows < MIN_DIFFERENCES:
        return without(FEW)
    if np.sqrt(moments.variance * moments.rows) <= rounding:
        return without(EVEN)
    error = float(np.sqrt(moments.variance + (moments.rows**-2 if share else 0.0)))
    quantile, degrees = t_quantile(0.5 + level / 2, moments.rows - 1), moments.rows - 1
    low, high = (moments.mean - invert_skew(end, moments.skewness) * error for end in (quantile, -quantile))
    if low <= -widest and high >= widest:
        return without(WIDE)
    p_value = 2 * t_tail(abs(remove_skew(moments.mean / error, moments.skewness)), degrees)
    return Comparison(moments.mean, max(low, -widest), min(high, widest), p_value, level, "rows", moments.rows)


def _moments(paired: Float[np.ndarray, "seed fold position"], table: RowTable) -> _Moments:
    means = nan_mean(paired, axis=0)
    used = np.isfinite(means) & (table.shares > 0)
    if not used.any():
        return _Moments(np.nan, np.nan, 0.0, 0, 0.0)
    rows, shares = table.rows[used], table.shares[used] / table.shares[used].sum()
    mean = float((shares * means[used]).sum())
    size = int(rows.max()) + 1
    parts = np.bincount(rows, shares * (means[used] - mean), size)
    weights = np.bincount(rows, shares, size)
    count = int((weights > 0).sum())
    squares = float((parts**2).sum())
    fits = paired[:, used]
    finite = np.isfinite(fits)
    number, total, square = (
        np.bincount(rows, values.sum(axis=0), size)
        for values in (finite, np.where(finite, fits, 0.0), np.where(finite, fits, 0.0) ** 2)
    )
    several = number > 1
    between = (square[several] - total[several] ** 2 / number[several]) / (number[several] - 1)
    instability = float((weights[several] ** 2 * np.maximum(between, 0.0)).sum()) if several.any() else squares / 2
    variance = OVERLAP * (squares * count / max(count - 1, 1) + INSTABILITY * instability)
    skewness = float((parts**3).sum() / squares**1.5) if squares > 0 else 0.0
    return _Moments(mean, variance, skewness, count, float(np.nanmax(np.abs(fits))))
