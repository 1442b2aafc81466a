"""Published numbers next to measured ones, and the published claims that hold."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bridle.cases._case import Case, Published
from bridle.results import StudyResult
from bridle.stats import nan_mean, nan_sd, select_strength, summarize


@dataclass(frozen=True)
class Measured:
    """A published line with the measured mean and standard deviation over runs, and the judgement."""

    published: Published
    train: tuple[float, float]
    test: tuple[float, float]
    holds: bool


def measure(case: Case, result: StudyResult) -> list[Measured]:
    """Return each published line with the runs of the same candidate in the tutorial's protocol."""
    train, test = result.scores("train"), result.scores()
    lines = []
    for line in case.published:
        setting = find_candidate(result, line.arm, line.strength)
        spread = [_spread(table[setting]) for table in (train, test)]
        holds = abs(spread[1][0] - line.test) <= case.tolerance
        lines.append(Measured(line, spread[0], spread[1], bool(holds)))
    return lines


def find_candidate(result: StudyResult, arm: str, strength: float | None = None) -> int:
    """Return the index of a candidate by the name of its arm and its strength."""
    candidates = np.flatnonzero(result.setting_arm == [item.name for item in result.arms].index(arm))
    if strength is None:
        return int(candidates[0])
    slots = list(result.arms[result.setting_arm[candidates[0]]].slots)
    strengths = result.setting_strengths[candidates][:, slots[0]]
    return int(candidates[np.argmin(np.abs(strengths - strength))])


def as_table(case: Case, lines: list[Measured]) -> pd.DataFrame:
    """Return the table "published, measured, holds?"."""

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


def claim_sentences(case: Case, result: StudyResult) -> list[str]:
    """Return a sentence per claim that compares two arms: does it hold on the published rows and on new ones?"""
    return [_sentence(result, *claim) for claim in case.claims]


def _best(result: StudyResult, arm: str) -> int:
    """Return the candidate of an arm that is best on the tutorial's test rows."""
    choice = select_strength(
        result.path(result.setting_arm[find_candidate(result, arm)]), summarize(result.scores()), maximize=True
    )
    return find_candidate(result, arm) if choice is None else choice.best


def _sentence(result: StudyResult, claim: str, better: str, worse: str) -> str:
    high, low = (_best(result, arm) for arm in (better, worse))
    scores = result.scores()
    comparisons = [
        f"{nan_mean(scores[high], (0, 1)):.3f} against {nan_mean(scores[low], (0, 1)):.3f} on the tutorial's test rows"
    ]
    differences = [float(nan_mean(scores[high] - scores[low], (0, 1)))]
    if "fresh" in result.held_out:
        new = result.held_out_scores("fresh")
        gain = float(nan_mean(new[high] - new[low], 0))
        if np.isfinite(gain):
            differences.append(gain)
            comparisons.append(
                f"{nan_mean(new[high], 0):.3f} against {nan_mean(new[low], 0):.3f} "
                f"on {result.held_out_rows['fresh']:,} fresh rows"
            )
    row = 1 / result.fold_rows[0, 1]
    verdict = _judge(differences, row)
    return f"{claim}: {verdict} ({'; '.join(comparisons)})."


def _judge(differences: list[float], row: float) -> str:
    """Return a verdict on a difference on the published rows and, if known, on new ones; half a row counts as none."""
    if differences[0] < row / 2:
        return "does not hold"
    if len(differences) > 1 and differences[1] <= 0:
        return "holds on those rows, but not on new ones"
    if differences[0] < 1.5 * row and len(differences) == 1:
        return "holds by about one test row"
    return "holds"


def _spread(runs: np.ndarray) -> tuple[float, float]:
    """Return mean and standard deviation over all runs (seeds × splits) of one candidate."""
    flat = runs.reshape(-1)
    return float(nan_mean(flat, 0)), float(nan_sd(flat, 0)) if np.isfinite(flat).sum() > 1 else 0.0
