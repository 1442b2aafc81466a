"""Quantiles and tails of distributions as plain floats; scipy has no type stubs, so it is called in this file only."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from scipy import stats


def t_quantile(probability: float, degrees: int) -> float:
    """Return the quantile of Student's t."""
    return float(stats.t.ppf(probability, degrees))


def t_tail(value: float, degrees: int) -> float:
    """Return the probability that Student's t exceeds `value`."""
    return float(stats.t.sf(value, degrees))


def beta_quantile(probability: float, a: int, b: int) -> float:
    """Return the quantile of the beta distribution."""
    return float(stats.beta.ppf(probability, a, b))
