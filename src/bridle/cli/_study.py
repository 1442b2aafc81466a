"""The command `bridle study`: a person's own study, written in a file."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from bridle import tuning
from bridle._errors import InputError
from bridle.cli import _show as show
from bridle.cli._again import beginning, command, remembered
from bridle.cli._cluster import Dask, cluster
from bridle.cli._guard import guarded
from bridle.cli._out import check_folder, own_function
from bridle.cli._resume import Extend


@guarded()
def study(
    file: Annotated[Path, typer.Argument(help="A .toml file: [data], [model], [study] and [arms].")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for report.html, result.json, figures and the study.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", help="module:function that returns a compiled model; in place of the file's [model]."),
    ] = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="Run the function that the file names as [model] function.")
    ] = False,
    penalty: Annotated[
        list[str] | None,
        typer.Option("--penalty", help="An arm 'where=what(how much)', in place of the file's; may be repeated."),
    ] = None,
    seeds: Annotated[int | None, typer.Option("--seeds", min=1, help="Seeds; those of the file by default.")] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="Epochs of each fit; the file's own.")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help=f"A small version: {tuning.QUICK_SEEDS} seeds, a tenth of the epochs.")
    ] = False,
    extend: Extend = False,
    dask: Dask = None,
) -> None:
    """Run a study that is written in a file."""
    given = tuning.read_study(file)
    function = _function(given, model, trust)
    given = given.asked(seeds=seeds, epochs=epochs, quick=quick)
    folder = check_folder(out or Path(f"bridle-{file.stem}"))
    job = tuning.prepare_study(given, function, arms=tuning.written_arms(penalty or []))
    options = {"model": model, "trust": trust, "penalty": penalty, "seeds": seeds, "epochs": epochs, "quick": quick}
    with beginning(folder, "study", file.absolute(), **options):
        show.lead(given.title, "\n".join(job.notes))
        show.plan("cross-validation", job.plan, given.study.get("nested", 0))
    with remembered(folder, "study", file.absolute(), **options), cluster(dask) as client:
        answer = tuning.run_study_file(given, job, folder, extend=extend, client=client)
    written = answer.save(folder, given.title, again=command("study", file, **options))
    show.result(answer.result)
    if answer.result.evidence.winner is not None:
        show.code(answer.result)
    show.files(written, folder)


def _function(given: tuning.StudyFile, model: str | None, trust: bool) -> Callable[..., Any] | None:
    """The model function, imported only where the command line says so."""
    if model is not None:
        return own_function(model)
    named = given.model.get("function")
    if named is None:
        return None
    if not trust:
        raise InputError(
            f"Expected --trust to run the function {named!r} that {given.path.name!r} names: it is code, and nothing "
            "of it was imported. Read it, then add --trust, or give another with --model module:function."
        )
    return own_function(named, given.folder)
