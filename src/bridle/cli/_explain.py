"""The command `bridle explain`: the page of a diagnosis, or the diagnoses of a stored study."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from bridle import report
from bridle._errors import InputError
from bridle.cli import _show as show
from bridle.cli import _stores as stores
from bridle.cli._setup import guarded


@guarded()
def explain(
    subject: Annotated[
        str | None, typer.Argument(metavar="[CODE | FOLDER]", help="A code such as BR007, or the folder of a study.")
    ] = None,
) -> None:
    """Explain a diagnosis by its code, or those of a stored study. Without an argument: list all codes."""
    if subject is None:
        print(report.list_text())
        return
    if Path(subject).is_dir():
        _explain_folder(Path(subject))
        return
    if report.CODE.fullmatch(subject) is None:
        raise InputError(
            f"Expected the code of a diagnosis, such as BR007, or the folder of a study, got {subject!r:.200}. "
            "`bridle explain` lists all codes."
        )
    show.make_console().print(Text(report.page_text(report.find_diagnosis(subject))))


def _explain_folder(folder: Path) -> None:
    """Print the verdict and the diagnoses of each study in a folder."""
    console = show.make_console()
    for index, path in enumerate(stores.find_studies(folder)):
        result = stores.load_finished(path, folder)
        if index:
            print()
        console.print(Text(f"{path}", style="bold"))
        console.print(Text(f"{result.verdict()}\n\n{result.explain()}"))
