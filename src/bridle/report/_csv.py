"""Cells of a CSV file that a spreadsheet would take for formulas, made harmless."""

import re

import pandas as pd

FORMULA = re.compile("[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""What a spreadsheet takes for the beginning of a formula, also in its wide forms."""


def safe_cells(frame: pd.DataFrame) -> pd.DataFrame:
    r"""The same table with an apostrophe before each text that a spreadsheet would run as a formula.

    Texts that begin with = + - @, a tab or a line break get one, in cells and in the names of columns; numbers stay
    numbers, and missing cells missing. The index is left as it is.

    >>> safe_cells(pd.DataFrame({"label": ["=1+1", "rose"], "share": [-0.5, 1.0]})).to_csv(index=False)
    "label,share\n'=1+1,-0.5\nrose,1.0\n"
    """
    made = frame.copy()
    for place, kind in enumerate(frame.dtypes):
        if not pd.api.types.is_numeric_dtype(kind):
            made.isetitem(place, frame.iloc[:, place].astype(object).map(_safe))
    made.columns = [_safe(name) for name in frame.columns]
    return made


def _safe(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and FORMULA.match(cell) else cell
