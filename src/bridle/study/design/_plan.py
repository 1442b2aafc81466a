"""The plan of a study: every fit, and an estimate of the time."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter

import jax
import numpy as np

from bridle._cards import card, paragraph, table_box
from bridle.engine import (
    Programs,
    StoredPrograms,
    core_count,
    peak_memory_bytes,
    time_short_call,
    time_stored_rows,
)
from bridle.results import Arm
from bridle.stats import MIN_ARMS, MIN_STRENGTHS
from bridle.study.design._arms import BoundArm, candidate_table, to_result_arm
from bridle.study.design._prepared import Prepared

PILOT_FITS = 11
"""Estimated fits to find the range of one open grid."""
REFINING_CANDIDATES = {0: 0, 1: 4}
"""Candidates tried around the best of an arm, by its number of open grids."""
MAX_REFINING_CANDIDATES = 8
"""Candidates tried around the best of an arm with several open grids."""
FIRST_ARM_ROUND = 2
"""The number of seeds after which a race begins to stop whole arms, and refines grids."""
MIN_TIMED_SECONDS = 0.05
"""The shortest call that is timed, if a fit takes as long."""
MAX_SECONDS_SHOWN = 90
"""Durations below this are written in seconds."""
MAX_MINUTE_SECONDS = 5400
"""Durations below this are written in minutes."""


@dataclass(frozen=True)
class Plan:
    """Table of the fits of a study. `Study.plan` returns it.

    Arms with an `"auto"` strength can add candidates later.
    """

    arms: tuple[Arm, ...]
    slots: tuple[str, ...]
    setting_arm: np.ndarray
    setting_strengths: np.ndarray
    """Shape (candidate, slot); zero is no penalty."""
    setting: np.ndarray
    """The candidate of each fit: its row in the two arrays above."""
    seed: np.ndarray
    fold: np.ndarray
    epochs: int
    programs: int
    seconds: float | None = None
    """Estimated seconds, where they were timed."""
    memory: int | None = None
    """Estimated peak memory of the process in bytes, where programs were compiled."""
    pilot: int = 0
    """Estimated further fits that find the ranges of open grids."""
    later: int = 0
    """Estimated further fits after the plan: around the best of open grids, and refits on all rows."""
    raced: int = 0
    """Estimated fits of a race by seeds, those around the best included; 0 without one."""

    @property
    def fits(self) -> int:
        """Estimated number of all fits."""
        return (self.raced or len(self)) + self.pilot + self.later

    def __len__(self) -> int:
        return len(self.setting)

    def __str__(self) -> str:
        seeds, folds = len(np.unique(self.seed)), len(np.unique(self.fold))
        arms = ", ".join(f"{arm.name} ({np.sum(self.setting_arm == index)})" for index, arm in enumerate(self.arms))
        lines = [
            f"{_count(len(self), 'fit')}: {_count(len(self.setting_arm), 'candidate')} × {_count(seeds, 'seed')} × "
            f"{_count(folds, 'fold')}, {_count(self.epochs, 'epoch')} each",
            f"candidates by arm: {arms}",
            f"programs to compile, with the refits': {self.programs}",
        ]
        if self.pilot:
            lines.append(f"before these about {self.pilot} fits to find the ranges of 'auto'")
        if self.raced:
            lines.append(f"about {self.raced:,} fits in a race, which gives further seeds to the better half")
        if self.later:
            around = "around the best of 'auto' and " if self.pilot and not self.raced else ""
            lines.append(f"after these about {_count(self.later, 'fit')} {around}on all rows")
        if self.seconds is not None:
            lines.append(f"about {duration(self.seconds)} on {_count(core_count(), 'thread')}")
        if self.memory is not None:
            lines.append(f"about {self.memory / 1e9:.1f} GB of memory at the peak")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Return the candidates of each arm as a table, and the estimates below it."""
        rows = [(arm.name, *self._of_arm(index)) for index, arm in enumerate(self.arms)]
        table = table_box(("arm", "candidates", "strengths", "fits"), rows)
        lines = str(self).splitlines()
        return card(table, *map(paragraph, [lines[0], *lines[2:]]))

    def _of_arm(self, arm: int) -> tuple[int, str, int]:
        """Return the candidates of an arm, their strengths in words, and its fits."""
        of_arm = self.setting_arm == arm
        values = self.setting_strengths[of_arm]
        shown = values[values > 0]
        ends = (
            ""
            if not shown.size
            else f"{shown.min():g}"
            if np.ptp(shown) == 0
            else f"{shown.min():g} to {shown.max():g}"
        )
        return int(of_arm.sum()), ends, int(of_arm[self.setting].sum())


def make_plan(prepared: Prepared, *, rounds: bool = False) -> Plan:
    """Return the plan of arms × strengths × seeds × folds; with `rounds` that of a race by seeds."""
    arms, strengths = candidate_table(prepared.arms, prepared.bound_terms.absent)
    scores_rows = prepared.engine.objective.score_rows is not None
    fold_sets = (prepared.folds, *prepared.arm_folds)
    seeds, folds, settings = np.meshgrid(
        prepared.question.seed_numbers, np.arange(len(prepared.folds)), np.arange(len(arms)), indexing="ij"
    )
    return Plan(
        tuple(to_result_arm(arm) for arm in prepared.arms),
        prepared.bound_terms.slots,
        arms,
        strengths,
        settings.ravel(),
        seeds.ravel(),
        folds.ravel(),
        prepared.question.epochs,
        sum((2 + scores_rows) * len({fold.shape for fold in folds}) + 2 for folds in fold_sets),
        pilot=PILOT_FITS * sum(grid.open for arm in prepared.arms for grid in arm.grids),
        later=_later(prepared, rounds),
        raced=_raced(prepared) if rounds else 0,
    )


def _raced(prepared: Prepared) -> int:
    return expected_fits(prepared.arms[1:], len(prepared.question.seed_numbers), len(prepared.folds))


def _later(prepared: Prepared, rounds: bool) -> int:
    """Return the estimated number of fits after those of the plan."""
    around = 0 if rounds else sum(map(refining_candidates, prepared.arms))
    return len(prepared.question.seed_numbers) * (len(prepared.folds) * around + 2 * len(prepared.arms) - 1)


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


def refining_candidates(arm: BoundArm) -> int:
    """Return the number of candidates that are tried around the best of an arm."""
    return REFINING_CANDIDATES.get(sum(grid.open for grid in arm.grids), MAX_REFINING_CANDIDATES)


def make_timed_plan(prepared: Prepared, *, rounds: bool = False) -> Plan:
    """Return the plan with an estimate: compile the programs of the run, train one fit briefly, and scale up."""
    plan = make_plan(prepared, rounds=rounds)
    began = perf_counter()
    compiled = [
        prepared.engine.programs(fold, {}, rule=rule)
        for rule, folds in enumerate((prepared.folds, *prepared.arm_folds))
        for fold in folds
    ]
    for programs in compiled:
        programs.compile()
    compiling = perf_counter() - began
    engine, fold, programs = prepared.engine, prepared.folds[0], compiled[0]
    start, stops = engine.start(prepared.question.seed_numbers[0]), engine.recipe.stops
    if isinstance(programs, StoredPrograms):
        fit_seconds = time_stored_rows(fold, start, engine.strength_count, programs) * plan.epochs
    else:
        fit_seconds = _fit_seconds(
            partial(time_short_call, fold, start, engine.strength_count, programs), programs, stops
        )
    seconds = compiling + fit_seconds * plan.fits / min(core_count(), plan.fits)
    return replace(plan, seconds=float(seconds), memory=_memory(prepared, plan, programs))


def _fit_seconds(timed: Callable[..., float], programs: Programs, stops: np.ndarray) -> float:
    """Return about the seconds of one fit on rows in memory; `timed` takes the number of points of a short call."""
    points, call_seconds = 1, timed()
    if call_seconds < MIN_TIMED_SECONDS:  # mostly the overhead of a call
        points = min(len(stops), programs.capacity, math.ceil(MIN_TIMED_SECONDS / call_seconds))
        call_seconds = timed(count=points)
    return call_seconds / (programs.width or 1) * stops[-1] / stops[points - 1]


def _memory(prepared: Prepared, plan: Plan, programs: Programs | StoredPrograms) -> int:
    """Return the peak memory in bytes: the process with its rows, running calls, curves of all fits, refitted weights.

    Curves and row scores are in memory twice while a result is built. Refits are `none` and two candidates of each arm.
    """
    engine = prepared.engine
    curve = len(engine.recipe.stops) * engine.training.quantity_count
    weights = sum(value.nbytes for value in jax.tree.leaves(engine.start(prepared.question.seed_numbers[0])[:2]))
    refits = len(prepared.question.seed_numbers) * (2 * len(plan.arms) - 1)
    calls = core_count() * programs.memory
    scored = 0 if engine.objective.score_rows is None else len(plan) * int(prepared.fold_rows[:, 1].max())
    return peak_memory_bytes() + calls + 2 * 4 * (curve * (len(plan) + refits) + scored) + refits * weights


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count:,} {noun}s"


def duration(seconds: float) -> str:
    """Return a duration as text.

    >>> duration(40), duration(600), duration(7200)
    ('40 s', '10 min', '2.0 h')
    """
    if seconds < MAX_SECONDS_SHOWN:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < MAX_MINUTE_SECONDS else f"{seconds / 3600:.1f} h"
