"""Scores and differences of scores as text, each with its unit; the texts of one comparison agree with each other."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from bridle.report._facts import decimals_for, is_rate
from bridle.results import StudyResult
from bridle.stats import Comparison, Evidence
from bridle.wording import decimal_text, shorten

NAMES = {"r2": "r²", "auc": "AUC", "fvu": "FVU", "mae": "mean absolute error", "mse": "mean squared error"}
"""The names of scores in sentences, where they differ from those of Keras."""
LOSSES = {
    "crossentropy": "log loss",
    "meansquarederror": "mean squared error",
    "mse": "mean squared error",
    "meanabsoluteerror": "mean absolute error",
    "mae": "mean absolute error",
    "huber": "Huber loss",
    "poisson": "Poisson loss",
    "hinge": "hinge loss",
    "logcosh": "log-cosh loss",
}
"""The names of losses in sentences, by the end of their name in Keras without underscores."""
ABSOLUTE = ("mae", "mean_absolute_error", "rmse", "root_mean_squared_error")
"""Scores in the units of the target."""
SQUARED = ("mse", "mean_squared_error")
"""Scores in the squared units of the target."""
PERCENT_DIGITS = 2
"""The decimals that a share loses as a percentage."""

MAX_NAME_CHARS, MAX_NAME_WORDS = 40, 5
"""The longest name of an arm in the verdict; details have the whole name."""

Interval = Callable[[Evidence, Comparison, str], str]
"""A function that puts the two ends of an interval, as text, into brackets."""


@dataclass(frozen=True)
class Amounts:
    """Texts of one comparison: the difference with its direction, unit and interval, and both scores."""

    difference: str
    score: str
    """The score with a penalty, with its unit."""
    without: str
    """The score without a penalty, with its unit."""

    @property
    def scores(self) -> str:
        """Both scores."""
        return (
            f"{self.score} instead of {self.without}" if self.score != self.without else f"about {self.score} in both"
        )


def score_name(result: StudyResult) -> str:
    """Return the name of the score in a sentence, such as `accuracy`, `r²` or `log loss`."""
    measure = result.score.measure
    name = loss_name(result) if measure == "loss" else NAMES.get(measure, measure.replace("_", " "))
    return f"{name} over all rows together" if result.score.pooled else name


def brief(name: str, width: int = MAX_NAME_CHARS) -> str:
    """Return a name of at most five words: the first three and the last, where it has more.

    >>> brief("L1 activations of a very long name")
    'L1 activations of … name'
    """
    words = name.split()
    if len(words) > MAX_NAME_WORDS:
        words = [*words[:3], "…", words[-1]]
    return shorten(" ".join(words), width)


def loss_name(result: StudyResult) -> str:
    """Return the name of the model's loss in a sentence; `the loss` if it is unknown or of one's own."""
    name = result.provenance.get("loss") or _stored_loss(result)
    plain = str(name).lower().replace("_", "").replace(" ", "") if name else ""
    return next((words for end, words in LOSSES.items() if plain.endswith(end)), "the loss")


def _stored_loss(result: StudyResult) -> object:
    """Return the loss in the configuration of the model."""
    try:
        config = json.loads(result.model_json).get("compile_config") or {}
    except (ValueError, AttributeError):
        return None
    loss = config.get("loss") if isinstance(config, Mapping) else None
    if isinstance(loss, Mapping):
        facts = cast("Mapping[str, object]", loss)
        return facts.get("class_name")
    return loss if isinstance(loss, str) else None


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


def amounts(
    result: StudyResult, evidence: Evidence, gain: Comparison, scores: tuple[float, float], interval: Interval
) -> Amounts:
    """Return a comparison as text: `7.9 percentage points higher (…)`, the score with a penalty and that without.

    "About" stands before a difference that is not that of the two rounded scores.
    """
    score, without = (score_text(result, evidence, value, gain) for value in scores)
    size = size_text(result, evidence, gain)
    about = "about " if _is_rounded(size, score, without) else ""
    words = f"{about}{size}{unit(result, evidence)} {_direction(result, gain.difference)}"
    return Amounts(f"{words} {interval(evidence, gain, ends_text(result, evidence, gain))}", score, without)


def size_text(result: StudyResult, evidence: Evidence, gain: Comparison, difference: float | None = None) -> str:
    """Return the size of a gain, or of another difference beside it: without its unit, as `7.9` or `less than 0.1`."""
    decimals, factor = _scale(result, evidence, gain)
    size = abs(gain.difference if difference is None else difference) * factor
    if not math.isfinite(gain.low):
        return decimal_text(size, decimals)
    return f"less than {10.0**-decimals:.{decimals}f}" if size < 10.0**-decimals / 2 else f"{size:.{decimals}f}"


def ends_text(result: StudyResult, evidence: Evidence, gain: Comparison) -> str:
    """Return the ends of an interval from worse to better, each with its direction if these differ.

    `0.9 lower to 2.3 higher`, or `0.17 to 0.44` in the direction of the difference.
    """
    decimals, factor = _scale(result, evidence, gain)
    worse, better = gain.low * factor, gain.high * factor
    small, large = (f"{abs(end):.{decimals}f}" for end in (worse, better))
    if worse >= 0:
        return f"{small} to {large}"
    if better <= 0:
        return f"{large} to {small}"
    return f"{small} {_direction(result, worse)} to {large} {_direction(result, better)}"


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


def _scale(result: StudyResult, evidence: Evidence, gain: Comparison) -> tuple[int, float]:
    """Return the decimals of a difference as it is shown, and the factor to its unit."""
    digits = gain_decimals(result, evidence, gain)
    return (max(0, digits - PERCENT_DIGITS), 100.0) if is_rate(result, evidence) else (digits, 1.0)


def _direction(result: StudyResult, difference: float) -> str:
    return "higher" if (difference >= 0) == result.score.maximize else "lower"


def _is_rounded(size: str, score: str, without: str) -> bool:
    """Return True if a difference is a number that the two scores, as they are shown, do not have."""
    if size.startswith("less than"):
        return False
    try:
        shown = Decimal(score.removesuffix(" %")) - Decimal(without.removesuffix(" %"))
        return abs(shown) != Decimal(size)
    except ArithmeticError:
        return False
