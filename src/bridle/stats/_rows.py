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

TAIL_SHARE = 1.5
"""The skewness of the distribution, as a multiple of that of a sample, which lacks its rare rows."""
MIN_GROUPS = 2
"""The number of folds or seeds from which a variance between them can be computed."""
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
    overlap: float
    """N / n1, for N rows of which each fit trains on n1."""

    def outside(self) -> list[Float[np.ndarray, "candidate seed fold"]]:
        """Return, for each fold, the scores of all folds on the rows that it does not validate.

        NaN stands where no row is left. Folds that share no row with the fold have their whole score.
        """
        whole = self._means(np.arange(len(self.rows)), self.shares)
        tables: list[Float[np.ndarray, "candidate seed fold"]] = []
        for fold in range(len(self.rows)):
            inside = np.isin(self.rows, self.rows[fold][self.rows[fold] >= 0])
            touched = np.flatnonzero(inside.any(axis=1))
            means = whole.copy()
            means[:, :, touched] = self._means(touched, np.where(inside, 0.0, self.shares)[touched])
            tables.append(means)
        return tables

    def _means(
        self, folds: Int[np.ndarray, "part"], shares: Float[np.ndarray, "part position"]
    ) -> Float[np.ndarray, "candidate seed part"]:
        """Return the scores of some folds on the rows with a share; NaN for a fold without."""
        totals = shares.sum(axis=1)
        values = np.where(shares > 0, self.scores[:, :, folds], 0.0)
        sums = np.einsum("csfp,fp->csf", values, shares)
        return np.where(totals > 0, sums / np.where(totals > 0, totals, 1.0), np.nan)

    def choose(self, rule: Rule) -> list[int | None]:
        """Return what a rule selects for each fold, from the rows that the fold does not validate."""
        return [rule(table) for table in self.outside()]

    def mean(self, scores: Float[np.ndarray, "seed fold position"]) -> float:
        """Return the weighted mean of row scores, averaged over seeds first; NaN if there are none."""
        means = nan_mean(scores, axis=0)
        used = np.isfinite(means) & (self.shares > 0)
        return float((self.shares[used] * means[used]).sum() / self.shares[used].sum()) if used.any() else float("nan")

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
    table = np.full((len(result.setting_arm), len(result.seeds), *scores.rows.shape), np.nan, np.float32)
    used = np.flatnonzero((members.fold != ALL_ROWS) & members.finished)
    seeds = np.searchsorted(result.seeds, members.seed[used])
    table[members.setting[used], seeds, members.fold[used]] = scores.values[used]
    if np.isnan(table[..., 0][np.isfinite(result.scores())]).any():
        return None
    train, validation = result.fold_rows.mean(axis=0)
    overlap = float((train + validation) / train)
    return RowTable(table, scores.rows, scores.weights / totals / len(totals), overlap)


@dataclass(frozen=True)
class _Moments:
    """Mean, variance and skewness of an estimate from n rows, each validated by about `fits` fits."""

    mean: float
    variance: float
    """Of the mean of independent rows."""
    shared: tuple[tuple[float, int], tuple[float, int]]
    """What the rows of a fold share, and the fits of a seed: variances with degrees of freedom."""
    skewness: float
    rows: int
    fits: float
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
    weights, which sum to 1: `d = sum_i u_i d_i`, with variance `(1 + N / n1) R + F + S`:

    * `R = n / (n - 1) * sum_i u_i^2 (d_i - d)^2`, for N rows of which each fit trains on n1. The 1 is for the rows as
      those that judge, N / n1 for the same rows as those that train: the correction of Nadeau and Bengio, applied to
      rows instead of folds.
    * `F` and `S`, for what the rows of a fold share (the network that judges them) and the fits of a seed (the initial
      weights): the variance of the differences of folds, or of seeds, divided by their number, as far as it is larger
      than for independent rows.

    The interval is Student's, with Satterthwaite's degrees of freedom of n - 1, folds - 1 and seeds - 1, after Hall's
    transformation: the differences of a log loss are skewed. The end on the side of the longer tail is moved outwards
    by more, since a sample rarely has its share of the largest differences.

    Args:
        arm, none: scores; NaN if a fit diverged.
        table: the rows and weights.
        level: the confidence level.
        share: row scores are hits, so that few rows have few possible differences. The variance is then increased by
            `1 / (m n^2)`, with m fits for each row: for m = 1, half a row in each cell that differs (Agresti and Min).
        widest: the largest possible difference, to which intervals are cut.

    Source: Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52, 2003; Hall, "On the
    removal of skewness by transformation", Journal of the Royal Statistical Society B 54, 1992; Agresti and Min,
    "Simple improved confidence intervals for comparing matched proportions", Statistics in Medicine 24, 2005.

    """
    moments = _moments(arm - none, table)
    count, mean = moments.rows, moments.mean
    size = max(float(np.nanmax(np.abs(side), initial=0.0)) for side in (arm, none)) if count else 0.0
    rounding = ROUNDING_SHARE * size

    def without(reason: str) -> Comparison:
        p_value = 1.0 if reason == SAME else np.nan
        return Comparison(mean, np.nan, np.nan, p_value, level, "rows", count, reason)

    if count and moments.largest <= rounding:
        return without(SAME)
    if count < MIN_DIFFERENCES:
        return without(FEW)
    if np.sqrt(moments.variance * count) <= rounding:
        return without(EVEN)
    least = 1 / (moments.fits * count**2) if share else 0.0
    row_part = (1 + table.overlap) * moments.variance + least
    total = row_part + sum(variance for variance, _ in moments.shared)
    error = float(np.sqrt(total))
    parts = ((row_part, count - 1), *moments.shared)
    degrees = total**2 / sum(variance**2 / max(freedom, 1) for variance, freedom in parts)
    quantile = t_quantile(0.5 + level / 2, degrees)
    low = mean - invert_skew(quantile, _tail(moments.skewness)) * error
    high = mean + invert_skew(quantile, _tail(-moments.skewness)) * error
    if low <= -widest and high >= widest:
        return without(WIDE)
    toward_zero = _tail(moments.skewness if mean > 0 else -moments.skewness)
    p_value = min(1.0, 2 * t_tail(remove_skew(abs(mean) / error, toward_zero), degrees))
    return Comparison(mean, max(low, -widest), min(high, widest), p_value, level, "rows", count)


def _tail(skewness: float) -> float:
    """Return the skewness that an end below the mean is moved by, for one of the mean."""
    return skewness if skewness > 0 else TAIL_SHARE * skewness


def _moments(paired: Float[np.ndarray, "seed fold position"], table: RowTable) -> _Moments:
    means = nan_mean(paired, axis=0)
    used = np.isfinite(means) & (table.shares > 0)
    if not used.any():
        return _Moments(np.nan, np.nan, ((0.0, 0), (0.0, 0)), 0.0, 0, 0.0, 0.0)
    rows, shares = table.rows[used], table.shares[used] / table.shares[used].sum()
    mean = float((shares * means[used]).sum())
    parts = np.bincount(rows, shares * (means[used] - mean))
    count = int((np.bincount(rows) > 0).sum())
    squares = float((parts**2).sum())
    skewness = float((parts**3).sum() / squares**1.5) if squares > 0 else 0.0
    fits = float(np.isfinite(paired[:, used]).sum() / count)
    variance = squares * count / max(count - 1, 1)
    folds = _excess(np.swapaxes(paired, 0, 1), table.shares[:, None], variance)
    seeds = _excess(paired, table.shares[None], _variance_of_fits(paired[:, used], rows, shares))
    largest = float(np.nanmax(np.abs(paired[:, used])))
    return _Moments(mean, variance, (folds, seeds), skewness, count, fits, largest)


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
) -> tuple[float, int]:
    """Return the variance of the mean over groups beyond `alone`, that of independent rows; and degrees of freedom."""
    weights = np.where(np.isfinite(paired), shares, 0.0)
    totals = weights.sum(axis=(1, 2))
    means = (weights * np.nan_to_num(paired)).sum(axis=(1, 2))[totals > 0] / totals[totals > 0]
    if len(means) < MIN_GROUPS:
        return 0.0, 0
    return max(0.0, float(means.var(ddof=1) / len(means)) - alone), len(means) - 1
