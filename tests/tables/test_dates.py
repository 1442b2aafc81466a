"""Dates as features."""

import numpy as np
import pandas as pd
import pytest

from bridle._errors import InputError
from bridle.tables._dates import WEEKDAYS, date_features, date_pattern, read_dates, varying_parts


@pytest.mark.parametrize(
    ("cells", "first"),
    [
        (["31.1.2026", None, "1.2.2026"], "2026-01-31T00:00"),
        (["2026-01-05T10:30:00Z", "2026-01-06 10:30"], "2026-01-05T10:30"),
        (["2026-01-05T10:30:00+02:00", "2026-01-05T10:30:00-0500"], "2026-01-05T10:30"),
        (["2026-11", "2026-10"], "2026-11-01T00:00"),
        (["12/31/2026 23:59", "1/2/2026 00:00"], "2026-12-31T23:59"),
        (pd.date_range("2026-01-01 08:00", periods=2, tz="Europe/Paris"), "2026-01-01T08:00"),
        ([pd.Timestamp("2026-01-01").date(), None], "2026-01-01T00:00"),
    ],
)
def test_dates_are_read_by_their_own_clock(cells, first):
    """Text in one format, dates of pandas with and without a zone, and dates of Python."""
    column = pd.Series(cells, name="day")
    read = read_dates(column, date_pattern(column))
    assert read[0] == np.datetime64(first)
    assert np.isnat(read).tolist() == column.isna().tolist()


@pytest.mark.parametrize("cells", [["1/2/2026", "3/4/2026"], ["Q1 2026", "Q2 2026"], pd.to_timedelta([1, 2], unit="h")])
def test_what_is_no_date_is_refused(cells):
    """Open order of day and month, quarters, and durations."""
    with pytest.raises(InputError, match="write them as 2026-11-30"):
        date_pattern(pd.Series(cells, name="day"))


def test_features_equal_the_calendar():
    """Each part agrees with pandas; a missing date is NaN, and on no weekday."""
    times = pd.date_range("2023-12-30 06:00", periods=40, freq="29h")
    dates = np.append(times.to_numpy().astype("datetime64[s]"), np.datetime64("NaT"))
    parts = varying_parts(dates)
    features = pd.DataFrame(date_features(dates, parts), columns=list(parts))
    assert features["trend"].diff()[1:40].to_numpy() == pytest.approx(29 / 24)
    assert features["day of month"][:40].tolist() == times.day.tolist()
    assert features[list(WEEKDAYS)].to_numpy()[:40].argmax(axis=1).tolist() == times.day_of_week.tolist()
    hours = times.hour.to_numpy()
    np.testing.assert_allclose(features["day sin"][:40], np.sin(2 * np.pi * hours / 24), atol=1e-6)
    assert features["season cos"][:40].max() > 0.99  # the turn of the year
    assert features.iloc[40][list(WEEKDAYS)].tolist() == [0.0] * 7
    assert features.iloc[40].drop(list(WEEKDAYS)).isna().all()


def test_parts_that_do_not_vary_are_no_features():
    """Firsts of months have no weekday; dates without a time of day no clock; one date nothing."""
    months = pd.date_range("2024-01-01", periods=5, freq="MS").to_numpy().astype("datetime64[s]")
    assert varying_parts(months) == ("trend", "season sin", "season cos")
    assert varying_parts(months[:1]) == ()
