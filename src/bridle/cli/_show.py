"""Printing: the output of the commands."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bridle import report, tuning
from bridle._api import Result
from bridle._progress import wait_line
from bridle.cases import LINE_HEADERS, CaseResult, Reproduction, line_rows
from bridle.cli._command_record import command_line
from bridle.study.design import Plan
from bridle.wording import escape_control_characters

MAX_CANDIDATES = 30
"""With more candidates, the terminal shows only the selected ones."""


def make_console() -> Console:
    """Return a console on standard output, as wide as the terminal, without automatic colours."""
    return Console(soft_wrap=False, highlight=False)


def print_heading(title: str, text: str) -> None:
    """Print a title and a text below it."""
    console = make_console()
    console.print(Text(escape_control_characters(title), style="bold"))
    console.print(Text(escape_control_characters(text)))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a plain table of text."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(escape_control_characters(cell)) for cell in row))
    make_console().print(table)


def print_facts(plan: Mapping[str, Any]) -> None:
    """Print the facts in the plan of a stored study."""
    for name in ("arms", "strengths", "rows", "folds", "seeds", "epochs", "score"):
        if name in plan:
            make_console().print(Text(escape_control_characters(f"  {name}: {_short_text(plan[name])}")))


def _short_text(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_short_text(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return f"{len(value)}" if len(value) > 8 else ", ".join(map(str, value))
    return str(value)


def print_plan(label: str, plan: Plan, nested: int = 0) -> None:
    """Print the fits of a plan with estimates of time and memory; `nested` outer folds repeat it as often."""
    if plan.seconds is not None:
        plan = replace(plan, seconds=plan.seconds * (1 + nested))
    first, *rest = escape_control_characters(plan).splitlines()
    about = [line for line in rest if line.startswith("about ")]
    print(f"{label}: {first}" + "".join(f"\n  {line}" for line in about))


def print_design(job: tuning.Job | tuning.ArraysJob, make_plan: Callable[[], Plan], nested: int = 0) -> None:
    """Train the baselines of a job and print their scores; then print its plan."""
    with wait_line(True, tuning.BASELINES):
        line = report.baseline_line(job.baselines, job.prepared.score.name)
    if line:
        make_console().print(Text(line))
    with wait_line(True, "compiling the training"):
        plan = make_plan()
    print_plan("cross-validation", plan, nested)


def print_result(result: Result, *, verbose: bool = False, table: bool = False) -> None:
    """Print the baselines and the verdict; before it the table with `table`, and all details too with `verbose`."""
    console = make_console()
    console.print()
    candidates = len(result.data.setting_arm)
    if verbose or table:
        console.print(report.rich_table(result.data, result.evidence, selected=candidates > MAX_CANDIDATES))
        if candidates > MAX_CANDIDATES:
            print(f"Only the selected of {candidates} candidates are shown; the report has all of them.\n")
    baselines = report.baseline_table(result.data, result.evidence, explained=verbose or table)
    if baselines is not None:
        console.print(baselines)
    if verbose:
        console.print(Text(f"{result.details()}\n\n{result.explain()}\n"))
    console.print(Text(result.verdict(), style="bold"))


def print_targets(answer: object) -> None:
    """Print the score of each of several targets of a table; nothing for other answers."""
    if isinstance(answer, tuning.Tuned) and answer.target_scores is not None:
        print()
        print_table(tuple(answer.target_scores), tuning.target_rows(answer.target_scores))


def print_looks(result: Result) -> None:
    """Print how often the question of an extended study was answered."""
    note = report.looks_note(result.data)
    if note:
        print(note)


def print_code(result: Result) -> None:
    """Print the Keras code of the selected candidate."""
    print(f"\nKeras code to paste:\n\n{escape_control_characters(result.code())}", end="")


def print_case(result: CaseResult, *, verbose: bool = False) -> None:
    """Print published and measured scores, the claims that hold, and the honest answer."""
    console = make_console()
    console.print()
    console.print(
        Text("The tutorial's protocol, published and measured (mean ± standard deviation over runs)", style="bold")
    )
    frame = result.table()
    table = Table(box=None, padding=(0, 1, 0, 0))
    for index, name in enumerate(frame.columns):
        header = Text(name.replace(", ", "\n"))
        if index == 0:
            table.add_column(header, overflow="fold")
        else:
            table.add_column(header, justify="right", no_wrap=True)
    for row in frame.itertuples(index=False):
        table.add_row(*(Text(str(cell)) for cell in row))
    console.print(table)
    for line in result.claims:
        console.print(Text(f"• {line}"))
    console.print(Text("\nThe honest protocol", style="bold"))
    print_result(result.honest, verbose=verbose)


def print_reproduction(result: Reproduction, *, verbose: bool = False) -> None:
    """Print the table "reference, measured, reproduced?" and the verdict; with `verbose` the studies too."""
    console = make_console()
    console.print()
    print_table(LINE_HEADERS, line_rows(result.answer.lines))
    for note in result.notes:
        console.print(Text(f"• {escape_control_characters(note)}"))
    if verbose:
        for section in result.answer.sections:
            console.print(Text(f"\n{section.title}", style="bold"))
            console.print(report.rich_table(section.result, section.evidence))
            console.print(Text("\n".join(section.sentences)))
    console.print(Text(f"\n{escape_control_characters(result.verdict)}", style="bold"))


def print_first_page(page: Path) -> None:
    """Print the path of the page that a small version of a case wrote."""
    print(f"First page, of a small version: {page}. That of the whole case replaces it.")


def print_files(files: report.Written, folder: Path, study: Path | None = None) -> None:
    """Print the paths of the report, and the command that explains the study, which is in `folder` by default."""
    print(f"\nReport: {files.page}")
    print(f"Numbers: {files.numbers}; {len(files.figures)} figures and the study in {folder}")
    print(f"Why: {command_line('explain', study or folder)}")
