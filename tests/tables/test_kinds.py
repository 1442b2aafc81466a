"""Dates, many categories and free text: used by rules, learned from training rows, saved and restored."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold

from bridle._errors import InputError
from bridle.tables import LayoutRules, Preparation, find_layout
from bridle.tables._layout import Layout

RULES = LayoutRules(dates=True, encode=True, words=True)
WORDS = ("good", "bad", "film", "actor", "story", "dull", "music")


def reviews(rows: int = 120, seed: int = 0) -> pd.DataFrame:
    """A table with a number, a date with gaps, 40 towns, and free text with gaps."""
    draw = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "length": draw.normal(90, 20, rows),
            "day": pd.date_range("2024-01-03", periods=rows, freq="31h").strftime("%d.%m.%Y %H:%M"),
            "town": [f"town {number % 40}" for number in draw.permutation(rows)],
            "review": [" ".join(draw.choice(WORDS, 6)) for _ in range(rows)],
        }
    ).astype({"day": object, "review": object})
    table.loc[[3, 40], ["day", "review"]] = np.nan
    return table


def test_what_each_kind_becomes():
    """Kinds, features and sentences; without the rules dates and free text are left out, and towns are merged."""
    layout = find_layout(reviews(), rules=RULES)
    assert [column.kind for column in layout.columns] == ["number", "date", "encoded", "words"]
    sizes = [len(column.features) for column in layout.columns]
    assert sizes == [1, 1 + 2 + 1 + 7 + 4 + 1, 2, 50]
    assert layout.features[1:4] == ("day trend", "day season sin", "day season cos")
    assert layout.features[17:20] == ("town mean", "town frequency", "review feature 1")
    assert layout.sentences()[1].startswith("`day`: date, used as trend, season sin, season cos, day of month,")
    assert "2 of 120 missing, median" in layout.sentences()[1]
    assert layout.sentences()[2].startswith("`town`: text of many categories, used as the mean of the target")
    assert layout.sentences()[3].startswith("`review`: free text, up to 50 features from TF-IDF of words")
    assert layout.summary() == "1 number column, 1 date column (1 with missing cells), 1 many-category column, " + (
        "1 free-text column (1 with missing cells)"
    )
    before = find_layout(reviews())
    assert [column.kind for column in before.columns] == ["number", "text"]
    assert dict(before.left_out)["day"].startswith("dates are not used")


def test_dates_that_cannot_be_read_are_left_out_with_the_reason():
    """Day and month that cannot be told apart, and quarters."""
    days, quarters = ["1/2/2026", "3/4/2026", "5/6/2026"], ["Q1 2026", "Q2 2026", "Q2 2026"]
    table = pd.DataFrame({"x": [1.5, 2, 3], "a": days, "b": quarters})
    reasons = dict(find_layout(table, rules=RULES).left_out)
    assert reasons["a"].startswith("dates whose day and month cannot be told apart")
    assert reasons["b"].startswith("dates in a form that is not read")


@pytest.mark.parametrize("fold", range(2))
def test_nothing_is_learned_from_the_validation_rows(fold):
    """Answers planted in their words, categories, dates and targets change no training row, bit for bit."""
    table, y = reviews(), np.random.default_rng(1).normal(size=120)
    train, held = list(KFold(2, shuffle=True, random_state=fold).split(table))[fold]
    wild, wild_y = table.copy(), y.copy()
    wild.loc[held, "review"] = [f"answer number {value:.3f}" for value in y[held]]
    wild.loc[held, "town"] = [f"town of {value:.3f}" for value in y[held]]
    wild.loc[held, "day"] = "31.12.2099 23:59"
    wild_y[held] = 1e6
    layout = find_layout(table, rules=RULES)
    before, after = (
        Preparation(layout).fit(rows.iloc[train], target[train]) for rows, target in ((table, y), (wild, wild_y))
    )
    assert before.to_json() == after.to_json()
    one, two = (
        part.transform_training(rows.iloc[train], target[train])
        for part, rows, target in ((before, table, y), (after, wild, wild_y))
    )
    np.testing.assert_array_equal(one, two)
    everywhere = Preparation(layout).fit(wild, wild_y)
    assert everywhere.to_json() != before.to_json()


def test_a_training_row_does_not_see_its_own_target():
    """Categories of two rows tell nothing: their mean is unrelated to the target, as it is for new rows."""
    draw = np.random.default_rng(0)
    table = pd.DataFrame({"pair": [f"c{number // 2}" for number in range(600)], "x": draw.normal(size=600)})
    y = draw.integers(0, 2, 600)
    preparation = Preparation(find_layout(table, rules=RULES))
    mean = preparation.fit_transform(table, y)[:, 0]
    assert abs(np.corrcoef(mean, y)[0, 1]) < 0.2
    assert np.corrcoef(preparation.transform(table)[:, 0], y)[0, 1] > 0.5  # what training rows would see without it


def test_a_json_round_trip_transforms_bit_for_bit():
    """Through text and back, on new rows with unknown towns and words, and with missing cells."""
    table, y = reviews(), np.arange(120) % 3
    layout = find_layout(table, rules=LayoutRules(dates=True, encode=True, words=True, outputs=3))
    preparation = Preparation(layout).fit(table, y)
    text = json.dumps(preparation.to_json(), allow_nan=False)
    again = Preparation.from_json(json.loads(text))
    new = reviews(seed=5).assign(town=["elsewhere", None] * 60)
    assert again.transform(new).tobytes() == preparation.transform(new).tobytes()
    assert json.dumps(again.to_json()) == text
    assert json.loads(text)["format"] == "bridle preparation 2"
    assert preparation.unknown_counts(new) == {"town": {"elsewhere": 60}}
    assert np.isfinite(preparation.transform(new)).all()


def test_new_rows_with_another_date_get_a_sentence():
    """Column, row and cell are named."""
    table, y = reviews(), np.arange(120.0)
    preparation = Preparation(find_layout(table, rules=RULES)).fit(table, y)
    with pytest.raises(InputError, match=r"dates such as 30\.11\.2026 18:45 in column 'day', got 'soon' in row 2 "):
        preparation.transform(table.assign(day=table.day.where(table.index != 2, "soon")))
    with pytest.raises(InputError, match="Expected the target of each row to encode"):
        Preparation(preparation.layout).fit(table)
    with pytest.raises(InputError, match="Expected one target for each of 120 rows, got 3"):
        Preparation(preparation.layout).fit(table, y[:3])


DAMAGES = [
    (["learned", "columns"], {}), (["learned", "columns", "town"], {}), (["learned", "columns", "town", "counts"], [1]),
    (["learned", "columns", "town", "means", 0], [1.0, 2.0]), (["learned", "columns", "review", "idf"], [1.0]),
    (["learned", "columns", "review", "terms"], ["a", "a"]), (["learned", "columns", "review", "directions"], "?"),
    (["learned", "columns", "review", "directions"], "AAAA"), (["learned", "columns", "review", "directions"], 3),
    (["layout", "columns", 1, "parts"], ["noon"]),
    (["layout", "columns", 1, "parts"], []), (["layout", "columns", 1, "pattern"], "%q"),
    (["layout", "columns", 2, "size"], 0), (["layout", "columns", 3, "size"], 10**9),
]  # fmt: skip


@pytest.fixture(scope="module")
def saved_text() -> str:
    table = reviews()
    return json.dumps(Preparation(find_layout(table, rules=RULES)).fit(table, np.arange(120.0)).to_json())


@pytest.mark.parametrize(("path", "value"), DAMAGES)
def test_a_damaged_preparation_gets_a_sentence(saved_text, path, value):
    """Each entry is checked on reading."""
    content = place = json.loads(saved_text)
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(InputError, match=r"(?s)Expected .*run `bridle tune` again"):
        Preparation.from_json(content)


def test_a_layout_round_trip():
    """All kinds come back, and their identity is in their repr."""
    layout = find_layout(reviews(), rules=RULES)
    assert Layout.from_json(json.loads(json.dumps(layout.to_json()))) == layout
    assert "kind='words'" in repr(layout)
