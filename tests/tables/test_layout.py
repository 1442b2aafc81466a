"""The layout of a table: which features it gives, the same in every fold."""

import json

import pytest
from tests.tables._tables import pets, rare

from bridle._errors import InputError
from bridle.tables._layout import Column, Layout, find_layout


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


def test_rare_categories_are_merged():
    """The 30 most frequent keep a feature of their own."""
    layout = find_layout(rare())
    assert layout.columns[0].categories == (*(f"c{number:02d}" for number in range(30)), "(other)")
    assert layout.columns[0].merged == tuple(f"c{number}" for number in range(30, 40))
    assert layout.sentences()[0] == "`a`: text, the 30 most frequent of 40 categories, the others as one"


def test_nothing_to_predict_from_gets_a_sentence():
    """It says why each column was left out."""
    with pytest.raises(InputError, match=r"at least one column to predict from.*'id': named"):
        find_layout(pets()[["id", "price"]], "price")


def test_a_layout_round_trip():
    """A layout alone can be saved too."""
    text = Column("a", "text", 1, ("x", "(other)", "(missing)"), ("y",))
    layout = Layout((text, Column("b", "number", 0)), (("id", "every value differs"),), 3)
    assert Layout.from_json(json.loads(json.dumps(layout.to_json()))) == layout


def test_many_columns_are_one_line():
    """Counted by kind; few of those left out are named."""
    numbers = tuple(Column(f"g{i}", "number", i % 2) for i in range(200))
    texts = tuple(Column(name, "text", 0, ("a", "b")) for name in "xyz")
    assert Layout(numbers + texts, (("id", "numbers its rows"),), 9).summary() == (
        "200 number columns (100 with missing cells), 3 text columns; left out: id"
    )
    many = tuple((f"u{i}", "constant") for i in range(9))
    assert Layout(texts[:1], many, 9).summary() == "1 text column; left out: u0, u1, u2, u3, u4 and 4 more"
