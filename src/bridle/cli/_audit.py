"""The command `bridle audit`: what a saved model really charges."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from bridle import auditing, tables, untrusted
from bridle._errors import InputError
from bridle.cli._guard import guarded

Header = Annotated[
    bool | None,
    typer.Option("--header/--no-header", help="Is the first line column names, or already a row? Found by default."),
]


@guarded()
def audit(
    model: Annotated[Path, typer.Argument(help="A .keras file; nothing in it is run as code.")],
    data: Annotated[
        Path | None, typer.Option("--data", help="Rows: .npy, .npz (by the names of the inputs) or .csv.")
    ] = None,
    header: Header = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="MiB that the model may take.")] = untrusted.LIMIT,
) -> None:
    """Tell what each penalty of a saved model adds to the loss, and what it silently does not.

    The exit code is 0 where nothing is found, 1 where something is, and 2 for a mistake.
    """
    loaded, left_out = untrusted.read_model(model, limit=limit)
    if left_out:
        print(left_out, file=sys.stderr)
    rows, weight = (None, None) if data is None else _rows(data, limit, header)
    found = auditing.audit(loaded, rows, sample_weight=weight)
    print(found, end="")
    if not found.ok:
        raise typer.Exit(1)


def _rows(path: Path, limit: int, header: bool | None) -> tuple[Any, Any]:
    if path.suffix.lower() != ".csv":
        return untrusted.read_rows(path, limit=limit)
    frame = tables.read_table(path, fewest=1, header=header)
    text = [name for name, kind in frame.dtypes.items() if kind.kind not in "fiub"]
    if text:
        raise InputError(f"Expected numbers in all columns of {path.name!r}, got text in {', '.join(map(repr, text))}.")
    return frame.to_numpy("float32"), None
