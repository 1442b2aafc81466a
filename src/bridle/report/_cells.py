"""The table as text: the cells that a terminal and a page show, and the table for a terminal."""

from dataclasses import dataclass

from rich import box
from rich.table import Table
from rich.text import Text

from bridle.report._facts import ordered, row_decimals, rule
from bridle.report._table import Row, rows
from bridle.results import StudyResult
from bridle.stats import Evidence, weigh_evidence
from bridle.wording import (
    decimal_text,
    escape_control_characters,
    measured_tensors,
    regularized_tensors,
    strength_text,
    zero_fractions,
)


@dataclass(frozen=True)
class Cells:
    """Headers, groups of lines, and a caption. The first column holds strengths or `none`."""

    headers: tuple[str, ...]
    groups: tuple["Group", ...]
    caption: str


@dataclass(frozen=True)
class Group:
    """One arm: its name and slots as a heading, and one line per candidate."""

    heading: str
    lines: tuple[tuple[str, ...], ...]
    rules: tuple[str, ...]


def make_cells(result: StudyResult, evidence: Evidence, *, selected: bool = False) -> Cells:
    """Return the table in words and rounded numbers; with `selected`, only the lines that a rule selects.

    Empty columns are left out: `finished` if every fit finished, and `zeros` if no arm penalizes a tensor whose
    zeros were counted. `zeros` is about the first tensor that an arm penalizes; for `none`, about that of the
    first arm.
    """
    finished, planned = result.counts()
    some_missing = bool((finished < planned).any())
    some_zeros = any(regularized_tensors(result, arm) for arm in range(1, len(result.arms)))
    extra = (*(["finished"] if some_missing else []), *(["zeros"] if some_zeros else []))
    by_candidate = dict(zip(ordered(result), rows(result, evidence), strict=True))
    groups = []
    for arm in range(len(result.arms)):
        path = [int(setting) for setting in result.path(arm)]
        path = [setting for setting in path if arm == 0 or not selected or rule(evidence, arm, setting)]
        lines = tuple(_line(result, evidence, setting, by_candidate[setting], extra) for setting in path)
        groups.append(Group(_heading(result, arm), lines, tuple(rule(evidence, arm, setting) for setting in path)))
    headers = ("strength", "train", "validation", *extra, *result.held_out, "rule")
    return Cells(headers, tuple(groups), _caption(result, some_missing, some_zeros))


def _heading(result: StudyResult, arm: int) -> str:
    slots = ", ".join(result.slots[slot] for slot in result.arms[arm].slots)
    return f"{result.arms[arm].name} ({slots})" if slots else result.arms[arm].name


def _line(result: StudyResult, evidence: Evidence, setting: int, row: Row, extra: tuple[str, ...]) -> tuple[str, ...]:
    digits, arm = row_decimals(result, evidence, setting), int(result.setting_arm[setting])
    strengths = ", ".join(strength_text(value) for value in result.strengths(setting).values())
    error = _number(row["se" if result.folds > 1 else "sd over seeds"], digits)
    validation = _number(row["validation"], digits) + (f" ± {error}" if error else "")
    optional = {"finished": row["finished"], "zeros": _zeros(result, setting, arm)}
    held_out = (_number(row[name], digits) for name in result.held_out)
    first = strengths or ("none" if arm == 0 else "–")
    return (
        first,
        _number(row["train"], digits),
        validation,
        *(str(optional[name]) for name in extra),
        *held_out,
        str(row["rule"]),
    )


def _number(value: str | float, digits: int) -> str:
    return decimal_text(float(value), digits) if value == value else ""


def _zeros(result: StudyResult, setting: int, arm: int) -> str:
    charged = regularized_tensors(result, arm or min(1, len(result.arms) - 1))
    share = zero_fractions(result, charged[0])[setting] if charged else float("nan")
    return f"{100 * share:.0f} %" if share == share else ""


def _caption(result: StudyResult, some_missing: bool, some_zeros: bool) -> str:
    seeds = f"{len(result.seeds)} {'seed' if len(result.seeds) == 1 else 'seeds'}"
    parts = [f"Mean {result.score.name} over {seeds}" + (f" and {result.folds} folds" if result.folds > 1 else "")]
    if result.folds > 1:
        parts.append("± standard error over folds")
    elif len(result.seeds) > 1:
        parts.append("± standard deviation over seeds")
    if result.score.pooled:
        parts.append("pooled over the rows of all folds; each fold counts by its jackknife pseudo-value")
    if some_missing:
        parts.append("finished: completed fits of those planned")
    charged = dict.fromkeys(name for arm in range(1, len(result.arms)) for name in regularized_tensors(result, arm)[:1])
    if some_zeros and measured_tensors(result, "zeros"):
        parts.append(f"zeros: exact zeros in {', '.join(charged)}")
    return "; ".join(parts) + "."


def rich_table(result: StudyResult, evidence: Evidence | None = None, *, selected: bool = False) -> Table:
    """Return the table in at most 80 columns, with the name of each arm on a line above its strengths.

    With `selected`, only the lines that a rule selects. Names wrap, numbers do not. The line of the rule `best` is
    bold. Names are escaped: markup is not interpreted, and control characters are written as codes.
    """
    text = make_cells(result, evidence or weigh_evidence(result), selected=selected)
    grid = Table(
        box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, caption=_plain(text.caption), caption_justify="left"
    )
    grid.add_column(_plain(text.headers[0]), overflow="fold", min_width=10)
    for name in text.headers[1:-1]:
        grid.add_column(_plain(name), justify="right", no_wrap=True)
    grid.add_column(_plain(text.headers[-1]), no_wrap=True)
    for group in text.groups:
        grid.add_section()
        if group.lines and group.lines[0][0] != group.heading:
            grid.add_row(_plain(group.heading))
        for line, rules in zip(group.lines, group.rules, strict=True):
            indent = "  " if line[0] != group.heading else ""
            grid.add_row(_plain(indent + line[0]), *map(_plain, line[1:]), style="bold" if "best" in rules else "")
    return grid


def _plain(text: str) -> Text:
    return Text(escape_control_characters(text))
