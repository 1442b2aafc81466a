"""Finalists of a search: the arms of the second stage, with the strengths that the first stage left."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, cast

import numpy as np

from bridle._api._search_arms import best_of_groups
from bridle.placement import by_target
from bridle.regularizers import Grid
from bridle.results import StudyResult
from bridle.stats import near_best, weigh_evidence
from bridle.study.design import BoundArm, Prepared, join_arms

SINGLES, PAIRS = 3, 2
"""The number of arms of the first stage that go on alone, and of the pairs of two from different groups."""
PAIR_STRENGTHS, LAYER_STRENGTHS = 3, 5
"""The largest number of strengths of each part of a pair, and of an arm of one layer."""


@dataclass(frozen=True)
class Finalist:
    """Arm of the second stage: arms of the search that it joins, and the strengths of each of its slots."""

    parts: tuple[str, ...]
    strengths: tuple[tuple[float, ...], ...]

    @property
    def candidates(self) -> int:
        """The number of combinations of its strengths."""
        return len(list(product(*self.strengths)))

    def bound(self, name: str, arms: Mapping[str, BoundArm]) -> BoundArm:
        """Return the arm, from the arms of the model that it joins."""
        return narrowed(join_arms(name, [arms[part] for part in self.parts]), self.strengths)


Finalists = dict[str, Finalist]
"""Finalists by name, in the order in which they get time."""


def choose_finalists(screen: StudyResult, by_layer: Mapping[str, Iterable[str]]) -> Finalists:
    """Return the arms of the second stage, the most important one first.

    These are the best arms, the best one joined with the best of other groups, and the best one of `by_layer` in each
    of its layers. Their strengths are those near the best one, as `near_best` says, so that no strength is left out
    for a fold because of that fold.

    Args:
        screen: the result of the first stage.
        by_layer: the names of the arms of single layers, by the name of the arm of all layers together.

    """
    order = ranked_arms(screen)
    singles: Finalists = {name: Finalist((name,), near_strengths(screen, name)) for name in order}
    first, *others = best_of_groups(screen.arms[index] for index in order.values())
    pairs: Finalists = {}
    for other in others[:PAIRS]:
        strengths = (*singles[first].strengths, *singles[other].strengths)
        few = tuple(spread(values, PAIR_STRENGTHS) for values in strengths)
        pairs[f"{first} with {other}"] = Finalist((first, other), few)
    layers: Finalists = {}
    for name in [name for name in order if by_layer.get(name)][:1]:
        layers = {layer: Finalist((layer,), path_strengths(screen, name)) for layer in by_layer[name]}
    alone, joined = list(singles.items())[:SINGLES], list(pairs.items())
    return dict([*alone[:1], *joined[:1], *alone[1:], *joined[1:], *layers.items()])


def by_name(prepared: Prepared, names: Iterable[str]) -> list[BoundArm]:
    """Return the arms of a study with these names."""
    arms = {arm.name: arm for arm in prepared.arms}
    return [arms[name] for name in names]


def narrowed(arm: BoundArm, strengths: Sequence[tuple[float, ...]]) -> BoundArm:
    """Return an arm with these strengths in each of its slots."""
    grids = zip(arm.grids, strengths, strict=True)
    return replace(arm, grids=tuple(Grid(values, grid.open, grid.linear) for grid, values in grids))


def count_candidates(finalists: Finalists) -> int:
    """Return the number of candidates of a second stage, `none` included."""
    return 1 + sum(finalist.candidates for finalist in finalists.values())


def ranked_arms(result: StudyResult) -> dict[str, int]:
    """Return the index of each arm that has a choice by its name, from the best to the worst."""
    evidence = weigh_evidence(result)
    sign = 1.0 if result.score.maximize else -1.0
    indices = sorted((arm for arm in evidence.choices if arm), key=lambda arm: -sign * evidence.quoted[arm])
    return {result.arms[arm].name: arm for arm in indices}


def near_strengths(screen: StudyResult, name: str) -> tuple[tuple[float, ...], ...]:
    """Return for each slot of an arm its strengths near the best one."""
    arm = [each.name for each in screen.arms].index(name)
    path, slots = screen.path(arm), list(screen.arms[arm].slots)
    near = path[near_best(screen.scores()[path], maximize=screen.score.maximize)]
    return tuple(tuple(sorted({float(value) for value in screen.setting_strengths[near, slot]})) for slot in slots)


def path_strengths(screen: StudyResult, name: str) -> tuple[tuple[float, ...], ...]:
    """Return for each slot of an arm a few of the strengths of its path."""
    arm = [each.name for each in screen.arms].index(name)
    path, slots = screen.path(arm), screen.arms[arm].slots
    values = (tuple(sorted({float(value) for value in screen.setting_strengths[path, slot]})) for slot in slots)
    return tuple(spread(strengths, LAYER_STRENGTHS) for strengths in values)


def spread(values: Sequence[float], most: int) -> tuple[float, ...]:
    """Return at most this many values, evenly from the first to the last.

    >>> spread((1, 2, 3, 4, 5, 6), 3)
    (1, 3, 6)
    """
    if len(values) <= most:
        return tuple(values)
    return tuple(values[int(position)] for position in np.linspace(0, len(values) - 1, most))


def join_terms(parts: Iterable[str], arms: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the terms of several arms as those of one; a list where several have one at the same target."""
    pairs: list[tuple[str, Any]] = []
    for part in parts:
        for target, value in arms[part].items():
            pairs += [(target, item) for item in cast("list[Any]", value if isinstance(value, list) else [value])]
    return by_target(pairs)
