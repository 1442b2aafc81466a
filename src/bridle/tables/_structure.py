"""Structure of the rows of a table: groups, time order, row weights; and class weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Shaped
from sklearn.model_selection import TimeSeriesSplit

from bridle._errors import InputError, short_repr
from bridle.tables._columns import find_column, first_of, kind_of, labels_of, numbers_of
from bridle.tables._problem import Problem

FORMATS = ("ISO8601", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%y", "%d/%m/%y", "%m/%d/%y")
"""Date formats, tried in this order; a time of day may follow."""
CLOCKS = ("", " %H:%M", " %H:%M:%S")


@dataclass(frozen=True)
class Structure:
    """Columns of a table that are not features.

    Rows with the same value of `group` are in one fold, or held out together. Rows are ordered by `time`; folds
    validate on later rows than they train on, and the last rows are held out. `weight` has one weight ≥ 0 for
    each row. `class_weight` is `"balanced"` or one weight for each class, by its label.
    """

    group: str | None = None
    time: str | None = None
    weight: str | None = None
    class_weight: str | Mapping[object, float] | None = None

    @property
    def columns(self) -> dict[str, str]:
        """Columns by role."""
        roles = {"group": self.group, "time": self.time, "weight": self.weight}
        return {role: name for role, name in roles.items() if name is not None}

    def check(self, table: pd.DataFrame, *targets: str) -> None:
        """Raise `InputError` for columns that the table lacks, or that have two roles."""
        if self.group is not None and self.time is not None:
            raise InputError(
                f"Expected group or time, got group {short_repr(self.group)} and time "
                f"{short_repr(self.time)}. Give group where "
                "new rows will be of new groups, time where they will be later ones."
            )
        names = [*targets, *self.columns.values()]
        for role, name in self.columns.items():
            if names.count(name) > 1:
                raise InputError(
                    f"Expected a separate column for {role}, got {short_repr(name)}, which is the "
                    "target or has another "
                    "role too."
                )
            column = find_column(table, name)
            empty = column.isna().to_numpy(bool)
            if empty.any():
                raise InputError(
                    f"Expected a value in every row of the {role} column {short_repr(name)}, got "
                    f"{first_of(column, empty)}. "
                    "Fill the cell or remove the row."
                )

    def ordered(self, table: pd.DataFrame) -> pd.DataFrame:
        """Sort the rows by time; without a time column, return them unchanged."""
        if self.time is None:
            return table
        return table.iloc[np.argsort(times_of(table[self.time]), kind="stable")]

    def folds(self, count: int) -> int | TimeSeriesSplit:
        """Return the number of folds, or the splitter of ordered rows."""
        return count if self.time is None else TimeSeriesSplit(count)

    def groups(self, table: pd.DataFrame) -> Shaped[np.ndarray, "row"] | None:
        """Return the group of each row as a number; None without groups."""
        return None if self.group is None else np.unique(labels_of(table[self.group]), return_inverse=True)[1]

    def weights(self, table: pd.DataFrame) -> Float[np.ndarray, "row"] | None:
        """Return the weight of each row; None without weights.

        Errors: `InputError` for text and for a negative number.
        """
        if self.weight is None:
            return None
        weights = numbers_of(table[self.weight])
        if (weights < 0).any():
            raise InputError(
                f"Expected weights ≥ 0 in column {short_repr(self.weight)}, got "
                f"{first_of(table[self.weight], weights < 0)}."
            )
        return weights

    def class_weights(self, problem: Problem) -> Any:
        """Return class weights by class index.

        Errors: `InputError` for a label that is not a class, and for a regression.
        """
        if self.class_weight is None:
            return None
        if problem.classes is None:
            got = f"several ({problem.target:.80})" if problem.parts else f"the numbers of {short_repr(problem.target)}"
            raise InputError(
                f"Expected a target with classes for class_weight, got {got}. "
                "Weigh rows by a column of weights instead (--weight)."
            )
        if not isinstance(self.class_weight, Mapping):
            return self.class_weight
        weights = dict(zip(labels_of(pd.Series(list(self.class_weight))), self.class_weight.values(), strict=True))
        if set(weights) != set(problem.classes):
            raise InputError(
                f"Expected one class weight for each of {', '.join(map(short_repr, problem.classes))}, got "
                f"{', '.join(map(short_repr, weights)) or 'none'}."
            )
        return {index: weights[label] for index, label in enumerate(problem.classes)}

    def sentences(self) -> list[str]:
        """Describe the use of these columns."""
        words = {
            "group": "groups the rows: rows of one group are in one fold, or held out together; not a feature",
            "time": "orders the rows: folds validate on later rows than they train on; not a feature",
            "weight": "has the weights of the rows; not a feature",
        }
        lines = [f"`{name}`: {words[role]}." for role, name in self.columns.items()]
        if self.class_weight is not None:
            text = "balanced" if isinstance(self.class_weight, str) else "as given"
            lines.append(f"Classes are weighed while training: {text}.")
        return lines


def times_of(column: pd.Series, *, exactly: bool = False, pattern: str = "") -> Shaped[np.ndarray, "row"]:
    """Return a column of numbers or dates as values that can be sorted.

    Args:
        column: numbers, dates, or text of dates.
        exactly: True if the dates themselves count, and not only their order: then all readings must be the same.
        pattern: one of `FORMATS`, in which dates are read if all of them fit it. Default "": it is detected.

    Errors: `InputError` for text that is not a date, and for dates with an ambiguous order of day and month.

    >>> times_of(pd.Series(["2.1.2026", "1.2.2026"])).argsort().tolist()
    [0, 1]

    """
    kind = kind_of(column)
    if kind == "number":
        return numbers_of(column)
    if kind == "date":
        return pd.to_datetime(column.astype(str)).to_numpy()
    text = pd.Series(labels_of(column))
    if pattern and (times := _dates(text, pattern)) is not None:
        return times
    orders = list(_readings(text).values())
    if not orders:
        raise InputError(
            f"Expected numbers or dates in the time column {short_repr(column.name)}, got "
            f"{short_repr(text.iloc[0])} and others. "
            "Write dates as 2026-11-30."
        )
    readings = orders if exactly else [np.argsort(order, kind="stable") for order in orders]
    if any((reading != readings[0]).any() for reading in readings[1:]):
        raise InputError(
            f"Expected dates that can be read in one way in the time column {short_repr(column.name)}, got "
            f"{short_repr(text.iloc[0])}: is the day or the month first? Write dates as 2026-11-30."
        )
    return orders[0]


def time_pattern(labels: pd.Series) -> str:
    """Return the one of `FORMATS` that text of dates has; "" if there is none, or several read it alike.

    >>> time_pattern(pd.Series(["2/1/2026", "13/1/2026"])), time_pattern(pd.Series(["1/1/2026"]))
    ('%d/%m/%Y', '')
    """
    patterns = list(_readings(labels))
    return patterns[0] if len(patterns) == 1 else ""


def _readings(text: pd.Series) -> dict[str, Shaped[np.ndarray, "row"]]:
    """Return the dates of text in each format that fits all cells."""
    readings = {pattern: _dates(text, pattern) for pattern in FORMATS}
    return {pattern: read for pattern, read in readings.items() if read is not None}


def _dates(text: pd.Series, pattern: str) -> Shaped[np.ndarray, "row"] | None:
    """Parse dates in one format; None if a cell does not fit."""
    for clock in CLOCKS if "%" in pattern else ("",):
        try:
            return pd.to_datetime(text, format=pattern + clock, utc=True).to_numpy()
        except (ValueError, OverflowError):
            continue
    return None
