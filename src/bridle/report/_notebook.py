"""A whole result as text for a terminal, and as a card for a notebook: the verdict and what stands behind it."""

from collections.abc import Sequence
from io import StringIO

from rich.console import Console

from bridle._cards import card, code_box, folded, markup, paragraph, table_box, verdict_box
from bridle.plots import Drawing, main_drawing
from bridle.report._assets import data_uri
from bridle.report._baselines import baseline_table
from bridle.report._cells import Cells, make_cells, rich_table
from bridle.report._details import detail_lines
from bridle.report._verdict import sentences, verdict
from bridle.results import StudyResult
from bridle.stats import Evidence

MAX_OPEN_ROWS = 12
"""The most lines of a table that is not folded."""
MAX_ROWS = 60
"""The number of candidates above which a card shows only those that a rule selects."""

LONG = 30
"""The number of candidates above which a printed result shows only the selected ones."""


def result_text(result: StudyResult, evidence: Evidence) -> str:
    """Return the verdict, the table of candidates, and that of baselines if there are any."""
    text, count = StringIO(), len(result.setting_arm)
    console = Console(width=100, file=text, highlight=False, force_jupyter=False)
    console.print(rich_table(result, evidence, selected=count > LONG))
    more = f"Only the selected of {count} candidates are shown; table() has all of them.\n" if count > LONG else ""
    baselines = baseline_table(result, evidence)
    if baselines is not None:
        console.print(baselines)
    return f"{verdict(result, evidence)}\n\n{text.getvalue()}{more}"


def result_card(result: StudyResult, evidence: Evidence, code: str = "", extra: Sequence[str] = ()) -> str:
    """Return the HTML of a result: verdict, picture, table, details and Keras code.

    Args:
        result: the study.
        evidence: the evidence in it.
        code: the Keras lines of the selected candidate; empty for none.
        extra: further parts as HTML, after the picture.

    """
    drawing = main_drawing(result, evidence)
    cells = make_cells(result, evidence, selected=len(result.setting_arm) > MAX_ROWS)
    count = sum(len(group.lines) for group in cells.groups)
    table = _table(cells)
    parts = [verdict_box(sentences(result, evidence)), _figure(drawing) if drawing else "", *extra]
    parts.append(table if count <= MAX_OPEN_ROWS else folded(f"{count} candidates", table))
    parts.append(folded("Details", *map(paragraph, detail_lines(result, evidence))))
    parts.append(folded("Keras code", code_box(code)) if code else "")
    return card(*parts)


def _figure(drawing: Drawing) -> str:
    picture = f'<img src="{data_uri(drawing.figure)}" alt="{markup(drawing.alt)}">'
    return f"<figure>{picture}<figcaption>{markup(drawing.caption)}</figcaption></figure>"


def _table(cells: Cells) -> str:
    """Return the table of candidates, with the name of the arm in a column of its own."""
    rows, chosen = [], []
    for group in cells.groups:
        for line, rules in zip(group.lines, group.rules, strict=True):
            if "recommended" in rules:
                chosen.append(len(rows))
            rows.append((group.heading, *line))
    return table_box(("arm", *cells.headers), rows, cells.caption, chosen=chosen)
