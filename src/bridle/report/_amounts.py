"""Scores and differences of scores as text, each with its unit."""

import math
from collections.abc import Callable

from bridle.report._facts import decimals_for, is_rate
from bridle.results import StudyResult
from bridle.stats import Comparison, Evidence
from bridle.wording import decimal_text

NAMES = {"r2": "r²", "auc": "AUC", "mae": "mean absolute error", "mse": "mean squared error", "loss": "the loss"}
"""The names of scores in sentences, where they differ from those of Keras."""
ABSOLUTE = ("mae", "mean_absolute_error", "rmse", "root_mean_squared_error")
"""Scores in the units of the target."""
SQUARED = ("mse", "mean_squared_error")
"""Scores in the squared units of the target."""
PERCENT_DIGITS = 2
"""The decimals that a share loses as a percentage."""

Interval = Callable[[Evidence, Comparison, str], str]
"""A function that puts the two ends of an interval, as text, into brackets."""


def score_name(result: StudyResult) -> str:
    """Return the name of the score in a sentence, such as `accuracy` or `r²`."""
    measure = result.score.measure
    name = NAMES.get(measure, measure.replace("_", " "))
    return f"{name} over all rows together" if result.score.pooled else name


def score_text(result: StudyResult, evidence: Evidence, value: float, gain: Comparison | None = None) -> str:
    """Return a score with its unit, an accuracy in per cent; beside a gain with its decimals."""
    digits = decimals_for(result, evidence) if gain is None else gain_decimals(result, evidence, gain)
    if is_rate(result, evidence):
        return f"{decimal_text(100 * value, max(0, digits - PERCENT_DIGITS))} %"
    return decimal_text(value, digits)


def gain_decimals(result: StudyResult, evidence: Evidence, gain: Comparison) -> int:
    """Return the decimals of a gain: two digits of half its interval, at most those of the scores."""
    digits, half = decimals_for(result, evidence), (gain.high - gain.low) / 2
    if not math.isfinite(half) or half <= 0:
        return digits
    return min(digits, max(0, 1 - math.floor(math.log10(half))))


def difference_text(result: StudyResult, evidence: Evidence, gain: Comparison, interval: Interval) -> str:
    """Return a difference with its direction, unit and interval: `7.9 percentage points higher (…)`."""
    better = gain.difference >= 0
    direction = "higher" if better == result.score.maximize else "lower"
    sign, factor = 1.0 if better else -1.0, 100.0 if is_rate(result, evidence) else 1.0
    digits = gain_decimals(result, evidence, gain)
    places = max(0, digits - PERCENT_DIGITS) if factor > 1 else digits
    low, high = sorted((sign * factor * gain.low, sign * factor * gain.high))
    ends = f"{decimal_text(low, places)} to {decimal_text(high, places)}"
    size = decimal_text(abs(gain.difference) * factor, places)
    if math.isfinite(low):
        small = abs(gain.difference) * factor < 10.0**-places / 2
        size = f"less than {10.0**-places:.{places}f}" if small else f"{abs(gain.difference) * factor:.{places}f}"
    return f"{size}{unit(result, evidence)} {direction} {interval(evidence, gain, ends)}"


def unit(result: StudyResult, evidence: Evidence) -> str:
    """Return the unit of a difference of scores, after a space; empty for a score without one, such as r²."""
    measure = result.score.measure
    if is_rate(result, evidence):
        return " percentage points"
    target = "prepared target" if measure in result.prepared_units else "target"
    if measure in ABSOLUTE:
        return f" units of the {target}"
    if measure in SQUARED:
        return f" squared units of the {target}"
    return " per row" if measure == "loss" else ""
