"""Arms at one share of exact zeros of a tensor: the score of each, interpolated along its strengths."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from bridle.results import StudyResult
from bridle.stats._compare import MIN_DIFFERENCES, Comparison, compare_all
from bridle.stats._intervals import mean_interval, widest_difference
from bridle.stats._summary import nan_mean

TENSOR, LEVEL = "frontier", "frontier zeros"
"""The facts of a search along the frontier: the tensor whose exact zeros count, and the share that it compares at."""


MORE_ZEROS = 0.01
"""A tensor is sparser if it has at least this share of zeros more."""


@dataclass(frozen=True)
class Crossing:
    """Point of a path with a share of zeros: between two neighbours, or at one of them."""

    points: tuple[int, int]
    """The positions of the neighbours."""
    share: float
    """The share of the way from the first to the second."""
    strength: float

    def of(self, values: Float[np.ndarray, "point *any"]) -> Any:
        """Return values there, by linear interpolation."""
        first, second = self.points
        return values[first] if not self.share else (1 - self.share) * values[first] + self.share * values[second]


def find_crossing(
    zeros: Float[np.ndarray, "point"], strengths: Float[np.ndarray, "point"], level: float
) -> Crossing | None:
    """Return the weakest point of a path with at least a share of zeros; None where the path does not reach it.

    Between two neighbours, other values are linear in the logarithm of the share of entries that are not zero, and the
    strength is geometric. Points where everything is zero, and those without a share, are left out.

    Args:
        zeros, strengths: of each point, from the weakest on.
        level: the share of zeros.

    >>> float(find_crossing(np.array([0.2, 0.6, 0.9]), np.array([0.0, 0.1, 1.0]), 0.8).of(np.array([1.0, 2.0, 4.0])))
    3.0

    """
    used = np.flatnonzero(zeros < 1)
    above = np.flatnonzero(zeros[used] >= level)
    if not len(above):
        return None
    second, first = int(used[above[0]]), int(used[max(0, above[0] - 1)])
    if first == second:
        return Crossing((first, first), 0.0, float(strengths[first]))
    start, end = np.log1p(-zeros[first]), np.log1p(-zeros[second])
    share = float((np.log1p(-level) - start) / (end - start))
    low, high = float(strengths[first]), float(strengths[second])
    return Crossing((first, second), share, share * high if low == 0 else low * (high / low) ** share)


@dataclass(frozen=True)
class ArmAtZeros:
    """One arm at a share of exact zeros, the mean over fits; NaN where its path does not reach it."""

    arm: int
    strength: float
    """The strength that makes this share."""
    most: float
    """The largest share of zeros of a candidate, without those that are all zero."""
    score: float
    low: float
    """The lower end of the 95 % interval of the score over folds, or over seeds of one validation set."""
    high: float
    cost: Comparison | None = None
    """How much worse the score is than without regularizers, corrected over arms."""
    behind: Comparison | None = None
    """How much worse the score is than that of the first arm, corrected over arms; None for that arm itself."""


def zeros_by_fit(result: StudyResult, tensor: str) -> Float[np.ndarray, "candidate seed fold"]:
    """Return the share of exact zeros of a tensor in every cross-validated fit."""
    return result.by_candidate(result.diagnostic(f"zeros/{tensor}"))


def one_strength_arms(result: StudyResult) -> list[int]:
    """Return the arms that vary one strength."""
    return [arm for arm in range(1, len(result.arms)) if len(result.arms[arm].slots) == 1]


def path_from_none(result: StudyResult, arm: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the candidates of an arm with one strength after `none`, and their strengths."""
    path, (slot,) = result.path(arm), result.arms[arm].slots
    none = result.path(0)[:1]
    return np.concatenate([none, path]), np.concatenate([np.zeros(len(none)), result.setting_strengths[path, slot]])


def find_optimal(share: Float[np.ndarray, "point"], gain: Float[np.ndarray, "point"]) -> Bool[np.ndarray, "point"]:
    """Return True for each point that no other one beats in one of both and equals or beats in the other."""
    as_good = (share[None, :] >= share[:, None]) & (gain[None, :] >= gain[:, None])
    better = (share[None, :] > share[:, None]) | (gain[None, :] > gain[:, None])
    return np.asarray(~(as_good & better).any(axis=1))


def compare_at_zeros(result: StudyResult, tensor: str, level: float, candidate: int | None = None) -> list[ArmAtZeros]:
    """Return every arm with one strength at a share of exact zeros of a tensor, the best first.

    The mean zeros over fits give the two neighbours on the path of an arm, from `none` on, as `find_crossing` says. The
    score of each fold and seed is interpolated between them, so that arms are compared paired by fold. Arms that do not
    reach the share follow, those with the most zeros first. With `candidate`, its arm has the measured scores of that
    one and comes first.
    """
    zeros, scores, sign = nan_mean(zeros_by_fit(result, tensor), (1, 2)), result.scores(), result.score.better(1.0)
    tables: dict[int, np.ndarray] = {}
    arms: list[ArmAtZeros] = []
    for arm in one_strength_arms(result):
        path, strengths = path_from_none(result, arm)
        crossing = find_crossing(zeros[path], strengths, level)
        table = np.full(scores.shape[1:], np.nan) if crossing is None else crossing.of(scores[path])
        strength = np.nan if crossing is None else crossing.strength
        if candidate is not None and arm == result.setting_arm[candidate]:
            table, strength = scores[candidate], float(strengths[path == candidate][0])
        tables[arm] = sign * table
        most = float(np.nanmax(np.where(zeros[path] < 1, zeros[path], np.nan), initial=0.0))
        arms.append(ArmAtZeros(arm, strength, most, *_interval(table, result)))
    own = -1 if candidate is None else int(result.setting_arm[candidate])
    arms.sort(key=lambda one: (one.arm != own, np.isnan(one.score), -sign * np.nan_to_num(one.score), -one.most))
    there = [one for one in arms if np.isfinite(one.score)]
    if not there:
        return arms
    compared_with = partial(
        compare_all,
        fold_rows=result.fold_rows,
        family=_family(result, len(there)),
        widest=widest_difference(result.score.measure, scores),
    )
    best, others = tables[there[0].arm], [tables[one.arm] for one in there]
    costs = [_negated(gain) for gain in compared_with(others, sign * scores[result.path(0)[0]])]
    behind = [None, *map(_negated, compared_with(others[1:], best))]
    compared = [replace(one, cost=costs[at], behind=behind[at]) for at, one in enumerate(there)]
    return [*compared, *arms[len(there) :]]


@dataclass(frozen=True)
class SparseAnswer:
    """Answer of a search along the frontier."""

    tensor: str
    level: float
    """The share of zeros at which arms are compared: that of the candidate, or that of the search if there is none."""
    arm: int
    """The arm of the candidate; 0 if no arm makes the tensor sparser without a collapse."""
    candidate: int
    """Of those that no arm beats at equal zeros, and no candidate with as many zeros, the one nearest to the search's
    share."""
    arms: Sequence[ArmAtZeros]
    """All arms at this share, that of the candidate first."""

    @property
    def scores(self) -> dict[int, float]:
        """The score of each arm that reaches this share: that of the candidate, and of the others there."""
        return {one.arm: one.score for one in self.arms if np.isfinite(one.score)}

    @property
    def gains(self) -> dict[int, Comparison]:
        """The gain of each of these arms over none: positive is better, so it is below zero if zeros cost score."""
        return {one.arm: _negated(one.cost) for one in self.arms if one.cost is not None}


def sparse_answer(result: StudyResult) -> SparseAnswer | None:
    """Return the answer of a search along the frontier, by the facts of its record; None for any other study."""
    tensor, level = result.provenance.get(TENSOR), result.provenance.get(LEVEL)
    if not isinstance(tensor, str) or not isinstance(level, int | float) or not len(result.members):
        return None
    none, sign = int(result.path(0)[0]), result.score.better(1.0)
    zeros, gain = nan_mean(zeros_by_fit(result, tensor), (1, 2)), sign * nan_mean(result.scores(), (1, 2))
    paths = {arm: path_from_none(result, arm) for arm in one_strength_arms(result)}
    sparser = np.isfinite(gain) & (zeros >= zeros[none] + MORE_ZEROS) & (zeros < 1)
    usable = [index for path, _ in paths.values() for index in path[1:].tolist() if sparser[index]]
    for candidate in sorted(usable, key=lambda index: (abs(zeros[index] - level), -gain[index])):
        if any(zeros[one] >= zeros[candidate] and gain[one] > gain[candidate] for one in usable):
            continue  # also by another strength of its own arm, whose zeros need not be monotone
        there, arm = float(zeros[candidate]), int(result.setting_arm[candidate])
        crossings = [
            (path, find_crossing(zeros[path], strengths, there))
            for other, (path, strengths) in paths.items()
            if other != arm
        ]
        if all(crossing is None or not crossing.of(gain[path]) > gain[candidate] for path, crossing in crossings):
            return SparseAnswer(tensor, there, arm, candidate, compare_at_zeros(result, tensor, there, candidate))
    return SparseAnswer(tensor, float(level), 0, none, compare_at_zeros(result, tensor, float(level)))


def _interval(table: Float[np.ndarray, "seed fold"], result: StudyResult) -> tuple[float, float, float]:
    """Return the mean and its 95 % interval over folds, or over seeds of one validation set."""
    train, validation = result.fold_rows.mean(axis=0)
    folds = table.shape[1] > 1
    values = nan_mean(table, 0) if folds else table[:, 0]
    mean, low, high = mean_interval(values, test_share=float(validation / train) if folds else 0.0)
    few = np.isfinite(values).sum() < MIN_DIFFERENCES
    return mean, np.nan if few else low, np.nan if few else high


def _negated(gain: Comparison) -> Comparison:
    """Return a difference with the other sign."""
    return replace(gain, difference=-gain.difference, low=-gain.high, high=-gain.low)


def _family(result: StudyResult, arms: int) -> int:
    """Return the number of arms that intervals are corrected over: all that were screened on the same rows."""
    screened = result.provenance.get("screened")
    return max(arms, screened if isinstance(screened, int) else 0)
