"""Windows of series: the past of all columns, the target some steps ahead, and naive forecasts of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int, Shaped

from bridle._errors import InputError
from bridle.sequences._clock import (
    Step,
    calendar_columns,
    calendar_parts,
    find_step,
    follows,
    pattern_from_json,
    step_from_json,
    step_to_json,
)
from bridle.sequences._labelled import CutTable, check_roles
from bridle.sequences._rows import SequenceRows
from bridle.sequences._sorted import SortedSteps, sort_steps
from bridle.tables import NewRows, Structure

MAX_SIZE = 100_000
"""The largest window and horizon."""


@dataclass(frozen=True, kw_only=True)
class CutSeries(CutTable):
    """Windows of a table, sorted by the time of their answers."""

    origin: Int[np.ndarray, "row"]
    """The position of the last step of each window: the time of the forecast."""
    answer: Int[np.ndarray, "row"]
    """The position of the step that holds the answer."""
    run: Int[np.ndarray, "step"]
    """The position of the first step that is connected with each step without a gap."""
    step: Step | None
    calendar: tuple[str, ...]
    """Parts of the calendar."""
    calendar_names: tuple[str, ...]
    """The columns of `x.steps` that have them: the last ones."""

    @property
    def begins(self) -> Shaped[np.ndarray, "row"]:
        """The time of the first step of each window."""
        return self.steps.clock.times[self.x.first]

    @property
    def ends(self) -> Shaped[np.ndarray, "row"]:
        """The time of each answer."""
        return self.steps.clock.times[self.answer]


@dataclass(frozen=True)
class Forecast:
    """Forecast of a column from windows: the last `window` steps of all columns give its value `horizon` steps ahead.

    `season` is a number of steps after which a naive forecast repeats the series; detected from dates by default.
    """

    time: str
    window: int
    horizon: int = 1
    season: int | None = None

    def __post_init__(self) -> None:
        for name, value in (("window", self.window), ("horizon", self.horizon), ("season", self.season)):
            if value is not None and not (type(value) is int and 0 < value <= MAX_SIZE):
                raise InputError(f"Expected {name} as a number of steps from 1 to {MAX_SIZE:,}, got {value!r:.40}.")

    def cut(self, table: pd.DataFrame, target: str, structure: Structure) -> CutSeries:
        """Cut a table into windows. None of them crosses a gap, or has steps of two series.

        `structure.group` is the column that names several series in one table.

        Errors: `InputError` for columns that are missing or have two roles, for a table without a complete window and
        its answer, and those of `sort_steps`.
        """
        group, weight = structure.group, structure.weight
        check_roles(table, {"time": self.time, "target": target, **structure.columns})
        steps = sort_steps(table, self.time, group)
        step, run = connected_steps(steps)
        last = np.arange(self.window - 1, len(run) - self.horizon)
        last = last[(run[last] <= last - self.window + 1) & (run[last + self.horizon] == run[last])]
        if not len(last):
            raise InputError(_short_text(steps, run, self.window, self.horizon))
        known = steps.table[target].notna().to_numpy(bool)[last + self.horizon]
        missing, last = int((~known).sum()), last[known]
        order = np.lexsort((steps.series[last], steps.clock.times[last + self.horizon]))
        last = last[order]
        heads = steps.table[[name for name in (target, weight) if name is not None]].iloc[last + self.horizon]
        calendar = calendar_parts(steps.clock, step)
        features = steps.table.drop(columns=[name for name in (self.time, group, weight) if name is not None])
        computed = calendar_columns(steps.clock, self.time, calendar)
        features = features.drop(columns=computed, errors="ignore").assign(**computed)
        notes = [*steps.notes, *self._notes(steps, step, run, missing), *self._column_notes(calendar, group)]
        return CutSeries(
            x=SequenceRows(features, last - self.window + 1, last + 1),
            heads=heads.reset_index(drop=True),
            notes=tuple(notes),
            steps=steps,
            origin=last,
            answer=last + self.horizon,
            run=run,
            step=step,
            calendar=calendar,
            calendar_names=tuple(computed),
        )

    def cutter(self, cut: CutSeries, group: str | None) -> "NewWindows":
        """Return the cutter of new tables."""
        clock = cut.steps.clock
        return NewWindows(
            self.time, group, self.window, self.horizon, clock.has_dates, cut.step, cut.calendar, clock.pattern
        )

    def seasons(self, cut: CutSeries) -> dict[str, int]:
        """Return the naive forecasts to compare with: the number of steps after which each repeats the series."""
        if self.season is not None:
            return {"last season": self.season}
        seconds = None if cut.step is None else cut.step.seconds
        if seconds is None or not cut.steps.clock.has_dates:
            return {}
        return {
            name: round(period / seconds)
            for name, period in PERIODS.items()
            if period >= 2 * seconds and _divides(seconds, period) and 3 * period <= seconds * len(cut.x)
        }

    def _notes(self, steps: SortedSteps, step: Step | None, run: np.ndarray, missing: int) -> list[str]:
        series = steps.bounds
        notes = [f"{len(series) - 1} series of {np.diff(series).min()} to {np.diff(series).max()} steps."]
        if step is None:
            notes.append(f"`{self.time}`: without a regular step, so each row counts as one step.")
        else:
            gaps = int((np.diff(run) > 0).sum()) - (len(series) - 2)
            lost = f"; {gaps} gaps, which no window crosses" if gaps else ""
            notes.append(f"`{self.time}`: one row every {step.text()}{lost}.")
        short = int((np.diff(series) < self.window + self.horizon).sum())
        if short:
            notes.append(f"{short} series have fewer than {self.window + self.horizon} steps and give no window.")
        return [*notes, *([f"Left out for want of a target: {missing} windows."] if missing else [])]

    def _column_notes(self, calendar: tuple[str, ...], group: str | None) -> list[str]:
        parts = [f"`{self.time}`: {', '.join(calendar)} as features of each step."] if calendar else []
        return [*parts, *([f"`{group}`: names the series; not a feature."] if group is not None else [])]


PERIODS = {"a day ago": 86_400.0, "a week ago": 7 * 86_400.0, "a year ago": 365.2425 * 86_400.0}
"""Seasons of dates in seconds, by the name of the naive forecast."""


def _divides(seconds: float, period: float) -> bool:
    """Return True for a period of a whole number of steps; a year has nearly one, within a quarter of a day."""
    rest = abs(round(period / seconds) * seconds - period)
    return rest <= (21_600 if period > 300 * 86_400 else 1e-6)


@dataclass(frozen=True)
class NewWindows:
    """Cutter of new tables into windows: one for each step that has a complete past."""

    time: str
    group: str | None
    window: int
    horizon: int
    has_dates: bool
    step: Step | None
    calendar: tuple[str, ...]
    pattern: str = ""
    """The format of dates in text, "" where it was not found."""

    def cut_new(self, table: pd.DataFrame) -> NewRows:
        """Return the windows of a table, named by the series and the time of the forecast value.

        Without a regular step, they are named by the time of the last step of the window.
        """
        steps = sort_steps(table, self.time, self.group, self.has_dates, self.pattern)
        run = run_starts(steps, self.step)
        last = np.arange(self.window - 1, len(run))
        last = last[run[last] <= last - self.window + 1]
        if not len(last):
            raise InputError(_short_text(steps, run, self.window, 0))
        features = steps.table.assign(**calendar_columns(steps.clock, self.time, self.calendar))
        names = {} if self.group is None else {self.group: steps.table[self.group].to_numpy()[last]}
        names |= self._times(steps, last)
        without = len(steps.bounds) - 1 - len(np.unique(steps.series[last]))
        note = f"{without} series have fewer than {self.window} consecutive steps and no forecast."
        rows = SequenceRows(features, last - self.window + 1, last + 1)
        return NewRows(rows, pd.DataFrame(names), (*steps.notes, *([note] if without else [])))

    def _times(self, steps: SortedSteps, last: Int[np.ndarray, "row"]) -> dict[str, Any]:
        """Return the times of the forecast values, by the name of their column."""
        if self.step is None:
            return {f"{self.horizon} steps after {self.time}": steps.table[self.time].to_numpy()[last]}
        if steps.clock.local is None:
            times = self.step.after(steps.clock.times[last], self.horizon)
            return {self.time: times.astype(np.int64) if (times % 1 == 0).all() else times}
        zoned = not np.array_equal(steps.clock.local, steps.clock.times)
        stamps = pd.Series(self.step.after(steps.clock.times[last], self.horizon))
        return {self.time: (stamps.dt.tz_localize("UTC") if zoned else stamps).astype(str)}

    def to_json(self) -> dict[str, object]:
        """Return the cutter as strict JSON."""
        return {
            "kind": "windows",
            "time": self.time,
            "group": self.group,
            "window": self.window,
            "horizon": self.horizon,
            "dates": self.has_dates,
            "step": step_to_json(self.step),
            "calendar": list(self.calendar),
            "pattern": self.pattern,
        }

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> "NewWindows":
        """Restore a cutter from `to_json`; `ValueError` or `InputError` for an entry that it cannot have."""
        time, group, dates = content["time"], content["group"], content["dates"]
        if not isinstance(time, str) or not isinstance(group, str | None) or not isinstance(dates, bool):
            raise ValueError(f"the columns {time!r:.40} and {group!r:.40}")
        size = Forecast(time, content["window"], content["horizon"])
        calendar = tuple(map(str, content["calendar"]))
        step, pattern = step_from_json(content["step"]), pattern_from_json(content)
        return NewWindows(time, group, size.window, size.horizon, dates, step, calendar, pattern)


def connected_steps(steps: SortedSteps) -> tuple[Step | None, Int[np.ndarray, "step"]]:
    """Return the regular step, and the position of the first step that is connected with each one without a gap."""
    step = find_step(steps.clock, steps.together)
    return step, run_starts(steps, step)


def run_starts(steps: SortedSteps, step: Step | None) -> Int[np.ndarray, "step"]:
    """Return the position of the first step that is connected with each one without a gap."""
    connected = steps.together & follows(steps.clock, step)
    begins = np.concatenate([[True], ~connected])
    return np.maximum.accumulate(np.where(begins, np.arange(len(begins)), 0))


def _short_text(steps: SortedSteps, run: np.ndarray, window: int, horizon: int) -> str:
    """Return the message about a table without a complete window."""
    longest = int((np.arange(len(run)) - run).max()) + 1
    needed = f"{window + horizon} consecutive steps, for a window of {window}"
    ahead = f" and an answer {horizon} ahead" if horizon else ""
    return (
        f"Expected a series of at least {needed}{ahead}, got at most {longest} in {len(steps.bounds) - 1} series. "
        "Give more rows, a shorter --window, or fill the gaps."
    )


def naive_positions(cut: CutSeries, season: int | None = None) -> Int[np.ndarray, "row"]:
    """Return the position of the step whose value is the naive forecast of each row.

    Without a season, that is the last step of the window. With one, it is the last step before the forecast that is a
    whole number of seasons before the answer; the last step of the window where the series does not reach back so far.
    """
    if season is None:
        return cut.origin
    ahead = cut.answer - cut.origin
    before = cut.answer - season * -(-ahead // season)
    return np.where(before >= cut.run[cut.origin], before, cut.origin)


def naive_values(
    cut: CutSeries, values: Float[np.ndarray, "step"], season: int | None = None
) -> Shaped[np.ndarray, "row"]:
    """Return the naive forecast of each row from the encoded target of each step; NaN for a missing one.

    A missing value is replaced by the last one before it in the same series.
    """
    filled = pd.Series(values).groupby(cut.steps.series).ffill().to_numpy()
    return filled[naive_positions(cut, season)]
