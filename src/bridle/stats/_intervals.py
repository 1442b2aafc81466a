"""Parts of confidence intervals: quantiles, the exact interval of a share, pseudo-values, the range of a measure."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

import numpy as np
from jaxtyping import Float
from scipy import stats

MIN_SKEWNESS = 1e-6
"""A skewness below which its quadratic terms vanish."""


def t_quantile(probability: float, degrees: float) -> float:
    """Return the quantile of Student's t."""
    return float(stats.t.ppf(probability, degrees))


def t_tail(value: float, degrees: float) -> float:
    """Return the probability that Student's t exceeds `value`."""
    return float(stats.t.sf(value, degrees))


def mean_interval(
    values: Float[np.ndarray, "fit"], *, test_share: float = 0.0, level: float = 0.95
) -> tuple[float, float, float]:
    """Return the mean of independent values and the ends of its t interval.

    With n values of standard deviation s, the ends are `mean ± t s sqrt(1/n + test_share)`, t being the quantile of
    Student's t with n - 1 degrees of freedom. Values that are not finite are left out.

    Args:
        values: one value per fit, seed or fold.
        test_share: rows of a validation part divided by those of its training part, for values of folds, whose training
            rows overlap (Nadeau and Bengio). 0 for independent values, such as those of seeds.
        level: the coverage.

    Returns: mean, low, high. Of one value low and high are NaN; of none all three.

    >>> [round(number, 3) for number in mean_interval(np.array([1.0, 2.0, 3.0]))]
    [2.0, -0.484, 4.484]

    Source: Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52, 2003.

    """
    finite = np.asarray(values, float)[np.isfinite(values)]
    if len(finite) < 2:
        return (float(finite[0]) if len(finite) else float("nan")), float("nan"), float("nan")
    mean, spread = float(finite.mean()), float(finite.std(ddof=1)) * float(np.sqrt(1 / len(finite) + test_share))
    half = t_quantile(0.5 + level / 2, len(finite) - 1) * spread
    return mean, mean - half, mean + half


def remove_skew(value: float, skewness: float) -> float:
    """Return Hall's transformation of a studentized estimate: near to Student's t where the estimate is skewed.

    With the skewness k of the estimate, `g(T) = T + k T^2 / 3 + k^2 T^3 / 27 + k / 6`.

    >>> round(remove_skew(2.0, 0.3), 3), remove_skew(2.0, 0.0)
    (2.477, 2.0)

    Source: Hall, "On the removal of skewness by transformation", Journal of the Royal Statistical Society B 54, 1992.
    """
    return value + skewness * value**2 / 3 + skewness**2 * value**3 / 27 + skewness / 6


def invert_skew(value: float, skewness: float) -> float:
    """Return the studentized estimate that `remove_skew` maps to `value`.

    >>> round(invert_skew(remove_skew(2.0, 0.3), 0.3), 6)
    2.0
    """
    if abs(skewness) < MIN_SKEWNESS:
        return value - skewness / 6
    return float(3 / skewness * (np.cbrt(1 + skewness * (value - skewness / 6)) - 1))


def beta_quantile(probability: float, a: int, b: int) -> float:
    """Return the quantile of the beta distribution."""
    return float(stats.beta.ppf(probability, a, b))


def exact_interval(share: float, rows: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a probability, from the share of `rows` independent rows in which it came true.

    With k = share * rows rounded, the ends are the `alpha/2` quantile of Beta(k, rows - k + 1) and the `1 - alpha/2`
    quantile of Beta(k + 1, rows - k). It covers at least at its level, usually more.

    >>> low, high = exact_interval(0.8, 70)
    >>> round(low, 3), round(high, 3)
    (0.687, 0.886)

    Source: Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
    Biometrika 26, 1934.
    """
    count, alpha = round(share * rows), 1 - level
    low = 0.0 if count == 0 else beta_quantile(alpha / 2, count, rows - count + 1)
    high = 1.0 if count == rows else beta_quantile(1 - alpha / 2, count + 1, rows - count)
    return low, high


def possible_differences(share: float, other: float, rows: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return the range of the difference `share - other` of two probabilities that their own exact intervals allow.

    A share cannot rise by more than what the other lacks to 1, nor by more than it is itself: with exact intervals
    (a, A) of the one and (b, B) of the other, the difference lies between `max(a - 1, -B)` and `min(A, 1 - b)`.

    >>> low, high = possible_differences(0.99, 0.96, 100)
    >>> round(low, 3), round(high, 3)
    (-0.054, 0.099)
    """
    (low, high), (other_low, other_high) = (exact_interval(value, rows, level=level) for value in (share, other))
    return max(low - 1, -other_high), min(high, 1 - other_low)


def pseudo_values(score: float, without: Float[np.ndarray, "fold"]) -> Float[np.ndarray, "fold"]:
    """Return the jackknife pseudo-values of a score: `n * score - (n - 1) * without[k]` for each of n folds.

    Their mean is the score, corrected for bias, and their standard error that of the jackknife. They may lie outside
    the range of the score. A fold without which the score is not defined (NaN) has the score itself.

    Args:
        score: over the rows of all folds.
        without: the score over all rows but those of one fold.

    >>> import numpy as np
    >>> pseudo_values(0.75, np.array([0.5, 0.875, 0.875]))
    array([1.25, 0.5 , 0.5 ])

    Source: Tukey, "Bias and confidence in not quite large samples", Annals of Mathematical Statistics 29, 1958.

    """
    count = len(without)
    values = count * score - (count - 1) * np.asarray(without, float)
    return np.where(np.isnan(values), score, values)


UNIT_INTERVAL_MEASURES = (
    "acc",
    "auc",
    "precision",
    "recall",
    "f1",
    "fbeta",
    "iou",
    "dice",
    "sensitivity",
    "specificity",
)
"""Parts of the names of measures that lie between 0 and 1."""


def widest_difference(name: str, scores: np.ndarray) -> float:
    """Return the largest possible difference of two scores: 1 for measures between 0 and 1, else infinity.

    >>> widest_difference("binary_accuracy", np.array([0.8])), widest_difference("loss", np.array([0.8]))
    (1.0, inf)
    """
    values = scores[np.isfinite(scores)]
    plain = name.lower().replace("_", "")
    inside = any(part in plain for part in UNIT_INTERVAL_MEASURES) and bool(((values >= 0) & (values <= 1)).all())
    return 1.0 if inside else float("inf")
