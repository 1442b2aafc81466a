"""The commands `bridle resume` and `bridle extend`: continue the command that is recorded in a folder."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from bridle._errors import InputError, StoreError, nearest_names
from bridle.cli._command_record import RECORD_FILE, CommandRecord, describe_unstarted
from bridle.cli._options import Dask, Verbose
from bridle.cli._setup import guarded

RESUMABLE = {
    "run": ("seeds", "epochs", "quick", "data"),
    "tune": (
        *("target", "task", "model", "penalty", "seeds", "folds", "epochs", "quick", "encoding"),
        *("group", "time", "weight", "class-weight", "score", "test-size"),
        *("header", "no-header", "decimal", "all-fits", "defaults", "all-kinds"),
        *("sequence", "window", "horizon", "season", "size", "augment", "strict"),
    ),
    "study": ("model", "trust", "penalty", "seeds", "epochs", "quick", "defaults"),
}
"""The commands that can be continued, and their options."""
CODE_OPTIONS = ("model", "trust")
"""Options that run code of the user."""
CommandFolder = Annotated[Path, typer.Argument(help="The --out of bridle run, tune or study.")]
Table = Annotated[Path | None, typer.Option("--table", help="New location of the table.")]
Trust = Annotated[bool, typer.Option("--trust", help="Run the code that the folder names with --model.")]


@guarded()
def resume(
    context: typer.Context,
    folder: CommandFolder,
    table: Table = None,
    trust: Trust = False,
    dask: Dask = None,
    verbose: Verbose = False,
) -> None:
    """Run only the missing fits of a folder."""
    record = _find_record(folder, table, trust)
    _run_command(context, record.arguments(folder, dask=dask, verbose=verbose))


@guarded()
def extend(
    context: typer.Context,
    folder: CommandFolder,
    seeds: Annotated[int | None, typer.Option(min=1, help="Seeds in total, including the existing ones.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs (changing this retrains every fit).")] = None,
    table: Table = None,
    trust: Trust = False,
    dask: Dask = None,
    verbose: Verbose = False,
) -> None:
    """Add seeds to a study, or change its epochs. Existing fits are kept."""
    if seeds is None and epochs is None:
        raise InputError("Give --seeds or --epochs. To continue the study unchanged: bridle resume.")
    record = _find_record(folder, table, trust)
    if "quick" in record.options:
        raise InputError("A --quick study cannot be extended. Run it without --quick in another folder.")
    changes = {"seeds": seeds, "epochs": epochs, "extend": True, "dask": dask, "verbose": verbose}
    _run_command(context, record.arguments(folder, **changes))


def _find_record(folder: Path, table: Path | None, trust: bool) -> CommandRecord:
    record = load_record(folder, trust=trust)
    if table is None:
        return record
    if record.words[0] == "run":
        raise InputError(f"Expected no --table for the case {record.words[1]!r}, which has its own rows.")
    return CommandRecord((record.words[0], str(table)), record.options)


def _run_command(context: typer.Context, arguments: list[str]) -> None:
    context.find_root().command.main(arguments, standalone_mode=False)


def load_record(folder: Path, *, trust: bool) -> CommandRecord:
    """Read the command in a folder. The folder may come from a stranger: only known commands and options are accepted.

    Errors: `StoreError` if there is no record, or not of a command that can be continued; `InputError` if it names
    code to run and `trust` is false.
    """
    path = folder / RECORD_FILE
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StoreError(
            describe_unstarted(folder)
            or f"Expected a folder that bridle run, tune or study wrote, found no {RECORD_FILE} in {str(folder)!r}. "
            "A study that was started in Python continues there: run the same lines again."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(f"Expected a readable command in {str(path)!r}. {error}") from error
    command = _parse_record(record, path)
    code = [name for name in CODE_OPTIONS if name in command.options]
    if code and not trust:
        raise InputError(
            f"Expected --trust, since {str(path)!r} names code to run: "
            f"{', '.join(f'--{name} {command.options[name]}' for name in code)}. Look at it, then add --trust."
        )
    return command


def _parse_record(record: Any, path: Path) -> CommandRecord:
    pair, options = (record.get(name) for name in ("words", "options")) if isinstance(record, dict) else (None, None)
    if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(word, str) for word in pair):
        raise StoreError(f"Expected a command in {str(path)!r}, found none.")
    if pair[0] not in RESUMABLE:
        raise StoreError(f"Expected a command in {str(path)!r}, got {pair[0]!r}. {nearest_names(pair[0], RESUMABLE)}")
    if not isinstance(options, dict):
        raise StoreError(f"Expected options in {str(path)!r}, got {type(options).__name__}.")
    for name, value in options.items():
        items = value if isinstance(value, list) else [value]
        if name not in RESUMABLE[pair[0]] or not all(isinstance(item, str | int | float | bool) for item in items):
            raise StoreError(f"Expected an option of bridle {pair[0]} in {str(path)!r}, got {name!r}: {value!r}.")
    return CommandRecord((pair[0], pair[1]), options)
