"""The two kinds of shipped cases on the command line."""

from dataclasses import dataclass, replace
from pathlib import Path

from bridle import cases, tuning
from bridle._errors import InputError
from bridle.cli import _show as show
from bridle.cli._command_record import command_line, record_run, record_start
from bridle.cli._setup import check_folder, connect_cluster

TUTORIAL_SEEDS = 30
"""Seeds of a case in two protocols, if the user gives none."""


@dataclass(frozen=True)
class TutorialOptions:
    """Options of a case in two protocols."""

    out: Path | None
    seeds: int
    epochs: int | None
    quick: bool
    extend: bool
    verbose: bool


def run_tutorial(case: cases.Case, options: TutorialOptions, dask: str | None) -> None:
    """Run a case in the tutorial's protocol and in an honest one, and print both answers."""
    name, quick = case.name, options.quick
    folder = check_folder(options.out or Path(f"bridle-{name}"))
    recorded = {"seeds": options.seeds, "epochs": options.epochs, "quick": quick}
    prepared = cases.prepare_case(
        case,
        seeds=min(options.seeds, tuning.QUICK_SEEDS) if quick else options.seeds,
        epochs=options.epochs or (max(1, case.epochs // tuning.QUICK_EPOCH_DIVISOR) if quick else None),
    )
    with record_start(folder, "run", name, **recorded):
        show.print_heading(case.title, case.question)
        for label, plan in zip(("tutorial", "honest"), prepared.plans, strict=True):
            show.print_plan(f"{label} protocol", plan)
    with record_run(folder, "run", name, **recorded), connect_cluster(dask) as client:
        result = cases.run_case(prepared, folder, extend=options.extend, client=client)
    files = result.write(folder, again=command_line("run", name, **recorded))
    show.print_case(result, verbose=options.verbose)
    if options.extend:
        show.print_looks(result.honest)
    show.print_files(files, folder)


def run_reproduction(
    case: cases.ReproductionCase, options: cases.CaseOptions, out: Path | None, dask: str | None, verbose: bool
) -> None:
    """Run a case that holds measurements against references, and print its table and verdict.

    Errors: `InputError` for `--data` where the case takes none or no such file is there.
    """
    name = case.name
    check_data(case, options.data)
    folder = check_folder(out or Path(f"bridle-{name}"))
    path = None if options.data is None else options.data.absolute()
    recorded = {"seeds": options.seeds, "quick": options.quick, "data": None if path is None else str(path)}
    with record_start(folder, "run", name, **recorded):
        show.print_heading(case.title, case.question)
    with record_run(folder, "run", name, **recorded), connect_cluster(dask) as client:
        options = replace(options, folder=folder, data=path, client=client)
        if (page := cases.write_first_page(case, options)) is not None:
            show.print_first_page(page)
        result = cases.run_reproduction(case, options)
    files = result.write(folder, again=command_line("run", name, **recorded))
    show.print_reproduction(result, verbose=verbose)
    show.print_files(files, folder)


def check_data(case: cases.ReproductionCase, path: Path | None) -> None:
    """Raise `InputError` for a file that the case does not take, or that does not exist."""
    if path is None:
        return
    if not case.data:
        raise InputError(f"Expected no --data for the case {case.name!r}, which has its own rows.")
    if not path.exists():
        raise InputError(f"Expected a file for --data, found no {str(path)!r}. It takes {case.data}.")
