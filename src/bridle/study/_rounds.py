"""Rounds of a race: all candidates with the first seed, then fewer with each further seed."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from bridle._errors import InputError
from bridle.results import StudyResult
from bridle.stats import choose_candidates, still_racing, summarize, survivors, weigh_evidence
from bridle.store import INDEX_FILE, Store
from bridle.study.design._arms import BoundArm
from bridle.study.design._plan import FIRST_ARM_ROUND
from bridle.study.design._prepared import Prepared

ROUNDS = "rounds"
"""The race that adds one seed at a time."""
HALVING = "halving"
"""The race that adds one fold at a time."""
RUNGS = (0.2, 0.4, 0.7)
"""Shares of the cells after which a race stops strengths."""
HALVINGS, FIRST_HALVING = (0.4, 0.6, 0.8), 2
"""Shares of the folds after which a race by folds stops strengths, and the least number of them."""

Cell = tuple[int, int]
"""A seed and a fold."""
Growth = Callable[[BoundArm, tuple[float, ...]], BoundArm]
"""(arm, its best strengths) → the arm with more candidates."""


def check_race(prepared: Prepared) -> None:
    """Raise `InputError` for a study whose strengths cannot be stopped early."""
    if prepared.question.warm_start is not None:
        raise InputError(
            "Expected warm_start=None for a race, since a warm start trains every strength. Leave race out."
        )
    if prepared.score.pooled:
        raise InputError(
            f"Expected the score of single folds for a race, got {prepared.score.name}, which needs the fits of all "
            "folds. Leave race out."
        )


def race_of(prepared: Prepared, folder: str | Path | None) -> bool | Literal["rounds"]:
    """Return the default race: one by seeds where it is possible, and where the folder has no study without one."""
    if prepared.score.pooled or prepared.question.warm_start is not None:
        return False
    plan = None
    if folder is not None and (Path(folder) / INDEX_FILE).is_file():
        with Store(folder, create=False, write=False) as opened:
            plan = opened.fact("plan")
    return False if isinstance(plan, Mapping) and plan.get("race") is False else ROUNDS


def rungs(race: bool | str, seeds: int, folds: int) -> list[int]:
    """Return the numbers of cells after which a race goes on with fewer strengths; the last one is all cells.

    >>> rungs(True, 2, 5), rungs("halving", 2, 5), rungs("halving", 1, 100)
    ([2, 4, 7, 10], [2, 3, 4, 5, 10], [40, 60, 80, 100])
    """
    cells = seeds * folds
    if race == HALVING:
        ends = {max(FIRST_HALVING, math.ceil(share * folds)) for share in HALVINGS}
        return [*sorted(end for end in ends if end < folds), *range(folds, cells + 1, folds)]
    return [*sorted({round(share * cells) for share in RUNGS} - {0}), cells]


def promising(
    result: StudyResult, candidates: Sequence[int], cells: Sequence[Cell], race: bool | str
) -> dict[int, bool]:
    """Return for each candidate whether it stays in a race after these cells.

    With a race by folds, the better half of the strengths of an arm stays, else all that are not clearly worse than its
    best. `none` and arms of a single candidate always stay.
    """
    seeds = [int(np.searchsorted(result.seeds, seed)) for seed, _ in cells]
    by_cell = result.scores()[:, seeds, [fold for _, fold in cells]]
    stays: dict[int, bool] = {}
    for arm in dict.fromkeys(int(result.setting_arm[index]) for index in candidates):
        path = result.path(arm).tolist() if race == HALVING else candidates
        of_arm = [index for index in path if result.setting_arm[index] == arm and index in candidates]
        if len(of_arm) < 2:
            mask = np.ones(len(of_arm), bool)
        elif race == HALVING:
            scores = by_cell[of_arm].reshape(len(of_arm), max(seeds) + 1, -1)
            mask = still_racing(scores, np.full(len(of_arm), arm), maximize=result.score.maximize)
        else:
            mask = survivors(by_cell[of_arm], maximize=result.score.maximize)
        stays |= dict(zip(of_arm, map(bool, mask), strict=True))
    return {index: stays[index] for index in candidates}


def racing_candidates(result: StudyResult, racing: Sequence[int], seeds: int) -> list[int]:
    """Return the candidates that get a further seed, after `seeds` seeds.

    These are `none`, those that `still_racing` keeps, and those that the rule `recommended` selects for a fold, without
    its rows. All of `racing` have the fits of all seeds so far.
    """
    in_race = set(racing)
    ordered = [int(index) for arm in range(1, len(result.arms)) for index in result.path(arm) if index in in_race]
    stays = still_racing(
        result.scores()[ordered],
        result.setting_arm[ordered],
        maximize=result.score.maximize,
        stop_arms=seeds >= FIRST_ARM_ROUND,
    )
    none, selected = [index for index in racing if result.setting_arm[index] == 0], weigh_evidence(result).selected
    return none + [index for index, stay in zip(ordered, stays, strict=True) if stay or index in selected]


def grown_arms(
    result: StudyResult, arms: Sequence[BoundArm], strengths: Sequence[tuple[float, ...]], grow: Growth
) -> tuple[BoundArm, ...]:
    """Return the arms, with more candidates around the best of open grids, unless that scores exactly as `none`."""
    choices, means = choose_candidates(result), summarize(result.scores()).mean
    grown = list(arms)
    for arm, choice in choices.items():
        same = 0 in choices and means[choice.best] == means[choices[0].best]
        if any(grid.open for grid in grown[arm].grids) and not same:
            grown[arm] = grow(grown[arm], strengths[choice.best])
    return tuple(grown)


def rounds_sentence(counts: Mapping[int, int]) -> str:
    """Return the course of a race in words, from the number of candidates by the number of seeds that they have.

    >>> rounds_sentence({1: 55, 2: 31, 3: 12})
    'A race gave further seeds to the better half of the candidates: 55 have 1 seed, 31 have 2, 12 have 3.'
    """
    first, *rest = ((seeds, count) for seeds, count in sorted(counts.items()))
    text = ", ".join(
        [f"{first[1]} have {first[0]} seed{'s' if first[0] > 1 else ''}", *(f"{n} have {k}" for k, n in rest)]
    )
    return f"A race gave further seeds to the better half of the candidates: {text}."


def seed_counts(result: StudyResult) -> dict[int, int]:
    """Return the number of candidates with at least 1, 2 and so on seeds."""
    finished = np.isfinite(result.scores()).any(axis=2).sum(axis=1)
    return {seeds: int((finished >= seeds).sum()) for seeds in range(1, int(finished.max(initial=0)) + 1)}
