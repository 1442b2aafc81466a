"""`bridle.tune`: from a table to a verdict and a model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler

from bridle._api import reload_note
from bridle.study.design import compile_ahead
from bridle.tables import Structure, Table, find_problem, known_rows, read_file, remarks, table_of
from bridle.tuning._job import Job, StudyBuilder, TableStudy, Tuned, run_job
from bridle.tuning._model_file import MODEL_CODE
from bridle.tuning._network import NetworkFunction
from bridle.tuning._series import prepare_series, series_of
from bridle.tuning._test_split import describe_table, hold_out, warnings


def prepare_table(table: pd.DataFrame | Table, design: TableStudy, build: StudyBuilder | None = None) -> Job:
    """Detect the problem of a table and prepare its study; `build` replaces `design.study`.

    Errors: those of `tune`.
    """
    target, structure = design.target, design.structure
    source = table if isinstance(table, Table) else table_of(table, target)
    if design.series is not None:
        return prepare_series(source, design)
    problem = find_problem(source.rows, target, design.task, min_rows=design.folds + 1)
    structure.check(known_rows(problem, source.rows), target)
    rows = structure.ordered(known_rows(problem, source.rows))
    split = hold_out(problem, rows, design.test_share, structure, design.folds, source.formats)
    inputs = len(clone(split.preparation).fit(split.x).get_feature_names_out())
    scaler = StandardScaler() if problem.classes is None else None
    study = (build or design.study)(inputs, problem, structure.folds(design.folds))
    prepared = study.prepare(
        split.x,
        split.y,
        test=split.test,
        class_weight=structure.class_weights(problem),
        preprocessor=split.preparation,
        target_preprocessor=scaler,
        **split.rows,
    )
    used = [problem.target, *(column.name for column in split.preparation.layout.columns)]
    code = reload_note(prepared.model)
    sentences = [*source.notes, *remarks(rows[used]), *prepared.notes]
    sentences += [f"{code} {MODEL_CODE}."] if code else []
    first = warnings(problem, split, rows, structure, prepared.score.measure)
    table_notes = describe_table(problem, split, rows, structure, warnings=first, remarks=sentences)
    return Job(problem, split.preparation, split.x, prepared, table_notes)


def tune(
    table: pd.DataFrame | str | Path,
    target: str,
    *,
    task: str | None = None,
    model: NetworkFunction | None = None,
    arms: Mapping[str, Mapping[str, Any]] | None = None,
    seeds: int = 5,
    folds: int = 5,
    epochs: int | None = None,
    test_share: float = 0.2,
    score: str | None = None,
    group: str | None = None,
    time: str | None = None,
    weight: str | None = None,
    class_weight: str | Mapping[object, float] | None = None,
    sequence: str | None = None,
    window: int | None = None,
    horizon: int | None = None,
    season: int | None = None,
    header: bool | None = None,
    decimal: str | None = None,
    all_kinds: bool = False,
    race: bool = True,
    progress: bool = True,
) -> Tuned:
    """Find the regularization for a table: which penalty, on which target, how strong.

    Each fold scales numbers, encodes text as one-hot and fills missing cells by its own training rows. A share of the
    rows is held out and scored once, after the selection. The columns `group`, `time` and `weight` are not features,
    and new rows do not need them.

    Args:
        table: data frame, or path of a CSV file.
        target: str, the column to predict.
        task: `"classification"` or `"regression"`. Default: detected from the target.
        model: function `(inputs, outputs)` that returns a compiled model. Default: hidden layers of 64 and 32 units,
            trained by Adam at 0.002 in batches of 64. A given model is trained in batches of 32.
        arms: as in `Study`. Default: L1 and L2, on weights, activations and pre-activations.
        seeds, folds, epochs: as in `Study`. Default 5 seeds, 5 folds and 100 epochs; 200 for a given model.
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
        sequence: str, a column. The rows with the same value are one sequence in the order of `time`, with one target.
            Folds and scores are over sequences; `weight` and `group` are the same in all rows of one.
        window: int, the number of steps that a forecast sees. Each row of the study is a window of all columns, the
            target among them; it predicts the target `horizon` steps later. Rows are one series, or one for each value
            of `group`, in the order of `time`. Folds validate on later windows, with a gap, and naive forecasts are
            among the baselines.
        horizon: int, the number of steps that a forecast is ahead. Default 1.
        season: int, the number of steps after which a series repeats, for a naive forecast. Default: a day, a week
            and a year, for dates.
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
    options = {"all_kinds": all_kinds, "series": series_of(sequence, time, window, horizon, season)}
    design = TableStudy(target, task, model, arms, seeds, folds, epochs, test_share, score, structure, **options)
    job = prepare_table(source, design)
    compile_ahead(job.prepared)
    return run_job(job, race=race, progress=progress)
