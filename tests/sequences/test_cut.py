"""Long tables cut into sequences and windows: order, repetitions, gaps, zones, lengths; refused with a sentence."""

import json

import numpy as np
import pandas as pd
import pytest
from tests.sequences._series import hourly, sensors

from bridle._errors import InputError
from bridle.sequences import Forecast, Sequences, naive_values, split_in_time
from bridle.sequences._clock import Step, read_clock
from bridle.sequences._sorted import sort_steps
from bridle.sequences._windows import NewWindows
from bridle.tables import Structure

PLAIN = Structure()


def forecast(table: pd.DataFrame, window: int = 3, horizon: int = 1, **options):
    """Cut a table into windows of its column `load`."""
    return Forecast("t", window, horizon).cut(table, "load", Structure(**options))


def test_a_window_is_the_past_and_the_answer_is_ahead() -> None:
    """Row i has steps i to i + 2, its answer is step i + 4, at horizon 2."""
    table = hourly(2)
    cut = forecast(table, 3, 2)
    assert len(cut.x) == 48 - 3 - 2 + 1
    windows = table["load"].to_numpy()[cut.x.positions(3)]
    assert windows[0].tolist() == table["load"][:3].tolist()
    assert cut.heads["load"].tolist() == table["load"][4:].tolist()
    assert cut.step == Step("second", 3600)
    assert "t" not in cut.x.steps


def test_rows_may_come_in_any_order() -> None:
    """They are sorted by time, with a note; the windows are those of the sorted table."""
    table = hourly(2)
    mixed = table.sample(frac=1, random_state=0)
    cut, other = forecast(table), forecast(mixed)
    assert cut.heads.equals(other.heads)
    assert cut.x.steps.to_numpy().tolist() == other.x.steps.to_numpy().tolist()
    assert any("come after a later one" in note for note in other.notes)
    assert not any("come after a later one" in note for note in cut.notes)


def test_doubled_time_stamps_are_refused_unless_the_rows_are_the_same() -> None:
    """A repeated row is left out and counted; another value at the same time has no place in a series."""
    table = hourly(2)
    cut = forecast(pd.concat([table, table[:2]]))
    assert cut.heads.equals(forecast(table).heads)
    assert any("2 rows repeat another row" in note for note in cut.notes)
    table.loc[5, "t"] = table.loc[4, "t"]
    with pytest.raises(InputError, match=r"once in a series, got '2025-03-03 04:00' in row 5 .* again\. .*--group"):
        forecast(table)


def test_no_window_crosses_a_gap() -> None:
    """Two missing hours: no window contains a step before and one after them, and a note counts them."""
    table = hourly(4).drop(index=[40, 41]).reset_index(drop=True)
    cut = forecast(table, 4)
    hours = pd.to_datetime(table["t"]).to_numpy()
    spans = hours[cut.answer] - hours[cut.x.first]
    assert (spans == np.timedelta64(4, "h")).all()
    assert len(cut.x) == 94 - 2 * 4
    assert any("1 gaps, which no window crosses" in note for note in cut.notes)


def test_series_without_a_regular_step_count_rows() -> None:
    """Trading days skip weekends: each row is a step, as a note says."""
    days = pd.bdate_range("2025-01-01", periods=40).strftime("%d.%m.%Y")
    table = pd.DataFrame({"t": days, "load": np.arange(40.0) % 7})
    cut = forecast(table, 5)
    assert cut.step is None
    assert len(cut.x) == 35
    assert any("without a regular step" in note for note in cut.notes)
    assert cut.calendar == ("weekday",)


def test_months_are_a_regular_step() -> None:
    """Also their last days; the step after January is February."""
    for day in ("MS", "ME"):
        dates = pd.date_range("2020-01-01", periods=30, freq=day)
        cut = forecast(pd.DataFrame({"t": dates, "load": np.arange(30.0)}), 12)
        assert cut.step == Step("month", 1.0)
        assert len(cut.x) == 18
        assert cut.step.after(cut.steps.clock.times[:1], 1)[0] == dates[1].to_datetime64()


def test_time_stamps_with_zones() -> None:
    """Zones order them; the clock of the place gives the hour of the day. Some without a zone are refused."""
    autumn = ["2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00", "2026-10-25T03:00+01:00"]
    clock = read_clock(pd.Series(autumn, name="t"))
    assert (np.diff(clock.times) == np.timedelta64(1, "h")).all()
    assert [str(one)[11:13] for one in clock.local] == ["02", "02", "03"]
    assert "2 zones" in clock.notes[0]
    aware = read_clock(pd.Series(pd.date_range("2026-01-01", periods=2, freq="h", tz="Europe/Berlin")))
    assert str(aware.times[0])[:13] == "2025-12-31T23"
    with pytest.raises(InputError, match=r"zone in all time stamps of 't' or in none, got .*'2026-10-25T05:00'"):
        read_clock(pd.Series([*autumn, "2026-10-25T05:00"], name="t"))


def test_dates_that_read_in_two_ways_are_refused() -> None:
    """Their order is the same with the day or the month first, but the forecast would be of another day."""
    hours = [f"02/03/2026 {hour:02}:00" for hour in range(24)]
    with pytest.raises(InputError, match="is the day or the month first"):
        read_clock(pd.Series(hours, name="t"))
    assert str(read_clock(pd.Series([*hours, "02/13/2026 00:00"], name="t")).times[0])[:10] == "2026-02-03"


def test_new_dates_are_read_as_those_of_the_training_rows() -> None:
    """A forecast saves whether the day or the month is first; other forms are detected, and refused as ever."""
    days = pd.date_range("2026-01-01", periods=40)
    for pattern in ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y"):
        table = pd.DataFrame({"t": days.strftime(pattern), "load": np.arange(40.0)})
        cut = forecast(table, 3)
        cutter = NewWindows.from_json(json.loads(json.dumps(Forecast("t", 3).cutter(cut, None).to_json())))
        latest = pd.DataFrame({"t": pd.date_range("2026-03-02", periods=3).strftime(pattern), "load": [1.0, 2.0, 3.0]})
        assert cutter.cut_new(latest).names["t"].tolist() == ["2026-03-05"]
        iso = latest.assign(t=["2026-03-02", "2026-03-03", "2026-03-04"])
        assert cutter.cut_new(iso).names["t"].tolist() == ["2026-03-05"]
        assert cutter.pattern == pattern
    old = {name: value for name, value in cutter.to_json().items() if name != "pattern"}
    with pytest.raises(InputError, match="is the day or the month first"):
        NewWindows.from_json(old).cut_new(latest.assign(t=["02/03/2026", "03/03/2026", "04/03/2026"]))
    with pytest.raises(ValueError, match="the format of dates '%x'"):
        NewWindows.from_json({**old, "pattern": "%x"})


def test_times_that_are_no_dates() -> None:
    """Numbers and durations are times, a word is not; no cell may be empty."""
    assert read_clock(pd.Series(pd.to_timedelta([0, 90], "s"))).times.tolist() == [0.0, 90.0]
    with pytest.raises(InputError, match="numbers or dates in the time column 't', got 'soon'"):
        read_clock(pd.Series(["soon", "later"], name="t"))
    with pytest.raises(InputError, match="value in every row of the time column 't', got"):
        sort_steps(pd.DataFrame({"t": [1.0, np.nan], "load": [1, 2]}), "t")


def test_windows_longer_than_a_series_are_refused() -> None:
    """With the length that is there; of several series, only the short ones are left out, and counted."""
    table = hourly(2).assign(load=lambda frame: frame["load"])
    with pytest.raises(InputError, match=r"at least 49 consecutive steps, .* got at most 48 in 1 series"):
        forecast(table, 48)
    both = pd.concat([table.assign(g="long"), table[:5].assign(g="short")], ignore_index=True)
    cut = forecast(both, 10, group="g")
    assert len(cut.x) == 38
    assert any("1 series have fewer than 11 steps" in note for note in cut.notes)
    with pytest.raises(InputError, match="Expected window as a number of steps from 1"):
        Forecast("t", 0)


def test_windows_stay_in_their_series() -> None:
    """Rows of two series at the same hours: every window has cells of one of them."""
    table = hourly(2)
    both = pd.concat([table.assign(g="a"), table.assign(g="b", load=table["load"] + 1000)])
    cut = forecast(both.sample(frac=1, random_state=1), 6, group="g")
    windows = cut.x.steps["load"].to_numpy()[cut.x.positions(6)]
    assert len(windows) == 2 * 42
    assert ((windows > 500).all(axis=1) | (windows < 500).all(axis=1)).all()
    assert ((cut.heads["load"] > 500).to_numpy() == (windows[:, 0] > 500)).all()


def test_answers_that_are_missing_are_left_out() -> None:
    """A window keeps its missing cells; a window whose answer is missing is no row."""
    table = hourly(2)
    table.loc[10, "load"] = np.nan
    cut = forecast(table)
    assert len(cut.x) == 44
    assert cut.heads["load"].notna().all()
    assert any("want of a target: 1 windows" in note for note in cut.notes)


def test_naive_forecasts_know_only_the_past() -> None:
    """The last value, and the same hour of the last day that is over at the time of the forecast."""
    table = hourly(5)
    cut = Forecast("t", 3, 30).cut(table, "load", PLAIN)
    load = table["load"].to_numpy()
    assert naive_values(cut, load).tolist() == load[cut.origin].tolist()
    daily = naive_values(cut, load, 24)
    late = cut.answer >= 48
    assert daily[late].tolist() == load[cut.answer[late] - 48].tolist()
    assert (cut.answer - 48 <= cut.origin).all()
    assert Forecast("t", 3).seasons(Forecast("t", 3).cut(hourly(30), "load", PLAIN)) == {
        "a day ago": 24,
        "a week ago": 168,
    }
    assert Forecast("t", 3, season=5).seasons(cut) == {"last season": 5}


def test_folds_leave_a_gap() -> None:
    """No step of a validation window is the answer of a training row, in time, in any series."""
    cut = forecast(pd.concat([hourly(6).assign(g="a"), hourly(6, 1).assign(g="b")]), 5, 3, group="g")
    split = split_in_time(cut.begins, cut.ends, 3, 0.2)
    for train, validation in [*split.folds, (split.learn, split.test)]:
        assert cut.ends[train].max() < cut.begins[validation].min()
        assert train.max() < validation.min()
    assert len(split.learn) + len(split.test) + split.gap == len(cut.x)
    with pytest.raises(InputError, match="at least 2 windows to train on and 1 to validate on"):
        split_in_time(cut.begins, cut.ends, 60, 0.2)


def test_sequences_have_one_row_each() -> None:
    """In the order of their first rows, each with its label, its steps sorted by time."""
    table = sensors()
    cut = Sequences("id", "t").cut(table.iloc[::-1], "label", Structure(group="lab"))
    assert cut.heads["label"].tolist() == ["up", "down"] * 12
    assert cut.x.lengths.tolist() == table.groupby("id").size().tolist()[::-1]
    assert list(cut.x.steps) == ["a", "kind"]
    assert cut.x.iloc[[0]].used_steps()["a"].tolist() == table[table["id"] == "s23"]["a"].tolist()


def test_labels_of_sequences() -> None:
    """Two labels in a sequence are refused, empty cells are not; a sequence without any label is left out."""
    table = sensors()
    table.loc[table["id"] == "s03", "label"] = None
    table.loc[1, "label"] = None
    cut = Sequences("id", "t").cut(table, "label", PLAIN)
    assert len(cut.x) == 23
    assert any("want of a target: 1 sequences" in note for note in cut.notes)
    table.loc[2, "label"] = "up"
    with pytest.raises(
        InputError, match=r"one target for each sequence .* got 'up' in row 2 .* after 'down' .*--window"
    ):
        Sequences("id", "t").cut(table, "label", PLAIN)


def test_sequences_of_one_row() -> None:
    """One of them is said; only such ones are no sequences."""
    table = sensors()
    short = table[~((table["id"] == "s00") & (table["t"] > 1))]
    assert any(
        "1 sequences have one row only" in note for note in Sequences("id", "t").cut(short, "label", PLAIN).notes
    )
    with pytest.raises(InputError, match="several rows of each sequence of column 'id', got 24 sequences of one row"):
        Sequences("id", "t").cut(table.drop_duplicates("id"), "label", PLAIN)


def test_columns_have_one_role() -> None:
    """A missing column is named with near ones, a column with two roles is refused."""
    with pytest.raises(InputError, match=r"column 'ids' in the table, got none"):
        Sequences("ids", "t").cut(sensors(), "label", PLAIN)
    with pytest.raises(InputError, match="separate column for sequence, got 'id', which is the group too"):
        Sequences("id", "t").cut(sensors(), "label", Structure(group="id"))
