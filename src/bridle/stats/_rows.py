"""Paired comparison on the scores of single rows, with an interval that accounts for shared training rows."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from bridle.results import ALL_ROWS, StudyResult
from bridle.stats._compare import EVEN, FEW, MIN_DIFFERENCES, ROUNDING_SHARE, SAME, WIDE, Comparison
from bridle.stats._intervals import invert_skew, remove_skew, t_quantile, t_tail
from bridle.stats._looks import Looks, level_of_look, p_of_look, read_looks
from bridle.stats._row_variance import row_moments, with_another_label
from bridle.stats._select import select_strength
from bridle.stats._summary import nan_mean, summarize

DEPENDENT_ROWS = "dependent rows"
"""The entry of the provenance that says why the rows of a study are not independent: in groups, or in time order."""
SET_ASIDE = "rows set aside"
"""The fact with the rows of a fit that arms set aside to stop early: `{arm: [rows set aside, of rows]}`."""
LOG_LOSS = "log loss"
"""The entry of the provenance that is True if the score of a row is its log loss."""

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
    log_loss: bool = False
    """True if each score is the log loss of one row."""
    looks: Looks = field(default_factory=Looks)
    """The answers to this question, from fewer and more seeds."""

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
    shares = scores.weights / totals / len(totals)
    is_log_loss = result.provenance.get(LOG_LOSS) is True
    return RowTable(table, scores.rows, shares, overlap, is_log_loss, read_looks(result))


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
    weights, which sum to 1: `d = sum_i u_i d_i`, with variance `R + N / n1 (R - C) + F + S`:

    * `R = n / (n - 1) * sum_i u_i^2 (d_i - d)^2`, for the rows as those that judge.
    * `N / n1 (R - C)`, for the same rows as those that train, N rows of which each fit trains on n1: the correction of
      Nadeau and Bengio, applied to rows instead of folds. `C` is the part of `R` that comes from the seeds, estimated
      from the fits of the same fold. What chance gives a row, the rows that train do not repeat.
    * `F` and `S`, for what the rows of a fold share (the network that judges them) and the fits of a seed (the initial
      weights): the variance of the differences of folds, or of seeds, divided by their number, as far as it is larger
      than for independent rows.

    The interval is Student's, with Satterthwaite's degrees of freedom of n - 1, folds - 1 and seeds - 1, after Hall's
    transformation for the skewness of the sample. `F` and `S` are differences of variances, and vary as much as the
    larger of the two.

    Where the question is answered several times, with more seeds each, the interval is that of `level_of_look`.

    Args:
        arm, none: scores; NaN if a fit diverged.
        table: the rows and weights.
        level: the confidence level.
        share: row scores are hits, so that few rows have few possible differences. The variance is then increased by
            `1 / (m n^2)`, with m fits for each row: for m = 1, half a row in each cell that differs (Agresti and Min).
            Where row scores are log losses, half a row with another label is added for the same reason, to the variance
            and the skewness: few rows seldom have their share of sure predictions that are wrong.
        widest: the largest possible difference, to which intervals are cut.

    Source: Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52, 2003; Hall, "On the
    removal of skewness by transformation", Journal of the Royal Statistical Society B 54, 1992; Agresti and Min,
    "Simple improved confidence intervals for comparing matched proportions", Statistics in Medicine 24, 2005.

    """
    moments = row_moments(arm - none, table.rows, table.shares, _other_label(arm, none) if table.log_loss else None)
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
    least = moments.other_label + (1 / (moments.fits * count**2) if share else 0.0)
    row_part = moments.variance + table.overlap * max(moments.variance - moments.chance, 0.0) + least
    total = row_part + moments.folds.excess + moments.seeds.excess
    error = float(np.sqrt(total))
    degrees = total**2 / (row_part**2 / (count - 1) + moments.folds.spread + moments.seeds.spread)
    present = int(np.isfinite(arm - none).any(axis=(1, 2)).sum()), (moments.chance + moments.seeds.excess) / total
    times, time = table.looks.times(*present), table.looks.time(*present)
    quantile = t_quantile(0.5 + level_of_look(level, times, time) / 2, degrees)
    low = mean - invert_skew(quantile, moments.skewness) * error
    high = mean + invert_skew(quantile, -moments.skewness) * error
    if low <= -widest and high >= widest:
        return without(WIDE)
    toward_zero = moments.skewness if mean > 0 else -moments.skewness
    single = min(1.0, 2 * t_tail(remove_skew(abs(mean) / error, toward_zero), degrees))
    p_value = p_of_look(single, times, time)
    return Comparison(mean, max(low, -widest), min(high, widest), p_value, level, "rows", count)


def _other_label(
    arm: Float[np.ndarray, "seed fold position"], none: Float[np.ndarray, "seed fold position"]
) -> Float[np.ndarray, "seed fold position"]:
    """Return the differences of log losses that rows would have with another label, positive where `arm` is better."""
    return with_another_label(-none) - with_another_label(-arm)
