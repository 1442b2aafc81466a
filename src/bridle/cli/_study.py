"""The command `bridle study`: run a study that is described in a file."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from bridle import tuning
from bridle._errors import InputError
from bridle._progress import wait_line
from bridle.cli import _show as show
from bridle.cli._command_record import command_line, record_run, record_start, recorded_defaults
from bridle.cli._options import Dask, Epochs, Extend, Out, PenaltyArms, Quick, Verbose
from bridle.cli._setup import check_folder, connect_cluster, guarded, import_function


@guarded()
def study(
    file: Annotated[Path, typer.Argument(help="A .toml file: [data], [model], [study] and [arms].")],
    out: Out = None,
    model: Annotated[
        str | None,
        typer.Option("--model", help="module:function that returns a compiled model, instead of the file's [model]."),
    ] = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="Run the function that the file names as [model] function.")
    ] = False,
    penalty: PenaltyArms = None,
    seeds: Annotated[int | None, typer.Option("--seeds", min=1, help="Seeds; those of the file by default.")] = None,
    epochs: Epochs = None,
    quick: Quick = False,
    defaults: Annotated[int | None, typer.Option("--defaults", min=1, max=tuning.NEWEST, hidden=True)] = None,
    extend: Extend = False,
    dask: Dask = None,
    verbose: Verbose = False,
) -> None:
    """Run a study that is described in a file."""
    study_file = tuning.read_study(file)
    function = _model_function(study_file, model, trust)
    study_file = study_file.asked(seeds=seeds, epochs=epochs, quick=quick)
    folder = check_folder(out or Path(f"bridle-{file.stem}"))
    version = defaults or recorded_defaults(folder)
    with wait_line(True, tuning.PREPARING):
        job = tuning.prepare_study(study_file, function, arms=tuning.written_arms(penalty or []), defaults=version)
    options = {"model": model, "trust": trust, "penalty": penalty, "seeds": seeds, "epochs": epochs, "quick": quick}
    recorded = options | {"defaults": version}
    with record_start(folder, "study", file.absolute(), **recorded):
        show.print_heading(study_file.title, "\n".join(job.notes if verbose else job.summary))
        show.print_design(job, lambda: job.plan, study_file.study.get("nested", 0))
    with record_run(folder, "study", file.absolute(), **recorded), connect_cluster(dask) as client:
        answer = tuning.run_study_file(study_file, job, folder, extend=extend, client=client)
    files = answer.save(folder, study_file.title, again=command_line("study", file, **options))
    show.print_result(answer.result, verbose=verbose)
    show.print_targets(answer)
    if extend:
        show.print_looks(answer.result)
    if answer.result.evidence.winner is not None:
        show.print_code(answer.result)
    show.print_files(files, folder)


def _model_function(study_file: tuning.StudyFile, model: str | None, trust: bool) -> Callable[..., Any] | None:
    """Import the model function, if the command line allows it."""
    if model is not None:
        return import_function(model)
    name = study_file.model.get("function")
    if name is None:
        return None
    if not trust:
        raise InputError(
            f"Expected --trust to run the function {name!r} that {study_file.path.name!r} names: it is code, and it "
            "was not imported. Read it, then add --trust, or give another with --model module:function."
        )
    return import_function(name, study_file.folder)
