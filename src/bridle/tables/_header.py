"""First line of a table: column names, or already a row."""

import numpy as np
import pandas as pd

from bridle.tables._number_format import PLAIN, formats_of, looks_like_number
from bridle.tables._records import MISSING

FIRST = 500
"""Rows with which names are compared."""


def numbered(count: int) -> list[str]:
    """Return the names of the columns of a file without a header line.

    >>> numbered(2)
    ['column1', 'column2']
    """
    return [f"column{index}" for index in range(1, count + 1)]


def looks_like_values(names: list[str], cells: pd.DataFrame) -> bool:
    """Check whether the names of columns are values like those below them, so that the first line may be a row.

    A number above numbers, and a text that occurs below itself, are such values. One name that is none, a text above
    numbers or above categories without it, makes all of them names. Names that count (0, 1, 2, or 2001, 2002) or lie
    outside the range of most of their columns are names as well.

    >>> looks_like_values(["6", "33.6"], pd.DataFrame({"a": ["1", "8"], "b": ["26.6", "40.1"]}))
    True
    >>> looks_like_values(["age", "bmi"], pd.DataFrame({"a": ["1", "8"], "b": ["26.6", "40.1"]}))
    False
    """
    within: list[bool] = []
    numbers: list[float] = []
    repeated = 0
    for index, name in enumerate(names):
        below = cells.iloc[:FIRST, index].dropna().astype(str)
        if name in MISSING or below.empty:
            continue
        if all(looks_like_number(cell) for cell in below.unique()):
            if not looks_like_number(name):
                return False
            values = _values([name, *below])
            numbers.append(values[0])
            within.append(len(values) > 1 and min(values[1:]) <= values[0] <= max(values[1:]))
        elif (below == name).any():
            repeated += 1
        elif below.nunique() <= len(below) / 2:
            return False
    if numbers:
        return not _counts(numbers) and 2 * sum(within) >= len(within)
    return repeated == len(names)


def _values(cells: list[str]) -> list[float]:
    """Return numbers in one format, or only the first where they have none in common."""
    formats = formats_of(cells) or formats_of(cells[:1]) or [PLAIN]
    return [value for value in map(formats[0].read, cells) if value is not None] or [np.nan]


def _counts(numbers: list[float]) -> bool:
    """Check for names that rise in equal steps, as those of pandas, years and wavelengths do."""
    steps = np.diff(numbers)
    if len(steps) < 2:
        return steps.tolist() == [1]
    return steps[0] > 0 and np.allclose(steps, steps[0])
