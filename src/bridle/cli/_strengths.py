"""The commands about strengths: `audit` for those of a saved model, `convert` for those of other frameworks."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bridle import auditing, tables, untrusted
from bridle._errors import InputError
from bridle.cli._options import Header
from bridle.cli._setup import guarded
from bridle.conversion import CONVENTIONS, FUNCTION, Conversion, presets
from bridle.conversion import convert as convert_strength

EXAMPLE = 'bridle convert 1e-4 --from "keras2.3 l1 activity" --to "keras3.14 activity" --batch-size 30'
"""A complete command, for messages."""


@guarded()
def audit(
    model: Annotated[Path, typer.Argument(help="A .keras file; no code in it is run.")],
    data: Annotated[
        Path | None, typer.Option("--data", help="Rows: .npy, .npz (by the names of the inputs) or .csv.")
    ] = None,
    header: Header = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, help="Size limit of the model in MiB.")
    ] = untrusted.MAX_UNPACKED_MIB,
) -> None:
    """Report what regularizes a saved model: penalties, noise, constraints, decay, and what of it does nothing.

    The exit code is 0 without findings, 1 with findings, and 2 for a mistake.
    """
    loaded, omissions = untrusted.read_model(model, limit=limit)
    if omissions:
        print(omissions, file=sys.stderr)
    rows, weight = (None, None) if data is None else _read_rows(data, limit, header)
    report = auditing.audit(loaded, rows, sample_weight=weight)
    print(report, end="")
    if not report.ok:
        raise typer.Exit(1)


def _read_rows(path: Path, limit: int, header: bool | None) -> tuple[Any, Any]:
    if path.suffix.lower() != ".csv":
        return untrusted.read_rows(path, limit=limit)
    frame = tables.read_table(path, fewest=1, header=header)
    text = [name for name, kind in frame.dtypes.items() if kind.kind not in "fiub"]
    if text:
        columns = ", ".join(map(repr, text))
        raise InputError(f"Expected numbers in all columns of {path.name!r}, got text in {columns}.")
    return frame.to_numpy("float32"), None


@guarded()
def convert(
    strength: Annotated[float | None, typer.Argument(help="The strength, such as 1e-4.")] = None,
    source: Annotated[str | None, typer.Option("--from", help="Convention of the given strength: see --list.")] = None,
    to: Annotated[str, typer.Option("--to", help="Convention to convert to.")] = "bridle",
    batch_size: Annotated[int | None, typer.Option("--batch-size", help="Rows of one training batch.")] = None,
    time_steps: Annotated[int | None, typer.Option("--time-steps", help="Steps of one sequence.")] = None,
    units: Annotated[int | None, typer.Option("--units", help="Outputs of the layer.")] = None,
    learning_rate: Annotated[
        float | None, typer.Option("--learning-rate", help="Learning rate of the optimizer.")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="Show every convention and its meaning.")] = False,
    presets_: Annotated[bool, typer.Option("--presets", help="Show values from the literature.")] = False,
) -> None:
    """Translate strengths, rates and decays between Keras versions, PyTorch, TensorFlow, scikit-learn and papers."""
    if list_:
        _print_conventions()
    if presets_:
        _print_presets()
    if strength is None or source is None:
        if not (list_ or presets_):
            raise InputError(f"Expected a strength and --from, such as: {EXAMPLE}. --list shows all conventions.")
        return
    conversion = convert_strength(
        strength,
        source,
        to=to,
        batch_size=batch_size,
        time_steps=time_steps,
        units=units,
        learning_rate=learning_rate,
    )
    _print_conversion(conversion)


def _print_conversion(conversion: Conversion) -> None:
    console = Console(highlight=False)
    first, *rest = str(conversion).splitlines()
    console.print(Text(first, style="bold"))
    for line in rest:
        console.print(Text(line))
    if conversion.norm is not None or conversion.target.subject not in ("weights", "activations"):
        console.print(Text(f"In bridle: {conversion.text}"))


def _print_conventions() -> None:
    """Print each convention with a sentence and the factor to bridle's convention."""
    table = _table("convention", "what it means", "factor")
    for convention in CONVENTIONS:
        sentence = " ".join(filter(None, [convention.says(), convention.note]))
        table.add_row(Text(convention.name), Text(sentence), Text(convention.rule))
    Console(highlight=False).print(table)
    print(f"{FUNCTION} Name the function too: 'keras2.3 l1 activity'.")
    print("A strength times its factor is bridle's strength. Where a formula stands instead, it is that.")


def _print_presets() -> None:
    table = _table("preset", "printed", "penalty", "source")
    for name, preset in presets.items():
        penalty = f"{preset.where} = {preset.text}"
        source = " ".join(filter(None, [f"{preset.source} ({preset.meaning}).", preset.note]))
        table.add_row(Text(name), Text(preset.printed), Text(penalty), Text(source))
    Console(highlight=False).print(table)
    print("stated: the source states what its number multiplies; assumed: the usual meaning.")


def _table(*headers: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for index, header in enumerate(headers):
        table.add_column(Text(header), no_wrap=index == 0)
    return table
