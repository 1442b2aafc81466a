"""New rows read by the layout of a saved preparation."""

import pandas as pd
import pytest

from bridle.tables import Layout, LayoutRules, NumberFormat, Preparation, find_layout, read_file

SUFFIXES = ("csv", "jsonl", "xlsx", "parquet")


def write(frame: pd.DataFrame, folder, suffix: str):
    """Write a table in a format."""
    path = folder / f"new.{suffix}"
    if suffix == "jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        {"csv": frame.to_csv, "xlsx": frame.to_excel, "parquet": frame.to_parquet}[suffix](path, index=False)
    return path


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_cells_are_read_as_in_training(tmp_path, suffix):
    """A number keeps its format, a category of digits its text, and a category `NA` is not missing."""
    rows = pd.DataFrame({"price": [1234.5, 2.0, 3.5, 7.0], "size": ["1.50", "XL"] * 2, "land": ["NA", "DE"] * 2})
    layout = find_layout(rows, None, {"price": NumberFormat(",", ".")})
    new = pd.DataFrame({"price": ["1.234"], "size": ["1.50"], "land": ["NA"]})
    read = read_file(write(new, tmp_path, suffix), like=layout, fewest=1).rows
    preparation = Preparation(layout).fit(rows)
    expected = preparation.transform(rows.iloc[[0]].assign(price=1234.0))
    assert preparation.transform(read).tolist() == expected.tolist()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_word_among_many_categories_is_not_missing(tmp_path, suffix):
    """`NA` among more than 30 countries, in new rows and after the layout was saved and loaded."""
    codes = [f"{first}{second}" for first in "ABCDEFG" for second in "ABCDE"] + ["NA"]
    rows = pd.DataFrame({"land": codes * 2, "price": [1.5, 0.5, 2.5] * 24})
    layout = Layout.from_json(find_layout(rows, None, rules=LayoutRules(encode=True)).to_json())
    assert [column.words for column in layout.columns] == [("NA",), ()]
    new = pd.DataFrame({"land": ["NA", "AB"], "price": [1, 2]})
    assert read_file(write(new, tmp_path, suffix), like=layout, fewest=1).rows["land"].tolist() == ["NA", "AB"]
