"""Large text files, read in blocks: the same table as from one piece."""

import functools
import gzip

import numpy as np
import pandas as pd
import pytest

from bridle._errors import InputError
from bridle.tables import Preparation, _large, _read, read_file
from bridle.tables._layout import find_layout


@pytest.fixture
def in_blocks(monkeypatch):
    """A function that reads a file in blocks of 37 lines."""

    def read(path, **options):
        with monkeypatch.context() as patch:
            patch.setattr(_read, "LARGE", 2000)
            patch.setattr(_read, "Lines", functools.partial(_large.Lines, block=37))
            return read_file(path, **options)

    return read


def mixed(rows=120):
    """A table whose columns look like numbers at first, have quotes, line breaks, gaps, formats and truths."""
    draw = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "a": draw.normal(size=rows),
            "count": draw.integers(0, 9, rows),
            "text": draw.choice(["x", "y z", 'q"u', "l,m;n", "two\nlines"], rows),
            "late text": [*map(str, range(rows - 3)), "zz", "1", "2"],
            "late float": [*[1] * (rows - 1), 2.5],
            "grouped": [f"{value:.3f}" for value in draw.uniform(1, 900, rows)],
            "gaps": np.where(draw.random(rows) < 0.2, "NA", draw.normal(size=rows).round(3).astype(str)),
            "country": draw.choice(["DE", "FR", "NA"], rows),
            "truth": draw.choice(["true", "TRUE", "false"], rows),
            "empty": [""] * rows,
            "price": [f"${value:,}" for value in draw.integers(0, 9999, rows)],
        }
    )


def same(one, two):
    """The same rows bit for bit, formats and notes."""
    pd.testing.assert_frame_equal(one.rows, two.rows, check_exact=True)
    assert (one.formats, one.notes) == (two.formats, two.notes)


@pytest.mark.parametrize(("name", "separator"), [("t.csv", ","), ("t.csv", ";"), ("t.tsv", "\t")])
def test_blocks_give_the_same_table(tmp_path, in_blocks, name, separator):
    """Plain and packed, with blank lines before the names and among the rows."""
    path = tmp_path / name
    mixed().to_csv(path, sep=separator, index=False)
    same(in_blocks(path), read_file(path))
    packed = tmp_path / f"{name}.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    same(in_blocks(packed), read_file(path))
    blank = tmp_path / f"blank {name}"
    blank.write_text("\n\n" + path.read_text().replace("\n1", "\n\n1"))
    same(in_blocks(blank), read_file(blank))


def test_spaces_no_header_and_new_rows(tmp_path, in_blocks):
    """Cells separated by spaces; a file without names; new rows for a saved layout."""
    spaced, bare, new = (tmp_path / name for name in ("spaced.csv", "bare.csv", "new.csv"))
    mixed()[["a", "count", "gaps"]].to_csv(spaced, sep=" ", index=False)
    same(in_blocks(spaced), read_file(spaced))
    mixed()[["a", "count"]].to_csv(bare, header=False, index=False)
    same(in_blocks(bare, header=False), read_file(bare, header=False))
    mixed().drop(columns="late text").to_csv(new, index=False)
    table = read_file(new)
    layout = find_layout(table.rows, "count", table.formats)
    one, two = in_blocks(new, like=layout).rows, read_file(new, like=layout).rows
    preparation = Preparation(layout).fit(table.rows)
    np.testing.assert_array_equal(preparation.transform(one), preparation.transform(two))
    assert (one["a"].dtype, one["price"].dtype == float) == (float, False)


BAD = {
    "short row": ("1,2\n", r"Expected as many cells in each row .* 11, got 2 in line 145 \('1,2'\)"),
    "binary": ("\0" + "," * 10 + "\n", r"got binary content in line 145\. Save it as CSV"),
    "quotes": ('"a"b' + ",1" * 10 + "\n", "got a row that cannot be read from line 145: ',' expected after"),
    "encoding": (b"\xff" + b"," * 10 + b"\n", r"Expected 't.csv' in utf-8, got the byte 0xff .* \(line 145\)"),
}


@pytest.mark.parametrize(("tail", "sentence"), BAD.values(), ids=BAD)
def test_bad_rows_get_the_same_sentence(tmp_path, in_blocks, tail, sentence):
    """With the number of the line, in whichever block it is."""
    path = tmp_path / "t.csv"
    mixed().to_csv(path, index=False)
    path.write_bytes(path.read_bytes() + (tail if isinstance(tail, bytes) else tail.encode()))
    lines = len(path.read_bytes().splitlines())
    for read in (read_file, in_blocks):
        with pytest.raises(InputError, match=sentence.replace("145", str(lines))):
            read(path)


def test_quoted_cells_need_no_second_parser():
    """Whole cells in quotes are recognised; quotes within a cell are left to the parser of records."""
    lines = _large.Lines(None, "utf-8", ",", 3, 0, "'t.csv'")  # type: ignore[arg-type]
    assert lines._is_plain(['1,"a,b",3\n', '"x","y","z"\n', '"x""y",2,"z"\r\n'])
    for line in ('1,"a"b,3\n', '1,a"b",3\n', "1,2\n", '1,"2,3\n', ",,\n", '"1,2,3"\n'):
        assert not lines._is_plain([line])
