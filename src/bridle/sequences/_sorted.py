"""Steps of a long table, sorted by series and time, each time stamp of a series once."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int

from bridle._errors import InputError, short_repr
from bridle.sequences._clock import Clock, read_clock
from bridle.tables import find_column, first_of, labels_of


@dataclass(frozen=True)
class SortedSteps:
    """Rows of a long table, sorted by series and then by time.

    Series are in the order of their first rows.
    """

    table: pd.DataFrame
    series: Int[np.ndarray, "step"]
    """The number of the series of each step, from 0."""
    clock: Clock
    notes: tuple[str, ...]

    @property
    def together(self) -> Bool[np.ndarray, "pair"]:
        """True for each pair of neighbours of one series."""
        return self.series[1:] == self.series[:-1]

    @property
    def bounds(self) -> Int[np.ndarray, "bound"]:
        """The position of the first step of each series, and the number of all steps."""
        return np.concatenate([[0], np.flatnonzero(~self.together) + 1, [len(self.series)]])


def sort_steps(
    table: pd.DataFrame, time: str, series: str | None = None, has_dates: bool | None = None, pattern: str = ""
) -> SortedSteps:
    """Sort the rows of a table by series and time.

    Args:
        table: the rows.
        time: the column of time stamps.
        series: the column that names the series of a row. Default None: all rows are one series.
        has_dates, pattern: as in `read_clock`.

    Rows that repeat another one in every cell are dropped, with a note.

    Errors: `InputError` for a missing column or cell, for a time stamp that a series has twice with other cells, and
    those of `read_clock`.

    >>> sort_steps(pd.DataFrame({"t": [2, 1], "a": [5, 6]}), "t").table["a"].tolist()
    [6, 5]

    """
    for role, name in {"time": time, **({} if series is None else {"series": series})}.items():
        _refuse_empty(find_column(table, name), role)
    numbers = np.zeros(len(table), int)
    if series is not None:
        numbers = pd.factorize(pd.Series(labels_of(table[series])))[0]
    clock = read_clock(table[time], has_dates, pattern)
    order = np.lexsort((clock.times, numbers))
    notes = [*clock.notes, *_order_notes(time, numbers, clock)]
    keep = _distinct(table, order, numbers, clock, time)
    if len(keep) < len(order):
        notes.append(f"`{time}`: {len(order) - len(keep)} rows repeat another row in every cell and are left out.")
    local = None if clock.local is None else clock.local[keep]
    kept = replace(clock, times=clock.times[keep], local=local, notes=())
    return SortedSteps(table.iloc[keep], numbers[keep], kept, tuple(notes))


def _refuse_empty(column: pd.Series, role: str) -> None:
    empty = column.isna().to_numpy(bool)
    if empty.any():
        raise InputError(
            f"Expected a value in every row of the {role} column {short_repr(column.name)}, got "
            f"{first_of(column, empty)}. Fill the cell or remove the row."
        )


def _order_notes(time: str, numbers: Int[np.ndarray, "row"], clock: Clock) -> list[str]:
    """Say that rows of a series were not in the order of time."""
    order = np.argsort(numbers, kind="stable")
    times, same = clock.times[order], numbers[order][1:] == numbers[order][:-1]
    count = int(((times[1:] < times[:-1]) & same).sum())
    return [f"`{time}`: {count} rows come after a later one of their series; all are sorted by time."] if count else []


def _distinct(
    table: pd.DataFrame, order: Int[np.ndarray, "row"], numbers: Int[np.ndarray, "row"], clock: Clock, time: str
) -> Int[np.ndarray, "row"]:
    """Return the sorted rows without exact repetitions.

    Errors: `InputError` for a time stamp that a series has twice with other cells.
    """
    times, series = clock.times[order], numbers[order]
    again = np.concatenate([[False], (times[1:] == times[:-1]) & (series[1:] == series[:-1])])
    if not again.any():
        return order
    repeated = table.duplicated().to_numpy(bool)
    keep = order[~(again & repeated[order])]
    times, series = clock.times[keep], numbers[keep]
    twice = np.flatnonzero((times[1:] == times[:-1]) & (series[1:] == series[:-1]))
    if len(twice):
        raise InputError(_doubled_text(table, time, int(keep[twice[0] + 1]), len(twice), clock))
    return keep


def _doubled_text(table: pd.DataFrame, time: str, position: int, count: int, clock: Clock) -> str:
    """Return the message about a time stamp that occurs twice."""
    mask = np.arange(len(table)) == position
    more = f" and {count - 1} more" if count > 1 else ""
    clocks = "; if clocks were set back, write the zone, as in 2026-10-25 02:00+01:00" if clock.has_dates else ""
    return (
        f"Expected each time stamp of column {short_repr(time)} once in a series, got {first_of(table[time], mask)} "
        f"again{more}. If the file holds several series, name them by a column (--group, or --sequence){clocks}."
    )


def constant_cells(steps: SortedSteps, name: str, role: str) -> pd.Series:
    """Return the one value that a column has in each series, passing over missing cells; missing where all are.

    Errors: `InputError` for a series with several values.
    """
    column = steps.table[name]
    present = column.notna().to_numpy(bool)
    labels, series = labels_of(column[present]), steps.series[present]
    numbers, first, inverse = np.unique(series, return_index=True, return_inverse=True)
    differs = labels != labels[first][inverse]
    if differs.any():
        raise InputError(
            f"Expected one {role} for each sequence in column {short_repr(name)}, got "
            f"{first_of(column[present], differs)} after {short_repr(labels[first][inverse][differs][0])} in the same "
            "sequence. To predict later values of a column, give --window, and no --sequence."
        )
    cells = pd.Series(column[present].iloc[first].to_numpy(), index=numbers, name=name)
    return cells.reindex(range(int(steps.series[-1]) + 1))
