"""The only place that knows the engine's own parts: a population of exactly so many members, as a study runs it."""

from collections.abc import Callable
from time import perf_counter
from typing import Any

from benchmarks.engine.families import Family

from bridle import Study
from bridle.engine import FitSpec, run_fits
from bridle.study.design import make_plan


def make_prepared(family: Family, rows: Any, epochs: int, seeds: int) -> Any:
    """The study of one family, of about so many seeds, validating every epoch."""
    model, arms = family.study_model(), family.arms()
    study = Study(model, arms, seeds=seeds, epochs=epochs, batch_size=family.batch, curve_points=epochs)
    return study.prepare(rows.x, rows.y, validation=(rows.xv, rows.yv))


def make_runner(prepared: Any, setting: Any = None) -> tuple[Callable[[range, bool], float], Any]:
    """Compile; then a function that trains a member for each seed, and the engine with what is known of compiling.

    `setting` are strengths, by default those of the last candidate. The function returns seconds. With `drawn` the
    initial weights are drawn before its clock starts.
    """
    engine, rows = prepared.engine, prepared.folds[0]
    if setting is None:
        setting = make_plan(prepared).setting_strengths[-1].astype("float32")
    programs = engine.programs(rows, {})
    programs.compile()

    def run(seeds: range, drawn: bool) -> float:
        starts = {seed: engine.start(seed) for seed in seeds} if drawn else {}

        def start(seed: int) -> Callable[[], Any]:
            return lambda: starts.pop(seed) if drawn else engine.start(seed)

        began = perf_counter()
        chains = [[FitSpec(seed, seed, 0, setting, start(seed), rows, programs)] for seed in seeds]
        ignored = {"held_out": {}, "deliver": lambda fit, outcome: None, "watch": lambda progress: None}
        if not run_fits(engine.training, chains, **ignored):
            raise KeyboardInterrupt
        return perf_counter() - began

    return run, engine


def program_text(prepared: Any) -> str:
    """The compiled training program."""
    return prepared.engine.programs(prepared.folds[0], {}).train.compiled().as_text()
