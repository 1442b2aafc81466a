"""The command `export`: a study on disk as a table, a model, a card, or the runs of a tracker."""

from pathlib import Path
from typing import Annotated, Any

import typer

from bridle import tables
from bridle._errors import InputError
from bridle.cli import _stores as stores
from bridle.cli._command_record import command_line
from bridle.cli._options import StudyFolder
from bridle.cli._setup import guarded, import_function
from bridle.exporting import KINDS, FinishedStudy, check_kind, source_of_folder, table_text, write_export
from bridle.tuning import ImagePreparation
from bridle.wording import escape_control_characters

ON_SCREEN = ("csv", "json")
"""The kinds that are printed where no file is given."""


@guarded()
def export(
    folder: StudyFolder,
    out: Annotated[
        str | None, typer.Argument(help="The file or folder to write; for MLflow also the address of a server.")
    ] = None,
    to: Annotated[str | None, typer.Option("--to", help=f"{', '.join(KINDS)}; by default as the file ends.")] = None,
    fits: Annotated[bool, typer.Option("--fits", help="Trackers: a run for each fit as well.")] = False,
    rows: Annotated[
        Path | None,
        typer.Option("--rows", help="ONNX: a file or folder of rows to compare the predictions on; drawn by default."),
    ] = None,
    license: Annotated[str | None, typer.Option("--license", help="Model card: a licence, such as mit.")] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="module:function as in bridle tune, for a model with custom code.")
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Short for --to csv: every fit, safe in a spreadsheet.")] = False,
    parquet: Annotated[bool, typer.Option("--parquet", help="Short for --to parquet; needs pyarrow.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Short for --to json: a list of records.")] = False,
    out_option: Annotated[str | None, typer.Option("--out", help="The same as the second argument.")] = None,
) -> None:
    """Write a study for other programs: a table of fits, an ONNX model, a model card, or a tracker."""
    short = [name for name, is_set in {"csv": csv, "parquet": parquet, "json": json}.items() if is_set]
    kinds = [*short, *([] if to is None else [to])]
    if len(kinds) > 1:
        raise InputError(f"Expected one of --to, --csv, --parquet and --json, got {len(kinds)}. Give one of them.")
    if out is not None and out_option is not None:
        raise InputError(f"Expected one file or folder to write, got {out!r} and --out {out_option!r}. Give one.")
    target = out if out is not None else out_option
    kind = check_kind(kinds[0] if kinds else None, target or "", fits=fits, rows=rows, license=license)
    if target is None and kind not in ON_SCREEN:
        raise InputError(f"Expected a file or folder to write, got none. Write: {_example(folder, kind)}")
    paths = stores.find_studies(folder)
    if len(paths) > 1:
        raise InputError(
            f"Expected one study, found {len(paths)} in {str(folder)!r}. Give one of: {', '.join(map(str, paths))}."
        )
    result = stores.load_finished(paths[0], folder)
    if target is None:
        print(table_text(result.members(), kind), end="")
        return
    source = source_of_folder(result, folder, None if model is None else import_function(model))
    read = None if rows is None else _read_rows(source, rows)
    print(escape_control_characters(write_export(source, target, kind, fits=fits, rows=read, license=license)))
    if kind == "onnx" and rows is None and source.applied is not None:
        print(f"To check it on rows of your own: {command_line('export', folder, target, rows='new.csv')}")


def _example(folder: Path, kind: str) -> str:
    """Return a command with a file or folder to write."""
    ending = KINDS[kind][0]
    name = "model" if kind == "onnx" else "fits" if ending else kind
    return command_line("export", folder, f"{name}{ending}", to=None if ending else kind)


def _read_rows(source: FinishedStudy, path: Path) -> Any:
    """Return rows of a file or a folder as the preparation of the study takes them."""
    if source.applied is None:
        raise InputError(
            "Expected a folder of bridle tune with --rows, got another study, whose rows are arrays. "
            "In Python: bridle.export(folder, 'model.onnx', rows=x)."
        )
    preparation = source.applied.preparation
    if isinstance(preparation, ImagePreparation):
        return path
    return tables.read_table(path, like=preparation.layout, fewest=1)
