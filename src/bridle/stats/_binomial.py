"""The exact confidence interval of a probability."""

from bridle.stats._distributions import beta_quantile


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
