"""Studies of sequences and of forecasts: from a long table to a prepared study."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.preprocessing import StandardScaler

from bridle._api import reload_note
from bridle._errors import InputError
from bridle.results import Baseline
from bridle.sequences import (
    CutSeries,
    CutTable,
    Forecast,
    SequencePreparation,
    SequenceRows,
    Sequences,
    naive_values,
    split_in_time,
)
from bridle.study import fit_baselines, score_predictions
from bridle.study.design import Prepared
from bridle.tables import (
    Problem,
    Table,
    copies,
    encode_target,
    find_layout,
    find_problem,
    kind_of,
    large_class,
    remarks,
)
from bridle.tuning._job import Job, TableStudy
from bridle.tuning._model_file import MODEL_CODE
from bridle.tuning._series_network import series_study
from bridle.tuning._test_split import TableNotes, _check_classes, _sides

MAX_STEPS = 512
"""The most steps of a sequence that a study uses: the last ones."""


def series_of(
    sequence: str | None, time: str | None, window: int | None, horizon: int | None, season: int | None
) -> Sequences | Forecast | None:
    """Return how a table is cut into sequences or windows, by the options of `tune`; None for a plain table.

    Errors: `InputError` for options that do not belong together.
    """
    if sequence is None and window is None:
        if horizon is not None or season is not None:
            name = "horizon" if horizon is not None else "season"
            raise InputError(f"Expected a window with {name}, got none. Give --window, the steps that a forecast sees.")
        return None
    if time is None:
        raise InputError(
            f"Expected a column of time for {'sequences' if window is None else 'windows'}, got none. Give --time."
        )
    if sequence is not None:
        if window is not None:
            raise InputError(
                "Expected sequences or windows, got both. Give --sequence for one label of each sequence; for "
                "forecasts in several series --window and --group."
            )
        if horizon is not None or season is not None:
            name = "horizon" if horizon is not None else "season"
            raise InputError(
                f"Expected no {name} with sequences, got one. Leave out --{name}, which belongs to forecasts, or give "
                "--window in place of --sequence."
            )
        return Sequences(sequence, time)
    return Forecast(time, int(window or 0), 1 if horizon is None else horizon, season)


def prepare_series(source: Table, design: TableStudy) -> Job:
    """Cut a table into sequences or windows, and prepare their study.

    Errors: those of `tune`; `InputError` for several targets.
    """
    if isinstance(design.series, Forecast):
        return _prepare_forecast(source, design, design.series)
    if isinstance(design.series, Sequences):
        return _prepare_sequences(source, design, design.series)
    raise InputError("Expected sequences or windows, got a plain table.")


def _prepare_sequences(source: Table, design: TableStudy, series: Sequences) -> Job:
    """Prepare a study with one row for each sequence."""
    structure = replace(design.structure, time=None)
    if not 0 < design.test_share < 1:
        raise InputError(f"Expected the held-out share between 0 and 1, got {design.test_share}. Try 0.2.")
    cut = series.cut(source.rows, design.one_target, structure)
    structure.check(cut.heads, design.one_target)
    problem = find_problem(_two_columns(cut), design.one_target, design.task, min_rows=design.fold_count + 1)
    y = encode_target(problem, cut.heads[design.one_target])
    learn, test = _sides(problem, cut.heads, y, design.test_share, structure, design.fold_count)
    _check_classes(problem, y, learn, test, design.fold_count, structure)
    rows = cut.x.iloc[learn]
    layout = find_layout(rows.used_steps(), design.one_target, source.formats)
    length = int(min(rows.lengths.max(), MAX_STEPS))
    layout, cutter = replace(layout, width=source.rows.shape[1]), series.cutter(cut, structure.group)
    preparation = SequencePreparation(layout, length, True, cutter)
    weight = structure.weights(cut.heads)
    groups = structure.groups(cut.heads)
    study = series_study(design, preparation.input_shape, problem, design.fold_count)
    prepared = study.prepare(
        rows,
        y[learn],
        test=_with_weight(cut.x, y, weight, test),
        groups=None if groups is None else groups[learn],
        sample_weight=None if weight is None else weight[learn],
        class_weight=structure.class_weights(problem),
        preprocessor=preparation,
        target_preprocessor=StandardScaler() if problem.classes is None else None,
    )
    longer = int((rows.lengths > length).sum())
    long = [f"{longer} sequences have more than {length} steps: the last ones are used."] if longer else []
    notes = [*cut.notes, *long, *structure.sentences()]
    table_notes = _with_code(_describe(problem, (learn, test), preparation, notes, cut, source), prepared)
    return Job(problem, preparation, rows, prepared, table_notes, partial(fit_baselines, flat=True))


def _prepare_forecast(source: Table, design: TableStudy, series: Forecast) -> Job:
    """Prepare a study with one row for each window, validated on later ones."""
    structure, table = replace(design.structure, time=None), source.rows
    cut = series.cut(table, design.one_target, structure)
    replace(structure, group=None).check(cut.heads, design.one_target)
    is_number = kind_of(table[design.one_target]) == "number"
    task = design.task or ("regression" if is_number else None)
    problem = find_problem(_two_columns(cut), design.one_target, task, min_rows=design.fold_count + 1)
    y = encode_target(problem, cut.heads[design.one_target])
    split = split_in_time(cut.begins, cut.ends, design.fold_count, design.test_share)
    rows, weight = cut.x.iloc[split.learn], structure.weights(cut.heads)
    layout = find_layout(rows.used_steps(), None, source.formats, keep=(design.one_target,))
    cutter = series.cutter(cut, structure.group)
    preparation = SequencePreparation(replace(layout, width=table.shape[1]), series.window, False, cutter)
    calendar = sum(column.name in cut.calendar_names for column in layout.columns)
    study = series_study(design, preparation.input_shape, problem, list(split.folds), calendar)
    prepared = study.prepare(
        rows,
        y[split.learn],
        test=_with_weight(cut.x, y, weight, split.test),
        sample_weight=None if weight is None else weight[split.learn],
        class_weight=structure.class_weights(problem),
        preprocessor=preparation,
        target_preprocessor=StandardScaler() if problem.classes is None else None,
    )
    gap = series.window + series.horizon - 1
    notes = [
        *cut.notes,
        f"Each window has {series.window} steps; the answer is {series.horizon} after it. Folds validate on later "
        f"windows than they train on, {gap} steps apart, so that no window has the answer of a training row.",
    ]
    sides = split.learn, split.test
    table_notes = _with_code(_describe(problem, sides, preparation, notes, cut, source), prepared)
    baselines = partial(forecast_baselines, cut=cut, problem=problem, series=series, sides=sides)
    return Job(problem, preparation, rows, prepared, table_notes, baselines)


def forecast_baselines(
    prepared: Prepared,
    *,
    cut: CutSeries,
    problem: Problem,
    series: Forecast,
    sides: tuple[np.ndarray, np.ndarray],
) -> tuple[Baseline, ...]:
    """Return naive forecasts, then the models of `fit_baselines` on all steps of each window."""
    naive = naive_baselines(prepared, cut=cut, problem=problem, series=series, sides=sides)
    return (*naive, *fit_baselines(prepared, flat=True))


def naive_baselines(
    prepared: Prepared,
    *,
    cut: CutSeries,
    problem: Problem,
    series: Forecast,
    sides: tuple[np.ndarray, np.ndarray],
) -> tuple[Baseline, ...]:
    """Return the forecasts that repeat the last value, and the last one of each season.

    Without such a value, the mean of the rows to learn from stands in.
    """
    learn, test = sides
    target = cut.steps.table[problem.target]
    present = target.notna().to_numpy(bool)
    values = np.full(len(target), np.nan)
    values[present] = encode_target(problem, target[present])
    baselines = []
    for name, season in {"last value": None, **series.seasons(cut)}.items():
        forecasts = naive_values(cut, values, season)
        usual = np.nanmean(values[cut.answer[learn]]) if problem.classes is None else 0
        forecasts = np.where(np.isnan(forecasts), usual, forecasts)
        label, text = f"naive forecast ({name})", _naive_text(season)
        baselines.append(score_predictions(prepared, label, text, forecasts[learn], {"test": forecasts[test]}))
    return tuple(baselines)


def _naive_text(season: int | None) -> str:
    if season is None:
        return "the last value of the window"
    return f"the last value that is a multiple of {season} steps before the answer"


def _two_columns(cut: CutTable) -> pd.DataFrame:
    """Return the heads of rows with a column more, since a table of one column has nothing to predict from."""
    return cut.heads.assign(**{f"{' '.join(cut.heads.columns)} row": 0})


def _with_weight(x: SequenceRows, y: np.ndarray, weight: np.ndarray | None, rows: np.ndarray) -> tuple[Any, ...]:
    """Return rows, labels and optional weights by position."""
    return (x.iloc[rows], y[rows]) if weight is None else (x.iloc[rows], y[rows], weight[rows])


def _describe(
    problem: Problem,
    sides: tuple[np.ndarray, np.ndarray],
    preparation: SequencePreparation,
    notes: list[str],
    cut: CutTable,
    source: Table,
) -> TableNotes:
    """Describe the table, its cut, its columns, and what explains a score before it is computed."""
    learn, test = sides
    classes = "" if problem.classes is None else f", {len(problem.classes)} classes: {', '.join(problem.classes[:8])}"
    classes += " …" if problem.classes is not None and len(problem.classes) > 8 else ""
    first = f"{problem.task.capitalize()} of {problem.target!r:.80}{classes}"
    what, last = ("windows", " (the last ones)") if isinstance(cut, CutSeries) else ("sequences", "")
    layout = preparation.layout
    used = [column.name for column in layout.columns]
    last_steps = cut.x.steps[used].iloc[cut.x.last - 1].reset_index(drop=True)
    return TableNotes(
        f"{first}. {len(learn)} {what} to learn from, {len(test)} held out{last}.",
        tuple(f"{line}." for line in layout.sentences()),
        f"{layout.summary()}, in each of {preparation.length} steps.",
        (*notes, *source.notes, *remarks(cut.x.steps[used])),
        tuple(_warnings(last_steps, cut.heads[problem.target], problem)),
    )


def _warnings(steps: pd.DataFrame, target: pd.Series, problem: Problem) -> list[str]:
    """Return what explains a score: a column whose last step gives the target away, and a large class."""
    large = large_class(problem, target)
    return [*copies(steps, target, problem), *([large] if large else [])]


def _with_code(notes: TableNotes, prepared: Prepared) -> TableNotes:
    """Add the notes of the study, and the code that its model needs."""
    code = reload_note(prepared.model)
    sentences = [*prepared.notes, *([f"{code} {MODEL_CODE}."] if code else [])]
    return replace(notes, remarks=(*notes.remarks, *sentences))
