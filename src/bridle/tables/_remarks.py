"""Remarks on the values of a table that the user may want to change before training."""

from collections import defaultdict

import numpy as np
import pandas as pd

from bridle._errors import short_repr
from bridle.tables._columns import kind_of, numbers_of

LEAST_REPEATS, LEAST_OTHERS = 3, 3
"""Rows of a value that may stand for a missing one, and distinct values beside it."""
MOST_DISTINCT = 1000
"""Distinct texts of a column that are compared."""


def remarks(rows: pd.DataFrame) -> list[str]:
    """Return a sentence for each column with a repeated value far from all others, or texts that differ in case."""
    sentences = []
    for name in rows.columns:
        column = rows[name].dropna()
        kind = "text" if column.empty else kind_of(column)
        if kind == "number":
            sentences += [
                f"`{name}`: {value:.15g} is in {count} rows and far from all other values. If it marks missing "
                "values, leave these cells empty (pandas: table.replace)."
                for value, count in far_values(numbers_of(column))
            ]
        elif kind == "text" and (groups := _same_but_for_case(column)):
            sentences.append(
                f"`{name}`: {' and '.join(map(short_repr, groups[0]))} differ in case only and are {len(groups[0])} "
                "categories. Write them alike if they are one."
            )
    return sentences


def far_values(values: np.ndarray) -> list[tuple[float, int]]:
    """Return the lowest or highest value with its count, where it repeats and is far from all others.

    Far is a gap to the nearest other value that is larger than the range of all others.

    >>> far_values(np.array([1.0, 2, 3, 4, -999, -999, -999]))
    [(-999.0, 3)]
    """
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) <= LEAST_OTHERS:
        return []
    columns = []
    for end, others in ((0, distinct[1:]), (-1, distinct[:-1])):
        gap = np.abs(others - distinct[end]).min()
        if counts[end] >= LEAST_REPEATS and gap > others.max() - others.min():
            columns.append((float(distinct[end]), int(counts[end])))
    return columns


def _same_but_for_case(column: pd.Series) -> list[list[str]]:
    distinct = [cell for cell in column.unique()[: MOST_DISTINCT + 1] if isinstance(cell, str)]
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for cell in distinct if len(distinct) <= MOST_DISTINCT else ():
        groups[cell.strip().casefold()].append(cell)
    return [group for group in groups.values() if len(group) > 1]
