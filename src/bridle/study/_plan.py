"""The plan: every member, known before anything runs, and about how long they will take."""

from dataclasses import dataclass
from time import perf_counter

import numpy as np

from bridle.population import cores, starting
from bridle.results import Arm
from bridle.study._arms import as_arm, table
from bridle.study._prepare import Prepared


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
        if self.seconds is not None:
            lines.append(
                f"about {_duration(self.seconds)} on {_count(cores(), 'thread')}, before refits and extended grids"
            )
        return "\n".join(lines)


def make_plan(prepared: Prepared) -> Plan:
    """Lay out arms × strengths × seeds × folds."""
    arms, strengths = table(prepared.treatments, len(prepared.charges.slots))
    seeds, folds, settings = np.meshgrid(
        prepared.question.seed_numbers, np.arange(len(prepared.folds)), np.arange(len(arms)), indexing="ij"
    )
    return Plan(
        tuple(as_arm(treatment) for treatment in prepared.treatments),
        prepared.charges.slots,
        arms,
        strengths,
        settings.ravel(),
        seeds.ravel(),
        folds.ravel(),
        prepared.question.epochs,
        2 * (len({fold.shape for fold in prepared.folds}) + 1),
    )


def timed_plan(prepared: Prepared) -> Plan:
    """The plan with an estimate: compiles what the run will use, trains one member briefly, and scales up."""
    plan = make_plan(prepared)
    began = perf_counter()
    compiled = [prepared.workshop.programs(fold, {}) for fold in prepared.folds]
    compiling = perf_counter() - began
    workshop, fold, programs = prepared.workshop, prepared.folds[0], compiled[0]
    state = starting(workshop.objective, *workshop.start(prepared.question.seed_numbers[0]))
    setting = plan.setting_strengths[-1].astype(np.float32)
    lengths = np.zeros(programs.capacity, np.int32)
    lengths[0] = workshop.recipe.stops[0]
    fastest = np.inf
    for _ in range(3):
        began = perf_counter()
        programs.train(state, setting, fold.rows, np.zeros(2, np.int32), np.int32(0), lengths, np.int32(1))[
            1
        ].block_until_ready()
        fastest = min(fastest, perf_counter() - began)
    each = fastest * plan.epochs / workshop.recipe.stops[0]
    seconds = compiling + each * len(plan) / min(cores(), len(plan))
    return Plan(**{**vars(plan), "seconds": float(seconds)})


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number:,} {noun}s"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
