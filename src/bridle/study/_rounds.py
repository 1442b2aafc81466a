"""Rounds of a race: all candidates with the first seed, then fewer with each further seed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from bridle._errors import InputError
from bridle.results import StudyResult
from bridle.stats import still_racing, weigh_evidence
from bridle.store import INDEX_FILE, Store
from bridle.study.design._plan import FIRST_ARM_ROUND
from bridle.study.design._prepared import Prepared

ROUNDS = "rounds"
"""The race that adds one seed at a time."""


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
