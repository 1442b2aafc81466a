"""Tables in other formats than CSV."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest

from bridle._errors import InputError
from bridle.tables import find_layout, read_file

TABLE = pd.DataFrame(
    {
        "kg": [4.5, np.nan, 6.0],
        "age": [3, 4, 7],
        "kind": ["cat", "dog", None],
        "tame": [True, False, True],
        "born": pd.to_datetime(["2020-01-31", "2021-02-28", "2022-03-31"]),
    }
)


def test_every_format_gives_the_same_table(tmp_path):
    """CSV, packed CSV, Parquet, Excel, lines and a list of JSON, packed lines: the same cells."""
    texts = TABLE.assign(born=TABLE.born.dt.strftime("%Y-%m-%d"))
    texts.to_csv(tmp_path / "t.csv", index=False)
    texts.to_csv(tmp_path / "t.csv.gz", index=False)
    TABLE.to_parquet(tmp_path / "t.parquet")
    TABLE.to_excel(tmp_path / "t.xlsx", index=False)
    texts.to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    texts.to_json(tmp_path / "t.json", orient="records")
    (tmp_path / "t.jsonl.gz").write_bytes(gzip.compress((tmp_path / "t.jsonl").read_bytes()))
    expected = read_file(tmp_path / "t.csv").rows.astype(str)
    for name in ("t.csv.gz", "t.parquet", "t.xlsx", "t.jsonl", "t.json", "t.jsonl.gz"):
        rows = read_file(tmp_path / name).rows.astype(str)
        pd.testing.assert_frame_equal(rows, expected, check_dtype=False, check_column_type=False)


def test_a_sheet_with_gaps(tmp_path):
    """Empty rows and columns are passed over; `NA` and `#N/A` among numbers are missing; other sheets are not read."""
    sheet = pd.DataFrame([[None] * 4, ["a", None, "b", "c"], [1, None, "NA", "x"], [2, None, 3.5, "y"], [None] * 4])
    with pd.ExcelWriter(tmp_path / "t.xlsx") as book:
        sheet.to_excel(book, sheet_name="one", header=False, index=False)
        TABLE.to_excel(book, sheet_name="two", index=False)
    rows = read_file(tmp_path / "t.xlsx").rows
    assert list(rows.columns) == ["a", "b", "c"]
    assert rows["b"].isna().tolist() == [True, False]
    assert rows["b"].dtype == float


def test_a_sheet_without_names(tmp_path):
    """Noticed as in a text file; with header=False no row is lost, and a model of it reads a sheet like it."""
    rows = [[6, 148.5, "a"], [1, 85.5, "b"], [8, 183.5, "a"], [2, 90.0, "b"]]
    pd.DataFrame(rows).to_excel(tmp_path / "t.xlsx", header=False, index=False)
    with pytest.raises(InputError, match=r"names of the columns in the first line of 't.xlsx'.*--no-header"):
        read_file(tmp_path / "t.xlsx")
    table = read_file(tmp_path / "t.xlsx", header=False).rows
    assert table.columns.tolist() == ["column1", "column2", "column3"]
    assert table["column2"].tolist() == [148.5, 85.5, 183.5, 90.0]
    assert len(read_file(tmp_path / "t.xlsx", header=True).rows) == 3
    again = read_file(tmp_path / "t.xlsx", like=find_layout(table), fewest=1).rows
    pd.testing.assert_frame_equal(again, table)
    TABLE.to_excel(tmp_path / "named.xlsx", index=False)
    assert read_file(tmp_path / "named.xlsx", like=find_layout(TABLE)).rows.columns.tolist() == list(TABLE.columns)


def test_text_of_numbers_has_a_decimal_sign_in_every_format(tmp_path):
    """As `--decimal` says, where cells leave it open: 1,250 is a thousand or one and a quarter."""
    frame = pd.DataFrame({"kind": ["a", "b", "a"], "kg": ["1,250", "2,500", "4,125"]})
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    frame.to_csv(tmp_path / "t.csv", index=False)
    for name in ("t.xlsx", "t.parquet", "t.jsonl", "t.csv"):
        for sign, first in ((".", 1250), (",", 1.25)):
            assert read_file(tmp_path / name, decimal=sign).rows["kg"][0] == first, name


def test_options_that_a_format_does_not_have_are_refused(tmp_path):
    """Each by its name, with what to do."""
    TABLE.to_parquet(tmp_path / "t.parquet")
    TABLE.to_excel(tmp_path / "t.xlsx")
    (tmp_path / "t.jsonl").write_text('{"a": 1, "b": 2}\n')
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "one.txt").write_text("word")
    for name, options, said in (
        ("t.parquet", {"header": False}, r"no --no-header for 't.parquet', .* Leave it out \(Python: header\)"),
        ("t.parquet", {"encoding": "latin-1"}, r"no --encoding for 't.parquet'"),
        ("t.jsonl", {"header": False}, r"no --no-header for 't.jsonl'"),
        ("t.xlsx", {"encoding": "latin-1"}, r"no --encoding for the Excel workbook 't.xlsx'"),
        ("texts", {"header": False, "decimal": ","}, r"no --no-header and --decimal for a folder of text files"),
    ):
        with pytest.raises(InputError, match=said):
            read_file(tmp_path / name, **options)


BAD = {
    "no object": ("t.jsonl", "1\n", r"Expected an object such as \{\"age\": 41\} in line 1 of 't.jsonl', got 1"),
    "damaged line": (
        "t.jsonl",
        '{"a": 1}\n{"a":\n',
        r"one JSON object in each line of 't.jsonl', got .* in line 2",
    ),
    "nested": ("t.jsonl", '{"a": 1, "b": [1]}\n', r"numbers and text in line 1 of 't.jsonl', got \[1\] for 'b'"),
    "empty lines": ("t.jsonl", "\n\n", "one JSON object in each line of 't.jsonl', got an empty file"),
    "encoding": ("t.jsonl", b'{"a": "\xff"}', "Expected 't.jsonl' in utf-8, got"),
    "no workbook": ("t.xlsx", "a,b\n1,2\n", "Expected an Excel workbook in 't.xlsx', got: File is not a zip file"),
    "cut archive": ("t.csv.gz", gzip.compress(b"a,b\n1,2\n3,4\n")[:-9], "Expected a readable table in 't.csv.gz'"),
    "twice a name": ("t.json", '[{"a": 1, " a": 2}]', None),
}


@pytest.mark.parametrize(("name", "content", "sentence"), BAD.values(), ids=BAD)
def test_bad_files_get_a_sentence(tmp_path, name, content, sentence):
    """What was expected, what came, and where."""
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    if sentence is None:
        assert list(read_file(path).rows.columns) == ["a", " a"]
        return
    with pytest.raises(InputError, match=sentence):
        read_file(path)


def test_a_missing_library_gets_a_sentence(tmp_path, monkeypatch):
    """Excel needs openpyxl; the extra is named."""
    TABLE.to_excel(tmp_path / "t.xlsx", index=False)
    monkeypatch.setattr("bridle.tables._formats.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"openpyxl to read 't.xlsx', got none. Run pip install 'bridle\[excel\]'"):
        read_file(tmp_path / "t.xlsx")


def test_cells_that_are_lists_get_a_sentence(tmp_path):
    """Parquet can hold lists; the column is named."""
    TABLE.assign(tags=[[1], [2], []]).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"numbers, text and dates in column 'tags' of 't.parquet', got"):
        read_file(tmp_path / "t.parquet")


def test_folders_of_text_files(tmp_path):
    """Class folders are labels, the index has the files; an empty folder and a damaged file are named."""
    for label, texts in {"good": ["A fine film", ""], "bad": ["Dull", "Too long"]}.items():
        (tmp_path / label).mkdir()
        for number, text in enumerate(texts):
            (tmp_path / label / f"{number}.txt").write_text(text)
    rows = read_file(tmp_path).rows
    assert rows.label.tolist() == ["bad", "bad", "good", "good"]
    assert rows.index.tolist() == ["bad/0.txt", "bad/1.txt", "good/0.txt", "good/1.txt"]
    assert rows.text.isna().tolist() == [False, False, False, True]
    assert read_file(tmp_path / "bad", fewest=1).rows.columns.tolist() == ["text"]
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match=r"Expected text files .*none', got an empty folder"):
        read_file(tmp_path)
    (tmp_path / "none" / "x.txt").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(InputError, match=r"Expected text in utf-8 in '.*x.txt', got"):
        read_file(tmp_path)


def test_json_keys_are_columns(tmp_path):
    """A name that some lines lack is missing there."""
    lines = [{"a": 1, "b": "x"}, {"a": 2}, {"a": "NA", "b": "y"}]
    (tmp_path / "t.ndjson").write_text("\n".join(map(json.dumps, lines)))
    rows = read_file(tmp_path / "t.ndjson").rows
    assert rows["b"].isna().tolist() == [False, True, False]
    assert rows["a"].dtype == float


def test_a_named_index_of_a_parquet_file_is_a_column(tmp_path) -> None:
    """Such as the times of a frame that pandas wrote; a plain index is none, nor one that repeats a column."""
    times = pd.DatetimeIndex(["2026-01-01", "2026-01-02"], name="t")
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    frame.set_axis(times).to_parquet(tmp_path / "named.parquet")
    frame.to_parquet(tmp_path / "plain.parquet")
    assert list(read_file(tmp_path / "named.parquet").rows) == ["t", "a", "b"]
    assert list(read_file(tmp_path / "plain.parquet").rows) == ["a", "b"]
    frame.set_index("a", drop=False).to_parquet(tmp_path / "twice.parquet")
    assert list(read_file(tmp_path / "twice.parquet").rows) == ["a", "b"]
