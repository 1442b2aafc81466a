"""Tables with parsed numbers, from the text cells of a file or the text columns of a data frame."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import pandas as pd

from bridle._errors import InputError, short_repr
from bridle.tables._checks import check_table
from bridle.tables._header import looks_like_values
from bridle.tables._number_format import PLAIN, NumberFormat, choose_formats, example, formats_of
from bridle.tables._problem import MOST_CLASSES

OPEN = r"[-+]?[1-9]\d{0,2}\.\d{3}"
"""Digits whose point separates thousands where the other columns have decimal commas."""
CODE = r"[-+]?0\d+.*"
"""Digits that no number begins with."""
TRUTHS = {"true": "True", "false": "False"}


@dataclass(frozen=True)
class Table:
    """Table with the decisions made on reading it.

    `formats` are those of numbers that are not written as Python does, by column; `notes` are sentences for the user.
    """

    rows: pd.DataFrame
    formats: Mapping[str, NumberFormat] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def table_of(
    frame: pd.DataFrame, target: str | None = None, *, decimal: str | None = None, named: bool = False
) -> Table:
    """Read the numbers in text columns of a data frame, with a `decimal` sign that is found where none is given.

    `named` says that its columns have names, whatever these look like. A column of digits stays text where a cell
    begins as codes do (007), and as a target with few values. A category column stays as it is.

    Errors: those of `check_table`; `InputError` for names that look like values.
    """
    check_table(frame)
    check_decimal(decimal)
    names = [str(name) for name in frame.columns]
    if not named and looks_like_values(names, frame):
        listed = ", ".join(map(short_repr, names[:4])) + (" …" if len(names) > 4 else "")
        raise InputError(
            f"Expected the names of the columns of the table, got values like those below them: {listed}. Read the "
            "file with pandas.read_csv(…, header=None), then table.columns = [f'column{n + 1}' for n in "
            "table.columns]. If these are names, put a letter before them: table.add_prefix('c')."
        )
    texts = {name: frame[name] for name in names if _is_text(frame[name])}
    plain = [name for name, cells in texts.items() if _is_plain(cells)]
    codes = [name for name in plain if _is_code(texts[name], name == target)]
    others = {name: cells for name, cells in texts.items() if name not in codes}
    numbers, formats, notes = read_numbers(others, decimal)
    remarks = [
        f"`{name}`: text of numbers, read as numbers; to keep it as text: astype('category')."
        for name in plain
        if name not in codes and name not in formats
    ]
    rows, unified = unify_truths(frame.assign(**numbers))
    return Table(rows, formats, (*notes, *remarks, *unified))


def check_decimal(decimal: object) -> None:
    """Raise `InputError` for anything but a decimal sign, or None to find it."""
    if decimal not in (None, ".", ","):
        raise InputError(f"Expected the decimal sign '.' or ',', got {short_repr(decimal)}. Leave it out to find it.")


def read_numbers(
    columns: Mapping[str, pd.Series],
    decimal: str | None = None,
    default: str = ".",
    parsed: Mapping[str, pd.Series] = MappingProxyType({}),
) -> tuple[dict[str, pd.Series], dict[str, NumberFormat], list[str]]:
    """Read text columns whose cells are all numbers or missing.

    Args:
        columns: text cells; NaN for missing ones.
        decimal: the decimal sign; shown by the columns by default.
        default: the decimal sign where they do not show it.
        parsed: numbers of other columns, which were written as Python does.

    Returns the numbers by column; the formats that are not Python's own; sentences that show how they were read.

    """
    plain, options = {}, {name: [PLAIN] if (values % 1).any() else [] for name, values in parsed.items()}
    for name, cells in columns.items():
        numbers = pd.to_numeric(cells, errors="coerce")
        if numbers.isna().sum() == cells.isna().sum():
            plain[name] = numbers
            options[name] = plain_formats(cells.dropna())
        else:
            options[name] = formats_of(cells.dropna().unique())
    choices = choose_formats(options, decimal, default)
    numbers, formats, alike = dict(plain), {}, defaultdict(list)
    for name, (form, is_open) in choices.items():
        if form == PLAIN or (name in plain and is_open) or name in parsed:
            continue
        numbers[name], formats[name] = form.read_all(columns[name]), form
        alike[form, is_open].append(name)
    notes = [example(names, _telling(columns[names[0]]), form, ambiguous) for (form, ambiguous), names in alike.items()]
    return numbers, formats, notes


def unify_truths(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Turn columns of `TRUE`, `True` and `true` into one spelling, and say so; a column of one spelling stays."""
    unified, notes = {}, []
    for name in rows.columns:
        if rows[name].dtype == object or pd.api.types.is_string_dtype(rows[name]):
            distinct = list(map(str, rows[name].dropna().unique()))
            folded = {cell.lower() for cell in distinct}
            if folded and folded <= set(TRUTHS) and len(distinct) > len(folded):
                unified[name] = rows[name].map(lambda cell: TRUTHS[str(cell).lower()], na_action="ignore")
                notes.append(f"`{name}`: {', '.join(map(short_repr, sorted(distinct)))} count as True and False.")
    return rows.assign(**unified), notes


def _is_text(column: pd.Series) -> bool:
    return not isinstance(column.dtype, pd.CategoricalDtype) and pd.api.types.infer_dtype(column) == "string"


def _is_plain(cells: pd.Series) -> bool:
    return not (pd.to_numeric(cells, errors="coerce").isna() & cells.notna()).any()


def _is_code(cells: pd.Series, is_target: bool) -> bool:
    """Check for digits that are better left as text."""
    return (is_target and cells.nunique() <= MOST_CLASSES) or bool(cells.dropna().str.fullmatch(CODE).any())


def plain_formats(cells: pd.Series) -> list[NumberFormat]:
    """Return the formats of numbers that Python reads: none where no cell has a point."""
    dotted = cells[cells.str.contains(".", regex=False)]
    if dotted.empty:
        return []
    return [PLAIN, NumberFormat(",", ".")] if dotted.str.fullmatch(OPEN).all() else [PLAIN]


def _telling(cells: pd.Series) -> str:
    """Return the first cell that Python would not read, or else the first."""
    present = cells.dropna()
    unreadable = present[pd.to_numeric(present, errors="coerce").isna()]
    return str((present if unreadable.empty else unreadable).iloc[0])
