"""Columns of a table: the kind, numbers and labels of their cells."""

from numbers import Integral, Real
from typing import Any, cast

import numpy as np
import pandas as pd
from jaxtyping import Float, Shaped

from bridle._errors import InputError, KindError, nearest_names
from bridle.tables._number_format import PLAIN, NumberFormat


def find_column(table: pd.DataFrame, name: str) -> pd.Series:
    """Return the one column of that name.

    Errors: `KindError` for anything but a DataFrame; `InputError` for no such column, near names listed, or several.
    """
    if not isinstance(table, pd.DataFrame):
        raise KindError(f"Expected a pandas DataFrame, got {type(table).__name__}. Try pandas.DataFrame(…, columns=…).")
    if name not in table.columns:
        names = map(str, table.columns)
        raise InputError(
            f"Expected the column {name!r:.80} in the table, got none of that name. {nearest_names(name, names)}"
        )
    column = table[name]
    if column.ndim > 1:
        raise InputError(
            f"Expected one column {name!r:.80} in the table, got {column.shape[1]} of that name. Rename them."
        )
    return column


def kind_of(column: pd.Series) -> str:
    """Return the kind of a column: `number`, `text`, `bool` or `date`.

    >>> kind_of(pd.Series([1, None])), kind_of(pd.Series([True, False])), kind_of(pd.Series(["a", "1"]))
    ('number', 'bool', 'text')
    """
    inferred = pd.api.types.infer_dtype(_plain(column), skipna=True)
    if inferred in ("integer", "floating", "mixed-integer-float", "decimal"):
        return "number"
    if inferred in ("datetime64", "datetime", "date", "timedelta64", "timedelta", "time", "period"):
        return "date"
    return "bool" if inferred == "boolean" else "text"


def numbers_of(column: pd.Series, number_format: NumberFormat = PLAIN) -> Float[np.ndarray, "row"]:
    """Return a column as float64, missing cells NaN; numbers in text are parsed in the format given.

    Errors: `InputError` that names the column, the row and the cell, for text, dates, and numbers beyond ±1e100.
    """
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "fiu":
        values = column.to_numpy(np.float64)
        _refuse(column, np.abs(values) > 1e100, "finite numbers within ±1e100")
        return values
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
    """Return a column as text labels, `missing` for missing cells. Integers read the same from any type: 1.0 is `'1'`.

    >>> labels_of(pd.Series([1.0, None]), missing="?").tolist()
    ['1', '?']
    """
    plain = _plain(column)
    if plain.dtype == object:
        plain = plain.map(_label, na_action="ignore").astype(object)
    codes, distinct = pd.factorize(plain)
    return np.array([*map(_label, distinct), missing], dtype=object)[codes]


def first_of(column: pd.Series, mask: Shaped[np.ndarray, "row"]) -> str:
    """Describe the first cell under the mask, with its row label, which counts from 0 for a file.

    >>> first_of(pd.Series(["x", "y"]), np.array([False, True]))
    "'y' in row 1 (counted from 0, below the header)"
    """
    position = int(np.flatnonzero(mask)[0])
    cell, label = column.iloc[position], column.index[position]
    row = f"{label} (counted from 0, below the header)" if isinstance(label, Integral) else repr(label)
    return f"{cell!r:.80} in row {row}" if isinstance(cell, str) else f"{cell} in row {row}"


def _plain(column: pd.Series) -> pd.Series:
    """Return a category column as its plain values."""
    return column.astype(object).infer_objects() if isinstance(column.dtype, pd.CategoricalDtype) else column


def _label(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, Real) and float(value).is_integer():
        return str(int(cast(Any, value)))
    return repr(float(value)) if isinstance(value, Real) else str(value).strip()


def _refuse(column: pd.Series, bad: Shaped[np.ndarray, "row"], expected: str) -> None:
    if bad.any():
        raise InputError(
            f"Expected {expected} in column {column.name!r:.80}, got {first_of(column, bad)}. "
            "Correct the cell or leave it empty."
        )
