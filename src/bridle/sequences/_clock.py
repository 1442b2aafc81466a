"""Time stamps of a table: numbers or dates, their regular step, and parts of the calendar."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Shaped

from bridle._errors import InputError, short_repr
from bridle.tables import FORMATS, labels_of, numbers_of, time_pattern, times_of

ZONE = re.compile(r"\d:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s*(Z|UTC|[+-]\d{2}(?::?\d{2})?)$")
"""The zone after the time of day of a time stamp."""
REGULAR_SHARE = 0.9
"""The share of equal distances from which on a series is regular, and other distances are gaps."""
DAY = 86_400.0
YEAR = 365.2425 * DAY
CYCLES = {"hour": DAY, "weekday": 7 * DAY, "day of the year": YEAR}
"""Parts of the calendar and their periods in seconds."""
UNITS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": DAY}


@dataclass(frozen=True)
class Step:
    """Distance of two consecutive time stamps of a regular series: `count` numbers, seconds or months."""

    unit: str
    """`number`, `second` or `month`."""
    count: float

    @property
    def seconds(self) -> float | None:
        """The step in seconds; None for numbers."""
        return {"number": None, "second": self.count, "month": self.count * YEAR / 12}[self.unit]

    def text(self) -> str:
        """Return the step in words.

        >>> Step("second", 3600).text(), Step("month", 3).text(), Step("number", 1.0).text()
        ('1 hour', '3 months', '1')
        """
        if self.unit == "number":
            return f"{self.count:g}"
        name, size = self.unit, self.count
        if self.unit == "second":
            name, length = next(pair for pair in reversed(UNITS.items()) if size % pair[1] == 0 or pair[1] == 1)
            size /= length
        return f"{size:g} {name}{'s' * (size != 1)}"

    def after(self, times: Shaped[np.ndarray, "row"], steps: int) -> Shaped[np.ndarray, "row"]:
        """Return the time stamps a number of steps after others."""
        if self.unit == "number":
            return times + self.count * steps
        if self.unit == "second":
            return times + np.timedelta64(round(self.count * steps * 1e6), "us")
        whole = pd.DatetimeIndex(times)
        later = whole + pd.DateOffset(months=int(self.count * steps))
        at_end = whole.is_month_end & (whole.day >= 28)
        return np.where(at_end.all(), later + pd.offsets.MonthEnd(0), later).astype("datetime64[us]")


@dataclass(frozen=True)
class Clock:
    """Time stamps of all rows of a table."""

    times: Shaped[np.ndarray, "row"]
    """float64 numbers, or datetime64[us] in UTC."""
    local: Shaped[np.ndarray, "row"] | None
    """datetime64[us] as written, without the zone; None for numbers."""
    notes: tuple[str, ...] = ()
    pattern: str = ""
    """The format of text of dates, which tells the day from the month; "" for others, and where it was not found."""

    @property
    def has_dates(self) -> bool:
        """True for dates, False for numbers."""
        return self.local is not None


def read_clock(column: pd.Series, has_dates: bool | None = None, pattern: str = "") -> Clock:
    """Read a column of time stamps.

    Args:
        column: numbers, dates, text of dates, or durations, which become seconds; no cell is missing.
        has_dates: True for dates, False for numbers. Default: detected; a column of text is dates.
        pattern: the format of dates of an earlier clock. Text that fits it is read so. Default "": it is detected.

    Errors: `InputError` for text that is neither, for dates whose day and month cannot be told apart, and for time
    stamps of which only some have a zone.

    >>> read_clock(pd.Series(["2026-03-29T01:00+01:00", "2026-03-29T03:00+02:00"], name="t")).times.astype(str).tolist()
    ['2026-03-29T00:00:00.000000', '2026-03-29T01:00:00.000000']

    """
    if column.dtype.kind == "m":
        column = column.dt.total_seconds()
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        utc, local = column.dt.tz_convert("UTC").dt.tz_localize(None), column.dt.tz_localize(None)
        return Clock(_stamps(utc), _stamps(local))
    is_number = pd.api.types.is_numeric_dtype(column) if has_dates is None else not has_dates
    if is_number:
        return Clock(numbers_of(column), None)
    if column.dtype.kind == "M":
        return Clock(_stamps(column), _stamps(column))
    return _from_text(pd.Series(labels_of(column), name=column.name, index=column.index), pattern)


def _from_text(labels: pd.Series, pattern: str) -> Clock:
    """Read dates in text, with and without zones."""
    zones = labels.map(_zone)
    with_zone = (zones != "").to_numpy(bool)
    if with_zone.any() and not with_zone.all():
        one, other = labels[with_zone].iloc[0], labels[~with_zone].iloc[0]
        raise InputError(
            f"Expected a zone in all time stamps of {short_repr(labels.name)} or in none, got {short_repr(one)} and "
            f"{short_repr(other)}. Write all of them in one zone."
        )
    times = _stamps(times_of(labels, exactly=True, pattern=pattern))
    if not with_zone.any():
        return Clock(times, times, pattern=pattern or time_pattern(labels))
    local = _stamps(times_of(labels.map(lambda label: label.removesuffix(_zone(label)).rstrip()), exactly=True))
    names = sorted(set(zones))
    several = f"`{labels.name}`: time stamps of {len(names)} zones ({', '.join(names[:3])}), ordered as in UTC."
    return Clock(times, local, (several,) if len(names) > 1 else ())


def _zone(label: str) -> str:
    """Return the zone of a time stamp as written; "" for none."""
    match = ZONE.search(label)
    return match.group(1) if match else ""


def _stamps(values: Any) -> Shaped[np.ndarray, "row"]:
    """Return dates as datetime64[us], those with a zone in UTC."""
    dates = pd.DatetimeIndex(values)
    return (dates if dates.tz is None else dates.tz_convert(None)).to_numpy().astype("datetime64[us]")


def find_step(clock: Clock, together: Bool[np.ndarray, "pair"]) -> Step | None:
    """Return the regular step of sorted time stamps; None if fewer than nine in ten distances are equal.

    Args:
        clock: the time stamps.
        together: True for each pair of neighbours of one series.

    """
    if not together.any():
        return None
    if not clock.has_dates:
        return _most_common("number", np.diff(clock.times)[together])
    seconds = _most_common("second", np.diff(clock.times).astype(np.int64)[together] / 1e6)
    return seconds or _most_common("month", np.diff(month_numbers(clock.times))[together])


def _most_common(unit: str, distances: Float[np.ndarray, "pair"]) -> Step | None:
    """Return the most frequent distance, if it is frequent enough."""
    values, counts = np.unique(np.round(distances, 9), return_counts=True)
    best = int(counts.argmax())
    if values[best] <= 0 or not np.isfinite(values[best]) or counts[best] < REGULAR_SHARE * len(distances):
        return None
    return Step(unit, float(values[best]))


def month_numbers(times: Shaped[np.ndarray, "row"]) -> Float[np.ndarray, "row"]:
    """Return the number of each month since 1970, NaN if time stamps differ in their day of the month or in the clock.

    Last days of months count as one day.
    """
    months = times.astype("datetime64[M]")
    day = times - months.astype(times.dtype)
    at_end = (months + 1).astype(times.dtype) - times
    alike = len(np.unique(day)) == 1 or len(np.unique(at_end)) == 1
    return months.astype(np.int64).astype(float) if alike else np.full(len(times), np.nan)


def follows(clock: Clock, step: Step | None) -> Bool[np.ndarray, "pair"]:
    """Return True for each pair of neighbours that are one step apart; without a regular step for all of them."""
    if step is None:
        return np.ones(max(len(clock.times) - 1, 0), bool)
    if step.unit == "month":
        distances = np.diff(month_numbers(clock.times))
    else:
        distances = np.diff(clock.times).astype(float)
        distances = distances / 1e6 if clock.has_dates else distances
    return np.abs(distances - step.count) <= 1e-6 * step.count


def calendar_parts(clock: Clock, step: Step | None) -> tuple[str, ...]:
    """Return the parts of the calendar that a series can follow: cycles longer than two steps, and seen twice.

    Without a regular step, that is the shortest distance of two time stamps.
    """
    distances = np.diff(np.unique(clock.times))
    if not clock.has_dates or not len(distances):
        return ()
    seconds, span = (float(distance / np.timedelta64(1, "s")) for distance in (distances.min(), distances.sum()))
    seconds = step.seconds if step is not None and step.seconds is not None else seconds
    return tuple(part for part, period in CYCLES.items() if 2 * seconds < period <= span / 2)


def calendar_columns(clock: Clock, name: str, parts: tuple[str, ...]) -> dict[str, Float[np.ndarray, "row"]]:
    """Return the sine and the cosine of each part of the calendar, by column name; for weekdays also the weekend."""
    if clock.local is None:
        return {}
    seconds = clock.local.astype("datetime64[us]").astype(np.int64) / 1e6
    columns: dict[str, np.ndarray] = {}
    for part in parts:
        phase = 2 * np.pi * seconds / CYCLES[part]
        columns |= {f"{name}: {part} (sin)": np.sin(phase), f"{name}: {part} (cos)": np.cos(phase)}
        if part == "weekday":
            day = (clock.local.astype("datetime64[D]").astype(np.int64) + 3) % 7
            columns[f"{name}: weekend"] = (day >= 5).astype(float)
    return columns


def pattern_from_json(content: Mapping[str, Any]) -> str:
    """Return the format of dates of a saved cutter, "" where it has none; `ValueError` for an unknown one."""
    pattern = content.get("pattern", "")
    if pattern not in ("", *FORMATS):
        raise ValueError(f"the format of dates {pattern!r:.80}")
    return pattern


def step_to_json(step: Step | None) -> dict[str, object] | None:
    """Return a step as strict JSON."""
    return None if step is None else {"unit": step.unit, "count": step.count}


def step_from_json(content: Mapping[str, Any] | None) -> Step | None:
    """Restore a step from `step_to_json`; `ValueError` for an unknown unit or a count that is not above 0."""
    if content is None:
        return None
    unit, count = content["unit"], float(content["count"])
    if unit not in ("number", "second", "month") or not 0 < count < 1e18:
        raise ValueError(f"the step {content!r:.80}")
    return Step(unit, count)
