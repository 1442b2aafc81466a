"""`bridle resume` and `bridle extend`: go on with a folder that a command began."""

from pathlib import Path
from typing import Annotated

import typer

from bridle._errors import InputError
from bridle.cli._again import Begun, recall
from bridle.cli._cluster import Dask
from bridle.cli._guard import guarded

Folder = Annotated[Path, typer.Argument(help="The --out of bridle run, tune or study.")]
Extend = Annotated[
    bool, typer.Option("--extend", help="The folder's study may have other seeds or epochs; what is there is kept.")
]
Table = Annotated[Path | None, typer.Option("--table", help="The table, where it lies elsewhere than it did.")]
Trust = Annotated[bool, typer.Option("--trust", help="Run the code that the folder names with --model.")]


@guarded()
def resume(folder: Folder, table: Table = None, trust: Trust = False, dask: Dask = None) -> None:
    """Make what is missing in a folder and nothing else."""
    _go_on(_begun(folder, table, trust), folder, dask=dask)


@guarded()
def extend(
    folder: Folder,
    seeds: Annotated[int | None, typer.Option(min=1, help="Seeds in all, with those that are there.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs; every fit is another one then.")] = None,
    table: Table = None,
    trust: Trust = False,
    dask: Dask = None,
) -> None:
    """Give a study more seeds, or other epochs; what is there is kept."""
    if seeds is None and epochs is None:
        raise InputError("Expected --seeds or --epochs, got neither. To go on as it was: bridle resume.")
    begun = _begun(folder, table, trust)
    if "quick" in begun.options:
        raise InputError("Expected a whole study to extend, got one of --quick. Run it without, in another folder.")
    _go_on(begun, folder, seeds=seeds, epochs=epochs, extend=True, dask=dask)


def _begun(folder: Path, table: Path | None, trust: bool) -> Begun:
    begun = recall(folder, trust=trust)
    if table is None:
        return begun
    if begun.words[0] == "run":
        raise InputError(f"Expected no --table for the case {begun.words[1]!r}, which brings its rows.")
    return Begun((begun.words[0], str(table)), begun.options)


def _go_on(begun: Begun, folder: Path, **changed: object) -> None:
    from bridle.cli._commands import app  # which has these two commands as well

    app(begun.arguments(folder, **changed), standalone_mode=False)
