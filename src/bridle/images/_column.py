"""The column of a table that names image files."""

from pathlib import Path

import pandas as pd

from bridle._errors import InputError, short_repr
from bridle.images._decode import is_image_name

SAMPLE = 200
"""Files that are looked up to tell image files from other text."""


def find_image_column(table: pd.DataFrame, base: Path, target: str | None = None) -> str | None:
    """Return the column whose cells are names of image files, counted from the folder `base`; None without one.

    Missing cells do not count. Some of the files have to exist: a column of names whose files are elsewhere is text.

    Errors: `InputError` for two such columns.

    >>> find_image_column(pd.DataFrame({"photo": ["a.jpg", "b.jpg"], "label": [0, 1]}), Path("nowhere")) is None
    True
    """
    columns = [str(name) for name in table.columns if name != target and _names_images(table[name])]
    existing = [name for name in columns if any((base / cell).is_file() for cell in _cells(table[name])[:SAMPLE])]
    if len(existing) > 1:
        raise InputError(
            f"Expected one column of image files, got {', '.join(map(short_repr, existing))}. Remove all but one."
        )
    return existing[0] if existing else None


def missing_files_sentence(table: pd.DataFrame, base: Path, target: str | None = None) -> str:
    """Return a sentence on columns that name image files of which none was found, or ""."""
    columns = [str(name) for name in table.columns if name != target and _names_images(table[name])]
    if not columns:
        return ""
    example = _cells(table[columns[0]])[0]
    return (
        f"`{columns[0]}` names image files, such as {short_repr(example)}, of which none was found in {str(base)!r}: "
        "it is read as text. Paths count from the folder of the table."
    )


def _names_images(column: pd.Series) -> bool:
    cells = _cells(column)
    return bool(cells) and all(map(is_image_name, cells))


def _cells(column: pd.Series) -> list[str]:
    """Return the cells of a text column that are not missing; none for any other column."""
    if column.dtype != object and not pd.api.types.is_string_dtype(column):
        return []
    cells = column.dropna()
    return [str(cell) for cell in cells] if all(isinstance(cell, str) for cell in cells) else []
