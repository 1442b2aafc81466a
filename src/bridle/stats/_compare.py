"""Is an arm better than none? Paired by seed and fold, with an interval that knows folds share training rows."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

from bridle.stats._nan import nan_mean


@dataclass(frozen=True)
class Comparison:
    """The difference of one arm to another, in the units of the score; NaN where it cannot be told."""

    difference: float
    low: float
    high: float
    p_value: float
    level: float
    """The confidence level of (low, high), after any correction over arms."""
    over: str
    """What was varied to obtain the interval: 'folds' or 'seeds'."""

    @property
    def clear(self) -> bool:
        """Whether the interval excludes zero."""
        return self.low > 0 or self.high < 0


def compare(
    arm: Float[np.ndarray, "seed fold"],
    none: Float[np.ndarray, "seed fold"],
    fold_rows: Int[np.ndarray, "fold 2"],
    *,
    level: float = 0.95,
) -> Comparison:
    """The mean paired difference `arm - none` and its interval.

    With `d_f` the difference in fold f, averaged over the seeds both finished, K folds, and on average n1
    training and n2 validation rows: `d = mean_f d_f`, variance `(1/K + n2/n1) * sum_f (d_f - d)^2 / (K - 1)`,
    Student's t with K - 1 degrees of freedom. The term n2/n1 is there because folds share training rows.
    With one validation set there are no folds to vary: the interval is then over seeds only (plain paired t)
    and says nothing about other rows. Folds that all show the same difference give no interval: their spread is
    then a matter of few rows, not of certainty.

    >>> import numpy as np
    >>> none = np.array([[0.70, 0.72, 0.68, 0.71, 0.69]])
    >>> c = compare(none + [[0.05, 0.06, 0.04, 0.05, 0.05]], none, np.array([[80, 20]] * 5))
    >>> round(c.difference, 3), c.clear
    (0.05, True)

    Source: Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52, 2003.
    """
    paired = arm - none
    if paired.shape[1] > 1:
        values = nan_mean(paired, axis=0)
        train, validation = fold_rows.mean(axis=0)
        overlap, over = validation / train, "folds"
    else:
        values, overlap, over = paired[:, 0], 0.0, "seeds"
    values = values[np.isfinite(values)]
    count = len(values)
    if count < 2:
        mean = float(values.mean()) if count else np.nan
        return Comparison(mean, np.nan, np.nan, np.nan, level, over)
    mean = float(values.mean())
    error = float(values.std(ddof=1) * np.sqrt(1 / count + overlap))
    if error == 0.0 and mean != 0.0 and over == "folds":
        return Comparison(mean, np.nan, np.nan, np.nan, level, over)
    half = float(stats.t.ppf(0.5 + level / 2, count - 1)) * error
    ratio = abs(mean) / error if error else (0.0 if mean == 0.0 else np.inf)
    p_value = float(2 * stats.t.sf(ratio, count - 1))
    return Comparison(mean, mean - half, mean + half, p_value, level, over)


def compare_all(
    arms: list[Float[np.ndarray, "seed fold"]],
    none: Float[np.ndarray, "seed fold"],
    fold_rows: Int[np.ndarray, "fold 2"],
    *,
    level: float = 0.95,
    family: int = 0,
) -> list[Comparison]:
    """`compare` for several arms, with Holm's correction: the j-th smallest p-value of m gets `1 - alpha/(m-j+1)`.

    `m` is the number of arms, or `family` where that is more: arms that were looked at before and left out.

    Each interval is widened to its own corrected level and each p-value multiplied accordingly (and kept
    in order), so the two agree.

    Source: Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6, 1979.
    """
    plain = [compare(arm, none, fold_rows, level=level) for arm in arms]
    order = sorted(range(len(plain)), key=lambda i: (np.isnan(plain[i].p_value), plain[i].p_value))
    corrected: dict[int, Comparison] = {}
    factor, worst = max(len(plain), family), 0.0
    for i in order:
        wide = compare(arms[i], none, fold_rows, level=1 - (1 - level) / factor)
        worst = max(worst, min(1.0, wide.p_value * factor))
        p_value = worst if np.isfinite(wide.p_value) else np.nan
        corrected[i] = Comparison(wide.difference, wide.low, wide.high, p_value, wide.level, wide.over)
        still_rejecting = np.isfinite(p_value) and p_value <= 1 - level
        factor = factor - 1 if still_rejecting and factor > 1 else factor
    return [corrected[i] for i in range(len(plain))]
