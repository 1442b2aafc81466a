"""Arms at one share of exact zeros of a tensor: the score of each, interpolated along its strengths."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from jaxtyping import Float

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
    """A point of a path with at least one share of zeros; NaN where the path does not reach it."""

    score: float
    strength: float


NOWHERE = Crossing(np.nan, np.nan)


def find_crossing(
    zeros: Float[np.ndarray, "point"],
    scores: Float[np.ndarray, "point"],
    strengths: Float[np.ndarray, "point"],
    level: float,
) -> Crossing:
    """Return the weakest point of a path with at least a share of zeros.

    Between two neighbours, the score is linear in the logarithm of the share of entries that are not zero, and the
    strength is geometric. Points where everything is zero are left out.

    Args:
        zeros, scores, strengths: of one fit for each strength, from the weakest on.
        level: the share of zeros.

    >>> find_crossing(np.array([0.2, 0.6, 0.9]), np.array([1.0, 2.0, 4.0]), np.array([0.0, 0.1, 1.0]), 0.8)
    Crossing(score=3.0, strength=0.31622776601683794)

    """
    used = np.isfinite(zeros) & np.isfinite(scores) & (zeros < 1)
    zeros, scores, strengths = zeros[used], scores[used], strengths[used]
    above = np.flatnonzero(zeros >= level)
    if not len(above):
        return NOWHERE
    if above[0] == 0:
        return Crossing(float(scores[0]), float(strengths[0]))
    pair = slice(int(above[0]) - 1, int(above[0]) + 1)
    start, end = np.log1p(-zeros[pair])
    share = float((np.log1p(-level) - start) / (end - start))
    low, high = strengths[pair]
    strength = share * high if low == 0 else low * (high / low) ** share
    return Crossing(float(scores[pair] @ np.array([1 - share, share])), float(strength))


@dataclass(frozen=True)
class ArmAtZeros:
    """One arm at a share of exact zeros; NaN where a fit does not reach it."""

    arm: int
    strength: float
    """The geometric mean over fits of the strength that makes this share."""
    reached: float
    """The share of the fits of its path that reach it."""
    most: float
    """The largest share of zeros of a candidate, mean over fits; without those that are all zero."""
    score: float
    low: float
    """The lower end of the 95 % interval of the score over folds, or over seeds of one validation set."""
    high: float
    cost: Comparison | None = None
    """How much worse the score is than without regularizers, corrected over arms."""
    behind: Comparison | None = None
    """How much worse the score is than that of the best arm, corrected over arms; None for that arm itself."""


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


def compare_at_zeros(result: StudyResult, tensor: str, level: float) -> list[ArmAtZeros]:
    """Return every arm with one strength at a share of exact zeros of a tensor, the best first.

    The score of each fold and seed is that of `find_crossing`, from `none` on. Arms are compared where every fit
    reaches the share, paired by fold; the others follow, those with the most zeros first.
    """
    zeros, scores, sign = zeros_by_fit(result, tensor), result.scores(), 1.0 if result.score.maximize else -1.0
    tables: dict[int, np.ndarray] = {}
    arms: list[ArmAtZeros] = []
    for arm in one_strength_arms(result):
        path, strengths = path_from_none(result, arm)
        table, strength = _crossings(zeros[path], scores[path], strengths, level)
        reached = float(np.isfinite(table).sum() / max(1, np.isfinite(scores[path]).any(axis=0).sum()))
        partly = np.where(zeros[path] < 1, zeros[path], np.nan)
        most = float(np.nanmax(nan_mean(partly, (1, 2)), initial=0.0))
        full = reached >= 1
        tables[arm] = sign * table
        interval = _interval(table, result) if full else (np.nan, np.nan, np.nan)
        arms.append(ArmAtZeros(arm, strength if full else np.nan, reached, most, *interval))
    order = sorted(arms, key=lambda one: (np.isnan(one.score), -sign * np.nan_to_num(one.score), -one.most))
    there = [one for one in order if np.isfinite(one.score)]
    if not there:
        return order
    compared_with = partial(
        compare_all,
        fold_rows=result.fold_rows,
        family=_family(result, len(there)),
        widest=widest_difference(result.score.measure, scores),
    )
    best, none = tables[there[0].arm], sign * scores[result.path(0)[0]]
    others = [tables[one.arm] for one in there]
    costs = [_negated(gain) for gain in compared_with(others, none)]
    behind = [None, *map(_negated, compared_with(others[1:], best))]
    compared = [replace(one, cost=costs[at], behind=behind[at]) for at, one in enumerate(there)]
    return [*compared, *order[len(there) :]]


def nearest_candidate(result: StudyResult, tensor: str, arm: int, level: float) -> int:
    """Return the candidate of an arm whose mean share of zeros is nearest to a level."""
    path = result.path(arm)
    distance = np.abs(nan_mean(zeros_by_fit(result, tensor)[path], (1, 2)) - level)
    return int(path[int(np.nanargmin(distance))])


@dataclass(frozen=True)
class SparseAnswer:
    """Answer of a search along the frontier."""

    tensor: str
    level: float
    """The share of zeros at which arms are compared: that of the candidate, or that of the search if there is none."""
    arm: int
    """The best arm at this share; 0 if no arm reaches it, or if `none` has it too."""
    candidate: int
    """Its candidate whose share of zeros is nearest; that of `none` for arm 0."""
    arms: Sequence[ArmAtZeros]


def sparse_answer(result: StudyResult) -> SparseAnswer | None:
    """Return the answer of a search along the frontier, by the facts of its record; None for any other study."""
    tensor, level = result.provenance.get(TENSOR), result.provenance.get(LEVEL)
    if not isinstance(tensor, str) or not isinstance(level, int | float) or not len(result.members):
        return None
    arms, none = compare_at_zeros(result, tensor, float(level)), int(result.path(0)[0])
    dense = float(nan_mean(zeros_by_fit(result, tensor)[none], (0, 1)))
    if not arms or not np.isfinite(arms[0].score) or level < dense + MORE_ZEROS:
        return SparseAnswer(tensor, float(level), 0, none, arms)
    candidate = nearest_candidate(result, tensor, arms[0].arm, float(level))
    there = float(nan_mean(zeros_by_fit(result, tensor)[candidate], (0, 1)))
    at_candidate = compare_at_zeros(result, tensor, there)
    if not np.isfinite(at_candidate[0].score) or at_candidate[0].arm != arms[0].arm:
        return SparseAnswer(tensor, float(level), arms[0].arm, candidate, arms)
    return SparseAnswer(tensor, there, arms[0].arm, candidate, at_candidate)


def _crossings(
    zeros: Float[np.ndarray, "point seed fold"],
    scores: Float[np.ndarray, "point seed fold"],
    strengths: Float[np.ndarray, "point"],
    level: float,
) -> tuple[Float[np.ndarray, "seed fold"], float]:
    """Return the score of each fit at a share of zeros, and the geometric mean of the strengths there."""
    cells = list(np.ndindex(zeros.shape[1:]))
    points = [find_crossing(zeros[:, seed, fold], scores[:, seed, fold], strengths, level) for seed, fold in cells]
    table = np.array([point.score for point in points]).reshape(zeros.shape[1:])
    positive = np.array([point.strength for point in points if point.strength > 0])
    return table, float(np.exp(np.log(positive).mean())) if len(positive) else 0.0


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
