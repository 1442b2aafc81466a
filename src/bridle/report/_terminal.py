"""The table for a terminal."""

from rich import box
from rich.table import Table
from rich.text import Text

from bridle._text import escape_control_characters
from bridle.report._cells import cells
from bridle.results import StudyResult
from bridle.stats import Evidence, weigh_evidence


def rich_table(result: StudyResult, evidence: Evidence | None = None, *, selected: bool = False) -> Table:
    """The table in at most 80 columns: each arm's name on a line of its own, its strengths below it.

    With `selected`, only the lines that a rule takes.

    Numbers never break, names do. The line that the rule `best` takes is bold. Names are taken literally,
    and what in them is not seen or turns text around is written as codes.
    """
    shown = cells(result, evidence or weigh_evidence(result), selected=selected)
    grid = Table(
        box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, caption=_plain(shown.caption), caption_justify="left"
    )
    grid.add_column(_plain(shown.headers[0]), overflow="fold", min_width=10)
    for name in shown.headers[1:-1]:
        grid.add_column(_plain(name), justify="right", no_wrap=True)
    grid.add_column(_plain(shown.headers[-1]), no_wrap=True)
    for group in shown.groups:
        grid.add_section()
        if group.lines and group.lines[0][0] != group.heading:
            grid.add_row(_plain(group.heading))
        for line, rule in zip(group.lines, group.rules, strict=True):
            indent = "  " if line[0] != group.heading else ""
            grid.add_row(_plain(indent + line[0]), *map(_plain, line[1:]), style="bold" if "best" in rule else "")
    return grid


def _plain(text: str) -> Text:
    return Text(escape_control_characters(text))
