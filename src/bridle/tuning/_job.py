"""Prepared study of a table, its run, and its result."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import keras
import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import TimeSeriesSplit

from bridle import report, store
from bridle._api import Result, Study, run_prepared, search_arms
from bridle._errors import InputError, Interrupted
from bridle._progress import wait_line
from bridle.plots import Drawing
from bridle.results import Baseline
from bridle.sequences import Forecast, Sequences
from bridle.study import RunOptions, fit_baselines, race_of
from bridle.study.design import Plan, Prepared, compile_ahead, make_timed_plan
from bridle.tables import Problem, Structure
from bridle.tuning._applied import Applied, RowPreparation, save_applied
from bridle.tuning._by_target import score_targets, targets_sheet
from bridle.tuning._image_rows import ImageOptions
from bridle.tuning._network import NEWEST, VERSIONS, NetworkFunction, default_arms
from bridle.tuning._scale import Scale
from bridle.tuning._sizes import counts_of, network_of, targets_of
from bridle.tuning._test_split import TableNotes

table_baselines = partial(fit_baselines, several=True)
"""The function that trains the baselines of a table."""
PREPARING = "describing columns and preparing folds"
BASELINES = "training models without a network, to compare with"
"""What takes time before the first fit."""


@dataclass(frozen=True)
class Job:
    """Prepared study of a table: everything is checked, nothing is trained yet."""

    problem: Problem
    preparation: RowPreparation
    rows: Any
    """The rows to learn from, as the preparation takes them."""
    prepared: Prepared
    table_notes: TableNotes
    fit_baselines: Callable[[Prepared], tuple[Baseline, ...]] = table_baselines
    """The function that trains the baselines."""
    draw_examples: Callable[[Result], tuple[Drawing, ...]] = lambda result: ()
    """The function that draws single rows of a result, such as the images with the largest errors."""

    @property
    def notes(self) -> tuple[str, ...]:
        """All sentences about the table."""
        return self.table_notes.sentences

    @property
    def summary(self) -> tuple[str, ...]:
        """The sentences about the table, with its columns in one."""
        return self.table_notes.summary

    @property
    def plan(self) -> Plan:
        """Every fit and the estimated time. It compiles the programs of the run."""
        return make_timed_plan(self.prepared)

    @property
    def raced_plan(self) -> Plan:
        """The plan of the race that `tune` runs by default. It compiles the programs of the run."""
        return make_timed_plan(self.prepared, rounds=not self.prepared.score.pooled)

    @cached_property
    def baselines(self) -> tuple[Baseline, ...]:
        """A constant, a linear model and gradient boosting on the same folds, trained on first use.

        A forecast has naive forecasts too.
        """
        return self.fit_baselines(self.prepared)


@dataclass(frozen=True)
class Tuned:
    """Result of `tune`: the result of the study, and the selected model with the preparation of new rows.

    `result` is a `bridle.Result`. `notes` describe the columns and the rows held out. They
    begin with `warnings`, which explain a score before it is computed: copies of the target, a large class, time.
    """

    result: Result
    problem: Problem
    preparation: RowPreparation
    scale: Scale
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    examples: tuple[Drawing, ...] = ()
    """Pictures of single rows, for the report."""
    target_scores: pd.DataFrame | None = None
    """For several targets, the accuracy or r2 of each: `target`, `score`, out of fold with `no penalty` and `selected`
    (the mean over seeds), and on held-out rows, `test`. Each row counts once. None for one target."""

    def applied(self) -> Applied:
        """Return the selected model, ready for new rows."""
        return Applied(self.result.model(), self.preparation, self.problem, self.scale)

    def save(self, folder: str | Path, title: str = "Table", again: str = "") -> report.Written:
        """Write the report, `model.keras` and `apply.json` into a folder, without pickle.

        Args:
            folder: path of the folder.
            title: heading of the report.
            again: the command or the code that repeats the study, for the report.

        Returns: the paths of the written files.

        Errors: `StoreError` if the folder cannot be written.

        """
        folder = Path(folder)
        begin = len(self.warnings) + 1
        intro = "\n".join(self.notes[:begin])
        notes, examples = self.notes[begin:], self.examples
        sheets = targets_sheet(self.target_scores)
        section = self.result.section("Study", intro=intro, notes=notes, again=again, examples=examples, tables=sheets)
        report_path = report.write(
            folder,
            title,
            [section],
            extra={"table": list(self.notes), "code": self.result.code(), **self._target_entry},
        )
        save_applied(folder, self.applied())
        return report_path

    @property
    def _target_entry(self) -> dict[str, object]:
        """The scores of several targets for `report.json`."""
        return {} if self.target_scores is None else {"targets": self.target_scores.to_dict("records")}


@dataclass(frozen=True)
class TableStudy:
    """Settings of the study of a table, as `tune` documents them.

    The command line, study files and Python share this class.
    """

    target: str | Sequence[str]
    task: str | None = None
    model: NetworkFunction | None = None
    arms: Mapping[str, Mapping[str, Any]] | None = None
    seeds: int | None = None
    folds: int | None = None
    epochs: int | None = None
    test_share: float = 0.2
    score: str | None = None
    structure: Structure = field(default_factory=Structure)
    defaults: int = NEWEST
    """The version of the defaults."""
    all_kinds: bool = False
    """Add one arm of each other kind to the default arms."""
    series: Sequences | Forecast | None = None
    """The cut of the table into sequences or windows; None where each row of the table is a row of the study."""
    images: ImageOptions = field(default_factory=ImageOptions)
    """Options for rows that are images."""

    def __post_init__(self) -> None:
        if self.all_kinds and self.arms:
            raise InputError("Expected arms of your own or all kinds of default arms, got both. Leave one of them out.")

    @property
    def one_target(self) -> str:
        """The target of a study that takes one.

        Errors: `InputError` for several.
        """
        if not isinstance(self.target, str):
            raise InputError(
                f"Expected one target for sequences and windows, got {len(self.target)}. Give one of them."
            )
        return self.target

    @property
    def fold_count(self) -> int:
        """The number of folds, by default that of small tables."""
        return self.folds or counts_of(VERSIONS[self.defaults], 0)[1]

    def sized(self, rows: int) -> "TableStudy":
        """Return the same settings, with the default seeds and folds for a table of so many rows."""
        seeds, folds = counts_of(VERSIONS[self.defaults], rows)
        return replace(self, seeds=self.seeds or seeds, folds=self.folds or folds)

    def study(self, inputs: int, problem: Problem, folds: int | TimeSeriesSplit) -> Study:
        """Build the study for a number of features, a problem and folds."""
        defaults = VERSIONS[self.defaults]
        seeds, count = counts_of(defaults, problem.rows)
        rows = round(problem.rows * (1 - self.test_share) * (1 - 1 / (self.folds or count)))
        network, built, training = network_of(defaults, self.model, inputs, problem, rows, self.score)
        targets = targets_of(defaults, problem.rows)
        return Study(
            built,
            self.arms or default_arms(network, defaults.kinds, targets) | self.other_kinds(network),
            seeds=self.seeds or seeds,
            folds=folds,
            epochs=self.epochs or training.epochs,
            batch_size=training.batch_size,
            score=self.score,
        )

    def other_kinds(self, network: keras.Model) -> dict[str, dict[str, Any]]:
        """Return the arms of a search that are no L1 or L2: noise, decay, limits, labels, averages."""
        kinds = search_arms(network).kinds if self.all_kinds else {}
        return {name: terms for name, terms in kinds.items() if name.split()[0] not in {"L1", "L2"}}


StudyBuilder = Callable[[int, Problem, int | TimeSeriesSplit], Study]
"""A function of the number of features, the problem and the folds."""


def compile_new(job: Job, folder: Path) -> None:
    """Start to compile the programs of a job in the background, unless the folder holds fits of it."""
    if not (folder / "study" / store.INDEX_FILE).is_file():
        compile_ahead(job.prepared)


def run_job(
    job: Job,
    folder: str | Path | None = None,
    *,
    extend: bool = False,
    client: Any = None,
    race: bool = True,
    progress: bool = True,
) -> Tuned:
    """Run the prepared study of a table; with `folder`, `study` inside it stores every fit.

    `extend` and `client` are those of `Study.run`, `race` is that of `tune`. A study that is stored already goes on
    as it began.
    """
    folder = None if folder is None else Path(folder) / "study"
    options = RunOptions(folder, extend, client, race=race and race_of(job.prepared, folder), progress=progress)
    with wait_line(progress, BASELINES):
        baselines = job.baselines
    return tuned(job, run_prepared(job.prepared, options, baselines=baselines))


def tuned(job: Job, result: Result) -> Tuned:
    """Return a result with the preparation of the table that its refits used."""
    refits = job.prepared.preparer.final
    preparation, scaler = refits[0] if refits else (None, None)
    if preparation is None:
        preparation = clone(job.preparation).fit(job.rows, job.prepared.rows.y)
    scale = Scale() if scaler is None else Scale.of(scaler.mean_, scaler.scale_)
    warnings, examples = job.table_notes.warnings, job.draw_examples(result)
    answer = Tuned(result, job.problem, preparation, scale, job.notes, warnings, examples)
    if not job.problem.targets:
        return answer
    return replace(answer, target_scores=score_targets(job.problem, job.prepared, result, answer.applied()))


def answer_so_far(job: Job, stop: Interrupted) -> Tuned | None:
    """Return the answer of a race that was stopped after its first seed; None if it was stopped before."""
    result = stop.result
    return tuned(job, result) if isinstance(result, Result) and result.data.weights else None
