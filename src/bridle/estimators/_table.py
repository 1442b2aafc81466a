"""A person's own table: read from a file, and the problem that its target column poses."""

import codecs
import csv
import io
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from itertools import islice
from numbers import Integral, Real
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Shaped

from bridle._errors import InputError, KindError, near

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
TASKS = ("classification", "regression")
MOST_CLASSES, CLASS_SHARE = 20, 0.05
FEW_CLASSES, FEW_ROWS = 10, 5
SAVE_AS_CSV = "Save it as CSV (UTF-8): the first line holds the column names, each further line one row."


def read_table(
    path: str | Path, *, encoding: str = "utf-8", text: Collection[str] = (), fewest: int = 2
) -> pd.DataFrame:
    r"""Read a CSV file (separated by `,` `;` tab or `|`, which is found), a .tsv file or a .parquet file.

    A column whose cells are all numbers or missing becomes numbers, any other stays text; where `,` is not the
    separator, it may be the decimal sign. Spaces around cells and names are taken off and blank lines passed over.

    Arguments: `encoding` of a text file, a byte-order mark is passed over; `text`, columns that stay text even where
    every cell reads as a number (give a saved recipe's `layout.text_columns`); `fewest` columns that will do.

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
    header = next(records)
    _check_names(header, where)
    rows = list(records)
    _check_size(len(rows), len(header), fewest, where)
    cells = pd.DataFrame(rows, columns=header, dtype="str")
    cells = cells.mask(cells.isin(MISSING))
    comma = separator != ","
    return pd.DataFrame({name: cells[name] if name in text else _typed(cells[name], comma) for name in header})


def check_table(table: pd.DataFrame, *, where: str = "the table", fewest: int = 2) -> pd.DataFrame:
    """The same table, once it is known to have rows, enough columns, and distinct names that are text.

    Errors: `KindError` for anything but a DataFrame, `InputError` for the rest.
    """
    if not isinstance(table, pd.DataFrame):
        raise KindError(f"Expected a pandas DataFrame, got {type(table).__name__}. Try pandas.DataFrame(…).")
    _check_names(list(table.columns), where)
    _check_size(len(table), len(table.columns), fewest, where)
    return table


def kind_of(column: pd.Series) -> str:
    """What a column holds: `number`, `text`, `bool` or `date`.

    >>> kind_of(pd.Series([1, None])), kind_of(pd.Series([True, False])), kind_of(pd.Series(["a", "1"]))
    ('number', 'bool', 'text')
    """
    found = pd.api.types.infer_dtype(_plain(column), skipna=True)
    if found in ("integer", "floating", "mixed-integer-float", "decimal"):
        return "number"
    if found in ("datetime64", "datetime", "date", "timedelta64", "timedelta", "time", "period"):
        return "date"
    return "bool" if found == "boolean" else "text"


def numbers_of(column: pd.Series) -> Float[np.ndarray, "row"]:
    """A column as float64, missing cells NaN; numbers written as text are read.

    Errors: `InputError` that names the column, the row and the cell, for text, dates, and numbers beyond ±1e100.
    """
    kind = kind_of(column)
    cells = column.astype(object) if kind == "date" else pd.to_numeric(_plain(column), errors="coerce")
    bad = column.notna() & (cells.isna() | (kind == "date"))
    _refuse(column, bad.to_numpy(bool), "numbers")
    values = cells.to_numpy(dtype=np.float64, na_value=np.nan)
    _refuse(column, np.abs(values) > 1e100, "finite numbers within ±1e100")
    return values


def labels_of(column: pd.Series, missing: str | None = None) -> Shaped[np.ndarray, "row"]:
    """A column as text labels, `missing` where a cell is. Whole numbers read the same from any type: 1.0 is `'1'`.

    >>> labels_of(pd.Series([1.0, None]), missing="?").tolist()
    ['1', '?']
    """
    plain = _plain(column)
    if plain.dtype == object:
        plain = plain.map(_label, na_action="ignore").astype(object)
    codes, distinct = pd.factorize(plain)
    return np.array([*map(_label, distinct), missing], dtype=object)[codes]


@dataclass(frozen=True)
class Problem:
    """What is to be predicted: `classification` or `regression` of the column `target`.

    `classes` are the labels in order (numbers by size, text by alphabet), None for a regression; class number i is
    `classes[i]`. `kind` says what a label was in the table: `text`, `bool`, `integer` or `number`. `rows` have a
    target, `missing` rows have none and are left out.
    """

    task: str
    target: str
    classes: tuple[str, ...] | None
    kind: str
    rows: int
    missing: int

    def to_json(self) -> dict[str, object]:
        """The problem as strict JSON."""
        return {"format": "bridle problem 1", **asdict(self), "classes": self.classes and list(self.classes)}

    @staticmethod
    def from_json(content: object) -> "Problem":
        """The problem that `to_json` wrote; `InputError` names the entry that cannot be one."""
        fields = saved(content, "problem", PROBLEM_RULES)
        classes = fields["classes"]
        if (classes is None) != (fields["task"] == "regression"):
            raise InputError(f"Expected 'classes' to fit the task {fields['task']!r}, got {classes!r}. {DAMAGED}")
        _check_labels(classes or [], fields["kind"])
        rest = {name: fields[name] for name in ("task", "target", "kind", "rows", "missing")}
        return Problem(**rest, classes=classes and tuple(classes))


def find_problem(table: pd.DataFrame, target: str, task: str | None = None, *, min_rows: int = 5) -> Problem:
    """Find out what a target column asks for.

    Text, bool and category columns are classes. Whole numbers are classes where at most 20 differ and they are at
    most 5 % of the rows, or at most 10 differ and each has at least 5 rows. Any other number is a regression. `task`
    overrules this. Rows without a target are counted and not looked at. Each class needs `min_rows` rows: the number
    of folds. A regression needs as many in all.

    Errors: `InputError` for a target that is no column, is missing in every row, has one value only, is a date or
    not finite; for text called a regression; for a class with too few rows.

    >>> find_problem(pd.DataFrame({"a": range(6), "b": list("xyxyxy")}), "b", min_rows=3).classes
    ('x', 'y')
    """
    check_table(table)
    if target not in table.columns:
        names = near(str(target), table.columns)
        raise InputError(f"Expected a column of the table as target, got {target!r}. {names}")
    if task not in (None, *TASKS):
        raise InputError(f"Expected task 'classification' or 'regression', got {task!r}. Leave it out to find it.")
    values = table[target].dropna()
    kind = _label_kind(values, target)
    counts = Counter(labels_of(values))
    if len(counts) == 1:
        raise InputError(f"Expected a target with at least two values, got {next(iter(counts))!r} in all {len(values)} "
                         f"rows of {target!r}. There is nothing to predict: give another target.")
    task = task or _guess(kind, counts)
    missing = len(table) - len(values)
    if task == "regression":
        _check_regression(values, kind, min_rows)
        return Problem(task, target, None, kind, len(values), missing)
    _check_classes(counts, target, kind, min_rows)
    order = str if kind in ("text", "bool") else float
    return Problem(task, target, tuple(sorted(counts, key=order)), kind, len(values), missing)


def known_rows(problem: Problem, table: pd.DataFrame) -> pd.DataFrame:
    """The rows that have a target, in their order and with their index."""
    return table[table[problem.target].notna()]


def encode_target(problem: Problem, column: pd.Series) -> Shaped[np.ndarray, "row"]:
    """Class numbers (int64) or, for a regression, float64.

    Errors: `InputError` for a missing cell, and for a label that is no class of the problem.

    >>> encode_target(Problem("classification", "b", ("x", "y"), "text", 4, 0), pd.Series(["y", "x"])).tolist()
    [1, 0]
    """
    empty = column.isna().to_numpy(bool)
    if empty.any():
        raise InputError(f"Expected a target in every row, got {first_of(column, empty)}. "
                         "Keep known_rows(problem, table).")
    if problem.classes is None:
        return numbers_of(column)
    number = {label: index for index, label in enumerate(problem.classes)}
    labels = labels_of(column)
    strange = np.array([label not in number for label in labels], bool)
    if strange.any():
        names = near(labels[strange][0], number)
        raise InputError(f"Expected one of the {len(number)} classes of {problem.target!r}, "
                         f"got {first_of(column, strange)}. {names}")
    return np.array([number[label] for label in labels], dtype=np.int64)


def decode_target(problem: Problem, array: Shaped[np.ndarray, "row"]) -> Shaped[np.ndarray, "row"]:
    """The labels of class numbers, of the type that they had in the table; for a regression the numbers, float64.

    >>> decode_target(Problem("classification", "b", ("3", "10"), "integer", 4, 0), np.array([1, 0])).tolist()
    [10, 3]
    """
    if problem.classes is None:
        return np.asarray(array, dtype=np.float64)
    numbers = np.asarray(array)
    count = len(problem.classes)
    if not np.issubdtype(numbers.dtype, np.integer) or ((numbers < 0) | (numbers >= count)).any():
        raise InputError(f"Expected class numbers 0 to {count - 1} of an integer type, got {numbers!r:.200}. "
                         "For probabilities, take argmax over the classes first.")
    return LABELS[problem.kind](problem.classes)[numbers]


def first_of(column: pd.Series, chosen: Shaped[np.ndarray, "row"]) -> str:
    """The first chosen cell in words, and its row by the label in the table's index, which counts from 0 for a file.

    >>> first_of(pd.Series(["x", "y"]), np.array([False, True]))
    "'y' in row 1 (counted from 0, below the header)"
    """
    place = int(np.flatnonzero(chosen)[0])
    cell, label = column.iloc[place], column.index[place]
    row = f"{label} (counted from 0, below the header)" if isinstance(label, Integral) else repr(label)
    return f"{cell!r} in row {row}" if isinstance(cell, str) else f"{cell} in row {row}"


def saved(content: object, name: str, rules: Mapping[str, tuple[str, Callable[[object], bool]]]) -> Mapping:
    """A saved dictionary, once it holds exactly the entries of `rules` and each is what its rule expects."""
    if not isinstance(content, Mapping) or set(content) != set(rules):
        got = sorted(map(str, content)) if isinstance(content, Mapping) else content
        raise InputError(f"Expected the saved {name} to have the entries {sorted(rules)}, got {got!r:.200}. {DAMAGED}")
    for entry, (expected, holds) in rules.items():
        got = content[entry]
        if not holds(got):
            raise InputError(f"Expected {expected} as {entry!r} of the saved {name}, got {got!r:.200}. {DAMAGED}")
    return content


def is_count(value: object) -> bool:
    """A whole number ≥ 0 that is no bool."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_names(value: object) -> bool:
    """A list of distinct texts."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value) and len(set(value)) == len(value)


DAMAGED = "The file was changed or written by another version: run `bridle tune` again."
LABELS: dict[str, Callable[[Sequence[str]], np.ndarray]] = {
    "text": lambda labels: np.array(labels, dtype=object),
    "bool": lambda labels: np.array([label == "True" for label in labels]),
    "integer": lambda labels: np.array([int(label) for label in labels]),
    "number": lambda labels: np.array([float(label) for label in labels]),
}
"""How labels become what they were in the table again."""
PROBLEM_RULES = {
    "format": ("'bridle problem 1'", lambda value: value == "bridle problem 1"),
    "task": ("'classification' or 'regression'", lambda value: value in TASKS),
    "target": ("a column name", lambda value: isinstance(value, str)),
    "classes": ("two or more distinct labels or null", lambda value: value is None or (is_names(value) and value[1:])),
    "kind": (f"one of {list(LABELS)}", lambda value: isinstance(value, str) and value in LABELS),
    "rows": ("a count", is_count),
    "missing": ("a count", is_count),
}


def _bytes(path: Path) -> bytes:
    where = repr(path.name)
    if path.is_dir():
        raise InputError(f"Expected a table, got the folder {str(path)!r}. Give a file in it: "
                         f"{near(path.name, _files(path))}")
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"Expected a table, got {str(path)!r}, which does not exist. In {str(path.parent)!r}: "
                         f"{near(path.name, _files(path.parent))}") from None
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
    except LookupError:
        raise InputError(f"Expected the name of an encoding to read {where}, got {encoding!r}. Try latin-1.") from None
    except UnicodeDecodeError as error:
        at, line = error.start, raw.count(b"\n", 0, error.start) + 1
        raise InputError(f"Expected {where} in {encoding}, got the byte 0x{raw[at]:02x} at position {at} (line {line})."
                         " Try --encoding latin-1 (Python: encoding='latin-1'), or save it as UTF-8.") from None
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
                    raise InputError(f"Expected as many cells in each row of {where} as the first line has, {width}, "
                                     f"got {len(cells)} in line {line} ({separator.join(cells)!r:.60}). "
                                     f'Add or remove cells; put "…" around a cell that holds {separator!r}.')
                yield cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"Expected a table in {where}, got a row that cannot be read from line {line}: {error}. "
                         "Look at its quotation marks.") from None


def _check_names(names: Sequence[object], where: str) -> None:
    for place, name in enumerate(names, start=1):
        if not isinstance(name, str):
            raise InputError(f"Expected column names of {where} to be text, got {name!r} for column {place}. "
                             "Try table.columns = table.columns.map(str).")
        if not name.strip():
            raise InputError(f"Expected a name for each column of {where}, got none for column {place}. Write one in "
                             "the first line; if it holds row numbers, delete it (pandas: to_csv(…, index=False)).")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        places = " and ".join(f"column {place}" for place, name in enumerate(names, start=1) if name == twice[0])
        raise InputError(f"Expected distinct column names in {where}, got {twice[0]!r} for {places}. Rename one.")


def _check_size(rows: int, columns: int, fewest: int, where: str) -> None:
    if columns < fewest:
        raise InputError(f"Expected at least {fewest} columns in {where}, got {columns}. A target and something to "
                         "predict it from are needed; cells are separated by one of , ; tab |.")
    if not rows:
        raise InputError(f"Expected rows below the column names of {where}, got none. Each further line is one row.")


def _typed(cells: pd.Series, comma: bool) -> pd.Series:
    """Numbers where every cell is one. A comma is the decimal sign unless it could group thousands throughout."""
    known = cells.dropna()
    if comma and known.str.fullmatch(DECIMAL_COMMA).all() and not known.str.fullmatch(GROUPED).all():
        cells = cells.str.replace(",", ".")
    found = pd.to_numeric(cells, errors="coerce")
    return cells if found.isna().sum() > cells.isna().sum() else found


def _plain(column: pd.Series) -> pd.Series:
    """A category column as the values that its categories are."""
    return column.astype(object).infer_objects() if isinstance(column.dtype, pd.CategoricalDtype) else column


def _label(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, Real) and float(value).is_integer():
        return str(int(value))
    return repr(float(value)) if isinstance(value, Real) else str(value).strip()


def _refuse(column: pd.Series, bad: Shaped[np.ndarray, "row"], expected: str) -> None:
    if bad.any():
        raise InputError(f"Expected {expected} in column {column.name!r}, got {first_of(column, bad)}. "
                         "Correct the cell or leave it empty.")


def _label_kind(values: pd.Series, target: str) -> str:
    if values.empty:
        raise InputError(f"Expected values in the target {target!r}, got missing cells only. Give another target.")
    kind = kind_of(values)
    if kind == "date":
        raise InputError(f"Expected numbers or classes in the target {target!r}, got dates. Turn them into numbers.")
    if kind != "number":
        return kind
    numbers = numbers_of(values)
    return "integer" if np.array_equal(numbers, np.round(numbers)) else "number"


def _guess(kind: str, counts: Mapping[str, int]) -> str:
    if kind in ("text", "bool"):
        return "classification"
    rows, distinct = sum(counts.values()), len(counts)
    some = distinct <= MOST_CLASSES and distinct <= CLASS_SHARE * rows
    few = distinct <= FEW_CLASSES and min(counts.values()) >= FEW_ROWS
    return "classification" if kind == "integer" and (some or few) else "regression"


def _check_regression(values: pd.Series, kind: str, min_rows: int) -> None:
    if kind in ("text", "bool"):
        raise InputError(f"Expected numbers in the target {values.name!r} of a regression, got {values.iloc[0]!r}. "
                         "Choose classification (--task classification), or give a target of numbers.")
    if len(values) < min_rows:
        raise InputError(f"Expected at least {min_rows} rows with a target, one for each fold, got {len(values)}. "
                         "Use fewer folds or more rows.")


def _check_classes(counts: Mapping[str, int], target: str, kind: str, min_rows: int) -> None:
    rare = sorted((count, label) for label, count in counts.items() if count < min_rows)
    if rare:
        shown = ", ".join(f"{label!r}: {count}" for count, label in rare[:5]) + (" …" if len(rare) > 5 else "")
        other = "" if kind in ("text", "bool") else ", or choose regression (--task regression)"
        raise InputError(f"Expected at least {min_rows} rows of each class of {target!r}, one for each fold, got "
                         f"{shown} ({len(rare)} of {len(counts)} classes). "
                         f"Merge or remove them or use fewer folds{other}.")


def _check_labels(classes: list[str], kind: str) -> None:
    try:
        LABELS[kind](classes)
    except (ValueError, OverflowError):
        raise InputError(f"Expected 'classes' of kind {kind!r}, got {classes!r:.200}. {DAMAGED}") from None
