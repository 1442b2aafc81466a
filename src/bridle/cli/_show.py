"""What the command line prints."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bridle import report
from bridle._api import Result
from bridle._text import escape_control_characters
from bridle.cases import CaseResult
from bridle.study.design import Plan

LONG = 30
"""Settings beyond which the terminal shows only the selected ones."""


def console() -> Console:
    """Standard output, as wide as the terminal, without colours that nobody asked for."""
    return Console(soft_wrap=False, highlight=False)


def lead(title: str, text: str) -> None:
    """What this is about."""
    lines = console()
    lines.print(Text(escape_control_characters(title), style="bold"))
    lines.print(Text(escape_control_characters(text)))


def lines(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A plain table of text."""
    found = Table(box=None, padding=(0, 2, 0, 0))
    for name in columns:
        found.add_column(name, overflow="fold")
    for row in rows:
        found.add_row(*(Text(escape_control_characters(cell)) for cell in row))
    console().print(found)


def facts(plan: Mapping[str, Any]) -> None:
    """What a study asks, from the plan in its folder."""
    for name in ("arms", "strengths", "rows", "folds", "seeds", "epochs", "score"):
        if name in plan:
            console().print(Text(escape_control_characters(f"  {name}: {_brief(plan[name])}")))


def _brief(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_brief(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return f"{len(value)}" if len(value) > 8 else ", ".join(map(str, value))
    return str(value)


def plan(label: str, planned: Plan, nested: int = 0) -> None:
    """What will run, and about how long and with how much memory; `nested` outer folds repeat it as often."""
    if planned.seconds is not None:
        planned = replace(planned, seconds=planned.seconds * (1 + nested))
    first, *rest = escape_control_characters(planned).splitlines()
    about = [line for line in rest if line.startswith("about ")]
    print(f"{label}: {first}" + "".join(f"\n  {line}" for line in about))


def result(found: Result) -> None:
    """The table and the verdict."""
    lines = console()
    lines.print()
    settings = len(found.data.setting_arm)
    lines.print(report.rich_table(found.data, found.evidence, selected=settings > LONG))
    if settings > LONG:
        print(f"Shown: what the rules take, of {settings} settings; the report has them all.\n")
    lines.print(Text(found.verdict(), style="bold"))


def code(found: Result) -> None:
    """The lines to paste."""
    print(f"\nThe lines to paste:\n\n{escape_control_characters(found.code())}", end="")


def case(found: CaseResult) -> None:
    """Published beside measured, which claims hold, and the honest answer."""
    lines = console()
    lines.print()
    lines.print(
        Text("The tutorial's protocol, published and measured (mean ± standard deviation over runs)", style="bold")
    )
    frame = found.table()
    table = Table(box=None, padding=(0, 1, 0, 0))
    for number, name in enumerate(frame.columns):
        options = {"overflow": "fold"} if number == 0 else {"justify": "right", "no_wrap": True}
        table.add_column(Text(name.replace(", ", "\n")), **options)
    for row in frame.itertuples(index=False):
        table.add_row(*(Text(str(cell)) for cell in row))
    lines.print(table)
    for line in found.claims:
        lines.print(Text(f"• {line}"))
    lines.print(Text("\nThe honest protocol", style="bold"))
    result(found.honest)


def files(written: report.Written, folder: Path) -> None:
    """Where everything lies."""
    print(f"\nReport: {written.page}")
    print(f"Numbers: {written.numbers}; {len(written.figures)} figures and the study in {folder}")
