"""`bridle.tune`, and the parts of `bridle predict`."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from sklearn.model_selection import TimeSeriesSplit
from sklearn.preprocessing import StandardScaler

from bridle import report, store
from bridle._api import Result, Study, reload_note, run_prepared, search_arms
from bridle._errors import InputError, Interrupted, StoreError, first_line
from bridle.results import Baseline
from bridle.study import RunOptions, fit_baselines, race_of
from bridle.study.design import Plan, Prepared, compile_ahead, make_timed_plan
from bridle.tables import (
    Preparation,
    Problem,
    Structure,
    Table,
    decode_target,
    find_problems,
    known_rows,
    read_file,
    remarks,
    table_of,
    target_names,
)
from bridle.tuning._model_file import MODEL_CODE, load_model, model_path, save_model
from bridle.tuning._network import (
    NEWEST,
    VERSIONS,
    NetworkFunction,
    default_arms,
    layout_rules,
    outputs_of,
    own_network,
)
from bridle.tuning._scale import Scale
from bridle.tuning._sizes import counts_of, network_of, targets_of
from bridle.tuning._test_split import TableNotes, describe_table, hold_out, warnings

APPLY = "apply.json"


@dataclass(frozen=True)
class Applied:
    """Selected model of a table, with the preparation of new rows."""

    model: keras.Model
    preparation: Preparation
    problem: Problem
    scale: Scale

    def predict(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return one row for each row of `table`: the prediction, and for classes the probability of each class.

        Errors: `InputError` for a missing column or for text in a numeric column.
        """
        raw = np.asarray(self.model.predict(self.preparation.transform(table), verbose=0))
        target = self.problem.target
        if self.problem.classes is None:
            return pd.DataFrame(self.scale.restored(raw), columns=list(self.problem.names), index=table.index)
        shares = np.column_stack([1 - raw[:, 0], raw[:, 0]]) if raw.shape[1] == 1 else raw
        columns = {f"p({label})": shares[:, index] for index, label in enumerate(self.problem.classes)}
        return pd.DataFrame({target: decode_target(self.problem, shares.argmax(axis=1)), **columns}, index=table.index)


@dataclass(frozen=True)
class Job:
    """Prepared study of a table: everything is checked, nothing is trained yet."""

    problem: Problem
    preparation: Preparation
    rows: pd.DataFrame
    prepared: Prepared
    table_notes: TableNotes

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
        """A constant, a linear model and gradient boosting on the same folds, trained on first use."""
        return fit_baselines(self.prepared)


@dataclass(frozen=True)
class Tuned:
    """Result of `tune`: the result of the study, and the selected model with the preparation of new rows.

    `result` is a `bridle.Result`. `notes` describe the columns and the rows held out. They
    begin with `warnings`, which explain a score before it is computed: copies of the target, a large class, time.
    """

    result: Result
    problem: Problem
    preparation: Preparation
    scale: Scale
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()

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
        section = self.result.section("Study", intro=intro, notes=self.notes[begin:], again=again)
        report_path = report.write(
            folder, title, [section], extra={"table": list(self.notes), "code": self.result.code()}
        )
        words = {
            "preparation": self.preparation.to_json(),
            "problem": self.problem.to_json(),
            "scale": vars(self.scale),
        }
        text = json.dumps(words, indent=1, allow_nan=False).encode()
        store.write_atomic(folder / APPLY, lambda file: file.write(text))
        save_model(self.result.model(), folder)
        return report_path


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

    def __post_init__(self) -> None:
        if self.all_kinds and self.arms:
            raise InputError("Expected arms of your own or all kinds of default arms, got both. Leave one of them out.")

    def sized(self, rows: int) -> tuple["TableStudy", int]:
        """Return the same settings, with the default seeds and folds for a table of so many rows, and the folds."""
        seeds, folds = counts_of(VERSIONS[self.defaults], rows)
        folds = self.folds or folds
        return replace(self, seeds=self.seeds or seeds, folds=folds), folds

    def study(self, inputs: int, problem: Problem, folds: int | TimeSeriesSplit) -> Study:
        """Build the study for a number of features, a problem and folds."""
        defaults = VERSIONS[self.defaults]
        seeds, count = counts_of(defaults, problem.rows)
        rows = round(problem.rows * (1 - self.test_share) * (1 - 1 / (self.folds or count)))
        network, built, training = network_of(defaults, self.model, inputs, problem, rows, self.score)
        targets = targets_of(defaults, problem.rows)
        return Study(
            built,
            self.arms or default_arms(network, defaults.kinds, targets) | self._other_kinds(network),
            seeds=self.seeds or seeds,
            folds=folds,
            epochs=self.epochs or training.epochs,
            batch_size=training.batch_size,
            score=self.score,
        )

    def _other_kinds(self, network: keras.Model) -> dict[str, dict[str, Any]]:
        """Return the arms of a search that are no L1 or L2: noise, decay, limits, labels, averages."""
        kinds = search_arms(network).kinds if self.all_kinds else {}
        return {name: terms for name, terms in kinds.items() if name.split()[0] not in {"L1", "L2"}}


StudyBuilder = Callable[[int, Problem, int | TimeSeriesSplit], Study]
"""A function of the number of features, the problem and the folds."""


def prepare_table(table: pd.DataFrame | Table, design: TableStudy, build: StudyBuilder | None = None) -> Job:
    """Detect the problem of a table and prepare its study; `build` replaces `design.study`.

    Errors: those of `tune`.
    """
    target, structure = design.target, design.structure
    source = table if isinstance(table, Table) else table_of(table, target if isinstance(target, str) else None)
    design, folds = design.sized(len(source.rows))
    names = target_names(target, source.rows.columns)
    problem = find_problems(source.rows, names, design.task, min_rows=folds + 1)
    structure.check(known_rows(problem, source.rows), *names)
    rows = structure.ordered(known_rows(problem, source.rows))
    rules = layout_rules(design.defaults, problem)
    split = hold_out(problem, rows, design.test_share, structure, folds, source.formats, rules)
    inputs = len(split.preparation.layout.features)
    scaler = StandardScaler() if problem.classes is None else None
    study = (build or design.study)(inputs, problem, structure.folds(folds))
    prepared = study.prepare(
        split.x,
        split.y,
        test=split.test,
        class_weight=structure.class_weights(problem),
        preprocessor=split.preparation,
        target_preprocessor=scaler,
        **split.rows,
    )
    used = [*problem.names, *(column.name for column in split.preparation.layout.columns)]
    code = reload_note(prepared.model)
    sentences = [*source.notes, *remarks(rows[used]), *prepared.notes]
    sentences += [f"{code} {MODEL_CODE}."] if code else []
    first = warnings(problem, split, rows, structure, prepared.score.measure)
    table_notes = describe_table(problem, split, rows, structure, warnings=first, remarks=sentences)
    return Job(problem, split.preparation, split.x, prepared, table_notes)


def tune(
    table: pd.DataFrame | str | Path,
    target: str | Sequence[str],
    *,
    task: str | None = None,
    model: NetworkFunction | None = None,
    arms: Mapping[str, Mapping[str, Any]] | None = None,
    seeds: int | None = None,
    folds: int | None = None,
    epochs: int | None = None,
    test_share: float = 0.2,
    score: str | None = None,
    group: str | None = None,
    time: str | None = None,
    weight: str | None = None,
    class_weight: str | Mapping[object, float] | None = None,
    header: bool | None = None,
    decimal: str | None = None,
    all_kinds: bool = False,
    race: bool = True,
    progress: bool = True,
) -> Tuned:
    """Find the regularization for a table: which penalty, on which target, how strong.

    Each fold prepares numbers, categories, dates and free text by its own training rows. A share of the rows is held
    out and scored once, after the selection. The columns `group`, `time` and `weight` are not features, and new rows
    do not need them.

    Args:
        table: data frame, or path of a CSV, Excel, Parquet or JSON-lines file, or of a folder of text files.
        target: str, the column to predict; a list of columns of numbers that one network predicts together.
        task: `"classification"` or `"regression"`. Default: detected from the target.
        model: function `(inputs, outputs)` that returns a compiled model. Default: hidden layers of 64 and 32 units,
            trained by Adam at 0.002 in batches of 64. A given model is trained in batches of 32.
        arms: as in `Study`. Default: L1 and L2, on weights, activations and pre-activations.
        seeds, folds, epochs: as in `Study`. Default 5 seeds, 5 folds and 100 epochs; 200 for a given model. From
            100,000 rows on 2 seeds, 3 folds and penalties on weights; larger tables have fewer epochs, larger batches.
        test_share: float between 0 and 1, the share of rows held out. Default 0.2.
        score: the measure to select by. `"loss"` or `"accuracy"`; for two classes also `"auc"`, `"precision"`,
            `"recall"` or `"brier"`; for a number `"r2"`, `"mse"`, `"rmse"` or `"mae"`. For a given `model`, one of its
            compiled metrics. `"pooled:auc"` is computed over all folds together, as in `Study`. Default: accuracy or
            r2.
        group: str, a column. Rows with the same value stay in the same fold, or are held out together.
        time: str, a column of dates or numbers. Each fold validates on later rows than it trains on, and the last rows
            are held out.
        weight: str, a column of row weights ≥ 0, for training and for scores.
        class_weight: `"balanced"` or `{label: weight}`, for training rows only.
        header: bool, whether the first line of the file holds names. With False, the columns are `column1`, `column2`
            and so on. Default: detected.
        decimal: the decimal sign of the file, `"."` or `","`. Default: detected from its columns.
        all_kinds: bool, whether to add one arm of each other kind that the network allows: dropout on hidden outputs,
            weight decay, limits of norms, noise on the inputs, smoothed and mixed labels, averaged weights. It takes
            about twice the time. Default False.
        race: bool, whether to add one seed at a time for the better half of the candidates, with an answer after the
            first, as `Study.run(race="rounds")` does. False trains every candidate with every seed. Default True,
            except for a pooled score, which needs all fits.
        progress: bool, whether to draw a progress bar. Default True.

    Returns: `bridle.Tuned`.

    Errors: `InputError` for a table, a column or an option that cannot be used.

    """
    source = table if isinstance(table, pd.DataFrame) else read_file(table, header=header, decimal=decimal)
    structure = Structure(group, time, weight, class_weight)
    design = TableStudy(
        target, task, model, arms, seeds, folds, epochs, test_share, score, structure, all_kinds=all_kinds
    )
    job = prepare_table(source, design)
    compile_ahead(job.prepared)
    return run_job(job, race=race, progress=progress)


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
    return tuned(job, run_prepared(job.prepared, options, baselines=job.baselines))


def tuned(job: Job, result: Result) -> Tuned:
    """Return a result with the preparation of the table that its refits used."""
    refits = job.prepared.preparer.final
    preparation, scaler = refits[0] if refits else (_fit_again(job), None)
    scale = Scale() if scaler is None else Scale.of(scaler.mean_, scaler.scale_)
    return Tuned(result, job.problem, preparation, scale, job.notes, job.table_notes.warnings)


def answer_so_far(job: Job, stop: Interrupted) -> Tuned | None:
    """Return the answer of a race that was stopped after its first seed; None if it was stopped before."""
    result = stop.result
    return tuned(job, result) if isinstance(result, Result) and result.data.weights else None


def load_applied(folder: str | Path, *, model: NetworkFunction | None = None) -> Applied:
    """Load the model that `Tuned.save` wrote, ready to predict.

    Args:
        folder: path of the folder.
        model: the function `(inputs, outputs)` that `tune` was given, for a model that needs custom code.

    Errors: `StoreError` if the folder holds no such model, or if the model needs custom code.

    """
    folder = Path(folder)
    model_path(folder)
    if not (folder / APPLY).is_file():
        raise StoreError(
            f"Expected a folder of `bridle tune --out`, got {str(folder)!r}, which holds no {APPLY}. Give another one."
        )
    try:
        words = json.loads((folder / APPLY).read_text(encoding="utf-8"))
        preparation, problem = Preparation.from_json(words["preparation"]), Problem.from_json(words["problem"])
        scale = Scale.from_json(words["scale"], len(problem.names))
    except InputError as error:
        raise StoreError(f"Expected {str(folder / APPLY)!r} as `bridle tune` wrote it. {error}") from error
    except Exception as error:  # a damaged file fails in many ways
        raise StoreError(f"Expected {str(folder / APPLY)!r} as `bridle tune` wrote it. {first_line(error)}") from error
    sizes = len(preparation.get_feature_names_out()), outputs_of(problem)
    build = None if model is None else partial(own_network, model, *sizes)
    return Applied(load_model(folder, build), preparation, problem, scale)


def _fit_again(job: Job) -> Preparation:
    """Return the preparation of a job, fitted on all its rows."""
    return Preparation(job.preparation.layout).fit(job.rows, job.prepared.rows.y)
