"""The commands: run a shipped case, tune a table, predict, report."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from bridle import _version, cases, report, tables, tuning
from bridle._errors import StoreError
from bridle._text import escape_control_characters
from bridle.cli import _show as show
from bridle.cli import _stores as stores
from bridle.cli._again import beginning, command, remembered
from bridle.cli._audit import Header, audit
from bridle.cli._cluster import Dask, cluster
from bridle.cli._convert import convert
from bridle.cli._guard import guarded
from bridle.cli._out import check_folder, own_function
from bridle.cli._resume import Extend, extend, resume
from bridle.cli._study import study

app = typer.Typer(
    name="bridle",
    help="Finds the regularization that makes a Keras network generalize, and shows the evidence.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.command()(convert)
app.command()(audit)
app.command()(resume)
app.command()(extend)
app.command(name="list")(stores.list_)
app.command()(stores.show)
app.command()(stores.export)
app.command()(stores.verify)
app.command()(stores.compact)
app.command()(study)

QUICK_SEEDS, QUICK_SHARE = 3, 10
Out = Annotated[Path | None, typer.Option("--out", help="Folder for report.html, result.json, figures and the study.")]
Seeds = Annotated[int, typer.Option("--seeds", min=1, help="Seeds: runs that differ in initial weights and shuffling.")]
Epochs = Annotated[int | None, typer.Option("--epochs", min=1, help="Epochs of each fit; the case's own by default.")]
Quick = Annotated[bool, typer.Option("--quick", help=f"A small version: {QUICK_SEEDS} seeds, a tenth of the epochs.")]
Decimal = Annotated[str | None, typer.Option("--decimal", help="Decimal sign of the file; found by default.")]
Encoding = Annotated[str, typer.Option("--encoding", help="Encoding of the file, such as latin-1.")]


@app.callback(invoke_without_command=True)
def version(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    """Finds the regularization that makes a Keras network generalize, and shows the evidence."""
    if version:
        print(f"bridle {_version.__version__}")
        raise typer.Exit


@app.command()
@guarded()
def run(
    name: Annotated[str, typer.Argument(help=f"A shipped case: {', '.join(cases.CASES)}.")],
    out: Out = None,
    seeds: Seeds = 30,
    epochs: Epochs = None,
    quick: Quick = False,
    extend: Extend = False,
    dask: Dask = None,
) -> None:
    """Run a shipped case: the tutorial's protocol and an honest one, side by side."""
    case = cases.find_case(name)
    folder = check_folder(out or Path(f"bridle-{name}"))
    options = {"seeds": seeds, "epochs": epochs, "quick": quick}
    prepared = cases.prepare_case(
        case,
        seeds=min(seeds, QUICK_SEEDS) if quick else seeds,
        epochs=epochs or (max(1, case.epochs // QUICK_SHARE) if quick else None),
    )
    with beginning(folder, "run", name, **options):
        show.lead(case.title, case.question)
        for label, plan in zip(("tutorial", "honest"), prepared.plans, strict=True):
            show.plan(f"{label} protocol", plan)
    with remembered(folder, "run", name, **options), cluster(dask) as client:
        result = cases.run_case(prepared, folder, extend=extend, client=client)
    written = result.write(folder, again=command("run", name, **options))
    show.case(result)
    show.files(written, folder)


@app.command()
@guarded()
def tune(
    table: Annotated[Path, typer.Argument(help="A CSV file: first line the column names, then one row a line.")],
    target: Annotated[str, typer.Option("--target", help="The column to predict.")],
    task: Annotated[
        str | None, typer.Option("--task", help="classification or regression; found from the target by default.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", help="module:function that takes (inputs, outputs) and returns a compiled model."),
    ] = None,
    penalty: Annotated[
        list[str] | None,
        typer.Option("--penalty", help="An arm 'where=what(how much)', in place of the usual ones; may be repeated."),
    ] = None,
    out: Out = None,
    seeds: Seeds = 5,
    folds: Annotated[int, typer.Option("--folds", min=2, help="Folds of the cross-validation.")] = 5,
    epochs: Epochs = None,
    quick: Quick = False,
    encoding: Encoding = "utf-8",
    group: Annotated[
        str | None, typer.Option("--group", help="Column of subjects with several rows, which stay together.")
    ] = None,
    time: Annotated[
        str | None, typer.Option("--time", help="Column of dates or numbers: judged are later rows than learned from.")
    ] = None,
    weight: Annotated[str | None, typer.Option("--weight", help="Column of row weights.")] = None,
    class_weight: Annotated[
        str | None, typer.Option("--class-weight", help="balanced: rare classes count as much as frequent ones.")
    ] = None,
    score: Annotated[
        str | None,
        typer.Option(
            "--score",
            help="Measure to select by: loss, accuracy, auc, r2, mae …, or a compiled metric, as min:name or max:name; "
            "pooled:auc over all folds together.",
        ),
    ] = None,
    test_size: Annotated[float, typer.Option("--test-size", help="Share of the rows to hold out.")] = 0.2,
    header: Header = None,
    decimal: Decimal = None,
    extend: Extend = False,
    dask: Dask = None,
) -> None:
    """Find the regularization for a table of your own, and save the model."""
    source = tables.read_file(table, encoding=encoding, header=header, decimal=decimal)
    folder = check_folder(out or Path(f"bridle-{table.stem}"))
    options = {"target": target, "task": task, "model": model, "penalty": penalty, "seeds": seeds, "folds": folds}
    options |= {"epochs": epochs, "quick": quick, "encoding": None if encoding == "utf-8" else encoding}
    options |= {"group": group, "time": time, "weight": weight, "class-weight": class_weight, "score": score}
    options |= {"test-size": None if test_size == 0.2 else test_size}
    options |= {"header": header is True, "no-header": header is False, "decimal": decimal}
    job = tuning.prepare_table(
        source,
        target,
        task=task,
        model=None if model is None else own_function(model),
        arms=tuning.written_arms(penalty or []),
        seeds=min(seeds, QUICK_SEEDS) if quick else seeds,
        folds=folds,
        epochs=epochs or (20 if quick else 200),
        test_share=test_size,
        score=score,
        structure=tables.Structure(group, time, weight, class_weight),
    )
    with beginning(folder, "tune", table.absolute(), **options):
        show.lead(f"Table {table.name}", "\n".join(job.notes))
        show.plan("cross-validation", job.plan)
    with remembered(folder, "tune", table.absolute(), **options), cluster(dask) as client:
        answer = tuning.run_job(job, folder, extend=extend, client=client)
    written = answer.save(folder, f"Table {table.name}", again=command("tune", table, **options))
    show.result(answer.result)
    show.code(answer.result)
    show.files(written, folder)
    print(f"Apply it to new rows: bridle predict {folder} new.csv")


@app.command()
@guarded()
def predict(
    folder: Annotated[Path, typer.Argument(help="The folder that `bridle tune` wrote.")],
    table: Annotated[Path, typer.Argument(help="A CSV file with the columns that the model was trained on.")],
    out: Annotated[Path | None, typer.Option("--out", help="CSV file to write; standard output by default.")] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", help="module:function, as bridle tune was given it, for a model with code of its own."),
    ] = None,
    encoding: Encoding = "utf-8",
    header: Header = None,
) -> None:
    """Apply a tuned model to new rows."""
    stores.check_finished(folder)
    applied = tuning.load_applied(folder, model=None if model is None else own_function(model))
    layout = applied.preparation.layout
    frame = tables.read_table(table, encoding=encoding, like=layout, fewest=1, header=header)
    predictions = applied.predict(frame)
    for column, counts in applied.preparation.unknown_counts(frame).items():
        shown = ", ".join(f"{name!r} ({count})" for name, count in list(counts.items())[:5])
        print(f"Column {column!r} has categories that the training rows did not have: {shown}.", file=sys.stderr)
    text = report.safe_cells(predictions).to_csv(index=False, float_format="%.6g")
    if out is None:
        print(escape_control_characters(text) if sys.stdout.isatty() else text, end="")
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"Expected a file that can be written, got {str(out)!r}: {error.strerror}.") from error
    print(f"{len(predictions)} predictions in {out}")


@app.command(name="report")
@guarded()
def report_command(
    folder: Annotated[Path, typer.Argument(help="The folder of a stored study.")],
    out: Annotated[Path | None, typer.Option("--out", help="Folder to write to; the study's own by default.")] = None,
) -> None:
    """Write the report of a stored study again."""
    results = {place: stores.loaded(place, folder) for place in stores.inside(folder)}
    target, again = check_folder(out or folder), command("report", folder)
    names = {place: "Study" if len(results) == 1 else place.name.capitalize() for place in results}
    parts = [result.section(names[place], again=again) for place, result in results.items()]
    written = report.write(target, "Stored study", parts)
    for result in results.values():
        show.result(result)
    show.files(written, target)
