"""Options and arguments that several commands share, as annotations of their parameters."""

from pathlib import Path
from typing import Annotated

import typer

from bridle.tuning import QUICK_SEEDS

DEFAULT_ENCODING = "utf-8"
"""Encoding of a table, if no other is given."""
DEFAULT_TEST_SHARE = 0.2
"""Share of the rows of a table that are held out, if no other is given."""

Out = Annotated[Path | None, typer.Option("--out", help="Folder for report.html, result.json, figures and the study.")]
Epochs = Annotated[
    int | None, typer.Option("--epochs", min=1, help="Epochs of each fit; by default those of the case, table or file.")
]
Quick = Annotated[bool, typer.Option("--quick", help=f"A small version: {QUICK_SEEDS} seeds, a tenth of the epochs.")]
Extend = Annotated[
    bool, typer.Option("--extend", help="Allow other seeds or epochs than the folder's study; existing fits are kept.")
]
Verbose = Annotated[
    bool, typer.Option("--verbose", help="Print the table, the details of the answer and every note as well.")
]
Dask = Annotated[
    str | None,
    typer.Option("--dask", help="Train on a Dask cluster: its scheduler's address, such as tcp://host:8786."),
]
PenaltyArms = Annotated[
    list[str] | None,
    typer.Option("--penalty", help="An arm 'target=penalty(strength)', instead of the default ones; repeatable."),
]
Strict = Annotated[bool, typer.Option("--strict", help="Images: refuse damaged ones instead of leaving them out.")]
Header = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header", help="The first line, or row of Excel, has column names, or data. Detected by default."
    ),
]
Decimal = Annotated[str | None, typer.Option("--decimal", help="Decimal sign of numbers in text; detected by default.")]
Encoding = Annotated[str, typer.Option("--encoding", help="Encoding of a text file, such as latin-1.")]
StudyFolder = Annotated[Path, typer.Argument(help="The folder of a study, or the --out of a command.")]
