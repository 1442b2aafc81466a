"""The preparation of a table: nothing is learned from rows outside the training rows."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from tests.tables._tables import pets, rare

from bridle._errors import InputError, KindError
from bridle.tables._layout import find_layout
from bridle.tables._preparation import Preparation
from bridle.tables._read import read_table


def fitted(table, rows=slice(None)):
    """A preparation with the layout of the whole table, fitted on some rows."""
    return Preparation(find_layout(table, "price")).fit(table.iloc[rows])


def test_rare_categories_share_a_feature():
    """One that is merged turns on the last feature; an unknown one and a missing cell turn on none."""
    table = rare()
    preparation = Preparation(find_layout(table)).fit(table)
    new = preparation.transform(pd.DataFrame({"a": ["c00", "c35", "zz", None], "x": [0, 0, 0, 0]}))[:, :31]
    assert np.argwhere(new).tolist() == [[0, 0], [1, 30]]


@pytest.mark.parametrize("others", [2, 30, 40])
def test_cells_that_read_other_or_missing(others):
    """Cells that hold bridle's own words for a category fall into it, and what is saved can be read again."""
    labels = ["(other)", "(missing)", None, *(f"c{number:02d}" for number in range(others))] * 2
    preparation = Preparation(find_layout(pd.DataFrame({"a": labels}))).fit(pd.DataFrame({"a": labels}))
    again = Preparation.from_json(json.loads(json.dumps(preparation.to_json())))
    rows = pd.DataFrame(again.transform(pd.DataFrame({"a": labels})), columns=again.get_feature_names_out())
    assert rows.shape == (len(labels), min(others + 1, 31) + 1)
    assert rows["a=(other)"][0] == rows["a=(missing)"][1] == rows["a=(missing)"][2] == 1
    assert (rows.sum(axis=1) == 1).all()


def test_it_equals_scikit_learn_fitted_on_the_training_rows():
    """Median, mean, sd and one-hot agree with the classes that write them, on rows that were not fitted."""
    table = pets()
    numbers, texts = ["kg", "age"], ["kind", "town", "tame"]
    filled = table.assign(**table[texts].astype(object).fillna("(missing)").astype(str))
    preparation = fitted(table, slice(40))
    categories = [column.categories for column in preparation.layout.columns if column.kind == "text"]
    expected = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (OneHotEncoder(categories=categories, handle_unknown="ignore", sparse_output=False), texts),
    ).fit(filled[:40])
    ours = pd.DataFrame(preparation.transform(table), columns=preparation.get_feature_names_out())
    np.testing.assert_array_equal(ours.pop("kg (missing)"), table["kg"].isna())
    np.testing.assert_array_equal(ours[["kg", "age", *ours.columns[2:]]], expected.transform(filled).astype(np.float32))


def test_every_fold_has_the_width_of_the_layout():
    """A category, a missing cell or a number that the training rows do not show is 0 in every row."""
    late, flat = [None] * 4 + [7e6, 9e6], [2, 2, 2, 2, 3, 9]
    table = pd.DataFrame({"a": list("xxxxxy"), "b": [1, 2, 3, 4, 5.0, None], "c": late, "d": flat})
    preparation = Preparation(find_layout(table)).fit(table[:4])
    features = pd.DataFrame(preparation.transform(table), columns=preparation.get_feature_names_out())
    assert features.shape == (6, len(preparation.layout.features))
    assert features.dtypes.unique().tolist() == [np.float32]
    assert features["a=x"].tolist() == [1, 1, 1, 1, 1, 0]
    for name in ("a=y", "b (missing)", "c"):
        assert not features[name].any()
    assert features["d"].tolist() == [0, 0, 0, 0, 1, 7]
    assert preparation.unknown_counts(table) == {"a": {"y": 1}}


@pytest.mark.parametrize("fold", range(5))
def test_nothing_is_learned_from_the_validation_rows(fold):
    """Whatever the validation rows hold, what is learned and the training matrix stay bit for bit the same."""
    table = pets(seed=fold)
    train, held = list(KFold(5, shuffle=True, random_state=fold).split(table))[fold]
    preparation = Preparation(find_layout(table, "price"))
    before = clone(preparation).fit(table.iloc[train])
    wild = table.copy()
    wild.loc[held, "kg"] = 1e30
    wild.loc[held, "age"] = np.nan
    wild.loc[held, "kind"] = "gnu"
    wild.loc[held, "town"] = None
    wild.loc[held, "tame"] = ~wild.loc[held, "tame"]
    after = clone(preparation).fit(wild.iloc[train])
    assert before.learned_ == after.learned_
    np.testing.assert_array_equal(before.transform(table.iloc[train]), after.transform(wild.iloc[train]))
    np.testing.assert_array_equal(before.transform(table)[train], before.transform(table.iloc[train]))
    other = Preparation(preparation.layout).fit(wild)
    assert other.learned_ != before.learned_
    rebuilt = Preparation(find_layout(wild, "price")).fit(wild.iloc[train])
    kg = [rebuilt.transform(wild.iloc[train])[:, 0], before.transform(table.iloc[train])[:, 0]]
    np.testing.assert_array_equal(*kg)


def test_a_json_round_trip_transforms_bit_for_bit():
    """Through text and back, on rows with unknown categories and missing cells; the text is strict JSON."""
    table = pets()
    preparation = fitted(table, slice(0, 40))
    text = json.dumps(preparation.to_json(), allow_nan=False)
    again = Preparation.from_json(json.loads(text))
    new = pets(seed=3).assign(kind="gnu", more=1)
    assert (again.layout, again.learned_) == (preparation.layout, preparation.learned_)
    assert again.transform(new).tobytes() == preparation.transform(new).tobytes()
    assert json.dumps(again.to_json()) == text


def test_the_index_and_the_types_of_new_rows_do_not_matter(tmp_path):
    """Rows written to a file and read again, in another order of columns, give the same matrix."""
    table = pets()
    preparation = fitted(table)
    table.iloc[::-1, ::-1].to_csv(tmp_path / "new.csv", index=False)
    new = read_table(tmp_path / "new.csv", text=preparation.layout.text_columns)
    np.testing.assert_array_equal(preparation.transform(new)[::-1], preparation.transform(table))
    nullable = table.convert_dtypes()
    np.testing.assert_array_equal(preparation.transform(nullable), preparation.transform(table))
    assert find_layout(nullable, "price") == preparation.layout
    strange = preparation.transform(table.set_axis([f"r{number}" for number in range(60)]))
    np.testing.assert_array_equal(strange, preparation.transform(table))


@pytest.mark.parametrize("used", [["kg", "age"], ["kind"], ["tame", "kg"]])
def test_tables_of_one_kind(used):
    """Numbers alone and text alone."""
    table = pets()[used]
    preparation = Preparation(find_layout(table)).fit(table)
    assert preparation.transform(table).shape == (60, len(preparation.get_feature_names_out()))
    assert Preparation.from_json(preparation.to_json()).learned_ == preparation.learned_


def test_scikit_learn_can_use_it():
    """Clone, parameters, fit_transform, a pipeline, and an error before fitting."""
    table = pets()
    preparation = Preparation(find_layout(table, "price"))
    assert clone(preparation).get_params() == {"layout": preparation.layout}
    expected = fitted(table).transform(table)
    np.testing.assert_array_equal(make_pipeline(preparation).fit_transform(table, table["price"]), expected)
    with pytest.raises(NotFittedError):
        clone(preparation).transform(table)


BAD_ROWS = {
    "missing column": (lambda t: t.rename(columns={"kg": "kgs"}), r"the column 'kg' in the table.*Nearest: 'kgs'"),
    "text in numbers": (lambda t: t.assign(kg=["1", "2", "heavy"] * 20), "'kg', got 'heavy' in row 2 "),
    "infinite": (lambda t: t.assign(age=np.inf), "finite numbers .* in column 'age', got inf in row 0 "),
    "too large": (lambda t: t.assign(age=t["age"].where(t.index != 2, 1e60)), r"'age', got 1e\+60 in row 2 "),
    "two of a name": (lambda t: pd.concat([t, t[["kg"]]], axis=1), "one column 'kg' in the table, got 2"),
}


@pytest.mark.parametrize(("change", "sentence"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_bad_new_rows_get_a_sentence(change, sentence):
    """The message names the column, the row, the expected and the actual value."""
    with pytest.raises(InputError, match=sentence):
        fitted(pets()).transform(change(pets()))


def test_bad_tables_get_a_sentence():
    """No frame, and no rows."""
    with pytest.raises(KindError, match="Expected a pandas DataFrame, got ndarray"):
        fitted(pets()).transform(np.zeros((2, 2)))
    with pytest.raises(InputError, match="at least one training row"):
        Preparation(find_layout(pets(), "price")).fit(pets()[:0])


def test_no_rows_to_transform():
    """An empty table gives an empty matrix of the same width."""
    assert fitted(pets()).transform(pets()[:0]).shape == (0, 11)


def damaged(path, value):
    """A saved preparation with the entry at `path` replaced."""
    content = json.loads(json.dumps(fitted(pets()).to_json()))
    place = content
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return content


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["format"], "bridle preparation 9"), (["layout"], []), (["learned"], None), (["more"], 1),
        (["learned", "medians"], [1.0]), (["learned", "means"], [float("nan"), 0.0]),
        (["learned", "means"], [True, 0.0]), (["learned", "medians"], [10**400, 0]),
        (["learned", "scales"], [0.0, 1.0]), (["learned", "scales"], ["1", 1.0]),
        (["learned", "seen"], [1] * 11), (["learned", "seen"], [True]),
        (["layout", "columns"], []), (["layout", "columns"], [3]), (["layout", "rows"], -1),
        (["layout", "left_out"], [["id"]]), (["layout", "columns", 0, "kind"], "date"),
        (["layout", "columns", 1, "name"], "kg"), (["layout", "columns", 0, "missing"], 1.5),
        (["layout", "columns", 0, "categories"], ["a"]), (["layout", "columns", 2, "categories"], []),
        (["layout", "columns", 2, "merged"], ["z"]), (["layout", "columns", 2, "categories"], ["a", "a"]),
    ],
)  # fmt: skip
def test_a_damaged_preparation_gets_a_sentence(path, value):
    """Each entry is checked on reading."""
    with pytest.raises(InputError, match=r"(?s)Expected .*run `bridle tune` again"):
        Preparation.from_json(damaged(path, value))
