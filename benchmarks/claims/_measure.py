"""A claim in numbers: in the tutorial's protocol, in the honest one, and on fresh rows."""

from dataclasses import dataclass

import numpy as np
from benchmarks.claims._claim import ACCURACY, Claim, Side
from benchmarks.claims._judge import judge
from benchmarks.claims._studies import FRESH, table_of
from jaxtyping import Float

from bridle.results import StudyResult
from bridle.stats import compare, cross_select, nan_mean

Table = Float[np.ndarray, "seed fold"]


@dataclass(frozen=True)
class Difference:
    """What two sides have and their mean difference, with its 95 % interval; NaN where it cannot be told."""

    more: float
    less: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class Runs:
    """The tutorial's protocol, run many times."""

    gain: Difference
    more_sd: float
    less_sd: float
    seen: float
    """The share of runs in which the claim would have been seen."""
    count: int


@dataclass(frozen=True)
class Measured:
    """A claim with what was measured. `honest` and `truth` are None where there is nothing to measure them by."""

    claim: Claim
    runs: Runs
    honest: Difference | None
    truth: Difference | None
    holds: str


def measure(claim: Claim, tutorial: StudyResult, honest: StudyResult | None) -> Measured:
    """Measure one claim in the results of both protocols, and judge it by what is nearest to the truth."""
    runs = as_published(claim, tutorial)
    fair = None if honest is None else as_honest(claim, honest)
    truth = on_fresh_rows(claim, tutorial)
    return Measured(claim, runs, fair, truth, judge(claim, runs, fair, truth))


def as_published(claim: Claim, result: StudyResult) -> Runs:
    """Every seed is somebody who ran the tutorial once; of several strengths, each takes the best on the test rows."""
    more, less = (picked(result, side, claim.quantity) for side in claim.tutorial)
    return Runs(
        difference(more, less, result.fold_rows),
        _sd(more),
        _sd(less),
        seen(claim, more - less, int(result.fold_rows[0, 1])),
        int(np.isfinite(more - less).sum()),
    )


def as_honest(claim: Claim, result: StudyResult) -> Difference:
    """Over folds inside the training rows; of several strengths, each fold takes the best on the other folds."""
    more, less = (crossed_of(result, side, claim.quantity) for side in claim.honest)
    return difference(more, less, result.fold_rows)


def on_fresh_rows(claim: Claim, result: StudyResult) -> Difference | None:
    """The tutorial's own fits, judged on fresh rows of the same generator; None where there is none."""
    if claim.quantity != ACCURACY or f"validation/{FRESH}" not in result.quantities:
        return None
    more, less = (picked(result, side, FRESH) for side in claim.tutorial)
    return difference(more, less, result.fold_rows)


def difference(more: Table, less: Table, fold_rows: np.ndarray) -> Difference:
    """The paired difference, over folds where there are several, else over seeds.

    Folds that all show the same difference give no interval: that is a matter of few rows, not of certainty.
    """
    found = compare(more, less, fold_rows)
    alike = found.over == "folds" and not found.low < found.high
    low, high = (float("nan"), float("nan")) if alike else (found.low, found.high)
    return Difference(_mean(more), _mean(less), found.difference, low, high)


def seen(claim: Claim, gains: Table, rows: int) -> float:
    """The share of runs that show the claim: more, by however little, or for a claim of sameness the same number."""
    known = gains[np.isfinite(gains)]
    if not len(known):
        return float("nan")
    half = 0.5 / rows if claim.quantity == ACCURACY else 0.0
    return float(np.mean(np.abs(known) <= half if claim.kind == "same" else known > half))


def settings_of(result: StudyResult, side: Side) -> np.ndarray:
    """The settings of a side, weak to strong; a strength is that of the arm's first slot."""
    number = [arm.name for arm in result.arms].index(side.arm)
    path = result.path(number)
    if not side.strengths:
        return path
    own = result.setting_strengths[path][:, result.arms[number].slots[0]]
    wanted = np.isclose(own[:, None], side.strengths, rtol=1e-6, atol=0).any(axis=1)
    return path[wanted]


def picked(result: StudyResult, side: Side, quantity: str) -> Table:
    """A side's quantity, in each run at the strength with the best accuracy on that run's test rows."""
    settings = settings_of(result, side)
    values = table_of(result, quantity)[settings]
    best = np.argmax(np.nan_to_num(table_of(result, ACCURACY)[settings], nan=-np.inf), axis=0)
    return np.take_along_axis(values, best[None], axis=0)[0]


def crossed_of(result: StudyResult, side: Side, quantity: str) -> Table:
    """A side's quantity, in each fold at the strength that the other folds choose; diagnostics have one strength."""
    settings = settings_of(result, side)
    if quantity == ACCURACY:
        return cross_select(settings, table_of(result, ACCURACY), maximize=True)
    (setting,) = settings
    return table_of(result, quantity)[setting]


def _mean(values: Table) -> float:
    return float(nan_mean(nan_mean(values, 0), 0))


def _sd(values: Table) -> float:
    known = values[np.isfinite(values)]
    return float(np.std(known, ddof=1)) if len(known) > 1 else float("nan")
