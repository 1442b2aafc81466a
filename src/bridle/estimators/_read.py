"""A person's own table, read from a file."""

import codecs
import csv
import io
from collections.abc import Collection, Iterator
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

import pandas as pd

from bridle._errors import InputError, near, shown
from bridle.estimators._columns import check_names, check_size, check_table

SEPARATORS = (",", ";", "\t", "|")
MISSING = frozenset({"", "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", "None"})
"""Cells of a text file that count as missing, after spaces around them are taken off."""
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
DECIMAL_COMMA, GROUPED = r"[-+]?\d+(?:,\d+)?", r"[-+]?\d{1,3}(?:,\d{3})?"
SAVE_AS_CSV = "Save it as CSV (UTF-8): the first line holds the column names, each further line one row."


def read_table(
    path: str | Path, *, encoding: str = "utf-8", text: Collection[str] = (), fewest: int = 2
) -> pd.DataFrame:
    r"""Read a CSV file (separated by `,` `;` tab or `|`, which is found), a .tsv file or a .parquet file.

    A column whose cells are all numbers or missing becomes numbers, any other stays text; where `,` is not the
    separator, it may be the decimal sign. Spaces around cells and names are taken off and blank lines passed over.

    Arguments: `encoding` of a text file, a byte-order mark is passed over; `text`, columns that stay text even where
    every cell reads as a number (give a saved preparation's `layout.text_columns`); `fewest` columns that will do.

    Returns a table with at least one row, its index counting from 0, and with distinct column names.

    Errors: `InputError` for a file that is missing, a folder, empty, binary, in another encoding, has unequal rows,
    duplicate or empty names, no rows, or too few columns.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder) / "pets.csv"
    ...     _ = file.write_text("kind;kg\ncat;4,5\ndog;NA\n")
    ...     read_table(file)
      kind   kg
    0  cat  4.5
    1  dog  NaN
    """
    path = Path(path)
    where = repr(path.name)
    raw = _bytes(path)
    if path.suffix.lower() == ".parquet":
        return check_table(_parquet(path), where=where, fewest=fewest)
    content = _decoded(raw, encoding, where)
    separator = "\t" if path.suffix.lower() == ".tsv" else _sniffed(content)
    records = _records(content, separator, where)
    header = next(records, [])
    if not header:
        raise InputError(f"Expected a table in {where}, got empty cells only. {SAVE_AS_CSV}")
    check_names(header, where)
    rows = list(records)
    check_size(len(rows), len(header), fewest, where)
    cells = pd.DataFrame(rows, columns=header, dtype="str")
    cells = cells.mask(cells.isin(MISSING))
    comma = separator != ","
    return pd.DataFrame({name: cells[name] if name in text else _typed(cells[name], comma) for name in header})


def _bytes(path: Path) -> bytes:
    where = repr(path.name)
    if path.is_dir():
        raise InputError(
            f"Expected a table, got the folder {str(path)!r}. Give a file in it: {near(path.name, _files(path))}"
        )
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(
            f"Expected a table, got {str(path)!r}, which does not exist. In {str(path.parent)!r}: "
            f"{near(path.name, _files(path.parent))}"
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
            f"Expected the name of an encoding to read {where}, got {shown(encoding)}. Try latin-1."
        ) from None
    if "\0" in content:
        line = content.count("\n", 0, content.index("\0")) + 1
        raise InputError(f"Expected a table of text in {where}, got binary content in line {line}. {SAVE_AS_CSV}")
    if not content.strip():
        raise InputError(f"Expected a table in {where}, got an empty file. {SAVE_AS_CSV}")
    return content


def _sniffed(content: str) -> str:
    """The separator that cuts the first records into the same number of cells, the most cells if several do."""

    def fitness(separator: str) -> tuple[bool, int]:
        records = csv.reader(io.StringIO(content.lstrip(), newline=""), delimiter=separator)
        try:
            widths = [len(record) for record in islice(records, 20) if record]
        except csv.Error:
            return False, 0
        return widths[0] > 1 and len(set(widths)) == 1, widths[0]

    return max(SEPARATORS, key=fitness)


def _records(content: str, separator: str, where: str) -> Iterator[list[str]]:
    """The header and then each row, their cells stripped; a row of another length than the header is refused."""
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    width, line = 0, 1
    try:
        for record in reader:
            cells = [cell.strip() for cell in record]
            if len(cells) > 1 or any(cells):
                width = width or len(cells)
                if len(cells) != width:
                    raise InputError(
                        f"Expected as many cells in each row of {where} as the first line has, {width}, "
                        f"got {len(cells)} in line {line} ({separator.join(cells)!r:.60}). "
                        f'Add or remove cells; put "…" around a cell that holds {separator!r}.'
                    )
                yield cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(
            f"Expected a table in {where}, got a row that cannot be read from line {line}: {error}. "
            "Look at its quotation marks."
        ) from None


def _typed(cells: pd.Series, comma: bool) -> pd.Series:
    """Numbers where every cell is one. A comma is the decimal sign unless it could group thousands throughout."""
    known = cells.dropna()
    if comma and known.str.fullmatch(DECIMAL_COMMA).all() and not known.str.fullmatch(GROUPED).all():
        cells = cells.str.replace(",", ".")
    found = pd.to_numeric(cells, errors="coerce")
    return cells if found.isna().sum() > cells.isna().sum() else found
