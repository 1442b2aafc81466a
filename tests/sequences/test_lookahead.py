"""No look ahead: answers in the future, in another series or in the scale of validation rows change nothing before."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from tests.sequences._series import hourly, sensors

from bridle.sequences import Forecast, Sequences
from bridle.tables import Structure
from bridle.tuning import TableStudy, prepare_table

WINDOW, HORIZON = 6, 2
ARMS = {"L2": {"*/kernel": "l2(0.1)"}}


def forecast_job(table: pd.DataFrame, **roles):
    """Prepare the study of a forecast of `load`."""
    series = Forecast("t", WINDOW, HORIZON)
    return prepare_table(
        table, TableStudy("load", arms=ARMS, seeds=1, folds=2, structure=Structure(**roles), series=series)
    )


@pytest.fixture(scope="module")
def series() -> pd.DataFrame:
    """White noise that nothing predicts, with the answer of each row planted in its own row, and in another series."""
    table, draw = hourly(10), np.random.default_rng(1)
    table["load"] = draw.normal(size=len(table))
    return table.assign(g="a")


def linear_r2(job) -> float:
    """Return the best R² of a linear model on all steps of the windows, over the validation rows of the folds."""
    scores = []
    for fold in job.prepared.folds:
        x, y = np.asarray(fold.rows.x).reshape(len(fold.rows.x), -1), np.asarray(fold.rows.y).ravel()
        model = LinearRegression().fit(x[: fold.train], y[: fold.train])
        scores.append(model.score(x[fold.cuts[-1] :], y[fold.cuts[-1] :]))
    return max(scores)


def test_the_answer_in_its_own_row_is_not_in_the_window(series) -> None:
    """A column that equals the answer at the time of the answer is past by the time it is read."""
    table = series.drop(columns="g").assign(planted=series["load"], next=series["load"].shift(1 - HORIZON))
    job = forecast_job(table)
    assert linear_r2(job) < 0.1
    found = forecast_job(
        table.assign(next=series["load"].shift(-HORIZON).fillna(0))
    )  # known too early: a leak of the table
    assert linear_r2(found) > 0.95
    assert any("`next` copies the target" in note for note in found.notes)


def test_the_answer_in_another_series_is_not_seen(series) -> None:
    """Series b has at each hour what series a will have two hours later, and is on no side before its time."""
    other = series.assign(g="b", load=series["load"].shift(-HORIZON).fillna(0))
    job = forecast_job(pd.concat([series, other], ignore_index=True), group="g")
    assert linear_r2(job) < 0.1


def test_the_future_changes_no_training_row(series) -> None:
    """Cells after a split, a million times as large, move no scale, no category and no row before it."""
    table = series.drop(columns="g").assign(kind="x")
    wild = table.copy()
    wild.loc[wild.index[-30] :, ["load", "noise"]] *= 1e6
    wild.loc[wild.index[-30] :, "kind"] = "future"
    plain, other = forecast_job(table), forecast_job(wild)
    for one, two in zip(plain.prepared.folds, other.prepared.folds, strict=True):
        assert np.array_equal(one.rows.x, two.rows.x)
        assert np.array_equal(one.rows.y, two.rows.y)
    middle = table.copy()
    begin = len(plain.rows.positions(1)) * 2 // 3 + 8  # inside the last validation block
    middle.loc[begin:, ["load", "noise"]] *= 1e6
    last, moved = plain.prepared.folds[-1], forecast_job(middle).prepared.folds[-1]
    assert np.array_equal(last.rows.x[: last.train], moved.rows.x[: last.train])
    assert not np.array_equal(last.rows.x, moved.rows.x)


def test_validation_sequences_do_not_move_the_scale() -> None:
    """Each fold scales by the steps of its training sequences: mean 0 and variance 1 there, not elsewhere."""
    job = prepare_table(sensors(), TableStudy("label", arms=ARMS, seeds=1, folds=2, series=Sequences("id", "t")))
    for fold in job.prepared.folds:
        x = np.asarray(fold.rows.x)
        train, validation = x[: fold.train], x[fold.cuts[-1] :]
        steps = train[train[:, :, -1] == 1][:, 0]
        assert abs(steps.mean()) < 1e-6
        assert steps.std() == pytest.approx(1, abs=1e-6)
        assert abs(validation[validation[:, :, -1] == 1][:, 0].mean()) > 1e-3


def test_planted_scale_of_validation_sequences_is_not_found() -> None:
    """Levels that tell the label only relative to other sequences of the fold do not help a model fitted before."""
    table = sensors(40)
    draw = np.random.default_rng(0)
    table["a"] = draw.normal(size=len(table))
    job = prepare_table(
        table.drop(columns="kind"), TableStudy("label", arms=ARMS, seeds=1, folds=2, series=Sequences("id", "t"))
    )
    fold = job.prepared.folds[0]
    x, y = np.asarray(fold.rows.x)[:, :, 0], np.asarray(fold.rows.y).ravel()
    model = LinearRegression().fit(x[: fold.train, :3], y[: fold.train])
    right = ((model.predict(x[fold.cuts[-1] :, :3]) > 0.5) == y[fold.cuts[-1] :]).mean()
    assert right < 0.8
