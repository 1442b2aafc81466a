"""The table as text: the columns that a terminal and a page show."""

from dataclasses import dataclass

from bridle.report._facts import measured_tensors, ordered, regularized_tensors, row_decimals, rule, zero_fractions
from bridle.report._table import rows
from bridle.results import StudyResult
from bridle.stats import Evidence
from bridle.wording import decimal_text, strength_text


@dataclass(frozen=True)
class Cells:
    """Headers, groups of lines, and what the columns mean. The first column holds strengths or `none`."""

    headers: tuple[str, ...]
    groups: tuple["Group", ...]
    caption: str


@dataclass(frozen=True)
class Group:
    """One arm: its name and slots as a heading, and one line per setting."""

    heading: str
    lines: tuple[tuple[str, ...], ...]
    rules: tuple[str, ...]


def cells(result: StudyResult, evidence: Evidence, *, selected: bool = False) -> Cells:
    """Write the table in words and rounded numbers; with `selected`, only lines that a rule takes.

    Columns with nothing in them are left out: `finished` where every fit finished, `zeros` where no arm
    charges a tensor whose zeros were counted. `zeros` is about the first tensor that an arm charges (for
    `none`: that the first arm charges).
    """
    finished, wanted = result.counts()
    some_missing = bool((finished < wanted).any())
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


def _line(result: StudyResult, evidence: Evidence, setting: int, row: dict, extra: tuple[str, ...]) -> tuple[str, ...]:
    digits, arm = row_decimals(result, evidence, setting), int(result.setting_arm[setting])
    strengths = ", ".join(strength_text(value) for value in result.strengths(setting).values())
    error = _number(row["se" if result.folds > 1 else "sd over seeds"], digits)
    validation = _number(row["validation"], digits) + (f" ± {error}" if error else "")
    shown = {"finished": row["finished"], "zeros": _zeros(result, setting, arm)}
    held_out = (_number(row[name], digits) for name in result.held_out)
    first = strengths or ("none" if arm == 0 else "–")
    return (
        first,
        _number(row["train"], digits),
        validation,
        *(str(shown[name]) for name in extra),
        *held_out,
        str(row["rule"]),
    )


def _number(value: float, digits: int) -> str:
    return decimal_text(value, digits) if value == value else ""


def _zeros(result: StudyResult, setting: int, arm: int) -> str:
    charged = regularized_tensors(result, arm or min(1, len(result.arms) - 1))
    share = zero_fractions(result, charged[0])[setting] if charged else float("nan")
    return f"{100 * share:.0f} %" if share == share else ""


def _caption(result: StudyResult, some_missing: bool, some_zeros: bool) -> str:
    seeds = f"{len(result.seeds)} {'seed' if len(result.seeds) == 1 else 'seeds'}"
    said = [f"Mean {result.score.name} over {seeds}" + (f" and {result.folds} folds" if result.folds > 1 else "")]
    if result.folds > 1:
        said.append("± standard error over folds")
    elif len(result.seeds) > 1:
        said.append("± standard deviation over seeds")
    if result.score.pooled:
        said.append("pooled: over the rows of all folds together, a fold counts by its jackknife pseudo-value")
    if some_missing:
        said.append("finished: fits that ran to their end, of those planned")
    charged = dict.fromkeys(name for arm in range(1, len(result.arms)) for name in regularized_tensors(result, arm)[:1])
    if some_zeros and measured_tensors(result, "zeros"):
        said.append(f"zeros: exact zeros in {', '.join(charged)}")
    return "; ".join(said) + "."
