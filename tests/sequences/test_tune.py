"""Sequences and forecasts from a file to a verdict, a saved model and predictions for new files."""

import keras
import numpy as np
import pandas as pd
import pytest
from tests.sequences._series import hourly, sensors

import bridle
from bridle._errors import InputError
from bridle.sequences import Sequences
from bridle.tables import Structure
from bridle.tuning import TableStudy, load_applied, prepare_table, series_of
from bridle.tuning._network import own_network
from bridle.tuning._series import naive_baselines

LAST = "naive forecast (last value)"
ARMS = {"L2": {"*/kernel": bridle.L2([1e-3])}}


def test_sequences_from_the_command_line(command, tmp_path) -> None:
    """One prediction for each sequence of a new file, in its order; a stopped command goes on."""
    sensors(36).to_csv("sensors.csv", index=False)
    sensors(10, seed=5).drop(columns="label")[::-1].to_csv("new.csv", index=False)
    options = ("--sequence", "id", "--time", "t", "--target", "label", "--group", "lab")
    few = ("--seeds", "1", "--folds", "2", "--epochs", "30", "--penalty", "*/kernel=l2(0.001)", "--out", "answer")
    code, out, err = command("tune", "sensors.csv", *options, *few)
    assert code == 0, err
    assert "2 classes: down, up" in out
    assert "36 sequences of 3 to 9 rows, in the order of `t`" in " ".join(out.split())
    assert "linear model" in out
    code, out, err = command("predict", "answer", "new.csv")
    assert code == 0, err
    lines = [line.split(",") for line in out.splitlines()]
    assert lines[0] == ["id", "label", "p(down)", "p(up)"]
    assert [line[0] for line in lines[1:]] == [f"s{number:02d}" for number in range(9, -1, -1)]
    right = [line[1] == ("up" if int(line[0][1:]) % 2 else "down") for line in lines[1:]]
    assert np.mean(right) >= 0.8
    assert command("resume", "answer")[0] == 0
    page = (tmp_path / "answer" / "report.html").read_text()
    assert "36 sequences" in page


def test_forecasts_in_python(tmp_path) -> None:
    """Naive forecasts stand beside the network; the saved model continues the series."""
    table = hourly(14)
    answer = bridle.tune(
        table, "load", time="t", window=12, horizon=2, arms=ARMS, seeds=1, folds=2, epochs=8, progress=False
    )
    models = answer.result.baselines().set_index("model")
    others = ["constant", "linear model", "gradient boosting"]
    assert list(models.index) == ["network", LAST, "naive forecast (a day ago)", *others]
    assert models.validation[LAST] > models.validation["constant"] + 0.3
    assert models.test.notna().all()
    answer.save(tmp_path)
    forecast = load_applied(tmp_path).predict(table[-30:])
    assert forecast.equals(answer.applied().predict(table[-30:]))
    assert len(forecast) == 19
    assert forecast["t"].iloc[-1] == "2025-03-17 01:00:00"
    truth = table.set_index("t")["load"].reindex(forecast["t"].str[:16]).to_numpy()[:-2]
    assert np.corrcoef(forecast["load"][:-2], truth)[0, 1] > 0.7


def test_the_naive_score_is_that_of_the_forecasts() -> None:
    """R² of the last value on validation rows, computed by hand; with the target scaled in each fold."""
    table = hourly(10)
    job = prepare_table(table, TableStudy("load", arms=ARMS, seeds=1, folds=2, series=series_of(None, "t", 6, 1, 24)))
    naive, season = naive_baselines(job.prepared, **job.fit_baselines.keywords)
    assert [naive.name, season.name] == [LAST, "naive forecast (last season)"]
    load = table["load"].to_numpy()
    origin = job.rows.last - 1
    for score, rows in zip(naive.scores, job.prepared.validation_indices, strict=True):
        truth, value = load[origin[rows] + 1], load[origin[rows]]
        assert score == pytest.approx(1 - ((truth - value) ** 2).sum() / ((truth - truth.mean()) ** 2).sum(), abs=1e-4)


def test_classes_can_be_forecast() -> None:
    """A word as target: naive forecasts repeat the last one, and accuracy is the score."""
    table = hourly(15)
    table["load"] = np.where(table["load"] > 50, "high", "low")
    job = prepare_table(
        table, TableStudy("load", arms=ARMS, seeds=1, folds=2, series=series_of(None, "t", 6, None, None))
    )
    assert job.problem.classes == ("high", "low")
    naive = naive_baselines(job.prepared, **job.fit_baselines.keywords)[0]
    same = (table["load"] == table["load"].shift(1))[6:].mean()
    assert naive.scores.mean() == pytest.approx(same, abs=0.05)


def test_a_model_of_ones_own_takes_steps_and_features() -> None:
    """The function gets (steps, features); a network of another shape is refused."""

    def recurrent(inputs, outputs):
        layers = [keras.layers.Masking(), keras.layers.GRU(4, name="gru"), keras.layers.Dense(outputs, "sigmoid")]
        model = keras.Sequential([keras.Input(inputs), *layers])
        model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
        return model

    assert own_network(recurrent, (9, 4), 1).input_shape == (None, 9, 4)
    study = TableStudy("label", model=lambda inputs, outputs: recurrent((3, 3), outputs), series=Sequences("id", "t"))
    with pytest.raises(InputError, match=r"a model with \(9, 16\) inputs and 1 outputs for this table, got \(3, 3\)"):
        prepare_table(sensors(), study)


def test_options_that_do_not_belong_together() -> None:
    """Each with what to give instead."""
    for options, message in {
        ("id", None, None, None, None): "column of time for sequences",
        (None, None, 3, None, None): "column of time for windows",
        ("id", "t", 3, None, None): "sequences or windows, got both",
        (None, "t", None, 2, None): "a window with horizon",
        (None, "t", None, None, 7): "a window with season",
        ("id", "t", None, 3, None): "no horizon with sequences",
        ("id", "t", None, None, 12): "no season with sequences",
    }.items():
        with pytest.raises(InputError, match=message):
            series_of(*options)
    for table, target, options in (
        (hourly(3), "load", {"window": 3}),
        (sensors(), "label", {"sequence": "id"}),
    ):
        with pytest.raises(InputError, match="held-out share between 0 and 1"):
            bridle.tune(table, target, time="t", test_share=1.0, **options)
    table, groups = sensors(), Structure(group="lab")
    without = table.assign(lab=table["lab"].where(table["id"] != "s00"))
    with pytest.raises(InputError, match="value in every row of the group column 'lab', got nan in row 0"):
        prepare_table(without, TableStudy("label", structure=groups, series=Sequences("id", "t")))


def test_weights_and_groups_of_sequences() -> None:
    """Those of a sequence; sequences of one group stay together."""
    table = sensors().assign(w=lambda frame: frame["id"].str[1:].astype(int) + 1)
    structure = Structure(group="lab", weight="w")
    job = prepare_table(
        table,
        TableStudy("label", arms=ARMS, seeds=1, folds=2, structure=structure, series=Sequences("id", "t")),
    )
    rows = job.prepared.rows
    numbers = pd.Series(rows.x.steps.index[rows.x.first]).map(table["w"])
    assert rows.sample_weight.tolist() == numbers.tolist()
    held_out = {(number - 1) // 2 for number in rows.held_out["test"][2]}
    assert held_out.isdisjoint({(number - 1) // 2 for number in numbers})
