"""Prepared sequences: padding, statistics, and a saved form without pickle."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from tests.sequences._series import hourly, sensors

from bridle._errors import InputError
from bridle.sequences import Forecast, SequencePreparation, Sequences, read_preparation
from bridle.store import fingerprint
from bridle.tables import Preparation, Structure, find_layout

PLAIN = Structure()


def prepared(length: int = 9) -> tuple[SequencePreparation, object]:
    """A preparation of sequences, fitted on 16 of 24, and all sequences."""
    series = Sequences("id", "t")
    cut = series.cut(sensors(), "label", Structure(group="lab"))
    layout = find_layout(cut.x.used_steps())
    preparation = SequencePreparation(layout, length, True, series.cutter(cut, None))
    return preparation.fit(cut.x.iloc[:16]), cut.x


def test_steps_are_prepared_as_rows_of_a_table() -> None:
    """Each step has the numbers of `Preparation` fitted on the training steps, then 1; padding is 0."""
    preparation, rows = prepared()
    x = preparation.transform(rows)
    assert x.shape == (24, *preparation.input_shape) == (24, 9, 4)
    steps = Preparation(preparation.layout).fit(rows.iloc[:16].used_steps()).transform(rows.steps)
    for row, first, last in zip(x, rows.first, rows.last, strict=True):
        assert np.array_equal(row[: last - first, :3], steps[first:last])
        assert (row[: last - first, 3] == 1).all()
        assert not row[last - first :].any()
    assert list(preparation.get_feature_names_out()) == ["a", "kind=x", "kind=y", "(step)"]


def test_long_sequences_keep_their_last_steps() -> None:
    """Of 3 to 9 steps, the last 4."""
    preparation, rows = prepared(4)
    x, full = preparation.transform(rows), prepared()[0].transform(rows)
    for row, whole, length in zip(x, full, rows.lengths, strict=True):
        assert np.array_equal(row[: min(length, 4)], whole[max(length - 4, 0) : length])
    assert "have more than 4 steps" in " ".join(preparation.new_rows(sensors()).notes)


@pytest.mark.parametrize("kind", ["sequences", "windows"])
def test_a_preparation_is_saved_without_pickle(kind: str) -> None:
    """From JSON it transforms bit for bit alike, cut from a table of text cells as from a file."""
    table, target = (sensors(), "label") if kind == "sequences" else (hourly(4).assign(g="a"), "load")
    series = Sequences("id", "t") if kind == "sequences" else Forecast("t", 5, 2)
    group = None if kind == "sequences" else "g"
    cut = series.cut(table, target, Structure(group=group))
    layout = find_layout(cut.x.used_steps(), keep=("load",))
    padded = kind == "sequences"
    preparation = SequencePreparation(layout, 5, padded, series.cutter(cut, group)).fit(cut.x)
    again = read_preparation(json.loads(json.dumps(preparation.to_json())))
    one, two = preparation.new_rows(table), again.new_rows(table.astype(str))
    assert np.array_equal(preparation.transform(one.rows), again.transform(two.rows))
    assert one.names.astype(str).equals(two.names.astype(str))
    assert clone(preparation).get_params()["length"] == 5
    spoiled = preparation.to_json() | {"length": -1}
    with pytest.raises(ValueError, match="length -1"):
        read_preparation(spoiled)


def test_new_windows_reach_beyond_the_table() -> None:
    """One forecast for each complete window; the last is of an hour that the table does not have yet."""
    table = hourly(4)
    cut = Forecast("t", 5, 2).cut(table, "load", PLAIN)
    cutter = Forecast("t", 5, 2).cutter(cut, None)
    new = cutter.cut_new(table[-10:])
    assert len(new.rows) == 6
    assert list(new.names) == ["t"]
    assert new.names["t"].iloc[-1] == "2025-03-07 01:00:00"
    with pytest.raises(InputError, match="at least 5 consecutive steps"):
        cutter.cut_new(table[-4:])
    two = Forecast("t", 5, 2)
    both = pd.concat([table.assign(g=1), table[:3].assign(g=2)])
    new = two.cutter(two.cut(both, "load", Structure(group="g")), "g").cut_new(both)
    assert set(new.names["g"]) == {1}
    assert "1 series have fewer than 5 consecutive steps and no forecast" in new.notes[-1]


def test_a_study_knows_its_rows_again() -> None:
    """The hash follows the cells that rows cover and the cuts, nothing else."""
    cut = Sequences("id", "t").cut(sensors(), "label", PLAIN)
    other = Sequences("id", "t").cut(sensors(), "label", PLAIN)
    assert fingerprint(cut.x) == fingerprint(other.x) != fingerprint(cut.x.iloc[1:])
    other.x.steps.iloc[0, 0] += 1
    assert fingerprint(cut.x) != fingerprint(other.x)
