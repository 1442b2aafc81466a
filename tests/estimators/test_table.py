"""Reading a person's table, and finding what its target asks for."""

import json

import numpy as np
import pandas as pd
import pytest

from bridle._errors import InputError, KindError
from bridle.estimators._table import (
    Problem,
    check_table,
    decode_target,
    encode_target,
    find_problem,
    kind_of,
    known_rows,
    labels_of,
    numbers_of,
    read_table,
)

PETS = "kind,kg,note\ncat,4.5,\ndog,NA,a b\n"
BAD_FILES = {
    "empty": (b"", "got an empty file"),
    "blank": (b" \n\n \n", "got an empty file"),
    "header only": (b"a,b\n", r"Expected rows below the column names of 'pets\.csv', got none"),
    "one column": (b"a\n1\n2\n", r"at least 2 columns in 'pets\.csv', got 1"),
    "duplicate headers": (b"a,b,a\n1,2,3\n", r"got 'a' for column 1 and column 3\. Rename one"),
    "duplicate after stripping": (b"a, a\n1,2\n", "got 'a' for column 1 and column 2"),
    "empty header": (b",a,b\n0,1,2\n", r"got none for column 1.*index=False"),
    "picture": (b"\x89PNG\r\n\x1a\n\0\0", "got a picture.*Save it as CSV"),
    "workbook": (b"PK\x03\x04rest", "got an Excel workbook.*Save it as CSV"),
    "NUL bytes": (b"a,b\n1,\x002\n", "got binary content in line 2.*Save it as CSV"),
    "long row": (b"a,b\n1,2\n\n1,2,3\n", "as the first line has, 2, got 3 in line 4"),
    "short row": (b"a,b\n1,2\n1\n", "as the first line has, 2, got 1 in line 3"),
    "long row after a cell of two lines": (b'a,b\n1,"2\n3"\n1,2,3\n', "got 3 in line 4"),
    "open quotation mark": (b'a,b\n1,2\n"1,2\n3,4\n', "cannot be read from line 3.*quotation"),
    "latin-1": ("a,b\nx,1\nZürich,2\n".encode("latin-1"), "byte 0xfc at position 9 .line 3.*--encoding latin-1"),
    "utf-16": ("a,b\n1,2\n".encode("utf-16"), "--encoding utf-16"),
}


def write(folder, content, name="pets.csv"):
    """Write bytes or text to a file."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("line", ["\n", "\r\n"])
def test_every_separator_is_found(tmp_path, separator, start, line):
    """The same table comes out, with or without a byte-order mark, whatever ends a line."""
    table = read_table(write(tmp_path, start + PETS.replace(",", separator).replace("\n", line)))
    assert list(table.columns) == ["kind", "kg", "note"]
    assert table["kind"].tolist() == ["cat", "dog"]
    np.testing.assert_array_equal(table["kg"], [4.5, np.nan])
    assert table["note"].isna().tolist() == [True, False]
    assert table.index.tolist() == [0, 1]


@pytest.mark.parametrize(("content", "sentence"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_gets_a_sentence(tmp_path, content, sentence):
    """What was expected, what came, where, and what next, for each way a file can be wrong."""
    with pytest.raises(InputError, match=f"(?s){sentence}"):
        read_table(write(tmp_path, content))


def test_a_missing_file_lists_near_names(tmp_path):
    """A slip in the name shows the file that was meant."""
    write(tmp_path, PETS)
    with pytest.raises(InputError, match=r"does not exist.*'pets\.csv'"):
        read_table(tmp_path / "pet.csv")
    with pytest.raises(InputError, match=r"does not exist.*There are none"):
        read_table(tmp_path / "nowhere" / "pet.csv")


def test_a_folder_lists_its_files(tmp_path):
    """A folder in place of a file."""
    write(tmp_path, PETS)
    with pytest.raises(InputError, match=r"got the folder.*'pets\.csv'"):
        read_table(tmp_path)


def test_another_encoding_is_read_when_it_is_named(tmp_path):
    """The encoding that the sentence suggests works; one that does not exist is refused."""
    path = write(tmp_path, "a,b\nx,1\nZürich,2\n".encode("latin-1"))
    assert read_table(path, encoding="latin-1")["a"][1] == "Zürich"
    assert read_table(write(tmp_path, "a,b\nü,2\n".encode("utf-16")), encoding="utf-16")["a"][0] == "ü"
    with pytest.raises(InputError, match=r"name of an encoding.*'latin-99'"):
        read_table(write(tmp_path, PETS), encoding="latin-99")


def test_parquet_needs_pyarrow(tmp_path, monkeypatch):
    """Without pyarrow there is a sentence."""
    monkeypatch.setattr("bridle.estimators._table.find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install pyarrow"):
        read_table(write(tmp_path, b"PAR1", "pets.parquet"))


def test_tsv_is_cut_at_tabs_only(tmp_path):
    """Commas in a .tsv are part of the cells."""
    assert read_table(write(tmp_path, "a,b\tc\n1,2\t3\n", "x.tsv")).columns.tolist() == ["a,b", "c"]


def test_decimal_commas(tmp_path):
    """A comma is the decimal sign where it is not the separator, unless it could group thousands throughout."""
    table = read_table(write(tmp_path, "a;b;c\n1,5;1,234;2\n-2,25;5,678;\n"))
    assert table["a"].tolist() == [1.5, -2.25]
    assert table["b"].tolist() == ["1,234", "5,678"]
    assert kind_of(table["c"]) == "number"


def test_text_columns_stay_text(tmp_path):
    """Codes that look like numbers keep their zeros where asked; numbers are exact; quoted separators are cells."""
    path = write(tmp_path, 'code,x,note\n007,0.1,"a,b"\n 12 ,1e-300,c\n')
    table = read_table(path, text=["code"])
    assert table["code"].tolist() == ["007", "12"]
    assert table["x"].tolist() == [0.1, 1e-300]
    assert table["note"].tolist() == ["a,b", "c"]
    assert read_table(path)["code"].tolist() == [7, 12]


def test_one_column_is_enough_to_predict_from(tmp_path):
    """With fewest=1, a file of one column is read."""
    assert read_table(write(tmp_path, "a\n1\n2\n"), fewest=1)["a"].tolist() == [1, 2]


def test_check_table():
    """A frame of a person's own is checked as a file is."""
    good = pd.DataFrame({"a": [1], "b": [2]})
    assert check_table(good) is good
    with pytest.raises(KindError, match="Expected a pandas DataFrame, got ndarray"):
        check_table(np.zeros((2, 2)))
    with pytest.raises(InputError, match="to be text, got 0 for column 1"):
        check_table(pd.DataFrame(np.zeros((2, 2))))
    with pytest.raises(InputError, match="got none"):
        check_table(good.iloc[:0])
    with pytest.raises(InputError, match="'a' for column 1 and column 2"):
        check_table(good.set_axis(["a", "a"], axis=1))


def test_labels_do_not_depend_on_the_type():
    """A category reads the same whether its column came as integers, floats, text or categories."""
    for column in ([1, 2], [1.0, 2.0], ["1", " 2 "], pd.Categorical([1, 2]), np.array([1, 2], object)):
        assert labels_of(pd.Series(column)).tolist() == ["1", "2"]
    assert labels_of(pd.Series([True, None], dtype=object), "?").tolist() == ["True", "?"]
    assert labels_of(pd.Series([None, True], dtype="boolean"), "?").tolist() == ["?", "True"]


def test_numbers_name_the_cell_that_is_none():
    """Text, dates and infinities in a column of numbers: column, row and cell."""
    assert numbers_of(pd.Series(["1", None, "2.5"]))[[0, 2]].tolist() == [1, 2.5]
    assert numbers_of(pd.Series([1, None], dtype="Int64")).dtype == np.float64
    with pytest.raises(InputError, match=r"numbers in column 'kg', got 'heavy' in row 7 "):
        numbers_of(pd.Series([1, "heavy"], index=[3, 7], name="kg"))
    with pytest.raises(InputError, match=r"finite numbers.*got inf in row 'b'"):
        numbers_of(pd.Series([1, np.inf], index=["a", "b"], name="kg"))
    with pytest.raises(InputError, match="numbers in column 'day', got 2020-01-01"):
        numbers_of(pd.Series(pd.to_datetime(["2020-01-01"]), name="day"))


def table_of(target):
    """A table with a target column `y`."""
    return pd.DataFrame({"x": np.arange(len(target)), "y": target})


@pytest.mark.parametrize(
    ("target", "task", "classes", "kind"),
    [
        (list("bca") * 5, "classification", ("a", "b", "c"), "text"),
        ([True, False] * 5, "classification", ("False", "True"), "bool"),
        (pd.Categorical([10, 9] * 5), "classification", ("9", "10"), "integer"),
        ([0, 1] * 5, "classification", ("0", "1"), "integer"),
        ([10.0, 9.0, 2.0] * 5, "classification", ("2", "9", "10"), "integer"),
        ([0] * 95 + [1] * 5, "classification", ("0", "1"), "integer"),
        ([*range(20)] * 20, "classification", tuple(map(str, range(20))), "integer"),
        ([*range(21)] * 40, "regression", None, "integer"),
        ([*range(11)] * 5, "regression", None, "integer"),
        ([0.5, 1.5] * 50, "regression", None, "number"),
        (np.arange(50) / 7, "regression", None, "number"),
    ],
)
def test_the_task_is_found(target, task, classes, kind):
    """Each side of the rule, and a JSON round trip of each problem."""
    problem = find_problem(table_of(target), "y")
    assert (problem.task, problem.classes, problem.kind) == (task, classes, kind)
    assert Problem.from_json(json.loads(json.dumps(problem.to_json(), allow_nan=False))) == problem


@pytest.mark.parametrize(
    "target",
    [list("ba") * 5, [True, False] * 5, [7, 30] * 5, [2.5, -1.5] * 5, pd.Categorical([10, 9] * 5), np.arange(10) / 3],
)
def test_decoding_gives_the_target_back(target):
    """Labels come back as they were, in value and in type."""
    table = table_of(target)
    task = "regression" if len(set(target)) == 10 else "classification"
    problem = find_problem(table, "y", task)
    codes = encode_target(problem, table["y"])
    assert codes.dtype == (np.float64 if task == "regression" else np.int64)
    assert decode_target(problem, codes).tolist() == table["y"].tolist()


def test_rows_without_a_target_are_counted():
    """They are left out, and an integer stays one although its column became float."""
    table = table_of([1, None, 0] * 5)
    problem = find_problem(table, "y")
    assert (problem.rows, problem.missing, problem.classes) == (10, 5, ("0", "1"))
    kept = known_rows(problem, table)
    assert kept.index.tolist()[:3] == [0, 2, 3]
    assert decode_target(problem, encode_target(problem, kept["y"])).tolist() == [1, 0] * 5
    with pytest.raises(InputError, match=r"got nan in row 1 .*known_rows"):
        encode_target(problem, table["y"])


BAD_TARGETS = {
    "constant": ([3] * 9, None, "at least two values, got '3' in all 9 rows"),
    "one class": (["a"] * 9, None, "at least two values, got 'a'"),
    "all missing": ([None] * 9, None, "got missing cells only"),
    "text regression": (list("ab") * 5, "regression", "Expected numbers in the target 'y' of a regression, got 'a'"),
    "rare class": (list("aaaaaaab"), None, r"at least 5 rows of each class of 'y'.*'b': 1 \(1 of 2 classes\)"),
    "numbers as classes": (np.arange(9) / 2, "classification", "9 of 9 classes.*--task regression"),
    "dates": (pd.date_range("2020", periods=9), None, "got dates"),
    "infinite": ([*range(8), np.inf], None, "finite numbers.*'y', got inf in row 8"),
    "task": (list("ab") * 5, "guess", "Expected task 'classification' or 'regression', got 'guess'"),
    "few rows": ([1.5, 2.5], None, "at least 5 rows with a target.*got 2"),
}


@pytest.mark.parametrize(("target", "task", "sentence"), BAD_TARGETS.values(), ids=BAD_TARGETS)
def test_a_bad_target_gets_a_sentence(target, task, sentence):
    """Each target that nothing can be learned from."""
    with pytest.raises(InputError, match=sentence):
        find_problem(table_of(target), "y", task)


def test_a_target_that_is_no_column_lists_near_names():
    """A slip in the target's name."""
    with pytest.raises(InputError, match=r"got 'specis'. Nearest: 'species'"):
        find_problem(pd.DataFrame({"species": ["a"], "x": [1]}), "specis")


def test_what_cannot_be_encoded_or_decoded():
    """A new label, and numbers that are no classes."""
    problem = find_problem(table_of(["cat", "dog"] * 5), "y")
    with pytest.raises(InputError, match=r"one of the 2 classes of 'y', got 'cats' in row 1 .*'cat'"):
        encode_target(problem, pd.Series(["dog", "cats"]))
    for array in (np.array([2]), np.array([-1]), np.array([0.3])):
        with pytest.raises(InputError, match="Expected class numbers 0 to 1"):
            decode_target(problem, array)
    assert len(decode_target(problem, np.array([], dtype=int))) == 0


@pytest.mark.parametrize(
    "change",
    [{"task": "guess"}, {"task": []}, {"classes": None}, {"classes": ["a"]}, {"classes": ["a", 1]}, {"rows": -1},
     {"rows": True}, {"kind": "integer"}, {"kind": {}}, {"format": "bridle problem 2"}, {"target": 3}, {"more": 1}],
)  # fmt: skip
def test_a_damaged_problem_gets_a_sentence(change):
    """Each entry is checked on reading."""
    content = find_problem(table_of(list("ab") * 5), "y").to_json()
    with pytest.raises(InputError, match=r"Expected .*(?s:.)*run `bridle tune` again"):
        Problem.from_json({**content, **change})
    with pytest.raises(InputError, match="entries"):
        Problem.from_json([])
