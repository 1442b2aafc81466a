"""Tables from files of typed cells: Parquet, Excel workbooks, lines of JSON, and folders of text files."""

import gzip
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, cast

import numpy as np
import pandas as pd

from bridle._errors import InputError, nearest_names, short_repr
from bridle.tables._records import mask_missing, words_as_categories

GZIP = b"\x1f\x8b"
BLOCK_LINES = 50_000
TEXT_SUFFIXES = (".txt", ".md", ".text")
TEXT, LABEL, FILE = "text", "label", "file"
"""Columns of a folder of text files; FILE is the name of the index."""
SAVE_AS_CSV = "Save it as CSV (UTF-8): the first line holds the column names, each further line one row."


def suffix_of(path: Path) -> str:
    """Return the suffix of a file in lower case, that before `.gz` for a compressed one.

    >>> suffix_of(Path("a/Pets.CSV.gz"))
    '.csv'
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return next((suffix for suffix in reversed(suffixes) if suffix != ".gz"), "")


def open_plain(path: Path) -> BinaryIO:
    """Open a file to read its bytes, unpacked if it is a gzip archive."""
    with path.open("rb") as file:
        is_packed = file.read(2) == GZIP
    return cast(BinaryIO, gzip.open(path, "rb") if is_packed else path.open("rb"))


def read_parquet(path: Path, encoding: str) -> pd.DataFrame:
    """Read a Parquet file, its named index as columns. `encoding` is not used.

    Errors: `InputError` without pyarrow, and for a file that it cannot read.
    """
    _require("pyarrow", "parquet", path)
    try:
        table = pd.read_parquet(path, engine="pyarrow")
    except (OSError, ValueError) as error:
        raise InputError(f"Expected a Parquet table in {path.name!r}, got: {error}. {SAVE_AS_CSV}") from None
    levels = [name for name in table.index.names if name is not None and name not in table.columns]
    index = table.index.to_frame(index=False)[levels] if levels else pd.DataFrame(index=range(len(table)))
    return pd.concat([index, table.reset_index(drop=True)], axis=1)


def read_excel(path: Path) -> list[list[object]]:
    """Read the cells of the first sheet of an Excel workbook, NaN for missing ones.

    They have the values that Excel computed last. Empty rows and columns are passed over.

    Errors: `InputError` without openpyxl, and for a file that it cannot read or whose sheet is empty.
    """
    _require("openpyxl", "excel", path)
    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        rows = [list(row) for row in book.worksheets[0].iter_rows(values_only=True)]
        book.close()
    except Exception as error:  # a damaged archive fails in many ways
        raise InputError(f"Expected an Excel workbook in {path.name!r}, got: {error!s:.200}. {SAVE_AS_CSV}") from None
    rows = [row for row in rows if any(cell is not None and cell != "" for cell in row)]
    if not rows:
        raise InputError(f"Expected a table in the first sheet of {path.name!r}, got empty cells only.")
    width = max(map(len, rows))
    rows = [row + [None] * (width - len(row)) for row in rows]
    used = [index for index in range(width) if any(row[index] not in (None, "") for row in rows)]
    return [[_excel_cell(row[index]) for index in used] for row in rows]


def cell_text(cell: object) -> str:
    """Return a cell of a workbook as it would stand in a text file."""
    return "" if cell is None or cell != cell else str(cell).strip()


def excel_table(names: list[str], rows: list[list[object]]) -> pd.DataFrame:
    """Return cells as a table, with names that may be empty or occur twice, which `check_names` refuses."""
    columns = [pd.Series(list(cells), dtype=object).infer_objects() for cells in zip(*rows, strict=True)]
    frame = pd.concat(columns, axis=1) if columns else pd.DataFrame(columns=range(len(names)))
    frame.columns = pd.Index(names, dtype=object)
    return frame


def read_json_lines(path: Path, encoding: str) -> pd.DataFrame:
    """Read a file with one JSON object in each line, or one list of objects. A name that a line lacks is missing.

    Errors: `InputError` with the line for text that is no JSON object, and for a value that is a list or an object.
    """
    where, blocks, block = repr(path.name), [], []
    for number, record in _json_records(path, encoding, where):
        if not isinstance(record, dict):
            raise InputError(
                f'Expected an object such as {{"age": 41}} in line {number} of {where}, got {record!r:.60}.'
            )
        nested = [name for name, value in record.items() if isinstance(value, list | dict)]
        if nested:
            raise InputError(
                f"Expected numbers and text in line {number} of {where}, got {record[nested[0]]!r:.60} for "
                f"{short_repr(nested[0])}. Write its parts as entries of their own."
            )
        block.append(record)
        if len(block) == BLOCK_LINES:
            blocks.append(pd.DataFrame(block))
            block = []
    frames = [*blocks, *([pd.DataFrame(block)] if block else [])]
    if not frames:
        raise InputError(f"Expected one JSON object in each line of {where}, got an empty file.")
    frame = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]
    return frame.set_axis([str(name) for name in frame.columns], axis=1)


READERS: Mapping[str, Callable[[Path, str], pd.DataFrame]] = {
    ".parquet": read_parquet,
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".json": read_json_lines,
}
"""Functions of a path and an encoding, by the suffix of the files that they read."""
EXCEL, PARQUET = (".xlsx", ".xlsm"), (".parquet",)
"""Suffixes of workbooks, and of the files that hold the encoding of their text."""
ENCODING = "utf-8"
"""The encoding of a text file, if no other is given."""


def refuse_options(
    what: str, *, encoding: str = ENCODING, header: bool | None = None, decimal: str | None = None
) -> None:
    """Raise `InputError` for options of a text file that are given for something else, named by `what`."""
    given = {"--encoding": encoding != ENCODING, "--no-header": header is False, "--decimal": decimal is not None}
    named = [name for name, is_given in given.items() if is_given]
    if named:
        raise InputError(
            f"Expected no {' and '.join(named)} for {what}, which is not written that way. Leave "
            f"{'it' if len(named) == 1 else 'them'} out (Python: {', '.join(map(_argument, named))})."
        )


def _argument(option: str) -> str:
    """Return an option of the command line as an argument of Python."""
    return option.removeprefix("--").removeprefix("no-")


def mask_words(frame: pd.DataFrame, categories: Mapping[str, Collection[str]] = MappingProxyType({})) -> pd.DataFrame:
    """Return a table with NaN for text cells that mean a missing one, such as `NA`, as in a text file.

    `categories` has the words that are categories, by column; those of other columns are found from their cells.
    """
    return frame.assign(
        **{
            name: _masked(frame[name], categories.get(name))
            for name in frame.columns
            if frame[name].dtype == object or pd.api.types.is_string_dtype(frame[name])
        }
    )


def _masked(column: pd.Series, categories: Collection[str] | None) -> pd.Series:
    cells = column.map(lambda cell: cell.strip() if isinstance(cell, str) else cell, na_action="ignore")
    if categories is None:
        present = cells.dropna()
        is_text = bool(len(present)) and bool(present.map(lambda cell: isinstance(cell, str)).all())
        categories = words_as_categories(present) if is_text else ()
    return mask_missing(cells, categories).infer_objects()


def read_text_folder(path: Path, encoding: str) -> pd.DataFrame:
    """Read text files in class folders as the columns `text` and `label`, or text files without classes as `text`.

    The index has the names of the files. An empty file has a missing text.

    Errors: `InputError` for a folder without text files, a class folder without any, and a file in another encoding.
    """
    by_class = {folder.name: _text_files(folder) for folder in _class_folders(path)}
    if not any(by_class.values()):
        by_class = {"": _text_files(path)}
    empty = [name for name, files in by_class.items() if not files]
    if empty:
        listed = [item.name for item in (path / empty[0]).iterdir()]
        got = f"{len(listed)} other files" if listed else "an empty folder"
        raise InputError(
            f"Expected text files ({', '.join(TEXT_SUFFIXES)}) in {str(path / empty[0])!r}, got {got}. "
            "Remove it, or give a table."
        )
    files = [(label, file) for label, group in by_class.items() for file in group]
    texts = [_text(file, encoding) for _, file in files]
    index = pd.Index([file.relative_to(path).as_posix() for _, file in files], name=FILE)
    frame = pd.DataFrame({TEXT: pd.Series(texts, index=index, dtype=object)}, index=index)
    return frame if "" in by_class else frame.assign(**{LABEL: [label for label, _ in files]})


def has_texts(path: Path) -> bool:
    """Check for a folder with text files, or with folders of them; hidden ones do not count."""
    return any(map(_text_files, [path, *_class_folders(path)]))


def refuse_nested(frame: pd.DataFrame, where: str) -> None:
    """Raise `InputError` for a column whose cells are lists, objects or bytes."""
    for name in frame.columns:
        column = frame[name]
        if column.dtype == object:
            strange = column.map(lambda cell: isinstance(cell, list | dict | tuple | np.ndarray | bytes))
            if strange.any():
                cell = column[strange].iloc[0]
                raise InputError(
                    f"Expected numbers, text and dates in column {short_repr(name)} of {where}, got "
                    f"{type(cell).__name__} {cell!r:.60}. Write its parts as columns of their own."
                )


def _json_records(path: Path, encoding: str, where: str) -> Iterator[tuple[int, Any]]:
    """Yield the values of a file with the numbers of their lines."""
    with open_plain(path) as stream:
        is_list, number = False, 0
        for number, line in enumerate(_decoded_lines(stream, encoding, where), start=1):
            if number == 1 and line.lstrip().startswith("["):
                is_list = True
                break
            if line.strip():
                yield number, _json(line, number, where)
    if is_list:
        with open_plain(path) as stream:
            content = "".join(_decoded_lines(stream, encoding, where))
        yield from ((row, record) for row, record in enumerate(_json(content, 1, where), start=1))


def _decoded_lines(stream: BinaryIO, encoding: str, where: str) -> Iterator[str]:
    number = 0
    try:
        for line in stream:
            number += 1
            yield line.decode(encoding).removeprefix("\ufeff")
    except (UnicodeDecodeError, LookupError) as error:
        raise InputError(f"Expected {where} in {encoding}, got: {error!s:.100} (line {number}).") from None


def _json(text: str, number: int, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"Expected one JSON object in each line of {where}, got {text.strip()!r:.60} in line {number}: "
            f"{error!s:.100}."
        ) from None


def _excel_cell(cell: object) -> object:
    """Return a cell of a workbook; NaN for an error such as `#N/A` and for empty text."""
    if isinstance(cell, str):
        text = cell.strip()
        return np.nan if not text or (text.startswith("#") and text.rstrip("!?").isupper()) else text
    return np.nan if cell is None else cell


def _class_folders(path: Path) -> list[Path]:
    return sorted(item for item in path.iterdir() if item.is_dir() and not item.name.startswith("."))


def _text_files(folder: Path) -> list[Path]:
    files = (item for item in folder.iterdir() if item.is_file() and not item.name.startswith("."))
    return sorted(item for item in files if item.suffix.lower() in TEXT_SUFFIXES)


def _text(file: Path, encoding: str) -> str | float:
    try:
        return file.read_text(encoding=encoding).removeprefix("\ufeff").strip() or np.nan
    except (UnicodeDecodeError, LookupError, OSError) as error:
        raise InputError(
            f"Expected text in {encoding} in {str(file)!r}, got: {error!s:.100}. Try --encoding latin-1."
        ) from None


def _require(package: str, extra: str, path: Path) -> None:
    if find_spec(package) is None:
        raise InputError(
            f"Expected {package} to read {path.name!r}, got none. Run pip install 'bridle[{extra}]', or save a CSV."
        )


def listed_files(folder: Path, name: str) -> str:
    """Return the names in a folder that are nearest to a name."""
    files = sorted(item.name for item in folder.iterdir() if item.is_file()) if folder.is_dir() else []
    return nearest_names(name, files)
