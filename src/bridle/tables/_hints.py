"""Columns that look like subjects with several rows, or like dates, and the option that the user may want."""

import re
import shlex

import numpy as np
import pandas as pd

from bridle._errors import InputError
from bridle.tables._column_selection import DATE
from bridle.tables._columns import kind_of, labels_of, numbers_of
from bridle.tables._structure import Structure, times_of

SUBJECTS = frozenset({
    "account", "animal", "child", "client", "clinic", "customer", "device", "donor", "driver", "employee", "family",
    "hospital", "household", "machine", "member", "mouse", "participant", "patient", "person", "player", "pupil", "rat",
    "respondent", "school", "sensor", "speaker", "station", "store", "student", "subj", "subject", "user",
})  # fmt: skip
NUMBERED = frozenset({"code", "id", "key", "no", "nr", "num", "number"})
TIMES = frozenset({"date", "datetime", "day", "time", "timestamp"})
CODED = re.compile(r"[A-Za-z]{1,12}[-_ .]?\d+")
FEWEST, ROWS_EACH, MANY = 5, 2, 10
"""Values that differ at least, rows of one value on average, and values that need no name to be noticed."""


def hints(table: pd.DataFrame, target: str, structure: Structure) -> list[str]:
    """Sentences about columns without a role that look like one."""
    used = {target, *structure.columns.values()}
    columns = [table[name] for name in table.columns if name not in used]
    sentences = []
    if structure.group is None and structure.time is None:
        sentences += [_repeated(column) for column in columns if looks_repeated(column)]
        sentences += [
            f"`{column.name}` looks like time{_order_text(column)}: if new rows will be later than these, give it as "
            f"time (--time {shlex.quote(str(column.name))})."
            for column in columns
            if looks_like_time(column)
        ]
    return sentences


def _order_text(column: pd.Series) -> str:
    """Say that the rows are in the order of a time."""
    try:
        times = times_of(column.dropna())
    except InputError:  # the order of day and month is open
        return ""
    return ", and the rows are in its order" if (times[1:] >= times[:-1]).all() else ""


def _repeated(column: pd.Series) -> str:
    labels = labels_of(column.dropna())
    return (
        f"`{column.name}` repeats, {len(set(labels))} values in {len(labels)} rows: if it names subjects and new rows "
        f"will be of new ones, give it as group (--group {shlex.quote(str(column.name))})."
    )


def looks_repeated(column: pd.Series) -> bool:
    """True if a column looks like the name or number of subjects that have several rows each.

    >>> looks_repeated(pd.Series(["P1", "P2", "P3", "P4", "P5"] * 4, name="case"))
    True
    """
    present = column.dropna()
    kind = kind_of(present)
    if kind not in ("text", "number") or (kind == "number" and (numbers_of(present) % 1).any()):
        return False
    labels = labels_of(present)
    counts = np.bincount(pd.factorize(labels)[0]) if len(labels) else np.array([], int)
    if not FEWEST <= len(counts) <= len(labels) / ROWS_EACH:
        return False
    words = _words(str(column.name))
    if words[-1:] and (words[-1] in SUBJECTS | {"id"} or (words[-1] in NUMBERED and SUBJECTS & {*words})):
        return True
    if kind == "text" and np.mean([CODED.fullmatch(label) is not None for label in labels]) > 0.9:
        return True
    runs = 1 + int((labels[1:] != labels[:-1]).sum())
    even = len(counts) >= MANY and (counts == counts[0]).all()
    return bool(even and (kind == "text" or runs == len(counts)))


def looks_like_time(column: pd.Series) -> bool:
    """True for a column of dates, and for numbers that are named like a time.

    >>> looks_like_time(pd.Series(["2026-01-31", "2026-02-28"])), looks_like_time(pd.Series([1.5, 2], name="a"))
    (True, False)
    """
    present = column.dropna()
    kind, distinct = kind_of(present), present.nunique()
    if distinct < 2:
        return False
    if kind == "text":
        return all(DATE.fullmatch(label) for label in labels_of(pd.Series(present.unique())))
    if kind == "number":
        words = _words(str(column.name))
        if words[-1:] == ["year"]:
            return bool(((numbers_of(present) >= 1800) & (numbers_of(present) < 2200)).all())
        return len(words) == 1 and words[0] in TIMES and distinct > len(present) / ROWS_EACH
    return kind == "date"


def _words(name: str) -> list[str]:
    """The words of a name, also of one in camel case."""
    return re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())
