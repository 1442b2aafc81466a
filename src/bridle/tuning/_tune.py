"""`bridle.tune`: from a table to a verdict and a model."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.preprocessing import StandardScaler

from bridle._api import reload_note
from bridle._errors import InputError, KindError, nearest_names
from bridle._progress import wait_line
from bridle.images import has_images, read_size
from bridle.sources._plain import as_frame
from bridle.study.design import compile_ahead
from bridle.tables import (
    LABEL,
    Structure,
    Table,
    find_problems,
    has_texts,
    known_rows,
    read_file,
    refuse_options,
    remarks,
    table_of,
    target_names,
)
from bridle.tuning._image_network import read_augmentation
from bridle.tuning._image_rows import ImageOptions, ImageTable, folder_rows, table_rows
from bridle.tuning._image_study import prepare_images
from bridle.tuning._job import PREPARING, Job, StudyBuilder, TableStudy, Tuned, run_job
from bridle.tuning._model_file import MODEL_CODE
from bridle.tuning._network import NetworkFunction, layout_rules
from bridle.tuning._series import prepare_series, series_of
from bridle.tuning._test_split import describe_table, hold_out, warnings

IMAGE_COUNT = 3
"""The default number of seeds and of folds for images."""


def read_source(
    path: str | Path,
    target: str | Sequence[str] | None,
    *,
    encoding: str = "utf-8",
    header: bool | None = None,
    decimal: str | None = None,
) -> Table | ImageTable:
    """Read a table or a folder of text files, or list the images of a folder or of a table that names image files.

    A folder with an image inside is one of images; text files in it are left out with a note.

    Errors: those of `read_file` and of `read_class_folders`; `InputError` for a table without a target.
    """
    path = Path(path)
    if path.is_dir() and (has_images(path) or not has_texts(path)):
        refuse_options("a folder of images", encoding=encoding, header=header, decimal=decimal)
        return folder_rows(path, target)
    table = read_file(path, encoding=encoding, header=header, decimal=decimal)
    if path.is_dir():
        return table
    return _table_or_images(table, path.parent, target)


def _table_or_images(source: Any, folder: Path, target: str | Sequence[str] | None) -> Any:
    """Return the images of a table that names them, in a folder; another table as it is.

    Errors: `InputError` if no target was given.
    """
    given = _given(target, source.rows if isinstance(source, Table) else source)
    return table_rows(source, folder, given) if isinstance(given, str) else source


def target_of(source: object, target: str | Sequence[str] | None) -> str | Sequence[str]:
    """Return the column to predict; in a folder the one of classes."""
    if isinstance(source, ImageTable):
        return source.target
    return LABEL if target is None else target


def _given(target: str | Sequence[str] | None, table: pd.DataFrame) -> str | Sequence[str]:
    """Return the target, or raise `InputError` if none was given."""
    if target is None:
        raise InputError(
            f"Expected the column to predict, got none. Give --target (Python: target=…). {nearest_names('', table)}"
        )
    return target


def prepare_table(
    table: pd.DataFrame | Table | ImageTable, design: TableStudy, build: StudyBuilder | None = None
) -> Job:
    """Detect the problem of a table and prepare its study; `build` replaces `design.study`.

    Errors: those of `tune`.
    """
    if isinstance(table, ImageTable):
        if design.series is not None:
            raise InputError(
                "Expected no sequences or windows for images, got --sequence or --window. Leave it out: each image is "
                "a row of its own."
            )
        return prepare_images(table, design)
    target, structure = design.target, design.structure
    source = table if isinstance(table, Table) else table_of(table, target if isinstance(target, str) else None)
    design = design.sized(len(source.rows))
    folds = design.fold_count
    if design.series is not None:
        return prepare_series(source, design)
    names = target_names(target, source.rows.columns)
    problem = find_problems(source.rows, names, design.task, min_rows=folds + 1)
    structure.check(known_rows(problem, source.rows), *names)
    rows = structure.ordered(known_rows(problem, source.rows))
    rules = layout_rules(design.defaults, problem)
    split = hold_out(problem, rows, design.test_share, structure, folds, source.formats, rules)
    inputs = len(split.preparation.layout.features)
    scaler = StandardScaler() if problem.task == "regression" else None
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
    table: Any,
    target: str | Sequence[str] | None = None,
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
    sequence: str | None = None,
    window: int | None = None,
    horizon: int | None = None,
    season: int | None = None,
    size: int | tuple[int, int] | None = None,
    augment: str | Sequence[str] | None = None,
    strict: bool = False,
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
        table: data frame of pandas, polars (also lazy) or Arrow, or path of a CSV, Excel, Parquet or JSON-lines file;
            or path of a folder that has one folder of images, or of text files, for each class. A table with a column
            of names of image files is a study of these images; the names count from its folder, or for a data frame
            from the current one.
        target: str, the column to predict; a list of columns that one network predicts together, all of numbers or all
            of classes. Not needed for a folder.
        task: `"classification"` or `"regression"`. Default: detected from the target.
        model: function `(inputs, outputs)` that returns a compiled model; outputs is a number, or for several targets
            of classes, not all of two, the number of classes of each, for an output of shape (targets, most classes).
            Default: hidden layers of 64 and 32 units,
            trained by Adam at 0.002 in batches of 64. A given model is trained in batches of 32. For images, the
            function gets `(shape, classes)`, and the default is a small convolutional network.
        arms: as in `Study`. Default: L1 and L2, on weights, activations and pre-activations.
        seeds, folds, epochs: as in `Study`. Default 5 seeds, 5 folds and 100 epochs; 200 for a given model. From
            100,000 rows on 2 seeds, 3 folds and penalties on weights; larger tables have fewer epochs, larger batches.
            For images 3 seeds, 3 folds and 8 to 40 epochs, fewer for more images; 40 for a given model.
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
        size: int, or height and width, to which images are brought. Default: that of the images, at most 32 pixels.
        augment: names of random changes of training images, such as `"flip,shift"`, or `"none"`; among flip,
            upside-down, shift, rotate, zoom, brightness, contrast. Default `"flip"`. A given model has its own.
        strict: bool, whether to refuse damaged images instead of leaving them out with a note. Default False.
        header: bool, whether the first line of a text file, or the first row of an Excel sheet, holds names. With
            False, the columns are `column1`, `column2` and so on. Default: detected.
        decimal: the decimal sign of numbers in text, `"."` or `","`. Default: detected from the columns.
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
    if isinstance(table, str | Path):
        with wait_line(progress, f"reading {Path(table).name}"):
            source = read_source(table, target, header=header, decimal=decimal)
    else:
        source = _table_or_images(_frame(table, target, header, decimal), Path(), target)
    structure = Structure(group, time, weight, class_weight)
    options: dict[str, Any] = {"all_kinds": all_kinds, "series": series_of(sequence, time, window, horizon, season)}
    options["images"] = image_options(source, size, augment, strict)
    target, (seeds, folds) = target_of(source, target), default_counts(source, seeds, folds)
    design = TableStudy(target, task, model, arms, seeds, folds, epochs, test_share, score, structure, **options)
    with wait_line(progress, PREPARING):
        job = prepare_table(source, design)
    compile_ahead(job.prepared)
    return run_job(job, race=race, progress=progress)


def _frame(
    table: Any, target: str | Sequence[str] | None, header: bool | None, decimal: str | None
) -> pd.DataFrame | Table:
    """Return a table of any library as a data frame, or as the table that the options make of it.

    Errors: `KindError` for anything else, such as an array, which has no names of columns; `InputError` for
    `header=False`.
    """
    frame = as_frame(table)
    if not isinstance(frame, pd.DataFrame):
        raise KindError(
            f"Expected a table of pandas, polars or Arrow, or the path of a file or folder, got "
            f"{type(table).__name__}. Give pandas.DataFrame(…, columns=…), or use bridle.Study for arrays."
        )
    refuse_options("a data frame, whose columns have names", header=header)
    if header is None and decimal is None:
        return frame
    return table_of(frame, target if isinstance(target, str) else None, decimal=decimal, named=header is True)


def image_options(
    source: object,
    size: str | int | Sequence[int] | None = None,
    augment: str | Sequence[str] | None = None,
    strict: bool = False,
) -> ImageOptions:
    """Return the options of images.

    Errors: `InputError` for an option of images where the source has none.
    """
    given = {"--size": size is not None, "--augment": augment is not None, "--strict": strict}
    named = [name for name, is_given in given.items() if is_given]
    if named and not isinstance(source, ImageTable):
        raise InputError(
            f"Expected images with {', '.join(named)}, got rows without images. Leave out {', '.join(named)}, or give "
            "a folder of images or a table that names image files."
        )
    return ImageOptions(read_size(size), read_augmentation(augment), strict)


def quick_epochs(source: object) -> int:
    """Return the epochs of a small version of a study."""
    return 5 if isinstance(source, ImageTable) else 20


def default_counts(source: object, seeds: int | None, folds: int | None) -> tuple[int | None, int | None]:
    """Return the seeds and folds of a study; None where the size of a table decides.

    For images they are fewer, since fits take longer.
    """
    count = IMAGE_COUNT if isinstance(source, ImageTable) else None
    return seeds or count, folds or count
