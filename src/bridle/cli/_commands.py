"""The commands `run`, `tune`, `predict` and `report`, and the list of all commands."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from bridle import cases, report, tables, tuning
from bridle._errors import InputError, Interrupted, StoreError
from bridle._progress import wait_line
from bridle.cli import _show as show
from bridle.cli import _stores as stores
from bridle.cli._cases import TUTORIAL_SEEDS, TutorialOptions, run_reproduction, run_tutorial
from bridle.cli._command_record import command_line, record_run, record_start, recorded_defaults
from bridle.cli._explain import explain
from bridle.cli._export import export
from bridle.cli._options import (
    DEFAULT_ENCODING,
    DEFAULT_TEST_SHARE,
    Dask,
    Decimal,
    Encoding,
    Epochs,
    Extend,
    Header,
    Out,
    PenaltyArms,
    Quick,
    Strict,
    Verbose,
)
from bridle.cli._resume import extend, resume
from bridle.cli._setup import check_folder, connect_cluster, guarded, import_function
from bridle.cli._strengths import audit, convert
from bridle.cli._study import study
from bridle.images import is_image_name
from bridle.wording import escape_control_characters


@guarded()
def run(
    name: Annotated[str, typer.Argument(help=f"A shipped case: {', '.join(cases.CASES)}.")],
    out: Out = None,
    seeds: Annotated[
        int | None,
        typer.Option("--seeds", min=1, help="Seeds: runs that differ in initial weights and shuffling."),
    ] = None,
    epochs: Epochs = None,
    quick: Quick = False,
    data: Annotated[
        Path | None, typer.Option("--data", help="A local file of larger data, for the cases that take one.")
    ] = None,
    extend: Extend = False,
    dask: Dask = None,
    verbose: Verbose = False,
) -> None:
    """Run a shipped case: a tutorial in two protocols, or a measurement held against its reference."""
    case = cases.find_case(name)
    if isinstance(case, cases.Case):
        if data is not None:
            raise InputError(f"Expected no --data for the case {name!r}, which has its own rows.")
        options = TutorialOptions(out, seeds or TUTORIAL_SEEDS, epochs, quick, extend, verbose)
        run_tutorial(case, options, dask)
        return
    if epochs is not None:
        raise InputError(f"Expected no --epochs for the case {name!r}, whose protocol sets them. Try --quick.")
    run_reproduction(case, cases.CaseOptions(None, quick, seeds, data, extend=extend), out, dask, verbose)


@guarded()
def tune(
    table: Annotated[
        Path,
        typer.Argument(
            help="A CSV, Excel, Parquet or JSON-lines file, or a folder that has a folder of images or texts for each "
            "class."
        ),
    ],
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            help="The column to predict; a,b for several, all numbers or all classes; not needed for a folder.",
        ),
    ] = None,
    task: Annotated[
        str | None, typer.Option("--task", help="classification or regression; detected from the target by default.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            help="module:function that takes (inputs, outputs), for images (shape, classes), and returns a compiled "
            "model.",
        ),
    ] = None,
    penalty: PenaltyArms = None,
    out: Out = None,
    seeds: Annotated[
        int | None,
        typer.Option("--seeds", min=1, help="Seeds: runs that differ in initial weights and shuffling; 5 by default."),
    ] = None,
    folds: Annotated[
        int | None, typer.Option("--folds", min=2, help="Folds of the cross-validation: by default 5, for images 3.")
    ] = None,
    epochs: Epochs = None,
    quick: Quick = False,
    encoding: Encoding = DEFAULT_ENCODING,
    group: Annotated[
        str | None, typer.Option("--group", help="Column of subjects; the rows of a subject stay together.")
    ] = None,
    time: Annotated[
        str | None,
        typer.Option("--time", help="Column of dates or numbers; models are validated on later rows."),
    ] = None,
    weight: Annotated[str | None, typer.Option("--weight", help="Column of row weights.")] = None,
    class_weight: Annotated[
        str | None, typer.Option("--class-weight", help="balanced: all classes have the same total weight.")
    ] = None,
    sequence: Annotated[
        str | None,
        typer.Option("--sequence", help="Column of sequences: rows with one value, by --time, have one target."),
    ] = None,
    window: Annotated[
        int | None, typer.Option("--window", min=1, help="Forecast: the steps, by --time, that a forecast sees.")
    ] = None,
    horizon: Annotated[
        int | None, typer.Option("--horizon", min=1, help="Forecast: the steps that it is ahead, by default 1.")
    ] = None,
    season: Annotated[
        int | None, typer.Option("--season", min=1, help="Forecast: the steps of a season, for a naive forecast.")
    ] = None,
    score: Annotated[
        str | None,
        typer.Option(
            "--score",
            help="Score to select by: loss, accuracy, auc, r2, mae … or a compiled metric as min:name or max:name; "
            "pooled:auc is over the rows of all folds.",
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option("--size", help="Images: pixels, as 64 or 48x64 (height x width); by default at most 32."),
    ] = None,
    augment: Annotated[
        str | None,
        typer.Option(
            "--augment",
            help="Images: random changes in training, such as flip,shift,rotate,zoom,brightness,contrast, or none.",
        ),
    ] = None,
    strict: Strict = False,
    test_size: Annotated[
        float, typer.Option("--test-size", help="Share of the rows to hold out.")
    ] = DEFAULT_TEST_SHARE,
    header: Header = None,
    decimal: Decimal = None,
    all_kinds: Annotated[
        bool,
        typer.Option(
            "--all-kinds", help="Also dropout, noise, weight decay, limits of norms, smoothed and mixed labels."
        ),
    ] = False,
    all_fits: Annotated[
        bool, typer.Option("--all-fits", help="Train every candidate with every seed: slower, and no race.")
    ] = False,
    defaults: Annotated[int | None, typer.Option("--defaults", min=1, max=tuning.NEWEST, hidden=True)] = None,
    extend: Extend = False,
    dask: Dask = None,
    verbose: Verbose = False,
) -> None:
    """Find the regularization for a table or a folder of images or texts, and save the model."""
    with wait_line(True, f"reading {table.name}"):
        source = tuning.read_source(table, target, encoding=encoding, header=header, decimal=decimal)
    folder = check_folder(out or Path(f"bridle-{table.absolute().stem}"))
    seeds, folds = tuning.default_counts(source, seeds, folds)
    options = {"target": target, "task": task, "model": model, "penalty": penalty, "seeds": seeds, "folds": folds}
    options |= {"epochs": epochs, "quick": quick, "encoding": None if encoding == DEFAULT_ENCODING else encoding}
    options |= {"group": group, "time": time, "weight": weight, "class-weight": class_weight, "score": score}
    options |= {"test-size": None if test_size == DEFAULT_TEST_SHARE else test_size}
    options |= {"header": header is True, "no-header": header is False, "decimal": decimal, "all-fits": all_fits}
    options |= {"all-kinds": all_kinds, "sequence": sequence, "window": window, "horizon": horizon, "season": season}
    options |= {"size": size, "augment": augment, "strict": strict}
    design = tuning.TableStudy(
        tuning.target_of(source, target),
        task=task,
        model=None if model is None else import_function(model),
        arms=tuning.written_arms(penalty or []),
        seeds=min(seeds or tuning.QUICK_SEEDS, tuning.QUICK_SEEDS) if quick else seeds,
        folds=folds,
        epochs=epochs or (tuning.quick_epochs(source) if quick else None),
        test_share=test_size,
        score=score,
        structure=tables.Structure(group, time, weight, class_weight),
        defaults=defaults or recorded_defaults(folder),
        all_kinds=all_kinds,
        series=tuning.series_of(sequence, time, window, horizon, season),
        images=tuning.image_options(source, size, augment, strict),
    )
    recorded = options | {"defaults": design.defaults}
    with wait_line(True, tuning.PREPARING):
        job = tuning.prepare_table(source, design)
    with record_start(folder, "tune", table.absolute(), **recorded):
        tuning.compile_new(job, folder)
        show.print_heading(
            _title(table, isinstance(source, tuning.ImageTable)), "\n".join(job.notes if verbose else job.summary)
        )
        show.print_design(job, lambda: job.plan if all_fits else job.raced_plan)
    with record_run(folder, "tune", table.absolute(), **recorded), connect_cluster(dask) as client:
        try:
            answer = tuning.run_job(job, folder, extend=extend, client=client, race=not all_fits)
        except Interrupted as stop:
            answer = tuning.answer_so_far(job, stop)
            if answer is not None:
                _print_tuned(answer, folder, table, options, verbose)
            raise
    _print_tuned(answer, folder, table, options, verbose)
    if extend:
        show.print_looks(answer.result)


def _print_tuned(answer: tuning.Tuned, folder: Path, table: Path, options: Mapping[str, object], verbose: bool) -> None:
    """Save and print the answer of `tune`."""
    photos = isinstance(answer.preparation, tuning.ImagePreparation)
    files = answer.save(folder, _title(table, photos), again=command_line("tune", table, **options))
    show.print_result(answer.result, verbose=verbose)
    show.print_targets(answer)
    show.print_code(answer.result)
    show.print_files(files, folder)
    texts = table.is_dir() and not photos
    what, new = ("images", "new") if photos else ("texts", "new") if texts else ("rows", "new.csv")
    print(f"Apply it to new {what}: {command_line('predict', folder, new)}")


def _title(table: Path, photos: bool) -> str:
    """Return the heading of a study: its kind of data, and the name of the file or folder."""
    kind = ("Images" if photos else "Texts") if table.is_dir() else "Table"
    return f"{kind} {table.absolute().name}"


@guarded()
def predict(
    folder: Annotated[Path, typer.Argument(help="The folder that `bridle tune` wrote.")],
    table: Annotated[
        Path,
        typer.Argument(
            help="A file with the columns of the training table, in any format; for images and texts also a folder."
        ),
    ],
    out: Annotated[Path | None, typer.Option("--out", help="CSV file to write; standard output by default.")] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", help="module:function as in bridle tune, for a model with custom code."),
    ] = None,
    encoding: Encoding = DEFAULT_ENCODING,
    header: Header = None,
    strict: Strict = False,
) -> None:
    """Apply a tuned model to new rows."""
    stores.check_finished(folder)
    applied = tuning.load_applied(folder, model=None if model is None else import_function(model))
    preparation, frame = applied.preparation, None
    if isinstance(preparation, tuning.ImagePreparation):
        preparation = preparation.at(table.parent, strict=strict)
        frame = table if table.is_dir() or is_image_name(table.name) else None
        if frame is not None:
            tables.refuse_options("images", encoding=encoding, header=header)
    elif strict:
        raise InputError("Expected a model of images with --strict, got one of a table. Leave out --strict.")
    if frame is None:
        frame = tables.read_table(table, encoding=encoding, like=preparation.layout, fewest=1, header=header)
    new = preparation.new_rows(frame)
    predictions = applied.predict_rows(new)
    for note in new.notes:
        print(note, file=sys.stderr)
    for column, counts in preparation.unknown_counts(frame).items():
        names = ", ".join(f"{name!r} ({count})" for name, count in list(counts.items())[:5])
        print(f"Column {column!r} has categories that the training rows do not have: {names}.", file=sys.stderr)
    predictions = predictions.reset_index() if predictions.index.name == tables.FILE else predictions
    text = report.safe_cells(predictions).to_csv(index=False, float_format="%.6g")
    if out is None:
        print(escape_control_characters(text) if sys.stdout.isatty() else text, end="")
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"Expected a file that can be written, got {str(out)!r}: {error.strerror}.") from error
    print(f"{len(predictions)} predictions in {out}")


@guarded()
def report_command(
    folder: Annotated[Path, typer.Argument(help="The folder of a stored study.")],
    out: Annotated[Path | None, typer.Option("--out", help="Folder to write to; by default that of the study.")] = None,
    verbose: Verbose = False,
) -> None:
    """Write the report of a stored study again."""
    results = {path: stores.load_finished(path, folder) for path in stores.find_studies(folder)}
    target, again = check_folder(out or folder), command_line("report", folder)
    names = {path: "Study" if len(results) == 1 else path.name.capitalize() for path in results}
    parts = [result.section(names[path], again=again) for path, result in results.items()]
    files = report.write(target, "Stored study", parts)
    for result in results.values():
        show.print_result(result, verbose=verbose)
    show.print_files(files, target, folder)


COMMANDS = {
    "run": run,
    "tune": tune,
    "study": study,
    "predict": predict,
    "report": report_command,
    "resume": resume,
    "extend": extend,
    "list": stores.list_studies,
    "show": stores.show,
    "explain": explain,
    "export": export,
    "verify": stores.verify,
    "compact": stores.compact,
    "audit": audit,
    "convert": convert,
}
"""The function of each command of the app."""
