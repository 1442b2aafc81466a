"""Tables as they are published: without names, with spaces, codes, several spellings, and odd values."""

import json

import numpy as np
import pandas as pd
import pytest

import bridle
from bridle._errors import InputError
from bridle.tables import find_problem, read_file, read_table
from bridle.tables._header import looks_like_values
from bridle.tables._layout import Layout, find_layout
from bridle.tables._remarks import far_values, remarks
from bridle.tables._table import table_of
from bridle.tuning import TableStudy, load_applied, prepare_study, prepare_table, read_study

PIMA = "6,148,72,35,0,33.6,0.627,50,1\n1,85,66,29,0,26.6,0.351,31,0\n8,183,64,0,0,23.3,0.672,32,1\n"
ADULT = (
    "39, State-gov, 77516, Bachelors, <=50K\n50, Self-emp, 83311, Bachelors, <=50K\n38, Private, 215646, 9th, >50K\n"
    "53, Private, 234721, 11th, <=50K\n28, Private, 338409, Bachelors, <=50K\n37, State-gov, 284582, HS-grad, <=50K\n"
)
OPTIONS = {"seeds": 1, "folds": 2, "epochs": 2, "arms": {"L2": {"*/kernel": "l2(1e-3)"}}}


def write(folder, content, name="table.csv"):
    """Write text to a file."""
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize("content", [PIMA, ADULT, "p,x,s\ne,x,s\np,b,s\ne,b,y\n", "1;2,5;a\n3;4,5;a\n0;1,5;a\n"])
def test_a_file_without_names_is_noticed(tmp_path, content):
    """It is refused with both ways on; with header=False no row is lost."""
    path, rows = write(tmp_path, content), content.count("\n")
    with pytest.raises(InputError, match=r"names of the columns in the first line.*--no-header.*header = false"):
        read_table(path)
    table = read_table(path, header=False)
    assert len(table) == rows
    assert list(table.columns) == [f"column{place}" for place in range(1, table.shape[1] + 1)]
    assert len(read_table(path, header=True)) == rows - 1


@pytest.mark.parametrize(
    ("names", "rows"),
    [
        (["0", "1", "2"], [["1", "5", "9"], ["0", "2", "3"]]),
        (["2001", "2002", "2003"], [["1", "5", "9"], ["0", "2", "3"]]),
        (["400.1", "402.7", "404.9", "label"], [["0.1", "0.5", "0.9", "x"], ["0.4", "0.2", "0.3", "y"]]),
        (["name", "kg"], [["a", "1"], ["b", "2"]]),
        (["kind", "colour"], [["a", "red"], ["b", "blue"], ["a", "red"], ["b", "blue"]]),
        (["name", "motto"], [["a", "carpe"], ["b", "diem"]]),
        (["", "kg"], [["1", "1"], ["2", "2"]]),
    ],
)
def test_names_are_names(names, rows):
    """Names of pandas, years, wavelengths and words are not taken for a row."""
    assert not looks_like_values(names, pd.DataFrame(rows))


def test_a_data_frame_whose_names_are_a_row_is_noticed(tmp_path):
    """Return the frame that pandas reads from such a file, with duplicates renamed."""
    with pytest.raises(InputError, match="header=None"):
        prepare_table(pd.read_csv(write(tmp_path, PIMA)), TableStudy("1", **OPTIONS))


def test_no_header_from_training_to_prediction(tmp_path):
    """New rows need no names either: all columns, or all but the target."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(60, 3)).round(3)
    y = np.where(x[:, 0] > 0, "a", "b")
    file = write(tmp_path, "".join(f"{label},{','.join(map(str, row))}\n" for label, row in zip(y, x, strict=True)))
    answer = bridle.tune(file, "column1", header=False, progress=False, **OPTIONS)
    assert answer.problem.rows == 60
    answer.save(tmp_path / "out")
    applied = load_applied(tmp_path / "out")
    layout = applied.preparation.layout
    whole = applied.predict(read_table(file, like=layout, fewest=1))
    bare = write(tmp_path, "".join(f"{','.join(map(str, row))}\n" for row in x), "bare.csv")
    assert applied.predict(read_table(bare, like=layout, fewest=1)).equals(whole)
    assert applied.predict(read_table(bare, like=layout, fewest=1, header=False)).equals(whole)
    with pytest.raises(InputError, match=r"Expected 4 columns in 'bad\.csv'.* or 3 without the target, got 2"):
        read_table(write(tmp_path, "1,2\n3,4\n", "bad.csv"), like=layout, fewest=1)


def test_a_study_file_says_that_there_is_no_header(tmp_path):
    """`header = false` and `decimal` in [data]; a file of names refuses other kinds."""
    write(tmp_path, PIMA * 12, "pima.csv")
    toml = '[data]\ntable = "pima.csv"\ntarget = "column9"\nheader = false\n[study]\nepochs = 2\nfolds = 2\n'
    job = prepare_study(read_study(write(tmp_path, toml, "study.toml")))
    assert job.problem.rows == 36
    with pytest.raises(InputError, match=r"'\.', ','"):
        read_study(write(tmp_path, toml.replace("header = false", 'decimal = "x"'), "study.toml"))


def test_columns_separated_by_spaces(tmp_path):
    """Any number of spaces and tabs, as in the tables of StatLib and UCI; leading ones count for nothing."""
    content = '  mpg  hp   name\n18.0  130.0\t"chevrolet chevelle"\n 15.0   165.0\t"buick skylark"\n'
    table = read_table(write(tmp_path, content))
    assert list(table.columns) == ["mpg", "hp", "name"]
    assert table["hp"].tolist() == [130, 165]
    assert table["name"].tolist() == ["chevrolet chevelle", "buick skylark"]
    commas = read_table(write(tmp_path, "a b c\n1,5 2,5 3,5\n4,5 5,5 6,5\n"))
    assert commas["c"].tolist() == [3.5, 6.5]
    seeds = read_table(write(tmp_path, "15.26\t14.84\t\t1\n14.88\t14.57\t1\n"), header=False)
    assert seeds["column3"].tolist() == [1, 1]
    text = read_table(write(tmp_path, "city,n\nNew York,1\nLos Angeles,2\n"))
    assert text["city"].tolist() == ["New York", "Los Angeles"]
    names = read_table(write(tmp_path, "home town\nNew York\nLos Angeles\n"), fewest=1)
    assert names["home town"].tolist() == ["New York", "Los Angeles"]


def test_a_country_code_is_no_missing_cell(tmp_path):
    """Namibia stays a class, is a feature, and is known in new rows; `NA` beside words is missing as before."""
    codes = "".join(f"{'DE' if row % 2 else 'NA'},{row % 7}.5,{'FR' if row % 3 else 'NA'}\n" for row in range(40))
    read = read_file(write(tmp_path, "country,x,other\n" + codes))
    problem = find_problem(read.rows, "country")
    assert (problem.classes, problem.missing) == (("DE", "NA"), 0)
    assert "`country`: 'NA' (20 rows) counts as a category like 'DE'" in read.notes[0]
    layout = Layout.from_json(json.loads(json.dumps(find_layout(read.rows, "country").to_json())))
    assert "other=NA" in layout.features
    new = read_table(write(tmp_path, "x,other\n0.5,NA\nNA,\n"), like=layout)
    assert new["other"].tolist()[0] == "NA"
    assert new["other"].isna().tolist() == [False, True]
    assert new["x"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("cells", "missing"),
    [
        (["MALE", "FEMALE", "NA"], 1),
        (["Insomnia", "Sleep Apnea", "None"], 0),
        (["Yes", "No", "NA"], 1),
        (["M", "F", "NA"], 1),
        (["1", "2", "NA"], 1),
        (["ab", "cd", "nan"], 1),
        (["AF", "EU", ""], 1),
    ],
)
def test_which_words_are_missing(tmp_path, cells, missing):
    """Codes of one shape, and `None` among words, are categories."""
    body = "".join(f"{cell},{place % 4}.5\n" for place, cell in enumerate(cells * 5))
    assert read_table(write(tmp_path, "a,x\n" + body))["a"].isna().sum() == 5 * missing


def test_a_lost_class_is_explained():
    """Pandas reads NA as missing; the sentence says how to keep it."""
    with pytest.raises(InputError, match=r"9 other rows have no value.*keep_default_na=False"):
        find_problem(pd.DataFrame({"c": ["DE", None] * 9, "x": range(18)}), "c")


def test_true_in_three_spellings_is_one_class(tmp_path):
    """`TRUE`, `True` and `true`, from a file, a data frame, and in new rows."""
    words = ["TRUE", "True", "true", "FALSE", "False", "false"]
    body = "".join(f"{words[row % 6]},{words[(row + 1) % 6]},{row % 5}.5\n" for row in range(60))
    read = read_file(write(tmp_path, "y,flag,x\n" + body))
    assert find_problem(read.rows, "y").classes == ("False", "True")
    assert "count as True and False" in read.notes[0]
    frame = table_of(pd.DataFrame({"y": words * 3, "x": np.arange(18) / 7}))
    assert sorted(set(frame.rows["y"])) == ["False", "True"]
    mixed = table_of(pd.DataFrame({"y": [True, "TRUE", False, "false"] * 3, "x": np.arange(12) / 7}))
    assert sorted(set(mixed.rows["y"])) == ["False", "True"]
    positions = find_layout(pd.DataFrame({"flag": ["true", "false"] * 3, "x": np.arange(6) / 7})).columns[0].positions
    assert positions["TRUE"] == positions["true"] != positions["False"]


def test_twelve_counts_with_a_rare_one_are_a_number():
    """A rare value among more than ten makes a regression of it; among ten or fewer the sentence says both ways."""
    counts = [*range(12)] * 40 + [12]
    table = pd.DataFrame({"x": np.arange(len(counts)) / 7, "y": counts})
    assert find_problem(table, "y").task == "regression"
    assert find_problem(table[:-1], "y").task == "classification"
    few = pd.DataFrame({"x": np.arange(401) / 7, "y": [*range(4)] * 100 + [4]})
    with pytest.raises(InputError, match="--task regression, task='regression'"):
        find_problem(few, "y")


def test_a_value_far_from_all_others_is_named():
    """−999 for missing, in a column or in the target; a skewed column and zeros are not."""
    draw = np.random.default_rng(0)
    x = draw.normal(50, 20, 80)
    assert far_values(np.concatenate([x, [-999] * 3])) == [(-999.0, 3)]
    assert far_values(np.concatenate([x, [-999] * 2])) == []
    assert far_values(draw.lognormal(0, 2, 500)) == []
    assert far_values(np.array([0] * 50 + list(range(100, 900, 7)))) == []
    assert far_values(np.array([0, 1] * 30)) == []
    frame = pd.DataFrame({"x": np.concatenate([x, [-999.0] * 4]), "z": draw.normal(size=84)})
    frame["y"] = list("ab") * 42
    said = [note for note in prepare_table(frame, TableStudy("y", **OPTIONS)).notes if "-999" in note]
    assert said == [
        "`x`: -999 is in 4 rows and far from all other values. If it marks missing values, leave these cells empty "
        "(pandas: table.replace)."
    ]


def test_texts_that_differ_in_case_only_are_named():
    """They stay two categories."""
    assert remarks(pd.DataFrame({"sex": ["Male", "male", "Female"] * 3}))[0].startswith(
        "`sex`: 'Male' and 'male' differ in case only and are 2 categories."
    )


@pytest.mark.parametrize("dates", ["%Y-%m", "%b-%y", "%d %B %Y", "%m/%Y", "%Y-%m-%d"])
def test_a_series_with_nothing_but_dates_gets_a_way_on(dates):
    """The two lines of pandas that make columns of it, for every spelling of a date."""
    frame = pd.DataFrame({"day": pd.date_range("2020-01-01", periods=60, freq="MS").strftime(dates), "sold": range(60)})
    with pytest.raises(InputError, match=r"table\['sold 1 before'\] = table\['sold'\]\.shift\(1\)"):
        find_layout(frame, "sold")
