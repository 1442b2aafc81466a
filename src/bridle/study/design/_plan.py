"""The plan: every member, known before anything runs, and about how long they will take."""

from dataclasses import dataclass, replace
from time import perf_counter

import jax
import numpy as np

from bridle.engine import Programs, core_count, peak_memory_bytes, time_short_call
from bridle.results import Arm
from bridle.study.design._arms import candidate_table, to_result_arm
from bridle.study.design._prepare import Prepared

PILOT = 11
"""About how many fits find the range of one open grid."""
AROUND = {0: 0, 1: 4}
"""Settings tried around the best of an arm, by its number of open grids."""
AROUND_SEVERAL = 8


@dataclass(frozen=True)
class Plan:
    """The full table of members. Arms with an `"auto"` strength may add settings later."""

    arms: tuple[Arm, ...]
    slots: tuple[str, ...]
    setting_arm: np.ndarray
    setting_strengths: np.ndarray
    """Shape (setting, slot); zero is no penalty."""
    setting: np.ndarray
    """Of each member: its row in the two arrays above."""
    seed: np.ndarray
    fold: np.ndarray
    epochs: int
    programs: int
    seconds: float | None = None
    """About how long, where it was timed."""
    memory: int | None = None
    """About how many bytes the process holds at its peak, where programs were compiled."""
    pilot: int = 0
    """About how many further fits find the ranges of open grids, whose strengths are not known before."""
    later: int = 0
    """About how many further fits come after them: around the best of open grids, and refits on all rows."""

    @property
    def fits(self) -> int:
        """About how many fits there will be in all."""
        return len(self) + self.pilot + self.later

    def __len__(self) -> int:
        return len(self.setting)

    def __str__(self) -> str:
        seeds, folds = len(np.unique(self.seed)), len(np.unique(self.fold))
        arms = ", ".join(f"{arm.name} ({np.sum(self.setting_arm == number)})" for number, arm in enumerate(self.arms))
        lines = [
            f"{_count(len(self), 'fit')}: {_count(len(self.setting_arm), 'setting')} × {_count(seeds, 'seed')} × "
            f"{_count(folds, 'fold')}, {_count(self.epochs, 'epoch')} each",
            f"settings by arm: {arms}",
            f"programs to compile, with the refits': {self.programs}",
        ]
        if self.pilot:
            lines.append(f"before them about {self.pilot} fits that find the ranges of 'auto'")
        if self.later:
            around = "around the best of 'auto' and " if self.pilot else ""
            lines.append(f"after them about {_count(self.later, 'fit')} {around}on all rows")
        if self.seconds is not None:
            lines.append(f"about {duration(self.seconds)} on {_count(core_count(), 'thread')}")
        if self.memory is not None:
            lines.append(f"about {self.memory / 1e9:.1f} GB of memory at the peak")
        return "\n".join(lines)


def make_plan(prepared: Prepared) -> Plan:
    """Lay out arms × strengths × seeds × folds."""
    arms, strengths = candidate_table(prepared.arms, len(prepared.penalty_terms.slots))
    seeds, folds, settings = np.meshgrid(
        prepared.question.seed_numbers, np.arange(len(prepared.folds)), np.arange(len(arms)), indexing="ij"
    )
    return Plan(
        tuple(to_result_arm(arm) for arm in prepared.arms),
        prepared.penalty_terms.slots,
        arms,
        strengths,
        settings.ravel(),
        seeds.ravel(),
        folds.ravel(),
        prepared.question.epochs,
        2 * (len({fold.shape for fold in prepared.folds}) + 1),
        pilot=PILOT * sum(grid.open for arm in prepared.arms for grid in arm.grids),
        later=_later(prepared),
    )


def _later(prepared: Prepared) -> int:
    """About how many fits follow those that are laid out."""
    opened = [sum(grid.open for grid in arm.grids) for arm in prepared.arms]
    around = sum(AROUND.get(count, AROUND_SEVERAL) for count in opened)
    return len(prepared.question.seed_numbers) * (len(prepared.folds) * around + 2 * len(opened) - 1)


def make_timed_plan(prepared: Prepared) -> Plan:
    """The plan with an estimate: compiles what the run will use, trains one member briefly, and scales up."""
    plan = make_plan(prepared)
    began = perf_counter()
    compiled = [prepared.engine.programs(fold, {}) for fold in prepared.folds]
    for programs in compiled:
        programs.compile()
    compiling = perf_counter() - began
    engine, fold, programs = prepared.engine, prepared.folds[0], compiled[0]
    start = engine.start(prepared.question.seed_numbers[0])
    each = time_short_call(engine.recipe, fold, start, engine.strength_count, programs) / (programs.width or 1)
    each *= plan.epochs / engine.recipe.stops[0]
    seconds = compiling + each * plan.fits / min(core_count(), plan.fits)
    return replace(plan, seconds=float(seconds), memory=_memory(prepared, plan, programs))


def _memory(prepared: Prepared, plan: Plan, programs: Programs) -> int:
    """Bytes at the peak: the process as it is with its rows, calls under way, curves of all members, refitted weights.

    Curves are held twice while a result is made of them. Refitted are `none` and two settings of each arm.
    """
    engine = prepared.engine
    curve = len(engine.recipe.stops) * engine.training.quantity_count
    weights = sum(value.nbytes for value in jax.tree.leaves(engine.start(prepared.question.seed_numbers[0])[:2]))
    refits = len(prepared.question.seed_numbers) * (2 * len(plan.arms) - 1)
    calls = core_count() * programs.memory
    return peak_memory_bytes() + calls + 2 * 4 * curve * (len(plan) + refits) + refits * weights


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number:,} {noun}s"


def duration(seconds: float) -> str:
    """Seconds in a person's words.

    >>> duration(40), duration(600), duration(7200)
    ('40 s', '10 min', '2.0 h')
    """
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
