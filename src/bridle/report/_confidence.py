"""Confidence of the networks in a report: a table, a note, and the diagnosis that most of a gain is confidence."""

import math
from dataclasses import dataclass

import numpy as np

from bridle.report._facts import treatment
from bridle.results import Calibration, StudyResult
from bridle.stats import Evidence
from bridle.wording import decimal_text, leading_arm, tried_kind

MOSTLY = 0.7
"""The share of the lower log loss that a temperature reaches by itself, from which on it explains most of it.

In 400 simulated studies with a gain that is lower confidence alone, 76 % pass it with 60 rows and 98 % with 200. Where
the gain is a better network, no more and no less confident than it should be or both too confident, none does
(`python -m benchmarks.confidence`).
"""
MIN_LOWER_SHARE = 0.05
"""The share of the log loss without a penalty below which a difference is too small to explain."""


@dataclass(frozen=True)
class Explained:
    """Log losses out of fold that tell how much of a lower loss is lower confidence."""

    none: float
    """Without a penalty."""
    cooled: float
    """Without a penalty, with logits divided by the temperature of the other folds."""
    penalized: float
    """At the best strength of the leading arm."""
    penalized_cooled: float
    temperature: float
    """The temperature without a penalty."""

    @property
    def share(self) -> float:
        """The share of the lower log loss that is confidence, between 0 and 1.

        The smaller of two: the share that the temperature reaches without a penalty, and the share that is gone where
        both have a temperature.
        """
        gain = self.none - self.penalized
        reached, gone = (self.none - self.cooled) / gain, 1 - (self.cooled - self.penalized_cooled) / gain
        return min(1.0, max(0.0, min(reached, gone)))


def explain_loss(result: StudyResult, evidence: Evidence) -> Explained | None:
    """Compare the lower log loss of the leading arm with that of a temperature; None if its loss is not lower."""
    arm = leading_arm(result, evidence)
    if result.confidence is None or not arm or 0 not in evidence.choices:
        return None
    none, best = evidence.choices[0].best, evidence.candidate(arm)
    single = result.confidence.single
    losses = (*single.log_loss[none].tolist(), *single.log_loss[best].tolist())
    if not np.isfinite(losses).all() or losses[0] - losses[2] < MIN_LOWER_SHARE * losses[0]:
        return None
    return Explained(*losses, temperature=float(single.temperature[none]))


def mostly_confidence(result: StudyResult, evidence: Evidence) -> tuple[str, str]:
    """Return what was seen and the next step if a temperature explains most of the lower loss; empty otherwise."""
    losses = explain_loss(result, evidence)
    if losses is None or losses.share < MOSTLY:
        return "", ""
    name, temperature = result.arms[leading_arm(result, evidence) or 0].name, f"{losses.temperature:.2g}"
    without = f"without a {tried_kind(result)}"
    sentence = (
        f"Most of the lower log loss with {name} is lower confidence: it falls from {_text(losses.none)} to "
        f"{_text(losses.penalized)}, and a temperature of {temperature} {without} gives {_text(losses.cooled)}."
    )
    step = f"try a temperature of {temperature} {without}, which lowers the loss as well"
    return sentence, step if result.score.measure == "loss" else ""


def confidence_note(result: StudyResult, evidence: Evidence) -> str:
    """Return how much of a lower log loss is lower confidence; empty if the loss is not lower."""
    losses = explain_loss(result, evidence)
    if losses is None:
        return ""
    if losses.share >= MOSTLY:
        return mostly_confidence(result, evidence)[0]
    name = result.arms[leading_arm(result, evidence) or 0].name
    return (
        f"The log loss falls from {_text(losses.none)} to {_text(losses.penalized)} with {name}; "
        f"{100 * losses.share:.0f} % of that is lower confidence, which a temperature of {losses.temperature:.2g} "
        f"without a {tried_kind(result)} gives as well."
    )


@dataclass(frozen=True)
class ConfidenceCells:
    """Table of log loss and calibration error in words and rounded numbers."""

    caption: str
    headers: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]


def confidence_cells(result: StudyResult, evidence: Evidence) -> ConfidenceCells | None:
    """Return the table of `none` and the leading arm; None if the confidence was not measured."""
    if result.confidence is None:
        return None
    arms = dict.fromkeys((0, leading_arm(result, evidence) or 0))
    settings = [evidence.candidate(arm) for arm in arms if arm in evidence.choices]
    kinds = {"": result.confidence.single, ", mean of seeds": result.confidence.mean}
    lines = [
        _line(
            (f"no {tried_kind(result)}" if setting == 0 else treatment(result, setting)) + words, calibration, setting
        )
        for setting in settings
        for words, calibration in kinds.items()
        if math.isfinite(calibration.temperature[setting]) and (not words or len(result.seeds) > 1)
    ]
    if not lines:
        return None
    caption = (
        "Confidence on rows that the networks did not see: log loss and calibration error (mean difference between "
        "the share of correct classes and their probability), as they are and with logits divided by the temperature "
        "T of the other folds. Above 1, it means too much confidence."
    )
    headers = ("network", "log loss", "with temperature", "calibration error", "with temperature", "T")
    return ConfidenceCells(caption, headers, tuple(lines))


def _line(name: str, calibration: Calibration, setting: int) -> tuple[str, ...]:
    values = (*calibration.log_loss[setting], *calibration.error[setting])
    return (name, *(_text(float(value)) for value in values), f"{calibration.temperature[setting]:.2g}")


def confidence_rows(result: StudyResult, evidence: Evidence) -> list[dict[str, object]]:
    """Return the measured candidates for a program: one dictionary each, of single seeds and of their mean."""
    if result.confidence is None:
        return []
    return [
        {
            "arm": result.arms[result.setting_arm[setting]].name,
            "setting": setting,
            "network": kind,
            "temperature": calibration.temperature[setting],
            "log_loss": calibration.log_loss[setting],
            "calibration_error": calibration.error[setting],
        }
        for kind, calibration in vars(result.confidence).items()
        for setting in np.flatnonzero(np.isfinite(calibration.temperature)).tolist()
    ]


def _text(value: float) -> str:
    return decimal_text(value, 3)
