"""Paired comparison of an arm with none, with an interval that accounts for shared training rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from bridle.stats._intervals import t_quantile, t_tail
from bridle.stats._summary import nan_mean

MIN_DIFFERENCES = 3
"""The number of folds, or of seeds of one validation set, below which there is no interval."""
ROUNDING_SHARE = 1e-5
"""Differences below this share of the largest score are rounding of single precision."""
MAX_COUNTED_ROWS = 10_000
"""The number of rows up to which single precision tells a count of rows from another number."""
FEW = "few"
"""The interval is missing: too few differences."""
SAME = "same"
"""The interval is missing: the scores are equal in all folds or seeds."""
EVEN = "even"
"""The interval is missing: the difference is equal in all folds or seeds."""
WIDE = "wide"
"""The interval is missing: it would contain every possible difference."""


@dataclass(frozen=True)
class Comparison:
    """The difference of one arm to another, in the units of the score; NaN if it is unknown."""

    difference: float
    low: float
    high: float
    p_value: float
    level: float
    """The confidence level of (low, high), after any correction over arms."""
    over: str
    """The unit of replication of the interval: 'rows', 'folds' or 'seeds'."""
    count: int = 0
    """The number of rows, folds or seeds with a difference."""
    missing: str = ""
    """The reason for an interval that is NaN: 'few' of these units, the 'same' score in all of them, an 'even'
    difference in all of them, or so 'wide' that it holds every possible difference."""

    @property
    def clear(self) -> bool:
        """True if the interval excludes zero."""
        return self.low > 0 or self.high < 0


def is_share(scores: Float[np.ndarray, "*any fold"], fold_rows: Int[np.ndarray, "fold 2"]) -> bool:
    """Return True if every score is a count of validation rows divided by their number, as an accuracy is.

    >>> import numpy as np
    >>> rows = np.array([[80, 20], [80, 20]])
    >>> is_share(np.array([[0.55, 0.6]]), rows), is_share(np.array([[0.55, 0.61]]), rows)
    (True, False)
    """
    rows = fold_rows[:, 1]
    counts = (scores * rows)[np.isfinite(scores)]
    even = np.abs(counts - np.round(counts)) <= 1e-4 + 1e-6 * rows.max()
    return bool(
        len(counts)
        and rows.max() <= MAX_COUNTED_ROWS
        and even.all()
        and (np.abs(scores[np.isfinite(scores)]) <= 1).all()
    )


def compare(
    arm: Float[np.ndarray, "seed fold"],
    none: Float[np.ndarray, "seed fold"],
    fold_rows: Int[np.ndarray, "fold 2"],
    *,
    level: float = 0.95,
    share: bool = False,
    widest: float = np.inf,
) -> Comparison:
    """Return the mean paired difference `arm - none` and its interval.

    With `d_f` the difference in fold f, averaged over the seeds both finished, K folds, and on average n1
    training and n2 validation rows: `d = mean_f d_f`, variance `(1/K + n2/n1) * sum_f (d_f - d)^2 / (K - 1)`,
    Student's t with K - 1 degrees of freedom. The term n2/n1 is there because folds share training rows.
    With one validation set there are no folds to vary: the interval is then over seeds only (plain paired t)
    and says nothing about other rows.

    There is no interval, and so no claim, with fewer than three differences; where all of them are equal up to the
    rounding of single precision, since their spread is then a matter of few rows, not of certainty; and where it
    would hold every possible difference.

    Args:
        arm, none: scores; NaN if a fit diverged.
        fold_rows: rows trained on and validated on.
        level: the confidence level.
        share: the scores are shares of validation rows. Few rows have few possible scores, and folds then agree by
            chance: `sum_f (d_f - d)^2 / (K - 1)` is not taken below `|d| (1 - |d|) / n2`, the least that a
            difference d in the shares of n2 rows can vary by (McNemar: at least `|d| n2` rows changed sides).
        widest: the largest possible difference, to which intervals are cut.

    >>> import numpy as np
    >>> none = np.array([[0.70, 0.72, 0.68, 0.71, 0.69]])
    >>> c = compare(none + [[0.05, 0.06, 0.04, 0.05, 0.05]], none, np.array([[80, 20]] * 5))
    >>> round(c.difference, 3), c.clear
    (0.05, True)

    Source: Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52, 2003; McNemar, "Note on
    the sampling error of the difference between correlated proportions or percentages", Psychometrika 12, 1947.

    """
    paired, rows = arm - none, fold_rows
    if paired.shape[1] > 1:
        values = nan_mean(paired, axis=0)
        rows = fold_rows[np.isfinite(values)]
        train, validation = fold_rows.mean(axis=0)
        overlap, over = validation / train, "folds"
    else:
        values, overlap, over = paired[:, 0], 0.0, "seeds"
    values = values[np.isfinite(values)]
    count, mean = len(values), float(values.mean()) if len(values) else np.nan
    rounding = ROUNDING_SHARE * max(float(np.nanmax(np.abs(side), initial=0.0)) for side in (arm, none))

    def without(reason: str) -> Comparison:
        p_value = 1.0 if reason == SAME else np.nan
        return Comparison(mean, np.nan, np.nan, p_value, level, over, count, reason)

    if count and np.all(np.abs(values) <= rounding):
        return without(SAME)
    if count < MIN_DIFFERENCES:
        return without(FEW)
    spread = float(values.std(ddof=1))
    if spread <= rounding:
        return without(EVEN)
    if share and over == "folds":
        spread = max(spread, float(np.sqrt(abs(mean) * (1 - min(1.0, abs(mean))) * np.mean(1 / rows[:, 1]))))
    error = spread * np.sqrt(1 / count + overlap)
    half = float(t_quantile(0.5 + level / 2, count - 1) * error)
    if half >= widest:
        return without(WIDE)
    if abs(mean) <= rounding and half < abs(mean):
        return without(SAME)
    p_value = float(2 * t_tail(abs(mean) / error, count - 1))
    return Comparison(mean, max(mean - half, -widest), min(mean + half, widest), p_value, level, over, count)


def compare_all(
    arms: list[Float[np.ndarray, "seed fold"]],
    none: Float[np.ndarray, "seed fold"],
    fold_rows: Int[np.ndarray, "fold 2"],
    *,
    level: float = 0.95,
    family: int = 0,
    share: bool = False,
    widest: float = np.inf,
) -> list[Comparison]:
    """Compare several arms with none by `compare`, with the correction of `correct`."""

    def at_level(arm: Float[np.ndarray, "seed fold"]) -> AtLevel:
        return lambda level: compare(arm, none, fold_rows, level=level, share=share, widest=widest)

    return correct([at_level(arm) for arm in arms], level=level, family=family)


AtLevel = Callable[[float], Comparison]
"""A comparison as a function of its confidence level."""


def correct(pairs: Sequence[AtLevel], *, level: float = 0.95, family: int = 0) -> list[Comparison]:
    """Apply Holm's correction to several comparisons: the j-th smallest p-value of m gets `1 - alpha/(m-j+1)`.

    `m` is the number of comparisons, or `family` where that is larger: it counts arms that were screened and left out.

    Each interval is widened to its corrected level. Each p-value is multiplied accordingly and kept in order, so the
    two agree.

    Source: Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6, 1979.
    """
    plain = [pair(level) for pair in pairs]
    order = sorted(range(len(plain)), key=lambda i: (np.isnan(plain[i].p_value), plain[i].p_value))
    corrected: dict[int, Comparison] = {}
    factor, worst = max(len(plain), family), 0.0
    for i in order:
        wide = pairs[i](1 - (1 - level) / factor)
        worst = max(worst, min(1.0, plain[i].p_value * factor))
        p_value = worst if np.isfinite(plain[i].p_value) else np.nan
        corrected[i] = replace(wide, p_value=p_value)
        still_rejecting = np.isfinite(p_value) and p_value <= 1 - level
        factor = factor - 1 if still_rejecting and factor > 1 else factor
    return [corrected[i] for i in range(len(plain))]
