"""The preprocessing of a table: one layout for all folds, and nothing learned from rows outside the training rows."""

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

from bridle._errors import InputError, KindError
from bridle.estimators._recipe import Column, Layout, Recipe, find_layout
from bridle.estimators._table import read_table


def pets(rows=60, seed=0):
    """A table with every kind of column: used ones first, then those that must be left out, then the target."""
    draw = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "kg": draw.normal(4, 2, rows),
            "age": draw.integers(0, 15, rows).astype(float),
            "kind": draw.choice(["cat", "dog", "eel"], rows),
            "town": draw.choice(["Bern", "Graz", None], rows),
            "tame": draw.random(rows) < 0.5,
            "id": np.arange(rows),
            "chip": [f"c{number:03d}" for number in range(rows)],
            "empty": [None] * rows,
            "same": ["x"] * rows,
            "born": pd.date_range("2020-01-01", periods=rows).strftime("%Y-%m-%d"),
            "sold": pd.date_range("2020-01-01", periods=rows),
            "price": draw.normal(size=rows),
        }
    )
    table.loc[draw.choice(rows, 9, replace=False), "kg"] = np.nan
    return table


def fitted(table, rows=slice(None)):
    """A recipe with the layout of the whole table, fitted on some rows."""
    return Recipe(find_layout(table, "price")).fit(table.iloc[rows])


def test_the_layout_and_its_sentences():
    """Each column is used or left out with a reason, and a person can read which."""
    layout = find_layout(pets(), "price")
    town = int(pets()["town"].isna().sum())
    assert layout.features == (
        "kg", "kg (missing)", "age", "kind=cat", "kind=dog", "kind=eel",
        "town=Bern", "town=Graz", "town=(missing)", "tame=False", "tame=True",
    )  # fmt: skip
    assert layout.text_columns == ("kind", "town", "tame")
    assert layout.sentences() == [
        "`kg`: 9 of 60 missing, median of the training rows put in, with an indicator column",
        "`age`: number",
        "`kind`: text, 3 categories",
        f"`town`: text, 2 categories, {town} of 60 missing, a category of their own",
        "`tame`: text, 2 categories",
        "`id`: left out, named like a row number or an id",
        "`chip`: left out, every value differs",
        "`empty`: left out, entirely missing",
        "`same`: left out, the same value 'x' in every row",
        "`born`: left out, dates are not used; add year, month or weekday as a column of its own",
        "`sold`: left out, dates are not used; add year, month or weekday as a column of its own",
    ]


@pytest.mark.parametrize(
    ("name", "values", "left_out"),
    [
        ("id", [3, 1, 3, 2], True),
        ("Row_ID", list("abab"), True),
        ("Unnamed: 0", [5.0, 3.0, 4.0, 9.0], True),
        ("index", [0.5, 1.5, 2.5, 0.1], False),
        ("customer_id", [911, 17, 455, 3], True),
        ("PassengerId", [911, 17, 455, 3], True),
        ("customer_id", [911, 17, 455, 17], False),
        ("grid", [911, 17, 455, 3], False),
        ("counter", [10, 11, 12, 13], True),
        ("counter", [13, 12, 11, 10], True),
        ("counter", [10, 11, 13, 14], True),
        ("counter", [10, 11, None, 14], False),
        ("year", [1950, 1990, 2000, 2010], False),
        ("age", [10, 12, 11, 13], False),
        ("name", list("abcd"), True),
        ("name", [f"n{i}" for i in range(19)] + ["n0"], True),
        ("name", [f"n{i}" for i in range(17)] + ["n0"] * 3, False),
        ("name", list("abca"), False),
        ("seen", ["1.2.2020", "11.12.2021", None, "3/4/99"], True),
        ("seen", ["2020-01-01 10:30", "2020-01-01T10:30:00Z", None, "2020-1-2"], True),
        ("flag", ["yes", None, None, None], False),
    ],
)
def test_which_columns_are_left_out(name, values, left_out):
    """Each side of the rules for ids and dates."""
    table = pd.DataFrame({name: values, "x": np.linspace(0, 1, len(values))})
    assert (name not in [column.name for column in find_layout(table).columns]) == left_out


def test_a_row_counter_is_seen_in_a_random_part_of_a_table():
    """Development rows are a shuffled part of the file; the table's index gives their order back."""
    table = pd.DataFrame({"number": np.arange(100, 200), "x": np.random.default_rng(0).normal(size=100)})
    assert find_layout(table.sample(frac=0.7, random_state=1)).left_out[0][0] == "number"


def test_rare_categories_are_merged():
    """Beyond the 30 most frequent they share a feature; an unknown one has none."""
    labels = [f"c{number:02d}" for number in range(40) for _ in range(2 + (number < 30))]
    table = pd.DataFrame({"a": labels, "x": np.linspace(0, 1, len(labels))})
    layout = find_layout(table)
    assert layout.columns[0].categories == (*(f"c{number:02d}" for number in range(30)), "(other)")
    assert layout.columns[0].merged == tuple(f"c{number}" for number in range(30, 40))
    assert layout.sentences()[0] == "`a`: text, the 30 most frequent of 40 categories, the others as one"
    recipe = Recipe(layout).fit(table)
    new = recipe.transform(pd.DataFrame({"a": ["c00", "c35", "zz", None], "x": [0, 0, 0, 0]}))[:, :31]
    assert np.argwhere(new).tolist() == [[0, 0], [1, 30]]


@pytest.mark.parametrize("others", [2, 30, 40])
def test_cells_that_read_other_or_missing(others):
    """Cells that hold bridle's own words for a category fall into it, and what is saved can be read again."""
    labels = ["(other)", "(missing)", None, *(f"c{number:02d}" for number in range(others))] * 2
    recipe = Recipe(find_layout(pd.DataFrame({"a": labels}))).fit(pd.DataFrame({"a": labels}))
    again = Recipe.from_json(json.loads(json.dumps(recipe.to_json())))
    rows = pd.DataFrame(again.transform(pd.DataFrame({"a": labels})), columns=again.get_feature_names_out())
    assert rows.shape == (len(labels), min(others + 1, 31) + 1)
    assert rows["a=(other)"][0] == rows["a=(missing)"][1] == rows["a=(missing)"][2] == 1
    assert (rows.sum(axis=1) == 1).all()


def test_it_equals_scikit_learn_fitted_on_the_training_rows():
    """Median, mean, sd and one-hot agree with the classes that write them, on rows that were not fitted."""
    table = pets()
    numbers, texts = ["kg", "age"], ["kind", "town", "tame"]
    filled = table.assign(**table[texts].astype(object).fillna("(missing)").astype(str))
    recipe = fitted(table, slice(40))
    categories = [column.categories for column in recipe.layout.columns if column.kind == "text"]
    expected = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (OneHotEncoder(categories=categories, handle_unknown="ignore", sparse_output=False), texts),
    ).fit(filled[:40])
    ours = pd.DataFrame(recipe.transform(table), columns=recipe.get_feature_names_out())
    np.testing.assert_array_equal(ours.pop("kg (missing)"), table["kg"].isna())
    np.testing.assert_array_equal(ours[["kg", "age", *ours.columns[2:]]], expected.transform(filled).astype(np.float32))


def test_every_fold_has_the_width_of_the_layout():
    """A category, a missing cell or a number that the training rows do not show is 0 in every row."""
    late, flat = [None] * 4 + [7e6, 9e6], [2, 2, 2, 2, 3, 9]
    table = pd.DataFrame({"a": list("xxxxxy"), "b": [1, 2, 3, 4, 5.0, None], "c": late, "d": flat})
    recipe = Recipe(find_layout(table)).fit(table[:4])
    features = pd.DataFrame(recipe.transform(table), columns=recipe.get_feature_names_out())
    assert features.shape == (6, len(recipe.layout.features))
    assert features.dtypes.unique().tolist() == [np.float32]
    assert features["a=x"].tolist() == [1, 1, 1, 1, 1, 0]
    for name in ("a=y", "b (missing)", "c"):
        assert not features[name].any()
    assert features["d"].tolist() == [0, 0, 0, 0, 1, 7]
    assert recipe.unknown_counts(table) == {"a": {"y": 1}}


@pytest.mark.parametrize("fold", range(5))
def test_nothing_is_learned_from_the_validation_rows(fold):
    """Whatever the validation rows hold, what is learned and the training matrix stay bit for bit the same."""
    table = pets(seed=fold)
    train, held = list(KFold(5, shuffle=True, random_state=fold).split(table))[fold]
    recipe = Recipe(find_layout(table, "price"))
    before = clone(recipe).fit(table.iloc[train])
    wild = table.copy()
    wild.loc[held, "kg"] = 1e30
    wild.loc[held, "age"] = np.nan
    wild.loc[held, "kind"] = "gnu"
    wild.loc[held, "town"] = None
    wild.loc[held, "tame"] = ~wild.loc[held, "tame"]
    after = clone(recipe).fit(wild.iloc[train])
    assert before.learned_ == after.learned_
    np.testing.assert_array_equal(before.transform(table.iloc[train]), after.transform(wild.iloc[train]))
    np.testing.assert_array_equal(before.transform(table)[train], before.transform(table.iloc[train]))
    other = Recipe(recipe.layout).fit(wild)
    assert other.learned_ != before.learned_
    rebuilt = Recipe(find_layout(wild, "price")).fit(wild.iloc[train])
    kg = [rebuilt.transform(wild.iloc[train])[:, 0], before.transform(table.iloc[train])[:, 0]]
    np.testing.assert_array_equal(*kg)


def test_a_json_round_trip_transforms_bit_for_bit():
    """Through text and back, on rows with unknown categories and missing cells; the text is strict JSON."""
    table = pets()
    recipe = fitted(table, slice(0, 40))
    text = json.dumps(recipe.to_json(), allow_nan=False)
    again = Recipe.from_json(json.loads(text))
    new = pets(seed=3).assign(kind="gnu", more=1)
    assert (again.layout, again.learned_) == (recipe.layout, recipe.learned_)
    assert again.transform(new).tobytes() == recipe.transform(new).tobytes()
    assert json.dumps(again.to_json()) == text


def test_the_index_and_the_types_of_new_rows_do_not_matter(tmp_path):
    """Rows written to a file and read again, in another order of columns, give the same matrix."""
    table = pets()
    recipe = fitted(table)
    table.iloc[::-1, ::-1].to_csv(tmp_path / "new.csv", index=False)
    new = read_table(tmp_path / "new.csv", text=recipe.layout.text_columns)
    np.testing.assert_array_equal(recipe.transform(new)[::-1], recipe.transform(table))
    nullable = table.convert_dtypes()
    np.testing.assert_array_equal(recipe.transform(nullable), recipe.transform(table))
    assert find_layout(nullable, "price") == recipe.layout
    strange = recipe.transform(table.set_axis([f"r{number}" for number in range(60)]))
    np.testing.assert_array_equal(strange, recipe.transform(table))


@pytest.mark.parametrize("used", [["kg", "age"], ["kind"], ["tame", "kg"]])
def test_tables_of_one_kind(used):
    """Numbers alone and text alone."""
    table = pets()[used]
    recipe = Recipe(find_layout(table)).fit(table)
    assert recipe.transform(table).shape == (60, len(recipe.get_feature_names_out()))
    assert Recipe.from_json(recipe.to_json()).learned_ == recipe.learned_


def test_scikit_learn_can_use_it():
    """Clone, parameters, fit_transform, a pipeline, and an error before fitting."""
    table = pets()
    recipe = Recipe(find_layout(table, "price"))
    assert clone(recipe).get_params() == {"layout": recipe.layout}
    expected = fitted(table).transform(table)
    np.testing.assert_array_equal(make_pipeline(recipe).fit_transform(table, table["price"]), expected)
    with pytest.raises(NotFittedError):
        clone(recipe).transform(table)


BAD_ROWS = {
    "missing column": (lambda t: t.rename(columns={"kg": "kgs"}), r"the column 'kg' in the table.*Nearest: 'kgs'"),
    "text in numbers": (lambda t: t.assign(kg=["1", "2", "heavy"] * 20), "'kg', got 'heavy' in row 2 "),
    "infinite": (lambda t: t.assign(age=np.inf), "finite numbers .* in column 'age', got inf in row 0 "),
    "too large": (lambda t: t.assign(age=t["age"].where(t.index != 2, 1e60)), r"'age', got 1e\+60 in row 2 "),
    "two of a name": (lambda t: pd.concat([t, t[["kg"]]], axis=1), "one column 'kg' in the table, got 2"),
}


@pytest.mark.parametrize(("change", "sentence"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_bad_new_rows_get_a_sentence(change, sentence):
    """What was expected in which column, and what came in which row."""
    with pytest.raises(InputError, match=sentence):
        fitted(pets()).transform(change(pets()))


def test_bad_tables_get_a_sentence():
    """No frame, no rows, nothing to predict from, and a slip in a column of numbers."""
    with pytest.raises(KindError, match="Expected a pandas DataFrame, got ndarray"):
        fitted(pets()).transform(np.zeros((2, 2)))
    with pytest.raises(InputError, match="at least one training row"):
        Recipe(find_layout(pets(), "price")).fit(pets()[:0])
    with pytest.raises(InputError, match=r"at least one column to predict from.*'id': named"):
        find_layout(pets()[["id", "price"]], "price")
    slip = pd.DataFrame({"hp": [*map(str, range(50)), "12O"], "x": 1.5})
    with pytest.raises(InputError, match="numbers in column 'hp', as 50 of 51 cells hold, got '12O' in row 50 "):
        find_layout(slip)


def test_no_rows_to_transform():
    """An empty table gives an empty matrix of the same width."""
    assert fitted(pets()).transform(pets()[:0]).shape == (0, 11)


def damaged(path, value):
    """A saved recipe with the entry at `path` replaced."""
    content = json.loads(json.dumps(fitted(pets()).to_json()))
    place = content
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return content


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["format"], "bridle recipe 9"), (["layout"], []), (["learned"], None), (["more"], 1),
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
def test_a_damaged_recipe_gets_a_sentence(path, value):
    """Each entry is checked on reading."""
    with pytest.raises(InputError, match=r"(?s)Expected .*run `bridle tune` again"):
        Recipe.from_json(damaged(path, value))


def test_a_layout_round_trip():
    """A layout alone can be saved too."""
    text = Column("a", "text", 1, ("x", "(other)", "(missing)"), ("y",))
    layout = Layout((text, Column("b", "number", 0)), (("id", "every value differs"),), 3)
    assert Layout.from_json(json.loads(json.dumps(layout.to_json()))) == layout
