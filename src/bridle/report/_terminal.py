"""The table for a terminal."""

from rich import box
from rich.table import Table
from rich.text import Text

from bridle.report._cells import cells
from bridle.results import StudyResult
from bridle.stats import Evidence, weigh


def rich_table(result: StudyResult, evidence: Evidence | None = None, *, selected: bool = False) -> Table:
    """The table in at most 80 columns: each arm's name on a line of its own, its strengths below it.

    With `selected`, only the lines that a rule takes.

    Numbers never break, names do. The line that the rule `best` takes is bold. Names are taken literally.
    """
    shown = cells(result, evidence or weigh(result), selected=selected)
    grid = Table(
        box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, caption=Text(shown.caption), caption_justify="left"
    )
    grid.add_column(Text(shown.headers[0]), overflow="fold", min_width=10)
    for name in shown.headers[1:-1]:
        grid.add_column(Text(name), justify="right", no_wrap=True)
    grid.add_column(Text(shown.headers[-1]), no_wrap=True)
    for group in shown.groups:
        grid.add_section()
        if group.lines and group.lines[0][0] != group.heading:
            grid.add_row(Text(group.heading))
        for line, rule in zip(group.lines, group.rules, strict=True):
            indent = "  " if line[0] != group.heading else ""
            grid.add_row(Text(indent + line[0]), *map(Text, line[1:]), style="bold" if "best" in rule else "")
    return grid
