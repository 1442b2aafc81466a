"""Search along the frontier of score and exact zeros of one tensor: which layer makes it sparse at the least cost?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any, cast

import keras
import numpy as np
from jaxtyping import Float

from bridle._api._result import Result
from bridle._api._search_arms import Terms, find_tensor, frontier_arms
from bridle._api._search_finalists import Finalist, Finalists, by_name, count_candidates, narrowed
from bridle._api._search_time import (
    FEW,
    LEAST,
    MAX_SEEDS,
    SCREENING,
    SHORT,
    TRACES,
    Clock,
    Pace,
    common_folds,
    compile_folds,
    measure_pace,
    trace,
    with_arms,
    with_folds,
)
from bridle._api._study import run_prepared
from bridle._errors import InputError
from bridle._keras import watching
from bridle.results import StudyResult
from bridle.stats import (
    LEVEL,
    MORE_ZEROS,
    TENSOR,
    find_crossing,
    find_optimal,
    nan_mean,
    one_strength_arms,
    path_from_none,
    zeros_by_fit,
)
from bridle.study import RunOptions
from bridle.study.design import Prepared, compile_ahead

STEPS, PILOT = 6, 8
"""The half decades of strengths of an arm in the first stage, and the estimated number of fits that find their end."""
TRIAL_ROWS = 256
"""The rows on which the exact zeros of the tensor are counted before training."""
NEAR, FAR = 0.4, 0.8
"""The shares of the way of an arm from the zeros of none to its most, between which finalists are tested."""
AROUND = 2.0
"""Finalists are tested from at least this factor below the strength at the goal to this factor above it."""
POINTS, FEW_POINTS = 6, 4
"""The number of strengths of a finalist, and that where time is short."""

NEARLY_ALL = 0.99
"""A larger share of zeros counts as this one, so that strengths below a collapse are found too."""

SAME_KNEE = 1e-6
"""Zeros that exceed the loss of score by at most this more than others do are no better a knee."""

Prepare = Callable[[Mapping[str, Terms], Sequence[int]], Prepared]
"""(arms, seeds) → the study of these arms."""


@dataclass(frozen=True)
class ScreenedPath:
    """The path of one arm in the first stage, after `none`: means over fits. Zeros are cut at `NEARLY_ALL`."""

    zeros: Float[np.ndarray, "point"]
    gain: Float[np.ndarray, "point"]
    """The score, with the sign for which more is better."""
    strengths: Float[np.ndarray, "point"]

    @property
    def most(self) -> float:
        """The largest share of zeros."""
        return float(np.nanmax(self.zeros, initial=0.0))

    @property
    def adds(self) -> float:
        """The share of zeros that its strongest effect adds to those of `none`."""
        return self.most - float(self.zeros[0])

    def gain_at(self, level: float) -> float:
        """Return the score at a share of zeros; -infinity where the path does not reach it."""
        crossing = find_crossing(self.zeros, self.strengths, level)
        return -inf if crossing is None else float(crossing.of(self.gain))

    def strength_at(self, level: float) -> float:
        """Return the strength that makes a share of zeros, at most that of the path."""
        crossing = find_crossing(self.zeros, self.strengths, min(level, self.most))
        return 0.0 if crossing is None else crossing.strength

    def strengths_around(self, goal: float, points: int) -> tuple[float, ...]:
        """Return strengths, to two digits: the one at the goal, and others below and above it in equal ratios.

        For a path that does not reach the goal, they lie around the strength with the most zeros.
        """
        middle = self.strength_at(goal) or float(self.strengths[1])
        near, far = (self.strength_at(float(self.zeros[0]) + share * self.adds) for share in (NEAR, FAR))
        low, high = min(near or middle, middle / AROUND), max(far, middle * AROUND)
        weaker = np.geomspace(low, middle, points // 2)[:-1]
        ratios = [*weaker, *np.geomspace(middle, high, points - len(weaker))]
        return tuple(sorted({float(f"{strength:.2g}") for strength in ratios}))


def search_frontier(
    model: keras.Model, tensor: str, prepare: Prepare, clock: Clock, options: RunOptions
) -> tuple[Result, Result]:
    """Return the results of both stages of a search along the frontier.

    The first stage trains one fit for each strength of each arm, over three decades below the strength at which the
    network collapses, on as few folds as let every arm be tried. Its frontier gives the goal: the share of zeros
    from which on further zeros cost more than on average. The second stage tests with new seeds the arms that reach the
    goal, those with the best score there first, at strengths from none to beyond the goal.

    Args:
        model: a compiled model.
        tensor: the activation whose exact zeros count.
        prepare: function that prepares the study of some arms.
        clock: the time.
        options: options of the second stage: store and progress.

    """
    arms = frontier_arms(model, tensor)
    tensor = find_tensor(model, tensor).name
    prepared, traced = prepare(arms, (0,)), inf
    check_zeros(prepared, tensor)
    if clock.seconds > SHORT:
        traced = trace(common_folds(prepared))
    if TRACES * traced > clock.left:
        prepared = prepare(dict(list(arms.items())[:FEW]), (0,))
        traced = trace(common_folds(prepared))
    screen, pace = _screen(prepared, clock, traced, options.progress)
    names = [arm.name for arm in screen.data.arms[1:]]
    paths, goal = screened_paths(screen.data, tensor), choose_goal(screen.data, tensor)
    finalists, room = frontier_finalists(paths, goal), clock.left - pace.waiting
    if _cost(pace, finalists) > room:
        finalists = frontier_finalists(paths, goal, FEW_POINTS)
    while len(finalists) > LEAST and _cost(pace, finalists) > room:
        finalists.popitem()
    seeds = range(1, 1 + max(1, min(MAX_SEEDS, int(room / _cost(pace, finalists)))))
    terms = {name: dict(arms[name]) for name in finalists}
    bound = [narrowed(arm, finalists[arm.name].strengths) for arm in by_name(prepared, finalists)]
    final = with_arms(prepared, terms, bound, seeds)
    compile_ahead(final)
    compile_folds(final)
    facts: dict[str, object] = {"screened": len(names), "not screened": len(arms) - len(names)}
    facts |= {TENSOR: tensor, LEVEL: goal}
    final_options = replace(options, race=False, refit="all", until=-inf, pilot=False)
    return run_prepared(final, final_options, facts=facts), screen


def check_zeros(prepared: Prepared, tensor: str) -> None:
    """Raise `InputError` if no entry of an activation is exactly zero before training."""
    site = find_tensor(prepared.model, tensor)
    rows = keras.tree.map_structure(_trial_rows, prepared.folds[0].rows.x)
    with watching([site.tap]) as readings:
        prepared.model(rows, training=False)
    zeros = [bool(np.any(np.asarray(reading.value) == 0)) for reading in readings[0]]
    if not any(zeros):
        name = getattr(getattr(site.layer, "activation", None), "__name__", "")
        reason = f": its activation is {name!r}, which is hardly ever exactly zero" if name else ""
        raise InputError(
            f"Expected frontier as an activation with exact zeros, got {tensor!r}, which has none before training"
            f"{reason}. Give the layer the activation 'relu', add bridle.layers.TopK after it, or name another tensor."
        )


def _trial_rows(leaf: Any) -> Any:
    return leaf[:TRIAL_ROWS]


def _screen(prepared: Prepared, clock: Clock, traced: float, progress: bool) -> tuple[Result, Pace]:
    """Train the first stage: as many arms as the time allows, on as many folds as it allows for all of them."""
    common = common_folds(prepared)
    pace = measure_pace(common, prepared.folds, traced)
    compile_ahead(prepared)
    fits = SCREENING * (clock.left - pace.waiting) / pace.fit_seconds
    names = [arm.name for arm in prepared.arms[1:]]
    folds = max(1, min(len(common.folds), int((fits / len(names) - PILOT) / (STEPS + 1))))
    if prepared.score.pooled:
        folds = len(common.folds)
    names = names[: max(FEW, int(fits / (PILOT + (STEPS + 1) * folds)))]
    terms = {name: dict(prepared.question.arms[name]) for name in names}
    study = with_folds(with_arms(common, terms, by_name(prepared, names), (0,)), range(folds))
    result = run_prepared(study, RunOptions(refit=False, until=-inf, progress=progress, range_steps=STEPS))
    done = len(result.data.members) + cast(int, result.data.provenance.get("pilot", 0))
    seconds = cast(float, result.data.provenance.get("seconds", pace.fit_seconds * done))
    return result, pace.after(seconds, done)


def _cost(pace: Pace, finalists: Finalists) -> float:
    """Return the seconds of one seed of the second stage, in which every candidate is refitted."""
    return pace.fit_seconds * (pace.folds + 1) * count_candidates(finalists)


def screened_paths(screen: StudyResult, tensor: str) -> dict[str, ScreenedPath]:
    """Return the path of each arm of the first stage by its name."""
    zeros, gain = _means(screen, tensor)
    zeros = np.minimum(zeros, NEARLY_ALL)
    paths: dict[str, ScreenedPath] = {}
    for arm in one_strength_arms(screen):
        path, strengths = path_from_none(screen, arm)
        paths[screen.arms[arm].name] = ScreenedPath(zeros[path], gain[path], strengths)
    return paths


def choose_goal(screen: StudyResult, tensor: str) -> float:
    """Return the share of zeros at the knee of the frontier of the first stage."""
    return find_knee(*_means(screen, tensor))


def _means(screen: StudyResult, tensor: str) -> tuple[Float[np.ndarray, "candidate"], Float[np.ndarray, "candidate"]]:
    """Return the zeros and the score of each candidate, means over fits; more is better."""
    scores = screen.score.better(1.0) * screen.scores()
    return nan_mean(zeros_by_fit(screen, tensor), (1, 2)), nan_mean(scores, (1, 2))


def find_knee(zeros: Float[np.ndarray, "candidate"], gain: Float[np.ndarray, "candidate"]) -> float:
    """Return the share of zeros at the knee of a frontier: from there on, zeros cost more than on average.

    The zeros and the scores of the frontier are put on a scale from 0 to 1; the knee is where zeros exceed the loss of
    score the most, and that with more zeros of two such. Where they do nowhere, as the first zeros cost the most, it is
    the middle between the fewest and the most zeros. Where no candidate has more zeros than that with the best score,
    it is the share of that one. Candidates with nothing but zeros are left out, and a larger share than `NEARLY_ALL`
    counts as that.

    Args:
        zeros: the share of each candidate.
        gain: its score, with the sign for which more is better.

    >>> scores = np.array([1.0, 0.9, 0.0])
    >>> find_knee(np.array([0.2, 0.7, 0.8]), scores), find_knee(np.array([0.2, 0.21, 0.8]), scores)
    (0.7, 0.5)

    """
    usable = (zeros < 1) & np.isfinite(gain)
    if not usable.any():
        return 0.0
    zeros, gain = np.minimum(zeros[usable], NEARLY_ALL), gain[usable]
    front = find_optimal(zeros, gain)
    zeros, gain = zeros[front], gain[front]
    if np.ptp(zeros) <= 0 or np.ptp(gain) <= 0:
        return float(zeros.max())
    more = (zeros - zeros.min()) / np.ptp(zeros)
    lost = (gain.max() - gain) / np.ptp(gain)
    knee = float((more - lost).max())
    if knee <= SAME_KNEE:
        return float((zeros.min() + zeros.max()) / 2)
    return float(zeros[more - lost >= knee - SAME_KNEE].max())


def frontier_finalists(paths: Mapping[str, ScreenedPath], goal: float, points: int = POINTS) -> Finalists:
    """Return the arms of the second stage, the most important one first.

    These are the arms that make the tensor sparser: first those that reach the goal, by their score there, then the
    others, by their zeros. Where none makes it sparser, they are the first two.

    Args:
        paths: the paths of the first stage, by the name of the arm.
        goal: the share of zeros to compare at.
        points: the number of strengths of an arm.

    """
    sparser = {name: path for name, path in paths.items() if path.adds >= MORE_ZEROS}
    sparser = sparser or dict(list(paths.items())[:LEAST])
    order = sorted(sparser, key=lambda name: (-sparser[name].gain_at(goal), -sparser[name].most))
    return {name: Finalist((name,), (sparser[name].strengths_around(goal, points),)) for name in order}
