"""Reading a person's table from a file."""

import numpy as np
import pytest

from bridle._errors import InputError
from bridle.tables._columns import kind_of
from bridle.tables._read import read_table

PETS = "kind,kg,note\ncat,4.5,\ndog,NA,a b\n"
BAD_FILES = {
    "empty": (b"", "got an empty file"),
    "blank": (b" \n\n \n", "got an empty file"),
    "empty cells": (b'""\n', "got empty cells only"),
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
    """Each kind of wrong file gives a message with expected, got, position and advice."""
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
    monkeypatch.setattr("bridle.tables._formats.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'bridle\[parquet\]'"):
        read_table(write(tmp_path, b"PAR1", "pets.parquet"))


def test_tsv_is_cut_at_tabs_only(tmp_path):
    """Commas in a .tsv are part of the cells."""
    assert read_table(write(tmp_path, "a,b\tc\n1,2\t3\n", "x.tsv")).columns.tolist() == ["a,b", "c"]


def test_decimal_commas(tmp_path):
    """A comma is the decimal sign where it is not the separator."""
    table = read_table(write(tmp_path, "a;b;c\n1,5;1,234;2\n-2,25;5,678;\n"))
    assert table["a"].tolist() == [1.5, -2.25]
    assert table["b"].tolist() == [1.234, 5.678]
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
