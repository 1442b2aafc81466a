"""Run a study: cross-validate every setting, extend open grids, refit what was selected, look at held-out rows."""

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter

import jax
import keras
import numpy as np
import scipy
import sklearn

from bridle._errors import InputError
from bridle._interrupts import check, listening
from bridle._version import __version__
from bridle.population import Fit, Fold, Outcome, Progress, Rows, cores, run_fits
from bridle.results import ALL_ROWS, StudyResult
from bridle.stats import Choice, select, summarize
from bridle.study._arms import Treatment
from bridle.study._ledger import Key, Ledger
from bridle.study._picture import picture
from bridle.study._prepare import Prepared, refit_rows
from bridle.study._question import COLD

ROUNDS = 4
"""How often open grids are extended at most."""
PANELS = 6
"""Decision surfaces drawn at most: `none`, each arm's `best`, then their `1se`."""


@dataclass(frozen=True)
class Update:
    """What a progress bar needs."""

    stage: str
    progress: Progress
    best: tuple[str, float] | None
    """The leading setting in words and its mean score so far."""


Watch = Callable[[Update], None]


def run_study(
    prepared: Prepared,
    *,
    watch: Watch = lambda update: None,
    threads: int | None = None,
    width: int | None = None,
) -> tuple[StudyResult, bool]:
    """Run everything; also whether it ran to its end (False after Ctrl-C, with what had finished).

    Stages: every setting on every fold and seed; then, while the best of an open grid lies on its edge, that grid
    extended; then `none` and the selected settings of each arm on all rows, judged once on the held-out rows.
    """
    began = perf_counter()
    ledger = Ledger(prepared, prepared.treatments)

    def attentive(update: Update) -> None:
        check()
        watch(update)

    for name, value in (("threads", threads), ("width", width)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise InputError(f"Expected {name} as a whole number ≥ 1, got {value!r}. Leave it out for the best one.")
    prepared.workshop.width = width
    with listening():
        try:
            whole = _search(prepared, ledger, attentive, threads) and _refit(prepared, ledger, attentive, threads)
        except KeyboardInterrupt:
            whole = False
    result = ledger.result()
    return result.with_provenance(**_facts(prepared, perf_counter() - began, threads)), whole


def _search(prepared: Prepared, ledger: Ledger, watch: Watch, threads: int | None) -> bool:
    seeds, folds = prepared.question.seed_numbers, range(len(prepared.folds))
    for round_number in range(1 + ROUNDS):
        settings = ledger.add_settings()
        if not settings:
            return True
        groups = _groups(prepared, ledger, settings)
        chains = [[(n, seed, fold) for n in group] for seed in seeds for fold in folds for group in groups]
        stage = "fits" if round_number == 0 else "extending"
        if not _conduct(prepared, ledger, chains, prepared.folds, {}, stage, watch, threads):
            return False
        ledger.treatments = _extended(ledger)
    return True


def _groups(prepared: Prepared, ledger: Ledger, settings: Sequence[int]) -> list[list[int]]:
    """Settings to be trained one after another: each alone, or on warm paths those of an arm, along its path.

    An arm with new settings is trained anew as a whole then, for a fit depends on those before it.
    """
    if prepared.question.path == COLD:
        return [[setting] for setting in settings]
    return [ledger.path(arm) for arm in dict.fromkeys(ledger.setting_arm[setting] for setting in settings)]


def _extended(ledger: Ledger) -> tuple[Treatment, ...]:
    """The arms with open grids continued where the best lies on an edge and does not score exactly as `none` does."""
    result = ledger.result()
    choices, means = _choices(result), summarize(result.scores()).mean
    found = list(ledger.treatments)
    for arm, choice in choices.items():
        same = 0 in choices and means[choice.best] == means[choices[0].best]
        if any(grid.open for grid in found[arm].grids) and not same:
            found[arm] = found[arm].extended(ledger.setting_values[choice.best])
    return tuple(found)


def _choices(result: StudyResult) -> dict[int, Choice]:
    summary = summarize(result.scores())
    found = {arm: select(result.path(arm), summary, maximize=result.score.maximize) for arm in range(len(result.arms))}
    return {arm: choice for arm, choice in found.items() if choice is not None}


def _refit(prepared: Prepared, ledger: Ledger, watch: Watch, threads: int | None) -> bool:
    """Train `none` and each arm's `best` and `1se` on all rows, from every seed."""
    choices = _choices(ledger.result())
    if not choices:
        return True
    fold, data, held_out, ledger.held_out_rows = refit_rows(prepared)
    settings = sorted({setting for choice in choices.values() for setting in (choice.best, choice.one_se)})
    groups = _groups(prepared, ledger, settings)
    groups = [group[: 1 + max(n for n, setting in enumerate(group) if setting in settings)] for group in groups]
    chains = [[(n, seed, ALL_ROWS) for n in group] for seed in prepared.question.seed_numbers for group in groups]
    done = _conduct(prepared, ledger, chains, [fold], held_out, "refits", watch, threads, only=settings)
    both = [choice.best for choice in choices.values()] + [choice.one_se for choice in choices.values()]
    shown = list(dict.fromkeys(both))[:PANELS]
    ledger.picture = picture(prepared, data, {s: _variables(ledger, s) for s in shown})
    return done


def _variables(ledger: Ledger, setting: int) -> list[tuple[np.ndarray, ...]]:
    return [
        ledger.outcomes[key].variables
        for key in ledger.members
        if key[0] == setting and key[2] == ALL_ROWS and key in ledger.outcomes and ledger.outcomes[key].diverged_at < 0
    ]


def _conduct(
    prepared: Prepared,
    ledger: Ledger,
    chains: Sequence[Sequence[Key]],
    folds: Sequence[Fold],
    held_out: Mapping[str, Rows],
    stage: str,
    watch: Watch,
    threads: int | None,
    only: Sequence[int] | None = None,
) -> bool:
    """Run the members named in `chains` and enter their outcomes; False where the person stopped it.

    With `only`, members of other settings are trained on the way and not entered.
    """
    keys = [key for chain in chains for key in chain]
    entered = [key for key in keys if only is None or key[0] in only]
    ledger.expect(entered)
    wanted, leader = set(entered), _Leader(prepared, ledger)
    numbers = {key: number for number, key in enumerate(keys)}
    try:
        watch(Update(f"{stage}: compiling", Progress(len(keys), prepared.question.epochs), leader.best))
        fits = [[_fit(prepared, ledger, numbers[key], key, folds, held_out) for key in chain] for chain in chains]
    except KeyboardInterrupt:
        return False

    def deliver(fit: Fit, outcome: Outcome) -> None:
        key = keys[fit.number]
        if key in wanted:
            ledger.deliver(key, outcome, keep_variables=key[2] == ALL_ROWS)
            leader.hear(key, outcome)

    return run_fits(
        prepared.workshop.objective,
        prepared.workshop.recipe,
        fits,
        held_out=held_out,
        deliver=deliver,
        watch=lambda progress: watch(Update(stage, progress, leader.best)),
        threads=threads,
    )


def _fit(
    prepared: Prepared, ledger: Ledger, number: int, key: Key, folds: Sequence[Fold], held_out: Mapping[str, Rows]
) -> Fit:
    setting, seed, fold = key
    rows, rate = folds[max(fold, 0)], ledger.learning_rate(setting)
    start = partial(prepared.workshop.start, seed, rate)
    programs = prepared.workshop.programs(rows, held_out, len(prepared.question.seed_numbers) * len(ledger.setting_arm))
    return Fit(number, seed, fold, ledger.strengths(setting), start, rows, programs)


class _Leader:
    """The best mean score so far, for the progress bar only."""

    def __init__(self, prepared: Prepared, ledger: Ledger) -> None:
        self._ledger, self._score = ledger, prepared.score
        names = prepared.workshop.objective.measure_names
        self._column = names.index(prepared.score.name) - len(names)
        self._sums: dict[int, tuple[float, int]] = {}

    def hear(self, key: Key, outcome: Outcome) -> None:
        value = float(outcome.curves[-1, self._column])
        if np.isfinite(value):
            total, count = self._sums.get(key[0], (0.0, 0))
            self._sums[key[0]] = (total + value, count + 1)

    @property
    def best(self) -> tuple[str, float] | None:
        if not self._sums:
            return None
        sign = 1 if self._score.maximize else -1
        means = {setting: total / count for setting, (total, count) in list(self._sums.items())}
        setting = max(means, key=lambda number: sign * means[number])
        values = ", ".join(f"{value:g}" for value in self._ledger.setting_values[setting])
        return f"{self._ledger.treatments[self._ledger.setting_arm[setting]].name} {values}".strip(), means[setting]


def _facts(prepared: Prepared, seconds: float, threads: int | None) -> dict[str, object]:

    return {
        "bridle": __version__,
        "keras": keras.__version__,
        "jax": jax.__version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
        "python": platform.python_version(),
        "seconds": round(seconds, 3),
        "epochs": prepared.question.epochs,
        "batch_size": prepared.question.batch_size,
        "threads": threads or cores(),
        "width": max(prepared.workshop.widths, default=1),
        "device": jax.devices()[0].device_kind,
        "compilations": prepared.workshop.compilations,
        "forms": prepared.workshop.forms,
        "compile_seconds": round(prepared.workshop.compile_seconds, 3),
    }
