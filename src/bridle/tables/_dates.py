"""Dates as features: a trend, the season, the day of the month, the weekday and the time of day."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from jaxtyping import Float, Shaped

from bridle._errors import InputError
from bridle.tables._columns import first_of, kind_of, labels_of
from bridle.tables._structure import CLOCKS, FORMATS

DAY, YEAR = 86_400.0, 365.2425
"""Seconds of a day, and days of a year."""
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
TREND = ("trend",)
SEASON = ("season sin", "season cos")
MONTH_DAY = ("day of month",)
CLOCK = ("day sin", "day cos", "half-day sin", "half-day cos")
PARTS = (*TREND, *SEASON, *MONTH_DAY, *WEEKDAYS, *CLOCK)
"""All features that a date can become."""
PATTERNS = tuple(pattern + clock for pattern in FORMATS for clock in (CLOCKS if "%" in pattern else ("",)))
UNREADABLE = "dates in a form that is not read; write them as 2026-11-30"
AMBIGUOUS = "dates whose day and month cannot be told apart; write them as 2026-11-30"


def date_pattern(column: pd.Series) -> str:
    """Return the format in which all present cells are dates; "" for cells that are dates already.

    Errors: `InputError` with the reason for cells that are no dates, or that two formats read differently.

    >>> date_pattern(pd.Series(["31.1.2026", None, "1.2.2026"]))
    '%d.%m.%Y'
    """
    present = column.dropna()
    if kind_of(present) == "date":
        if not _is_calendar(present):
            raise InputError(UNREADABLE)
        return ""
    cells = pd.Series(pd.unique(labels_of(present)))
    readings = {pattern: read for pattern in PATTERNS if (read := _read(cells, pattern)) is not None}
    if not readings:
        raise InputError(UNREADABLE)
    pattern, first = next(iter(readings.items()))
    if any((other != first).any() for other in readings.values()):
        raise InputError(AMBIGUOUS)
    return pattern


def read_dates(column: pd.Series, pattern: str) -> Shaped[np.ndarray, "row"]:
    """Return the dates of a column as `datetime64[s]` of their own clock, NaT for missing cells.

    Errors: `InputError` that names the column, the row and the cell that is no date of this format.
    """
    if kind_of(column.dropna()) == "date":
        if not _is_calendar(column.dropna()):
            raise InputError(f"Expected dates in column {column.name!r:.80}, got times. Write them as 2026-11-30.")
        plain = pd.to_datetime(column.astype(object) if column.dtype == object else column)
        return _naive(plain)
    cells = pd.Series(labels_of(column))
    codes, distinct = pd.factorize(cells)
    read = _coerced(pd.Series(distinct), pattern or FORMATS[0])
    values = np.append(read, np.datetime64("NaT"))[codes]
    bad = column.notna().to_numpy(bool) & np.isnat(values)
    if bad.any():
        raise InputError(
            f"Expected dates such as {_example(pattern)} in column {column.name!r:.80}, got {first_of(column, bad)}. "
            "Correct the cell or leave it empty."
        )
    return values


def varying_parts(dates: Shaped[np.ndarray, "row"]) -> tuple[str, ...]:
    """Return the features that say something about these dates: no weekday where all are the first of a month.

    >>> varying_parts(np.array(["2024-01-01", "2025-01-01"], "datetime64[s]"))
    ('trend',)
    """
    times = pd.DatetimeIndex(dates[~np.isnat(dates)])
    has_months, has_days = len(times.month.unique()) > 1, len(times.day.unique()) > 1
    has_clock = bool((times.hour * 60 + times.minute).any())
    chosen = (
        (TREND, len(times.unique()) > 1),
        (SEASON, has_months),
        (MONTH_DAY, has_days),
        (WEEKDAYS, has_days),
        (CLOCK, has_clock),
    )
    return tuple(name for names, used in chosen if used for name in names)


def date_features(dates: Shaped[np.ndarray, "row"], parts: tuple[str, ...]) -> Float[np.ndarray, "row part"]:
    """Return the features `parts` of dates, NaN for a missing date; weekdays are 0 or 1, and 0 where it is missing.

    >>> date_features(np.array(["2026-11-30"], "datetime64[s]"), ("Monday", "day of month")).tolist()
    [[1.0, 30.0]]
    """
    absent = np.isnat(dates)
    seconds = np.where(absent, 0, dates.astype("datetime64[s]").astype(np.int64)).astype(np.float64)
    times = pd.DatetimeIndex(np.where(absent, np.datetime64(0, "s"), dates))
    formulas = _formulas(seconds, times)
    columns = [formulas[part]() for part in parts]
    for part, column in zip(parts, columns, strict=True):
        column[absent] = 0.0 if part in WEEKDAYS else np.nan
    return np.stack(columns, axis=1) if columns else np.empty((len(dates), 0))


def standardised(parts: tuple[str, ...]) -> tuple[bool, ...]:
    """Return True for each feature that is a number to standardise; weekdays are not."""
    return tuple(part not in WEEKDAYS for part in parts)


def _formulas(
    seconds: Float[np.ndarray, "row"], times: pd.DatetimeIndex
) -> dict[str, Callable[[], Float[np.ndarray, "row"]]]:
    def turn(function: Callable[[np.ndarray], np.ndarray], period: float) -> Callable[[], np.ndarray]:
        return lambda: function(2 * np.pi * seconds / (period * DAY))

    def weekday(number: int) -> Callable[[], np.ndarray]:
        return lambda: (times.day_of_week == number).astype(np.float64)

    circles = {"season": YEAR, "day": 1.0, "half-day": 0.5}
    waves = {"sin": np.sin, "cos": np.cos}
    return {
        "trend": lambda: seconds / DAY,
        "day of month": lambda: times.day.to_numpy(np.float64).copy(),
        **{f"{name} {wave}": turn(waves[wave], period) for name, period in circles.items() for wave in waves},
        **{name: weekday(number) for number, name in enumerate(WEEKDAYS)},
    }


def _is_calendar(present: pd.Series) -> bool:
    """Check for dates; durations and times of day without a date are none."""
    return pd.api.types.infer_dtype(present) in ("datetime64", "datetime", "date")


def _read(cells: pd.Series, pattern: str) -> Shaped[np.ndarray, "row"] | None:
    """Parse dates in one format; None if a cell does not fit."""
    read = _coerced(cells, pattern)
    return None if np.isnat(read).any() else read


def _coerced(cells: pd.Series, pattern: str) -> Shaped[np.ndarray, "row"]:
    """Parse dates in one format, NaT for cells that do not fit; each keeps the clock of its own zone."""
    clocks = cells.str.replace(r"(?<=\d)\s*(Z|[+-]\d{2}:?\d{2})$", "", regex=True) if pattern == FORMATS[0] else cells
    return _naive(pd.to_datetime(_with_clock(clocks, cells), format=pattern, errors="coerce"))


def _with_clock(clocks: pd.Series, cells: pd.Series) -> pd.Series:
    """Return cells without their zone where a time of day is left; `2026-11-30` has no zone to take off."""
    return clocks.where(clocks.str.contains(":", regex=False).fillna(False).astype(bool), cells)


def _naive(times: pd.Series) -> Shaped[np.ndarray, "row"]:
    local = times.dt.tz_localize(None) if getattr(times.dtype, "tz", None) is not None else times
    return local.to_numpy().astype("datetime64[s]")


def _example(pattern: str) -> str:
    return pd.Timestamp("2026-11-30 18:45").strftime(pattern) if "%" in pattern else "2026-11-30"
