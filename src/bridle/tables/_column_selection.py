"""Columns that are left out of a table: ids, dates, and constant ones."""

import re

import numpy as np
import pandas as pd
from jaxtyping import Int

from bridle._errors import InputError
from bridle.tables._columns import first_of, kind_of, labels_of, numbers_of
from bridle.tables._number_format import formats_of, looks_like_number

MOST_CATEGORIES = 30
"""How many categories a text column keeps; a column of numbers with a slip in one cell has more."""
NEARLY_ALL, NEARLY_ALL_ROWS = 0.9, 20
MOSTLY_NUMBERS = 0.9
ID_FILL = 0.5
ID_NAMES = frozenset({"id", "index", "row", "rowid", "rowindex", "rownumber", "rownames"})
ID_ENDING = re.compile(r"([_ .-](id|ID|Id)|[a-z]I[dD])$")
MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
DATE = re.compile(
    r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2}))([T ]\d{1,2}:\d{2}.*)?"
    rf"|\d{{4}}[-/]\d{{1,2}}|\d{{1,2}}/\d{{4}}|\d{{4}}[- ]?Q[1-4]|Q[1-4][- ]?\d{{4}}|{MONTH}[-/ ]?(\d{{4}}|\d{{2}})"
    rf"|(\d{{4}}|\d{{1,2}})[-/ .]{MONTH}([-/ ](\d{{4}}|\d{{1,2}}))?|{MONTH} \d{{1,2}},? \d{{4}}",
    re.IGNORECASE,
)
UNLIKE, NEARLY = "every value differs", "nearly every value differs"
DATES = "dates are not used; add year, month or weekday as a column of its own"


def reason_to_leave(column: pd.Series) -> str | None:
    """Return the reason to leave a column out, or None; `find_layout` states the rules.

    Errors: `InputError` for a number that is not finite, and for many texts of which nine in ten are numbers.

    >>> reason_to_leave(pd.Series([7, 7, 7], name="a"))
    "the same value '7' in every row"
    """
    present = column.dropna()
    if present.empty:
        return "entirely missing"
    kind, complete = kind_of(present), len(present) == len(column)
    values = numbers_of(present) if kind == "number" else labels_of(present)
    if complete and (values == values[0]).all():
        return f"the same value {labels_of(present)[0]!r:.80} in every row"
    if kind == "date" or (kind == "text" and all(DATE.fullmatch(label) for label in values)):
        return DATES
    if kind == "number":
        return _number_id(present, complete)
    return _text_id(present) if kind == "text" else None


def _named_id(name: str) -> bool:
    return re.sub(r"[_ .-]", "", name.lower()) in ID_NAMES or name.lower().startswith("unnamed:")


def _number_id(present: pd.Series, complete: bool) -> str | None:
    """Return the reason to take numbers for an id, or None; `complete` says that no cell is missing."""
    values = numbers_of(present)
    if (values % 1).any():
        return None
    if _named_id(present.name):
        return "named like a row number or an id"
    if len(np.unique(values)) < len(values):
        return None
    if ID_ENDING.search(present.name):
        return "named like an id, and every value differs"
    steps = np.diff(values[_order(present.index)])
    dense = complete and len(values) > 2 and np.abs(steps.sum()) <= (len(values) - 1) / ID_FILL
    return "whole numbers that count the rows" if dense and ((steps > 0).all() or (steps < 0).all()) else None


def _order(index: pd.Index) -> Int[np.ndarray, "row"]:
    """Return the order of the rows by numeric label, so that a random part of a table is in the file's order."""
    return np.argsort(index, kind="stable") if pd.api.types.is_numeric_dtype(index) else np.arange(len(index))


def _text_id(present: pd.Series) -> str | None:
    labels = labels_of(present)
    distinct = len(set(labels))
    if _named_id(present.name):
        return "named like a row number or an id"
    _refuse_slip(present, distinct)
    if distinct == len(labels) > 1:
        return UNLIKE
    nearly = len(labels) >= NEARLY_ALL_ROWS and distinct >= NEARLY_ALL * len(labels)
    return f"{NEARLY} ({distinct} in {len(labels)} rows)" if nearly else None


def _refuse_slip(present: pd.Series, distinct: int) -> None:
    """Raise `InputError` for many numbers that cannot all be read: as categories they would lose their order."""
    if distinct <= MOST_CATEGORIES:
        return
    cells = present.astype(str)
    looks = {cell: looks_like_number(cell) for cell in cells.unique()}
    numeric = cells.map(looks).to_numpy(bool)
    if numeric.mean() >= MOSTLY_NUMBERS and not numeric.all():
        raise InputError(
            f"Expected numbers in column {present.name!r:.80}, as {numeric.sum()} of {len(present)} cells hold, "
            f"got {first_of(present, ~numeric)}. Correct the cell or leave it empty."
        )
    if numeric.all() and not formats_of(looks):
        fits = formats_of([cells.iloc[0]])
        unlike = cells.map({cell: all(form.read(cell) is None for form in fits) for cell in looks}).to_numpy(bool)
        got = first_of(present, unlike if unlike.any() else np.arange(len(cells)) == len(cells) - 1)
        raise InputError(
            f"Expected numbers of one format and unit in column {present.name!r:.80}, got {cells.iloc[0]!r:.40} and "
            f"{got}. Write them alike: one decimal sign, one unit."
        )
