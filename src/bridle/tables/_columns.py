"""The columns of a table: whether they can be used, and the kind, numbers and labels of their cells."""

from collections import Counter
from collections.abc import Sequence
from numbers import Integral, Real

import numpy as np
import pandas as pd
from jaxtyping import Float, Shaped

from bridle._errors import InputError, KindError, nearest_names, short_repr
from bridle.tables._number_format import PLAIN, NumberFormat


def check_table(table: pd.DataFrame, *, where: str = "the table", fewest: int = 2) -> pd.DataFrame:
    """The same table, once it is known to have rows, enough columns, and distinct names that are text.

    Errors: `KindError` for anything but a DataFrame, `InputError` for the rest.
    """
    if not isinstance(table, pd.DataFrame):
        raise KindError(f"Expected a pandas DataFrame, got {type(table).__name__}. Try pandas.DataFrame(…).")
    check_names(list(table.columns), where)
    check_size(len(table), len(table.columns), fewest, where)
    return table


def check_names(names: Sequence[object], where: str) -> None:
    """Refuse column names that are no text, empty, or there twice: `InputError` with their places, from 1."""
    for place, name in enumerate(names, start=1):
        if not isinstance(name, str):
            raise InputError(
                f"Expected column names of {where} to be text, got {name!r:.80} for column {place}. "
                "Try table.columns = table.columns.map(str)."
            )
        if not name.strip():
            raise InputError(
                f"Expected a name for each column of {where}, got none for column {place}. Write one in "
                "the first line; if it holds row numbers, delete it (pandas: to_csv(…, index=False))."
            )
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        places = [f"column {place}" for place, name in enumerate(names, start=1) if name == twice[0]]
        said = " and ".join(places[:3]) + (f" and {len(places) - 3} more" if len(places) > 3 else "")
        raise InputError(
            f"Expected distinct column names in {where}, got {short_repr(twice[0])} for {said}. Rename one."
        )


def check_size(rows: int, columns: int, fewest: int, where: str) -> None:
    """Refuse fewer than `fewest` columns, and a table without rows, with an `InputError`."""
    if columns < fewest:
        raise InputError(
            f"Expected at least {fewest} columns in {where}, got {columns}. A target and something to "
            "predict it from are needed; cells are separated by one of , ; tab | or by spaces."
        )
    if not rows:
        raise InputError(f"Expected rows below the column names of {where}, got none. Each further line is one row.")


def find_column(table: pd.DataFrame, name: str) -> pd.Series:
    """The one column of that name.

    Errors: `KindError` for anything but a DataFrame; `InputError` for no such column, near names listed, or several.
    """
    if not isinstance(table, pd.DataFrame):
        raise KindError(f"Expected a pandas DataFrame, got {type(table).__name__}. Try pandas.DataFrame(…, columns=…).")
    if name not in table.columns:
        names = map(str, table.columns)
        raise InputError(
            f"Expected the column {name!r:.80} in the table, got none of that name. {nearest_names(name, names)}"
        )
    found = table[name]
    if found.ndim > 1:
        raise InputError(
            f"Expected one column {name!r:.80} in the table, got {found.shape[1]} of that name. Rename them."
        )
    return found


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


def numbers_of(column: pd.Series, number_format: NumberFormat = PLAIN) -> Float[np.ndarray, "row"]:
    """A column as float64, missing cells NaN; numbers written as text are read in the given format.

    Errors: `InputError` that names the column, the row and the cell, for text, dates, and numbers beyond ±1e100.
    """
    kind = kind_of(column)
    if kind == "text":
        cells = number_format.read_all(_plain(column))
    else:
        cells = column.astype(object) if kind == "date" else pd.to_numeric(_plain(column), errors="coerce")
    bad = column.notna() & (cells.isna() | (kind == "date"))
    _refuse(column, bad.to_numpy(bool), number_format.expected())
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


def first_of(column: pd.Series, chosen: Shaped[np.ndarray, "row"]) -> str:
    """The first chosen cell in words, and its row by the label in the table's index, which counts from 0 for a file.

    >>> first_of(pd.Series(["x", "y"]), np.array([False, True]))
    "'y' in row 1 (counted from 0, below the header)"
    """
    place = int(np.flatnonzero(chosen)[0])
    cell, label = column.iloc[place], column.index[place]
    row = f"{label} (counted from 0, below the header)" if isinstance(label, Integral) else repr(label)
    return f"{cell!r:.80} in row {row}" if isinstance(cell, str) else f"{cell} in row {row}"


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
        raise InputError(
            f"Expected {expected} in column {column.name!r:.80}, got {first_of(column, bad)}. "
            "Correct the cell or leave it empty."
        )
