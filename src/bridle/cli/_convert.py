"""`bridle convert`: what a strength means elsewhere, and the values of the literature."""

from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bridle._errors import InputError
from bridle.cli._guard import guarded
from bridle.conversion import CONVENTIONS, FUNCTION, Conversion, presets
from bridle.conversion import convert as convert_strength

EXAMPLE = 'bridle convert 1e-4 --from "keras2.3 l1 activity" --to "keras3.14 activity" --batch-size 30'


@guarded()
def convert(
    strength: Annotated[float | None, typer.Argument(help="The strength, such as 1e-4.")] = None,
    source: Annotated[str | None, typer.Option("--from", help="Where it comes from: see --list.")] = None,
    to: Annotated[str, typer.Option("--to", help="Where it goes.")] = "bridle",
    batch_size: Annotated[int | None, typer.Option("--batch-size", help="The rows of one training batch.")] = None,
    time_steps: Annotated[int | None, typer.Option("--time-steps", help="The steps of one sequence.")] = None,
    units: Annotated[int | None, typer.Option("--units", help="The outputs of the layer.")] = None,
    learning_rate: Annotated[float | None, typer.Option("--learning-rate", help="The optimizer's step.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="Show every convention and what it means.")] = False,
    presets_: Annotated[bool, typer.Option("--presets", help="Show the values of the literature.")] = False,
) -> None:
    """Translate a strength between Keras versions, PyTorch, TensorFlow, scikit-learn and papers."""
    if list_:
        _conventions()
    if presets_:
        _presets()
    if strength is None or source is None:
        if not (list_ or presets_):
            raise InputError(f"Expected a strength and --from, such as: {EXAMPLE}. --list shows what can be said.")
        return
    found = convert_strength(
        strength,
        source,
        to=to,
        batch_size=batch_size,
        time_steps=time_steps,
        units=units,
        learning_rate=learning_rate,
    )
    _conversion(found)


def _conversion(found: Conversion) -> None:
    console = Console(highlight=False)
    first, *rest = str(found).splitlines()
    console.print(Text(first, style="bold"))
    for line in rest:
        console.print(Text(line))
    if found.norm is not None and found.target.subject != "decay":
        console.print(Text(f"In bridle: {found.text}"))


def _conventions() -> None:
    """Names and sentences, with the factor to what bridle means."""
    table = _table("convention", "what it means", "factor")
    for convention in CONVENTIONS:
        sentence = " ".join(filter(None, [convention.says(), convention.note]))
        table.add_row(Text(convention.name), Text(sentence), Text(str(convention.factor)))
    Console(highlight=False).print(table)
    print(f"{FUNCTION} Say which as well: 'keras2.3 l1 activity'.")
    print("A strength times its factor is bridle's, and for decay that of Keras.")


def _presets() -> None:
    table = _table("preset", "printed", "penalty", "source")
    for name, preset in presets.items():
        penalty = f"{preset.where} = {preset.text}"
        source = " ".join(filter(None, [f"{preset.source} ({preset.meaning}).", preset.note]))
        table.add_row(Text(name), Text(preset.printed), Text(penalty), Text(source))
    Console(highlight=False).print(table)
    print("stated: the source says what its number multiplies; assumed: the usual meaning is taken.")


def _table(*headers: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for number, header in enumerate(headers):
        table.add_column(Text(header), no_wrap=number == 0)
    return table
