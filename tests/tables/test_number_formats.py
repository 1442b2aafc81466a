"""Numbers as people write them: read in one way for a whole table, from training to prediction."""

import json

import numpy as np
import pandas as pd
import pytest

import bridle
from bridle._errors import InputError
from bridle.tables import Preparation, find_problem, read_file, read_table
from bridle.tables._layout import Layout, find_layout
from bridle.tables._table import table_of
from bridle.tuning import TableStudy, load_applied, prepare_table


def write(folder, content, name="table.csv"):
    """Write text to a file."""
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


CELLS = {
    "decimal comma": (["20,5", "19,25"], [20.5, 19.25]),
    "decimal comma below one": (["0,125", "0,250"], [0.125, 0.25]),
    "points group": (["4.123,45", "1.006,00"], [4123.45, 1006.0]),
    "points group only": (["1.234.567", "2.000.000"], [1234567, 2000000]),
    "commas group": (["4,074.99", "12.5"], [4074.99, 12.5]),
    "commas group as in India": (["12,34,567.5", "1,000.5"], [1234567.5, 1000.5]),
    "dollars": (["$1,006", "$163.57"], [1006, 163.57]),
    "euros after": (["163,57 €", "1.006,00 €"], [163.57, 1006]),
    "codes of currencies": (["USD 5.5", "USD 12.25"], [5.5, 12.25]),
    "negative": (["-$5.5", "$-3.25", "($1,000.5)", "−2.5"], [-5.5, -3.25, -1000.5, -2.5]),
    "percent": (["40.7%", "3 %"], [40.7, 3]),
    "spaces": (["1 234,5", "12\u00a0345,5", "1\u202f000,5"], [1234.5, 12345.5, 1000.5]),
    "apostrophes": (["1'234.5", "12’345.5"], [1234.5, 12345.5]),
}


@pytest.mark.parametrize(("cells", "values"), CELLS.values(), ids=CELLS)
def test_a_person_writes_numbers_in_any_format(tmp_path, cells, values):
    """From a file, from a data frame, and in new rows."""
    body = "".join(f"a;{cell}\n" for cell in cells)
    read = read_file(write(tmp_path, "kind;x\n" + body))
    assert read.rows["x"].tolist() == values
    frame = table_of(pd.DataFrame({"kind": "a", "x": cells}))
    assert frame.rows["x"].tolist() == values
    layout = find_layout(read.rows.assign(z=np.arange(len(cells)) / 7), None, read.formats)
    layout = Layout.from_json(json.loads(json.dumps(layout.to_json())))
    again = read_table(write(tmp_path, "x;z\n" + "".join(f"{cell};0.5\n" for cell in cells)), like=layout)
    column = next(column for column in layout.columns if column.name == "x")
    assert [column.format.read(cell) for cell in again["x"]] == values


def test_the_other_columns_show_what_a_comma_means(tmp_path):
    """Three digits after a comma leave it open; other columns, the separator, or the person decide."""
    comma = read_file(write(tmp_path, "a\tb\n20,038\t1,5\n19,456\t2,5\n"))
    assert comma.rows["a"].tolist() == [20.038, 19.456]
    point = read_file(write(tmp_path, "a\tb\n20,038\t1.5\n19,456\t2.5\n"))
    assert point.rows["a"].tolist() == [20038, 19456]
    assert read_file(write(tmp_path, "a;b\n20,038;1\n19,456;2\n")).rows["a"].tolist() == [20.038, 19.456]
    bare = read_file(write(tmp_path, 'a,b\n"20,038",1\n"19,456",2\n'))
    assert bare.rows["a"].tolist() == [20038, 19456]
    assert bare.notes == (
        "`a`: '20,038' is read as 20038, since no other column shows the decimal sign; "
        "--decimal , (decimal=',') changes that.",
    )
    said = read_file(write(tmp_path, 'a,b\n"20,038",1\n"19,456",2\n'), decimal=",")
    assert said.rows["a"].tolist() == [20.038, 19.456]


def test_points_group_thousands_where_the_other_columns_have_commas(tmp_path):
    """`1.234` is 1234 beside `4,5`, and 1.234 everywhere else, also between semicolons."""
    assert read_table(write(tmp_path, "a;b\n1.234;4,5\n5.678;2,5\n"))["a"].tolist() == [1234, 5678]
    assert read_table(write(tmp_path, "a;b\n1.234;4\n5.678;2\n"))["a"].tolist() == [1.234, 5.678]


def test_a_column_of_numbers_is_never_dropped_in_silence():
    """Two decimal signs or two units in a column are refused, as a slip in one cell is."""
    draw = np.random.default_rng(0).integers(100, 999, 60)
    signs = [f"{number}{'.,'[place % 2]}5" for place, number in enumerate(draw)]
    units = [f"{'$€'[place % 2]}{number}.5" for place, number in enumerate(draw)]
    for cells in (signs, units):
        with pytest.raises(InputError, match=r"one format and unit in column 'x', got '.*row 1 "):
            find_layout(table_of(pd.DataFrame({"x": cells, "z": 1.5})).rows)
    slip = pd.DataFrame({"x": [f"${number}.5" for number in draw] + ["free"], "z": 1.5})
    with pytest.raises(InputError, match="numbers in column 'x', as 60 of 61 cells hold, got 'free' in row 60"):
        find_layout(slip)
    few = find_layout(pd.DataFrame({"x": ["1", "2", "3", "n/k"] * 5, "z": np.arange(20) / 7}))
    assert few.sentences()[0] == "`x`: text, 4 categories (3 of them are numbers; for a number, leave 'n/k' empty)"


def test_a_price_is_a_number_as_target(tmp_path):
    """`$1,006` is no class."""
    draw = np.random.default_rng(0).integers(900, 3000, 50)
    rows = "".join(f'"${number:,}",{number % 7}.5\n' for number in draw)
    problem = find_problem(read_table(write(tmp_path, "price,x\n" + rows)), "price")
    assert problem.task == "regression"
    mixed = pd.DataFrame({"price": [f"{'$€'[n % 2]}{n}" for n in range(50)], "x": range(50)})
    with pytest.raises(InputError, match="look like numbers: write all with one decimal sign and unit"):
        find_problem(mixed, "price")


def test_new_rows_are_read_as_the_training_rows(tmp_path):
    """A study of decimal commas equals that of the same numbers, and so does each prediction, also after saving."""
    draw = np.random.default_rng(0)
    plain = pd.DataFrame({"x": draw.normal(0, 9, 60).round(3), "price": draw.uniform(900, 5000, 60).round(2)})
    plain["y"] = np.where(plain["x"] + draw.normal(size=60) > 0, "up", "down")
    written = plain.assign(
        x=[f"{x:.3f}".replace(".", ",") for x in plain["x"]], price=[f"${p:,.2f}" for p in plain["price"]]
    )
    options = {"seeds": 1, "folds": 2, "epochs": 3, "arms": {"L2": {"*/kernel": "l2(1e-3)"}}}
    job = prepare_table(written, TableStudy("y", **options))
    assert np.array_equal(job.rows["x"], prepare_table(plain, TableStudy("y", **options)).rows["x"])
    assert [note for note in job.notes if "'$" in note]
    answer = bridle.tune(written, "y", progress=False, **options)
    expected = bridle.tune(plain, "y", progress=False, **options).applied().predict(plain)
    answer.save(tmp_path)
    assert load_applied(tmp_path).predict(written).equals(expected)
    one = written.iloc[[3]]
    assert load_applied(tmp_path).predict(one)["p(up)"].iloc[0] == pytest.approx(expected["p(up)"][3], abs=1e-6)


def test_a_new_file_in_another_format_is_refused():
    """A separator that is not one of thousands in the training rows can be a decimal comma."""
    table = pd.DataFrame({"x": np.arange(20) / 7, "y": list("ab") * 10})
    preparation = Preparation(find_layout(table, "y")).fit(table)
    with pytest.raises(InputError, match="Expected numbers in column 'x', got '20,038' in row 0"):
        preparation.transform(pd.DataFrame({"x": ["20,038"]}))
    assert preparation.transform(pd.DataFrame({"x": ["1,234.5"]})) == preparation.transform(
        pd.DataFrame({"x": [1234.5]})
    )


def test_text_of_digits_in_a_data_frame():
    """It is numbers, unless it begins as codes do, is a category column, or a target of few values."""
    digits = [str(number) for number in range(1, 41)]
    frame = pd.DataFrame({"a": digits, "code": [f"{n:03d}" for n in range(40)], "y": list("12") * 20})
    frame["kept"] = pd.Categorical(["1", "2", "3", "4"] * 10)
    read = table_of(frame, "y")
    assert read.rows["a"].tolist() == list(range(1, 41))
    assert read.rows["code"][7] == "007"
    assert read.rows["y"].tolist() == list("12") * 20
    assert list(read.rows["kept"].cat.categories) == list("1234")
    assert read.notes == ("`a`: text of numbers, read as numbers; to keep it as text: astype('category').",)
