"""The facts that words, tables and pages share, read from a result and its evidence."""

from collections.abc import Mapping

import numpy as np

from bridle.plots import decimals, spell, strengths_text
from bridle.plots import is_weight as is_weight
from bridle.plots import lead as lead
from bridle.plots import measured as measured
from bridle.plots import penalized as penalized
from bridle.plots import zeros as zeros
from bridle.results import StudyResult
from bridle.stats import Comparison, Evidence


def places(result: StudyResult, evidence: Evidence) -> int:
    """The decimals in which scores of this study are written."""
    return decimals([float(value) for value in evidence.validation.mean])


def confidence(gains: Mapping[int, Comparison], family: int = 0) -> str:
    """The level of the whole family of intervals: Holm's correction gives the first of m the level 1 - alpha/m."""
    widest = max(gain.level for gain in gains.values())
    return f"{100 * (1 - (1 - widest) * max(len(gains), family)):.4g} %"


def ordered(result: StudyResult) -> list[int]:
    """All settings, arm by arm and weak to strong: the order of every table."""
    return [int(setting) for arm in range(len(result.arms)) for setting in result.path(arm)]


def interval(gain: Comparison, digits: int) -> str:
    """The interval of a difference, `0.02 to 0.07`."""
    return f"{spell(gain.low, digits)} to {spell(gain.high, digits)}"


def rule(evidence: Evidence, arm: int, setting: int) -> str:
    """Which selection rules take a setting: `best`, `1se`, both, or none of them."""
    choice = evidence.choices.get(arm)
    if choice is None or arm == 0:
        return ""
    names = {"best": choice.best, "1se": choice.one_se}
    return ", ".join(name for name, taken in names.items() if taken == setting)


def treatment(result: StudyResult, setting: int) -> str:
    """An arm and its strengths as the subject of a sentence: `L1 activity: hidden/output l1 = 0.003`."""
    name, strengths = result.arms[result.setting_arm[setting]].name, strengths_text(result, setting)
    return f"{name}: {strengths}" if strengths else name


def is_rate(result: StudyResult, evidence: Evidence) -> bool:
    """Whether the score is a share of rows, so that its standard error is binomial."""
    known = evidence.validation.mean[np.isfinite(evidence.validation.mean)]
    return "acc" in result.score.name.lower() and bool(((known >= 0) & (known <= 1)).all())


def binomial_error(share: float, rows: int, digits: int) -> str:
    """The standard error `sqrt(p (1 - p) / n)` of a share p of n rows, in words."""
    return spell(float(np.sqrt(max(0.0, share * (1 - share)) / rows)), digits)
