"""The facts that words, tables and pages share, read from a result and its evidence."""

from collections.abc import Mapping
from fnmatch import fnmatchcase

import numpy as np

from bridle.plots import decimals, spell, strengths_text
from bridle.results import StudyResult
from bridle.stats import Comparison, Evidence, nan_mean


def lead(result: StudyResult, evidence: Evidence) -> int | None:
    """The penalized arm whose best setting has the best mean; None where none finished."""
    sign = 1.0 if result.score.maximize else -1.0
    mean = evidence.validation.mean
    penalized = [arm for arm in evidence.choices if arm != 0]
    return max(penalized, key=lambda arm: sign * mean[evidence.choices[arm].best], default=None)


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


def zeros(result: StudyResult, tensor: str) -> np.ndarray:
    """The fraction of exact zeros of one tensor, for every setting, over seeds and folds."""
    return nan_mean(result.by_setting(result.diagnostic(f"zeros/{tensor}")), (1, 2))


def measured(result: StudyResult, kind: str) -> list[str]:
    """The tensors of which the diagnostic `kind` is known."""
    return [name.partition("/")[2] for name in result.diagnostic_names if name.startswith(f"{kind}/")]


def penalized(result: StudyResult, arm: int) -> list[str]:
    """The measured tensors that an arm charges, and the outputs of the layers whose activations it charges."""
    weights = measured(result, "norm")
    found = []
    for target, _ in result.arms[arm].terms:
        layer = target.rpartition("/")[0]
        output = [] if is_weight(result, target) else [f"{layer}/output"]
        found += [
            name
            for name in measured(result, "zeros")
            if any(name == wanted or fnmatchcase(name, wanted) for wanted in (target, *output))
        ]
    return sorted(set(found), key=lambda name: (name in weights, name))


def is_weight(result: StudyResult, target: str) -> bool:
    """Whether a target names weights: only of those is a norm known."""
    return any(name == target or fnmatchcase(name, target) for name in measured(result, "norm"))
