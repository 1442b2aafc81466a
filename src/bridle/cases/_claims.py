"""Published numbers beside measured ones, and which published claims hold."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bridle.cases._case import Case, Published
from bridle.results import StudyResult
from bridle.stats import nan_mean, nan_sd, select_strength, summarize


@dataclass(frozen=True)
class Measured:
    """One published line with what was measured: mean and standard deviation over runs, and whether it holds."""

    published: Published
    train: tuple[float, float]
    test: tuple[float, float]
    holds: bool


def measure(case: Case, result: StudyResult) -> list[Measured]:
    """Put each published line beside the runs of the same setting in the tutorial's protocol."""
    train, test = result.scores("train"), result.scores()
    lines = []
    for line in case.published:
        setting = find(result, line.arm, line.strength)
        spread = [_spread(table[setting]) for table in (train, test)]
        holds = abs(spread[1][0] - line.test) <= case.tolerance
        lines.append(Measured(line, spread[0], spread[1], bool(holds)))
    return lines


def find(result: StudyResult, arm: str, strength: float | None = None) -> int:
    """The number of a setting by the name of its arm and its strength."""
    own = np.flatnonzero(result.setting_arm == [each.name for each in result.arms].index(arm))
    if strength is None:
        return int(own[0])
    slots = list(result.arms[result.setting_arm[own[0]]].slots)
    return int(own[np.argmin(np.abs(result.setting_strengths[own][:, slots[0]] - strength))])


def as_table(case: Case, lines: list[Measured]) -> pd.DataFrame:
    """The table "published, measured, holds?"."""

    def cell(pair: tuple[float, float]) -> str:
        return f"{pair[0]:.3f}±{pair[1]:.3f}"

    return pd.DataFrame(
        {
            "setting": [
                f"{m.published.arm} {'' if m.published.strength is None else f'{m.published.strength:g}'}".strip()
                for m in lines
            ],
            "train, published": [f"{m.published.train:.3f}" for m in lines],
            "train, measured": [cell(m.train) for m in lines],
            "test, published": [f"{m.published.test:.3f}" for m in lines],
            "test, measured": [cell(m.test) for m in lines],
            f"test within {case.tolerance:g}": ["yes" if m.holds else "no" for m in lines],
        }
    )


def sentences(case: Case, result: StudyResult) -> list[str]:
    """For each claim that compares two arms: does it hold on the published rows, and on fresh ones?"""
    return [_sentence(result, *claim) for claim in case.claims]


def _best(result: StudyResult, arm: str) -> int:
    """The setting of an arm that did best on the tutorial's test rows."""
    choice = select_strength(
        result.path(result.setting_arm[find(result, arm)]), summarize(result.scores()), maximize=True
    )
    return find(result, arm) if choice is None else choice.best


def _sentence(result: StudyResult, claim: str, better: str, worse: str) -> str:
    high, low = (_best(result, arm) for arm in (better, worse))
    scores = result.scores()
    said = [
        f"{nan_mean(scores[high], (0, 1)):.3f} against {nan_mean(scores[low], (0, 1)):.3f} on the tutorial's test rows"
    ]
    differences = [float(nan_mean(scores[high] - scores[low], (0, 1)))]
    if "fresh" in result.held_out:
        fresh = result.held_out_scores("fresh")
        gain = float(nan_mean(fresh[high] - fresh[low], 0))
        if np.isfinite(gain):
            differences.append(gain)
            said.append(
                f"{nan_mean(fresh[high], 0):.3f} against {nan_mean(fresh[low], 0):.3f} "
                f"on {result.held_out_rows['fresh']:,} fresh rows"
            )
    row = 1 / result.fold_rows[0, 1]
    verdict = _judge(differences, row)
    return f"{claim}: {verdict} ({'; '.join(said)})."


def _judge(differences: list[float], row: float) -> str:
    """Words for a difference on the published rows and, where known, on fresh ones; half a row is none."""
    if differences[0] < row / 2:
        return "does not hold"
    if len(differences) > 1 and differences[1] <= 0:
        return "holds on those rows, and not on fresh ones"
    if differences[0] < 1.5 * row and len(differences) == 1:
        return "holds by about one test row"
    return "holds"


def _spread(runs: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation over all runs (seeds × splits) of one setting."""
    flat = runs.reshape(-1)
    return float(nan_mean(flat, 0)), float(nan_sd(flat, 0)) if np.isfinite(flat).sum() > 1 else 0.0
