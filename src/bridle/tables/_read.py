"""Tables from text files."""

import codecs
import re
from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from bridle._errors import InputError, nearest_names, short_repr
from bridle.tables._checks import check_names, check_size, check_table
from bridle.tables._header import looks_like_values, numbered
from bridle.tables._layout import Layout
from bridle.tables._records import MISSING, find_separator, mask_missing, read_records, words_as_categories
from bridle.tables._table import Table, read_numbers, table_of, unify_truths

BINARY = {
    b"PK\x03\x04": "an Excel workbook or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"%PDF": "a PDF document",
    b"\x1f\x8b": "a gzip archive",
    b"SQLite format 3": "a database",
    b"PAR1": "a Parquet file (name it .parquet)",
}
NUMBERED = re.compile(r"column[1-9]\d{0,6}", re.ASCII)
SAVE_AS_CSV = "Save it as CSV (UTF-8): the first line holds the column names, each further line one row."


def read_table(
    path: str | Path,
    *,
    encoding: str = "utf-8",
    text: Collection[str] = (),
    fewest: int = 2,
    header: bool | None = None,
    decimal: str | None = None,
    like: Layout | None = None,
) -> pd.DataFrame:
    r"""Read a CSV file (separated by `,` `;` tab `|` or spaces, which is found), a .tsv file or a .parquet file.

    A column whose cells are all numbers or missing becomes numbers, any other stays text. Numbers may have a decimal
    comma, thousands separators, a currency or percent sign; where one column leaves open what `,` and `.` mean, the
    others show it. Spaces around cells and names are taken off and blank lines passed over.

    Arguments: `encoding` of a text file, a byte-order mark is passed over; `text`, columns that stay text even where
    every cell reads as a number; `fewest` columns that will do; `header`, False if the first line is a row already
    (columns are then `column1`, `column2` …), True to take it for names whatever it looks like; `decimal`, the decimal
    sign; `like`, the layout of a saved preparation, whose columns stay text and are read by the preparation.

    Returns a table with at least one row, its index counting from 0, and with distinct column names.

    Errors: `InputError` for a file that is missing, a folder, empty, binary, in another encoding, has unequal rows,
    duplicate or empty names, names that look like values, no rows, or too few columns.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder) / "pets.csv"
    ...     _ = file.write_text("kind;kg\ncat;4,5\ndog;NA\n")
    ...     read_table(file)
      kind   kg
    0  cat  4.5
    1  dog  NaN
    """
    options = {"text": text, "fewest": fewest, "header": header, "decimal": decimal, "like": like}
    return read_file(path, encoding=encoding, **options).rows


def read_file(
    path: str | Path,
    *,
    encoding: str = "utf-8",
    text: Collection[str] = (),
    fewest: int = 2,
    header: bool | None = None,
    decimal: str | None = None,
    like: Layout | None = None,
) -> Table:
    """Read a table as `read_table` does, with the formats of its numbers and notes on what was decided."""
    path = Path(path)
    where = repr(path.name)
    if decimal not in (None, ".", ","):
        raise InputError(f"Expected the decimal sign '.' or ',', got {short_repr(decimal)}. Leave it out to find it.")
    raw = _bytes(path)
    if path.suffix.lower() == ".parquet":
        return table_of(check_table(_parquet(path), where=where, fewest=fewest))
    content = _decoded(raw, encoding, where)
    separator = "\t" if path.suffix.lower() == ".tsv" else find_separator(content)
    records = list(read_records(content, separator, where))
    if not records:
        raise InputError(f"Expected a table in {where}, got empty cells only. {SAVE_AS_CSV}")
    names, rows = _named(records, header, like, where)
    check_names(names, where)
    check_size(len(rows), len(names), fewest, where)
    cells = pd.DataFrame(rows, columns=names, dtype="str")
    if like is not None:
        categories = {column.name: (*column.categories, *column.merged) for column in like.columns}
        return Table(pd.DataFrame({name: mask_missing(cells[name], categories.get(name, ())) for name in names}))
    return _typed(cells, text, decimal, "," if separator == ";" else ".")


def _named(
    records: list[list[str]], header: bool | None, like: Layout | None, where: str
) -> tuple[list[str], list[list[str]]]:
    """Return the names of the columns, and the rows; without a header line the columns are numbered."""
    first, width = records[0], len(records[0])
    expected = [] if like is None else [column.name for column in like.columns]
    unnamed = like is not None and _is_numbered(like) and not set(expected) & set(first)
    if like is not None and unnamed and header is not True:
        return _numbered_like(like, width, where), records
    if header is False:
        return numbered(width), records
    if header is None and not set(expected) & set(first):
        below = pd.DataFrame(records[1:], columns=range(width), dtype="str")
        if looks_like_values(first, below.mask(below.isin(MISSING))):
            raise InputError(
                f"Expected the names of the columns in the first line of {where}, got values like those below it: "
                f"{', '.join(map(short_repr, first[:4]))}{' …' if width > 4 else ''}. If it is a row, give --no-header "
                f"(Python: header=False, study file: header = false): the columns are then column1 to column{width}. "
                "If these are names, give --header (header=True)."
            )
    return first, records[1:]


def _is_numbered(layout: Layout) -> bool:
    """Check for the names of a file without a header line."""
    names = [column.name for column in layout.columns] + [name for name, _ in layout.left_out]
    return all(map(NUMBERED.fullmatch, names))


def _numbered_like(layout: Layout, width: int, where: str) -> list[str]:
    """Return the names of the columns of a file without a header line, for a model of such a file.

    It has all columns of the training rows, or only those that the target is predicted from.
    """
    others = [column.name for column in layout.columns] + [name for name, _ in layout.left_out]
    if width not in (layout.width, len(others)):
        raise InputError(
            f"Expected {layout.width} columns in {where}, as the file without a header line had on which the model was "
            f"trained, or {len(others)} without the target, got {width}. Give the same columns in the same order."
        )
    return numbered(width) if width == layout.width else sorted(others, key=lambda name: int(name[6:]))


def _typed(cells: pd.DataFrame, text: Collection[str], decimal: str | None, default: str) -> Table:
    """Turn the columns of a file into numbers where all their cells are some."""
    notes = []
    columns = {}
    for name in cells:
        words = words_as_categories(cells[name])
        columns[name] = mask_missing(cells[name], words)
        if words:
            count, others = int(cells[name].isin(words).sum()), columns[name].dropna()
            example_cell = others[~others.isin(words)].iloc[0]
            notes.append(
                f"`{name}`: {', '.join(map(short_repr, sorted(words)))} ({count} rows) counts as a category like "
                f"{example_cell!r:.40}, not as missing; leave missing cells empty."
            )
    numbers, formats, sentences = read_numbers(
        {name: columns[name] for name in cells if name not in text}, decimal, default
    )
    rows, unified = unify_truths(pd.DataFrame({**columns, **numbers})[list(cells)])
    return Table(rows, formats, (*sentences, *notes, *unified))


def _bytes(path: Path) -> bytes:
    where = repr(path.name)
    if path.is_dir():
        raise InputError(
            f"Expected a table, got the folder {str(path)!r}. Give a file in it: "
            f"{nearest_names(path.name, _files(path))}"
        )
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(
            f"Expected a table, got {str(path)!r}, which does not exist. In {str(path.parent)!r}: "
            f"{nearest_names(path.name, _files(path.parent))}"
        ) from None
    except OSError as error:
        raise InputError(f"Expected a readable table, got {str(path)!r}: {error.strerror}. Check its rights.") from None
    if not content:
        raise InputError(f"Expected a table in {where}, got an empty file. {SAVE_AS_CSV}")
    return content


def _files(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir() if item.is_file()) if folder.is_dir() else []


def _parquet(path: Path) -> pd.DataFrame:
    if find_spec("pyarrow") is None:
        raise InputError(f"Expected pyarrow to read {path.name!r}, got none. Run pip install pyarrow, or save a CSV.")
    try:
        return pd.read_parquet(path, engine="pyarrow").reset_index(drop=True)
    except (OSError, ValueError) as error:
        raise InputError(f"Expected a Parquet table in {path.name!r}, got: {error}. {SAVE_AS_CSV}") from None


def _decoded(raw: bytes, encoding: str, where: str) -> str:
    """The text of a file without its byte-order mark."""
    for start, name in BINARY.items():
        if raw.startswith(start):
            raise InputError(f"Expected a table of text in {where}, got {name}. {SAVE_AS_CSV}")
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and not encoding.lower().startswith("utf-16"):
        raise InputError(f"Expected {where} in {encoding}, got UTF-16 text. Try --encoding utf-16.")
    try:
        content = raw.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        at, line = error.start, raw.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"Expected {where} in {encoding}, got the byte 0x{raw[at]:02x} at position {at} (line {line})."
            " Try --encoding latin-1 (Python: encoding='latin-1'), or save it as UTF-8."
        ) from None
    except (LookupError, ValueError):  # no encoding, or one of something else than text
        raise InputError(
            f"Expected the name of an encoding to read {where}, got {short_repr(encoding)}. Try latin-1."
        ) from None
    if "\0" in content:
        line = content.count("\n", 0, content.index("\0")) + 1
        raise InputError(f"Expected a table of text in {where}, got binary content in line {line}. {SAVE_AS_CSV}")
    if not content.strip():
        raise InputError(f"Expected a table in {where}, got an empty file. {SAVE_AS_CSV}")
    return content
