"""Rounds of a race: all candidates with the first seed, then fewer with each further seed."""

from collections.abc import Mapping, Sequence

import numpy as np

from bridle.results import StudyResult
from bridle.stats import MIN_ARMS, MIN_STRENGTHS, still_racing
from bridle.study.design._arms import BoundArm
from bridle.study.design._plan import refining_candidates

ROUNDS = "rounds"
"""The race that adds one seed at a time."""
FIRST_ARM_ROUND = 2
"""The number of seeds after which a race begins to stop whole arms, and refines grids."""


def racing_candidates(result: StudyResult, racing: Sequence[int], seeds: int) -> list[int]:
    """Return the candidates that get a further seed, after `seeds` seeds: `none`, and those that `still_racing` keeps.

    All of `racing` have the fits of all seeds so far.
    """
    in_race = set(racing)
    ordered = [int(index) for arm in range(1, len(result.arms)) for index in result.path(arm) if index in in_race]
    stays = still_racing(
        result.scores()[ordered],
        result.setting_arm[ordered],
        maximize=result.score.maximize,
        stop_arms=seeds >= FIRST_ARM_ROUND,
    )
    none = [index for index in racing if result.setting_arm[index] == 0]
    return none + [index for index, stay in zip(ordered, stays, strict=True) if stay]


def expected_fits(arms: Sequence[BoundArm], seeds: int, folds: int) -> int:
    """Return about how many fits a race of these arms needs, without `none` among them."""
    counts, total = [(len(arm.candidates), refining_candidates(arm)) for arm in arms], 0
    for done in range(1, seeds + 1):
        total += 1 + sum(count for count, _ in counts)
        if done == min(FIRST_ARM_ROUND, seeds):
            total += done * sum(refining for _, refining in counts)
            counts = [(count + refining, 0) for count, refining in counts]
        counts = [(max(min(count, MIN_STRENGTHS), -(-count // 2)), refining) for count, refining in counts]
        if done >= FIRST_ARM_ROUND:
            counts = sorted(counts, reverse=True)[: max(MIN_ARMS, -(-len(counts) // 2))]
    return total * folds


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
