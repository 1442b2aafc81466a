"""Tables from text files."""

import codecs
import re
import zlib
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from pathlib import Path

import pandas as pd

from bridle._errors import InputError, short_repr
from bridle.tables._checks import check_names, check_size, check_table
from bridle.tables._formats import (
    ENCODING,
    EXCEL,
    PARQUET,
    READERS,
    SAVE_AS_CSV,
    cell_text,
    excel_table,
    has_texts,
    listed_files,
    mask_words,
    open_plain,
    read_excel,
    read_text_folder,
    refuse_nested,
    refuse_options,
    suffix_of,
)
from bridle.tables._header import looks_like_values, numbered
from bridle.tables._large import Lines, read_large
from bridle.tables._layout import Layout
from bridle.tables._number_format import PLAIN
from bridle.tables._records import (
    MISSING,
    find_separator,
    first_record_lines,
    mask_missing,
    read_records,
    words_as_categories,
)
from bridle.tables._table import Table, check_decimal, read_numbers, table_of, unify_truths

BINARY = {
    b"PK\x03\x04": "an Excel workbook (name it .xlsx) or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"%PDF": "a PDF document",
    b"\x1f\x8b": "a gzip archive in a gzip archive",
    b"SQLite format 3": "a database",
    b"PAR1": "a Parquet file (name it .parquet)",
}
NUMBERED = re.compile(r"column[1-9]\d{0,6}", re.ASCII)
LARGE = 32 * 2**20
"""Bytes of text above which a file is read in blocks."""
HEAD, LOOKED_AT = 2**22, 2000
"""Bytes and rows that tell how a large file is written."""


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
    r"""Read a CSV file (separated by `,` `;` tab `|` or spaces, which is found), or a table in another format.

    Other formats are .tsv, .parquet, .xlsx (the first sheet) and lines of JSON (.jsonl, .ndjson, .json). Text files and
    JSON may be compressed (.csv.gz). A folder of text files has the columns `text` and, from class folders, `label`. A
    text file of more than 32 MB is read in blocks.

    A column whose cells are all numbers or missing becomes numbers, any other stays text. Numbers may have a decimal
    comma, thousands separators, a currency or percent sign; where one column leaves open what `,` and `.` mean, the
    others show it. Spaces around cells and names are taken off and blank lines passed over.

    Arguments: `encoding` of a text file, a byte-order mark is passed over; `text`, columns that stay text even where
    every cell reads as a number; `fewest` columns that will do; `header`, False if the first line is a row already
    (columns are then `column1`, `column2` …), True to take it for names whatever it looks like; `decimal`, the decimal
    sign of numbers in text; `like`, the layout of a saved preparation, whose columns stay text and are read by the
    preparation.

    Returns a table with at least one row, its index counting from 0, and with distinct column names.

    Errors: `InputError` for an option that the format does not have, and for a file that is missing, a folder, empty,
    binary, in another encoding, has unequal rows, duplicate or empty names, names that look like values, no rows, or
    too few columns.

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
    check_decimal(decimal)
    if path.is_dir() and has_texts(path):
        refuse_options("a folder of text files", header=header, decimal=decimal)
        return Table(read_text_folder(path, encoding))
    _check_file(path)
    suffix = suffix_of(path)
    if suffix in READERS or suffix in EXCEL:
        frame = _read_excel(path, encoding, header, like) if suffix in EXCEL else _read_cells(path, encoding, header)
        check_names(list(frame.columns), where)
        refuse_nested(frame, where)
        check_table(frame, where=where, fewest=fewest)
        if like is not None:
            return Table(mask_words(frame, _categories(like)))
        is_named = suffix in EXCEL or header is True
        return table_of(frame if suffix in PARQUET else mask_words(frame), decimal=decimal, named=is_named)
    raw = _bytes(path, LARGE + 1)
    content = _decoded(raw if len(raw) <= LARGE else _whole_lines(raw), encoding, where)
    separator = "\t" if suffix_of(path) == ".tsv" else find_separator(content)
    if len(raw) > LARGE:
        head = list(islice(read_records(content, separator, where), LOOKED_AT))
        names, rows = _named(head, header, like, where)
        check_names(names, where)
        check_size(len(rows), len(names), fewest, where)
        skip = first_record_lines(content, separator) if len(rows) < len(head) else 0
        lines = Lines(lambda: open_plain(path), encoding, separator, len(names), skip, where)
        numbers, cells = _large(lines, names, _text_columns(text, like), path)
        return (
            _typed(cells, numbers, names, text, decimal, separator)
            if like is None
            else _raw(cells, numbers, names, like)
        )
    records = list(read_records(content, separator, where))
    if not records:
        raise InputError(f"Expected a table in {where}, got empty cells only. {SAVE_AS_CSV}")
    names, rows = _named(records, header, like, where)
    check_names(names, where)
    check_size(len(rows), len(names), fewest, where)
    cells = dict(pd.DataFrame(rows, columns=names, dtype="str").items())
    return _typed(cells, {}, names, text, decimal, separator) if like is None else _raw(cells, {}, names, like)


def _read_cells(path: Path, encoding: str, header: bool | None) -> pd.DataFrame:
    """Return the cells of a file whose columns have names."""
    written = encoding if suffix_of(path) in PARQUET else ENCODING
    refuse_options(f"{path.name!r}, whose columns have names", encoding=written, header=header)
    return READERS[suffix_of(path)](path, encoding)


def _read_excel(path: Path, encoding: str, header: bool | None, like: Layout | None) -> pd.DataFrame:
    """Return the cells of the first sheet of a workbook, whose first row has names, or is a row already."""
    refuse_options(f"the Excel workbook {path.name!r}", encoding=encoding)
    rows = read_excel(path)
    texts = [[cell_text(cell) for cell in row] for row in rows[:LOOKED_AT]]
    names, below = _named(texts, header, like, repr(path.name))
    return excel_table(names, rows[len(texts) - len(below) :])


def _raw(cells: Mapping[str, pd.Series], numbers: Mapping[str, pd.Series], names: Sequence[str], like: Layout) -> Table:
    """Return text cells as they are, for a preparation that reads them; NaN for missing ones."""
    categories = _categories(like)
    masked = {name: mask_missing(column, categories.get(name, ())) for name, column in cells.items()}
    return Table(pd.DataFrame({**masked, **numbers})[list(names)])


def _categories(like: Layout) -> dict[str, tuple[str, ...]]:
    """Return the categories of the columns of a layout, which may be words for missing cells."""
    return {column.name: (*column.categories, *column.merged, *column.words) for column in like.columns}


def _text_columns(text: Collection[str], like: Layout | None) -> set[str]:
    """Return the columns of a large file whose cells are not read as plain numbers."""
    others = [] if like is None else [c.name for c in like.columns if c.kind != "number" or c.format != PLAIN]
    return {*text, *others}


def _large(
    lines: Lines, names: Sequence[str], text: set[str], path: Path
) -> tuple[dict[str, pd.Series], dict[str, pd.Series]]:
    """Read a large file; the whole of it is read again for the place of a byte in another encoding."""
    try:
        return read_large(lines, names, text)
    except UnicodeDecodeError:
        with lines.open() as stream:
            _decoded(stream.read(), lines.encoding, lines.where)
        raise InputError(f"Expected {lines.where} in {lines.encoding}. Try --encoding latin-1.") from None
    except (OSError, EOFError) as error:
        raise InputError(f"Expected a readable table in {path.name!r}, got: {error!s:.100}.") from None


def _whole_lines(raw: bytes) -> bytes:
    """Return the first bytes up to the end of a line, as many as tell how a file is written."""
    head = raw[:HEAD]
    return head[: head.rfind(b"\n") + 1] or head


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


def _typed(
    cells: Mapping[str, pd.Series],
    parsed: Mapping[str, pd.Series],
    names: Sequence[str],
    text: Collection[str],
    decimal: str | None,
    separator: str,
) -> Table:
    """Turn the columns of a file into numbers where all their cells are some; those of `parsed` are already."""
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
        {name: columns[name] for name in cells if name not in text},
        decimal,
        "," if separator == ";" else ".",
        parsed,
    )
    rows, unified = unify_truths(pd.DataFrame({**columns, **parsed, **numbers})[list(names)])
    return Table(rows, formats, (*sentences, *notes, *unified))


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise InputError(
            f"Expected a table, got the folder {str(path)!r}. Give a file in it: {listed_files(path, path.name)}"
        )
    if not path.is_file():
        raise InputError(
            f"Expected a table, got {str(path)!r}, which does not exist. In {str(path.parent)!r}: "
            f"{listed_files(path.parent, path.name)}"
        )
    try:
        size = path.stat().st_size
        path.open("rb").close()
    except OSError as error:
        raise InputError(f"Expected a readable table, got {str(path)!r}: {error.strerror}. Check its rights.") from None
    if not size:
        raise InputError(f"Expected a table in {path.name!r}, got an empty file. {SAVE_AS_CSV}")


def _bytes(path: Path, most: int) -> bytes:
    """Return the first bytes of a file, unpacked."""
    try:
        content = b""
        with open_plain(path) as stream:
            while len(content) < most and (part := stream.read(most - len(content))):
                content += part
        return content
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"Expected a readable table in {path.name!r}, got: {error!s:.100}.") from None


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
